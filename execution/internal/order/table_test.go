package order

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/order-states.md")

const statesPage = "../../../docs/order-states.md"

// page is docs/order-states.md as the table says it.
func page() string {
	var b strings.Builder
	b.WriteString("# Order states\n\nGenerated from the table in `execution/internal/order/table.go`; a test fails when this page is stale.\n" +
		"Write it anew with `go test ./internal/order -run TestStatesPage -update` in `execution/`.\n\n")
	b.WriteString("| state | meaning | ends the order |\n| --- | --- | --- |\n")
	for s := New; s < numStates; s++ {
		end := ""
		if s.Terminal() {
			end = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s, stateMeanings[s], end)
	}
	b.WriteString("\n| event | meaning |\n| --- | --- |\n")
	for e := Submit; e < numEvents; e++ {
		fmt.Fprintf(&b, "| %s | %s |\n", e, eventMeanings[e])
	}
	b.WriteString("\nWhat an event does in a state: the name of the next state, `=` for a duplicate or a report out of order (harmless,\n" +
		"the quantities still count), `-` for an illegal transition (an error, counted, audited in the journal, state unchanged).\n\n| state |")
	for e := Submit; e < numEvents; e++ {
		fmt.Fprintf(&b, " %s |", e)
	}
	b.WriteString("\n|" + strings.Repeat(" --- |", int(numEvents)+1) + "\n")
	for s := New; s < numStates; s++ {
		fmt.Fprintf(&b, "| %s |", s)
		for e := Submit; e < numEvents; e++ {
			switch c := table[e][s]; c.v {
			case illegal:
				b.WriteString(" - |")
			case stay:
				b.WriteString(" = |")
			case move:
				fmt.Fprintf(&b, " %s |", c.to)
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\nA fill after a cancel or an expiry is taken: the filled quantity grows, and the fill that completes the approved\n" +
		"quantity makes the order FILLED. A report whose cumulative quantity is beyond the approved one is illegal in every state.\n")
	return b.String()
}

func TestStatesPageIsFresh(t *testing.T) {
	if *update {
		if err := os.WriteFile(statesPage, []byte(page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(statesPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != page() {
		t.Error("docs/order-states.md is stale; run `go test ./internal/order -run TestStatesPage -update`")
	}
}

// Every state and event has its name, its meaning and its row, and a move never stands still.
func TestTableIsWhole(t *testing.T) {
	for s := New; s < numStates; s++ {
		if stateNames[s] == "" || stateMeanings[s] == "" {
			t.Errorf("state %d has no name or meaning", s)
		}
		var back State
		text, err := s.MarshalText()
		if err != nil || back.UnmarshalText(text) != nil || back != s {
			t.Errorf("state %s does not come back from its text", s)
		}
	}
	for e := Submit; e < numEvents; e++ {
		if eventNames[e] == "" || eventMeanings[e] == "" {
			t.Errorf("event %d has no name or meaning", e)
		}
		legal := 0
		for s := New; s < numStates; s++ {
			c := table[e][s]
			if c.v == move && c.to == s {
				t.Errorf("%s in %s moves to itself; say stay", e, s)
			}
			if c.v != illegal {
				legal++
			}
			if c.v == move && s.Terminal() && !(e == Fill && c.to == Filled) && !(e == Correct && c.to == Cancelled) {
				t.Errorf("%s leaves the terminal state %s", e, s)
			}
		}
		if legal == 0 {
			t.Errorf("event %s is legal nowhere", e)
		}
	}
}

// The lifecycle as the contract tells it, written out by hand.
func TestHandWrittenTransitions(t *testing.T) {
	for _, c := range []struct {
		from State
		e    Event
		to   State
		ok   bool
	}{
		{New, Submit, Submitted, true},
		{New, Withdraw, Cancelled, true},
		{New, Ack, New, false},
		{New, Fill, New, false},
		{Submitted, Approve, Approved, true},
		{Submitted, Deny, Denied, true},
		{Submitted, Submit, Submitted, true},
		{Approved, Ack, Acknowledged, true},
		{Approved, Deny, Approved, false},
		{Acknowledged, Partial, PartiallyFilled, true},
		{PartiallyFilled, Fill, Filled, true},
		{PartiallyFilled, Ack, PartiallyFilled, true},
		{PartiallyFilled, CancelSent, PendingCancel, true},
		{PendingCancel, Partial, PendingCancel, true},
		{PendingCancel, Fill, Filled, true},
		{PendingCancel, CancelDone, Cancelled, true},
		{PendingCancel, CancelRefusedPartial, PartiallyFilled, true},
		{PendingCancel, CancelRefused, Acknowledged, true},
		{Cancelled, Partial, Cancelled, true},
		{Cancelled, Fill, Filled, true},
		{Cancelled, Submit, Cancelled, false},
		{Expired, Fill, Filled, true},
		{Filled, CancelDone, Filled, true},
		{Filled, CancelSent, Filled, false},
		{Filled, VenueReject, Filled, false},
		{Denied, Ack, Denied, false},
		{Denied, Fill, Denied, false},
		{Rejected, Partial, Rejected, false},
		{Acknowledged, Lose, Unknown, true},
		{Unknown, Ack, Acknowledged, true},
		{Unknown, Fill, Filled, true},
		{Submitted, Lapse, Expired, true},
		{PendingCancel, Lapse, Cancelled, true},
		{Acknowledged, Lapse, Acknowledged, false},
		{Acknowledged, Expire, Expired, true},
		{Acknowledged, Replace, Acknowledged, true},
		{PendingCancel, Replace, PendingCancel, true},
		{Submitted, Replace, Submitted, false},
		{Filled, Replace, Filled, false},
		{Unknown, Replace, Acknowledged, true},
		{PartiallyFilled, Correct, PartiallyFilled, true},
		{Filled, Correct, Cancelled, true},
		{Expired, Correct, Expired, true},
		{Rejected, Correct, Rejected, false},
		{Submitted, Correct, Submitted, false},
	} {
		o := NewOrder(Spec{ID: 1, Qty: 10})
		o.State = c.from
		err := o.fire(c.e)
		if (err == nil) != c.ok || o.State != c.to {
			t.Errorf("%s in %s: %s, %v; want %s, legal %v", c.e, c.from, o.State, err, c.to, c.ok)
		}
		if err != nil && !errors.Is(err, ErrIllegal) {
			t.Errorf("%v is not ErrIllegal", err)
		}
	}
}

// The reason codes are read out of the contract's own page.
func TestReasonsAreTheContracts(t *testing.T) {
	data, err := os.ReadFile("../../../docs/contracts.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(data), "## Reason codes")
	section, _, end := strings.Cut(after, "\n## ")
	if !found || !end {
		t.Fatal("docs/contracts.md has no section of reason codes")
	}
	pairs := regexp.MustCompile(`(\d+) ([A-Z_]+)`).FindAllStringSubmatch(section, -1)
	if len(pairs) < 30 || len(pairs) != len(reasonNames) {
		t.Errorf("the contract has %d codes, this package %d", len(pairs), len(reasonNames))
	}
	for _, p := range pairs {
		code, err := strconv.ParseUint(p[1], 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		if got := ReasonName(uint16(code)); got != p[2] {
			t.Errorf("%d is %s in the contract and %s here", code, p[2], got)
		}
		if _, ok := reasonWords[uint16(code)]; !ok {
			t.Errorf("%s has no words", p[2])
		}
	}
}
