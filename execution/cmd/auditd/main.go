// Command auditd brings a journal into the audit table as a process of its own, which alone needs to read the journal's
// files, and answers for the table: it makes its schema, compares it with the journals and shows its rows.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"dnalyaw/execution/internal/audit/ship"
)

// Exit statuses.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitTampered = 3
)

// errUsage is wrapped by every fault of the command line.
var errUsage = errors.New("usage: auditd --journal PATH --kind omsd|riskd --writer NAME (--dsn DSN|--dsn-file FILE) --status FILE " +
	"[--anchors DIR] [--once] | auditd migrate DSN | auditd verify DSN --writer NAME [--journal PATH --kind KIND] [--anchors DIR] | " +
	"auditd status DSN | auditd tail DSN [--writer NAME] [--count N]")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err := command(ctx, args, stdout, stderr)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errTampered), errors.Is(err, ship.ErrTampered):
		fmt.Fprintf(stderr, "auditd: %v\n", err)
		return exitTampered
	}
	fmt.Fprintf(stderr, "auditd: %v\n", err)
	if errors.Is(err, errUsage) || errors.Is(err, errLocked) {
		return exitUsage
	}
	return exitFailed
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	name := ""
	if len(args) > 0 && len(args[0]) > 0 && args[0][0] != '-' {
		name, args = args[0], args[1:]
	}
	switch name {
	case "":
		o, err := parse(args, "journal", "kind", "writer", "status")
		if err != nil {
			return err
		}
		return serve(ctx, o, stdout, stderr)
	case "migrate":
		return asking(args, func(o options) error { return migrate(ctx, o, stdout) })
	case "verify":
		return asking(args, func(o options) error { return check(ctx, o, stdout) }, "writer")
	case "status":
		return asking(args, func(o options) error { return status(ctx, o, stdout) })
	case "tail":
		return asking(args, func(o options) error { return tail(ctx, o, stdout) })
	}
	return fmt.Errorf("%q is no command; %w", name, errUsage)
}

func asking(args []string, do func(options) error, needed ...string) error {
	o, err := parse(args, needed...)
	if err != nil {
		return err
	}
	return do(o)
}
