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
}

// Reference is the file, with the hash of its bytes.
type Reference struct {
	Region      string
	Session     uint32
	Currency    string
	Instruments map[int64]Instrument
	SHA256      [sha256.Size]byte
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
	}
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&raw); err != nil {
		return nil, fmt.Errorf("reference is not JSON of the expected form: %w", err)
	}
	ref := &Reference{
		Region: raw.Region, Currency: raw.Currency,
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
	for i, in := range raw.Instruments {
		switch _, twice := ref.Instruments[in.InstrumentID]; {
		case in.InstrumentID <= 0:
			faults = append(faults, fmt.Errorf("instruments[%d]: instrument_id %d is not positive", i, in.InstrumentID))
		case twice:
			faults = append(faults, fmt.Errorf("instruments[%d]: instrument_id %d is there twice", i, in.InstrumentID))
		case in.Lot < 1:
			faults = append(faults, fmt.Errorf("instruments[%d] (%s): lot %d is not positive", i, in.Label, in.Lot))
		case in.TickMicro < 1:
			faults = append(faults, fmt.Errorf("instruments[%d] (%s): tick_micro %d is not positive", i, in.Label, in.TickMicro))
		}
		ref.Instruments[in.InstrumentID] = in
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("reference has %d faults: %w", len(faults), errors.Join(faults...))
	}
	return ref, nil
}
