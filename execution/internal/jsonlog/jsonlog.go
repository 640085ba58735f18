// Package jsonlog makes the structured logger of the compiled runtime: one JSON object a line, times in UTC,
// the component's name on every line and, where a line belongs to an order's life, its correlation_id.
package jsonlog

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
)

// CorrelationKey is the attribute that joins the lines of one target portfolio across processes.
const CorrelationKey = "correlation_id"

// New returns a logger that writes JSON lines for component to w. It is safe for concurrent use when w's Write
// is atomic for one line (a file or a pipe is).
func New(w io.Writer, component string, level slog.Leveler) *slog.Logger {
	return slog.New(newHandler(w, level)).With("component", component)
}

func newHandler(w io.Writer, level slog.Leveler) slog.Handler {
	return utcHandler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})}
}

// utcHandler turns the time of a line to UTC, which slog then writes as RFC 3339. (HandlerOptions.ReplaceAttr could do it too,
// and is asked about every attribute of every line.)
type utcHandler struct{ slog.Handler }

func (h utcHandler) Handle(ctx context.Context, r slog.Record) error {
	r.Time = r.Time.UTC()
	return h.Handler.Handle(ctx, r)
}

func (h utcHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return utcHandler{h.Handler.WithAttrs(attrs)}
}

func (h utcHandler) WithGroup(name string) slog.Handler { return utcHandler{h.Handler.WithGroup(name)} }

// Correlation is the attribute of a correlation id: 32 lower-case hex digits.
func Correlation(id [16]byte) slog.Attr {
	return slog.String(CorrelationKey, hex.EncodeToString(id[:]))
}

// Discard returns a logger that drops everything, for tests that look at behaviour only.
func Discard() *slog.Logger {
	return slog.New(slog.DiscardHandler)
}
