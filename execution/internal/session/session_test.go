package session_test

import (
	"strings"
	"testing"

	"dnalyaw/execution/internal/schedule"
	"dnalyaw/execution/internal/session"
)

const good = `{"region":"HK","session":"2026-11-19","open_ns":100,"close_ns":1000,"breaks":[[300,400]],
	"ticks":{"HKEX":[{"from_px":0,"tick":1000},{"from_px":250000,"tick":5000}]},"rule":{"small_adv_ppm":7}}`

func TestASessionByHand(t *testing.T) {
	s, err := session.Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	// 900 from open to close less a break of 100; what the rule leaves out is the default's.
	if s.Number() != 20261119 || s.DayNs() != 800 || s.Rule.SmallADVPPM != 7 || s.Rule.RatePPM != schedule.DefaultRule().RatePPM {
		t.Errorf("%+v", s)
	}
	// 100 before the break, in it, and 50 after it.
	if a, b, c := s.Elapsed(200), s.Elapsed(350), s.Elapsed(450); a != 100 || b != 200 || c != 250 {
		t.Errorf("elapsed %d, %d, %d", a, b, c)
	}
	if up := s.Ticks["HKEX"].Up(251_000); up != 255_000 {
		t.Errorf("the tick above 0.251 is %d", up)
	}
}

func TestEveryFaultIsNamed(t *testing.T) {
	for says, change := range map[string][2]string{
		"region is missing":   {`"HK"`, `""`},
		"not YYYY-MM-DD":      {"2026-11-19", "20261119"},
		"follow the open":     {`"open_ns":100`, `"open_ns":2000`},
		"breaks[0]":           {"[300,400]", "[300,1400]"},
		"leave nothing":       {"[[300,400]]", "[[100,1000]]"},
		"rate_ppm":            {`"small_adv_ppm":7`, `"rate_ppm":-1`},
		`ticks of "HKEX"`:     {`"from_px":0`, `"from_px":5`},
		"router: ":            {`"rule"`, `"router":{},"rule"`},
		"unknown field":       {`"region"`, `"colour":1,"region"`},
		"not JSON":            {`{"region"`, `{"region`},
		"something after its": {`7}}`, `7}} {}`},
		"slice_ns is 0":       {`"small_adv_ppm":7`, `"base":{"slice_ns":0}`},
		"sweep_ns 0":          {`"small_adv_ppm":7`, `"base":{"sweep_ns":0}`},
		"fraction is 999999":  {`"rule"`, `"volume":{"start_ns":100,"end_ns":[300,1000],"cum_ppm":[5,999999]},"rule"`},
		"lies in a break":     {`"rule"`, `"volume":{"start_ns":100,"end_ns":[300,400,1000],"cum_ppm":[5,6,1000000]},"rule"`},
		"covers 100 to 900":   {`"rule"`, `"volume":{"start_ns":100,"end_ns":[900],"cum_ppm":[1000000]},"rule"`},
	} {
		if _, err := session.Parse([]byte(strings.Replace(good, change[0], change[1], 1))); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

// A bracket too many is a damaged file, not an end.
func TestABracketTooManyIsRefused(t *testing.T) {
	for _, end := range []string{"}", "]", "\n}"} {
		if _, err := session.Parse([]byte(good + end)); err == nil || !strings.Contains(err.Error(), "something after its object") {
			t.Errorf("%q: %v", end, err)
		}
	}
}

func TestNoFileIsNoSession(t *testing.T) {
	if s, err := session.Read(t.TempDir() + "/session.json"); s != nil || err != nil {
		t.Errorf("%v, %v", s, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := session.Parse(b)
		if err == nil && s.DayNs() <= 0 {
			t.Fatalf("%+v", s)
		}
	})
}
