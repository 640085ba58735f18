package core

import (
	"fmt"
	"sort"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/order"
)

// Orders of riskd's own have ids from ownFrom on, orders that it found at the venue from foundFrom on.
const (
	ownFrom   uint64 = 1 << 62
	foundFrom uint64 = 3 << 62
)

// CloseRecord is what riskd told of an order of its own that closes a position: its DECISION, or an EXEC.
type CloseRecord struct {
	OrderID      uint64          `json:"order_id"`
	InstrumentID int64           `json:"instrument_id"`
	Qty          int64           `json:"qty,omitempty"`
	Side         order.Side      `json:"side,omitempty"`
	Correlation  string          `json:"correlation,omitempty"`
	Decision     *order.Decision `json:"decision,omitempty"`
	Exec         *order.Report   `json:"exec,omitempty"`
}

func riskdsOwn(id uint64) bool { return id >= ownFrom && id < foundFrom }

// onClose keeps what riskd tells of its own orders for the session's report; omsd owns none of them.
func (c *Core) onClose(r *CloseRecord) {
	o := c.state.Closes[r.OrderID]
	// A SYNC tells an order's story from its decision on, so what comes before it is told again.
	if o == nil && r.Decision == nil || o != nil && (r.Decision != nil || o.Knows(*r.Exec)) {
		return
	}
	if err := c.record(&Record{Kind: kindClose, Close: r}); err != nil {
		c.audit(r.OrderID, err)
	}
}

// applyClose follows an order of riskd's own. A decision does not say the side, a report does.
func (s *State) applyClose(r *CloseRecord, tsNs int64) error {
	o := s.Closes[r.OrderID]
	switch {
	case r.Decision != nil && o == nil:
		o = order.NewOrder(order.Spec{
			ID: r.OrderID, Session: s.Session, InstrumentID: r.InstrumentID, Qty: r.Qty, Correlation: r.Correlation,
			CreatedNs: r.Decision.TsNs,
		})
		if err := o.Own(order.Submit, tsNs, ""); err != nil {
			return err
		}
		d := *r.Decision
		if d.Code == frame.DecisionFlatten && d.ApprovedQty > 0 {
			// To the state machine it is an order that riskd let through.
			d.Code = frame.DecisionApprove
		}
		if err := o.Decide(d); err != nil {
			return err
		}
		s.Closes[r.OrderID] = o
		return nil
	case r.Exec != nil && o != nil:
		if r.InstrumentID != o.InstrumentID || o.Side != 0 && r.Side != o.Side {
			return fmt.Errorf("%w: report is about side %d of instrument %d, the closing order is %s of %d",
				order.ErrIllegal, r.Side, r.InstrumentID, o.Side, o.InstrumentID)
		}
		was := o.Side
		o.Side = r.Side
		if err := s.take(o, r.Exec); err != nil {
			o.Side = was
			return err
		}
		return nil
	}
	return fmt.Errorf("closing order %d: told in the wrong order", r.OrderID)
}

// closeViews lists a session's orders of riskd's own by id. Their reason is why riskd closes, whatever ended the order.
func (s *State) closeViews(session uint32) []OrderView {
	var out []OrderView
	for _, o := range s.Closes {
		if o.Session != session {
			continue
		}
		v := view(o)
		if v.Decision == "APPROVE" {
			v.Decision = decisionName(frame.DecisionFlatten)
		}
		v.ReasonCode = o.Decided.Reason
		v.Reason = order.ReasonWords(v.ReasonCode)
		out = append(out, v)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}
