package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"time"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/metrics"
	"dnalyaw/execution/internal/risklink"
)

// metricsServer serves metrics, health and readiness on DIR/metrics.sock and, when asked to, on loopback TCP.
type metricsServer struct {
	server *http.Server
	lis    []net.Listener
	tcp    string // where TCP is served, empty = nowhere
	log    *slog.Logger
}

// loopback reads the address of --metrics: a literal loopback address with a port, so that no name can lead elsewhere.
func loopback(text string) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(text)
	if err != nil || at.Addr().Zone() != "" { // loopback needs none, and the listener would read some of them otherwise
		return at, fmt.Errorf("--metrics %q is not ADDRESS:PORT such as 127.0.0.1:9464", text)
	}
	if !at.Addr().IsLoopback() {
		return at, fmt.Errorf("--metrics %q is not on loopback; serve it to others through a proxy that asks who they are", text)
	}
	return at, nil
}

func listenMetrics(
	opts options, m *metrics.Metrics, oms *core.Core, link *risklink.Link, table *trail, async *jsonlog.Async, log *slog.Logger,
) (*metricsServer, error) {
	if err := m.Watch(oms, link.Stats(), async, table); err != nil {
		return nil, err
	}
	s := &metricsServer{log: log, server: &http.Server{
		Handler: m.Handler(oms, table), ReadHeaderTimeout: 2 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}
	path := filepath.Join(opts.dir, "metrics.sock")
	if lis, err := listen("metrics.sock", path); err == nil {
		s.lis = append(s.lis, lis)
	} else {
		// Orders matter more: a long --dir must not keep omsd from trading.
		log.Error("metrics and readiness are not served on the Unix socket; a shorter --dir or --metrics helps", "socket", path, "error", err.Error())
	}
	if opts.metrics != "" {
		lis, err := net.Listen("tcp", opts.metrics)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("listen on --metrics: %w", err), s.close())
		}
		s.lis, s.tcp = append(s.lis, lis), lis.Addr().String()
	}
	return s, nil
}

// close gives the listeners back that were never served.
func (s *metricsServer) close() error {
	var faults []error
	for _, lis := range s.lis {
		faults = append(faults, lis.Close())
	}
	return errors.Join(faults...)
}

// run serves until the context ends. Requests under way have a second.
func (s *metricsServer) run(ctx context.Context) {
	ended := make(chan error, len(s.lis))
	for _, lis := range s.lis {
		go func() { ended <- s.server.Serve(lis) }()
	}
	<-ctx.Done()
	last, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.server.Shutdown(last); err != nil {
		s.log.Warn("requests for metrics were cut off at the end", "error", err.Error())
	}
	for range s.lis {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("metrics were not served to the end", "error", err.Error())
		}
	}
}
