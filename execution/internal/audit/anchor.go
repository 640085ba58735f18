package audit

import (
	"encoding/json"
	"fmt"
)

// KindAnchor is the kind of a journal record that holds an Anchor.
const KindAnchor = "anchor"

// Anchor says that the table had a writer's rows up to Seq, the last of them with this hash. It stands in a journal, as
// {"k":"anchor","ts":...,"anchor":{...}}: a table that ends before it, or differs there, was changed afterwards.
type Anchor struct {
	Writer string `json:"writer"`
	Seq    uint64 `json:"seq"`
	Hash   Hash   `json:"hash"`
}

// AnchorRecord is the journal record of an anchor in a journal of JSON records.
type AnchorRecord struct {
	Kind   string `json:"k"`
	TsNs   int64  `json:"ts"`
	Anchor Anchor `json:"anchor"`
}

// EncodeAnchor gives the journal record of an anchor.
func EncodeAnchor(tsNs int64, a Anchor) ([]byte, error) {
	return json.Marshal(AnchorRecord{Kind: KindAnchor, TsNs: tsNs, Anchor: a})
}

// DecodeAnchor reads an anchor out of an entry of kind anchor.
func DecodeAnchor(e Entry) (Anchor, error) {
	var r AnchorRecord
	if err := json.Unmarshal(e.Body, &r); err != nil {
		return Anchor{}, fmt.Errorf("record %d calls itself an anchor and is none: %w", e.Seq, err)
	}
	if err := CheckWriter(r.Anchor.Writer); err != nil || r.Anchor.Seq == 0 {
		return Anchor{}, fmt.Errorf("record %d is an anchor of writer %q, row %d: not a row", e.Seq, r.Anchor.Writer, r.Anchor.Seq)
	}
	return r.Anchor, nil
}
