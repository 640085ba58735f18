package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"time"

	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/risklink"
)

// writeMetrics keeps metrics.json up to date, once a second and at the end.
func writeMetrics(ctx context.Context, path string, oms *core.Core, link *risklink.Link, table *trail, log *slog.Logger) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if err := writeMetricsOnce(path, oms, link, table); err != nil {
			log.Warn("metrics.json cannot be written", "error", err.Error())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if err := writeMetricsOnce(path, oms, link, table); err != nil {
				log.Warn("metrics.json cannot be written", "error", err.Error())
			}
			return
		}
	}
}

func writeMetricsOnce(path string, oms *core.Core, link *risklink.Link, table *trail) error {
	m, l := oms.Metrics(), link.Stats()
	counted := map[string]any{
		"decisions": m.Decisions.Load(), "execs": m.Execs.Load(), "duplicates": m.Duplicates.Load(),
		"illegal": m.Illegal.Load(), "foreign": m.Foreign.Load(), "resends": m.Resends.Load(), "syncs": m.Syncs.Load(),
		"journal_commits": m.Commits.Load(), "journal_commit_max_ns": m.CommitMaxNs.Load(),
		"requests_refused": m.RefusedRequests.Load(), "heartbeats": m.Beats.Load(), "corrections": m.Corrections.Load(), "loop_batch_high": m.LoopHigh.Load(),
		"risk_connects": l.Connects.Load(), "risk_failures": l.Failures.Load(), "risk_frames_in": l.FramesIn.Load(),
		"risk_frames_out": l.FramesOut.Load(), "risk_bad_frames": l.BadFrames.Load(),
		"risk_queue_high": l.QueueHigh.Load(), "risk_queue_full": l.QueueFull.Load(),
	}
	if a, there := table.Audit(); there {
		counted["audit"] = map[string]any{
			"behind": a.Behind, "most": a.Most, "connected": a.Connected, "ended": a.Ended, "reduce_only": a.Full, "why": a.Why,
		}
	}
	b, err := json.MarshalIndent(counted, "", "  ")
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
