package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"dnalyaw/execution/internal/clock"
	"dnalyaw/execution/internal/feed"
)

// quoteServer serves, beside the order line, the market that the venue trades on: the same file, at the venue's clock. It
// shares nothing with the engine, so that no reader of quotes holds an order up. What our own orders do to the market is
// not in it.
type quoteServer struct {
	server *feed.Server
	source *pacedMarket
	l      net.Listener
	log    *slog.Logger
	cancel context.CancelFunc
	done   chan struct{}
}

// pacedMarket is the market file, told when the venue's clock has reached each row.
type pacedMarket struct {
	*feed.Market
	clock  *clock.Replay
	ctx    context.Context
	caught func()
	err    error
}

// standing is how often a clock that stands is looked at again.
const standing = 5 * time.Millisecond

// Next waits until the row is due. While the clock stands, and beyond its end, no later row is.
func (p *pacedMarket) Next(q *feed.Quote) bool {
	if p.err != nil || !p.Market.Next(q) {
		return false
	}
	for {
		wait, reached := p.clock.WallUntil(q.TsNs)
		if reached && wait <= 0 {
			return true
		}
		p.caught()
		if !reached {
			wait = standing
		}
		timer := time.NewTimer(wait)
		select {
		case <-p.ctx.Done():
			timer.Stop()
			p.err = context.Cause(p.ctx)
			return false
		case <-timer.C:
		}
	}
}

// Err is the file's fault, or that the venue stops in the middle of it.
func (p *pacedMarket) Err() error {
	if p.err != nil {
		return p.err
	}
	return p.Market.Err()
}

// serveQuotes listens on a Unix socket. fromNs is the moment from which the session is resumed, 0 when it is new.
func serveQuotes(socket, market string, replay *clock.Replay, fromNs int64, log *slog.Logger) (*quoteServer, error) {
	ctx, cancel := context.WithCancel(context.Background())
	source := &pacedMarket{Market: feed.NewMarket(market), clock: replay, ctx: ctx, caught: func() {}}
	fail := func(err error) (*quoteServer, error) {
		cancel()
		return nil, fmt.Errorf("--quotes: %w", err)
	}
	if err := feed.Open(ctx, source); err != nil {
		return fail(err)
	}
	server, err := feed.NewServer(feed.ServerOptions{Source: source, FromNs: fromNs, Epoch: uint64(os.Getpid()), Log: log})
	if err != nil {
		return fail(err)
	}
	source.caught = server.CaughtUp
	l, err := listenUnix("--quotes", socket)
	if err != nil {
		cancel()
		return nil, err
	}
	q := &quoteServer{server: server, source: source, l: l, log: log, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(q.done)
		if err := server.Serve(ctx, l); err != nil && ctx.Err() == nil {
			// Orders matter more: whoever reads the quotes notices that they have ended.
			log.Error("quotes are not served any more", "error", err.Error())
		}
	}()
	return q, nil
}

// stop ends it and waits. It may be called on nil.
func (q *quoteServer) stop() {
	if q == nil {
		return
	}
	q.cancel()
	<-q.done
	if err := q.source.Close(); err != nil {
		q.log.Warn("close the market's file", "error", err.Error())
	}
}
