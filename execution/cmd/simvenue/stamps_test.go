package main

import (
	"strings"
	"testing"
)

func TestOrderNumberIsThatOfAnOrderOfOmsds(t *testing.T) {
	for text, want := range map[string]uint64{
		"8=FIX.4.4|9=140|35=D|49=RISKD|56=SIMVENUE|34=5|11=US-271828|55=B001|54=1|": 271828,
		"8=FIX.4.4|9=140|35=D|34=5|11=US-K3|54=1|":                                  0, // riskd's own
		"8=FIX.4.4|9=140|35=F|34=5|11=US-9|41=US-8|":                                0, // a cancel
		"8=FIX.4.4|9=140|35=D|34=5|11=US-|":                                         0,
		"8=FIX.4.4|9=140|35=D|34=5|54=1|":                                           0,
		"8=FIX":                                                                     0,
	} {
		id, ok := orderNumber([]byte(strings.ReplaceAll(text, "|", "\x01")))
		if id != want || ok != (want > 0) {
			t.Errorf("%s: %d, %v; want %d", text, id, ok, want)
		}
	}
}
