// Command simvenue is a simulated exchange: it replays a session's recorded or simulated market and trades it with one
// FIX 4.4 client. See docs/simvenue.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"dnalyaw/execution/internal/clock"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/sim"
	"dnalyaw/execution/internal/stamp"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailed  = 1 // it could not go on
	exitRefused = 2 // it was asked for something it does not do: one line says what
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

type options struct {
	dir, control, market, addrFile, quotes, stamps string
	speed, openSeconds                             float64
	verbose                                        bool
}

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == fitCommand {
		return fitLatency(args[1:], stdout, stderr)
	}
	opt, err := parseArgs(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(stdout, usage)
		return exitOK
	}
	if err == nil {
		err = serve(opt, stdout, stderr)
	}
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(stderr, "simvenue: "+strings.ReplaceAll(err.Error(), "\n", "; "))
	var failed failure
	if errors.As(err, &failed) {
		return exitFailed
	}
	return exitRefused
}

// memoryLimit is from where on garbage is collected as often as it takes.
const memoryLimit = 1 << 30

// opening is the stretch of the session that --open-seconds spreads out: well inside the age at which riskd calls the
// print of the open stale.
const opening = 5 * time.Minute

const usage = "usage: simvenue --dir DIR --control SOCKET --market PATH/SESSION [--speed 5000] [--open-seconds 2] [--addr-file DIR/fix.addr] [--quotes SOCKET] [--stamps FILE] [--verbose]\n       simvenue " + fitCommand + " FILE"

func parseArgs(args []string) (options, error) {
	var opt options
	flags := flag.NewFlagSet("simvenue", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&opt.dir, "dir", "", "")
	flags.StringVar(&opt.control, "control", "", "")
	flags.StringVar(&opt.market, "market", "", "")
	flags.StringVar(&opt.addrFile, "addr-file", "", "")
	flags.StringVar(&opt.quotes, "quotes", "", "")
	flags.StringVar(&opt.stamps, "stamps", "", "")
	flags.Float64Var(&opt.speed, "speed", 5000, "")
	flags.Float64Var(&opt.openSeconds, "open-seconds", 2, "")
	flags.BoolVar(&opt.verbose, "verbose", false, "")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return opt, err
		}
		return opt, fmt.Errorf("%w; %s", err, usage)
	}
	var missing []string
	for _, f := range []struct{ name, value string }{{"--dir", opt.dir}, {"--control", opt.control}, {"--market", opt.market}} {
		if f.value == "" {
			missing = append(missing, f.name)
		}
	}
	switch {
	case len(missing) > 0:
		return opt, fmt.Errorf("%s missing; %s", strings.Join(missing, ", "), usage)
	case flags.NArg() > 0:
		return opt, fmt.Errorf("unexpected argument %q; %s", flags.Arg(0), usage)
	case !(opt.speed > 0 && opt.speed <= 1e9):
		return opt, fmt.Errorf("--speed %v: give a number above 0, at most 1e9", opt.speed)
	case !(opt.openSeconds >= 0 && opt.openSeconds <= 3600):
		return opt, fmt.Errorf("--open-seconds %v: give 0 (no slow opening) to 3600", opt.openSeconds)
	}
	if opt.addrFile == "" {
		opt.addrFile = filepath.Join(opt.dir, "fix.addr")
	}
	return opt, nil
}

// failure marks an error of a venue that was set up rightly and could not go on.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// readMarket reads PATH.json and PATH.csv.
func readMarket(path string) (sim.MarketDay, error) {
	var day sim.MarketDay
	sessionJSON, err := os.ReadFile(path + ".json")
	if err != nil {
		return day, fmt.Errorf("--market: %w", err)
	}
	eventsCSV, err := os.ReadFile(path + ".csv")
	if err != nil {
		return day, fmt.Errorf("--market: %w", err)
	}
	if day.Session, err = sim.ParseSession(path+".json", sessionJSON); err != nil {
		return day, err
	}
	if base := filepath.Base(path); base != day.Session.Session {
		return day, fmt.Errorf("%s.json: session is %s, the file's name says %s", path, day.Session.Session, base)
	}
	day.Events, err = sim.ParseEvents(path+".csv", eventsCSV)
	day.Digest = sim.Digest(sessionJSON, eventsCSV)
	return day, err
}

func serve(opt options, stdout, stderr io.Writer) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	level := slog.LevelInfo
	if opt.verbose {
		level = slog.LevelDebug
	}
	log := jsonlog.New(stderr, "simvenue", level)
	// A session's orders stay in memory: collecting garbage less often costs some of it and saves a tenth of the processor.
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(memoryLimit)

	day, err := readMarket(opt.market)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(opt.dir, 0o700); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	lock, err := lockDir(opt.dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	j, records, err := openJournal(opt.dir, log)
	if err != nil {
		return err
	}
	defer j.close()
	engine, fresh, err := sim.ResumeWith(sim.Options{ReuseRecords: true}, day, records)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(opt.dir, "log.jsonl"), err)
	}
	if err := errors.Join(j.add(fresh), j.flush()); err != nil {
		return failure{err}
	}
	pace := clock.SlowOpening(opt.speed, day.OpenNs, opening, time.Duration(opt.openSeconds*float64(time.Second)))
	replay, err := clock.NewReplay(clock.System{}, min(engine.NowNs(), day.CloseNs), day.CloseNs, pace)
	if err != nil {
		return err
	}
	gate := &gatekeeper{}
	if opt.stamps != "" {
		if gate.stamps, err = stamp.Create(opt.stamps, stamp.Capacity); err != nil {
			return err
		}
		defer gate.stamps.Close()
	}
	v := newVenue(engine, j, replay, clock.System{}, gate, log)
	control, err := listenControl(opt.control, v, log)
	if err != nil {
		return err
	}
	defer control.l.Close()
	var quotes *quoteServer
	if opt.quotes != "" {
		from := int64(0)
		if len(records) > 0 {
			from = engine.NowNs()
		}
		if quotes, err = serveQuotes(opt.quotes, opt.market, replay, from, log); err != nil {
			return err
		}
	}
	defer quotes.stop()
	acceptor, addr, err := startAcceptor(&fixApp{v}, filepath.Join(opt.dir, "fix"), gate, log)
	if err != nil {
		return failure{err}
	}
	if err := writeFileAtomic(opt.addrFile, []byte(addr+"\n")); err != nil {
		close(v.done)
		acceptor.Stop()
		return fmt.Errorf("--addr-file: %w", err)
	}
	defer os.Remove(opt.addrFile)
	go control.serve()
	if err := announce(stdout, engine, len(records), len(fresh)); err != nil {
		close(v.done)
		acceptor.Stop()
		return failure{err}
	}
	log.Info("serving", "session", day.Session.Session, "state", engine.Phase(), "events", len(day.Events),
		"records_replayed", len(records), "records_added", len(fresh), "speed", opt.speed, "open_seconds", opt.openSeconds)
	err = v.run(ctx)
	acceptor.Stop()
	if err != nil {
		return failure{err}
	}
	log.Info("stopped", "session", day.Session.Session, "state", engine.Phase())
	return nil
}

// announce says that the venue serves. The FIX address is not in it: that is riskd's alone.
func announce(stdout io.Writer, engine *sim.Engine, replayed, added int) error {
	line, err := json.Marshal(map[string]any{
		"component": "simvenue", "pid": os.Getpid(), "region": engine.Day().Region, "session": engine.Day().Session.Session,
		"state": engine.Phase(), "records": replayed + added, "simulated": true,
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "READY %s\n", line)
	return err
}
