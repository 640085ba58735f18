package audit

import (
	"encoding/json"
	"unicode/utf8"
)

// maxDepth is how deep a body may be nested and still be kept as JSON; PostgreSQL's parser has a limit of its own that
// depends on its stack.
const maxDepth = 256

// JSON says whether the table holds the body as JSON; everything else it keeps as bytes. The rule is part of the canonical
// form and so never changes. The answer is kept: the body must not change after the first call.
func (e *Entry) JSON() bool {
	if e.form == formUnknown {
		e.form = formRaw
		if isJSON(e.Body) {
			e.form = formJSON
		}
	}
	return e.form == formJSON
}

type form uint8

const (
	formUnknown form = iota
	formJSON
	formRaw
)

func isJSON(body []byte) bool {
	// Go takes bytes that are no UTF-8, PostgreSQL does not.
	return json.Valid(body) && utf8.Valid(body) && depth(body) <= maxDepth
}

// depth of nesting of a valid JSON text.
func depth(b []byte) int {
	deepest, now := 0, 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = stringEnd(b, i)
		case '{', '[':
			now++
			deepest = max(deepest, now)
		case '}', ']':
			now--
		}
	}
	return deepest
}

// stringEnd is where the string that begins at i ends, its closing quote.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b) && b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}

// Fields calls each with every member of a JSON object, the key without its quotes and as it is written, the value's
// text trimmed. It is false when the text is no object. The text must be valid JSON.
func Fields(b []byte, each func(key, value []byte)) bool {
	i := space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return false
	}
	for i = space(b, i+1); i < len(b) && b[i] == '"'; {
		end := stringEnd(b, i)
		key := b[i+1 : end]
		i = space(b, space(b, end+1)+1) // past the colon
		end = valueEnd(b, i)
		each(key, b[i:end])
		i = space(b, end)
		if i < len(b) && b[i] == ',' {
			i = space(b, i+1)
		}
	}
	return true
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// valueEnd is one past the value that begins at i.
func valueEnd(b []byte, i int) int {
	nested := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = stringEnd(b, i)
		case '{', '[':
			nested++
		case '}', ']':
			if nested == 0 {
				return i
			}
			nested--
		case ',', ' ', '\n', '\t', '\r':
			if nested == 0 {
				return i
			}
			continue
		default:
			continue
		}
		// A string, or the end of an object or array, ends the value where it is not inside another.
		if nested == 0 && b[i] != '{' && b[i] != '[' {
			return i + 1
		}
	}
	return len(b)
}
