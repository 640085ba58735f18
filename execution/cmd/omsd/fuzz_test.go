package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// What --metrics takes is a literal loopback address and a port, as the other reader of Go's library sees it too.
func FuzzMetricsAddress(f *testing.F) {
	for _, text := range []string{"127.0.0.1:9464", "[::1]:0", "0.0.0.0:9464", "localhost:9464", "[::ffff:127.0.0.1]:1", "[::ffff:10.0.0.1]:1", "127.0.0.1", "[::1%lo]:1", ":9464", "127.1:1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := loopback(text)
		if err != nil {
			return
		}
		host, port, err := net.SplitHostPort(text)
		if err != nil {
			t.Fatalf("%q is taken as %s: %v", text, at, err)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || uint16(n) != at.Port() {
			t.Fatalf("%q: port %d, %v", text, at.Port(), err)
		}
		if i := len(host) - len(at.Addr().Zone()) - 1; at.Addr().Zone() != "" && i > 0 {
			host = host[:i]
		}
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			t.Fatalf("%q is taken as %s, which is not on loopback: %v", text, at, ip)
		}
	})
}

// Official closes: positive prices of positive ids, or an error that names the file.
func FuzzCloses(f *testing.F) {
	for _, text := range []string{`{"1":99500000,"2":1}`, `{"1":0}`, `{"-1":5}`, `{"x":5}`, `null`, `{"1":1.5}`, `{"1":1}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "closes.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		closes, err := readCloses(path)
		if err != nil {
			return
		}
		for id, px := range closes {
			if id <= 0 || px <= 0 {
				t.Fatalf("%s: %d closes at %d", data, id, px)
			}
		}
	})
}
