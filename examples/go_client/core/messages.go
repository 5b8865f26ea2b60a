// Every message in both directions: how ours are written and theirs are read.
//
// Spec: messages

package core

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"unicode/utf8"
)

// ProtocolError is a message of the server that breaks a rule.
type ProtocolError struct {
	Rule string
	What string
}

func (e *ProtocolError) Error() string { return fmt.Sprintf("%s [%s]", e.What, e.Rule) }

// EncodeTimestamp writes a timestamp of the database.
func EncodeTimestamp(ts uint64) string {
	// [messages.timestamp-encoding]
	return base64.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint64(nil, ts))
}

// DecodeTimestamp reads a timestamp of the database.
func DecodeTimestamp(text string) (uint64, error) {
	data, err := decodeBase64(text)
	if err != nil || len(data) != 8 {
		return 0, &ProtocolError{"messages.timestamp-encoding", fmt.Sprintf("%q is no timestamp", text)}
	}
	ts := binary.LittleEndian.Uint64(data)
	// [messages.timestamp-range]
	if ts > math.MaxInt64 {
		return 0, &ProtocolError{"messages.timestamp-range", fmt.Sprintf("%q is too large", text)}
	}
	return ts, nil
}

// What a client says. Field order is the order on the wire, which means nothing.
type (
	connectMessage struct {
		Type            string  `json:"type"`
		SessionID       string  `json:"sessionId"`
		ConnectionCount uint32  `json:"connectionCount"`
		LastCloseReason *string `json:"lastCloseReason"`
		MaxObserved     string  `json:"maxObservedTimestamp,omitempty"`
		ClientTS        int64   `json:"clientTs"`
	}
	modifyMessage struct {
		Type          string `json:"type"`
		BaseVersion   uint32 `json:"baseVersion"`
		NewVersion    uint32 `json:"newVersion"`
		Modifications []any  `json:"modifications"`
	}
	addModification struct {
		Type    string            `json:"type"`
		QueryID uint32            `json:"queryId"`
		Path    string            `json:"udfPath"`
		Args    []json.RawMessage `json:"args"`
		Journal *string           `json:"journal,omitempty"`
	}
	removeModification struct {
		Type    string `json:"type"`
		QueryID uint32 `json:"queryId"`
	}
	requestMessage struct {
		Type      string            `json:"type"`
		RequestID uint32            `json:"requestId"`
		Path      string            `json:"udfPath"`
		Args      []json.RawMessage `json:"args"`
	}
	authenticateMessage struct {
		Type          string          `json:"type"`
		BaseVersion   uint32          `json:"baseVersion"`
		TokenType     string          `json:"tokenType"`
		Value         string          `json:"value,omitempty"`
		Impersonating json.RawMessage `json:"impersonating,omitempty"`
	}
)

// Version names everything that the visible results depend on.
type Version struct {
	QuerySet, Identity uint32
	TS                 uint64
}

// What a server says.
type (
	transition struct {
		start, end    Version
		modifications []modification
		clockSkewMs   *float64
	}
	modification struct {
		queryID uint32
		removed bool
		result  Result
		journal *string
		logs    []string
	}
	transitionChunk struct {
		chunk, id   string
		part, total uint32
	}
	response struct {
		action    bool
		requestID uint32
		value     Value
		failure   *FunctionError
		ts        uint64
		logs      []string
	}
	authError struct {
		base      *uint32
		attempted bool
	}
	fatalError struct{ message string }
	ping       struct{}
	unknown    struct{}
)

// fields are those of one JSON object. Go's struct decoding would take "TYPE" for "type" and null
// for zero, so they are read one by one.
type fields map[string]json.RawMessage

func readObject(text []byte) (fields, error) {
	var object fields
	if !utf8.Valid(text) || json.Unmarshal(text, &object) != nil || object == nil {
		return nil, &ProtocolError{"messages.one-object", "a message is not one JSON object"}
	}
	return object, nil
}

func (f fields) has(name string) bool { _, there := f[name]; return there }

func read[T any](f fields, name string) (T, error) {
	var value *T
	if err := json.Unmarshal(f[name], &value); err != nil || value == nil {
		return *new(T), &ProtocolError{"messages.required-field", fmt.Sprintf("%q cannot be read", name)}
	}
	return *value, nil
}

// optional is for fields whose absence, null or oddness means nothing ([messages.required-field]).
func optional[T any](f fields, name string) *T {
	if value, err := read[T](f, name); err == nil {
		return &value
	}
	return nil
}

func (f fields) timestamp(name string) (uint64, error) {
	text, err := read[string](f, name)
	if err != nil {
		return 0, err
	}
	return DecodeTimestamp(text)
}

func (f fields) logs() []string {
	if lines := optional[[]string](f, "logLines"); lines != nil {
		return *lines
	}
	return nil
}

// readMessage reads one message of the server.
func readMessage(text []byte) (any, error) {
	object, err := readObject(text)
	if err != nil {
		return nil, err
	}
	kind, err := read[string](object, "type")
	if err != nil {
		return nil, err
	}
	switch kind {
	case "Transition":
		return readTransition(object)
	case "TransitionChunk":
		return readChunk(object)
	case "MutationResponse", "ActionResponse":
		return readResponse(object, kind == "ActionResponse")
	case "AuthError":
		return readAuthError(object), nil
	case "FatalError":
		message := optional[string](object, "error")
		if message == nil {
			message = new(string)
		}
		return fatalError{*message}, nil
	case "Ping":
		return ping{}, nil
	}
	// [messages.unknown-type] A client outlives many servers and has to cope with the newer one.
	return unknown{}, nil
}

// [transitions.unreadable] Nothing of a Transition is guessed.
func readTransition(object fields) (any, error) {
	start, err := readVersion(object, "startVersion")
	if err != nil {
		return nil, err
	}
	end, err := readVersion(object, "endVersion")
	if err != nil {
		return nil, err
	}
	list, err := read[[]json.RawMessage](object, "modifications")
	if err != nil {
		return nil, err
	}
	step := transition{start: start, end: end, clockSkewMs: optional[float64](object, "clientClockSkew")}
	for _, text := range list {
		change, err := readModification(text)
		if err != nil {
			return nil, err
		}
		step.modifications = append(step.modifications, change)
	}
	return step, nil
}

func readVersion(object fields, name string) (version Version, err error) {
	inner, err := readObject(object[name])
	if err != nil {
		return version, err
	}
	if version.QuerySet, err = read[uint32](inner, "querySet"); err != nil {
		return version, err
	}
	if version.Identity, err = read[uint32](inner, "identity"); err != nil {
		return version, err
	}
	version.TS, err = inner.timestamp("ts")
	return version, err
}

func readModification(text []byte) (change modification, err error) {
	object, err := readObject(text)
	if err != nil {
		return change, err
	}
	if change.queryID, err = read[uint32](object, "queryId"); err != nil {
		return change, err
	}
	kind, err := read[string](object, "type")
	if err != nil {
		return change, err
	}
	change.journal = optional[string](object, "journal")
	change.logs = object.logs()
	switch kind {
	case "QueryUpdated":
		var value Value
		value, err = DecodeValue(object["value"])
		change.result = Result{Value: value}
	case "QueryFailed":
		change.result.Failure, err = readFailure(object, "errorMessage")
	case "QueryRemoved":
		change.removed = true
	default:
		err = &ProtocolError{"transitions.unreadable", fmt.Sprintf("modification %q is not known", kind)}
	}
	return change, err
}

func readFailure(object fields, messageField string) (*FunctionError, error) {
	message, err := read[string](object, messageField)
	if err != nil {
		return nil, err
	}
	failure := &FunctionError{Message: message}
	// [errors.application-error] Presence tells, also when the data is null.
	if object.has("errorData") {
		failure.HasData = true
		failure.Data, err = DecodeValue(object["errorData"])
	}
	return failure, err
}

func readChunk(object fields) (any, error) {
	var piece transitionChunk
	var err error
	if piece.chunk, err = read[string](object, "chunk"); err != nil {
		return nil, err
	}
	if piece.id, err = read[string](object, "transitionId"); err != nil {
		return nil, err
	}
	if piece.part, err = read[uint32](object, "partNumber"); err != nil {
		return nil, err
	}
	piece.total, err = read[uint32](object, "totalParts")
	return piece, err
}

func readResponse(object fields, action bool) (any, error) {
	answer := response{action: action, logs: object.logs()}
	var err error
	if answer.requestID, err = read[uint32](object, "requestId"); err != nil {
		return nil, err
	}
	success, err := read[bool](object, "success")
	if err != nil {
		return nil, err
	}
	if !success {
		answer.failure, err = readFailure(object, "result")
		return answer, err
	}
	if !action {
		if answer.ts, err = object.timestamp("ts"); err != nil {
			return nil, err
		}
	}
	answer.value, err = DecodeValue(object["result"])
	return answer, err
}

func readAuthError(object fields) authError {
	attempted := optional[bool](object, "authUpdateAttempted")
	// [auth.attempted]
	return authError{optional[uint32](object, "baseVersion"), attempted == nil || *attempted}
}

func writeMessage(message any) string {
	text, err := json.Marshal(message)
	if err != nil {
		panic(err) // every field was encoded before
	}
	return string(text)
}
