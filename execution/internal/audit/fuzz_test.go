package audit_test

import (
	"testing"

	"dnalyaw/execution/internal/audit"
)

// An anchor that is taken names a writer and a row, and is written again as one that says the same.
func FuzzAnchor(f *testing.F) {
	record, err := audit.EncodeAnchor(7, audit.Anchor{Writer: "omsd-US", Seq: 3, Hash: audit.Hash{1, 255}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(record)
	f.Add([]byte(`{"k":"anchor","ts":-1,"anchor":{"writer":"omsd-US","seq":18446744073709551615,"hash":"00"}}`))
	f.Add([]byte(`{"k":"anchor","anchor":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := audit.DecodeAnchor(audit.Decode(1, body))
		if err != nil {
			return
		}
		if a.Seq == 0 || audit.CheckWriter(a.Writer) != nil {
			t.Fatalf("%s was taken as %+v", body, a)
		}
		again, err := audit.EncodeAnchor(1, a)
		if err != nil {
			t.Fatal(err)
		}
		e := audit.Decode(2, again)
		if back, err := audit.DecodeAnchor(e); err != nil || back != a || e.Kind != audit.KindAnchor {
			t.Fatalf("%+v came back as %+v, %v", a, back, err)
		}
	})
}
