package gate

import (
	"encoding/json"
	"strconv"
)

// kept is a line of the file of refused quotes.
type keptLine struct {
	TsNs         int64   `json:"ts_ns"`
	RecvNs       int64   `json:"recv_ns,omitempty"`
	Seq          uint64  `json:"seq,omitempty"`
	InstrumentID int64   `json:"instrument_id"`
	Symbol       string  `json:"symbol,omitempty"`
	Kind         string  `json:"kind,omitempty"`
	Bid          int64   `json:"bid,omitempty"`
	Ask          int64   `json:"ask,omitempty"`
	BidSize      int64   `json:"bid_size,omitempty"`
	AskSize      int64   `json:"ask_size,omitempty"`
	Last         int64   `json:"last,omitempty"`
	LastSize     int64   `json:"last_size,omitempty"`
	Source       string  `json:"source,omitempty"`
	Flags        uint16  `json:"flags,omitempty"`
	Reason       string  `json:"reason"`
	Measured     float64 `json:"measured,omitempty"`
	Bound        float64 `json:"bound,omitempty"`
	Score        float64 `json:"score,omitempty"`
	Ref          int64   `json:"ref,omitempty"`
	Missing      uint64  `json:"missing,omitempty"`
	Text         string  `json:"text"`
}

func appendEntry(to []byte, e *Entry, name func(int64) string) []byte {
	line := lineOf(e, name)
	data, err := json.Marshal(line)
	if err != nil {
		// A number that JSON has no form for: the words still say it.
		line.Measured, line.Bound, line.Score = 0, 0, 0
		if data, err = json.Marshal(line); err != nil {
			data = []byte(`{"reason":` + strconv.Quote(line.Reason) + `,"text":` + strconv.Quote(err.Error()) + `}`)
		}
	}
	return append(append(to, data...), '\n')
}

func lineOf(e *Entry, name func(int64) string) keptLine {
	if f := e.Finding; f.Reason != None {
		symbol := name(f.InstrumentID)
		return keptLine{TsNs: f.NowNs, InstrumentID: f.InstrumentID, Symbol: symbol, Reason: f.Reason.String(), Measured: float64(f.NowNs - f.SinceNs), Bound: float64(f.BoundNs), Text: f.Words(symbol)}
	}
	q, v := &e.Quote, e.Verdict
	symbol := name(q.InstrumentID)
	line := keptLine{
		TsNs: q.TsNs, RecvNs: q.RecvNs, Seq: q.Seq, InstrumentID: q.InstrumentID, Symbol: symbol, Kind: q.Kind.String(),
		Bid: q.Bid, Ask: q.Ask, BidSize: q.BidSize, AskSize: q.AskSize, Last: q.Last, LastSize: q.LastSize, Source: q.Source, Flags: uint16(q.Flags),
		Reason: v.Reason.String(), Measured: v.Measured, Bound: v.Bound, Score: v.Score, Ref: v.Ref, Missing: v.Missing, Text: Explain(q, v, symbol),
	}
	if v.Missing > 0 && v.Outcome != Refuse {
		line.Reason, line.Text = Gap.String(), strconv.FormatUint(v.Missing, 10)+" messages are missing before message "+strconv.FormatUint(q.Seq, 10)
	}
	return line
}
