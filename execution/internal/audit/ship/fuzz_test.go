package ship_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dnalyaw/execution/internal/audit/ship"
)

// A status file that can be read is written again with the same bytes, and whoever asks is never told that a shipper is in
// step which has ended, is behind or is silent.
func FuzzStatusFile(f *testing.F) {
	path := filepath.Join(f.TempDir(), "status.json")
	now := time.Unix(1_700_000_000, 5).UTC()
	if err := ship.WriteStatus(path, ship.Status{Writer: "omsd-US", Acked: 7, Source: 9, Lag: 2, Connected: true, LastError: "a\nb"}, now); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"lag":18446744073709551615,"at":"0001-01-01T00:00:00Z","pid":-1}`))
	f.Add([]byte(`{"ended":true,"acked_hash":"zz"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "status.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := ship.ReadStatus(path)
		if err != nil {
			return
		}
		const silence = 10 * time.Second
		if behind := file.Behind(2, now, silence); !behind && (file.Ended || file.Lag > 2 || now.After(file.At.Add(silence))) {
			t.Fatalf("%s is in step", data)
		}
		if err := ship.WriteStatus(path, file.Status, file.At); err != nil {
			return // a year that RFC 3339 does not know
		}
		again, err := ship.ReadStatus(path)
		file.PID = os.Getpid()
		if err != nil || again.Status != file.Status || !again.At.Equal(file.At) || again.PID != file.PID {
			t.Fatalf("%s: %+v came back as %+v, %v", bytes.TrimSpace(data), file, again, err)
		}
	})
}
