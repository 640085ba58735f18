package audit

import (
	"encoding/json"
	"strconv"
)

// Decode makes the entry of a journal record. The rules are frozen, for a row must come out the same whenever it is made
// again: of a JSON object
//
//   - kind is "k", else "kind"; a record without one that can be a kind is "unreadable";
//   - time is "ts", else "ts_ns", else "wall_ns";
//   - order id, instrument and correlation are "order_id", "instrument_id" and "correlation" of the record itself, else of
//     its member named as the kind, else of its member "order".
//
// What comes twice counts as it comes last, what is of another type does not count. Of a record of omsd's that is no JSON
// the head is read ([TagOwn]). Anything else is "unreadable". What stands deeper (the orders of a plan, the parts of a snapshot) is left to whoever reads the body.
func Decode(seq uint64, body []byte) Entry {
	e := Entry{Seq: seq, Kind: KindUnreadable, Body: body}
	if !e.JSON() {
		e.compact()
		return e
	}
	var top, named, order ids
	var short, long string
	var ts, tsNs, wallNs int64
	members := make([]member, 0, 8)
	if !Fields(body, func(key, value []byte) {
		switch string(key) {
		case "k":
			short = text(value)
		case "kind":
			long = text(value)
		case "ts":
			ts = integer(value)
		case "ts_ns":
			tsNs = integer(value)
		case "wall_ns":
			wallNs = integer(value)
		default:
			top.take(key, value)
		}
		if value[0] == '{' {
			members = append(members, member{key, value})
		}
	}) {
		return e
	}
	kind := firstOf(short, long)
	for _, m := range members {
		if string(m.key) == kind {
			named = ids{}
			Fields(m.value, named.take)
		}
		if string(m.key) == "order" {
			order = ids{}
			Fields(m.value, order.take)
		}
	}
	e.TsNs = firstOf(ts, tsNs, wallNs)
	e.OrderID = firstOf(top.order, named.order, order.order)
	e.InstrumentID = firstOf(top.instrument, named.instrument, order.instrument)
	e.Correlation = firstOf(top.correlation, named.correlation, order.correlation)
	if ValidKind(kind) {
		e.Kind = kind
	}
	return e
}

type member struct{ key, value []byte }

// ids of one object.
type ids struct {
	order       uint64
	instrument  int64
	correlation string
}

func (i *ids) take(key, value []byte) {
	switch string(key) {
	case "order_id":
		n, err := strconv.ParseUint(string(value), 10, 64)
		if err != nil {
			n = 0 // of another type, or out of range: it names no order
		}
		i.order = n
	case "instrument_id":
		i.instrument = integer(value)
	case "correlation":
		i.correlation = ""
		if c := text(value); ValidCorrelation(c) {
			i.correlation = c
		}
	}
}

// integer is 0 for what is none, or none of 64 bits.
func integer(value []byte) int64 {
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// text is empty for what is no string.
func text(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	for _, c := range value {
		if c == '\\' {
			var s string
			if err := json.Unmarshal(value, &s); err != nil {
				return ""
			}
			return s
		}
	}
	return string(value[1 : len(value)-1])
}

func firstOf[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}
