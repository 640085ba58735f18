package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dnalyaw/execution/internal/backtest"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/session"
	"dnalyaw/execution/internal/sim"
	"dnalyaw/execution/internal/targets"
)

// runFile is run.json in the input's folder. Paths are relative to the folder where they are not absolute.
type runFile struct {
	Region   string    `json:"region"`
	Register string    `json:"register"`          // register.jsonl
	Tighter  string    `json:"tighter,omitempty"` // riskd's --tighter file
	Days     []dayFile `json:"days"`              // ascending

	// RearmAfter is after how many sessions that began with the kill switch thrown it is armed again; 0 = never.
	RearmAfter int `json:"rearm_after,omitempty"`
}

// dayFile names the files of one session.
type dayFile struct {
	Session   string `json:"session"`             // YYYY-MM-DD
	Reference string `json:"reference"`           // reference.json
	Market    string `json:"market"`              // without extension: .json and, without quotes, .csv
	Execution string `json:"execution,omitempty"` // session.json
	Targets   string `json:"targets,omitempty"`   // hand-offs, see handoffFile

	// Quotes are files of recorded quotes, see docs/market-data.md; they pass the gates and are read as the session passes.
	Quotes []string `json:"quotes,omitempty"`
}

// handoffFile is a JSON list of hand-offs, by moment.
type handoffFile []struct {
	AtNs       int64               `json:"at_ns"`
	Portfolios []targets.Portfolio `json:"portfolios"`
}

type input struct {
	dir      string
	run      runFile
	register register.Register
	tighter  []byte
}

func strict(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF { // More would take a closing bracket for the end
		return errors.New("something follows the value")
	}
	return nil
}

func readInput(dir string) (*input, error) {
	in := &input{dir: dir}
	path := filepath.Join(dir, "run.json")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := strict(data, &in.run); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if in.run.RearmAfter < 0 {
		return nil, fmt.Errorf("%s: rearm_after is %d: give a number of sessions, or 0 for never", path, in.run.RearmAfter)
	}
	if in.run.Region == "" || in.run.Register == "" || len(in.run.Days) == 0 {
		return nil, fmt.Errorf("%s: region, register and at least one day are needed", path)
	}
	for i := range in.run.Days {
		if i > 0 && in.run.Days[i].Session <= in.run.Days[i-1].Session {
			return nil, fmt.Errorf("%s: day %d, %s, does not follow %s", path, i, in.run.Days[i].Session, in.run.Days[i-1].Session)
		}
	}
	if in.register, err = register.Read(in.at(in.run.Register)); err != nil {
		return nil, err
	}
	if in.run.Tighter != "" {
		if in.tighter, err = os.ReadFile(in.at(in.run.Tighter)); err != nil {
			return nil, err
		}
	}
	return in, nil
}

func (in *input) at(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(in.dir, name)
}

// day reads one session: days are read one by one, so that a run of years takes the memory of a day.
func (in *input) day(d dayFile) (backtest.Day, error) {
	var out backtest.Day
	var err error
	if out.Reference, err = os.ReadFile(in.at(d.Reference)); err != nil {
		return out, err
	}
	if out.Market, err = in.market(d); err != nil {
		return out, err
	}
	if out.Market.Session.Session != d.Session {
		return out, fmt.Errorf("%s is of session %s, run.json says %s", in.at(d.Market), out.Market.Session.Session, d.Session)
	}
	if d.Execution != "" {
		if out.Session, err = session.Read(in.at(d.Execution)); err != nil {
			return out, err
		}
		if out.Session == nil {
			return out, fmt.Errorf("%s is not there", in.at(d.Execution))
		}
	}
	if d.Targets == "" {
		return out, nil
	}
	data, err := os.ReadFile(in.at(d.Targets))
	if err != nil {
		return out, err
	}
	var hs handoffFile
	if err := strict(data, &hs); err != nil {
		return out, fmt.Errorf("%s: %w", in.at(d.Targets), err)
	}
	for _, h := range hs {
		out.Portfolios = append(out.Portfolios, backtest.Handoff{AtNs: h.AtNs, Portfolios: h.Portfolios})
	}
	return out, nil
}

// prepare reads one session and opens its quotes. refused is the file for what the gates refuse of them.
func (in *input) prepare(d dayFile, refused string) (*backtest.Prepared, error) {
	day, err := in.day(d)
	if err != nil {
		return nil, err
	}
	p, err := backtest.Prepare(day)
	if err != nil || len(d.Quotes) == 0 {
		return p, err
	}
	paths := make([]string, len(d.Quotes))
	for i, name := range d.Quotes {
		paths[i] = in.at(name)
	}
	if err := p.OpenQuotes(paths, refused); err != nil {
		return nil, fmt.Errorf("session %s: %w", d.Session, err)
	}
	return p, nil
}

func (in *input) market(d dayFile) (day sim.MarketDay, err error) {
	stem := in.at(d.Market)
	sessionJSON, err := os.ReadFile(stem + ".json")
	if err != nil {
		return day, err
	}
	if day.Session, err = sim.ParseSession(stem+".json", sessionJSON); err != nil || len(d.Quotes) > 0 {
		day.Digest = sim.Digest(sessionJSON, nil)
		return day, err
	}
	eventsCSV, err := os.ReadFile(stem + ".csv")
	if err != nil {
		return day, err
	}
	day.Events, err = sim.ParseEvents(stem+".csv", eventsCSV)
	day.Digest = sim.Digest(sessionJSON, eventsCSV)
	return day, err
}

// check reads a day's reference beforehand, so that a fault is named before hours of running.
func (in *input) check() error {
	var faults []error
	for _, d := range in.run.Days {
		ref, err := reference.Read(in.at(d.Reference))
		switch {
		case err != nil:
			faults = append(faults, err)
		case ref.Region != in.run.Region:
			faults = append(faults, fmt.Errorf("%s is of region %s, run.json of %s", in.at(d.Reference), ref.Region, in.run.Region))
		}
		names := append([]string{d.Market + ".json", d.Execution, d.Targets}, d.Quotes...)
		if len(d.Quotes) == 0 {
			names = append(names, d.Market+".csv")
		}
		for _, name := range names {
			if name == "" {
				continue
			}
			if _, err := os.Stat(in.at(name)); err != nil {
				faults = append(faults, err)
			}
		}
		if len(faults) >= 20 {
			break
		}
	}
	return errors.Join(faults...)
}
