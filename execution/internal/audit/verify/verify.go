package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sort"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/store"
)

const (
	window = 5000 // rows that are read at once
	batch  = 5000
)

// Table is where the rows are; a [store.Store] is one.
type Table interface {
	Heads(ctx context.Context, writer string) (table, noted audit.Head, err error)
	Rows(ctx context.Context, writer string, after int64, window int) ([]store.Stored, error)
}

// Options say what a writer's rows are compared with.
type Options struct {
	Writer  string
	Journal audit.Source   // nil: the chain and the anchors alone are checked
	Anchors []audit.Anchor // kept elsewhere than in the journal
}

// Result says how far the rows are good.
type Result struct {
	Writer  string     `json:"writer"`
	Rows    uint64     `json:"rows"`    // good from the first on
	Head    audit.Head `json:"head"`    // the last of them
	Records uint64     `json:"records"` // of the journal; 0 = not read
	Behind  uint64     `json:"behind"`  // records that are not in the table yet
	Anchors int        `json:"anchors"` // compared
	Anchor  uint64     `json:"anchor"`  // the highest row anchored
	Bad     *Finding   `json:"bad,omitempty"`
}

// Run reads all of a writer's rows, the journal beside them, and stops at the first thing that is wrong. An error says that
// the table could not be read.
func Run(ctx context.Context, table Table, o Options) (Result, error) {
	// The heads first: rows that come meanwhile are no surprise then.
	_, noted, err := table.Heads(ctx, o.Writer)
	if err != nil {
		return Result{}, err
	}
	v := &verifier{Options: o, ctx: ctx, res: Result{Writer: o.Writer}, noted: noted, chain: audit.NewChain(o.Writer, audit.Head{}),
		rows: &stored{ctx: ctx, table: table, writer: o.Writer, after: math.MinInt64}}
	err = v.run()
	var bad Finding
	if errors.As(err, &bad) {
		v.res.Bad, err = &bad, nil
	}
	v.res.Head = v.chain.Head()
	v.res.Rows = v.res.Head.Seq
	return v.res, err
}

type verifier struct {
	Options
	ctx     context.Context
	res     Result
	noted   audit.Head
	chain   *audit.Chain // of the rows found good
	rows    *stored
	records *journaled // nil without a journal
	anchors []audit.Anchor
}

func (v *verifier) run() error {
	if err := v.gatherAnchors(); err != nil {
		return err
	}
	for {
		row, err := v.rows.next()
		if err != nil {
			return err
		}
		if row == nil {
			return v.end()
		}
		if err := v.row(*row); err != nil {
			return err
		}
	}
}

// gatherAnchors reads the journal once for the anchors in it: they stand behind the rows that they are of.
func (v *verifier) gatherAnchors() error {
	for _, a := range v.Anchors {
		if a.Writer == v.Writer {
			v.anchors = append(v.anchors, a)
		}
	}
	if v.Journal != nil {
		found, records, err := Anchors(v.ctx, v.Journal, v.Writer)
		if err != nil && !errors.Is(err, audit.ErrBroken) {
			return err // damage is told where the comparison comes to it
		}
		v.anchors, v.res.Records = append(v.anchors, found...), records
		v.records = &journaled{source: v.Journal}
	}
	sort.SliceStable(v.anchors, func(i, j int) bool { return v.anchors[i].Seq < v.anchors[j].Seq })
	if n := len(v.anchors); n > 0 {
		v.res.Anchor = v.anchors[n-1].Seq
	}
	return nil
}

// Anchors gives the anchors of a writer's rows that stand in a journal, and the number of its records.
func Anchors(ctx context.Context, journal audit.Source, writer string) (found []audit.Anchor, records uint64, err error) {
	for ctx.Err() == nil {
		entries, err := journal.Read(records, batch)
		if err != nil || len(entries) == 0 {
			return found, records, err
		}
		for _, e := range entries {
			records = e.Seq
			if e.Kind != audit.KindAnchor {
				continue
			}
			if a, err := audit.DecodeAnchor(e); err == nil && a.Writer == writer {
				found = append(found, a)
			}
		}
	}
	return found, records, ctx.Err()
}

// row takes the next row of the table, which should be the next of the chain.
func (v *verifier) row(s store.Stored) error {
	head := v.chain.Head()
	want := head.Seq + 1
	switch {
	case s.Seq <= 0:
		return v.bad(0, Extra, fmt.Sprintf("a row numbered %d was put in: rows count from 1", s.Seq))
	case uint64(s.Seq) < want:
		return v.bad(uint64(s.Seq), Extra, "it is there twice")
	case uint64(s.Seq) > want:
		return v.bad(want, Missing, fmt.Sprintf("the next one there is %d", s.Seq))
	}
	row, made := s.Row()
	if v.records != nil {
		e, err := v.records.next(want)
		if err != nil {
			return v.journalBad(want, err)
		}
		if e == nil {
			return v.bad(want, Extra, fmt.Sprintf("it is not in the journal, which ends at record %d", head.Seq))
		}
		if what := differences(s, *e); what != "" {
			return v.bad(want, Changed, what+" changed")
		}
		row.Entry = *e
	} else if !made {
		return v.bad(want, Changed, "it is not a row that a writer makes")
	}
	right, err := v.chain.Next(row.Entry)
	if err != nil {
		return err
	}
	switch {
	case string(s.Prev) != string(right.Prev[:]):
		return v.back(head, want, Changed, "prev_hash changed, it is not the hash of the row before")
	case string(s.Hash) != string(right.Hash[:]) && v.records != nil:
		return v.back(head, want, Changed, "hash changed")
	case string(s.Hash) != string(right.Hash[:]):
		return v.back(head, want, Changed, "its content and its hash do not belong together")
	}
	return v.checkAnchors(head, right)
}

// back takes the last step of the chain back: the row was not good.
func (v *verifier) back(head audit.Head, seq uint64, kind Kind, what string) error {
	v.chain = audit.NewChain(v.Writer, head)
	return v.bad(seq, kind, what)
}

func (v *verifier) checkAnchors(head audit.Head, row audit.Row) error {
	for len(v.anchors) > 0 && v.anchors[0].Seq == row.Seq {
		if v.anchors[0].Hash != row.Hash {
			return v.back(head, row.Seq, Rewrote, "an anchor has another hash: up to here something was rewritten, in the table and in the journal")
		}
		v.anchors = v.anchors[1:]
		v.res.Anchors++
	}
	if v.noted.Seq == row.Seq && v.noted.Hash != row.Hash {
		return v.bad(row.Seq, Metadata, "audit.heads has another hash of it")
	}
	return nil
}

// end is after the last row.
func (v *verifier) end() error {
	last := v.chain.Head().Seq
	switch {
	case last < v.res.Anchor:
		return v.bad(last, Cut, fmt.Sprintf("the journal's anchor says %d", v.res.Anchor))
	case last < v.noted.Seq:
		return v.bad(last, Cut, fmt.Sprintf("audit.heads says %d", v.noted.Seq))
	}
	// A row comes together with its note, so a note that was read after the rows has all of them.
	_, noted, err := v.rows.table.Heads(v.ctx, v.Writer)
	if err != nil {
		return err
	}
	if noted.Seq < last {
		return v.bad(noted.Seq+1, Extra, fmt.Sprintf("it was put in behind the trigger's back: audit.heads says %d", noted.Seq))
	}
	if v.records == nil {
		return nil
	}
	// What is not in the table yet must be readable all the same.
	for seq := last + 1; ; seq++ {
		e, err := v.records.next(seq)
		if err != nil {
			return v.journalBad(seq, err)
		}
		if e == nil {
			v.res.Behind = seq - 1 - last
			return nil
		}
	}
}

func (v *verifier) bad(seq uint64, kind Kind, what string) error {
	return Finding{Writer: v.Writer, Seq: seq, Kind: kind, What: what}
}

func (v *verifier) journalBad(seq uint64, err error) error {
	if errors.Is(err, audit.ErrBroken) {
		return v.bad(seq, Unsound, "its record cannot be read: "+err.Error())
	}
	return err
}
