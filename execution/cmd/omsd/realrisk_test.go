package main

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	pb "dnalyaw/execution/gen/dnalyawv1"
)

// riskdProgram finds riskd, or skips the test where it cannot be had: Go's tests must run without Rust.
func riskdProgram(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("DNALYAW_BIN"); dir != "" {
		return filepath.Join(dir, "riskd")
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("cargo"); err != nil {
		t.Skip("no cargo to build riskd with, and DNALYAW_BIN does not say where one is")
	}
	build := exec.Command("cargo", "build", "--quiet", "--locked", "-p", "dnalyaw-gateway", "--bin", "riskd", "--message-format=json")
	build.Dir = root
	var errs bytes.Buffer
	build.Stderr = &errs
	out, err := build.Output()
	if err != nil {
		t.Fatalf("riskd does not build: %v\n%s", err, errs.String())
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		var artifact struct {
			Executable string `json:"executable"`
		}
		if json.Unmarshal([]byte(line), &artifact) == nil && filepath.Base(artifact.Executable) == "riskd" {
			return artifact.Executable
		}
	}
	t.Fatal("cargo names no riskd")
	return ""
}

// launch starts a program of the runtime and waits for READY.
func (h *house) launch(program string, args ...string) *os.Process {
	h.t.Helper()
	cmd := exec.Command(program, args...)
	log := &lockedBuffer{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if h.t.Failed() {
			h.t.Logf("%s:\n%s", filepath.Base(program), tail(log))
		}
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "READY {") {
		h.t.Fatalf("%s: no READY: %q, %v\n%s", program, line, err, tail(log))
	}
	return cmd.Process
}

// launchAll runs the real simvenue and the real riskd: a quote of each name every 150 ms once the session is started.
// It returns riskd.
func (h *house) launchAll(riskdArgs ...string) *os.Process {
	h.t.Helper()
	riskd := riskdProgram(h.t)
	h.real = true
	simvenue := filepath.Join(h.dir, "simvenue")
	if out, err := exec.Command("go", "build", "-o", simvenue, "../simvenue").CombinedOutput(); err != nil {
		h.t.Fatalf("%v\n%s", err, out)
	}
	in := func(name string) string { return filepath.Join(h.dir, name) }
	h.launch(simvenue, "--dir", in("venue"), "--control", in("venue.sock"), "--market", h.market(), "--speed", "200", "--open-seconds", "0")
	return h.launch(riskd, append([]string{"--dir", in("risk"), "--socket", in("risk.sock"), "--reference", in("reference.json"),
		"--venue-addr-file", in("venue/fix.addr")}, riskdArgs...)...)
}

// market writes a session of two names whose small sizes fill an order in a dozen parts, each at another price.
func (h *house) market() string {
	h.t.Helper()
	open := int64(1704465000_000000000)
	dir := filepath.Join(h.dir, "market")
	if err := os.Mkdir(dir, 0o700); err != nil {
		h.t.Fatal(err)
	}
	h.write("market/2024-01-05.json", fmt.Sprintf(`{"region":"US","session":"2024-01-05","currency":"USD","open_ns":%d,"close_ns":%d,"breaks":[],"actions":[],
		"initial_cash_micro":1000000000000,"fees":{"per_share_micro":5000,"bp_milli":1500},"reject_bp":0,"seed":7,"locate":[{"instrument_id":2,"qty":500}]}`, open, open+int64(6*time.Hour)))
	csv := "ts_ns,instrument_id,symbol,kind,bid,ask,bid_size,ask_size,source\n"
	for i := range int64(40) {
		for id := int64(1); id <= 2; id++ {
			ask := 100_000_000 + 10_000*((i*7+id*3)%11)
			csv += fmt.Sprintf("%d,%d,N%d,quote,%d,%d,%d,%d,simulated\n", open+i*30_000_000_000, id, id, ask-20_000, ask, 25+3*i, 20+i+id)
		}
	}
	h.write("market/2024-01-05.csv", csv)
	return filepath.Join(dir, "2024-01-05")
}

func (h *house) startSession() {
	h.t.Helper()
	if line := h.venueControl(`{"cmd":"start"}`); !strings.Contains(line, `"open"`) {
		h.t.Fatalf("start: %q", line)
	}
}

// venueControl sends one command to the venue's control socket and returns its answer.
func (h *house) venueControl(command string) string {
	h.t.Helper()
	c, err := net.Dial("unix", filepath.Join(h.dir, "venue.sock"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(command + "\n")); err != nil {
		h.t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		h.t.Fatalf("%s: %v", command, err)
	}
	return line
}

// parts is what filled of each order: exec id as frames carry it, quantity, price and fee.
type parts map[uint64][][4]int64

// sorted puts the fills of each order in the order of their exec ids: two of one moment have no other.
func (p parts) sorted() parts {
	for _, fills := range p {
		slices.SortFunc(fills, func(a, b [4]int64) int { return cmp.Compare(a[0], b[0]) })
	}
	return p
}

// venueParts reads the venue's own log.
func (h *house) venueParts() parts {
	h.t.Helper()
	data, err := os.ReadFile(filepath.Join(h.dir, "venue", "log.jsonl"))
	if err != nil {
		h.t.Fatal(err)
	}
	got := parts{}
	for line := range bytes.Lines(data) {
		var r struct {
			Kind   string `json:"kind"`
			ID     string `json:"cl_ord_id"`
			ExecID string `json:"exec_id"`
			Qty    int64  `json:"qty"`
			Px     int64  `json:"px"`
			Fee    int64  `json:"fee"`
		}
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		if err := json.Unmarshal(line, &r); err != nil {
			h.t.Fatalf("%s: %v", line, err)
		}
		if r.Kind != "fill" {
			continue
		}
		var id uint64
		if _, err := fmt.Sscanf(r.ID, "US-%d", &id); err != nil {
			h.t.Fatalf("%s: %v", r.ID, err)
		}
		sum := sha256.Sum256([]byte(r.ExecID))
		got[id] = append(got[id], [4]int64{int64(binary.LittleEndian.Uint64(sum[:])), r.Qty, r.Px, r.Fee})
	}
	return got
}

func (h *house) reportParts() parts {
	got := parts{}
	for _, o := range h.report().Orders {
		for _, f := range o.Fills {
			got[o.OrderId] = append(got[o.OrderId], [4]int64{int64(f.ExecId), f.Qty, f.PxMicro, f.FeeMicro})
		}
	}
	return got
}

func (p parts) count() (n int) {
	for _, fills := range p {
		n += len(fills)
	}
	return n
}

// With the real riskd and the real simulated venue: omsd is killed over and over while orders fill, and its report has
// every fill as the venue has it.
func TestKillNineBetweenFillsReportsEveryFillAsTheVenueHasIt(t *testing.T) {
	h := newHouse(t, 2)
	h.launchAll()
	h.start()
	h.await("the account", func(s *pb.GetStatusResponse) bool { return s.RiskLinkUp && s.VenueUp && s.EquityMicro > 0 })
	h.accept(portfolio("alpha", asOf, map[int64]float64{1: 0.08, 2: 0.08}))
	h.kill() // a plan of which nothing was sent
	h.start()
	h.startSession()
	for fills := 1; ; fills += 2 {
		for end := time.Now().Add(20 * time.Second); h.venueParts().count() < fills; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("the venue never had %d fills", fills)
			}
		}
		h.kill()
		if fills%4 == 1 {
			// The next fills come while nobody listens.
			for end := time.Now().Add(20 * time.Second); h.venueParts().count() < fills+2; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("the venue never had %d fills", fills+2)
				}
			}
		}
		h.start()
		if fills >= 13 {
			break
		}
	}
	h.settled()
	want, got := h.venueParts().sorted(), h.reportParts().sorted()
	if len(want) != 2 || want.count() < 15 {
		t.Fatalf("the venue has %v: too few fills to show anything", want)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("reported\n%v\nthe venue has\n%v", got, want)
	}
	for _, o := range h.report().Orders {
		if o.State != "FILLED" || o.FilledQty != o.RequestedQty {
			t.Errorf("order %d is %s with %d of %d", o.OrderId, o.State, o.FilledQty, o.RequestedQty)
		}
	}
	h.sameAfterReplay()
}
