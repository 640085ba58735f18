package jsonlog_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"dnalyaw/execution/internal/jsonlog"
)

func TestOneJSONObjectALine(t *testing.T) {
	var out bytes.Buffer
	log := jsonlog.New(&out, "simvenue", slog.LevelInfo)
	log.Debug("below the level")
	log.Info("filled", jsonlog.Correlation([16]byte{0xab, 15: 0x01}), "qty", 7)

	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 1 {
		t.Fatalf("want one line, got %d: %q", len(lines), out.String())
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"level": "INFO", "msg": "filled", "component": "simvenue", "qty": 7.0,
		"correlation_id": "ab000000000000000000000000000001",
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s = %v, want %v", k, got[k], v)
		}
	}
	at, err := time.Parse(time.RFC3339Nano, got["time"].(string))
	if err != nil || at.Location() != time.UTC {
		t.Errorf("time %v is not UTC RFC 3339: %v", got["time"], err)
	}
}
