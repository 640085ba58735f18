package core

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/order"
)

// What happens to orders by the thousand is journaled in bytes, everything else as JSON. The first byte tells: a JSON
// object begins with '{', the others with their tag and the head that package audit describes, which reads it too. Numbers
// are varints (signed ones zigzag), texts have their length in front. There is one way to write a record, and what is left
// over is an error.

func encodeRecord(r *Record) ([]byte, error) { return appendRecord(nil, r) }

// appendRecord adds the record's bytes to b.
func appendRecord(b []byte, r *Record) ([]byte, error) {
	w := writer{b}
	switch {
	case r.Own != nil:
		w.head(audit.TagOwn, r, r.Own.OrderID)
		w.byte(uint8(r.Own.Event))
		w.text(r.Own.Why)
	case r.Decision != nil:
		d := r.Decision
		w.head(audit.TagDecision, r, d.OrderID)
		w.byte(d.Code)
		w.unsigned(uint64(d.Reason))
		w.signed(d.ApprovedQty, d.ReferencePx, d.Equity, d.WorstCase, d.BindingLimit)
		w.fixed(d.LimitsHash)
		w.signed(d.TsNs, d.ArrivalBid, d.ArrivalAsk)
	case r.Exec != nil:
		e := r.Exec
		w.head(audit.TagExec, r, e.OrderID)
		w.fixed(e.ExecID)
		w.byte(e.Type)
		w.signed(e.LastQty, e.LastPx, e.CumQty, e.Leaves, e.Fee)
		w.unsigned(uint64(e.Reason))
		w.signed(e.Bid, e.Ask, e.TsNs)
		w.flag(e.Replayed)
	default:
		text, err := json.Marshal(r)
		return append(b, text...), err
	}
	return w.b, nil
}

func decodeRecord(b []byte) (*Record, error) {
	if len(b) == 0 {
		return nil, errors.New("not a record: it is empty")
	}
	if b[0] == '{' {
		r := new(Record)
		if err := json.Unmarshal(b, r); err != nil {
			return nil, fmt.Errorf("not a record: %w", err)
		}
		if r.Own != nil || r.Decision != nil || r.Exec != nil {
			return nil, fmt.Errorf("not a record: a %s is not written as JSON", r.Kind)
		}
		return r, nil
	}
	d := reader{b: b[1:]}
	r := &Record{TsNs: d.signed()}
	id := d.unsigned()
	r.About = About{id, d.signed(), d.correlation()}
	switch b[0] {
	case audit.TagOwn:
		r.Kind, r.Own = kindOwn, &OwnRecord{OrderID: id, Event: order.Event(d.byte()), Why: d.text()}
		if !r.Own.Event.Known() {
			return nil, fmt.Errorf("not a record: order %d has %s, which the order machine does not know", id, r.Own.Event)
		}
	case audit.TagDecision:
		r.Kind = kindDecision
		r.Decision = &DecisionRecord{id, order.Decision{
			Code: d.byte(), Reason: d.short(), ApprovedQty: d.signed(), ReferencePx: d.signed(), Equity: d.signed(),
			WorstCase: d.signed(), BindingLimit: d.signed(), LimitsHash: d.fixed(), TsNs: d.signed(),
			ArrivalBid: d.signed(), ArrivalAsk: d.signed(),
		}}
	case audit.TagExec:
		r.Kind = kindExec
		r.Exec = &ExecRecord{id, order.Report{
			ExecID: d.fixed(), Type: d.byte(), LastQty: d.signed(), LastPx: d.signed(), CumQty: d.signed(), Leaves: d.signed(),
			Fee: d.signed(), Reason: d.short(), Bid: d.signed(), Ask: d.signed(), TsNs: d.signed(), Replayed: d.flag(),
		}}
	default:
		return nil, fmt.Errorf("not a record: it begins with byte %d", b[0])
	}
	if d.bad || len(d.b) > 0 {
		return nil, fmt.Errorf("not a record: a %s that is cut short or too long", r.Kind)
	}
	return r, nil
}

type writer struct{ b []byte }

func (w *writer) head(tag uint8, r *Record, id uint64) {
	w.byte(tag)
	w.signed(r.TsNs)
	w.unsigned(id)
	w.signed(r.InstrumentID)
	c := correlation(r.Correlation)
	w.b = append(w.b, c[:]...)
}

func (w *writer) byte(v uint8)      { w.b = append(w.b, v) }
func (w *writer) unsigned(v uint64) { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) fixed(v uint64)    { w.b = binary.LittleEndian.AppendUint64(w.b, v) }

func (w *writer) signed(vs ...int64) {
	for _, v := range vs {
		w.b = binary.AppendVarint(w.b, v)
	}
}

func (w *writer) text(s string) {
	w.unsigned(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) flag(v bool) {
	if v {
		w.byte(1)
	} else {
		w.byte(0)
	}
}

// reader takes fields off the front; bad stays set once something did not fit.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) byte() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) fixed() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// unsigned refuses a number that could have been written shorter: its last byte is 0 and not its only one.
func (r *reader) unsigned() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || n > 1 && r.b[n-1] == 0 {
		r.bad = true
		return 0
	}
	r.take(uint64(n))
	return v
}

func (r *reader) signed() int64 {
	v := r.unsigned()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *reader) short() uint16 {
	v := r.unsigned()
	if v > 1<<16-1 {
		r.bad = true
	}
	return uint16(v)
}

func (r *reader) text() string { return string(r.take(r.unsigned())) }

// correlation is empty where the bytes are all zero.
func (r *reader) correlation() string {
	if b := r.take(16); b != nil && [16]byte(b) != [16]byte{} {
		return hex.EncodeToString(b)
	}
	return ""
}

func (r *reader) flag() bool {
	v := r.byte()
	if v > 1 {
		r.bad = true
	}
	return v == 1
}
