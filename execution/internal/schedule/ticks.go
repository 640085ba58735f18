package schedule

import "errors"

// Validate says what is wrong with the table, all faults at once.
func (t TickTable) Validate() error { return errors.Join(t.faults()...) }
