package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Session is what of market/<session>.json concerns the data: the rest is the venue's. See docs/contracts.md.
type Session struct {
	Region   string          `json:"region"`
	Session  string          `json:"session"` // YYYY-MM-DD
	Currency string          `json:"currency"`
	OpenNs   int64           `json:"open_ns"`
	CloseNs  int64           `json:"close_ns"`
	Breaks   [][2]int64      `json:"breaks"`
	Actions  []sessionAction `json:"actions"`
}

type sessionAction struct {
	InstrumentID int64  `json:"instrument_id"`
	Kind         string `json:"kind"`
	RatioNum     int64  `json:"ratio_num"`
	RatioDen     int64  `json:"ratio_den"`
	AmountMicro  int64  `json:"amount_micro"`
}

// ParseSession reads a session file; name stands in errors. Fields that do not concern the data are left to the venue.
func ParseSession(name string, data []byte) (Session, error) {
	var s Session
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(name+": "+format, args...)) }
	if s.OpenNs <= 0 || s.CloseNs <= s.OpenNs {
		bad("open_ns %d and close_ns %d: the close must follow the open", s.OpenNs, s.CloseNs)
	}
	last := s.OpenNs
	for i, b := range s.Breaks {
		if b[0] < last || b[1] <= b[0] || b[1] > s.CloseNs {
			bad("breaks[%d] %v: breaks must ascend within the session", i, b)
		}
		last = b[1]
	}
	for i, a := range s.Actions {
		if a.InstrumentID <= 0 || a.Kind == "split" && (a.RatioNum <= 0 || a.RatioDen <= 0) || a.AmountMicro < 0 {
			bad("actions[%d]: %+v: ids and ratios are positive, amounts not negative", i, a)
		}
	}
	return s, errors.Join(all...)
}

// Announced are the session's splits and dividends, as the gate wants them: in force for every row of the file, which
// may begin before the open.
func (s Session) Announced() []Action {
	var all []Action
	for _, a := range s.Actions {
		act := Action{InstrumentID: a.InstrumentID, TsNs: s.OpenNs - int64(12*time.Hour), RatioNum: 1, RatioDen: 1}
		switch a.Kind {
		case "split":
			act.RatioNum, act.RatioDen = a.RatioNum, a.RatioDen
		case "dividend":
			act.AmountMicro = a.AmountMicro
		default:
			continue // a delisted name has no price any more
		}
		all = append(all, act)
	}
	SortActions(all)
	return all
}

// marks are the statuses that the hours of the session make.
func (s Session) marks() []mark {
	marks := []mark{{s.OpenNs, StatusOpen}}
	for _, b := range s.Breaks {
		marks = append(marks, mark{b[0], StatusBreak})
		if b[1] < s.CloseNs {
			marks = append(marks, mark{b[1], StatusOpen})
		}
	}
	return append(marks, mark{s.CloseNs, StatusClose})
}

// mark is a moment at which the session's state changes.
type mark struct {
	ts     int64
	status Status
}

// Marks is a feed of the statuses that regular hours make on the given days (YYYYMMDD): closed from midnight, open,
// closed. Merge it with recorded days that tell no hours.
func (h Hours) Marks(days ...string) (*Memory, error) {
	var all []Quote
	for _, day := range days {
		midnight, err := h.midnight([]byte(day))
		if err != nil {
			return nil, err
		}
		for _, m := range []mark{{h.at(midnight, 0), StatusClose}, {h.at(midnight, h.Open), StatusOpen}, {h.at(midnight, h.Close), StatusClose}} {
			all = append(all, Quote{TsNs: m.ts, Kind: KindStatus, Status: m.status})
		}
	}
	return NewMemory(all, nil), nil
}
