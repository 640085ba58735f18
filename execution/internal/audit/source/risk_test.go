package source_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/source"
)

// riskWriter stores records as riskd does (docs/riskd.md): segments of fixed length, the next one made ahead. Journals of
// the real riskd are read in tests/audit.
type riskWriter struct {
	dir    string
	size   int
	number int
	count  uint64
	chain  [32]byte
	at     int
	data   []byte // of the segment that is written
}

func newRiskWriter(t tester, dir string, size int) *riskWriter {
	t.Helper()
	w := &riskWriter{dir: dir, size: size}
	w.begin(t)
	return w
}

func (w *riskWriter) path(number int) string {
	return filepath.Join(w.dir, fmt.Sprintf("%08d.seg", number))
}

// begin makes the spare the segment, and a new spare.
func (w *riskWriter) begin(t tester) {
	t.Helper()
	w.number++
	w.data = make([]byte, w.size)
	copy(w.data, "DNRJ0002")
	binary.LittleEndian.PutUint64(w.data[8:], uint64(w.number))
	binary.LittleEndian.PutUint64(w.data[16:], w.count)
	copy(w.data[24:], w.chain[:])
	binary.LittleEndian.PutUint32(w.data[56:], uint32(w.size))
	binary.LittleEndian.PutUint32(w.data[60:], crc32.ChecksumIEEE(w.data[:60]))
	w.at = 4096
	w.flush(t)
	must(t, os.WriteFile(w.path(w.number+1), make([]byte, w.size), 0o600))
}

func (w *riskWriter) frame(payload string) []byte {
	h := sha256.New()
	h.Write(w.chain[:])
	h.Write([]byte(payload))
	own := h.Sum(nil)
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(append([]byte(payload), own...)))
	return append(append(b, payload...), own...)
}

func (w *riskWriter) put(t tester, payload string) {
	t.Helper()
	b := w.frame(payload)
	if w.at+len(b) > w.size {
		w.begin(t)
	}
	copy(w.data[w.at:], b)
	w.at += len(b)
	w.count++
	copy(w.chain[:], b[len(b)-32:])
	w.flush(t)
}

// synced writes down that the disk has everything.
func (w *riskWriter) synced(t tester) {
	t.Helper()
	binary.LittleEndian.PutUint32(w.data[64:], uint32(w.at))
	check := binary.LittleEndian.AppendUint64(nil, uint64(w.number))
	check = binary.LittleEndian.AppendUint32(check, uint32(w.at))
	binary.LittleEndian.PutUint32(w.data[68:], crc32.ChecksumIEEE(check))
	w.flush(t)
}

func (w *riskWriter) flush(t tester) {
	t.Helper()
	must(t, os.WriteFile(w.path(w.number), w.data, 0o600))
}

func TestAnyJournalOfRiskdIsFollowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "journal")
		must(t, err)
		defer os.RemoveAll(dir)
		f, c := follower(source.NewRisk(dir))
		defer f.Close()
		w := newRiskWriter(t, dir, 8192)
		var want, got []string
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				r := fmt.Sprintf(`{"kind":"seen","n":%d,"pad":%q}`, len(want), strings.Repeat("x", rapid.IntRange(0, 1500).Draw(t, "pad")))
				w.put(t, r)
				want = append(want, r)
			},
			"synced": func(t *rapid.T) { w.synced(t) },
			"read": func(t *rapid.T) {
				entries, err := f.Read(uint64(len(got)), rapid.IntRange(1, 5).Draw(t, "count"))
				must(t, err)
				for _, e := range entries {
					got = append(got, string(e.Body))
				}
			},
			"wait": func(*rapid.T) { c.t = c.t.Add(source.Patience) },
			"back": func(t *rapid.T) { got = got[:rapid.IntRange(0, len(got)).Draw(t, "to")] },
			"tip": func(t *rapid.T) {
				if tip, err := f.Tip(); err != nil || tip != uint64(len(want)) {
					t.Fatalf("tip %d of %d, %v", tip, len(want), err)
				}
			},
		})
		got = append(got, drain(t, f, c, uint64(len(got)), 3)...)
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Fatalf("%d records of %d", len(got), len(want))
		}
	})
}

func TestRiskdsWordAboutTheDiskCounts(t *testing.T) {
	dir := t.TempDir()
	w := newRiskWriter(t, dir, 1<<16)
	f, _ := follower(source.NewRisk(dir))
	defer f.Close()
	w.put(t, `{"kind":"seen","exec_id":"1"}`)
	w.synced(t)
	w.put(t, `{"kind":"seen","exec_id":"2"}`)
	read := func(after uint64, want int) {
		t.Helper()
		if entries, err := f.Read(after, 9); err != nil || len(entries) != want {
			t.Fatalf("%d entries instead of %d, %v", len(entries), want, err)
		}
	}
	read(0, 1)
	read(1, 0)
	w.synced(t)
	read(1, 1)
}

// What riskd stores, and the disk gets, between a read that finds nothing and the look for damage is no damage.
func TestWhatRiskdStoresMeanwhileIsNoDamage(t *testing.T) {
	dir := t.TempDir()
	w := newRiskWriter(t, dir, 1<<16)
	w.put(t, `{"kind":"one"}`)
	w.synced(t)
	f := source.NewRisk(dir)
	defer f.Close()
	now, idle := time.Unix(1, 0), false
	f.SetNow(func() time.Time {
		if idle {
			// The reader has found nothing and now asks for how long.
			idle = false
			w.put(t, `{"kind":"two"}`)
			w.put(t, `{"kind":"three"}`)
			w.synced(t)
		}
		return now
	})
	if entries, err := f.Read(0, 9); err != nil || len(entries) != 1 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	now, idle = now.Add(2*source.StuckAfter), true
	entries, err := f.Read(1, 9)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	if idle {
		t.Fatal("nothing was stored in between")
	}
}

// A killed riskd leaves one record unfinished; its next life zeroes it and goes on there.
func TestRiskdsTornTailIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	w := newRiskWriter(t, dir, 1<<16)
	w.put(t, `{"kind":"one"}`)
	torn := w.frame(`{"kind":"` + strings.Repeat("x", 30) + `"}`)
	f, c := follower(source.NewRisk(dir))
	defer f.Close()
	f.EveryRecord()
	for size := 1; size < len(torn); size++ {
		copy(w.data[w.at:], torn[:size])
		w.flush(t)
		if got := drain(t, f, c, 0, 9); strings.Join(got, "") != `{"kind":"one"}` {
			t.Fatalf("%d bytes: %q", size, got)
		}
		c.t = c.t.Add(2 * source.StuckAfter)
		if _, err := f.Read(1, 9); err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
	}
	clear(w.data[w.at:])
	w.put(t, `{"kind":"two"}`)
	if got := drain(t, f, c, 1, 9); strings.Join(got, "") != `{"kind":"two"}` {
		t.Fatalf("%q", got)
	}
}

func TestEveryChangedByteOfRiskdsIsFound(t *testing.T) {
	dir := t.TempDir()
	w := newRiskWriter(t, dir, 8192)
	for _, r := range []string{`{"kind":"one"}`, `{"kind":"two"}`, `{"kind":"three"}`} {
		w.put(t, r)
	}
	end := w.at
	good := bytes.Clone(w.data)
	size := 8 + len(`{"kind":"one"}`) + 32
	for i := 4096; i < end; i++ {
		w.data = bytes.Clone(good)
		w.data[i] ^= 0x20
		w.synced(t)
		f, c := follower(source.NewRisk(dir))
		var got []string
		var err error
		for tries := 0; err == nil && tries < 6; tries++ {
			var entries []audit.Entry
			entries, err = f.Read(uint64(len(got)), 9)
			for _, e := range entries {
				got = append(got, e.Kind)
			}
			c.t = c.t.Add(source.StuckAfter)
		}
		n := min((i-4096)/size, 2)
		if at := fmt.Sprintf("record %d at offset %d", n+1, 4096+n*size); !errors.Is(err, audit.ErrBroken) || !strings.Contains(err.Error(), at) || len(got) != n {
			t.Fatalf("byte %d: %q, %v; want %s", i, got, err, at)
		}
		must(t, f.Close())
	}
}

func TestRiskdsSegmentsThatDoNotBelongTogether(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(t *testing.T, w *riskWriter)
		want string
	}{
		"the first is gone":  {func(t *testing.T, w *riskWriter) { must(t, os.Remove(w.path(1))) }, "00000001.seg is missing"},
		"the second is gone": {func(t *testing.T, w *riskWriter) { must(t, os.Remove(w.path(2))) }, "00000002.seg is missing"},
		"the last record of the first is gone": {func(t *testing.T, w *riskWriter) {
			change(t, w.path(1), func(b []byte) []byte { clear(b[5966:]); return b })
		}, "00000002.seg does not go on where the segment before it ends, at record 1"},
		"the first has something behind its end": {func(t *testing.T, w *riskWriter) {
			change(t, w.path(1), func(b []byte) []byte { b[8191] = 1; return b })
		}, "does not verify, and another segment follows"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newRiskWriter(t, t.TempDir(), 8192)
			for n := range 5 {
				w.put(t, fmt.Sprintf(`{"kind":"seen","n":%d,"pad":%q}`, n, strings.Repeat("x", 1800)))
			}
			if w.number != 3 {
				t.Fatal(w.number)
			}
			c.do(t, w)
			f, _ := follower(source.NewRisk(w.dir))
			defer f.Close()
			f.EveryRecord()
			var err error
			for seq := uint64(0); err == nil && seq < 3; seq++ {
				_, err = f.Read(seq, 1)
			}
			if err == nil {
				err = f.Rest()
			}
			if !errors.Is(err, audit.ErrBroken) || !strings.Contains(err.Error(), c.want) {
				t.Error(err)
			}
		})
	}
}

func FuzzRiskSegment(f *testing.F) {
	w := newRiskWriter(f, f.TempDir(), 8192)
	w.put(f, `{"kind":"one"}`)
	w.put(f, `{"kind":"two"}`)
	f.Add(w.data)
	f.Add(w.data[:w.at-5])
	f.Fuzz(func(t *testing.T, b []byte) { fuzz(t, b, "00000001.seg", source.NewRisk) })
}
