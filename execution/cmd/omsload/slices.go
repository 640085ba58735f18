package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// A slice is dropped when the machine was taken away while it ran: the hypervisor kept more than stealLimit of the
// processors' time to itself, or the moments at which the generator came to send were late by more than lateLimit at
// their 99th percentile. A slice of load and the echo behind it count together or not at all. A generator that is late under
// load and not in the echo behind it was held up by what is measured: that counts.
const (
	stealLimit = 0.02
	lateLimit  = 5 * time.Millisecond
)

// slice is a stretch of load or of echo.
type slice struct {
	Number  int     `json:"number"`
	Kind    string  `json:"kind"`
	StartNs int64   `json:"start_ns"`
	EndNs   int64   `json:"end_ns"`
	Sent    int     `json:"sent"`
	Steal   float64 `json:"steal"`       // of the processors' time
	LateNs  int64   `json:"late_p99_ns"` // the generator's
	Dropped string  `json:"dropped"`     // why it does not count, empty = it does
}

// verdict is the rule.
func verdict(steal float64, lateNs int64) string {
	switch {
	case steal > stealLimit:
		return "steal"
	case lateNs > int64(lateLimit):
		return "late"
	}
	return ""
}

// pair makes a verdict of two.
func pair(load, echo *slice) {
	switch {
	case echo.Dropped != "":
		load.Dropped = echo.Dropped
	case load.Dropped == "late":
		load.Dropped = ""
	default:
		echo.Dropped = load.Dropped
	}
}

// end closes a slice with what the processors' times say and how late its sends were.
func (s *slice) end(before, after jiffies, late []int64) {
	s.EndNs, s.Sent = time.Now().UnixNano(), len(late)
	s.Steal, s.LateNs = after.stolen(before), percentile(late, 0.99)
	s.Dropped = verdict(s.Steal, s.LateNs)
}

// percentile is the smallest value that at least the part q of the values do not exceed; 0 of none.
func percentile(values []int64, q float64) int64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	at := int(q * float64(len(sorted)))
	if float64(at) < q*float64(len(sorted)) {
		at++
	}
	return sorted[max(at, 1)-1]
}

// jiffies are the processors' times since the machine started.
type jiffies struct{ all, steal uint64 }

func readJiffies() (jiffies, error) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return jiffies{}, err
	}
	return parseJiffies(data)
}

// parseJiffies reads the first line: cpu user nice system idle iowait irq softirq steal guest guest_nice, of which the last
// two are in user and nice already.
func parseJiffies(stat []byte) (j jiffies, err error) {
	line, _, _ := bytes.Cut(stat, []byte{'\n'})
	words := bytes.Fields(line)
	if len(words) < 9 || string(words[0]) != "cpu" {
		return j, fmt.Errorf("/proc/stat begins with %q, not with the processors' times", line)
	}
	for i, word := range words[1:9] {
		n, err := strconv.ParseUint(string(word), 10, 64)
		if err != nil {
			return j, fmt.Errorf("/proc/stat: %w", err)
		}
		if j.all += n; i == 7 {
			j.steal = n
		}
	}
	return j, nil
}

func (j jiffies) stolen(before jiffies) float64 {
	if j.all <= before.all {
		return 0
	}
	return float64(j.steal-before.steal) / float64(j.all-before.all)
}
