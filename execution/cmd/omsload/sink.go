package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"time"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/reference"
)

// The account and the market that the sink tells of.
const (
	sinkEquity = 10_000_000_000_000_000
	sinkPx     = 1_000_000_000
)

// sink stands where riskd does and takes everything: an order is answered by its decision, the venue's acknowledgement and
// one fill, in as few writes as the orders came in.
type sink struct {
	in       *bufio.Reader
	out      *bufio.Writer
	read     uint64 // sequence numbers
	wrote    uint64
	execs    uint64
	names    []uint64
	hash     uint64
	session  uint32
	toldNext time.Time
}

// serveSink serves one omsd at a time until it is stopped.
func serveSink(o options) error {
	ref, err := reference.Read(o.reference)
	if err != nil {
		return err
	}
	lis, err := net.Listen("unix", o.socket)
	if err != nil {
		return err
	}
	for {
		conn, err := lis.Accept()
		if err != nil {
			return err
		}
		var names []uint64
		for id := range ref.Instruments {
			names = append(names, uint64(id))
		}
		s := newSink(conn, ref.Prefix(), ref.Session, names)
		for err == nil {
			err = s.turn()
		}
		if !errors.Is(err, io.EOF) {
			return err
		}
	}
}

func newSink(conn net.Conn, hash uint64, session uint32, names []uint64) *sink {
	return &sink{
		in: bufio.NewReaderSize(conn, 512*frame.Size), out: bufio.NewWriterSize(conn, 512*frame.Size),
		hash: hash, session: session, names: names,
	}
}

// turn takes a frame, and lets answers out when no more have come.
func (s *sink) turn() error {
	var b [frame.Size]byte
	if _, err := io.ReadFull(s.in, b[:]); err != nil {
		return err
	}
	s.read++
	_, m, err := frame.Decode(&b, s.read)
	if err == nil {
		err = s.answer(m)
	}
	if err == nil && s.in.Buffered() < frame.Size {
		err = s.out.Flush()
	}
	return err
}

func (s *sink) answer(m frame.Message) error {
	switch m := m.(type) {
	case *frame.Hello:
		w := &frame.Welcome{Session: s.session, TradingState: frame.TradingActive, VenueUp: 1, ReferenceHash: s.hash}
		copy(w.Region[:], m.Region[:])
		return s.tell(w)
	case *frame.Sync:
		for _, id := range s.names {
			if err := s.tell(&frame.Price{InstrumentID: id, Bid: sinkPx - 10_000, Ask: sinkPx + 10_000, Last: sinkPx}); err != nil {
				return err
			}
		}
		return errors.Join(s.account(), s.tell(&frame.SyncEnd{Nonce: m.Nonce, Prices: uint32(len(s.names))}))
	case *frame.NewOrder:
		s.execs += 2
		err := errors.Join(
			s.tell(&frame.Decision{
				OrderID: m.OrderID, InstrumentID: m.InstrumentID, RequestedQty: m.Qty, ApprovedQty: m.Qty, Correlation: m.Correlation,
				Decision: frame.DecisionApprove, ReferencePx: sinkPx, Equity: sinkEquity, Path: m.Path,
			}),
			s.tell(&frame.Exec{OrderID: m.OrderID, InstrumentID: m.InstrumentID, LeavesQty: m.Qty, ExecID: s.execs - 1, ExecType: frame.ExecNew, Side: m.Side}),
			s.tell(&frame.Exec{
				OrderID: m.OrderID, InstrumentID: m.InstrumentID, LastQty: m.Qty, LastPx: sinkPx, CumQty: m.Qty, ExecID: s.execs,
				ExecType: frame.ExecFill, Side: m.Side, Bid: sinkPx - 10_000, Ask: sinkPx + 10_000,
			}),
		)
		if now := time.Now(); err == nil && now.After(s.toldNext) {
			s.toldNext = now.Add(10 * time.Millisecond)
			err = s.account()
		}
		return err
	}
	return nil // heartbeats
}

// account tells the cash; sells bring what buys took, so it stays as it is.
func (s *sink) account() error {
	return s.tell(&frame.State{
		TradingState: frame.TradingActive, VenueUp: 1, SessionState: frame.SessionOpen, Session: s.session, Equity: sinkEquity,
		Baseline: sinkEquity, Cash: sinkEquity,
	})
}

func (s *sink) tell(m frame.Message) error {
	s.wrote++
	b := frame.Encode(frame.Header{Sequence: s.wrote, TsNs: time.Now().UnixNano()}, m)
	_, err := s.out.Write(b[:])
	return err
}
