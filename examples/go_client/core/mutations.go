// Calls: mutations and actions, their order, their repetition, and when they are done.
//
// Spec: mutations

package core

import (
	"encoding/json"
	"slices"
)

type callState string

const (
	callUnsent    callState = "unsent"
	callSent      callState = "sent"
	callCompleted callState = "completed"
)

// Outcome is how a call has settled.
type Outcome struct {
	Value Value
	Err   error // nil, *FunctionError, *FatalError, ErrLost or ErrClosed
}

type call struct {
	id     uint32
	action bool
	path   string
	args   json.RawMessage
	state  callState
	value  Value
	ts     uint64
}

// calls holds those that are not settled, by ascending number.
type calls struct {
	pending []*call
	nextID  uint32
}

func (c *calls) add(action bool, path string, args json.RawMessage) *call {
	// [mutations.request-id]
	added := &call{id: c.nextID, action: action, path: path, args: args, state: callUnsent}
	c.nextID++
	// [mutations.offline-queue]
	c.pending = append(c.pending, added)
	return added
}

// flush gives what is to be sent: in an opening also what was sent on an earlier connection.
func (c *calls) flush(opening bool) (messages []requestMessage) {
	// [mutations.order] [mutations.replay-order] They stand in the order of their numbers.
	for _, pending := range c.pending {
		// [mutations.replay] [mutations.replay-completed] [mutations.action-unsent]
		if pending.state != callUnsent && !opening {
			continue
		}
		if pending.state == callUnsent {
			pending.state = callSent
		}
		kind := "Mutation"
		if pending.action {
			kind = "Action"
		}
		messages = append(messages, requestMessage{kind, pending.id, pending.path, []json.RawMessage{pending.args}})
	}
	return messages
}

func (c *calls) find(id uint32) *call {
	for _, pending := range c.pending {
		if pending.id == id {
			return pending
		}
	}
	return nil
}

// answered takes a response. It says whether the response was news, and whether the call is done.
func (c *calls) answered(answer response) (news, done bool) {
	found := c.find(answer.requestID)
	// [mutations.unknown-response] [mutations.duplicate-response]
	if found == nil || found.state != callSent || found.action != answer.action {
		return false, false
	}
	// [mutations.failure-at-once] [mutations.action-at-once]
	if answer.action || answer.failure != nil {
		c.drop(func(pending *call) bool { return pending == found })
		return true, true
	}
	// [mutations.settle-after-response] It waits for a Transition that comes from here on.
	found.state, found.value, found.ts = callCompleted, answer.value, answer.ts
	return true, false
}

// covered takes out the mutations that a published Transition shows.
func (c *calls) covered(ts uint64) []*call {
	// [mutations.settle-at-transition] [mutations.read-your-writes]
	return c.drop(func(pending *call) bool { return pending.state == callCompleted && pending.ts <= ts })
}

// lost takes out the actions of which nobody knows whether they ran.
func (c *calls) lost() []*call {
	// [mutations.action-lost]
	return c.drop(func(pending *call) bool { return pending.action && pending.state == callSent })
}

func (c *calls) end() []*call {
	return c.drop(func(*call) bool { return true })
}

func (c *calls) drop(which func(*call) bool) (dropped []*call) {
	c.pending = slices.DeleteFunc(c.pending, func(pending *call) bool {
		if which(pending) {
			dropped = append(dropped, pending)
			return true
		}
		return false
	})
	return dropped
}
