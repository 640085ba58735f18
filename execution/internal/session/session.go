// Package session reads session.json: how the session is traded, beside reference.json, which says what is traded. A
// region without the file sends every order at once.
package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"dnalyaw/execution/internal/router"
	"dnalyaw/execution/internal/schedule"
)

// Session is the file. Times are nanoseconds since the epoch, UTC.
type Session struct {
	Region  string                        `json:"region"`
	Date    string                        `json:"session"` // YYYY-MM-DD
	OpenNs  int64                         `json:"open_ns"`
	CloseNs int64                         `json:"close_ns"`
	Breaks  [][2]int64                    `json:"breaks"`           // [start, end), ascending
	Volume  *schedule.VolumeCurve         `json:"volume,omitempty"` // how the session's volume is spread, nil = unknown
	Ticks   map[string]schedule.TickTable `json:"ticks,omitempty"`  // by venue; a venue without a table has the reference's tick
	Router  *router.Config                `json:"router,omitempty"` // the experiment between two paths, nil = every market has one
	Rule    schedule.Rule                 `json:"rule"`             // which orders are large, and how those are worked
}

// Number is the session as YYYYMMDD.
func (s *Session) Number() uint32 {
	n, _ := strconv.ParseUint(strings.ReplaceAll(s.Date, "-", ""), 10, 32) // checked by Parse
	return uint32(n)
}

// DayNs is the session's trading time.
func (s *Session) DayNs() int64 {
	total := s.CloseNs - s.OpenNs
	for _, b := range s.Breaks {
		total -= max(0, min(b[1], s.CloseNs)-max(b[0], s.OpenNs))
	}
	return total
}

// Elapsed is the trading time from the open to a moment.
func (s *Session) Elapsed(nowNs int64) int64 {
	now := min(max(nowNs, s.OpenNs), s.CloseNs)
	total := now - s.OpenNs
	for _, b := range s.Breaks {
		total -= max(0, min(b[1], now)-b[0])
	}
	return total
}

// Read reads and checks the file; without one there is no session and no error.
func Read(path string) (*Session, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the session: %w", err)
	}
	s, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Parse checks the bytes of the file; every fault is named. What a rule leaves out has the default's value.
func Parse(data []byte) (*Session, error) {
	s := &Session{Rule: schedule.DefaultRule()}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(s); err != nil {
		return nil, fmt.Errorf("session is not JSON of the expected form: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF { // More would take a closing bracket for the end
		return nil, errors.New("session has something after its object")
	}
	var faults []error
	bad := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if s.Region == "" {
		bad("region is missing")
	}
	if _, err := strconv.ParseUint(strings.ReplaceAll(s.Date, "-", ""), 10, 32); err != nil || len(s.Date) != 10 {
		bad("session %q is not YYYY-MM-DD", s.Date)
	}
	if s.OpenNs <= 0 || s.CloseNs <= s.OpenNs {
		bad("open_ns %d and close_ns %d: the close must follow the open", s.OpenNs, s.CloseNs)
	}
	last := s.OpenNs
	for i, b := range s.Breaks {
		if b[0] < last || b[1] <= b[0] || b[1] > s.CloseNs {
			bad("breaks[%d] %v: breaks must ascend within the session and may not overlap", i, b)
		}
		last = b[1]
	}
	if len(faults) == 0 && s.DayNs() == 0 {
		bad("the breaks leave nothing of the session")
	}
	if len(faults) == 0 && s.Volume != nil {
		if err := s.Volume.Check(s.OpenNs, s.CloseNs, s.Breaks); err != nil {
			faults = append(faults, err)
		}
	}
	if err := s.Rule.Validate(); err != nil {
		faults = append(faults, fmt.Errorf("rule: %w", err))
	}
	if err := s.Rule.Base.Check(); err != nil {
		faults = append(faults, fmt.Errorf("rule.base: %w", err))
	}
	if s.Router != nil {
		if err := s.Router.Validate(); err != nil {
			faults = append(faults, err)
		}
	}
	for venue, table := range s.Ticks {
		if err := table.Validate(); err != nil {
			faults = append(faults, fmt.Errorf("ticks of %q: %w", venue, err))
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("session has %d faults: %w", len(faults), errors.Join(faults...))
	}
	return s, nil
}
