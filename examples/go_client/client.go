// Package unisono is a small client of the Unisono sync protocol: live queries, mutations, actions
// and sign-in over one WebSocket. The protocol itself is in the package core; here are the
// goroutines, the timer and the socket around it.
//
// Spec: session
//
// One goroutine runs everything of a client, and also calls the functions of Handlers and the
// functions given to Mutate and Action, one after another. They see one moment, and must not call
// the client back; to do so they start a goroutine.
package unisono

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"example.com/unisono/core"
)

// Options of a client.
type Options struct {
	core.Options
	Handlers Handlers
}

// Handlers are told what happens; each may be nil.
type Handlers struct {
	Updated func(views map[string]core.View) // all that changed, in one call
	Auth    func(authenticated bool)
	State   func(state core.ConnState)
	Log     func(line string) // a log line of a function
	Failed  func(err error)   // the client has ended for good
}

// Fetcher gives a token, or "" when there is none; with force it must be a new one.
type Fetcher func(ctx context.Context, force bool) (token string, err error)

// Client is safe for concurrent use.
type Client struct {
	address  string
	inbox    chan func()
	done     chan struct{}
	handlers Handlers

	// Only the client's goroutine touches what follows.
	session *core.Session
	socket  *socket
	fetcher Fetcher
	stop    context.CancelFunc // of the fetch that runs
	settled map[uint32]func(core.Outcome)
	ended   bool
}

// Open makes a client of the deployment at this address, which begins to connect.
func Open(deployment string, options Options) (*Client, error) {
	address, err := core.SocketAddress(deployment)
	if err != nil {
		return nil, err
	}
	c := &Client{
		address: address, inbox: make(chan func()), done: make(chan struct{}), handlers: options.Handlers,
		// [session.id-fresh]
		session: core.NewSession(NewUUID(), options.Options),
		settled: map[uint32]func(core.Outcome){},
	}
	go c.run()
	c.do(func() { c.session.Start(moment()) })
	return c, nil
}

// NewUUID makes a UUID of version 4 ([messages.session-id]).
func NewUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func moment() core.Moment { return core.Moment{Now: time.Now(), Jitter: mathrand.Float64()} }

// run is the client's goroutine.
func (c *Client) run() {
	defer close(c.done)
	for !c.ended {
		var due <-chan time.Time
		if next := c.session.NextDeadline(); !next.IsZero() {
			due = time.After(time.Until(next))
		}
		select {
		case task := <-c.inbox:
			task()
		case <-due:
			c.session.Tick(moment())
		}
		c.perform()
	}
}

// do runs a task in the client's goroutine and waits until its effects are done.
func (c *Client) do(task func()) (alive bool) {
	finished := make(chan struct{})
	wrapped := func() {
		defer close(finished)
		task()
		c.perform()
	}
	select {
	case c.inbox <- wrapped:
		<-finished
		return true
	case <-c.done:
		return false
	}
}

func (c *Client) perform() {
	for effects := c.session.TakeEffects(); len(effects) > 0; effects = c.session.TakeEffects() {
		for _, effect := range effects {
			c.performOne(effect)
		}
	}
}

func (c *Client) performOne(effect core.Effect) {
	switch effect := effect.(type) {
	case core.Open:
		c.socket = openSocket(c, c.address)
	case core.Send:
		c.socket.send(effect.Text)
	case core.CloseSocket:
		c.socket.close()
		c.socket = nil
	case core.FetchToken:
		c.fetch(effect)
	case core.Settle:
		settled := c.settled[effect.Call]
		delete(c.settled, effect.Call)
		settled(effect.Outcome)
	default:
		c.handlers.Tell(effect)
	}
}

// Tell hands an effect that is for the application to its handler.
func (h Handlers) Tell(effect core.Effect) {
	switch effect := effect.(type) {
	case core.Publish:
		tell(h.Updated, effect.Views)
	case core.AuthChanged:
		tell(h.Auth, effect.Authenticated)
	case core.StateChanged:
		tell(h.State, effect.State)
	case core.Log:
		tell(h.Log, effect.Line)
	case core.Failed:
		tell(h.Failed, effect.Err)
	}
}

func tell[T any](handler func(T), what T) {
	if handler != nil {
		handler(what)
	}
}

func (c *Client) fetch(wanted core.FetchToken) {
	if c.stop != nil {
		c.stop()
	}
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	fetcher := c.fetcher
	go func() {
		token, err := fetcher(ctx, wanted.Force)
		if err != nil {
			// [auth.fetch-rejects]
			token = ""
		}
		c.do(func() { c.session.Fetched(wanted.Number, token, moment()) })
	}()
}

// What sockets report. One that is not the current one any more is not listened to.

func (c *Client) fromSocket(s *socket, report func(core.Moment)) {
	c.do(func() {
		if c.socket == s {
			report(moment())
		}
	})
}

func (c *Client) socketOpened(s *socket) { c.fromSocket(s, c.session.Opened) }

func (c *Client) socketReceived(s *socket, text []byte) {
	c.fromSocket(s, func(m core.Moment) { c.session.Received(text, m) })
}

func (c *Client) socketLost(s *socket, code int, reason string) {
	c.fromSocket(s, func(m core.Moment) {
		c.socket = nil
		c.session.Lost(code, reason, m)
	})
}

func (c *Client) socketSendFailed(s *socket) { c.fromSocket(s, c.session.SendFailed) }

// Subscribe keeps the application told of a query, under a name that it chooses.
func (c *Client) Subscribe(name, path string, args map[string]any) error {
	err := core.ErrClosed
	c.do(func() { err = c.session.Subscribe(name, path, args, moment()) })
	return err
}

// Unsubscribe ends a subscription.
func (c *Client) Unsubscribe(name string) {
	c.do(func() { c.session.Unsubscribe(name, moment()) })
}

// Mutate calls a mutation; settled hears once how it ended, unless an error is returned here.
func (c *Client) Mutate(path string, args map[string]any, settled func(core.Outcome)) error {
	return c.call(false, path, args, settled)
}

// Action calls an action.
func (c *Client) Action(path string, args map[string]any, settled func(core.Outcome)) error {
	return c.call(true, path, args, settled)
}

func (c *Client) call(action bool, path string, args map[string]any, settled func(core.Outcome)) error {
	err := core.ErrClosed
	c.do(func() {
		var id uint32
		if id, err = c.session.Call(action, path, args, moment()); err == nil {
			c.settled[id] = settled
		}
	})
	return err
}

// SetFetcher says where tokens come from.
func (c *Client) SetFetcher(fetcher Fetcher) {
	c.do(func() {
		c.fetcher = fetcher
		c.session.SetFetcher(moment())
	})
}

// SetToken gives one token that is never refreshed.
func (c *Client) SetToken(token string) { c.do(func() { c.session.SetToken(token, moment()) }) }

// SetAdmin gives an admin key, and perhaps the attributes of a user to act as.
func (c *Client) SetAdmin(key string, actingAs json.RawMessage) {
	c.do(func() { c.session.SetAdmin(key, actingAs, moment()) })
}

// ClearAuth goes on as nobody.
func (c *Client) ClearAuth() { c.do(func() { c.session.ClearAuth(moment()) }) }

// Snapshot is what each subscription shows, read at one moment.
func (c *Client) Snapshot() (views map[string]core.View) {
	c.do(func() { views = c.session.Snapshot() })
	return views
}

// Status is what an application can see of the connection.
func (c *Client) Status() core.Status {
	status := core.Status{State: core.ConnClosed}
	c.do(func() { status = c.session.Status() })
	return status
}

// Pause holds back all messages until Resume.
func (c *Client) Pause() { c.do(c.session.Pause) }

// Resume lets messages through again.
func (c *Client) Resume() { c.do(func() { c.session.Resume(moment()) }) }

// ReconnectNow does not wait for the delay of the next attempt.
func (c *Client) ReconnectNow() { c.do(func() { c.session.ReconnectNow(moment()) }) }

// Close ends the client; calls that are pending settle with core.ErrClosed.
func (c *Client) Close() {
	c.do(func() {
		c.session.Close()
		if c.stop != nil {
			c.stop()
		}
		c.ended = true
	})
}
