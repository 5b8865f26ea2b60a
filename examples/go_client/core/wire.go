// The session's other half: what the socket and the clock bring.
//
// Spec: session, connection, transitions

package core

import (
	"maps"
	"slices"
	"time"
)

// Opened says that the socket is open.
func (s *Session) Opened(m Moment) {
	s.stepConnection(connOpened)
	s.conn.heard(m.Now)
	s.conn.opened++
	s.results.opened()
	s.opened = false
	s.flush(m)
}

// Lost says that the socket, or the attempt to open one, has ended; code 0 when it never opened.
func (s *Session) Lost(code int, reason string, m Moment) {
	if s.conn.state != ConnOpening && s.conn.state != ConnLive {
		return
	}
	why := closeReason(code, reason)
	if s.conn.state == ConnLive {
		s.conn.reason = &why
	}
	s.stepConnection(connLost)
	s.gone()
	s.conn.plan(m, why)
}

// SendFailed says that a message could not be written.
func (s *Session) SendFailed(m Moment) {
	if s.conn.state == ConnLive {
		s.giveUp(reasonSendFailed, m)
	}
}

// Tick says that NextDeadline has come.
func (s *Session) Tick(m Moment) {
	if !s.conn.deadline.IsZero() && !m.Now.Before(s.conn.deadline) {
		if s.conn.state == ConnWaiting {
			s.stepConnection(connRetry)
			s.openSocket(m.Now)
		} else {
			s.giveUp(reasonInactive, m)
		}
	}
	s.stepAuth(m, func() []Effect { return s.auth.due(m.Now) })
}

// Received brings one text message of the server.
func (s *Session) Received(text []byte, m Moment) {
	if s.conn.state != ConnLive {
		return
	}
	s.conn.heard(m.Now)
	message, err := readMessage(text)
	if err == nil {
		err = s.handle(message, m)
	}
	if err != nil {
		// [transitions.failed-heals] The new connection brings every result anew.
		s.giveUp(reasonProtocol, m)
		return
	}
	s.checkProof()
}

func (s *Session) handle(message any, m Moment) error {
	switch message := message.(type) {
	case fatalError:
		// [errors.fatal-final] Also inside a chunk set: nothing that came before it matters any more.
		err := &FatalError{message.message}
		s.finish(err)
		s.emit(Failed{err})
		return nil
	case ping:
		// [connection.no-reply-to-ping]
		return nil
	case transitionChunk:
		return s.handleChunk(message, m)
	}
	// [transitions.chunk-lost]
	if len(s.results.pieces) > 0 {
		return &ProtocolError{"transitions.chunk-lost", "a message came inside an incomplete chunk set"}
	}
	switch message := message.(type) {
	case transition:
		return s.handleTransition(message, m)
	case response:
		s.handleResponse(message)
	case authError:
		s.stepAuth(m, func() []Effect { return s.auth.refused(message, m.Now) })
	}
	return nil
}

func (s *Session) handleChunk(piece transitionChunk, m Moment) error {
	text, complete, err := s.results.join(piece)
	if err != nil || !complete {
		return err
	}
	message, err := readMessage([]byte(text))
	if err != nil {
		return err
	}
	step, right := message.(transition)
	if !right {
		// [transitions.chunk-identity]
		return &ProtocolError{"transitions.chunk-identity", "a chunk set is not a Transition"}
	}
	return s.handleTransition(step, m)
}

// handleTransition works in the order of the chapter: check, replace, auth, calls, publish, settle.
func (s *Session) handleTransition(step transition, m Moment) error {
	if err := s.results.fits(step); err != nil {
		return err
	}
	for _, change := range step.modifications {
		s.keepAnswer(change)
	}
	ready, covered := s.results.advance(step)
	s.stepAuth(m, func() []Effect { return s.auth.moved(step.end.Identity, m.Now, step.clockSkewMs) })
	if !covered {
		return nil
	}
	done := s.calls.covered(step.end.TS)
	s.publish(s.results.show(ready, func(id uint32) bool { return s.queries.byID[id] != nil }))
	// [session.publish-then-settle]
	for _, call := range done {
		s.emit(Settle{call.id, Outcome{Value: call.value}})
	}
	return nil
}

func (s *Session) keepAnswer(change modification) {
	s.log(change.logs)
	if entry := s.queries.byID[change.queryID]; entry != nil {
		entry.answered = !change.removed
		if !change.removed {
			// [messages.journal-opaque] [queries.journal-echo]
			entry.journal = change.journal
		}
	}
}

// publish tells all subscribers of what changed in one batch ([transitions.atomic]).
func (s *Session) publish(changed map[uint32]bool) {
	views := map[string]View{}
	for id := range changed {
		entry := s.queries.byID[id]
		for _, name := range entry.subscribers {
			views[name] = s.view(entry)
		}
	}
	if len(views) > 0 {
		s.emit(Publish{views})
	}
}

func (s *Session) handleResponse(answer response) {
	news, done := s.calls.answered(answer)
	if !news {
		return
	}
	s.log(answer.logs)
	if answer.failure != nil {
		s.emit(Settle{answer.requestID, Outcome{Err: answer.failure}})
		return
	}
	if done {
		s.emit(Settle{answer.requestID, Outcome{Value: answer.value}})
		return
	}
	// [mutations.ts-raises-observed]
	s.results.observe(answer.ts)
}

func (s *Session) log(lines []string) {
	// [transitions.log-lines]
	for _, line := range lines {
		s.emit(Log{line})
	}
}

func (s *Session) stepConnection(event connEvent) {
	s.conn.step(event)
	s.emit(StateChanged{s.conn.state})
}

func (s *Session) openSocket(now time.Time) {
	s.conn.heard(now)
	s.emit(Open{})
}

// giveUp is our own decision to end a connection.
func (s *Session) giveUp(reason string, m Moment) {
	s.conn.reason = &reason
	s.emit(CloseSocket{})
	s.stepConnection(connGiveUp)
	s.gone()
	s.conn.plan(m, reason)
}

// hold closes the socket without planning an attempt; the restart is our own wish.
func (s *Session) hold() {
	s.conn.reason = nil
	s.emit(CloseSocket{})
	s.stepConnection(connHold)
	s.gone()
}

func (s *Session) release(now time.Time) {
	// [auth.no-backoff]
	s.stepConnection(connRelease)
	s.openSocket(now)
}

// gone forgets what belonged to the connection, and nothing that was shown.
func (s *Session) gone() {
	s.queries.lost()
	s.results.opened()
	s.auth.lost()
	s.proof, s.opened = nil, false
	s.settleAll(s.calls.lost(), ErrLost)
}

// flush sends what may be sent: the opening, or what has changed since the last flush.
func (s *Session) flush(m Moment) {
	if s.conn.state != ConnLive || s.paused || s.auth.holds() {
		return
	}
	opening := !s.opened
	// [connection.opening-order] [session.resume-order]
	if opening {
		s.opened = true
		s.send(s.connectMessage(m.Now))
	}
	// [auth.authenticate-first]
	if message := s.auth.flush(); message != nil {
		s.send(message)
	}
	if message := s.queries.flush(opening); message != nil {
		s.send(message)
	}
	for _, message := range s.calls.flush(opening) {
		s.send(message)
	}
	if opening {
		s.proof = &proof{slices.Collect(maps.Keys(s.queries.byID)), nil, s.auth.sent}
		for _, pending := range s.calls.pending {
			s.proof.calls = append(s.proof.calls, pending.id)
		}
	}
}

func (s *Session) send(message any) { s.emit(Send{writeMessage(message)}) }

func (s *Session) connectMessage(now time.Time) connectMessage {
	// [session.id-kept] [connection.connection-count] [connection.client-ts]
	message := connectMessage{
		Type: "Connect", SessionID: s.id, ConnectionCount: s.conn.opened - 1,
		LastCloseReason: s.conn.reason, ClientTS: now.UnixMilli(),
	}
	if s.results.observed > 0 {
		message.MaxObserved = EncodeTimestamp(s.results.observed)
	}
	return message
}

// checkProof forgives earlier failures once the connection has shown that all is well.
func (s *Session) checkProof() {
	if s.proof == nil || s.results.version.QuerySet < openingSet || s.auth.confirmed < s.proof.identity {
		return
	}
	for _, id := range s.proof.queries {
		if entry := s.queries.byID[id]; entry != nil && !entry.answered {
			return
		}
	}
	for _, id := range s.proof.calls {
		if s.calls.find(id) != nil {
			return
		}
	}
	// [connection.backoff-reset]
	s.conn.failures, s.proof = 0, nil
}
