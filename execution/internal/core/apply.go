package core

import (
	"errors"

	"dnalyaw/execution/internal/order"
)

// Apply decodes one record of a journal and makes its change. What the state machine refused when the record was written
// it refuses again, and the state stays as it was: that is no error.
func (s *State) Apply(record []byte) error {
	r, err := decodeRecord(record)
	if err == nil {
		err = s.apply(r)
	}
	if err != nil && !errors.Is(err, order.ErrIllegal) {
		return err
	}
	return nil
}

// RecoveredHash is the hash of the state that Open found in the journal. Only before Run: afterwards the state is the loop's.
func (c *Core) RecoveredHash() (string, error) { return c.state.Hash() }
