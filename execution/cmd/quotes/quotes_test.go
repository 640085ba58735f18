package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dnalyaw/execution/internal/feed"
	"dnalyaw/execution/internal/gate"
)

// The test binary is the command when it is told so: the real process, without a build.
func TestMain(m *testing.M) {
	if os.Getenv("QUOTES_COMMAND") == "1" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	usd    = int64(1_000_000)
	openNs = int64(1_700_000_000_000_000_000)
)

// session writes a market session of n quotes of two names, a replayed millisecond apart, and returns its path.
func session(t *testing.T, n int, spoil func(i int, bid, ask *int64)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "2023-11-14")
	var b bytes.Buffer
	b.WriteString("ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source\n")
	for i := range n {
		bid := 100*usd + int64(i/2%5)*usd/100
		ask := bid + usd/50
		if spoil != nil {
			spoil(i, &bid, &ask)
		}
		fmt.Fprintf(&b, "%d,%d,%s,quote,%d,%d,%d,100,simulated\n", openNs+int64(i+1)*1e6, i%2+1, []string{"AAA", "BBB"}[i%2], bid, ask, i+1)
	}
	js := fmt.Sprintf(`{"region":"US","session":"2023-11-14","currency":"USD","open_ns":%d,"close_ns":%d}`, openNs, openNs+int64(n+10)*1e6)
	for name, data := range map[string][]byte{path + ".csv": b.Bytes(), path + ".json": []byte(js)} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func call(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(context.Background(), args, &stdout, &stderr)
	return status, stdout.String(), stderr.String()
}

func TestCheckCountsByReasonWithExamples(t *testing.T) {
	path := session(t, 1000, func(i int, bid, ask *int64) {
		switch i {
		case 300, 301, 700:
			*bid, *ask = *ask, *bid
		case 500:
			*bid, *ask = 2**bid, 2**ask
		}
	})
	dir := filepath.Join(t.TempDir(), "refused")
	status, out, errs := call(t, "check", "--examples", "2", "--refused", dir, path+".csv")
	if status != exitOK || errs != "" {
		t.Fatalf("%d %s", status, errs)
	}
	for _, want := range []string{
		"1000 quotes, trades and prints: 996 passed (0 of them held first), 4 refused (0.4%)",
		"CROSSED                 3            2  2023-11-14 22:13:20.301 AAA bid 100.02 is 0.02 above ask 100.00\n",
		"  2023-11-14 22:13:20.302 BBB bid 100.02 is 0.02 above ask 100.00\n",
		"SPIKE                   1            1  2023-11-14 22:13:20.501 AAA bid 200.00 is ",
		"; not confirmed: the price came back",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
	kept, err := os.ReadFile(filepath.Join(dir, "refused-000001.jsonl"))
	if err != nil || bytes.Count(kept, []byte("\n")) != 4 || !bytes.Contains(kept, []byte(`"reason":"SPIKE"`)) {
		t.Errorf("%v\n%s", err, kept)
	}
}

func TestWhatIsNotDoneIsOneLine(t *testing.T) {
	path := session(t, 10, nil)
	for _, args := range [][]string{
		{}, {"dance"}, {"check"}, {"check", "nothing.csv"}, {"check", "--examples", "-1", path}, {"check", "--one-sided", "maybe", path}, {"check", "--what", path},
		{"serve", path}, {"serve", "--listen", "ftp:x", path}, {"serve", "--listen", "unix:/x", "--faults", "pest=1", path}, {"serve", "--listen", "unix:/x", "--speed", "-1", path},
		{"serve", "--listen", "unix:/nowhere/at/all", path}, {"tail"}, {"tail", "--connect", "unix:/x", "--ids", "x"}, {"tail", "--connect", "unix:/x", "more"},
	} {
		status, out, errs := call(t, args...)
		if status != exitRefused || out != "" || strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "quotes") {
			t.Errorf("%v: %d %q %q", args, status, out, errs)
		}
	}
	if status, out, _ := call(t, "help"); status != exitOK || !strings.Contains(out, "quotes check") {
		t.Errorf("help: %d %q", status, out)
	}
}

// process starts `quotes serve` and waits until it serves.
func process(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{"serve"}, args...)...)
	cmd.Env = append(os.Environ(), "QUOTES_COMMAND=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "READY ") {
		t.Fatalf("%q %v", line, err)
	}
	return cmd
}

// A server that is killed in mid-stream, twice, and begins again while the market goes on: behind the gate the client
// knows at the end what the source said last, nothing is out of order, and the hole is known as one.
func TestKilledServerIsJoinedAgain(t *testing.T) {
	const n = 8000
	path := session(t, n, nil)
	socket := filepath.Join(t.TempDir(), "feed.sock")
	anchor := time.Now().Add(200 * time.Millisecond)
	args := []string{"--listen", "unix:" + socket, "--speed", "2", "--heartbeat-ms", "20", "--anchor", anchor.UTC().Format(time.RFC3339Nano), path}
	server := process(t, args...)
	kill := func() {
		if err := server.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = server.Wait() // says that it was killed
		if err := os.Remove(socket); err != nil {
			t.Fatal(err)
		}
	}
	c := gate.Default()
	c.Sequenced = true
	g, err := gate.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	client := feed.NewClient(feed.ClientOptions{Network: "unix", Address: socket, Silence: 10 * time.Second, MinBackoff: 10 * time.Millisecond, MaxBackoff: 50 * time.Millisecond})
	f := gate.NewFilter(client, g, nil)
	if err := feed.Open(ctx, f); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var q feed.Quote
	newest := map[int64]feed.Quote{}
	seen := map[int64]bool{}
	count := map[feed.Status]int{}
	live, kills := 0, 0
	var suspectBeforeSync, down bool
	for f.Next(&q) {
		if q.Kind == feed.KindStatus {
			count[q.Status]++
			switch q.Status {
			case feed.StatusDown:
				down = true
				if h := g.Health(1); !h.FeedDead || !h.Suspect {
					t.Fatalf("after the line was lost: %+v", h)
				}
			case feed.StatusSync:
				down = false
				g.Tick(q.RecvNs)
				if h := g.Health(1); h.FeedDead || h.Suspect {
					t.Fatalf("after the snapshot: %+v", h)
				}
			case feed.StatusEnd:
				cancel() // the server goes on answering; this consumer has it all
			}
			continue
		}
		if q.TsNs < newest[q.InstrumentID].TsNs {
			t.Fatalf("out of order: %+v after %+v", q, newest[q.InstrumentID])
		}
		suspectBeforeSync = suspectBeforeSync || down && q.Has(feed.FlagSuspect)
		newest[q.InstrumentID] = q
		seen[q.BidSize] = true
		if !q.Has(feed.FlagSnapshot) {
			live++
		}
		if kills < 2 && live == 300*(kills+1) {
			kills++
			kill()
			server = process(t, args...)
		}
	}
	if err := f.Err(); err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	if kills != 2 || count[feed.StatusDown] < 2 || count[feed.StatusSync] < 3 || count[feed.StatusEnd] != 1 || !suspectBeforeSync {
		t.Errorf("%d kills, told %v, suspect before the snapshot %v", kills, count, suspectBeforeSync)
	}
	for id, size := range map[int64]int64{1: n - 1, 2: n} {
		if newest[id].BidSize != size {
			t.Errorf("of instrument %d the last is %+v, want the size %d", id, newest[id], size)
		}
	}
	t.Logf("%d live, %d seen of %d; told %v; %+v", live, len(seen), n, count, g.Totals())
}

func TestTailMarksWhatIsRefused(t *testing.T) {
	path := session(t, 200, func(i int, bid, ask *int64) {
		if i == 150 {
			*bid, *ask = *ask, *bid
		}
	})
	socket := filepath.Join(t.TempDir(), "feed.sock")
	server := process(t, "--listen", "unix:"+socket, "--speed", "0", "--wait", "1", path)
	defer func() {
		if err := server.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := server.Wait(); err != nil {
			t.Errorf("SIGTERM: %v", err)
		}
	}()
	status, out, errs := call(t, "tail", "--connect", "unix:"+socket)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	// 200 quotes, the open and the close, the snapshot's end and the source's.
	if status != exitOK || len(lines) != 204 || strings.Count(out, "REFUSE") != 1 || !strings.Contains(out, "  REFUSE CROSSED: AAA bid 100.02 is 0.02 above ask 100.00") {
		t.Errorf("%d %s: %d lines\n%s", status, errs, len(lines), out)
	}
	if status, out, _ := call(t, "tail", "--connect", "unix:"+socket, "--ids", "2", "--n", "1"); status != exitOK || strings.Count(out, "\n") != 1 {
		t.Errorf("%d %q", status, out)
	}
}
