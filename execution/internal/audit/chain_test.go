package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/audit"
)

// The bytes are written out here and were hashed by another program (Python's hashlib): sha256(32 zeros + the first), then
// sha256(that + the second).
func TestCanonicalBytesAndHashesByHand(t *testing.T) {
	first := audit.Entry{Seq: 1, TsNs: 5, Kind: "exec", OrderID: 1<<64 - 1, InstrumentID: -3,
		Correlation: "00112233445566778899aabbccddeeff", Body: []byte(`{"k":"exec"}`)}
	want := "omsd-US\n1\n5\nexec\n18446744073709551615\n-3\n00112233445566778899aabbccddeeff\njson\n{\"k\":\"exec\"}"
	if got := string(audit.AppendCanonical(nil, "omsd-US", &first)); got != want {
		t.Errorf("%q", got)
	}
	c := audit.NewChain("omsd-US", audit.Head{})
	one, err := c.Next(first)
	if err != nil || one.Prev != (audit.Hash{}) || one.Hash.String() != "e17757e1c6bfec30d6f32ce11f940132af6f0de8a17177774edf78901e19c493" {
		t.Fatalf("%v %v", one, err)
	}
	two, err := c.Next(audit.Entry{Seq: 2, Kind: audit.KindUnreadable, Body: []byte("not {json")})
	if err != nil || two.Prev != one.Hash || two.Hash.String() != "11ce726848bca76de5a006ef8ee7b3a497c6cd16f8733e4e52e5526f1f258bd3" {
		t.Fatalf("%v %v", two, err)
	}
	if c.Head() != (audit.Head{Seq: 2, Hash: two.Hash}) {
		t.Error(c.Head())
	}
}

func TestAChainTakesOnlyTheNextRecord(t *testing.T) {
	c := audit.NewChain("omsd-US", audit.Head{Seq: 7})
	for _, seq := range []uint64{0, 6, 7, 9} {
		if _, err := c.Next(audit.Entry{Seq: seq}); err == nil || !strings.Contains(err.Error(), "follows record 7") {
			t.Errorf("%d: %v", seq, err)
		}
	}
	if _, err := c.Next(audit.Entry{Seq: 8}); err != nil {
		t.Error(err)
	}
}

func entries() *rapid.Generator[audit.Entry] {
	return rapid.Custom(func(t *rapid.T) audit.Entry {
		return audit.Entry{
			Seq: rapid.Uint64Range(1, 3).Draw(t, "seq"), TsNs: rapid.Int64Range(-2, 2).Draw(t, "ts"),
			Kind:    rapid.SampledFrom([]string{"a", "ab", "unreadable"}).Draw(t, "kind"),
			OrderID: rapid.Uint64Range(0, 2).Draw(t, "order"), InstrumentID: rapid.Int64Range(-1, 1).Draw(t, "instrument"),
			Correlation: rapid.SampledFrom([]string{"", "00112233445566778899aabbccddeeff"}).Draw(t, "correlation"),
			Body:        []byte(rapid.SampledFrom([]string{"", "1", "{}", "\n", "json\n1", "1\n", "raw\n", "{"}).Draw(t, "body")),
		}
	})
}

func TestNoTwoEntriesHaveTheSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := entries().Draw(t, "a"), entries().Draw(t, "b")
		same := a.Seq == b.Seq && a.TsNs == b.TsNs && a.Kind == b.Kind && a.OrderID == b.OrderID &&
			a.InstrumentID == b.InstrumentID && a.Correlation == b.Correlation && bytes.Equal(a.Body, b.Body)
		ca, cb := audit.AppendCanonical(nil, "omsd-US", &a), audit.AppendCanonical(nil, "omsd-US", &b)
		if bytes.Equal(ca, cb) != same {
			t.Fatalf("%q %q", ca, cb)
		}
		sum := sha256.Sum256(append(make([]byte, 32), ca...))
		a.Seq = 1
		row, err := audit.NewChain("omsd-US", audit.Head{}).Next(a)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(sum[:]); a.Seq == 1 && bytes.HasPrefix(ca, []byte("omsd-US\n1\n")) && got != row.Hash.String() {
			t.Fatalf("%s %s", got, row.Hash)
		}
	})
}

func TestNames(t *testing.T) {
	for name, good := range map[string]bool{
		"omsd-US": true, "riskd-HK": true, "omsd": false, "omsd-us": false, "Omsd-US": false, "omsd-US\n": false, "": false, "omsd-US'": false,
	} {
		if err := audit.CheckWriter(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
	for id, good := range map[string]bool{
		"00112233445566778899aabbccddeeff": true, "00000000000000000000000000000000": false, "00112233445566778899AABBCCDDEEFF": false,
		"00112233445566778899aabbccddeef": false, "": false, "00112233445566778899aabbccddeegg": false,
	} {
		if audit.ValidCorrelation(id) != good {
			t.Error(id)
		}
	}
}

func TestAnAnchorComesBack(t *testing.T) {
	want := audit.Anchor{Writer: "riskd-HK", Seq: 1<<64 - 1, Hash: sha256.Sum256([]byte("x"))}
	b, err := audit.EncodeAnchor(77, want)
	if err != nil {
		t.Fatal(err)
	}
	e := audit.Decode(5, b)
	if got, err := audit.DecodeAnchor(e); err != nil || got != want || e.Kind != audit.KindAnchor || e.TsNs != 77 {
		t.Errorf("%+v %+v %v", e, got, err)
	}
	for _, body := range []string{
		`{"k":"anchor"}`, `{"k":"anchor","anchor":{"writer":"omsd-US","seq":0,"hash":"` + want.Hash.String() + `"}}`,
		`{"k":"anchor","anchor":{"writer":"omsd-US","seq":1,"hash":"12"}}`, `{"k":"anchor","anchor":{"writer":"x","seq":1,"hash":"` + want.Hash.String() + `"}}`,
	} {
		if a, err := audit.DecodeAnchor(audit.Decode(1, []byte(body))); err == nil {
			t.Errorf("%s: %+v", body, a)
		}
	}
}
