package core

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

const protocol = "../../../protocol/v1"

func load(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(protocol, "vectors", name))
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// build makes a host value of the notation of the vectors.
func build(t *testing.T, notation json.RawMessage) (value Value, possible bool) {
	t.Helper()
	var typed map[string]json.RawMessage
	must(t, json.Unmarshal(notation, &typed))
	for kind, content := range typed {
		var text string
		_ = json.Unmarshal(content, &text)
		switch kind {
		case "null":
			return nil, true
		case "boolean":
			return string(content) == "true", true
		case "float64":
			bits, err := strconv.ParseUint(text, 16, 64)
			must(t, err)
			return math.Float64frombits(bits), true
		case "int64":
			number, err := strconv.ParseInt(text, 10, 64)
			return number, err == nil // beyond the range no int64 can be made
		case "string":
			// Go's parser writes U+FFFD for half a surrogate pair, which is invalid UTF-8 in Go.
			return strings.ReplaceAll(text, "\ufffd", "\xed\xa0\x80"), true
		case "bytes":
			data, err := hex.DecodeString(text)
			must(t, err)
			return data, true
		case "array":
			return buildArray(t, content)
		case "object":
			return buildObject(t, content)
		}
	}
	return struct{}{}, true // "undefined": nothing that a Value can be
}

func buildArray(t *testing.T, content json.RawMessage) (Value, bool) {
	var items []json.RawMessage
	must(t, json.Unmarshal(content, &items))
	array := []any{}
	for _, item := range items {
		value, possible := build(t, item)
		if !possible {
			return nil, false
		}
		array = append(array, value)
	}
	return array, true
}

func buildObject(t *testing.T, content json.RawMessage) (Value, bool) {
	var pairs [][2]json.RawMessage
	must(t, json.Unmarshal(content, &pairs))
	object := map[string]any{}
	for _, pair := range pairs {
		var key string
		must(t, json.Unmarshal(pair[0], &key))
		value, possible := build(t, pair[1])
		if !possible {
			return nil, false
		}
		object[key] = value
	}
	return object, true
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same compares values, floats by their bits.
func same(a, b Value) bool {
	x, isFloat := a.(float64)
	y, areFloats := b.(float64)
	switch {
	case isFloat && areFloats:
		return math.Float64bits(x) == math.Float64bits(y)
	case reflect.DeepEqual(a, b):
		return true
	}
	return fingerprint(Result{Value: a}) == fingerprint(Result{Value: b})
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

func TestValues(t *testing.T) {
	var file struct {
		Vectors []struct {
			Name                   string
			Wire, Value, Canonical json.RawMessage
		}
		InvalidWire []struct {
			Name string
			Wire json.RawMessage
			Text string
			Only []string
		} `json:"invalid_wire"`
		InvalidValue []struct {
			Name  string
			Value json.RawMessage
		} `json:"invalid_value"`
	}
	load(t, "values.json", &file)
	for _, vector := range file.Vectors {
		value, _ := build(t, vector.Value)
		decoded, err := DecodeValue(vector.Wire)
		if err != nil || !same(decoded, value) {
			t.Errorf("%s: decoded %v, %v", vector.Name, decoded, err)
		}
		encoded, err := EncodeValue(value)
		if err != nil || !sameJSON(encoded, vector.Wire) && !sameJSON(encoded, vector.Canonical) {
			t.Errorf("%s: encoded %s, %v", vector.Name, encoded, err)
		}
	}
	for _, vector := range file.InvalidWire {
		if len(vector.Only) == 1 && vector.Only[0] == "server" {
			continue
		}
		text := []byte(vector.Text)
		if vector.Wire != nil {
			text = vector.Wire
		}
		if value, err := DecodeValue(text); err == nil {
			t.Errorf("%s: decoded to %v", vector.Name, value)
		}
	}
	for _, vector := range file.InvalidValue {
		if value, possible := build(t, vector.Value); possible {
			if text, err := EncodeValue(value); err == nil {
				t.Errorf("%s: encoded to %s", vector.Name, text)
			}
		}
	}
}

func TestTimestamps(t *testing.T) {
	var file struct {
		Vectors []struct {
			TS   uint64 `json:",string"`
			Wire string
		}
		Invalid []struct{ Wire string }
	}
	load(t, "timestamps.json", &file)
	for _, vector := range file.Vectors {
		ts, err := DecodeTimestamp(vector.Wire)
		if err != nil || ts != vector.TS || EncodeTimestamp(ts) != vector.Wire {
			t.Errorf("%d: %s gave %d, %v", vector.TS, vector.Wire, ts, err)
		}
	}
	for _, vector := range file.Invalid {
		if ts, err := DecodeTimestamp(vector.Wire); err == nil {
			t.Errorf("%q gave %d", vector.Wire, ts)
		}
	}
}

func TestPaths(t *testing.T) {
	var file struct {
		Vectors []struct{ Path, Client string }
		Invalid []struct{ Path string }
	}
	load(t, "paths.json", &file)
	for _, vector := range file.Vectors {
		if path, err := CanonicalPath(vector.Path); err != nil || path != vector.Client {
			t.Errorf("%q gave %q, %v", vector.Path, path, err)
		}
	}
	for _, vector := range file.Invalid {
		if path, err := CanonicalPath(vector.Path); err == nil {
			t.Errorf("%q gave %q", vector.Path, path)
		}
	}
}

func TestBackoff(t *testing.T) {
	var file struct {
		Vectors []struct {
			Reason   string
			Failures int
			Jitter   float64
			DelayMS  float64 `json:"delay_ms"`
		}
	}
	load(t, "backoff.json", &file)
	for _, vector := range file.Vectors {
		delay := BackoffDelay(vector.Reason, vector.Failures, vector.Jitter)
		if math.Abs(delay.Seconds()*1000-vector.DelayMS) > 0.001 {
			t.Errorf("%+v gave %s", vector, delay)
		}
	}
}

func TestRefresh(t *testing.T) {
	var file struct {
		Vectors []struct {
			Token   string
			Leeway  int      `json:"leeway_s"`
			DelayMS *float64 `json:"delay_ms"`
		}
	}
	load(t, "refresh.json", &file)
	for i, vector := range file.Vectors {
		claims := readLifetime(vector.Token, time.Time{}, nil)
		delay, ever := claims.refreshDelay(true, time.Duration(vector.Leeway)*time.Second)
		if ever != (vector.DelayMS != nil) || ever && delay.Seconds()*1000 != *vector.DelayMS {
			t.Errorf("%d: gave %s, %v", i, delay, ever)
		}
	}
}

func TestChunks(t *testing.T) {
	type set struct {
		Name, Text string
		Frames     []json.RawMessage
	}
	var file struct{ Vectors, Accepted, Refused []set }
	load(t, "chunks.json", &file)
	for _, vector := range append(file.Vectors, file.Accepted...) {
		if text, err := joinAll(vector.Frames); err != nil || text != vector.Text {
			t.Errorf("%s: %q, %v", vector.Name, text, err)
		}
	}
	for _, vector := range file.Refused {
		if _, err := joinAll(vector.Frames); err == nil {
			t.Errorf("%s was taken", vector.Name)
		}
	}
}

// joinAll reads frames as the session does, and gives the last text that was complete.
func joinAll(frames []json.RawMessage) (last string, err error) {
	var r results
	for _, frame := range frames {
		message, err := readMessage(frame)
		if err != nil {
			return "", err
		}
		piece, right := message.(transitionChunk)
		if _, alive := message.(ping); alive {
			continue
		}
		if !right {
			return "", &ProtocolError{"transitions.chunk-lost", "not a chunk"}
		}
		text, complete, err := r.join(piece)
		if err != nil {
			return "", err
		}
		if complete {
			last = text
			whole, err := readMessage([]byte(text))
			if _, right := whole.(transition); err != nil || !right {
				return "", &ProtocolError{"transitions.chunk-identity", "not a Transition"}
			}
		}
	}
	return last, nil
}

// TestTables compares the machines with the tables of the chapters, cell by cell.
func TestTables(t *testing.T) {
	for _, cell := range readTable(t, "04-connection.md", "connection") {
		next, possible := connTable[ConnState(cell[0])][connEvent(cell[1])]
		if got := string(next); possible != (cell[2] != "impossible") || possible && got != cell[2] {
			t.Errorf("connection: %v, got %q", cell, got)
		}
	}
	for _, cell := range readTable(t, "09-auth.md", "auth client") {
		found, possible := authTable[authState(cell[0])][authEvent(cell[1])]
		if got := string(found.next); possible != (cell[2] != "impossible") || possible && got != cell[2] {
			t.Errorf("auth: %v, got %q", cell, got)
		}
	}
}

func readTable(t *testing.T, chapter, name string) (cells [][3]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(protocol, chapter))
	must(t, err)
	_, rest, _ := strings.Cut(string(text), "<!-- table "+name+" -->")
	table, _, found := strings.Cut(rest, "<!-- end of table "+name+" -->")
	if !found {
		t.Fatalf("%s has no table %q", chapter, name)
	}
	for _, line := range strings.Split(table, "\n") {
		if parts := strings.Split(line, "|"); len(parts) == 6 && !strings.Contains(line, "---") {
			cells = append(cells, [3]string{strings.TrimSpace(parts[1]), strings.TrimSpace(parts[2]), strings.TrimSpace(parts[3])})
		}
	}
	return cells[1:]
}
