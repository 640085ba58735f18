package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dnalyaw/execution/internal/core"
)

// HealthWait is how long the loop may take to turn before omsd is called unhealthy.
const HealthWait = 2 * time.Second

// Reason is why omsd is not ready.
type Reason struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// The codes of reasons.
const (
	ReasonLoop      = "LOOP_STUCK"
	ReasonLink      = "RISK_DOWN"
	ReasonSync      = "NOT_IN_STEP"
	ReasonReference = "REFERENCE_MISMATCH"
	ReasonAccount   = "NO_ACCOUNT"
	ReasonVenue     = "VENUE_DOWN"
	ReasonJournal   = "JOURNAL_BEHIND"
	ReasonAudit     = "AUDIT_BEHIND"
)

// notReady lists why nothing new could be traded for reasons of the machinery. A closed session, a halt or books that
// differ are the market's and people's business, and no reason here.
func notReady(v core.Overview, trail Trail) []Reason {
	var out []Reason
	add := func(yes bool, code, format string, args ...any) {
		if yes {
			out = append(out, Reason{code, fmt.Sprintf(format, args...)})
		}
	}
	add(!v.LinkUp, ReasonLink, "no connection to riskd; see that it runs and serves its socket")
	add(v.LinkUp && !v.Synced, ReasonSync, "riskd's first snapshot has not ended yet")
	add(v.Reference != "", ReasonReference, "%s", v.Reference)
	add(!v.AccountKnown, ReasonAccount, "riskd has sent no account with positive equity on this connection")
	add(v.AccountKnown && !v.VenueUp, ReasonVenue, "riskd's session with the venue is down")
	add(v.Lag > v.MaxLag, ReasonJournal, "the journal's disk is %s behind, at most %s is allowed", v.Lag.Round(time.Millisecond), v.MaxLag)
	if a, there := trail.Audit(); there && a.Full {
		why := a.Why
		if why == "" {
			why = "the database is slower than the journal grows"
		}
		add(a.Ended, ReasonAudit, "nothing is opened, for the audit trail has stopped: %s; `dnalyaw audit verify` names what is wrong", why)
		add(!a.Ended, ReasonAudit, "nothing is opened before the audit table has caught up: it is %d records behind, at most %d are allowed (%s); "+
			"`dnalyaw runtime up` starts the home's database again", a.Behind, a.Most, why)
	}
	return out
}

// Handler serves /metrics, /healthz (200: the loop turns) and /readyz (200: it could trade; else 503 with the reasons).
func (m *Metrics) Handler(loop Loop, trail Trail) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), HealthWait)
		defer cancel()
		var reasons []Reason
		if err := loop.Ping(ctx); err != nil {
			reasons = append(reasons, stuck(err))
		}
		answer(w, "healthy", reasons)
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), HealthWait)
		defer cancel()
		v, err := loop.Overview(ctx)
		if err != nil {
			answer(w, "ready", []Reason{stuck(err)})
			return
		}
		answer(w, "ready", notReady(v, trail))
	})
	return mux
}

func stuck(err error) Reason {
	return Reason{ReasonLoop, fmt.Sprintf("the loop did not turn within %s (%v); its last log line says what it was doing", HealthWait, err)}
}

func answer(w http.ResponseWriter, what string, reasons []Reason) {
	status := http.StatusOK
	if len(reasons) > 0 {
		status = http.StatusServiceUnavailable
	} else {
		reasons = []Reason{} // [] and not null
	}
	body, err := json.Marshal(map[string]any{what: len(reasons) == 0, "reasons": reasons})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A caller that has gone away does not hear it.
	_, _ = w.Write(append(body, '\n'))
}
