package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/gate"
	"dnalyaw/execution/internal/jsonlog"
)

// tail prints a stream, a line a message: what passes the gates and, marked, what does not.
func tail(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("tail", flag.ContinueOnError)
	connect := flags.String("connect", "", "")
	list := flags.String("ids", "", "")
	most := flags.Int("n", 0, "")
	raw := flags.Bool("raw", false, "")
	if err := parse(flags, args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; %s", flags.Arg(0), usage)
	}
	network, addr, err := address("--connect", *connect)
	if err != nil {
		return err
	}
	var ids []int64
	for _, text := range strings.FieldsFunc(*list, func(r rune) bool { return r == ',' }) {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id <= 0 {
			return fmt.Errorf("--ids %q: give positive instrument ids with commas between them", *list)
		}
		ids = append(ids, id)
	}
	config := gate.Default()
	config.Sequenced = true
	g, err := gate.New(config)
	if err != nil {
		return err
	}
	client := feed.NewClient(feed.ClientOptions{Network: network, Address: addr, Log: jsonlog.New(stderr, "quotes", slog.LevelInfo)})
	if err := feed.Open(ctx, client, ids...); err != nil {
		return failure{err}
	}
	defer client.Close()
	out := bufio.NewWriter(stdout)
	err = follow(client, g, out, *most, *raw)
	if e := out.Flush(); err == nil {
		err = e
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return failure{err}
	}
	return nil
}

// follow reads up to so many messages, 0: to the end.
func follow(client *feed.Client, g *gate.Gate, out *bufio.Writer, most int, raw bool) error {
	var q feed.Quote
	for n := 0; (most == 0 || n < most) && client.Next(&q); n++ {
		if q.Kind == feed.KindStatus && q.Status == feed.StatusBeat {
			g.Check(&q)
			n--
			continue
		}
		mark := ""
		if !raw {
			v := g.Check(&q)
			for i := range g.Settled() {
				s := &g.Settled()[i]
				fmt.Fprintf(out, "%s  %s\n", line(&s.Quote, client.Symbol(s.Quote.InstrumentID)), settled(s, client))
			}
			if v.Outcome != gate.Pass {
				mark = fmt.Sprintf("  %s %s: %s", strings.ToUpper(v.Outcome.String()), v.Reason, gate.Explain(&q, v, client.Symbol(q.InstrumentID)))
			}
		}
		fmt.Fprintf(out, "%s%s\n", line(&q, client.Symbol(q.InstrumentID)), mark)
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return client.Err()
}

func settled(s *gate.Settled, client *feed.Client) string {
	word := "LET GO"
	if s.Verdict.Outcome == gate.Refuse {
		word = "REFUSE " + s.Verdict.Reason.String()
	}
	return word + ": " + gate.Explain(&s.Quote, s.Verdict, client.Symbol(s.Quote.InstrumentID))
}

// line is one message for people.
func line(q *feed.Quote, symbol string) string {
	at := time.Unix(0, q.TsNs).UTC().Format("2006-01-02 15:04:05.000000")
	if symbol == "" && q.InstrumentID != 0 {
		symbol = strconv.FormatInt(q.InstrumentID, 10)
	}
	switch q.Kind {
	case feed.KindQuote:
		return fmt.Sprintf("%s %7d %-8s quote   %s x %d  %s x %d", at, q.Seq, symbol, gate.Price(q.Bid), q.BidSize, gate.Price(q.Ask), q.AskSize)
	case feed.KindTrade, feed.KindAuction:
		return fmt.Sprintf("%s %7d %-8s %-7s %s x %d", at, q.Seq, symbol, q.Kind, gate.Price(q.Last), q.LastSize)
	case feed.KindStatus:
		return fmt.Sprintf("%s %7d %-8s %s", at, q.Seq, symbol, q.Status)
	}
	return fmt.Sprintf("%s %7d %-8s %s", at, q.Seq, symbol, q.Kind)
}
