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
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/api"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/jsonlog"
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
	log := jsonlog.New(stderr, "omsd", slog.LevelInfo).With("region", opts.region)
	if err := serve(opts, log, stdout); err != nil {
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

func serve(opts options, log *slog.Logger, stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	link := risklink.New(risklink.Config{Path: opts.risk, Region: opts.region, Log: log})
	dir := filepath.Join(opts.dir, "journal")
	oms, err := core.Open(dir, core.Config{
		Region:    opts.region,
		Register:  func() (register.Register, error) { return register.Read(opts.register) },
		Reference: func() (*reference.Reference, error) { return reference.Read(opts.reference) },
		Session:   func() (*session.Session, error) { return session.Read(opts.session) },
		Earlier:   core.Earlier(dir),
		Log:       log,
	}, link)
	if err != nil {
		return err
	}
	lis, err := listen(opts.socket)
	if err != nil {
		return err
	}
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
	wg.Go(func() { writeMetrics(coreCtx, filepath.Join(opts.dir, "metrics.json"), oms, link, log) })

	st, err := oms.Status(ctx)
	if err == nil {
		err = ready(stdout, opts, st)
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
	stopCore()
	wg.Wait()
	select {
	case late := <-failed:
		err = errors.Join(err, late)
	default:
	}
	return err
}

// listen takes the socket's path over from a process that is gone; the lock on --dir says that none lives.
func listen(path string) (net.Listener, error) {
	if fi, err := os.Lstat(path); err == nil {
		if fi.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("--socket %s is there and is no socket; remove it", path)
		}
		if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
			return nil, errors.Join(fmt.Errorf("--socket %s is served by another process", path), conn.Close())
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove the old socket: %w", err)
		}
	}
	old := unix.Umask(0o177)
	defer unix.Umask(old)
	lis, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on --socket: %w", err)
	}
	return lis, nil
}

func ready(w io.Writer, opts options, st core.Status) error {
	b, err := json.Marshal(map[string]any{
		"component": "omsd", "pid": os.Getpid(), "region": opts.region, "socket": opts.socket, "risk": opts.risk,
		"state_hash": st.StateHash, "open_orders": st.OpenOrders,
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "READY %s\n", b)
	return err
}
