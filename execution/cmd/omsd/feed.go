package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"time"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/gate"
	"dnalyaw/execution/internal/metrics"
	"dnalyaw/execution/internal/quotebook"
	"dnalyaw/execution/internal/reference"
)

// The folders under --dir in which the feed's messages are kept.
const (
	quotesDir  = "quotes"
	refusedDir = "refused"
)

const (
	refusedRoom = 1 << 14          // refused quotes that may wait to be written
	refusedSize = int64(16e6)      // bytes of a file of them
	refusedMost = 8                // files
	againAfter  = 30 * time.Second // a source that has ended as it should is asked again: another session may follow
	keepEvery   = time.Second      // between two writes of what is kept
	publish     = 4096             // messages after which the counts are published at the latest
)

// quotes reads market data through the gates, in goroutines of its own: the loop looks into the book and waits for
// nothing. A nil one is no feed.
type quotes struct {
	client    *feed.Client
	reference string
	book      *quotebook.Book
	keeper    *gate.Keeper
	files     *gate.Files
	log       *slog.Logger
	before    map[string]uint64 // refused by the gates of streams that have ended

	mu      sync.Mutex
	archive *quotebook.Archive // nil once it cannot be written
	names   map[int64]string
	refused map[string]uint64
}

// openFeed makes what --feed asks for; nil when it is not given.
func openFeed(opts options, observed *metrics.Metrics, log *slog.Logger) (*quotes, error) {
	if opts.feed == "" {
		return nil, nil
	}
	archive, err := quotebook.OpenArchive(filepath.Join(opts.dir, quotesDir))
	if err != nil {
		return nil, err
	}
	files, err := gate.OpenFiles(filepath.Join(opts.dir, refusedDir), refusedSize, refusedMost)
	if err != nil {
		return nil, err
	}
	q := &quotes{
		client:    feed.NewClient(feed.ClientOptions{Network: "unix", Address: opts.feed, Log: log}),
		reference: opts.reference, book: quotebook.NewBook(), files: files, archive: archive, log: log,
		names: map[int64]string{}, refused: map[string]uint64{}, before: map[string]uint64{},
	}
	if q.keeper, err = gate.NewKeeper(refusedRoom, q.symbol); err != nil {
		q.close()
		return nil, err
	}
	return q, observed.WatchFeed(q)
}

func (q *quotes) close() {
	if q == nil {
		return
	}
	if err := q.files.Close(); err != nil {
		q.log.Warn("close the file of refused quotes", "error", err.Error())
	}
}

// market is the book as the core reads it.
func (q *quotes) market() core.MarketData {
	if q == nil {
		return nil
	}
	return q.book
}

// State and Refused are for the metrics.
func (q *quotes) State() (up bool, passed uint64) { return q.book.State() }

// Refused counts by reason.
func (q *quotes) Refused() map[string]uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return maps.Clone(q.refused)
}

func (q *quotes) symbol(id int64) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.names[id]
}

// run reads until the context ends, and writes what is kept beside it.
func (q *quotes) run(ctx context.Context) {
	if q == nil {
		return
	}
	var keeping sync.WaitGroup
	ended := make(chan struct{})
	keeping.Go(func() { q.keep(ended) })
	if err := q.read(ctx); err != nil && ctx.Err() == nil {
		q.log.Error("the feed has ended; schedules go by the volume that is expected", "error", err.Error())
	}
	q.book.Take(&feed.Quote{Kind: feed.KindStatus, Status: feed.StatusDown})
	close(ended)
	keeping.Wait()
}

func (q *quotes) read(ctx context.Context) error {
	for {
		if err := q.connection(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		q.log.Info("the feed's source has ended")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(againAfter):
		}
	}
}

// connection reads a feed through gates of its own until it ends.
func (q *quotes) connection(ctx context.Context) error {
	config := gate.Default()
	config.Sequenced = true
	// Whether the line lives is judged by its heartbeats. In a replay seconds of the session pass in no time, and silence of
	// the market is no fault of the line.
	config.MaxSilenceNs, config.SilenceFactor = 0, 0
	g, err := gate.New(config)
	if err != nil {
		return err
	}
	if err := feed.Open(ctx, q.client); err != nil {
		return err
	}
	defer q.client.Close()
	filter := gate.NewFilter(q.client, g, q.keeper)
	var one feed.Quote
	for n := 1; filter.Next(&one); n++ {
		if one.Kind == feed.KindStatus {
			q.status(&one, g)
		}
		q.put(&one)
		q.book.Take(&one)
		if n%publish == 0 || one.Kind == feed.KindStatus {
			q.count(g)
		}
	}
	q.count(g)
	q.before = q.Refused()
	return filter.Err()
}

// status takes in what a status tells of the line.
func (q *quotes) status(one *feed.Quote, g *gate.Gate) {
	switch one.Status {
	case feed.StatusDown:
		q.log.Warn("the feed is down; schedules go by the volume that is expected", "clock_ns", one.TsNs, "seq", one.Seq)
	case feed.StatusSync:
		q.log.Info("the feed is up", "clock_ns", one.TsNs, "seq", one.Seq)
		q.learn(g)
	case feed.StatusGap:
		q.log.Warn("messages of the feed are missing", "missing", one.LastSize, "seq", one.Seq)
	case feed.StatusNone, feed.StatusOpen, feed.StatusBreak, feed.StatusClose, feed.StatusHalt, feed.StatusResume, feed.StatusEnd, feed.StatusBeat:
	}
}

// learn tells the gates what the reference knows of each instrument. A split needs no announcement: the gates begin anew
// with each session's stream and have no price of the day before.
func (q *quotes) learn(g *gate.Gate) {
	ref, err := reference.Read(q.reference)
	if err != nil {
		q.log.Warn("the gates know no ticks and names", "error", err.Error())
		return
	}
	names := make(map[int64]string, len(ref.Instruments))
	var faults []error
	for id, in := range ref.Instruments {
		names[id] = in.Symbol
		faults = append(faults, g.SetInstrument(id, gate.Instrument{Symbol: in.Symbol, TickMicro: in.TickMicro, DailyVol: float64(in.VolatilityBp) / 1e4}))
	}
	if err := errors.Join(faults...); err != nil {
		q.log.Warn("the gates do not take all of the reference", "error", err.Error())
	}
	q.mu.Lock()
	q.names = names
	q.mu.Unlock()
}

// put keeps a message that passed. An archive that cannot be written is given up: the cost analysis will say what is missing.
func (q *quotes) put(one *feed.Quote) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.archive == nil {
		return
	}
	q.give(q.archive.Put(one))
}

func (q *quotes) give(err error) {
	if err != nil {
		q.log.Error("quotes are not kept any more; the cost analysis will lack them", "error", err.Error())
		q.archive = nil
	}
}

// count publishes what the gates refused so far.
func (q *quotes) count(g *gate.Gate) {
	refused := maps.Clone(q.before)
	for _, c := range g.Counts() {
		refused[c.Reason.String()] += c.N
	}
	q.mu.Lock()
	q.refused = refused
	q.mu.Unlock()
}

// keep writes what is kept, once a second and at the end.
func (q *quotes) keep(ended <-chan struct{}) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for last := false; !last; {
		select {
		case <-ended:
			last = true
		case <-tick.C:
		}
		if _, err := q.keeper.Drain(q.files); err != nil {
			q.log.Error("refused quotes are not kept", "error", err.Error())
		}
		q.mu.Lock()
		switch {
		case q.archive == nil:
		case last:
			q.give(q.archive.Close())
		default:
			q.give(q.archive.Flush())
		}
		q.mu.Unlock()
	}
}
