package schedule

import "errors"

// Check says what is wrong with the parameters whatever parent they are for, all faults at once: a file can be refused
// when it is read, before anything is planned by it. New checks them again, with the parent.
func (p Params) Check() error { return errors.Join(p.faults(Parent{ADV: 1})...) }

// Check says what is wrong with the curve for a whole session, all faults at once. Times are nanoseconds UTC.
func (v VolumeCurve) Check(openNs, closeNs int64, breaks [][2]int64) error {
	return errors.Join(v.faults(Parent{StartNs: openNs, EndNs: closeNs, Breaks: breaks})...)
}
