// Package jsonlog makes the structured logger of the compiled runtime: one JSON object a line, times in UTC,
// the component's name on every line and, where a line belongs to an order's life, its correlation_id.
package jsonlog

import (
	"encoding/hex"
	"io"
	"log/slog"
	"time"
)

// CorrelationKey is the attribute that joins the lines of one target portfolio across processes.
const CorrelationKey = "correlation_id"

// New returns a logger that writes JSON lines for component to w. It is safe for concurrent use when w's Write
// is atomic for one line (a file or a pipe is).
func New(w io.Writer, component string, level slog.Leveler) *slog.Logger {
	return slog.New(newHandler(w, level)).With("component", component)
}

func newHandler(w io.Writer, level slog.Leveler) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime {
				a.Value = slog.StringValue(a.Value.Time().UTC().Format(time.RFC3339Nano))
			}
			return a
		},
	})
}

// Correlation is the attribute of a correlation id: 32 lower-case hex digits.
func Correlation(id [16]byte) slog.Attr {
	return slog.String(CorrelationKey, hex.EncodeToString(id[:]))
}

// Discard returns a logger that drops everything, for tests that look at behaviour only.
func Discard() *slog.Logger {
	return slog.New(slog.DiscardHandler)
}
