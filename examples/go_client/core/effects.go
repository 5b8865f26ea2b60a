// What the session asks of the outside, and what it is told.
//
// Spec: session

package core

import (
	"fmt"
	"time"
)

// Moment is the time and the chance that an input brings with it.
type Moment struct {
	Now    time.Time
	Jitter float64 // in [0, 1)
}

// Effect is one thing to be done, in the order given.
type Effect any

type (
	// Open asks for a socket.
	Open struct{}
	// Send asks for one text message.
	Send struct{ Text string }
	// CloseSocket gives the socket up; nothing more of it is to be reported.
	CloseSocket struct{}
	// FetchToken asks the application for a token.
	FetchToken struct {
		Number int
		Force  bool
	}
	// Publish tells subscribers what they see now, all at once.
	Publish struct{ Views map[string]View }
	// Settle ends a call.
	Settle struct {
		Call    uint32
		Outcome Outcome
	}
	// AuthChanged says whether the server knows who we are.
	AuthChanged struct{ Authenticated bool }
	// StateChanged says where the connection stands.
	StateChanged struct{ State ConnState }
	// Log is a log line of a function.
	Log struct{ Line string }
	// Failed says that the client has ended for good.
	Failed struct{ Err error }
)

// View is what a subscriber sees: loading, a value, or a failure.
type View struct {
	Loading bool
	Result
}

// Status is what an application can see of the connection.
type Status struct {
	State         ConnState
	Connected     bool
	EverConnected bool
	Connections   int
	Retries       int
	InFlight      int
}

// String and GoString tell the size alone: an Authenticate holds a token ([auth.token-secret]).
func (s Send) String() string { return fmt.Sprintf("Send of %d bytes", len(s.Text)) }

// GoString is for %#v.
func (s Send) GoString() string { return s.String() }
