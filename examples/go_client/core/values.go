// The data that arguments and results are made of, and how it looks as JSON.
//
// Spec: values

package core

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Value is nil, bool, float64 (Float64), int64 (Int64), string, []byte, []any or map[string]any.
type Value = any

// ValueError says which rule a value breaks.
type ValueError struct {
	Rule string
	What string
}

func (e *ValueError) Error() string { return fmt.Sprintf("%s [%s]", e.What, e.Rule) }

// EncodeValue writes a value as JSON, keys sorted, so that equal values have equal texts.
func EncodeValue(value Value) (json.RawMessage, error) {
	var out bytes.Buffer
	if err := encodeValue(&out, value); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func encodeValue(out *bytes.Buffer, value Value) error {
	switch v := value.(type) {
	case nil:
		out.WriteString("null")
	case bool:
		out.WriteString(strconv.FormatBool(v))
	case float64:
		encodeFloat(out, v)
	case int64:
		// [values.int64] A Go int64 cannot be out of range, so [values.int64-range] holds by itself.
		encodeTag(out, "$integer", binary.LittleEndian.AppendUint64(nil, uint64(v)))
	case string:
		return encodeString(out, v)
	case []byte:
		// [values.bytes]
		encodeTag(out, "$bytes", v)
	case []any:
		return encodeArray(out, v)
	case map[string]any:
		return encodeObject(out, v)
	default:
		return &ValueError{"values.undefined", fmt.Sprintf("a Go %T is no value: use float64, int64, "+
			"string, []byte, bool, nil, []any or map[string]any", value)}
	}
	return nil
}

func encodeFloat(out *bytes.Buffer, v float64) {
	if isSpecial(v) {
		bits := math.Float64bits(v)
		if math.IsNaN(v) {
			bits = 0x7ff8000000000000
		}
		// [values.special-float] Infinity, NaN and -0 have no plain form that every parser keeps.
		encodeTag(out, "$float", binary.LittleEndian.AppendUint64(nil, bits))
		return
	}
	// [values.plain-number] The shortest text that reads back as the same Float64.
	out.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
}

func isSpecial(v float64) bool {
	return math.IsNaN(v) || math.IsInf(v, 0) || (v == 0 && math.Signbit(v))
}

func encodeTag(out *bytes.Buffer, tag string, content []byte) {
	fmt.Fprintf(out, `{"%s":"%s"}`, tag, base64.StdEncoding.EncodeToString(content))
}

func encodeString(out *bytes.Buffer, v string) error {
	// [values.unicode] Half a surrogate pair is not valid UTF-8; Go would write U+FFFD instead.
	if !utf8.ValidString(v) {
		return &ValueError{"values.unicode", "a string is not valid UTF-8"}
	}
	text, err := json.Marshal(v)
	out.Write(text)
	return err
}

func encodeArray(out *bytes.Buffer, items []any) error {
	out.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := encodeValue(out, item); err != nil {
			return err
		}
	}
	out.WriteByte(']')
	return nil
}

func encodeObject(out *bytes.Buffer, fields map[string]any) error {
	keys := make([]string, 0, len(fields))
	for key := range fields {
		if err := checkKey(key); err != nil {
			return err
		}
		keys = append(keys, key)
	}
	sort.Strings(keys)
	out.WriteByte('{')
	for i, key := range keys {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := encodeString(out, key); err != nil {
			return err
		}
		out.WriteByte(':')
		if err := encodeValue(out, fields[key]); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}

func checkKey(key string) error {
	// [values.key-dollar]
	if strings.HasPrefix(key, "$") {
		return &ValueError{"values.key-dollar", fmt.Sprintf("the key %q begins with $", key)}
	}
	// [values.key-length]
	if len(key) > 1024 {
		return &ValueError{"values.key-length", "a key has more than 1024 characters"}
	}
	// [values.key-ascii]
	for i := range len(key) {
		if key[i] < 0x20 || key[i] > 0x7e {
			return &ValueError{"values.key-ascii", fmt.Sprintf("the key %q holds more than ASCII", key)}
		}
	}
	return nil
}

// DecodeValue reads a value from JSON text.
func DecodeValue(text []byte) (Value, error) {
	// [values.json-text] Go's parser takes RFC 8259 and nothing else, but mends bad UTF-8 in silence.
	if !utf8.Valid(text) {
		return nil, &ValueError{"values.json-text", "the text is not UTF-8"}
	}
	var tree any
	// [values.number-decoding] Every number becomes a float64; one beyond its range is an error.
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, &ValueError{"values.json-text", err.Error()}
	}
	return decodeTree(tree)
}

func decodeTree(tree any) (Value, error) {
	switch v := tree.(type) {
	case []any:
		for i := range v {
			item, err := decodeTree(v[i])
			if err != nil {
				return nil, err
			}
			v[i] = item
		}
		return v, nil
	case map[string]any:
		return decodeObject(v)
	}
	return tree, nil
}

func decodeObject(fields map[string]any) (Value, error) {
	// [values.tag-single-key] With a second key it is an object, whose key then breaks a rule.
	if len(fields) == 1 {
		for key, content := range fields {
			if strings.HasPrefix(key, "$") {
				return decodeTag(key, content)
			}
		}
	}
	for key, content := range fields {
		if err := checkKey(key); err != nil {
			return nil, err
		}
		value, err := decodeTree(content)
		if err != nil {
			return nil, err
		}
		fields[key] = value
	}
	return fields, nil
}

func decodeTag(tag string, content any) (Value, error) {
	// [values.unknown-tag]
	if tag != "$integer" && tag != "$float" && tag != "$bytes" {
		return nil, &ValueError{"values.unknown-tag", fmt.Sprintf("the tag %q is not known", tag)}
	}
	text, ok := content.(string)
	if !ok {
		return nil, &ValueError{"values.tag-length", tag + " does not hold a string"}
	}
	data, err := decodeBase64(text)
	if err != nil {
		return nil, err
	}
	if tag == "$bytes" {
		return data, nil
	}
	// [values.tag-length]
	if len(data) != 8 {
		return nil, &ValueError{"values.tag-length", fmt.Sprintf("%s holds %d bytes", tag, len(data))}
	}
	bits := binary.LittleEndian.Uint64(data)
	if tag == "$integer" {
		return int64(bits), nil
	}
	// [values.special-float-only] [values.nan-payload]
	if number := math.Float64frombits(bits); isSpecial(number) {
		return number, nil
	}
	return nil, &ValueError{"values.special-float-only", "$float holds a number that has a plain form"}
}

func decodeBase64(text string) ([]byte, error) {
	// [values.base64] Go's decoder skips line breaks, which are "any other character" here.
	if strings.ContainsAny(text, "\r\n") {
		return nil, &ValueError{"values.base64", "base64 holds a line break"}
	}
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, &ValueError{"values.base64", err.Error()}
	}
	return data, nil
}
