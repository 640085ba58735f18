package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnalyaw/execution/internal/feed"
)

// An address is taken apart without a loss, into a network that there is and something to dial on it.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{"unix:/run/q.sock", "tcp:127.0.0.1:7001", "tcp:[::1]:7001", "udp:1", "unix:", ":x", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		network, addr, err := address("--listen", text)
		want := strings.HasPrefix(text, "unix:") && len(text) > 5 || strings.HasPrefix(text, "tcp:") && len(text) > 4
		if (err == nil) != want || err == nil && network+":"+addr != text {
			t.Fatalf("%q: %q %q %v", text, network, addr, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "--listen ") {
			t.Fatalf("%q: %v names no option", text, err)
		}
	})
}

// Whatever a file is called: it is market data of a known kind, or an error names it; nothing is made by asking.
func FuzzFileNames(f *testing.F) {
	for _, name := range []string{"2024-06-28.csv", "2024-06-28", "x.dbn", "x.dbn.zst", "b.csv.gz", "minute/spy/20131007_quote.zip", "daily/spy.zip", "_trade.zip", "minute/a/2013_quote.zip", ".zip", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.Contains(name, "..") || len(name) > 200 {
			return // stays in the test's folder
		}
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		files, err := feed.OpenFiles([]string{path})
		if (files.Feed == nil) == (err == nil) {
			t.Fatalf("%q: %v, %v", name, files.Feed, err)
		}
		if err != nil && err.Error() == "" {
			t.Fatalf("%q: an error without words", name)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Fatalf("%q: %v, %v", name, left, err)
		}
	})
}
