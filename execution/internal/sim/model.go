package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Model is the session file's "model": what makes this venue more like a real one than quotes that fill. Every part is optional;
// without a model the venue trades as plainly as it did before there was one.
type Model struct {
	Queue       *QueueModel        `json:"queue"`
	Impact      *ImpactModel       `json:"impact"`
	Latency     *LatencyModel      `json:"latency"`
	Halts       []Halt             `json:"halts"`
	HaltOrders  string             `json:"halt_orders"` // rest (default) or reject
	Auctions    *AuctionModel      `json:"auctions"`
	Settlement  *SettlementModel   `json:"settlement"`
	Fees        *FeeModel          `json:"fees"`
	Borrow      *BorrowModel       `json:"borrow"`
	Defaults    Traits             `json:"defaults"`
	Instruments []InstrumentTraits `json:"instruments"`
}

// Traits are what the model needs to know of an instrument.
type Traits struct {
	ADV          int64 `json:"adv"`           // average daily volume, shares; 0 = unknown: no impact
	VolatilityBp int64 `json:"volatility_bp"` // of a day; 0 = unknown: no impact
	TickMicro    int64 `json:"tick_micro"`    // 0 = 1
	BorrowBp     int64 `json:"borrow_bp"`     // a year
	StampExempt  bool  `json:"stamp_exempt"`  // no Hong Kong stamp duty: exchange traded funds
}

// InstrumentTraits are one instrument's; what it does not give is the default's.
type InstrumentTraits struct {
	InstrumentID int64  `json:"instrument_id"`
	ADV          *int64 `json:"adv"`
	VolatilityBp *int64 `json:"volatility_bp"`
	TickMicro    *int64 `json:"tick_micro"`
	BorrowBp     *int64 `json:"borrow_bp"`
	StampExempt  *bool  `json:"stamp_exempt"`
}

func (t Traits) with(i InstrumentTraits) Traits {
	set(&t.ADV, i.ADV)
	set(&t.VolatilityBp, i.VolatilityBp)
	set(&t.TickMicro, i.TickMicro)
	set(&t.BorrowBp, i.BorrowBp)
	set(&t.StampExempt, i.StampExempt)
	return t
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (t Traits) validate() error {
	switch {
	case t.ADV < 0 || t.ADV > maxADV:
		return fmt.Errorf("adv is %d: give 0 to %d shares", t.ADV, int64(maxADV))
	case t.VolatilityBp < 0 || t.VolatilityBp > 10_000:
		return fmt.Errorf("volatility_bp is %d: give 0 to 10000", t.VolatilityBp)
	case t.TickMicro < 0 || t.TickMicro > 1_000_000_000:
		return fmt.Errorf("tick_micro is %d: give 0 to 1000000000", t.TickMicro)
	case t.BorrowBp < 0 || t.BorrowBp > maxBorrowBp:
		return fmt.Errorf("borrow_bp is %d: give 0 to %d", t.BorrowBp, int64(maxBorrowBp))
	}
	return nil
}

const maxADV = 1_000_000_000_000

// knownModel refuses a key of the model that this venue does not know: a misspelt one would quietly do nothing.
func knownModel(data []byte) error {
	var raw struct {
		Model json.RawMessage `json:"model"`
	}
	if err := json.Unmarshal(data, &raw); err != nil || raw.Model == nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(raw.Model))
	dec.DisallowUnknownFields()
	var m *Model
	if err := dec.Decode(&m); err != nil {
		return fmt.Errorf("model: %w (see docs/simvenue.md)", err)
	}
	return nil
}

func (s Session) validateModel() error {
	m := s.Model
	if m == nil {
		return nil
	}
	all := []error{
		m.Queue.validate(), m.Impact.validate(), m.Auctions.validate(), m.Settlement.validate(s.Session), m.Fees.validate(s.Session), m.Borrow.validate(),
		m.Latency.validate(), s.validateHalts(m.Halts),
	}
	if m.HaltOrders != "" && m.HaltOrders != HaltRest && m.HaltOrders != HaltReject {
		all = append(all, fmt.Errorf("model.halt_orders is %q: give %s or %s", m.HaltOrders, HaltRest, HaltReject))
	}
	if err := m.Defaults.validate(); err != nil {
		all = append(all, fmt.Errorf("model.defaults: %w", err))
	}
	given := map[int64]bool{}
	for i, t := range m.Instruments {
		if t.InstrumentID <= 0 || given[t.InstrumentID] {
			all = append(all, fmt.Errorf("model.instruments[%d]: instrument_id is %d: give each instrument once, by its positive id", i, t.InstrumentID))
		}
		given[t.InstrumentID] = true
		if err := m.Defaults.with(t).validate(); err != nil {
			all = append(all, fmt.Errorf("model.instruments[%d]: %w", i, err))
		}
	}
	return errors.Join(all...)
}

// traits are what the model says of the instruments that it names, and of all others.
func (m *Model) traits() (given map[int64]Traits, others Traits) {
	others = m.Defaults
	if m.Borrow != nil && others.BorrowBp == 0 {
		others.BorrowBp = m.Borrow.DefaultBp
	}
	given = make(map[int64]Traits, len(m.Instruments))
	for _, i := range m.Instruments {
		given[i.InstrumentID] = others.with(i)
	}
	return given, others
}

// traitsOf is what the day's model says of an instrument.
func (e *Engine) traitsOf(instrument int64) Traits {
	if t, ok := e.given[instrument]; ok {
		return t
	}
	return e.others
}
