package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dnalyaw/execution/internal/audit"
	"dnalyaw/execution/internal/audit/pgtest"
	"dnalyaw/execution/internal/audit/ship"
	"dnalyaw/execution/internal/audit/verify"
	"dnalyaw/execution/internal/journal"
)

// TestMain makes the test's own program auditd where a test starts it as a process.
func TestMain(m *testing.M) {
	if os.Getenv("AUDITD") != "" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(pgtest.Main(m))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func program(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "AUDITD=1")
	return cmd
}

// said runs a command to its end: status, stdout and stderr.
func said(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := program(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

type desk struct {
	t    *testing.T
	pg   *pgtest.Server
	root string
	j    *journal.Journal
	n    int
}

func newDesk(t *testing.T, pg *pgtest.Server) *desk {
	t.Helper()
	d := &desk{t: t, pg: pg, root: t.TempDir()}
	var err error
	d.j, _, err = journal.Open(filepath.Join(d.root, "journal"))
	must(t, err)
	t.Cleanup(func() { _ = d.j.Close() })
	return d
}

func (d *desk) write(records int) {
	d.t.Helper()
	for range records {
		d.n++
		d.j.Append(fmt.Appendf(nil, `{"k":"own","ts":%d,"own":{"order_id":%d}}`, 1000+d.n, d.n))
		must(d.t, d.j.Commit())
	}
}

func (d *desk) ship(more ...string) []string {
	return append([]string{"--journal", filepath.Join(d.root, "journal"), "--kind", "omsd", "--writer", "omsd-US", "--dsn", d.pg.Writer,
		"--status", filepath.Join(d.root, "status.json")}, more...)
}

func (d *desk) verify() (int, verify.Result, string) {
	d.t.Helper()
	code, out, text := said(d.t, "verify", "--dsn", d.pg.Writer, "--writer", "omsd-US", "--journal", filepath.Join(d.root, "journal"), "--kind", "omsd",
		"--anchors", filepath.Join(d.root, "omsd-US.anchors"))
	var res verify.Result
	if out != "" {
		must(d.t, json.Unmarshal([]byte(out), &res))
	}
	return code, res, text
}

func (d *desk) status() ship.File {
	d.t.Helper()
	st, err := ship.ReadStatus(filepath.Join(d.root, "status.json"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.t.Fatal(err)
	}
	return st
}

func TestOnceThenVerifyStatusTail(t *testing.T) {
	d := newDesk(t, pgtest.Start(t))
	d.write(30)
	if code, out, text := said(t, d.ship("--once")...); code != 0 || !strings.HasPrefix(out, `READY {"component":"auditd"`) {
		t.Fatalf("%d %s %s", code, out, text)
	}
	if st := d.status(); st.Acked != 30 || st.Lag != 0 || st.Writer != "omsd-US" || st.PID == 0 {
		t.Errorf("%+v", st)
	}
	if code, res, text := d.verify(); code != 0 || res.Rows != 30 || res.Records != 30 || res.Anchors != 1 || res.Anchor != 30 {
		t.Errorf("%d %+v %s", code, res, text)
	}
	code, out, _ := said(t, "status", "--dsn", d.pg.Writer)
	if code != 0 || !strings.Contains(out, `{"writer":"omsd-US","seq":30,`) {
		t.Errorf("%d %s", code, out)
	}
	code, out, _ = said(t, "tail", "--dsn", d.pg.Writer, "--writer", "omsd-US", "--count", "2")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); code != 0 || len(lines) != 2 || !strings.Contains(lines[1], `"seq":30,"ts_ns":1030,"kind":"own","order_id":30,`) ||
		!strings.Contains(lines[1], `"body":{"k":"own","ts":1030,"own":{"order_id":30}}`) {
		t.Errorf("%d %s", code, out)
	}
	if code, out, text := said(t, "migrate", "--dsn", d.pg.Owner); code != 0 || !strings.Contains(out, `"changed":false,"hypertable":false`) {
		t.Errorf("%d %s %s", code, out, text)
	}
	// Changed, cut: the row is named, and the shipper will not go on over it.
	d.pg.Exec(true, `update audit.events set body = '{"k":"own"}' where seq = 12`)
	if code, res, text := d.verify(); code != 3 || !strings.Contains(text, "row 12 of omsd-US: body changed") || strings.Count(text, "\n") != 1 || res.Bad.Seq != 12 {
		t.Errorf("%d %+v %q", code, res, text)
	}
	d.pg.Exec(true, `update audit.events set body = '{"k":"own","ts":1012,"own":{"order_id":12}}' where seq = 12`, `delete from audit.events where seq > 20`,
		`update audit.heads set seq = 20, hash = (select hash from audit.events where seq = 20)`)
	if code, _, text := d.verify(); code != 3 || !strings.Contains(text, "omsd-US is cut off after row 20: the journal's anchor says 30") {
		t.Errorf("%d %q", code, text)
	}
	d.write(1)
	if code, _, text := said(t, d.ship()...); code != 3 || !strings.Contains(text, "omsd-US is cut off after row 20") {
		t.Errorf("%d %q", code, text)
	}
}

// SIGKILL at seeded moments under load, with the server killed in between: nothing is missing and nothing is double.
func TestKilledAgainAndAgain(t *testing.T) {
	d := newDesk(t, pgtest.Own(t))
	rng := rand.New(rand.NewPCG(9, 9))
	written := make(chan struct{})
	go func() {
		defer close(written)
		for range 200 {
			d.write(10)
			time.Sleep(5 * time.Millisecond)
		}
	}()
	for life := range 8 {
		cmd := program(d.ship()...)
		must(t, cmd.Start())
		time.Sleep(time.Duration(20+rng.IntN(200)) * time.Millisecond)
		if life == 4 {
			d.pg.Kill()
			d.pg.Run()
		}
		must(t, cmd.Process.Signal(syscall.SIGKILL))
		_ = cmd.Wait() // it was killed
	}
	<-written
	if code, _, text := said(t, d.ship("--once")...); code != 0 {
		t.Fatalf("%d %s", code, text)
	}
	if code, res, text := d.verify(); code != 0 || res.Rows != 2000 || res.Behind != 0 {
		t.Errorf("%d %+v %s", code, res, text)
	}
	if n := pgtest.Query[int](d.pg, `select count(*) from audit.events`); n != 2000 {
		t.Errorf("%d rows", n)
	}
}

func TestOneAtATimeAndAnOrderlyEnd(t *testing.T) {
	d := newDesk(t, pgtest.Start(t))
	d.write(5)
	cmd := program(d.ship()...)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "READY ") {
		t.Fatalf("%q %v", line, err)
	}
	if code, _, text := said(t, d.ship()...); code != 2 || strings.Count(text, "\n") != 1 || !strings.Contains(text, "another auditd runs") {
		t.Errorf("%d %q", code, text)
	}
	d.write(5)
	for deadline := time.Now().Add(30 * time.Second); d.status().Acked < 10; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", d.status())
		}
	}
	d.write(7)
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	must(t, cmd.Wait())
	if st := d.status(); st.Acked != 17 || st.Connected || st.Anchors != 1 {
		t.Errorf("%+v", st)
	}
}

func TestOnceWithoutAServerFails(t *testing.T) {
	d := newDesk(t, pgtest.Own(t))
	d.write(3)
	d.pg.Kill()
	if code, _, text := said(t, d.ship("--once")...); code != 1 || !strings.Contains(text, "3 records are not in the table: connect to PostgreSQL") {
		t.Errorf("%d %q", code, text)
	}
}

func TestFaultsOfTheCommandLineAreOneLineAndStatusTwo(t *testing.T) {
	full := []string{"--journal", "j", "--kind", "omsd", "--writer", "omsd-US", "--status", "s"}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"nothing":                     {nil, []string{"--journal is missing", "--kind is missing", "--writer is missing", "--status is missing", "one of --dsn and --dsn-file"}},
		"no command":                  {[]string{"erase"}, []string{`"erase" is no command`}},
		"an unknown flag":             {append(full, "--force"), []string{"-force"}},
		"both DSNs":                   {append(full, "--dsn", "a", "--dsn-file", "b"), []string{"one of --dsn and --dsn-file"}},
		"a password":                  {append(full, "--dsn", "postgresql://a:b@h/d"), []string{"holds a password"}},
		"a password that is no URL's": {append(full, "--dsn", `postgresql://a:"@h/d`), []string{"holds a password"}},
		"a password again":            {append(full, "--dsn", "host=h PASSWORD = b"), []string{"holds a password"}},
		"a kind":                      {[]string{"verify", "--dsn", "a", "--writer", "omsd-US", "--journal", "j", "--kind", "x"}, []string{`--kind "x"`}},
		"a kind alone":                {[]string{"verify", "--dsn", "a", "--writer", "omsd-US", "--kind", "omsd"}, []string{"go together"}},
		"a name":                      {[]string{"verify", "--dsn", "a", "--writer", "us"}, []string{`"us"`}},
		"an argument":                 {[]string{"status", "--dsn", "a", "now"}, []string{`unexpected argument "now"`}},
		"a count":                     {[]string{"tail", "--dsn", "a", "--count", "0"}, []string{"--count"}},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(c.args, &stdout, &stderr); code != exitUsage {
			t.Errorf("%s: status %d", name, code)
		}
		if text := stderr.String(); strings.Count(text, "\n") != 1 || stdout.Len() != 0 {
			t.Errorf("%s: %q %q", name, text, stdout.String())
		}
		for _, w := range c.want {
			if !strings.Contains(stderr.String(), w) {
				t.Errorf("%s: %q lacks %s", name, stderr.String(), w)
			}
		}
	}
}

func TestADSNFileThatOthersCanReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dsn")
	must(t, os.WriteFile(path, []byte("postgresql://u:secret@h/d\n"), 0o644))
	if _, err := audit.ReadDSN(path); err == nil || !strings.Contains(err.Error(), "chmod 600") || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	must(t, os.Chmod(path, 0o600))
	if dsn, err := audit.ReadDSN(path); err != nil || dsn != "postgresql://u:secret@h/d" {
		t.Errorf("%q %v", dsn, err)
	}
	must(t, os.WriteFile(path, []byte(" \n"), 0o600))
	if _, err := audit.ReadDSN(path); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Error(err)
	}
	if _, err := audit.ReadDSN(path + "x"); err == nil {
		t.Error("a file that is not there")
	}
}

// Reading and comparing goes with the login that may insert, and an owner's is refused for shipping.
func TestTheOwnersDSNDoesNotShip(t *testing.T) {
	d := newDesk(t, pgtest.Start(t))
	d.write(1)
	args := d.ship("--once")
	for i, a := range args {
		if a == d.pg.Writer {
			args[i] = d.pg.Owner
		}
	}
	if code, _, text := said(t, args...); code != 1 || !strings.Contains(text, "connect as audit_writer") {
		t.Errorf("%d %q", code, text)
	}
}
