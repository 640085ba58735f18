package feed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Files is what a list of files was recognised as.
type Files struct {
	Feed    Feed
	Actions []Action // known from files beside them: for the gate to be told of
}

// OpenFiles recognises market data by the names of its files and joins them in the order of time:
//
//	market/2024-06-28.csv, or without .csv: a session of the simulated venue, with its .json
//	minute/spy/20131007_quote.zip, _trade.zip, daily/spy.zip: LEAN's layout, with the map and factor files of its folder
//	NAME.dbn, NAME.dbn.zst: Databento's encoding
//	NAME.csv.gz: Zipline's daily bars, with bundle_splits.csv beside them
//
// Instruments that no file identifies are numbered from 1 as their symbols come up. Nothing is read but what
// stands beside the files; Connect does that.
func OpenFiles(paths []string) (Files, error) {
	if len(paths) == 0 {
		return Files{}, errors.New("no file of market data is named")
	}
	o := opener{days: map[string]struct{}{}, lean: map[string]*LeanIdentities{}, numbers: map[string]int64{}}
	for _, path := range paths {
		if err := o.open(path); err != nil {
			return Files{}, err
		}
	}
	if len(o.days) > 0 {
		days := make([]string, 0, len(o.days))
		for day := range o.days {
			days = append(days, day)
		}
		slices.Sort(days)
		marks, err := NewYork().Marks(days...)
		if err != nil {
			return Files{}, err
		}
		o.feeds = append(o.feeds, marks) // last: a minute that ends at the open comes before it
	}
	SortActions(o.actions)
	if len(o.feeds) == 1 {
		return Files{o.feeds[0], o.actions}, nil
	}
	return Files{NewMerge(o.feeds...), o.actions}, nil
}

type opener struct {
	feeds   []Feed
	actions []Action
	days    map[string]struct{} // of minute files, which tell no hours
	lean    map[string]*LeanIdentities
	numbers map[string]int64 // of symbols without an identity
}

func (o *opener) open(path string) error {
	base := filepath.Base(path)
	switch {
	case strings.HasSuffix(base, ".dbn"), strings.HasSuffix(base, ".dbn.zst"):
		o.feeds = append(o.feeds, NewDBN(path, nil))
		return nil
	case strings.HasSuffix(base, ".csv.gz"):
		return o.zipline(path)
	case strings.HasSuffix(base, "_quote.zip"), strings.HasSuffix(base, "_trade.zip"):
		return o.minute(path)
	case strings.HasSuffix(base, ".zip"):
		return o.daily(path)
	case exists(strings.TrimSuffix(path, ".csv") + ".json"):
		return o.market(strings.TrimSuffix(path, ".csv"))
	}
	return fmt.Errorf("%s: is no market data that is known; give SESSION.csv with its SESSION.json, LEAN's zip files, .dbn, .dbn.zst or .csv.gz", path)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (o *opener) market(path string) error {
	data, err := os.ReadFile(path + ".json")
	if err != nil {
		return fmt.Errorf("market session: %w", err)
	}
	session, err := ParseSession(path+".json", data)
	if err != nil {
		return err
	}
	o.actions = append(o.actions, session.Announced()...)
	o.feeds = append(o.feeds, NewMarket(path))
	return nil
}

// number is the id of a symbol that no file identifies.
func (o *opener) number(symbol string) int64 {
	id, known := o.numbers[symbol]
	if !known {
		id = int64(len(o.numbers) + 1)
		o.numbers[symbol] = id
	}
	return id
}

// identities are those of a LEAN folder, nil where it has no map files.
func (o *opener) identities(folder string) (*LeanIdentities, error) {
	who, known := o.lean[folder]
	if known || !exists(filepath.Join(folder, "map_files")) {
		return who, nil
	}
	who, err := ReadLeanIdentities(filepath.Join(folder, "map_files"))
	if err != nil {
		return nil, err
	}
	o.lean[folder] = who
	for _, id := range who.IDs() {
		path := filepath.Join(folder, "factor_files", who.File(id)+".csv")
		data, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("factor file: %w", err)
		}
		actions, err := ParseLeanFactors(path, data, id)
		if err != nil {
			return nil, err
		}
		o.actions = append(o.actions, actions...)
	}
	return who, nil
}

func (o *opener) minute(path string) error {
	folder := filepath.Dir(path)
	ticker := filepath.Base(folder)
	who, err := o.identities(filepath.Dir(filepath.Dir(folder)))
	if err != nil {
		return err
	}
	text, _, _ := strings.Cut(filepath.Base(path), "_")
	day, ok := parseInt([]byte(text))
	if !ok {
		return fmt.Errorf("%s: the name begins with %.40q, want a day YYYYMMDD", path, text)
	}
	id := int64(0)
	if who != nil {
		if id, ok = who.Who(ticker, day); !ok {
			return fmt.Errorf("%s: no map file says who %s was on %d", path, strings.ToUpper(ticker), day)
		}
	} else {
		id = o.number(ticker)
	}
	o.days[text] = struct{}{}
	o.feeds = append(o.feeds, NewLeanMinute(path, id, strings.ToUpper(ticker)))
	return nil
}

func (o *opener) daily(path string) error {
	who, err := o.identities(filepath.Dir(filepath.Dir(path)))
	if err != nil {
		return err
	}
	ask := func(ticker string, _ int64) (int64, bool) { return o.number(ticker), true }
	if who != nil {
		ask = who.Who
	}
	o.feeds = append(o.feeds, NewLeanDaily(path, ask))
	return nil
}

func (o *opener) zipline(path string) error {
	o.feeds = append(o.feeds, NewZipline(path, o.number))
	splits := filepath.Join(filepath.Dir(path), "bundle_splits.csv")
	data, err := os.ReadFile(splits)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("splits: %w", err)
	}
	actions, err := ParseZiplineSplits(splits, data, o.number)
	o.actions = append(o.actions, actions...)
	return err
}
