package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/feed/fault"
	"dnalyaw/execution/internal/jsonlog"
)

// serve replays files as a simulated live stream until it is told to stop.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	listen := flags.String("listen", "", "")
	speed := flags.Float64("speed", 60, "")
	anchor := flags.String("anchor", "", "")
	heartbeat := flags.Int("heartbeat-ms", 250, "")
	wait := flags.Int("wait", 0, "")
	faults := flags.String("faults", "", "")
	if err := parse(flags, args); err != nil {
		return err
	}
	network, addr, err := address("--listen", *listen)
	if err != nil {
		return err
	}
	if *heartbeat < 1 || *heartbeat > 3_600_000 {
		return fmt.Errorf("--heartbeat-ms %d: give 1 to 3600000", *heartbeat)
	}
	log := jsonlog.New(stderr, "quotes", slog.LevelInfo)
	opt := feed.ServerOptions{
		Speed: *speed, Heartbeat: time.Duration(*heartbeat) * time.Millisecond, Wait: *wait, Epoch: uint64(os.Getpid()), Log: log,
	}
	if *anchor != "" {
		if opt.Anchor, err = time.Parse(time.RFC3339Nano, *anchor); err != nil {
			return fmt.Errorf("--anchor %q: give a moment like 2026-11-30T14:30:00Z", *anchor)
		}
	}
	plan, err := fault.ParsePlan(*faults)
	if err != nil {
		return fmt.Errorf("--faults: %w", err)
	}
	if *faults != "" {
		opt.Tamper = func() feed.Tamper {
			p, err := fault.NewPlanter(plan)
			if err != nil {
				panic(err) // ParsePlan has validated it
			}
			return p
		}
	}
	files, err := feed.OpenFiles(flags.Args())
	if err != nil {
		return err
	}
	if err := feed.Open(ctx, files.Feed); err != nil {
		return err
	}
	defer files.Feed.Close()
	opt.Source = files.Feed
	server, err := feed.NewServer(opt)
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, network, addr)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	line, err := json.Marshal(map[string]any{"component": "quotes", "pid": os.Getpid(), "address": l.Addr().String(), "simulated": true})
	if err != nil {
		return failure{err}
	}
	if _, err := fmt.Fprintf(stdout, "READY %s\n", line); err != nil {
		return failure{err}
	}
	if err := server.Serve(ctx, l); err != nil {
		return failure{err}
	}
	return nil
}
