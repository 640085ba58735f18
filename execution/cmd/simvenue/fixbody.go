package main

import (
	"bytes"
	"strconv"
	"time"

	"github.com/quickfixgo/quickfix"
)

// message is one FIX message on its way out: its type and the fields of its body. The FIX engine adds header and trailer.
type message struct {
	kind string
	body []byte
}

// newMessage begins a message.
func newMessage(kind string) *message { return &message{kind: kind, body: make([]byte, 0, 320)} }

func (m *message) tag(tag quickfix.Tag) {
	m.body = append(strconv.AppendInt(m.body, int64(tag), 10), '=')
}

func (m *message) text(tag quickfix.Tag, v string) {
	m.tag(tag)
	m.body = append(append(m.body, v...), 1)
}

// someText adds a field that has no place in the message when it is empty.
func (m *message) someText(tag quickfix.Tag, v string) {
	if v != "" {
		m.text(tag, v)
	}
}

func (m *message) number(tag quickfix.Tag, v int64) {
	m.tag(tag)
	m.body = append(strconv.AppendInt(m.body, v, 10), 1)
}

func (m *message) micro(tag quickfix.Tag, v int64) {
	m.tag(tag)
	m.body = append(appendMicro(m.body, v), 1)
}

func (m *message) flag(tag quickfix.Tag, v bool) {
	if v {
		m.text(tag, "Y")
	} else {
		m.text(tag, "N")
	}
}

func (m *message) stamp(tag quickfix.Tag, ns int64, layout string) {
	m.tag(tag)
	m.body = append(time.Unix(0, ns).UTC().AppendFormat(m.body, layout), 1)
}

// fill makes the FIX engine's message of it. The engine keeps fields in maps and sorts them, which for each of two reports an
// order costs more than the venue itself; so it is given the whole body as the value of its first field. What it writes, with
// length and checksum, is the same.
func (m *message) fill(into *quickfix.Message) {
	into.Header.SetString(tagMsgType, m.kind)
	into.Body.Clear()
	first, rest, _ := bytes.Cut(m.body, []byte{'='})
	tag, err := strconv.Atoi(string(first))
	if err != nil || len(rest) == 0 {
		panic("a message begins with a field: " + string(m.body)) // every message of this venue has one
	}
	into.Body.SetBytes(quickfix.Tag(tag), rest[:len(rest)-1])
}
