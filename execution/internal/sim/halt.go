package sim

import (
	"cmp"
	"fmt"
	"slices"
)

// Halt is a stretch of the session in which an instrument does not trade. Orders rest (or are rejected, by the model's
// rule), cancels work, rows are shown and fill nobody.
type Halt struct {
	InstrumentID int64 `json:"instrument_id"`
	StartNs      int64 `json:"start_ns"`
	EndNs        int64 `json:"end_ns"`
	ReopenMicro  int64 `json:"reopen_micro"` // print of the reopening auction; 0 = it trades again with its next row
}

// What becomes of an order that arrives in a halt.
const (
	HaltRest   = "rest"
	HaltReject = "reject"
)

// haltStep is a moment at which an instrument stops trading or trades again.
type haltStep struct {
	tsNs         int64
	start        bool
	instrumentID int64
	reopen       int64
}

// haltPlan lists the session's halts by time, at one moment the resumptions first.
func haltPlan(halts []Halt) []haltStep {
	var plan []haltStep
	for _, h := range halts {
		plan = append(plan, haltStep{h.StartNs, true, h.InstrumentID, 0}, haltStep{h.EndNs, false, h.InstrumentID, h.ReopenMicro})
	}
	slices.SortFunc(plan, func(x, y haltStep) int {
		if x.start != y.start && x.tsNs == y.tsNs {
			if y.start {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(x.tsNs, y.tsNs), cmp.Compare(x.instrumentID, y.instrumentID))
	})
	return plan
}

func (s Session) validateHalts(halts []Halt) error {
	last := map[int64]int64{}
	for i, h := range halts {
		switch {
		case h.InstrumentID <= 0:
			return fmt.Errorf("model.halts[%d]: instrument_id is %d: give a positive id", i, h.InstrumentID)
		case h.StartNs < s.OpenNs || h.EndNs <= h.StartNs || h.EndNs > s.CloseNs:
			return fmt.Errorf("model.halts[%d]: %d to %d: a halt lies within the session", i, h.StartNs, h.EndNs)
		case h.StartNs < last[h.InstrumentID]:
			return fmt.Errorf("model.halts[%d]: the halts of instrument %d must ascend and not overlap", i, h.InstrumentID)
		case h.ReopenMicro < 0:
			return fmt.Errorf("model.halts[%d]: reopen_micro is %d: give a price, or 0 for none", i, h.ReopenMicro)
		}
		last[h.InstrumentID] = h.EndNs
	}
	return nil
}

func (s *state) haltChange(r *Record) error {
	d := s.desk(r.InstrumentID)
	if r.ByHand {
		d.haltedByHand = r.Kind == KindHalt
		return nil
	}
	d.haltedByPlan = r.Kind == KindHalt
	s.haltSteps++
	return nil
}

// nextHalt is the next scheduled step; false when none is left.
func (e *Engine) nextHalt() (haltStep, bool) {
	if e.st.haltSteps >= len(e.halts) {
		return haltStep{}, false
	}
	return e.halts[e.st.haltSteps], true
}

// passHalt takes a scheduled step.
func (e *Engine) passHalt(step haltStep) error {
	r := Record{Kind: KindHalt, InstrumentID: step.instrumentID, Text: "halted"}
	if !step.start {
		r.Kind, r.Px, r.Text = KindResume, step.reopen, "trading resumes"
	}
	if err := e.emit(r); err != nil || step.start {
		return err
	}
	return e.match(step.instrumentID)
}

// HaltInstrument stops an instrument at nowNs, and ResumeInstrument lets it trade again, at reopenPx with an auction, 0 = with its next row.
// Both are for what no file schedules; why says what stands against it.
func (e *Engine) HaltInstrument(nowNs, instrument int64) (records []Record, why string, err error) {
	return e.haltByHand(nowNs, instrument, Record{Kind: KindHalt, Text: "halted by hand"})
}

// ResumeInstrument undoes HaltInstrument.
func (e *Engine) ResumeInstrument(nowNs, instrument, reopenPx int64) (records []Record, why string, err error) {
	return e.haltByHand(nowNs, instrument, Record{Kind: KindResume, Px: reopenPx, Text: "trading resumes by hand"})
}

func (e *Engine) haltByHand(nowNs, instrument int64, r Record) (records []Record, why string, err error) {
	e.enter()
	if err := e.advance(nowNs); err != nil {
		return e.take(), "", err
	}
	b := e.book(instrument)
	switch {
	case !e.running():
		return e.take(), "the session is " + string(e.st.phase), nil
	case b == nil:
		return e.take(), fmt.Sprintf("instrument %d does not trade in this session", instrument), nil
	case r.Px < 0:
		return e.take(), fmt.Sprintf("px is %d: give a price, or 0 for none", r.Px), nil
	case b.desk.haltedByHand == (r.Kind == KindHalt):
		return e.take(), fmt.Sprintf("instrument %d is that already", instrument), nil
	}
	r.InstrumentID, r.ByHand = instrument, true
	if err = e.emit(r); err == nil && r.Kind == KindResume {
		err = e.match(instrument)
	}
	return e.take(), "", err
}
