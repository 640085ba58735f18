package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Action is one corporate action, applied to the account once, at the start of the session.
type Action struct {
	InstrumentID int64  `json:"instrument_id"`
	Kind         string `json:"kind"` // split, dividend or delisting
	RatioNum     int64  `json:"ratio_num"`
	RatioDen     int64  `json:"ratio_den"`
	AmountMicro  int64  `json:"amount_micro"`
}

// Session is market/<session>.json.
type Session struct {
	Region      string     `json:"region"`
	Session     string     `json:"session"`
	Currency    string     `json:"currency"`
	OpenNs      int64      `json:"open_ns"`
	CloseNs     int64      `json:"close_ns"`
	Breaks      [][2]int64 `json:"breaks"`
	Actions     []Action   `json:"actions"`
	InitialCash int64      `json:"initial_cash_micro"`
	Fees        Fees       `json:"fees"`
	RejectBp    int64      `json:"reject_bp"`
	Locates     []Locate   `json:"locate"` // what may be sold short; absent: nothing
	Seed        int64      `json:"seed"`
	Model       *Model     `json:"model"` // absent: the plain venue
}

// ParseSession reads a session file. name stands in the error, which says the line where it can.
func ParseSession(name string, data []byte) (Session, error) {
	var s Session
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&s); err != nil {
		return s, fmt.Errorf("%s:%d: %v", name, lineAt(data, errorOffset(err, dec)), err)
	}
	end := dec.InputOffset()
	if _, err := dec.Token(); err != io.EOF { // More would take a closing bracket for the end
		return s, fmt.Errorf("%s:%d: something follows the JSON object", name, lineAt(data, end))
	}
	if err := knownFees(data); err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	if err := knownModel(data); err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	if err := s.validate(); err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// knownFees refuses a fee this venue does not charge: a misspelt one would quietly cost nothing.
func knownFees(data []byte) error {
	var raw struct {
		Fees json.RawMessage `json:"fees"`
	}
	if err := json.Unmarshal(data, &raw); err != nil || raw.Fees == nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(raw.Fees))
	dec.DisallowUnknownFields()
	var f Fees
	if err := dec.Decode(&f); err != nil {
		return fmt.Errorf("fees: %w (known: per_share_micro, bp_milli, sell_bp_milli, min_micro)", err)
	}
	return nil
}

func (s Session) validate() error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if s.Region == "" {
		bad("region is missing")
	}
	if s.Currency == "" {
		bad("currency is missing")
	}
	if _, err := time.Parse(time.DateOnly, s.Session); err != nil {
		bad("session %q is no date YYYY-MM-DD", s.Session)
	}
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
		if err := a.validate(); err != nil {
			bad("actions[%d]: %w", i, err)
		}
	}
	lent := map[int64]bool{}
	for i, l := range s.Locates {
		if l.InstrumentID <= 0 || l.Qty < 0 || l.Qty > maxQty || lent[l.InstrumentID] {
			bad("locate[%d] lends %d of instrument %d: give each instrument once, with 0 to %d", i, l.Qty, l.InstrumentID, int64(maxQty))
		}
		lent[l.InstrumentID] = true
	}
	if s.InitialCash < 0 {
		bad("initial_cash_micro is %d: give 0 or more", s.InitialCash)
	}
	if s.RejectBp < 0 || s.RejectBp > 10_000 {
		bad("reject_bp is %d: give 0 to 10000", s.RejectBp)
	}
	if err := s.Fees.validate(); err != nil {
		all = append(all, err)
	}
	if err := s.validateModel(); err != nil {
		all = append(all, err)
	}
	return errors.Join(all...)
}

func (a Action) validate() error {
	switch {
	case a.InstrumentID <= 0:
		return fmt.Errorf("instrument_id is %d: give a positive id", a.InstrumentID)
	case a.AmountMicro < 0:
		return fmt.Errorf("amount_micro is %d: give 0 or more", a.AmountMicro)
	case a.Kind == "split" && (a.RatioNum <= 0 || a.RatioDen <= 0):
		return fmt.Errorf("split ratio %d/%d: give two positive integers", a.RatioNum, a.RatioDen)
	case a.Kind != "split" && a.Kind != "dividend" && a.Kind != "delisting":
		return fmt.Errorf("kind %q: give split, dividend or delisting", a.Kind)
	}
	return nil
}

// errorOffset is where in the input a JSON error was found.
func errorOffset(err error, dec *json.Decoder) int64 {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return syntax.Offset
	case errors.As(err, &kind):
		return kind.Offset
	}
	return dec.InputOffset()
}

func lineAt(data []byte, offset int64) int {
	return 1 + bytes.Count(data[:min(max(offset, 0), int64(len(data)))], []byte{'\n'})
}

// Digest identifies the market files of a session.
func Digest(sessionJSON, eventsCSV []byte) string {
	h := sha256.New()
	h.Write(sessionJSON)
	h.Write([]byte{0})
	h.Write(eventsCSV)
	return hex.EncodeToString(h.Sum(nil))
}
