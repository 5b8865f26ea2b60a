package main

import (
	"encoding/json"
	"strconv"
	"strings"

	"example.com/unisono/core"
)

// hostValue builds what an application would hand over. What the client has to refuse, such as a
// key with a dollar, arrives at the client and is refused there.
func hostValue(tree any) core.Value {
	switch v := tree.(type) {
	case string:
		return halfPairs.Replace(v)
	case []any:
		for i := range v {
			v[i] = hostValue(v[i])
		}
	case map[string]any:
		if text, err := json.Marshal(v); err == nil && len(v) == 1 {
			for key := range v {
				if strings.HasPrefix(key, "$") {
					if value, err := core.DecodeValue(text); err == nil {
						return value
					}
				}
			}
		}
		for key := range v {
			v[key] = hostValue(v[key])
		}
	}
	return tree
}

// Go's JSON parser writes U+FFFD for half a surrogate pair, which an application could hold as
// invalid UTF-8. Two private characters carry the halves past the parser.
const highHalf, lowHalf = "\uf8f0", "\uf8f1"

var halfPairs = strings.NewReplacer(highHalf, "\xed\xa0\x80", lowHalf, "\xed\xb0\x80")

func keepSurrogates(line []byte) []byte {
	text := string(line)
	if !strings.Contains(text, `\u`) {
		return line
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		unit, length := escapeAt(text, i)
		switch {
		case length == 6 && unit >= 0xd800 && unit < 0xdc00:
			if next, _ := escapeAt(text, i+6); next >= 0xdc00 && next < 0xe000 {
				out.WriteString(text[i : i+12])
				i += 12
				continue
			}
			out.WriteString(highHalf)
		case length == 6 && unit >= 0xdc00 && unit < 0xe000:
			out.WriteString(lowHalf)
		default:
			out.WriteString(text[i : i+length])
		}
		i += length
	}
	return []byte(out.String())
}

// escapeAt gives the UTF-16 unit of an escape `\uXXXX`, or how long the piece at i is otherwise.
func escapeAt(text string, i int) (unit uint64, length int) {
	if i+1 >= len(text) || text[i] != '\\' {
		return 0, 1
	}
	if text[i+1] == 'u' && i+6 <= len(text) {
		if unit, err := strconv.ParseUint(text[i+2:i+6], 16, 32); err == nil {
			return unit, 6
		}
	}
	return 0, 2
}
