package reference_test

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"dnalyaw/execution/internal/reference"
)

const good = `{"region":"US","session":"2024-01-05","currency":"USD","generated_at":"2024-01-05T14:00:00Z","instruments":[
{"instrument_id":1,"issuer_id":1,"label":"A.NASDAQ","symbol":"A","sector":null,"lot":100,"tick_micro":10000,"currency":"USD","tradable":true,"volatility_bp":1,"adv":1}]}`

// The hash was made with sha256sum.
func TestParse(t *testing.T) {
	ref, err := reference.Parse([]byte(good))
	if err != nil || ref.Session != 20240105 || ref.Region != "US" || ref.Instruments[1].Lot != 100 || ref.Instruments[1].TickMicro != 10_000 {
		t.Fatalf("%+v, %v", ref, err)
	}
	abc, err := reference.Parse([]byte(`{"region":"US","session":"2024-01-05","instruments":[{"instrument_id":1,"lot":1,"tick_micro":1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	const want = "4e5f28b5ba6e82f5d84715d143869eb6ff9270b36ea69f9254df49e1c9a48d8c"
	if abc.Hex() != want {
		t.Errorf("hash %s, want %s", abc.Hex(), want)
	}
	first, err := hex.DecodeString(want[:16])
	if err != nil {
		t.Fatal(err)
	}
	wire := binary.LittleEndian.Uint64(first) // as the frame's bytes carry them
	if !abc.Matches(wire) || abc.Matches(wire+1) {
		t.Error("the first eight bytes do not match as they should")
	}
}

func TestAllFaultsAreNamed(t *testing.T) {
	bad := strings.NewReplacer(`"US"`, `""`, "2024-01-05\"", "5 Jan\"", `"lot":100`, `"lot":0`).Replace(good)
	_, err := reference.Parse([]byte(bad))
	for _, want := range []string{"session", "region", "lot 0"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	twice := strings.Replace(good, "]}", `,{"instrument_id":1,"lot":1,"tick_micro":1},{"instrument_id":-4,"lot":1,"tick_micro":1},{"instrument_id":5,"lot":1,"tick_micro":0}]}`, 1)
	_, err = reference.Parse([]byte(twice))
	for _, want := range []string{"1 is there twice", "-4 is not positive", "tick_micro 0"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
	if _, err := reference.Parse([]byte("[]")); err == nil {
		t.Error("a list is taken for a reference")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, b []byte) {
		ref, err := reference.Parse(b)
		if err != nil {
			return
		}
		for id, in := range ref.Instruments {
			if id <= 0 || in.Lot < 1 || in.TickMicro < 1 {
				t.Fatalf("%+v", in)
			}
		}
	})
}
