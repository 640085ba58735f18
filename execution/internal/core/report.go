package core

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"dnalyaw/execution/internal/journal"
	"dnalyaw/execution/internal/order"
)

// ErrNoSession says that nothing is known of a session.
var ErrNoSession = errors.New("nothing is known of the session")

// Status is what omsd is doing.
type Status struct {
	Region        string
	Session       uint32
	LinkUp        bool
	VenueUp       bool
	TradingState  string
	SessionState  string
	OpenOrders    int
	UnknownOrders int
	Equity        int64
	Cash          int64
	ClockNs       int64
	StateHash     string
	StateCounts   map[string]int
	Unwindings    []Unwind
	WorkedOrders  int
	Differences   []Difference
}

// Status reads it in the loop, after everything before it was committed.
func (c *Core) Status(ctx context.Context) (Status, error) {
	var s Status
	var failed error
	err := c.do(ctx, func(reply func()) {
		defer reply()
		s = Status{
			Region: c.cfg.Region, Session: c.state.Session, LinkUp: c.synced, TradingState: "UNKNOWN",
			SessionState: "UNKNOWN", ClockNs: c.clockNs, StateCounts: map[string]int{},
		}
		s.Unwindings, s.WorkedOrders, s.Differences = c.state.unwindings(), len(c.state.active), c.state.Books.differences()
		if c.epoch != 0 && c.accountOK {
			s.VenueUp = c.account.VenueUp == 1
			s.TradingState, s.SessionState = tradingName(c.account.TradingState), sessionName(c.account.SessionState)
			s.Equity, s.Cash = c.account.Equity, c.account.Cash
		}
		for id := range c.state.index.open {
			o := c.state.Orders[id]
			s.StateCounts[o.State.String()]++
			s.OpenOrders++
			if o.State == order.Unknown {
				s.UnknownOrders++
			}
		}
		s.StateHash, failed = c.state.Hash()
	})
	if err != nil {
		return Status{}, err
	}
	return s, failed
}

// Fill is one fill of a report as it holds now; exec id 0 is quantity whose own report never came.
type Fill = order.FillRecord

// OrderView is one order of a report.
type OrderView struct {
	order.Spec
	State       string
	Decision    string
	ApprovedQty int64
	FilledQty   int64
	ReasonCode  uint16
	Reason      string
	DecisionPx  int64
	ArrivalBid  int64
	ArrivalAsk  int64
	DecidedNs   int64
	DoneNs      int64
	Fills       []Fill
	Attribution map[string]float64
}

// Report is everything that happened in a session.
type Report struct {
	Region        string
	Session       uint32
	Orders        []OrderView
	RiskOrders    []OrderView // riskd's own, which close positions
	Positions     []PositionMark
	Equity        int64
	Baseline      int64
	Cash          int64
	LimitsHash    string
	ReferenceHash string
	Frames        uint64
}

// Report reads a session's report; session 0 is the current one. What the state has forgotten is read from the journal's
// snapshots, beside the loop.
func (c *Core) Report(ctx context.Context, session uint32) (Report, error) {
	var r Report
	var failed error
	err := c.do(ctx, func(reply func()) {
		defer reply()
		r, failed = c.report(session)
	})
	if err != nil {
		return Report{}, err
	}
	if errors.Is(failed, ErrNoSession) && session != 0 && c.cfg.Earlier != nil {
		state, err := c.cfg.Earlier(session)
		if err != nil {
			return Report{}, err
		}
		return state.report(session)
	}
	return r, failed
}

// Earlier reads the state at the end of a session from the snapshots in a journal's directory. ErrNoSession says that
// none of them ended it.
func Earlier(dir string) func(session uint32) (*State, error) {
	return func(session uint32) (*State, error) {
		_, snapshots, err := journal.Segments(dir)
		if err != nil {
			return nil, err
		}
		for _, n := range slices.Backward(snapshots) {
			snap, err := journal.ReadSnapshot(dir, n)
			if err != nil {
				return nil, err
			}
			state, err := restoreState(snap.State)
			if err != nil {
				return nil, fmt.Errorf("the snapshot before segment %d: %w", n, err)
			}
			if state.Session == session {
				return state, nil
			}
		}
		return nil, ErrNoSession
	}
}

func (c *Core) report(session uint32) (Report, error) {
	if session == 0 {
		session = c.state.Session
	}
	r, err := c.state.report(session)
	if session != c.state.Session || !c.synced || !c.accountOK {
		return r, err
	}
	r.Equity, r.Baseline, r.Cash, r.Positions = c.account.Equity, c.account.Baseline, c.account.Cash, c.positionMarks()
	r.LimitsHash, r.ReferenceHash = hashText(c.welcome.LimitsHash), c.state.ReferenceFile
	return r, err
}

// report is what the state alone says of a session.
func (s *State) report(session uint32) (Report, error) {
	snap, orders := s.Snapshots[session], s.index.sessions[session]
	current := session == s.Session
	if snap == nil && len(orders) == 0 && (!current || session == 0) {
		return Report{}, ErrNoSession
	}
	r := Report{Region: s.Region, Session: session, Frames: s.Frames, RiskOrders: s.closeViews(session)}
	switch {
	case snap != nil:
		r.Equity, r.Baseline, r.Cash, r.Positions = snap.Equity, snap.Baseline, snap.Cash, snap.Positions
		r.LimitsHash, r.ReferenceHash = hashText(snap.LimitsHash), snap.Reference
	case current:
		r.LimitsHash, r.ReferenceHash = hashText(s.LimitsHash), s.ReferenceFile
	}
	for _, id := range orders {
		r.Orders = append(r.Orders, view(s.Orders[id]))
	}
	return r, nil
}

func view(o *order.Order) OrderView {
	v := OrderView{
		Spec: o.Spec, State: o.State.String(), Decision: "NONE", FilledQty: o.Cum, ReasonCode: reasonOf(o), DoneNs: o.DoneNs(),
		Attribution: map[string]float64{},
	}
	v.Reason = reasonWords(o, v.ReasonCode)
	if d := o.Decided; d != nil {
		v.Decision, v.ApprovedQty, v.DecisionPx = decisionName(d.Code), d.ApprovedQty, d.ReferencePx
		v.ArrivalBid, v.ArrivalAsk, v.DecidedNs = d.ArrivalBid, d.ArrivalAsk, d.TsNs
	}
	v.Fills = o.NetFills()
	if n := o.Missing(); n > 0 {
		v.Fills = append(v.Fills, Fill{Qty: n, Px: o.GapPx, TsNs: o.LastNs})
	}
	for s, q := range o.Shares {
		v.Attribution[s] = float64(o.Side.Sign()*q) / float64(o.Qty)
	}
	return v
}

func reasonWords(o *order.Order, code uint16) string {
	words := order.ReasonWords(code)
	if o.WhyState != "" && (o.State == order.Unknown || o.State == order.Expired || o.State == order.Cancelled || o.State == order.PendingCancel) {
		if code == order.ReasonNone {
			return o.WhyState
		}
		return words + ": " + o.WhyState
	}
	return words
}

// hashText writes the first eight bytes of a hash in the order of the bytes.
func hashText(v uint64) string {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	return hex.EncodeToString(b[:])
}
