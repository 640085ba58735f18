package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dnalyaw/execution/internal/feed"
)

// listener reads quotes as any reader does, in the words of a line a message; heartbeats are left out.
type listener struct {
	t      *testing.T
	client *feed.Client
	heard  chan string
}

func listenTo(t *testing.T, socket string) *listener {
	t.Helper()
	l := &listener{t: t, client: feed.NewClient(feed.ClientOptions{Network: "unix", Address: socket}), heard: make(chan string, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	if err := feed.Open(ctx, l.client); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for q, err := range feed.Stream(l.client) {
			switch {
			case err != nil || q.Kind == feed.KindStatus && q.Status == feed.StatusBeat:
			case q.Kind == feed.KindStatus:
				l.heard <- q.Status.String()
			case q.Kind == feed.KindQuote:
				l.heard <- fmt.Sprintf("%v %d %d-%d snapshot %v", time.Duration(q.TsNs-1_700_000_000_000_000_000), q.InstrumentID, q.Bid, q.Ask, q.Has(feed.FlagSnapshot))
			default:
				l.heard <- fmt.Sprintf("%v %d %d %s snapshot %v", time.Duration(q.TsNs-1_700_000_000_000_000_000), q.InstrumentID, q.Last, q.Kind, q.Has(feed.FlagSnapshot))
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended; l.client.Close() })
	return l
}

// hears waits for these messages, in any order within the snapshot.
func (l *listener) hears(want ...string) {
	l.t.Helper()
	var got []string
	for range want {
		select {
		case one := <-l.heard:
			got = append(got, one)
		case <-time.After(20 * time.Second):
			l.t.Fatalf("heard %q, want %q", got, want)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		l.t.Errorf("heard %q, want %q", got, want)
	}
}

func (l *listener) hearsNothing() {
	l.t.Helper()
	select {
	case one := <-l.heard:
		l.t.Errorf("heard %q before its time", one)
	case <-time.After(60 * time.Millisecond):
	}
}

// The quotes are those that the venue trades on, each when its clock has come there; a venue that was killed goes on where
// its journal stands and tells what was before in a snapshot only.
func TestQuotesAreServedAtTheVenuesClock(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", nil, twoNames()...)
	socket := filepath.Join(h.dir, "q.sock")
	p := h.start(market, 3600, "--quotes", socket, "--open-seconds", "0") // an hour a second
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the socket: %v %v", info, err)
	}
	l := listenTo(t, socket)
	// The clock stands at the open: what happens then has happened, nothing else.
	l.hears("sync", "open", "0s 1 99990000-100000000 snapshot true", "0s 2 20500000 auction snapshot true")
	l.hearsNothing()
	p.control(`{"cmd":"start"}`)
	l.hears("1h0m0s 1 100400000-100500000 snapshot false")
	p.kill()
	l.hears("down")
	p = h.start(market, 3600, "--quotes", socket, "--open-seconds", "0")
	again := listenTo(t, socket)
	first, later := "1h0m0s 1 100400000-100500000 snapshot true", []string{"2h0m0s 1 0-100500000 snapshot false", "close", "end"}
	if p.control(`{"cmd":"status"}`)["clock_ns"].(float64) < 1_700_000_000_000_000_000+3600e9 {
		// Its journal had not got to the hour: it trades that hour's quote again, and so it tells it again.
		first, later = "0s 1 99990000-100000000 snapshot true", append(later, "1h0m0s 1 100400000-100500000 snapshot false")
	}
	again.hears("sync", "open", first, "0s 2 20500000 auction snapshot true")
	p.control(`{"cmd":"start"}`)
	again.hears(later...)
	p.waitState("closed")
}

// A socket that cannot be is one line and status 2, as for any other option.
func TestAQuotesSocketThatCannotBe(t *testing.T) {
	h := newHome(t)
	market := h.market("2023-11-14", nil, twoNames()...)
	h.refuses(t, append(h.args(market, 1), "--quotes", filepath.Join(h.dir, strings.Repeat("x", 200))), "is longer than the 107 bytes")
	taken := filepath.Join(h.dir, "file")
	if err := os.WriteFile(taken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.refuses(t, append(h.args(market, 1), "--quotes", taken), "file exists and is no socket")
}
