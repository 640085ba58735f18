package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/gate"
)

// check runs files through the gates and prints what was refused, by reason.
func check(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	refused := flags.String("refused", "", "")
	examples := flags.Int("examples", 3, "")
	oneSided := flags.String("one-sided", "pass", "")
	locked := flags.String("locked", "pass", "")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *examples < 0 || *examples > 1000 {
		return fmt.Errorf("--examples %d: give 0 to 1000", *examples)
	}
	config := gate.Default()
	for _, p := range []struct {
		name, value string
		into        *bool
	}{{"--one-sided", *oneSided, &config.OneSidedRefused}, {"--locked", *locked, &config.LockedRefused}} {
		if p.value != "pass" && p.value != "refuse" {
			return fmt.Errorf("%s %q: give pass or refuse", p.name, p.value)
		}
		*p.into = p.value == "refuse"
	}
	files, err := feed.OpenFiles(flags.Args())
	if err != nil {
		return err
	}
	g, err := gate.New(config)
	if err != nil {
		return err
	}
	for _, a := range files.Actions {
		if err := g.Announce(a); err != nil {
			return err
		}
	}
	c := &checker{gate: g, feed: files.Feed, examples: map[gate.Reason][]string{}, most: *examples}
	if *refused != "" {
		if err := c.keepIn(*refused); err != nil {
			return err
		}
		defer func() {
			if e := c.files.Close(); err == nil && e != nil {
				err = failure{e}
			}
		}()
	}
	if err := feed.Open(ctx, files.Feed); err != nil {
		return err
	}
	defer files.Feed.Close()
	if err := c.run(ctx); err != nil {
		return failure{err}
	}
	return c.print(stdout)
}

type checker struct {
	gate     *gate.Gate
	feed     feed.Feed
	keep     *gate.Keeper
	files    *gate.Files
	examples map[gate.Reason][]string
	most     int
	n        uint64
	statuses uint64
}

// Sizes of what --refused keeps.
const (
	keptRoom  = 4096
	keptBytes = 64 << 20
	keptFiles = 16
)

func (c *checker) keepIn(dir string) (err error) {
	if c.keep, err = gate.NewKeeper(keptRoom, c.feed.Symbol); err != nil {
		return err
	}
	c.files, err = gate.OpenFiles(dir, keptBytes, keptFiles)
	return err
}

func (c *checker) run(ctx context.Context) error {
	var q feed.Quote
	for c.feed.Next(&q) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if q.Kind == feed.KindStatus {
			c.statuses++
		} else {
			c.n++
		}
		v := c.gate.Check(&q)
		c.settle()
		if v.Outcome == gate.Refuse {
			c.note(&q, v)
		}
		if err := c.drain(keptRoom / 2); err != nil {
			return err
		}
	}
	c.gate.Flush()
	c.settle()
	if err := c.drain(0); err != nil {
		return err
	}
	return c.feed.Err()
}

func (c *checker) settle() {
	for i := range c.gate.Settled() {
		if s := &c.gate.Settled()[i]; s.Verdict.Outcome == gate.Refuse {
			c.note(&s.Quote, s.Verdict)
		}
	}
}

func (c *checker) note(q *feed.Quote, v gate.Verdict) {
	if len(c.examples[v.Reason]) < c.most {
		at := time.Unix(0, q.TsNs).UTC().Format("2006-01-02 15:04:05.000")
		c.examples[v.Reason] = append(c.examples[v.Reason], at+" "+gate.Explain(q, v, c.feed.Symbol(q.InstrumentID)))
	}
	if c.keep != nil {
		c.keep.Put(q, v)
	}
}

// drain writes what is kept once more than so many wait.
func (c *checker) drain(above int) error {
	if c.keep == nil {
		return nil
	}
	if _, waiting := c.keep.Kept(); waiting <= above {
		return nil
	}
	_, err := c.keep.Drain(c.files)
	return err
}

func (c *checker) print(stdout io.Writer) error {
	out := bufio.NewWriter(stdout)
	t := c.gate.Totals()
	share := 0.0
	if c.n > 0 {
		share = 100 * float64(t.Refused) / float64(c.n)
	}
	fmt.Fprintf(out, "%d quotes, trades and prints: %d passed (%d of them held first), %d refused (%.3g%%)\n", c.n, t.Passed, t.Held-c.heldRefused(), t.Refused, share)
	byReason := map[gate.Reason]uint64{}
	names := map[gate.Reason]map[int64]struct{}{}
	for _, n := range c.gate.Counts() {
		byReason[n.Reason] += n.N
		if names[n.Reason] == nil {
			names[n.Reason] = map[int64]struct{}{}
		}
		names[n.Reason][n.InstrumentID] = struct{}{}
	}
	if len(byReason) > 0 {
		fmt.Fprintf(out, "\n%-14s %10s %12s  %s\n", "reason", "count", "instruments", "examples")
	}
	for _, r := range gate.Reasons() {
		if byReason[r] == 0 {
			continue
		}
		fmt.Fprintf(out, "%-14s %10d %12d", r, byReason[r], len(names[r]))
		for i, text := range c.examples[r] {
			if i > 0 {
				fmt.Fprintf(out, "\n%38s", "")
			}
			fmt.Fprintf(out, "  %s", text)
		}
		fmt.Fprintln(out)
	}
	if err := out.Flush(); err != nil {
		return failure{err}
	}
	return nil
}

// heldRefused is how many were held and then refused: every spike that is refused was held.
func (c *checker) heldRefused() uint64 {
	n := uint64(0)
	for _, x := range c.gate.Counts() {
		if x.Reason == gate.Spike {
			n += x.N
		}
	}
	return n
}
