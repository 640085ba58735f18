package api

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/targets"
)

// spyOMS answers one thing and remembers whether it was asked.
type spyOMS struct {
	asked bool
	err   error
}

func (s *spyOMS) SubmitTargets(context.Context, string, []targets.Portfolio) (core.Answer, error) {
	s.asked = true
	return core.Answer{Outcome: core.AlreadyTaken, Message: "hello"}, s.err
}

func (s *spyOMS) Status(context.Context) (core.Status, error) {
	s.asked = true
	return core.Status{Region: "US"}, s.err
}

func (s *spyOMS) Report(context.Context, uint32) (core.Report, error) {
	s.asked = true
	return core.Report{}, s.err
}

func (s *spyOMS) CancelAll(context.Context, string) (int, error) {
	s.asked = true
	return 3, s.err
}

func (s *spyOMS) Unwind(context.Context, core.Unwind, bool) (int, int, error) {
	s.asked = true
	return 2, 1, s.err
}

func (s *spyOMS) AcceptBooks(context.Context, string, string) (int, error) {
	s.asked = true
	return 1, s.err
}

func (s *spyOMS) UpdateTarget(context.Context, core.Update, func(core.UpdateAnswer)) error {
	s.asked = true
	return s.err
}

func (s *spyOMS) Kill(context.Context, string, string) (string, error) {
	s.asked = true
	return "KILLED", s.err
}

func serve(t *testing.T, creds PeerCredentials, oms OMS) pb.OrderManagementClient {
	t.Helper()
	dir, err := os.MkdirTemp("", "api")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	lis, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(creds))
	pb.RegisterOrderManagementServer(server, NewServer(oms))
	done := make(chan error, 1)
	go func() { done <- server.Serve(lis) }()
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	return pb.NewOrderManagementClient(conn)
}

func ctx(t *testing.T) context.Context {
	c, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return c
}

func TestOwnUserIsLetIn(t *testing.T) {
	oms := &spyOMS{}
	client := serve(t, PeerCredentials{UID: uint32(os.Getuid()), Log: jsonlog.Discard()}, oms)
	st, err := client.GetStatus(ctx(t), &pb.GetStatusRequest{})
	if err != nil || st.Region != "US" || !oms.asked {
		t.Errorf("%v, %v", st, err)
	}
	r, err := client.SubmitTargets(ctx(t), &pb.SubmitTargetsRequest{})
	if err != nil || r.Outcome != pb.SubmitOutcome_SUBMIT_OUTCOME_ALREADY_TAKEN || r.Message != "hello" {
		t.Errorf("%v, %v", r, err)
	}
}

func TestAnotherUserIsTurnedAwayAndLogged(t *testing.T) {
	var logged bytes.Buffer
	oms := &spyOMS{}
	creds := PeerCredentials{UID: 1000, Log: jsonlog.New(&logged, "omsd", slog.LevelInfo)}
	creds.ask = func(*net.UnixConn) (*unix.Ucred, error) { return &unix.Ucred{Uid: 4242, Pid: 7}, nil }
	client := serve(t, creds, oms)
	if _, err := client.GetStatus(ctx(t), &pb.GetStatusRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("%v", err)
	}
	if oms.asked {
		t.Error("the call went through")
	}
	if s := logged.String(); !strings.Contains(s, `"uid":4242`) || !strings.Contains(s, "turned away") {
		t.Errorf("log is %q", s)
	}
}

// The kernel itself is asked, and fail closed when it does not answer or the socket is of another kind.
func TestHandshakeAsksTheKernel(t *testing.T) {
	dir := t.TempDir()
	lis, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	client, err := net.Dial("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := lis.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	creds := PeerCredentials{UID: uint32(os.Getuid()), Log: jsonlog.Discard()}
	_, info, err := creds.ServerHandshake(conn)
	if err != nil || info.(PeerInfo).PID != int32(os.Getpid()) || info.(PeerInfo).UID != uint32(os.Getuid()) {
		t.Errorf("%v, %v", info, err)
	}
	creds.UID++
	if _, _, err := creds.ServerHandshake(conn); !errors.Is(err, ErrNotPermitted) || !strings.Contains(err.Error(), "may") {
		t.Errorf("another uid: %v", err)
	}
	creds.ask = func(*net.UnixConn) (*unix.Ucred, error) { return nil, unix.EINVAL }
	if _, _, err := creds.ServerHandshake(conn); !errors.Is(err, ErrNotPermitted) {
		t.Errorf("a kernel that does not answer: %v", err)
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, _, err := creds.ServerHandshake(a); !errors.Is(err, ErrNotPermitted) {
		t.Errorf("no Unix socket: %v", err)
	}
}

func TestErrorsHaveTheirCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want codes.Code
	}{
		{core.ErrStopped, codes.Unavailable}, {core.ErrNoSession, codes.NotFound}, {context.DeadlineExceeded, codes.DeadlineExceeded},
	} {
		oms := &spyOMS{err: c.err}
		s := NewServer(oms)
		if _, err := s.GetSessionReport(ctx(t), &pb.GetSessionReportRequest{Session: 5}); status.Code(err) != c.want {
			t.Errorf("%v gives %v", c.err, err)
		}
	}
	oms := &spyOMS{}
	if _, err := NewServer(oms).Kill(ctx(t), &pb.KillRequest{Who: "me"}); status.Code(err) != codes.InvalidArgument || oms.asked {
		t.Errorf("a kill without a reason: %v", err)
	}
}
