// The query set: which queries the server is asked to keep us told of.
//
// Spec: queries
// Not here: the results (see transitions).

package core

import (
	"encoding/json"
	"maps"
	"slices"
)

// A query is wanted by its subscribers, asked on this connection or not, answered or not.
type query struct {
	id          uint32
	key         string
	path        string
	args        json.RawMessage
	subscribers []string
	journal     *string
	asked       bool
	answered    bool
}

type querySet struct {
	byKey   map[string]*query
	byID    map[uint32]*query
	byName  map[string]*query // by subscriber
	removed []uint32          // asked on this connection, wanted by nobody any more
	nextID  uint32
	version uint32
}

func newQuerySet() querySet {
	return querySet{byKey: map[string]*query{}, byID: map[uint32]*query{}, byName: map[string]*query{}}
}

func (s *querySet) subscribe(name, path string, args json.RawMessage) *query {
	key := path + "\n" + string(args)
	entry, there := s.byKey[key]
	// [queries.share]
	if !there {
		// [queries.id-unique] [queries.journal-fresh] A query that comes back is a new one.
		entry = &query{id: s.nextID, key: key, path: path, args: args}
		s.nextID++
		s.byKey[key], s.byID[entry.id] = entry, entry
	}
	entry.subscribers = append(entry.subscribers, name)
	s.byName[name] = entry
	return entry
}

// unsubscribe tells which query nobody wants any more, if there is one.
func (s *querySet) unsubscribe(name string) (gone *query) {
	entry, there := s.byName[name]
	if !there {
		return nil
	}
	delete(s.byName, name)
	entry.subscribers = slices.DeleteFunc(entry.subscribers, func(other string) bool { return other == name })
	if len(entry.subscribers) > 0 {
		return nil
	}
	delete(s.byKey, entry.key)
	delete(s.byID, entry.id)
	if entry.asked {
		s.removed = append(s.removed, entry.id)
	}
	return entry
}

// lost forgets what the server knew; what is wanted stays, under its numbers.
func (s *querySet) lost() {
	// [connection.rebuild] [queries.ids-survive]
	s.version, s.removed = 0, nil
	for _, entry := range s.byID {
		entry.asked, entry.answered = false, false
	}
}

// flush makes the difference between what the server knows and what is wanted.
func (s *querySet) flush(opening bool) *modifyMessage {
	changes := []any{}
	// [queries.add] [queries.net-edits]
	for _, id := range slices.Sorted(maps.Keys(s.byID)) {
		if entry := s.byID[id]; !entry.asked {
			entry.asked = true
			// [messages.args-array] [queries.journal-echo]
			changes = append(changes, addModification{
				"Add", id, entry.path, []json.RawMessage{entry.args}, entry.journal})
		}
	}
	// [queries.remove]
	for _, id := range s.removed {
		changes = append(changes, removeModification{"Remove", id})
	}
	s.removed = nil
	// [connection.opening-set] An opening says its set even when it is empty.
	if len(changes) == 0 && !opening {
		return nil
	}
	// [queries.version-step]
	s.version++
	return &modifyMessage{"ModifyQuerySet", s.version - 1, s.version, changes}
}
