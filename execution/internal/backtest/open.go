package backtest

import (
	"errors"
	"fmt"
	"math"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/riskengine"
	"dnalyaw/execution/internal/risklink"
	"dnalyaw/execution/internal/sim"
)

// open begins the session at the venue, in the risk engine and in the core, as their processes do.
func (f *Floor) open() (err error) {
	d := f.day
	f.quoteOf, f.late, f.first = 0, nil, map[uint64]uint64{}
	f.nowNs, f.settleAt, f.timers = d.Market.OpenNs, math.MaxInt64, timers{}
	if f.venue == nil {
		if f.risk, err = f.cfg.OpenRisk(d.Reference); err != nil {
			return err
		}
		f.venue, _, err = sim.ResumeWith(sim.Options{DropFinished: true, ReuseRecords: true}, d.Market, nil)
	} else {
		if err = f.risk.OpenSession(d.Reference); err == nil {
			_, err = f.venue.NextSession(d.Market)
		}
	}
	if err != nil {
		return err
	}
	if err := f.risk.Session(frame.SessionPreOpen, f.nowNs); err != nil {
		return err
	}
	f.changed = append(f.changed[:0], f.venue.Quotes()...)
	if err := errors.Join(f.tellQuotes(), f.tellLater()); err != nil {
		return err
	}
	if err := f.account(); err != nil {
		return err
	}
	state, err := f.rearm()
	if err != nil {
		return err
	}
	f.epoch++
	welcome := frame.Welcome{
		Session: d.ref.Session, TradingState: state.TradingState, VenueUp: 1, LastOrderID: state.LastOrderID, LimitsHash: state.LimitsHash,
		ReferenceHash: d.ref.Prefix(),
	}
	copy(welcome.Region[:], f.cfg.Region)
	f.core.Take(risklink.Event{Kind: risklink.Up, Epoch: f.epoch, Welcome: welcome, TsNs: f.nowNs})
	if err := f.settle(); err != nil {
		return err
	}
	if f.refuse != nil {
		return f.refuse
	}
	return f.handOver(d.Market.OpenNs)
}

// rearm arms a thrown kill switch again where it was thrown long enough, and says how the account stands.
func (f *Floor) rearm() (riskengine.State, error) {
	state, err := f.risk.State()
	if err != nil || !state.Killed() {
		f.killed = 0
		return state, err
	}
	if f.killed++; f.cfg.RearmAfter == 0 || f.killed < f.cfg.RearmAfter {
		return state, nil
	}
	if err := f.risk.Rearm(); err != nil {
		return state, fmt.Errorf("the kill switch is not armed again: %w", err)
	}
	f.killed = 0
	return f.risk.State()
}
