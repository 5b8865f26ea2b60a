package main

import (
	"encoding/json"

	unisono "example.com/unisono"
	"example.com/unisono/core"
)

// inlineClient plays the core alone: the runner is the socket and the clock.
type inlineClient struct {
	player   *player
	session  *core.Session
	clock    *clock
	handlers unisono.Handlers
	settled  map[uint32]func(core.Outcome)
}

func openInline(p *player, url string, options unisono.Options, c *clock) (*inlineClient, error) {
	if _, err := core.SocketAddress(url); err != nil {
		return nil, err
	}
	client := &inlineClient{
		player: p, clock: c, handlers: options.Handlers, settled: map[uint32]func(core.Outcome){},
		session: core.NewSession(unisono.NewUUID(), options.Options),
	}
	client.run(client.session.Start)
	return client, nil
}

// run hands an input to the core and tells what comes of it.
func (c *inlineClient) run(input func(core.Moment)) {
	input(c.clock.moment())
	for _, effect := range c.session.TakeEffects() {
		switch effect := effect.(type) {
		case core.Open:
			c.player.event("wire", object{"do": "open"})
		case core.Send:
			c.player.event("wire", object{"do": "send", "text": effect.Text})
		case core.CloseSocket:
			c.player.event("wire", object{"do": "close", "code": 1000})
		case core.FetchToken:
			c.player.event("token_wanted", object{"number": effect.Number, "force": effect.Force})
		case core.Settle:
			c.settled[effect.Call](effect.Outcome)
			delete(c.settled, effect.Call)
		default:
			c.handlers.Tell(effect)
		}
	}
}

// wire brings what the runner's socket does.
func (c *inlineClient) wire(r request) error {
	switch r.Do {
	case "opened":
		c.run(c.session.Opened)
	case "received":
		c.run(func(m core.Moment) { c.session.Received([]byte(r.Text), m) })
	case "lost":
		c.run(func(m core.Moment) { c.session.Lost(r.Code, r.Reason, m) })
	default:
		return errUnsupported
	}
	return nil
}

func (c *inlineClient) fetched(r request) {
	token := ""
	if r.Token != nil && !r.Reject {
		token = *r.Token
	}
	c.run(func(m core.Moment) { c.session.Fetched(r.Number, token, m) })
}

// The face of the client, over the core alone.

func (c *inlineClient) Subscribe(name, path string, args map[string]any) (err error) {
	c.run(func(m core.Moment) { err = c.session.Subscribe(name, path, args, m) })
	return err
}

func (c *inlineClient) Unsubscribe(name string) {
	c.run(func(m core.Moment) { c.session.Unsubscribe(name, m) })
}

func (c *inlineClient) Mutate(path string, args map[string]any, settled func(core.Outcome)) error {
	return c.call(false, path, args, settled)
}

func (c *inlineClient) Action(path string, args map[string]any, settled func(core.Outcome)) error {
	return c.call(true, path, args, settled)
}

func (c *inlineClient) call(action bool, path string, args map[string]any, settled func(core.Outcome)) (err error) {
	c.run(func(m core.Moment) {
		var id uint32
		if id, err = c.session.Call(action, path, args, m); err == nil {
			c.settled[id] = settled
		}
	})
	return err
}

func (c *inlineClient) SetFetcher(unisono.Fetcher) { c.run(c.session.SetFetcher) }

func (c *inlineClient) SetToken(token string) {
	c.run(func(m core.Moment) { c.session.SetToken(token, m) })
}

func (c *inlineClient) SetAdmin(key string, actingAs json.RawMessage) {
	c.run(func(m core.Moment) { c.session.SetAdmin(key, actingAs, m) })
}

func (c *inlineClient) ClearAuth()                     { c.run(c.session.ClearAuth) }
func (c *inlineClient) Snapshot() map[string]core.View { return c.session.Snapshot() }
func (c *inlineClient) Status() core.Status            { return c.session.Status() }
func (c *inlineClient) Pause()                         { c.session.Pause() }
func (c *inlineClient) Resume()                        { c.run(c.session.Resume) }
func (c *inlineClient) ReconnectNow()                  { c.run(c.session.ReconnectNow) }
func (c *inlineClient) Close()                         { c.run(func(core.Moment) { c.session.Close() }) }
