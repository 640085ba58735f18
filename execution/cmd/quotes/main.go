// Command quotes looks at market data: it checks files against the quality gates, serves a file as a simulated live
// stream, and shows a stream. See docs/market-data.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailed  = 1 // it could not go on
	exitRefused = 2 // it was asked for something it does not do: one line says what
)

const usage = `usage: quotes check [--refused DIR] [--examples 3] [--one-sided pass|refuse] [--locked pass|refuse] FILE...
       quotes serve --listen unix:PATH|tcp:HOST:PORT [--speed 60] [--anchor RFC3339] [--heartbeat-ms 250] [--wait 0] [--faults KIND=RATE,...] FILE...
       quotes tail  --connect unix:PATH|tcp:HOST:PORT [--ids 1,2] [--n 0] [--raw]`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// failure marks an error of a command that was asked for rightly and could not go on.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	commands := map[string]func(context.Context, []string, io.Writer, io.Writer) error{"check": check, "serve": serve, "tail": tail}
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	if name == "-h" || name == "--help" || name == "help" {
		fmt.Fprintln(stdout, usage)
		return exitOK
	}
	command, known := commands[name]
	if !known {
		fmt.Fprintf(stderr, "quotes: command %q; %s\n", name, oneLine(usage))
		return exitRefused
	}
	err := command(ctx, args[1:], stdout, stderr)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(stdout, usage)
		return exitOK
	}
	fmt.Fprintf(stderr, "quotes %s: %s\n", name, oneLine(err.Error()))
	if errors.As(err, new(failure)) {
		return exitFailed
	}
	return exitRefused
}

func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' }), "; ")
}

// parse reads the flags of one command.
func parse(flags *flag.FlagSet, args []string) error {
	flags.SetOutput(io.Discard)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%w; %s", err, usage)
	}
	return nil
}

// address reads unix:PATH or tcp:HOST:PORT.
func address(flagName, text string) (network, addr string, err error) {
	network, addr, ok := strings.Cut(text, ":")
	if !ok || addr == "" || network != "unix" && network != "tcp" {
		return "", "", fmt.Errorf("%s %q: give unix:PATH or tcp:HOST:PORT", flagName, text)
	}
	return network, addr, nil
}
