// From one snapshot to the next: the version chain, the visible results, the joining of chunks.
//
// Spec: transitions

package core

import "strings"

// Result is what a query has given: a value, or a failure.
type Result struct {
	Value   Value
	Failure *FunctionError
}

func (r Result) equals(other Result) bool {
	return fingerprint(r) == fingerprint(other)
}

// fingerprint compares by encoded text, in which NaN equals itself.
func fingerprint(r Result) string {
	if r.Failure == nil {
		text, _ := EncodeValue(r.Value)
		return "value " + string(text)
	}
	text, _ := EncodeValue(r.Failure.Data)
	if !r.Failure.HasData {
		text = nil
	}
	return "failure " + string(text) + r.Failure.Message
}

// openingSet is the query set version of the opening's one ModifyQuerySet.
const openingSet = 1

type results struct {
	version  Version
	observed uint64
	visible  map[uint32]Result
	held     []modification // of a connection that has not covered its opening yet
	pieces   []string
	set      transitionChunk // the first piece of the set that is being joined
}

// opened starts the version chain of a connection.
func (r *results) opened() {
	// [transitions.start-at-zero] [transitions.keep-old-results]
	r.version, r.held, r.pieces = Version{}, nil, nil
}

// join takes a piece, and gives the whole text with the last one.
func (r *results) join(piece transitionChunk) (text string, complete bool, err error) {
	// [transitions.chunk-order]
	if int(piece.part) != len(r.pieces) {
		return "", false, &ProtocolError{"transitions.chunk-order", "a chunk is missing or came twice"}
	}
	if len(r.pieces) == 0 {
		r.set = piece
	}
	// [transitions.chunk-set]
	if piece.part >= piece.total || piece.total != r.set.total || piece.id != r.set.id {
		return "", false, &ProtocolError{"transitions.chunk-set", "a chunk belongs to another set"}
	}
	r.pieces = append(r.pieces, piece.chunk)
	if len(r.pieces) < int(piece.total) {
		return "", false, nil
	}
	text = strings.Join(r.pieces, "")
	r.pieces = nil
	return text, true, nil
}

// fits says whether a Transition starts where we are.
func (r *results) fits(step transition) error {
	// [transitions.continuity] [transitions.empty]
	if step.start != r.version {
		return &ProtocolError{"transitions.continuity", "a Transition does not start where we are"}
	}
	return nil
}

// advance adopts the version. covered is false while the connection has yet to answer its opening.
func (r *results) advance(step transition) (ready []modification, covered bool) {
	r.version = step.end
	// [connection.max-observed-accepted] Only here, for only now it is applied.
	r.observe(step.end.TS)
	r.held = append(r.held, step.modifications...)
	// [transitions.keep-old-results]
	if step.end.QuerySet < openingSet {
		return nil, false
	}
	ready, r.held = r.held, nil
	return ready, true
}

func (r *results) observe(ts uint64) {
	// [messages.timestamp-compare] [connection.max-observed]
	r.observed = max(r.observed, ts)
}

// show makes modifications visible, and tells which queries look different now.
func (r *results) show(changes []modification, wanted func(id uint32) bool) map[uint32]bool {
	before := map[uint32]*Result{}
	for _, change := range changes {
		// [queries.late-result] It crossed our Remove, and is shown to nobody.
		if !wanted(change.queryID) {
			continue
		}
		if _, seen := before[change.queryID]; !seen {
			before[change.queryID] = r.find(change.queryID)
		}
		if change.removed {
			delete(r.visible, change.queryID)
		} else {
			r.visible[change.queryID] = change.result
		}
	}
	changed := map[uint32]bool{}
	for id, old := range before {
		now := r.find(id)
		// [session.only-changed-published]
		if (old == nil) != (now == nil) || (now != nil && !old.equals(*now)) {
			changed[id] = true
		}
	}
	return changed
}

func (r *results) find(id uint32) *Result {
	if result, there := r.visible[id]; there {
		return &result
	}
	return nil
}
