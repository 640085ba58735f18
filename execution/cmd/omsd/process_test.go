package main

import (
	"bytes"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	pb "dnalyaw/execution/gen/dnalyawv1"
)

// omsd must not be able to reach a venue: nothing that speaks FIX, and nothing of the simulator, is linked into it.
func TestOmsdLinksNoVenue(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 50 {
		t.Fatalf("only %d dependencies: the list is not the import graph", len(deps))
	}
	own := false
	for _, d := range deps {
		own = own || d == "dnalyaw/execution/internal/risklink"
		if low := strings.ToLower(d); strings.Contains(low, "quickfix") || regexp.MustCompile(`(^|/)fix(/|$|[0-9])`).MatchString(low) ||
			strings.Contains(low, "execution/internal/sim") || strings.Contains(low, "cmd/simvenue") {
			t.Errorf("omsd imports %s", d)
		}
	}
	if !own {
		t.Error("the list does not even hold risklink")
	}
}

func TestNoFlagIsAnAddress(t *testing.T) {
	var o options
	known := map[string]bool{"dir": true, "socket": true, "risk": true, "register": true, "reference": true, "session": true, "audit": true, "audit-backlog": true, "region": true, "metrics": true, "feed": true, "stamps": true}
	newFlags(&o).VisitAll(func(f *flag.Flag) {
		if !known[f.Name] {
			t.Errorf("--%s is not in the contract", f.Name)
		}
		delete(known, f.Name)
		// --metrics is where omsd listens; TestMetricsAreServedOnLoopbackOnly holds it to that.
		if text := strings.ToLower(f.Name + " " + f.Usage); regexp.MustCompile(`addr|host|port\b|venue|fix\b`).MatchString(text) {
			t.Errorf("--%s (%s) speaks of an address", f.Name, f.Usage)
		}
	})
	for name := range known {
		t.Errorf("--%s is missing", name)
	}
}

func TestBadCommandLinesAreOneLineAndStatusTwo(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"unknown flag": {[]string{"--venue", "127.0.0.1:9000"}, []string{"venue"}},
		"all missing":  {nil, []string{"--dir is missing", "--socket is missing", "--risk is missing", "--register is missing", "--region is missing"}},
		"bad region":   {[]string{"--dir", "d", "--socket", "s", "--risk", "r", "--register", "g", "--region", "us"}, []string{`--region "us"`}},
		"far metrics":  {[]string{"--dir", "d", "--socket", "s", "--risk", "r", "--register", "g", "--region", "US", "--metrics", "0.0.0.0:9464"}, []string{`--metrics "0.0.0.0:9464" is not on loopback`}},
		"metrics name": {[]string{"--dir", "d", "--socket", "s", "--risk", "r", "--register", "g", "--region", "US", "--metrics", "localhost:9464"}, []string{`--metrics "localhost:9464" is not ADDRESS:PORT`}},
		"argument":     {[]string{"--dir", "d", "--socket", "s", "--risk", "r", "--register", "g", "--region", "US", "now"}, []string{`"now"`}},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(c.args, &stdout, &stderr); code != 2 {
			t.Errorf("%s: status %d, want 2", name, code)
		}
		text := strings.TrimSuffix(stderr.String(), "\n")
		if strings.Contains(text, "\n") || stdout.Len() != 0 {
			t.Errorf("%s: stderr %q, stdout %q", name, stderr.String(), stdout.String())
		}
		for _, w := range c.want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: %q does not say %s", name, text, w)
			}
		}
	}
}

func TestSecondInstanceIsTurnedAwayAndTermEndsWell(t *testing.T) {
	h := newHouse(t, 2)
	h.start()
	h.up()
	second := child(h.args()...)
	out, _ := second.CombinedOutput()
	if code := second.ProcessState.ExitCode(); code != 2 || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "another omsd") {
		t.Errorf("second instance: status %d, %q", code, out)
	}
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	h.settled()
	want := h.report()
	if code := h.term(); code != 0 {
		t.Errorf("SIGTERM: status %d", code)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "oms", "metrics.json")); err != nil {
		t.Error(err)
	}
	// The report of the session is still there without riskd, from the snapshot.
	h.risk.close()
	h.start()
	got := h.report()
	if got.EquityMicro != want.EquityMicro || got.CashMicro != want.CashMicro || len(got.Positions) != len(want.Positions) || len(got.Orders) != 1 {
		t.Errorf("%v\nbefore the restart\n%v", got, want)
	}
	if _, err := h.client.GetSessionReport(h.ctx(), &pb.GetSessionReportRequest{Session: 19990101}); err == nil || !strings.Contains(err.Error(), "19990101") {
		t.Errorf("a session that never was: %v", err)
	}
}

func TestBrokenJournalIsOneLine(t *testing.T) {
	h := newHouse(t, 2)
	h.start()
	h.up()
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.1}))
	h.settled()
	h.kill()
	path := filepath.Join(h.dir, "oms", "journal", "000001.log")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[60] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := child(h.args()...).CombinedOutput()
	if strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "journal is broken") {
		t.Errorf("%q", out)
	}
	// Cut short in its last block it starts, and says so.
	data[60] ^= 1
	if err := os.WriteFile(path, data[:len(data)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	h.start()
	// The log comes through a pipe of its own, which READY does not wait for.
	h.await("the torn tail in the log", func(*pb.GetStatusResponse) bool {
		return strings.Contains(h.stderr.String(), "cut short by a crash")
	})
	h.up()
	h.settled()
	h.onceEach(1)
	h.sameAfterReplay()
}

// The socket is for omsd's own user, by its mode as well.
func TestSocketMode(t *testing.T) {
	h := newHouse(t, 1)
	h.start()
	fi, err := os.Stat(filepath.Join(h.dir, "oms.sock"))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
	if _, err := net.Dial("unix", filepath.Join(h.dir, "oms.sock")); err != nil {
		t.Error(err)
	}
}
