// Where the parts of a client meet.
//
// Spec: session

package core

import (
	"encoding/json"
	"fmt"
	"time"
)

// Options of a session; the zero value means the defaults of the specification.
type Options struct {
	Inactivity    time.Duration // 60 s
	FetchDeadline time.Duration // 30 s
	Leeway        time.Duration // 10 s
	ExpectAuth    bool          // send nothing before an identity was set
}

// Session is one client for its whole life. It is not safe for concurrent use.
type Session struct {
	id      string
	conn    connection
	queries querySet
	results results
	calls   calls
	auth    auth
	paused  bool
	opened  bool // the opening has been sent on this connection
	proof   *proof
	end     error
	effects []Effect
}

// proof is what a new connection has to do before things are well ([connection.backoff-reset]).
type proof struct {
	queries  []uint32
	calls    []uint32
	identity uint32
}

// NewSession makes a session; its id is a UUID that no other session has had ([session.id-fresh]).
func NewSession(id string, options Options) *Session {
	inactivity, deadline, leeway := 60*time.Second, 30*time.Second, 10*time.Second
	if options.Inactivity > 0 {
		inactivity = options.Inactivity
	}
	if options.FetchDeadline > 0 {
		deadline = options.FetchDeadline
	}
	if options.Leeway > 0 {
		leeway = options.Leeway
	}
	s := &Session{id: id, conn: newConnection(inactivity), queries: newQuerySet()}
	s.results.visible = map[uint32]Result{}
	s.auth = auth{state: authNobody, fetchDeadline: deadline, leeway: leeway}
	if options.ExpectAuth {
		s.auth.state = authExpecting
	}
	return s
}

// [auth.token-secret] A session holds tokens, and what it sends may hold them.
func (s *Session) String() string { return "session " + s.id }

// GoString is for %#v.
func (s *Session) GoString() string { return s.String() }

// TakeEffects hands out what is to be done, in order.
func (s *Session) TakeEffects() []Effect {
	effects := s.effects
	s.effects = nil
	return effects
}

func (s *Session) emit(effects ...Effect) { s.effects = append(s.effects, effects...) }

// NextDeadline is when Tick wants to be called; zero for never.
func (s *Session) NextDeadline() (next time.Time) {
	for _, at := range []time.Time{s.conn.deadline, s.auth.fetchDue, s.auth.refreshDue} {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// What the user asks for.

// Start begins to connect.
func (s *Session) Start(m Moment) {
	s.stepConnection(connStart)
	s.openSocket(m.Now)
}

// Subscribe wants to be kept told of a query, under a name of the caller's.
func (s *Session) Subscribe(name, path string, args map[string]any, m Moment) error {
	if s.end != nil {
		return s.end
	}
	if _, taken := s.queries.byName[name]; taken {
		return fmt.Errorf("there is a subscription %q already", name)
	}
	canonical, text, err := checkCall(path, args)
	if err != nil {
		return err
	}
	entry := s.queries.subscribe(name, canonical, text)
	// [queries.known-value]
	if result := s.results.find(entry.id); result != nil {
		s.emit(Publish{map[string]View{name: {Result: *result}}})
	}
	s.flush(m)
	return nil
}

// checkCall refuses what must not reach the wire ([errors.local-at-call]).
func checkCall(path string, args map[string]any) (canonical string, text json.RawMessage, err error) {
	if canonical, err = CanonicalPath(path); err != nil {
		return "", nil, err
	}
	text, err = EncodeValue(args)
	return canonical, text, err
}

// Unsubscribe ends a subscription.
func (s *Session) Unsubscribe(name string, m Moment) {
	// [session.stop-then-silence]
	if gone := s.queries.unsubscribe(name); gone != nil {
		delete(s.results.visible, gone.id)
	}
	s.checkProof()
	s.flush(m)
}

// Call starts a mutation or an action.
func (s *Session) Call(action bool, path string, args map[string]any, m Moment) (uint32, error) {
	if s.end != nil {
		return 0, s.end
	}
	_, text, err := checkCall(path, args)
	if err != nil {
		return 0, err
	}
	added := s.calls.add(action, path, text)
	s.flush(m)
	return added.id, nil
}

// SetFetcher says that tokens come from a function of the application.
func (s *Session) SetFetcher(m Moment) {
	s.stepAuth(m, func() []Effect { return s.auth.setFetcher(m.Now) })
}

// SetToken gives one token.
func (s *Session) SetToken(token string, m Moment) {
	s.stepAuth(m, func() []Effect { return s.auth.set(onSetToken, identity{kind: "User", token: token}, m.Now) })
}

// SetAdmin gives an admin key, and perhaps the user to act as.
func (s *Session) SetAdmin(key string, actingAs json.RawMessage, m Moment) {
	s.stepAuth(m, func() []Effect { return s.auth.set(onSetAdmin, identity{"Admin", key, actingAs}, m.Now) })
}

// ClearAuth goes on as nobody.
func (s *Session) ClearAuth(m Moment) {
	s.stepAuth(m, func() []Effect { return s.auth.set(onClear, identity{}, m.Now) })
}

// Fetched brings what a FetchToken has returned; an empty token is none.
func (s *Session) Fetched(number int, token string, m Moment) {
	s.stepAuth(m, func() []Effect { return s.auth.fetched(number, token, m.Now) })
}

// stepAuth runs the auth machine, and what it means for the connection.
func (s *Session) stepAuth(m Moment, step func() []Effect) {
	if s.end != nil {
		return
	}
	before := s.auth.state
	s.emit(step()...)
	if after := s.auth.state; before != after {
		if after == authReplacing && s.conn.state == ConnLive {
			s.hold()
		}
		if before == authReplacing && s.conn.state == ConnHeld {
			s.release(m.Now)
		}
	}
	s.flush(m)
}

// Pause holds back all messages until Resume.
func (s *Session) Pause() { s.paused = true }

// Resume lets messages through again.
func (s *Session) Resume(m Moment) {
	s.paused = false
	s.flush(m)
}

// ReconnectNow does not wait for the delay, or replaces a live connection by a new one.
func (s *Session) ReconnectNow(m Moment) {
	switch s.conn.state {
	case ConnWaiting:
		s.stepConnection(connRetry)
		s.openSocket(m.Now)
	case ConnLive:
		s.hold()
		s.release(m.Now)
	}
}

// Close ends the client.
func (s *Session) Close() { s.finish(ErrClosed) }

// finish closes for good and settles every call ([connection.close-by-user] [session.close-settles]).
func (s *Session) finish(err error) {
	if s.end != nil {
		return
	}
	s.end = err
	if s.conn.state == ConnOpening || s.conn.state == ConnLive {
		s.emit(CloseSocket{})
	}
	s.stepConnection(connClose)
	s.auth.stopFetch()
	// [errors.fatal-rejects-calls]
	s.settleAll(s.calls.end(), err)
}

func (s *Session) settleAll(ended []*call, err error) {
	for _, done := range ended {
		s.emit(Settle{done.id, Outcome{Err: err}})
	}
}

// Snapshot is what each subscriber sees now ([session.one-snapshot]).
func (s *Session) Snapshot() map[string]View {
	views := map[string]View{}
	for name, entry := range s.queries.byName {
		views[name] = s.view(entry)
	}
	return views
}

func (s *Session) view(entry *query) View {
	if result := s.results.find(entry.id); result != nil {
		return View{Result: *result}
	}
	return View{Loading: true}
}

// Status is for the application to show ([session.connected-state] [session.inflight]).
func (s *Session) Status() Status {
	return Status{
		State: s.conn.state, Connected: s.conn.state == ConnLive, EverConnected: s.conn.opened > 0,
		Connections: int(s.conn.opened), Retries: s.conn.failures, InFlight: len(s.calls.pending),
	}
}
