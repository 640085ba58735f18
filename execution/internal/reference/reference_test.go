package reference_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
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

const full = `{"region":"US","session":"2024-01-05","currency":"USD","firm_currency":"EUR","firm_rate_micro":920000,"strategies":["momentum","value"],"instruments":[
{"instrument_id":1,"label":"A.B.NASDAQ","lot":1,"tick_micro":10000},
{"instrument_id":2,"label":"C.NYSE","venue":"ARCA","restricted":true,"gap_bp":900,"locate":500,"close_micro":41250000,"split_num":4,"split_den":1,"lot":1,"tick_micro":10000}]}`

func TestOptionalFieldsAndTheirDefaults(t *testing.T) {
	ref, err := reference.Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	if a := ref.Instruments[1]; a.Venue != "NASDAQ" || a.Restricted || a.GapBp != 0 || a.Locate != 0 || a.CloseMicro != 0 || a.SplitNum != 1 || a.SplitDen != 1 {
		t.Errorf("defaults are %+v", a)
	}
	if c := ref.Instruments[2]; c.Venue != "ARCA" || !c.Restricted || c.GapBp != 900 || c.Locate != 500 || c.CloseMicro != 41_250_000 || c.SplitNum != 4 || c.SplitDen != 1 {
		t.Errorf("given fields are %+v", c)
	}
	if !ref.Lists("value") || ref.Lists("carry") {
		t.Error("the listed strategies are momentum and value")
	}
	for _, c := range []struct {
		shares map[string]int64
		want   uint64
	}{
		{map[string]int64{"momentum": 5}, 1}, {map[string]int64{"value": 1, "momentum": 2}, 3}, {map[string]int64{"value": 3, "momentum": 0}, 2},
		{map[string]int64{"_unattributed": 7}, 0}, {nil, 0},
	} {
		if got := ref.Mask(c.shares); got != c.want {
			t.Errorf("mask of %v is %b, want %b", c.shares, got, c.want)
		}
	}
	unlisted, err := reference.Parse([]byte(good))
	if err != nil || !unlisted.Lists("anything") || unlisted.Mask(map[string]int64{"anything": 1}) != 0 {
		t.Errorf("a file without strategies: %v", err)
	}
}

func TestFaultsOfOptionalFieldsAreNamed(t *testing.T) {
	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprintf("%q", fmt.Sprintf("s%d", i))
	}
	for bad, want := range map[string]string{
		strings.Replace(full, `"gap_bp":900`, `"gap_bp":-1`, 1):                           "gap_bp -1",
		strings.Replace(full, `"locate":500`, `"locate":-5`, 1):                           "locate -5",
		strings.Replace(full, `"close_micro":41250000`, `"close_micro":-1`, 1):            "close_micro -1",
		strings.Replace(full, `"split_den":1`, `"split_den":0`, 1):                        "split 4 for 0",
		strings.Replace(full, `"value"]`, `"momentum"]`, 1):                               "strategies[1]",
		strings.Replace(full, `"value"]`, `""]`, 1):                                       "strategies[1]",
		strings.Replace(full, `["momentum","value"]`, "["+strings.Join(many, ",")+"]", 1): "65 strategies",
		strings.Replace(full, `"restricted":true`, `"restricted":"yes"`, 1):               "restricted",
	} {
		if _, err := reference.Parse([]byte(bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(full))
	f.Fuzz(func(t *testing.T, b []byte) {
		ref, err := reference.Parse(b)
		if err != nil {
			return
		}
		for id, in := range ref.Instruments {
			if id <= 0 || in.Lot < 1 || in.TickMicro < 1 || in.GapBp < 0 || in.Locate < 0 || in.CloseMicro < 0 || in.SplitNum < 1 || in.SplitDen < 1 {
				t.Fatalf("%+v", in)
			}
		}
	})
}
