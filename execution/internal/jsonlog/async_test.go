package jsonlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"dnalyaw/execution/internal/jsonlog"
)

// sink is a reader of the log that can stop taking anything.
type sink struct {
	mu   sync.Mutex
	b    bytes.Buffer
	open chan struct{} // nil = takes everything
	fail error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.open != nil {
		<-s.open
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return 0, s.fail
	}
	return s.b.Write(p)
}

func (s *sink) lines(t *testing.T) []map[string]any {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []map[string]any
	for line := range strings.Lines(s.b.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil || !strings.HasSuffix(line, "\n") {
			t.Fatalf("not a whole line: %q, %v", line, err)
		}
		out = append(out, m)
	}
	return out
}

// Eight goroutines log at every level; after Close every line is there, whole, and each goroutine's in its order.
func TestAsyncLosesNothingAndKeepsTheOrder(t *testing.T) {
	s := &sink{}
	log, a := jsonlog.NewAsync(s, "omsd", slog.LevelInfo, 0)
	var wg sync.WaitGroup
	levels := []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelInfo, slog.LevelError}
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				log.With("g", g).Log(t.Context(), levels[i%5], "line", "i", i, jsonlog.Correlation([16]byte{byte(g)}))
			}
		})
	}
	wg.Wait()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	next, count := map[float64]float64{}, 0
	for _, m := range s.lines(t) {
		g, i := m["g"].(float64), m["i"].(float64)
		if i < next[g] || m["correlation_id"] != fmt.Sprintf("%02x%030x", int(g), 0) || m["component"] != "omsd" {
			t.Fatalf("goroutine %v: line %v after %v: %v", g, i, next[g], m)
		}
		next[g] = i + 1
		count++
	}
	if count != 8*400 { // all but DEBUG
		t.Errorf("%d lines, want 3200", count)
	}
	if below, from := a.Dropped(); below+from != 0 {
		t.Errorf("%d and %d lines dropped", below, from)
	}
}

func TestAnErrorIsWrittenBeforeTheCallReturns(t *testing.T) {
	s := &sink{}
	log, a := jsonlog.NewAsync(s, "omsd", slog.LevelInfo, 0)
	for i := range 200 {
		log.Info("before", "i", i)
		log.Error("broken", "i", i)
		if got := s.lines(t); len(got) != 2*i+2 || got[2*i+1]["msg"] != "broken" {
			t.Fatalf("after error %d the log has %d lines", i, len(got))
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestALineIsWrittenWithinATenthOfASecond(t *testing.T) {
	s := &sink{}
	log, a := jsonlog.NewAsync(s, "omsd", slog.LevelInfo, 0)
	defer a.Close()
	log.Info("alone")
	for end := time.Now().Add(5 * time.Second); len(s.lines(t)) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the line was never written")
		}
	}
}

// While the reader takes nothing, INFO lines beyond the room are dropped and counted, WARN lines have room, nobody blocks
// but the first ERROR for a tenth of a second; afterwards one line tells of what was dropped.
func TestAStuckReaderBlocksNobody(t *testing.T) {
	s := &sink{open: make(chan struct{})}
	log, a := jsonlog.NewAsync(s, "omsd", slog.LevelInfo, 4000)
	log.Warn("first") // the writer goes with it, and stays
	time.Sleep(20 * time.Millisecond)
	start := time.Now()
	for i := range 1000 {
		log.Info("info", "i", i)
	}
	for i := range 10 {
		log.Warn("warn", "i", i)
		log.Error("error", "i", i)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Fatalf("the callers waited %s", took)
	}
	below, from := a.Dropped()
	if below == 0 || below >= 1000 || from != 0 {
		t.Fatalf("%d INFO and %d WARN lines dropped", below, from)
	}
	close(s.open)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	counts, told := map[string]int{}, 0.0
	for _, m := range s.lines(t) {
		counts[m["msg"].(string)]++
		if n, ok := m["dropped"].(float64); ok {
			told += n
		}
	}
	if counts["info"] != 1000-int(below) || counts["warn"] != 10 || counts["error"] != 10 || counts["first"] != 1 || told != float64(below) {
		t.Errorf("lines %v, %v told of %d dropped", counts, told, below)
	}
}

// Twice the room is the end for warnings too, and they are counted apart.
func TestMemoryIsBounded(t *testing.T) {
	s := &sink{open: make(chan struct{})}
	log, a := jsonlog.NewAsync(s, "omsd", slog.LevelInfo, 4000)
	for range 1000 {
		log.Warn("warn")
	}
	// The room of 8000 bytes and the batch that the writer holds.
	if _, from := a.Dropped(); from < 800 {
		t.Errorf("%d of 1000 warnings dropped", from)
	}
	close(s.open)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAFailedWriteIsCounted(t *testing.T) {
	s := &sink{fail: errors.New("broken pipe")}
	log, a := jsonlog.NewAsync(s, "omsd", slog.LevelInfo, 0)
	log.Error("lost")
	if err := a.Close(); err == nil || !strings.Contains(err.Error(), "1 writes") || a.Failed() != 1 {
		t.Errorf("%v, %d failed", err, a.Failed())
	}
}

func TestLinesAfterCloseAreWrittenByTheirCallers(t *testing.T) {
	s := &sink{}
	log, a := jsonlog.NewAsync(s, "omsd", slog.LevelInfo, 0)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	log.Info("late")
	if got := s.lines(t); len(got) != 1 || got[0]["msg"] != "late" {
		t.Errorf("%v", got)
	}
}
