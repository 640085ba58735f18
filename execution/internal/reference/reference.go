// Package reference reads reference.json, the instruments of one session: their symbols, lots and ticks.
package reference

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Instrument is what omsd needs to know of one instrument.
type Instrument struct {
	InstrumentID int64  `json:"instrument_id"`
	Label        string `json:"label"`
	Symbol       string `json:"symbol"`
	Lot          int64  `json:"lot"`
	TickMicro    int64  `json:"tick_micro"`
	Tradable     bool   `json:"tradable"`
	Venue        string `json:"venue"`         // absent: what follows the last dot of the label
	Restricted   bool   `json:"restricted"`    // only closing orders
	GapBp        int64  `json:"gap_bp"`        // stressed overnight gap, 0 = unknown
	Locate       int64  `json:"locate"`        // shares that may be short today
	ADV          int64  `json:"adv"`           // average daily volume in shares, 0 = unknown
	VolatilityBp int64  `json:"volatility_bp"` // of a day, 0 = unknown
	CloseMicro   int64  `json:"close_micro"`   // last close on this session's share basis, 0 = unknown
	SplitNum     int64  `json:"split_num"`     // this session's split, new shares per old; absent = 1
	SplitDen     int64  `json:"split_den"`
}

// UnmarshalJSON gives absent fields their defaults; a split of 0 that is written down stays 0, and is a fault.
func (in *Instrument) UnmarshalJSON(data []byte) error {
	type plain Instrument
	out := plain{SplitNum: 1, SplitDen: 1}
	if err := json.Unmarshal(data, &out); err != nil {
		return err
	}
	*in = Instrument(out)
	return nil
}

// MaxStrategies is how many strategies the mask of an order has bits for.
const MaxStrategies = 64

// Reference is the file, with the hash of its bytes.
type Reference struct {
	Region      string
	Session     uint32
	Currency    string
	Instruments map[int64]Instrument
	Strategies  []string // index = bit of an order's mask; empty = the file lists none
	SHA256      [sha256.Size]byte
}

// Lists says whether a strategy may trade by this file: every one may where it lists none.
func (r *Reference) Lists(strategy string) bool {
	return len(r.Strategies) == 0 || slices.Contains(r.Strategies, strategy)
}

// Mask has the bit of every strategy that has a part in the shares.
func (r *Reference) Mask(shares map[string]int64) uint64 {
	var mask uint64
	for i, s := range r.Strategies {
		if shares[s] != 0 {
			mask |= 1 << i
		}
	}
	return mask
}

// Prefix is the first eight bytes of the hash as WELCOME carries them: the little-endian u64 over those bytes.
func (r *Reference) Prefix() uint64 { return binary.LittleEndian.Uint64(r.SHA256[:8]) }

// Matches says whether a hash from WELCOME is this file's.
func (r *Reference) Matches(prefix uint64) bool { return prefix == r.Prefix() }

// Hex is the hash in text.
func (r *Reference) Hex() string { return hex.EncodeToString(r.SHA256[:]) }

// Read reads and checks the file.
func Read(path string) (*Reference, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the reference: %w", err)
	}
	ref, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return ref, nil
}

// Parse checks the bytes of the file; every fault is named.
func Parse(data []byte) (*Reference, error) {
	var raw struct {
		Region      string       `json:"region"`
		Session     string       `json:"session"`
		Currency    string       `json:"currency"`
		Instruments []Instrument `json:"instruments"`
		Strategies  []string     `json:"strategies"`
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&raw); err != nil {
		return nil, fmt.Errorf("reference is not JSON of the expected form: %w", err)
	}
	ref := &Reference{
		Region: raw.Region, Currency: raw.Currency, Strategies: raw.Strategies,
		Instruments: make(map[int64]Instrument, len(raw.Instruments)), SHA256: sha256.Sum256(data),
	}
	var faults []error
	session, err := strconv.ParseUint(strings.ReplaceAll(raw.Session, "-", ""), 10, 32)
	if err != nil || len(raw.Session) != 10 {
		faults = append(faults, fmt.Errorf("session %q is not YYYY-MM-DD", raw.Session))
	}
	ref.Session = uint32(session)
	if raw.Region == "" {
		faults = append(faults, errors.New("region is missing"))
	}
	if len(raw.Instruments) == 0 {
		faults = append(faults, errors.New("no instruments"))
	}
	if len(raw.Strategies) > MaxStrategies {
		faults = append(faults, fmt.Errorf("%d strategies, an order's mask has bits for %d", len(raw.Strategies), MaxStrategies))
	}
	for i, s := range raw.Strategies {
		if s == "" || slices.Index(raw.Strategies, s) != i {
			faults = append(faults, fmt.Errorf("strategies[%d]: %q is empty or there twice", i, s))
		}
	}
	for i, in := range raw.Instruments {
		if in.Venue == "" {
			in.Venue = in.Label[strings.LastIndexByte(in.Label, '.')+1:]
		}
		switch _, twice := ref.Instruments[in.InstrumentID]; {
		case in.InstrumentID <= 0:
			faults = append(faults, fmt.Errorf("instruments[%d]: instrument_id %d is not positive", i, in.InstrumentID))
		case twice:
			faults = append(faults, fmt.Errorf("instruments[%d]: instrument_id %d is there twice", i, in.InstrumentID))
		case in.Lot < 1:
			faults = append(faults, fmt.Errorf("instruments[%d] (%s): lot %d is not positive", i, in.Label, in.Lot))
		case in.TickMicro < 1:
			faults = append(faults, fmt.Errorf("instruments[%d] (%s): tick_micro %d is not positive", i, in.Label, in.TickMicro))
		case in.GapBp < 0 || in.Locate < 0:
			faults = append(faults, fmt.Errorf("instruments[%d] (%s): gap_bp %d and locate %d may not be negative", i, in.Label, in.GapBp, in.Locate))
		case in.ADV < 0 || in.VolatilityBp < 0:
			faults = append(faults, fmt.Errorf("instruments[%d] (%s): adv %d and volatility_bp %d may not be negative", i, in.Label, in.ADV, in.VolatilityBp))
		case in.CloseMicro < 0:
			faults = append(faults, fmt.Errorf("instruments[%d] (%s): close_micro %d may not be negative", i, in.Label, in.CloseMicro))
		case in.SplitNum < 1 || in.SplitDen < 1:
			faults = append(faults, fmt.Errorf("instruments[%d] (%s): split %d for %d is not of positive numbers", i, in.Label, in.SplitNum, in.SplitDen))
		}
		ref.Instruments[in.InstrumentID] = in
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("reference has %d faults: %w", len(faults), errors.Join(faults...))
	}
	return ref, nil
}
