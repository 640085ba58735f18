// Command oms-backtest runs the order-management system with the real risk engine and the simulated venue in one process,
// on a virtual clock, over prepared sessions.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"dnalyaw/execution/internal/backtest"
	"dnalyaw/execution/internal/jsonlog"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

const ballastBytes = 16 << 20

const usage = "usage: oms-backtest --input DIR --output DIR [--room 16384] [--quiet] [--cpuprofile FILE]"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("oms-backtest", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	from := fs.String("input", "", "folder with run.json")
	to := fs.String("output", "", "folder for orders.jsonl, decisions.jsonl, handoffs.jsonl and days.jsonl")
	room := fs.Int("room", 16_384, "for how many working orders the risk engine has room")
	quiet := fs.Bool("quiet", false, "no progress")
	profile := fs.String("cpuprofile", "", "file for where the processor's time goes, for go tool pprof")
	if err := fs.Parse(args); err != nil || fs.NArg() > 0 || *from == "" || *to == "" {
		if err == nil || errors.Is(err, flag.ErrHelp) {
			err = errors.New("give --input and --output and nothing else")
		}
		fmt.Fprintf(stderr, "oms-backtest: %v; %s\n", err, usage)
		return exitUsage
	}
	// What lives is small, and what an order leaves behind is small too: it is collected once there is so much of it. The
	// ballast, which is never touched and so takes no memory, makes the collector wait for that.
	ballast := make([]byte, ballastBytes)
	defer runtime.KeepAlive(ballast)
	debug.SetGCPercent(100)
	in, err := readInput(*from)
	if err == nil {
		err = in.check()
	}
	if err != nil {
		fmt.Fprintf(stderr, "oms-backtest: %v\n", err)
		return exitUsage
	}
	if err := profiled(*profile, func() error { return trade(in, *to, *room, *quiet, stdout, stderr) }); err != nil {
		fmt.Fprintf(stderr, "oms-backtest: %v\n", err)
		return exitFailed
	}
	return exitOK
}

func trade(in *input, to string, room int, quiet bool, stdout, stderr io.Writer) (err error) {
	out, err := newOutput(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	floor := backtest.New(backtest.Config{
		Region: in.run.Region, Register: in.register, Sink: out, Log: jsonlog.Discard(), RearmAfter: in.run.RearmAfter,
		OpenRisk: func(ref []byte) (backtest.Risk, error) { return openRisk(ref, in.tighter, room) },
	})
	defer func() { err = errors.Join(err, floor.Close()) }()
	began, told := time.Now(), time.Now()
	cpuBefore := cpuSeconds()
	days, stop := in.ahead(to)
	defer func() { err = errors.Join(err, stop()) }()
	for i, d := range in.run.Days {
		day := <-days
		if day.err != nil {
			return day.err
		}
		if err := floor.RunPrepared(day.day); err != nil {
			return err
		}
		if !quiet && (time.Since(told) > time.Second || i == len(in.run.Days)-1) {
			told = time.Now()
			fmt.Fprintf(stderr, "  %s  %d of %d sessions, %d orders, %.0f orders/s\n", d.Session, i+1, len(in.run.Days), out.counts.Orders,
				float64(out.counts.Orders)/time.Since(began).Seconds())
		}
	}
	if err := out.close(); err != nil {
		return err
	}
	hash, err := floor.Core().StateHash()
	if err != nil {
		return err
	}
	seconds := time.Since(began).Seconds()
	return json.NewEncoder(stdout).Encode(map[string]any{
		"sessions": out.counts.Days, "orders": out.counts.Orders, "fills": out.counts.Fills, "refused_handoffs": out.counts.Refused,
		"events": out.counts.Events, "decisions": out.counts.Decisions, "cpu_seconds": cpuSeconds() - cpuBefore, "peak_rss_mib": peakMiB(),
		"cash_micro": out.last.Cash, "value_micro": out.last.Value, "state_hash": hash, "risk_library": library(), "seconds": seconds,
	})
}
