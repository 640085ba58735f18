package main

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMicro(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1_000_000, "20.5": 20_500_000, "0.000001": 1, "100.10": 100_100_000, "7.1230000000": 7_123_000, "1.": 1_000_000,
	} {
		if got, err := parseMicro(text); err != nil || got != want {
			t.Errorf("%s: %d %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", ".", ".5", "-1", "+1", "1e3", " 1", "1,5", "0.0000001", "9223372036854775807", "1.2.3", "NaN", "0x1"} {
		if got, err := parseMicro(text); err == nil {
			t.Errorf("%q: accepted as %d", text, got)
		}
	}
	for v, want := range map[int64]string{0: "0", 1: "0.000001", -2_500_000: "-2.5", 974_494_750_000: "974494.75", 3_000_000: "3"} {
		if got := formatMicro(v); got != want {
			t.Errorf("%d: %s, want %s", v, got, want)
		}
	}
	if _, err := parseQty("1.5"); err == nil || !strings.Contains(err.Error(), "no whole quantity") {
		t.Errorf("1.5 shares: %v", err)
	}
}

func TestMicroThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(0, 1<<62).Draw(t, "v")
		if got, err := parseMicro(formatMicro(v)); err != nil || got != v {
			t.Fatalf("%d came back as %d: %v", v, got, err)
		}
	})
}

func FuzzParseMicro(f *testing.F) {
	for _, seed := range []string{"1.5", "-1", "1e9", "00012.500000000", "."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseMicro(text)
		if err != nil {
			return
		}
		if v < 0 || strings.Trim(text, "0123456789.") != "" {
			t.Fatalf("%q accepted as %d", text, v)
		}
		if again, err := parseMicro(formatMicro(v)); err != nil || again != v {
			t.Fatalf("%q: %d, then %d %v", text, v, again, err)
		}
	})
}

// Ids are permanent 63-bit numbers: those of real data do not fit in a quantity in millionths.
func TestInstrumentIDsUseAllTheirBits(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "15088045617643": 15088045617643, "223691312259416": 223691312259416, "9223372036854775807": 9223372036854775807,
	} {
		if got, err := parseID(text); err != nil || got != want {
			t.Errorf("parseID(%q) = %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "+1", "1.0", "9223372036854775808", "1e3", " 1"} {
		if got, err := parseID(text); err == nil {
			t.Errorf("parseID(%q) = %d, wanted an error", text, got)
		}
	}
}
