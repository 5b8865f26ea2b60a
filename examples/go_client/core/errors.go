// What went wrong, towards the application.
//
// Spec: errors

package core

import "errors"

// FunctionError is what a function of the application threw.
type FunctionError struct {
	Message string
	HasData bool // an application error; Data may still be nil
	Data    Value
}

func (e *FunctionError) Error() string { return e.Message }

// ErrLost settles an action whose connection went away: it may have run or not.
var ErrLost = errors.New("the connection was lost before the action was answered")

// ErrClosed settles calls of a client that its user has closed.
var ErrClosed = errors.New("the client is closed")

// FatalError settles calls of a client that the server does not want to see again.
type FatalError struct{ Message string }

func (e *FatalError) Error() string { return "the server refused this client: " + e.Message }
