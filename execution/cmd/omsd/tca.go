package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/quotebook"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/router"
	"dnalyaw/execution/internal/tca"
)

// costsCommand is the word by which omsd analyses a session's costs instead of serving. It reads what omsd has left and
// changes nothing of it; omsd may be serving meanwhile.
const costsCommand = "costs"

const costsUsage = "usage: omsd " + costsCommand + " --dir DIR --hours SESSION.json --reference FILE --out FILE [--closes FILE]"

// The comparison of the paths: a 95% interval, and as many redraws as make its p-value good to half a percent.
const (
	pathsConfidence = 0.95
	pathsRedraws    = 10_000
)

type costsOptions struct{ dir, hours, reference, closes, out string }

func parseCosts(args []string) (costsOptions, error) {
	var o costsOptions
	fs := flag.NewFlagSet(costsCommand, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&o.dir, "dir", "", "")
	fs.StringVar(&o.hours, "hours", "", "")
	fs.StringVar(&o.reference, "reference", "", "")
	fs.StringVar(&o.closes, "closes", "", "")
	fs.StringVar(&o.out, "out", "", "")
	if err := fs.Parse(args); err != nil {
		return o, fmt.Errorf("%w; %s", err, costsUsage)
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q; %s", fs.Arg(0), costsUsage)
	}
	for _, f := range []struct{ name, value string }{{"dir", o.dir}, {"hours", o.hours}, {"reference", o.reference}, {"out", o.out}} {
		if f.value == "" {
			return o, fmt.Errorf("--%s is missing; %s", f.name, costsUsage)
		}
	}
	return o, nil
}

// costs writes the rows of a session, and one line of JSON that says what they rest on.
func costs(args []string, stdout, stderr io.Writer) int {
	opts, err := parseCosts(args)
	if err != nil {
		fmt.Fprintf(stderr, "omsd: %v\n", err)
		return exitUsage
	}
	summary, err := writeCosts(opts)
	if err == nil {
		err = json.NewEncoder(stdout).Encode(summary)
	}
	if err != nil {
		fmt.Fprintf(stderr, "omsd: costs: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
		return exitFailed
	}
	return exitOK
}

// costsSummary is what the rows rest on.
type costsSummary struct {
	Region     string   `json:"region"`
	Session    uint32   `json:"session"`
	Parents    int      `json:"parents"`
	Children   int      `json:"children"`
	QuoteFiles int      `json:"quote_files"` // files of kept quotes that were there
	TornLines  int      `json:"torn_lines"`  // of them, lines that a crash had cut short
	Skipped    []string `json:"skipped"`     // parents that could not be measured, and why
	Paths      string   `json:"paths"`       // why the paths are not compared; empty when they are
}

func writeCosts(o costsOptions) (costsSummary, error) {
	s := costsSummary{Skipped: []string{}}
	data, err := os.ReadFile(o.hours)
	if err != nil {
		return s, fmt.Errorf("--hours: %w", err)
	}
	day, err := feed.ParseSession(o.hours, data)
	if err != nil {
		return s, err
	}
	number, err := strconv.ParseUint(strings.ReplaceAll(day.Session, "-", ""), 10, 32)
	if err != nil {
		return s, fmt.Errorf("%s: session is %.40q: give YYYY-MM-DD", o.hours, day.Session)
	}
	s.Region, s.Session = day.Region, uint32(number)
	ref, err := reference.Read(o.reference)
	if err != nil {
		return s, err
	}
	closes, err := readCloses(o.closes)
	if err != nil {
		return s, err
	}
	found, err := core.ReadCosts(filepath.Join(o.dir, "journal"), s.Session, core.Hours{OpenNs: day.OpenNs, CloseNs: day.CloseNs, Breaks: day.Breaks})
	if err != nil {
		return s, err
	}
	series, err := quotebook.ReadSeries(filepath.Join(o.dir, quotesDir), day.OpenNs, day.CloseNs, closes)
	if err != nil {
		return s, err
	}
	s.QuoteFiles, s.TornLines = series.Files, series.Torn
	var out bytes.Buffer
	if err := analyse(&s, &out, found, series, ref); err != nil {
		return s, err
	}
	return s, writeWhole(o.out, out.Bytes())
}

// analyse writes the rows of every parent, their sums and the comparison of the paths.
func analyse(s *costsSummary, out io.Writer, found core.Costs, series *quotebook.Series, ref *reference.Reference) error {
	sums := tca.NewAggregator()
	var outcomes []router.Outcome
	for _, p := range found.Parents {
		r, err := tca.Analyse(see(p, series, ref), series)
		if err != nil {
			s.Skipped = append(s.Skipped, err.Error())
			continue
		}
		if err := errors.Join(tca.Write(out, r.Rows()...), sums.Add(r)); err != nil {
			return err
		}
		s.Parents, s.Children = s.Parents+1, s.Children+len(r.Children)
		for _, c := range r.Children {
			if a, ok := found.Assigned[c.ChildID]; ok {
				u := router.Outcome{Assignment: a, Missing: c.CostBp == nil}
				if !u.Missing {
					u.CostBp = *c.CostBp
				}
				outcomes = append(outcomes, u)
			}
		}
	}
	for _, row := range sums.Rows() {
		if err := tca.Write(out, row); err != nil {
			return err
		}
	}
	if found.Design == nil {
		s.Paths = "the session has no experiment between two paths"
		return nil
	}
	row, err := comparePaths(s.Session, found.Design.Design, outcomes)
	if err != nil {
		s.Paths = err.Error()
		if !errors.Is(err, router.ErrTooFew) {
			return nil // a record that is not this design's: the costs stand, the comparison does not
		}
	}
	return tca.Write(out, row)
}

// see gives a parent the market of the kept quotes where they have it; where they have not, what omsd knew then stands.
func see(p tca.Parent, series *quotebook.Series, ref *reference.Reference) tca.Parent {
	at := func(ns int64, known tca.Quote) tca.Quote {
		if q := series.At(p.InstrumentID, ns); q.Bid > 0 || q.Ask > 0 {
			return q
		}
		return known
	}
	p.Currency = ref.Currency
	p.Arrival = at(p.ArrivalNs, p.Arrival)
	for i := range p.Children {
		c := &p.Children[i]
		c.Sent, c.Done = at(c.SentNs, c.Sent), at(c.DoneNs, c.Done)
		if c.Venue == "" {
			c.Venue = ref.Instruments[p.InstrumentID].Venue
		}
		for j := range c.Fills {
			c.Fills[j].Quote = at(told(c.Fills[j].TsNs), c.Fills[j].Quote)
		}
	}
	return p
}

// told is the last moment that a time of the venue's reports can mean: FIX tells whole milliseconds, cut off, and a fill is
// often made by the very quote that came in that millisecond.
func told(ns int64) int64 {
	const ms = int64(time.Millisecond)
	if ns%ms == 0 {
		return ns + ms - 1
	}
	return ns
}

// comparePaths is path 1 against path 2. With ErrTooFew the row has the counts and no difference.
func comparePaths(session uint32, design router.Design, outcomes []router.Outcome) (tca.PathsRow, error) {
	c, err := router.Compare(router.Options{Design: design, Confidence: pathsConfidence, Redraws: pathsRedraws, Seed: design.Seed}, outcomes)
	row := tca.PathsRow{
		Kind: "paths", Schema: tca.SchemaVersion, Session: session, N1: c.N[0], N2: c.N[1], Missing1: c.Missing[0], Missing2: c.Missing[1], Forced: c.Forced,
		Strata: c.Strata, UsedStrata: c.UsedStrata, Confidence: pathsConfidence, Redraws: pathsRedraws,
	}
	if err == nil {
		row.Mean1Bp, row.Mean2Bp, row.DiffBp, row.StdErrBp = &c.MeanBp[0], &c.MeanBp[1], &c.DiffBp, &c.StdErrBp
		row.LowBp, row.HighBp, row.P = &c.LowBp, &c.HighBp, &c.P
	}
	return row, err
}

// readCloses reads official closing prices: a JSON object, instrument id to millionths. Without a file there are none.
func readCloses(path string) (map[int64]int64, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--closes: %w", err)
	}
	out := map[int64]int64{}
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("--closes %s: %w", path, err)
	}
	for id, px := range out {
		if id <= 0 || px <= 0 {
			return nil, fmt.Errorf("--closes %s: instrument %d closes at %d: ids and prices are positive", path, id, px)
		}
	}
	return out, nil
}

// writeWhole writes a file whole or not at all.
func writeWhole(path string, data []byte) error {
	tmp := path + ".partial"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return nil
}
