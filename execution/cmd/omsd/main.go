// Command omsd is the order-management system of one region: it takes target portfolios over gRPC, nets them into
// orders and asks riskd for a decision on each. It has no way to the venue.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/api"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/metrics"
	"dnalyaw/execution/internal/reference"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/risklink"
	"dnalyaw/execution/internal/session"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == costsCommand {
		return costs(args[1:], stdout, stderr)
	}
	if len(args) > 0 && args[0] == replayCommand {
		return replay(args[1:], stdout, stderr)
	}
	opts, err := parseOptions(args)
	if err != nil {
		fmt.Fprintf(stderr, "omsd: %v\n", err)
		return exitUsage
	}
	unlock, err := lockDir(opts.dir)
	if err != nil {
		fmt.Fprintf(stderr, "omsd: %v\n", err)
		return exitUsage
	}
	defer unlock()
	log, async := jsonlog.NewAsync(stderr, "omsd", slog.LevelInfo, 0)
	err = serve(opts, log.With("region", opts.region), async, stdout)
	// What was logged comes before the last word, and is there when the process has ended.
	if err = errors.Join(err, async.Close()); err != nil {
		fmt.Fprintf(stderr, "omsd: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// lockDir makes the directory and holds it alone.
func lockDir(dir string) (func(), error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make --dir: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another omsd runs on %s; stop it first (%w)", dir, err), f.Close())
	}
	return func() {
		// The kernel drops the lock with the descriptor, whether or not closing reports an error.
		_ = f.Close()
	}, nil
}

// memoryLimit is from where on garbage is collected as often as it takes.
const memoryLimit = 1 << 30

func serve(opts options, log *slog.Logger, async *jsonlog.Async, stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	// A session's orders stay in memory: collecting garbage less often costs some of it and saves a fifth of the processor.
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(memoryLimit)
	observed, err := metrics.New(opts.region, nil)
	if err != nil {
		return err
	}
	stamps, err := openStamps(opts.stamps)
	if err != nil {
		return err
	}
	link := risklink.New(risklink.Config{Path: opts.risk, Region: opts.region, Log: log})
	dir := filepath.Join(opts.dir, "journal")
	table := &trail{backlog: opts.auditBacklog}
	quotes, err := openFeed(opts, observed, log)
	if err != nil {
		return err
	}
	defer quotes.close()
	oms, err := core.Open(dir, core.Config{
		Region:    opts.region,
		Register:  register.NewCached(opts.register).Read,
		Reference: func() (*reference.Reference, error) { return reference.Read(opts.reference) },
		Session:   func() (*session.Session, error) { return session.Read(opts.session) },
		Earlier:   core.Earlier(dir),
		Log:       log,
		Observer:  stamped(observed, stamps),
		Market:    quotes.market(),

		AuditBehind: table.behind,
	}, link)
	if err != nil {
		return err
	}
	recovered, err := oms.RecoveredHash()
	if err != nil {
		return err
	}
	lis, err := listen("--socket", opts.socket)
	if err != nil {
		return err
	}
	watched, err := listenMetrics(opts, observed, oms, link, table, async, log)
	if err != nil {
		return err
	}
	log.Info("recovered", "state_hash", recovered)
	server := grpc.NewServer(grpc.Creds(api.PeerCredentials{UID: uint32(os.Getuid()), Log: log}), grpc.MaxRecvMsgSize(16<<20))
	pb.RegisterOrderManagementServer(server, api.NewServer(oms))

	coreCtx, stopCore := context.WithCancel(context.Background())
	defer stopCore()
	failed := make(chan error, 2)
	var wg sync.WaitGroup
	wg.Go(func() { link.Run(coreCtx) })
	wg.Go(func() {
		if err := oms.Run(coreCtx); err != nil {
			failed <- err
		}
	})
	wg.Go(func() {
		if err := server.Serve(lis); err != nil {
			failed <- err
		}
	})
	wg.Go(func() { watched.run(coreCtx) })
	wg.Go(func() { quotes.run(coreCtx) })
	wg.Go(func() { writeMetrics(coreCtx, filepath.Join(opts.dir, "metrics.json"), oms, link, table, log) })

	st, err := oms.Status(ctx)
	if err == nil {
		err = table.start(ctx, opts, oms, log)
	}
	if err == nil {
		err = ready(stdout, opts, watched.tcp, st)
	}
	if err == nil {
		log.Info("serving", "socket", opts.socket, "state_hash", st.StateHash)
		select {
		case <-ctx.Done():
			log.Info("stopping")
		case err = <-failed:
		}
	}
	// Callers first, so that nobody is told something that the stopping core did not commit.
	done := make(chan struct{})
	go func() { server.GracefulStop(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * time.Second):
		server.Stop()
	}
	table.stop()
	stopCore()
	wg.Wait()
	err = errors.Join(err, stamps.Close())
	select {
	case late := <-failed:
		err = errors.Join(err, late)
	default:
	}
	return err
}

// listen takes the socket's path over from a process that is gone; the lock on --dir says that none lives.
func listen(what, path string) (net.Listener, error) {
	if fi, err := os.Lstat(path); err == nil {
		if fi.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("%s %s is there and is no socket; remove it", what, path)
		}
		if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
			return nil, errors.Join(fmt.Errorf("%s %s is served by another process", what, path), conn.Close())
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove the old socket: %w", err)
		}
	}
	old := unix.Umask(0o177)
	defer unix.Umask(old)
	lis, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", what, err)
	}
	return lis, nil
}

func ready(w io.Writer, opts options, tcp string, st core.Status) error {
	b, err := json.Marshal(map[string]any{
		"component": "omsd", "pid": os.Getpid(), "region": opts.region, "socket": opts.socket, "risk": opts.risk,
		"state_hash": st.StateHash, "open_orders": st.OpenOrders, "metrics": tcp,
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "READY %s\n", b)
	return err
}
