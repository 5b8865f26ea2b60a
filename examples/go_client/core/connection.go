// One connection after the other: opening, signs of life, coming back.
//
// Spec: connection

package core

import (
	"fmt"
	"time"
)

// ConnState is where the connection stands.
type ConnState string

// The states of the chapter's table.
const (
	ConnNew     ConnState = "new"
	ConnOpening ConnState = "opening"
	ConnLive    ConnState = "live"
	ConnWaiting ConnState = "waiting"
	ConnHeld    ConnState = "held"
	ConnClosed  ConnState = "closed"
)

type connEvent string

const (
	connStart   connEvent = "start"
	connOpened  connEvent = "opened"
	connLost    connEvent = "lost"
	connGiveUp  connEvent = "give up"
	connRetry   connEvent = "retry"
	connHold    connEvent = "hold"
	connRelease connEvent = "release"
	connClose   connEvent = "close"
)

// A cell that is missing is impossible.
var connTable = map[ConnState]map[connEvent]ConnState{
	ConnNew:     {connStart: ConnOpening, connClose: ConnClosed},
	ConnOpening: {connOpened: ConnLive, connLost: ConnWaiting, connGiveUp: ConnWaiting, connClose: ConnClosed},
	ConnLive:    {connLost: ConnWaiting, connGiveUp: ConnWaiting, connHold: ConnHeld, connClose: ConnClosed},
	ConnWaiting: {connRetry: ConnOpening, connClose: ConnClosed},
	ConnHeld:    {connRelease: ConnOpening, connClose: ConnClosed},
	ConnClosed:  {connClose: ConnClosed},
}

// The reasons that a client gives itself ([connection.last-close-reason]).
const (
	reasonInitial    = "InitialConnect"
	reasonInactive   = "InactiveServer"
	reasonSendFailed = "FailedToSendMessage"
	reasonProtocol   = "ProtocolError"
)

type connection struct {
	state      ConnState
	inactivity time.Duration
	deadline   time.Time // of the inactivity while opening or live, of the delay while waiting
	opened     uint32    // sockets opened so far
	failures   int
	reason     *string // lastCloseReason
}

func newConnection(inactivity time.Duration) connection {
	reason := reasonInitial
	return connection{state: ConnNew, inactivity: inactivity, reason: &reason}
}

func (c *connection) step(event connEvent) {
	next, possible := connTable[c.state][event]
	if !possible {
		panic(fmt.Sprintf("connection: %s in %s is impossible", event, c.state))
	}
	c.state = next
	c.deadline = time.Time{}
}

// heard counts a message as a sign of life.
func (c *connection) heard(now time.Time) {
	// [connection.inactivity]
	c.deadline = now.Add(c.inactivity)
}

// plan chooses the moment of the next attempt and counts the failure.
func (c *connection) plan(m Moment, reason string) {
	c.deadline = m.Now.Add(BackoffDelay(reason, c.failures, m.Jitter))
	c.failures++
}

func closeReason(code int, reason string) string {
	// [connection.last-close-reason]
	if reason == "" {
		return fmt.Sprintf("closed with code %d", code)
	}
	return reason
}
