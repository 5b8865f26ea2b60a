package unisono

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/coder/websocket"
)

// clientHeader says who is calling ([connection.identification]).
const clientHeader = "unisono-go-1.0.0"

// socket is one attempt to connect, and the connection if it succeeds. It reports to its client,
// which asks it whether it is still the current one.
type socket struct {
	cancel context.CancelFunc
	mutex  sync.Mutex
	queue  []string
	wake   chan struct{}
}

func openSocket(c *Client, address string) *socket {
	ctx, cancel := context.WithCancel(context.Background())
	s := &socket{cancel: cancel, wake: make(chan struct{}, 1)}
	go s.run(ctx, c, address)
	return s
}

func (s *socket) run(ctx context.Context, c *Client, address string) {
	defer s.cancel()
	options := &websocket.DialOptions{HTTPHeader: http.Header{"Convex-Client": {clientHeader}}}
	conn, _, err := websocket.Dial(ctx, address, options)
	if err != nil {
		c.socketLost(s, 0, "")
		return
	}
	// [limits.client-receive] The default of the package is 32 KiB.
	conn.SetReadLimit(-1)
	c.socketOpened(s)
	go s.write(ctx, c, conn)
	go func() {
		<-ctx.Done()
		_ = conn.Close(websocket.StatusNormalClosure, "")
	}()
	s.read(c, conn)
}

// read does not stop with the context: a cancelled read would end the line without a close frame.
func (s *socket) read(c *Client, conn *websocket.Conn) {
	for {
		kind, text, err := conn.Read(context.Background())
		if err != nil {
			code, reason := 1006, ""
			var closed websocket.CloseError
			if errors.As(err, &closed) {
				code, reason = int(closed.Code), closed.Reason
			}
			c.socketLost(s, code, reason)
			return
		}
		// [messages.text-frames] A binary message is no JSON to us either.
		if kind != websocket.MessageText {
			text = nil
		}
		c.socketReceived(s, text)
	}
}

func (s *socket) send(text string) {
	s.mutex.Lock()
	s.queue = append(s.queue, text)
	s.mutex.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *socket) write(ctx context.Context, c *Client, conn *websocket.Conn) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
		s.mutex.Lock()
		queue := s.queue
		s.queue = nil
		s.mutex.Unlock()
		for _, text := range queue {
			if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
				c.socketSendFailed(s)
				return
			}
		}
	}
}

func (s *socket) close() { s.cancel() }
