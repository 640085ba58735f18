package backtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/gate"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/sim"
)

// batchEvents is how many events are read ahead at once, batchesAhead how many batches wait for the session.
const (
	batchEvents  = 4096
	batchesAhead = 8
	keeperRoom   = 1 << 13 // refusals between two batches
)

// Stream is a session's quotes from files of recorded markets, through the gates, read ahead in a goroutine of its own. The
// session takes them in the order in which they came: when the recorder had them, or, where the file does not tell, when they
// happened; a quote that the gate held comes when it was let go. Prices before the open are the opening's indication; what
// comes after the close is left out, and so are trades: the venue fills against quotes and auctions.
type Stream struct {
	in      *gate.Filter
	keep    *gate.Keeper
	refused *os.File
	ids     map[string]int64 // of the reference, by symbol
	symbols map[int64]string
	opening []sim.Event
	first   []sim.Event // read already, of the session
	filled  chan []sim.Event
	empty   chan []sim.Event
	last    []sim.Event // what the session has now
	lastNs  int64
	openNs  int64
	closeNs int64
	read    uint64
	stop    context.CancelFunc
	ended   chan struct{}
	failed  error // read once ended is closed
}

// Reading is what became of a session's quotes.
type Reading struct {
	Read    uint64            `json:"read"`    // messages that passed, of instruments of the reference
	Refused map[string]uint64 `json:"refused"` // by the gate, by reason
}

// OpenStream opens the files of one session and reads up to its open. refused is a file for what the gate refuses, with the
// reason in words; empty keeps the counts alone.
func OpenStream(paths []string, ref *reference.Reference, day sim.Session, refused string) (s *Stream, err error) {
	s = &Stream{
		ids: map[string]int64{}, symbols: map[int64]string{}, openNs: day.OpenNs, closeNs: day.CloseNs, ended: make(chan struct{}),
		filled: make(chan []sim.Event, batchesAhead), empty: make(chan []sim.Event, batchesAhead+2),
	}
	g, err := gate.New(gate.Default())
	if err != nil {
		return nil, err
	}
	for id, in := range ref.Instruments {
		s.ids[in.Symbol], s.symbols[id] = id, in.Symbol
		know := gate.Instrument{Symbol: in.Symbol, TickMicro: in.TickMicro, DailyVol: float64(in.VolatilityBp) / 1e4}
		if err := g.SetInstrument(id, know); err != nil {
			return nil, err
		}
	}
	f, err := s.files(paths, g)
	if err != nil {
		return nil, err
	}
	if refused != "" {
		if s.keep, err = gate.NewKeeper(keeperRoom, func(id int64) string { return s.symbols[id] }); err != nil {
			return nil, err
		}
		if s.refused, err = os.Create(refused); err != nil {
			return nil, err
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	s.in, s.stop = gate.NewFilter(f, g, s.keep), stop
	if err := feed.Open(ctx, s.in); err != nil {
		return nil, errors.Join(err, s.shut())
	}
	if err := s.indicate(ref); err != nil {
		return nil, errors.Join(err, s.shut())
	}
	for range cap(s.empty) {
		s.empty <- make([]sim.Event, 0, batchEvents)
	}
	go s.ahead(ctx)
	return s, nil
}

// files opens what the paths name. A file of Databento's knows instruments by their symbols, every other by its own ids.
func (s *Stream) files(paths []string, g *gate.Gate) (feed.Feed, error) {
	var feeds []feed.Feed
	var others []string
	for _, path := range paths {
		if strings.HasSuffix(path, ".dbn") || strings.HasSuffix(path, ".dbn.zst") {
			feeds = append(feeds, feed.NewDBN(path, func(symbol string, _ uint32) int64 { return s.ids[symbol] }))
		} else {
			others = append(others, path)
		}
	}
	if len(others) > 0 {
		files, err := feed.OpenFiles(others)
		if err != nil {
			return nil, err
		}
		for _, a := range files.Actions {
			if err := g.Announce(a); err != nil {
				return nil, err
			}
		}
		feeds = append(feeds, files.Feed)
	}
	switch len(feeds) {
	case 0:
		return nil, errors.New("no file of quotes is named")
	case 1:
		return feeds[0], nil
	}
	return feed.NewMerge(feeds...), nil
}

// indicate reads what comes before the open: the last of every name is its indication, the last close where there is none.
func (s *Stream) indicate(ref *reference.Reference) error {
	seen := map[int64]sim.Event{}
	for id, in := range ref.Instruments {
		seen[id] = sim.Event{TsNs: s.openNs, InstrumentID: id, Symbol: in.Symbol, Bid: in.CloseMicro, Ask: in.CloseMicro, BidSize: 1, AskSize: 1, Source: "last close"}
	}
	var q feed.Quote
	var ev sim.Event
	for s.in.Next(&q) {
		if !s.event(&q, &ev) {
			continue
		}
		if ev.TsNs >= s.openNs {
			s.first = append(s.first, ev)
			break
		}
		ev.TsNs = s.openNs
		seen[ev.InstrumentID] = ev
	}
	for _, ev := range seen {
		s.opening = append(s.opening, ev)
	}
	slices.SortFunc(s.opening, func(a, b sim.Event) int { return int(a.InstrumentID - b.InstrumentID) })
	return s.in.Err()
}

// event makes one of a quote; false for what the venue does not trade on.
func (s *Stream) event(q *feed.Quote, ev *sim.Event) bool {
	symbol, known := s.symbols[q.InstrumentID]
	if !known || q.Kind != feed.KindQuote && q.Kind != feed.KindAuction {
		return false
	}
	at := q.RecvNs
	if at == 0 {
		at = q.TsNs
	}
	s.read++
	*ev = sim.Event{
		TsNs: at, InstrumentID: q.InstrumentID, Symbol: symbol, Bid: q.Bid, Ask: q.Ask, BidSize: q.BidSize, AskSize: q.AskSize, Source: q.Source,
	}
	if q.Kind == feed.KindAuction {
		ev.Auction, ev.Bid, ev.Ask, ev.BidSize, ev.AskSize = true, q.Last, q.Last, q.LastSize, q.LastSize
	}
	return true
}

// ahead reads the session's events until the close, the end of the files or the end of the session.
func (s *Stream) ahead(ctx context.Context) {
	defer close(s.ended)
	defer close(s.filled)
	batch := <-s.empty
	send := func() bool {
		select {
		case s.filled <- batch:
		case <-ctx.Done():
			return false
		}
		select {
		case batch = <-s.empty:
		case <-ctx.Done():
			return false
		}
		batch = batch[:0]
		return s.drain() == nil
	}
	for _, ev := range s.first {
		batch = append(batch, s.inOrder(ev))
	}
	var q feed.Quote
	for s.in.Next(&q) {
		batch = append(batch, sim.Event{})
		ev := &batch[len(batch)-1]
		if !s.event(&q, ev) {
			batch = batch[:len(batch)-1]
			continue
		}
		*ev = s.inOrder(*ev)
		if ev.TsNs > s.closeNs {
			batch = batch[:len(batch)-1]
			break
		}
		if len(batch) == cap(batch) && !send() {
			return
		}
	}
	s.failed = errors.Join(s.failed, s.in.Err())
	if s.failed == nil && len(batch) > 0 {
		send()
	}
}

// inOrder is an event at the moment at which it is known: not before what was known before it.
func (s *Stream) inOrder(ev sim.Event) sim.Event {
	ev.TsNs = max(ev.TsNs, s.lastNs)
	s.lastNs = ev.TsNs
	return ev
}

// More gives the next events; they hold until the next call.
func (s *Stream) More() []sim.Event {
	if s.last != nil {
		s.empty <- s.last
		s.last = nil
	}
	batch, ok := <-s.filled
	if !ok {
		return nil
	}
	s.last = batch
	return batch
}

// OpenQuotes has the day's market come from files of recorded quotes, see OpenStream.
func (p *Prepared) OpenQuotes(paths []string, refused string) (err error) {
	p.Quotes, err = OpenStream(paths, p.ref, p.Market.Session, refused)
	if err == nil {
		p.Market.Events, p.Market.Opening, p.Market.More = nil, p.Quotes.opening, p.Quotes.More
	}
	return err
}

// Close ends the reading and says what came of it.
func (s *Stream) Close() (Reading, error) {
	s.stop()
	for range s.filled { // what was read ahead and nobody took
	}
	<-s.ended
	r := Reading{Read: s.read, Refused: map[string]uint64{}}
	for _, c := range s.in.Gate().Counts() {
		r.Refused[c.Reason.String()] += c.N
	}
	return r, errors.Join(s.failed, s.shut())
}

// drain writes down what the gate has refused.
func (s *Stream) drain() error {
	if s.keep == nil {
		return nil
	}
	_, err := s.keep.Drain(s.refused)
	s.failed = errors.Join(s.failed, err)
	return err
}

func (s *Stream) shut() error {
	err := s.in.Close()
	if s.keep != nil {
		_, failed := s.keep.Drain(s.refused)
		err = errors.Join(err, failed, s.refused.Close())
	}
	if err != nil {
		return fmt.Errorf("quotes: %w", err)
	}
	return nil
}
