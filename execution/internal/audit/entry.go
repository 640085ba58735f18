package audit

import (
	"errors"
	"fmt"
	"regexp"
)

// ErrBroken is wrapped by every error about a journal that cannot be trusted.
var ErrBroken = errors.New("the journal is broken")

// ErrName is wrapped by the refusal of a writer's name.
var ErrName = errors.New("not a writer's name")

// KindUnreadable is the kind of a record that says of itself what no reader here understands. Its bytes are kept.
const KindUnreadable = "unreadable"

// Entry is one record of a journal.
type Entry struct {
	Seq          uint64 // counts the writer's records from 1, without a gap
	TsNs         int64  // ns UTC as the record says; 0 = it says none
	Kind         string // lower-case letters, digits and underscores
	OrderID      uint64 // 0 = it is about no single order
	InstrumentID int64  // 0 = about no single instrument
	Correlation  string // 32 lower-case hex digits; empty = none
	Body         []byte // the record's bytes as they stand in the journal

	form form
}

// Source gives the records of one journal. One goroutine reads; Tip may be called from another.
type Source interface {
	// Read gives records after seq, in order and without a gap, at most count (and less where they are large); none when
	// there are none yet. Only what the disk is known to hold is given: a record that a power cut could still take out of
	// the journal must not be in the table. Reading on where the last call ended is cheap; going back starts over.
	Read(after uint64, count int) ([]Entry, error)
	// Tip is the seq of the journal's last whole record, synced or not.
	Tip() (uint64, error)
	// Close lets the files go.
	Close() error
}

var writerForm = regexp.MustCompile(`^[a-z]{2,16}-[A-Z]{2,4}$`)

// CheckWriter refuses a name that is not a program and a region, such as omsd-US.
func CheckWriter(name string) error {
	if !writerForm.MatchString(name) {
		return fmt.Errorf("%w: %q; use a program and a region, such as omsd-US", ErrName, name)
	}
	return nil
}

// ValidKind says whether the table can hold it as a kind: at most 32 lower-case letters, digits and underscores, a letter
// first.
func ValidKind(kind string) bool {
	if kind == "" || len(kind) > 32 || kind[0] < 'a' || kind[0] > 'z' {
		return false
	}
	for _, c := range []byte(kind) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// ValidCorrelation says whether it is a correlation id: 32 lower-case hex digits that are not all zero.
func ValidCorrelation(id string) bool {
	if len(id) != 32 {
		return false
	}
	zero := true
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
		zero = zero && c == '0'
	}
	return !zero
}
