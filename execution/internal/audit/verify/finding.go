// Package verify compares the audit table with the journal it was made from and with the anchors, and names the first row
// that is not as it was.
package verify

import (
	"encoding/json"
	"fmt"
)

// Kind is what is wrong.
type Kind string

// What can be wrong.
const (
	Changed  Kind = "changed"  // a row is not what was written
	Missing  Kind = "missing"  // a row is gone and later ones are there
	Cut      Kind = "cut"      // the last rows are gone
	Extra    Kind = "extra"    // a row is there that nobody wrote
	Rewrote  Kind = "rewrote"  // table and journal agree and an anchor says that they once said something else
	Unsound  Kind = "journal"  // the journal itself is damaged
	Metadata Kind = "metadata" // audit.heads is not what the rows say
)

// Finding is the first thing that is wrong with a writer's rows.
type Finding struct {
	Writer string `json:"writer"`
	Seq    uint64 `json:"seq"` // the row; of Cut the last that is there
	Kind   Kind   `json:"kind"`
	What   string `json:"what"`
}

// String is one line for a person.
func (f Finding) String() string {
	switch f.Kind {
	case Missing:
		return fmt.Sprintf("row %d of %s is missing: %s", f.Seq, f.Writer, f.What)
	case Cut:
		return fmt.Sprintf("%s is cut off after row %d: %s", f.Writer, f.Seq, f.What)
	}
	return fmt.Sprintf("row %d of %s: %s", f.Seq, f.Writer, f.What)
}

// Error is String: a finding is what stops a shipper.
func (f Finding) Error() string { return f.String() }

// MarshalJSON has the line for a person along, as text.
func (f Finding) MarshalJSON() ([]byte, error) {
	type bare Finding
	return json.Marshal(struct {
		bare
		Text string `json:"text"`
	}{bare(f), f.String()})
}
