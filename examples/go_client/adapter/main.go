// Command adapter puts the client behind the line protocol of the conformance suite: over real
// sockets at level L1, or, with --core, the core alone on the runner's wire and clock.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	unisono "example.com/unisono"
	"example.com/unisono/core"
)

type object = map[string]any

// request is the union of the fields of all operations.
type request struct {
	Seq      int             `json:"seq"`
	Op       string          `json:"op"`
	Client   string          `json:"client"`
	URL      string          `json:"url"`
	Options  map[string]any  `json:"options"`
	Sub      string          `json:"sub"`
	Call     string          `json:"call"`
	Path     string          `json:"path"`
	Args     any             `json:"args"`
	Paging   any             `json:"pagination"`
	Changes  any             `json:"optimistic"`
	Mode     string          `json:"mode"`
	Token    *string         `json:"token"`
	ActingAs json.RawMessage `json:"acting_as"`
	Number   int             `json:"number"`
	Reject   bool            `json:"reject"`
	Do       string          `json:"do"`
	Text     string          `json:"text"`
	Code     int             `json:"code"`
	Reason   string          `json:"reason"`
	MS       float64         `json:"ms"`
	Jitter   *float64        `json:"jitter"`
}

// syncClient is the face of the client, of which there are two.
type syncClient interface {
	Subscribe(name, path string, args map[string]any) error
	Unsubscribe(name string)
	Mutate(path string, args map[string]any, settled func(core.Outcome)) error
	Action(path string, args map[string]any, settled func(core.Outcome)) error
	SetFetcher(unisono.Fetcher)
	SetToken(token string)
	SetAdmin(key string, actingAs json.RawMessage)
	ClearAuth()
	Snapshot() map[string]core.View
	Status() core.Status
	Pause()
	Resume()
	ReconnectNow()
	Close()
}

var errUnsupported = errors.New("not built")

var outputLock sync.Mutex

func emit(line object) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	outputLock.Lock()
	defer outputLock.Unlock()
	_, _ = os.Stdout.Write(append(text, '\n'))
}

// player is one client object of the runner's.
type player struct {
	name   string
	client syncClient

	mutex   sync.Mutex
	closed  bool
	fetches int
	answers map[int]chan request
}

func (p *player) event(kind string, fields object) {
	p.mutex.Lock()
	silent := p.closed && kind != "settled"
	p.mutex.Unlock()
	if !silent {
		fields["ev"], fields["client"] = kind, p.name
		emit(fields)
	}
}

func open(r request, inline *clock) (*player, error) {
	p := &player{name: r.Client, answers: map[int]chan request{}}
	options := unisono.Options{Handlers: unisono.Handlers{
		Updated: func(views map[string]core.View) { p.event("update", object{"changes": changes(views)}) },
		Auth:    func(yes bool) { p.event("auth", object{"authenticated": yes}) },
		State:   func(state core.ConnState) { p.event("conn", object{"state": state}) },
		Log:     func(line string) { p.event("log", object{"line": line}) },
		Failed:  func(err error) { p.event("error", object{"kind": "fatal", "message": err.Error()}) },
	}}
	for name, value := range r.Options {
		switch name {
		case "inactivity_ms":
			options.Inactivity = time.Duration(value.(float64) * float64(time.Millisecond))
		case "expect_auth":
			options.ExpectAuth = value.(bool)
		default:
			return nil, fmt.Errorf("%w: option %s", errUnsupported, name)
		}
	}
	var err error
	if inline != nil {
		p.client, err = openInline(p, r.URL, options, inline)
	} else {
		p.client, err = unisono.Open(r.URL, options)
	}
	return p, err
}

func changes(views map[string]core.View) (list []object) {
	for name, view := range views {
		change := show(view)
		change["sub"] = name
		list = append(list, change)
	}
	return list
}

func show(view core.View) object {
	switch {
	case view.Loading:
		return object{"loading": true}
	case view.Failure != nil:
		return object{"error": failure(view.Failure)}
	}
	return object{"value": encoded(view.Value)}
}

func failure(err *core.FunctionError) object {
	shown := object{"message": err.Message}
	if err.HasData {
		shown["data"] = encoded(err.Data)
	}
	return shown
}

func encoded(value core.Value) json.RawMessage {
	text, err := core.EncodeValue(value)
	if err != nil {
		panic(err) // it came from the wire
	}
	return text
}

func (p *player) settle(call string, outcome core.Outcome) {
	if outcome.Err == nil {
		p.event("settled", object{"call": call, "value": encoded(outcome.Value)})
		return
	}
	p.event("settled", object{"call": call, "error": settledError(outcome.Err)})
}

func settledError(err error) object {
	var thrown *core.FunctionError
	shown := object{"kind": "closed", "message": err.Error()}
	switch {
	case errors.As(err, &thrown):
		shown = failure(thrown)
		shown["kind"] = "function"
		if thrown.HasData {
			shown["kind"] = "application"
		}
	case errors.Is(err, core.ErrLost):
		shown["kind"] = "lost"
	}
	return shown
}

func (p *player) call(r request, args map[string]any) error {
	settled := func(outcome core.Outcome) { p.settle(r.Call, outcome) }
	start := p.client.Mutate
	if r.Op == "action" {
		start = p.client.Action
	}
	err := start(r.Path, args, settled)
	var fatal *core.FatalError
	if errors.Is(err, core.ErrClosed) || errors.As(err, &fatal) {
		settled(core.Outcome{Err: err})
		return nil
	}
	return err
}

// fetch asks the runner, and waits.
func (p *player) fetch(ctx context.Context, force bool) (string, error) {
	answer := make(chan request, 1)
	p.mutex.Lock()
	p.fetches++
	number := p.fetches
	p.answers[number] = answer
	p.mutex.Unlock()
	p.event("token_wanted", object{"number": number, "force": force})
	select {
	case r := <-answer:
		if r.Reject {
			return "", errors.New("the runner says so")
		}
		if r.Token == nil {
			return "", nil
		}
		return *r.Token, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (p *player) setAuth(r request) error {
	token := ""
	if r.Token != nil {
		token = *r.Token
	}
	switch r.Mode {
	case "static":
		p.client.SetToken(token)
	case "fetcher":
		p.client.SetFetcher(p.fetch)
	case "admin":
		p.client.SetAdmin(token, r.ActingAs)
	case "none":
		p.client.ClearAuth()
	default:
		return errUnsupported
	}
	return nil
}

func (p *player) play(r request) (object, error) {
	switch r.Op {
	case "subscribe", "mutate", "action":
		if r.Paging != nil || r.Changes != nil {
			return nil, errUnsupported
		}
		args, right := hostValue(r.Args).(map[string]any)
		if !right {
			return nil, errors.New("args are no object")
		}
		if r.Op == "subscribe" {
			return nil, p.client.Subscribe(r.Sub, r.Path, args)
		}
		return nil, p.call(r, args)
	case "unsubscribe":
		p.client.Unsubscribe(r.Sub)
	case "snapshot":
		views := object{}
		for name, view := range p.client.Snapshot() {
			views[name] = show(view)
		}
		return object{"views": views}, nil
	case "set_auth":
		return nil, p.setAuth(r)
	case "wire":
		inline, right := p.client.(*inlineClient)
		if !right {
			return nil, errUnsupported
		}
		return nil, inline.wire(r)
	case "token":
		if inline, right := p.client.(*inlineClient); right {
			inline.fetched(r)
			return nil, nil
		}
		p.mutex.Lock()
		answer := p.answers[r.Number]
		delete(p.answers, r.Number)
		p.mutex.Unlock()
		if answer != nil {
			answer <- r
		}
	case "state":
		s := p.client.Status()
		return object{"state": s.State, "connected": s.Connected, "ever_connected": s.EverConnected,
			"connections": s.Connections, "retries": s.Retries, "inflight": s.InFlight}, nil
	case "pause":
		p.client.Pause()
	case "resume":
		p.client.Resume()
	case "reconnect_now":
		p.client.ReconnectNow()
	case "close":
		p.client.Close()
		p.mutex.Lock()
		p.closed = true
		p.mutex.Unlock()
	default:
		return nil, errUnsupported
	}
	return nil, nil
}

func hello(inline *clock) object {
	features := []string{"mutations", "actions", "auth", "snapshot", "state", "log", "pause"}
	if inline != nil {
		features = append(features, "clock.virtual", "wire.inline")
	}
	return object{"name": "unisono-go", "version": "1.0.0", "language": "go", "levels": "L1", "features": features}
}

func answer(r request, fields object, err error) {
	line := object{"re": r.Seq, "ok": err == nil}
	switch {
	case errors.Is(err, errUnsupported):
		line["unsupported"], line["reason"] = true, err.Error()
	case err != nil:
		line["error"] = err.Error()
	}
	for name, value := range fields {
		line[name] = value
	}
	emit(line)
}

func main() {
	var inline *clock
	if len(os.Args) > 1 && os.Args[1] == "--core" {
		inline = newClock()
	}
	players := map[string]*player{}
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			return
		}
		var r request
		if err := json.Unmarshal(keepSurrogates(line), &r); err != nil {
			fmt.Fprintln(os.Stderr, "cannot read a line:", err)
			continue
		}
		if inline != nil {
			inline.chance(r.Jitter)
		}
		fields, err := operate(r, players, inline)
		answer(r, fields, err)
		if r.Op == "bye" {
			return
		}
	}
}

// operate plays one operation.
func operate(r request, players map[string]*player, inline *clock) (object, error) {
	switch p := players[r.Client]; {
	case r.Op == "hello":
		return hello(inline), nil
	case r.Op == "bye":
		for _, p := range players {
			p.client.Close()
		}
	case r.Op == "open":
		p, err := open(r, inline)
		if err != nil {
			return nil, err
		}
		players[r.Client] = p
	case r.Op == "advance" && inline != nil:
		inline.advance(time.Duration(r.MS*float64(time.Millisecond)), players)
	case p == nil:
		return nil, errUnsupported
	default:
		return p.play(r)
	}
	return nil, nil
}
