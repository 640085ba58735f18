package feed

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Record kinds (rtype) of DBN, and the lengths of their records in version 3.
const (
	dbnTrade  = 0x00 // trades
	dbnMBP1   = 0x01 // mbp-1 and tbbo
	dbnStatus = 0x12
	dbnBBO1s  = 0xc3
	dbnBBO1m  = 0xc4

	dbnHeader    = 16
	dbnTradeLen  = 48
	dbnQuoteLen  = 80
	dbnStatusLen = 40
)

// Flags of DBN's records.
const (
	dbnMaybeBadBook = 1 << 2
	dbnBadRecvTime  = 1 << 3
	dbnSnapshot     = 1 << 5
)

// Actions of DBN's status records.
const (
	dbnTrading = 7
	dbnHalt    = 8
	dbnPause   = 9
	dbnSuspend = 10
)

// decode reads one whole record.
func (d *DBN) decode(raw []byte, q *Quote) (bool, error) {
	le := binary.LittleEndian
	want := 0
	kind := raw[1]
	switch kind {
	case dbnTrade:
		want = dbnTradeLen
	case dbnMBP1, dbnBBO1s, dbnBBO1m:
		want = dbnQuoteLen
	case dbnStatus:
		want = dbnStatusLen
	default:
		return false, nil
	}
	if d.meta.tsOut {
		want += 8
	}
	if len(raw) != want {
		return false, fmt.Errorf("record kind 0x%02x has %d bytes, want %d", kind, len(raw), want)
	}
	event, err := dbnTime(le.Uint64(raw[8:]))
	if err != nil {
		return false, fmt.Errorf("ts_event: %w", err)
	}
	recvAt := 32
	if kind == dbnStatus {
		recvAt = 16
	}
	recv, err := dbnTime(le.Uint64(raw[recvAt:]))
	if err != nil {
		return false, fmt.Errorf("ts_recv: %w", err)
	}
	id := d.instrument(le.Uint32(raw[4:]), recv)
	if id == 0 {
		return false, nil
	}
	*q = Quote{InstrumentID: id, TsNs: event, RecvNs: recv, Source: d.meta.dataset}
	if kind == dbnStatus {
		return statusOf(le.Uint16(raw[24:]), q), nil
	}
	return d.prices(raw, q), nil
}

// prices reads what trade, mbp-1 and bbo records share: price, size, action and flags at 24 to 31, the book from 48.
func (d *DBN) prices(raw []byte, q *Quote) bool {
	le := binary.LittleEndian
	flags := raw[30]
	if flags&dbnBadRecvTime != 0 {
		q.RecvNs = 0
	}
	if flags&dbnSnapshot != 0 {
		q.Flags |= FlagSnapshot
	}
	if flags&dbnMaybeBadBook != 0 {
		q.Flags |= FlagSuspect
	}
	kind, traded := raw[1], raw[28] == 'T'
	if kind == dbnTrade || kind == dbnMBP1 && traded {
		trade := *q
		trade.Kind, trade.Last, trade.LastSize = KindTrade, dbnPrice(raw[16:]), dbnSize(raw[24:])
		if kind == dbnTrade || d.meta.schema != schemaTBBO {
			*q = trade
			return true
		}
		d.pending, d.held = trade, true
	}
	if kind == dbnBBO1s || kind == dbnBBO1m {
		// ts_event is the last change's; what the record says holds at the interval's end.
		q.TsNs = int64(le.Uint64(raw[32:]))
	}
	q.Kind = KindQuote
	q.Bid, q.Ask = dbnPrice(raw[48:]), dbnPrice(raw[56:])
	q.BidSize, q.AskSize = dbnSize(raw[64:]), dbnSize(raw[68:])
	return true
}

// statusOf is false for what the gates do not need.
func statusOf(action uint16, q *Quote) bool {
	q.Kind = KindStatus
	switch action {
	case dbnTrading:
		q.Status = StatusResume
	case dbnHalt, dbnPause, dbnSuspend:
		q.Status = StatusHalt
	default:
		return false
	}
	return true
}

func dbnTime(v uint64) (int64, error) {
	if v > math.MaxInt64 {
		return 0, fmt.Errorf("%d is no moment: the file is damaged", v)
	}
	return int64(v), nil
}

// dbnPrice turns billionths into millionths, half away from zero; the largest number means absent.
func dbnPrice(b []byte) int64 {
	v := int64(binary.LittleEndian.Uint64(b))
	if v == math.MaxInt64 {
		return 0
	}
	whole, rest := v/1000, v%1000
	switch {
	case rest >= 500:
		whole++
	case rest <= -500:
		whole--
	}
	return whole
}

func dbnSize(b []byte) int64 {
	v := binary.LittleEndian.Uint32(b)
	if v == math.MaxUint32 {
		return 0
	}
	return int64(v)
}
