package core

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/order"
)

// By hand: tag 4; time 5 is 10 in zigzag; order 300 is ac 02; instrument 3 is 6 in zigzag; the correlation id; event 6; a text
// of two. The audit table's reader finds the same head.
func TestARecordByHand(t *testing.T) {
	const cid = "00112233445566778899aabbccddeeff"
	b, err := encodeRecord(&Record{
		Kind: kindOwn, TsNs: 5, About: About{300, 3, cid}, Own: &OwnRecord{OrderID: 300, Event: order.CancelSent, Why: "no"},
	})
	if got := hex.EncodeToString(b); err != nil || got != "040aac0206"+cid+"06026e6f" {
		t.Errorf("%s, %v", got, err)
	}
	e := audit.Decode(9, b)
	if e.Kind != kindOwn || e.TsNs != 5 || e.OrderID != 300 || e.InstrumentID != 3 || e.Correlation != cid || e.Seq != 9 {
		t.Errorf("%+v", e)
	}
}

func records() *rapid.Generator[*Record] {
	i, u := rapid.Int64(), rapid.Uint64()
	return rapid.Custom(func(t *rapid.T) *Record {
		r := &Record{TsNs: i.Draw(t, "ts")}
		r.InstrumentID = i.Draw(t, "instrument")
		if c := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "correlation"); [16]byte(c) != [16]byte{} {
			r.Correlation = hex.EncodeToString(c)
		}
		id := u.Draw(t, "id")
		r.OrderID = id
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			r.Kind = kindOwn
			r.Own = &OwnRecord{id, order.Event(rapid.IntRange(0, 16).Draw(t, "event")), rapid.String().Draw(t, "why")}
		case 1:
			r.Kind = kindDecision
			r.Decision = &DecisionRecord{id, order.Decision{
				Code: rapid.Uint8().Draw(t, "code"), Reason: rapid.Uint16().Draw(t, "reason"), ApprovedQty: i.Draw(t, "q"), ReferencePx: i.Draw(t, "px"),
				Equity: i.Draw(t, "eq"), WorstCase: i.Draw(t, "wc"), BindingLimit: i.Draw(t, "bl"), LimitsHash: u.Draw(t, "lh"),
				TsNs: i.Draw(t, "t"), ArrivalBid: i.Draw(t, "ab"), ArrivalAsk: i.Draw(t, "aa"),
			}}
		case 2:
			r.Kind = kindExec
			r.Exec = &ExecRecord{id, order.Report{
				ExecID: u.Draw(t, "exec"), Type: rapid.Uint8().Draw(t, "type"), LastQty: i.Draw(t, "lq"), LastPx: i.Draw(t, "lp"), CumQty: i.Draw(t, "cq"),
				Leaves: i.Draw(t, "lv"), Fee: i.Draw(t, "fee"), Reason: rapid.Uint16().Draw(t, "reason"), Bid: i.Draw(t, "b"), Ask: i.Draw(t, "a"),
				TsNs: i.Draw(t, "t"), Replayed: rapid.Bool().Draw(t, "replayed"),
			}}
		default:
			r.Kind, r.Operator = kindOperator, &OperatorRecord{Command: rapid.String().Draw(t, "command")}
		}
		return r
	})
}

func TestEveryRecordComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := records().Draw(t, "record")
		b, err := encodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeRecord(b)
		if err != nil || !same(r, back) {
			t.Fatalf("%x: %+v, %v", b, back, err)
		}
		if e := audit.Decode(1, b); (About{e.OrderID, e.InstrumentID, e.Correlation}) != r.About || e.Kind != r.Kind || e.TsNs != r.TsNs {
			t.Fatalf("%x: the audit table would have %+v, the record says %+v", b, e, r.About)
		}
		if b[0] != '{' {
			for n := range b {
				if short, err := decodeRecord(b[:n]); err == nil {
					t.Fatalf("%d of %d bytes are %+v", n, len(b), short)
				}
			}
		}
	})
}

// same compares by what JSON shows of them: texts that are no UTF-8 are not kept there.
func same(a, b *Record) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y) && reflect.DeepEqual(a.Own == nil, b.Own == nil)
}

// No bytes make the reader panic, and what it reads is written with the same bytes.
func FuzzDecodeRecord(f *testing.F) {
	for _, b := range encoded(f, life()...) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b)
		if err != nil || b[0] == '{' {
			return
		}
		again, err := encodeRecord(r)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x is %+v, written as %x, %v", b, r, again, err)
		}
	})
}
