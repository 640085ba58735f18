package api

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// laterOMS answers updates when the test says, from another goroutine, as the core does.
type laterOMS struct {
	spyOMS
	taken chan func(core.UpdateAnswer)
}

func (s *laterOMS) UpdateTarget(_ context.Context, _ core.Update, answer func(core.UpdateAnswer)) error {
	s.taken <- answer
	return nil
}

// streamed opens a stream to oms; stop ends the server and the client.
func streamed(t *testing.T, oms OMS) (stream pb.OrderManagement_UpdateTargetsClient, stop func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	lis, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterOrderManagementServer(server, NewServer(oms))
	done := make(chan error, 1)
	go func() { done <- server.Serve(lis) }()
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	if stream, err = pb.NewOrderManagementClient(conn).UpdateTargets(ctx(t)); err != nil {
		t.Fatal(err)
	}
	return stream, func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	}
}

func ask(t *testing.T, stream pb.OrderManagement_UpdateTargetsClient, n int) {
	t.Helper()
	for i := range n {
		if err := stream.Send(&pb.TargetUpdate{StrategyId: "alpha", Seq: uint64(i + 1), Target: &pb.Target{InstrumentId: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
}

// More updates than may be pending: each has its answer, in order, and then the stream ends well.
func TestEveryUpdateIsAnsweredInOrder(t *testing.T) {
	const n = 2*pendingUpdates + 1
	oms := &laterOMS{taken: make(chan func(core.UpdateAnswer), n)}
	stream, stop := streamed(t, oms)
	defer stop()
	go func() {
		for i := range n {
			(<-oms.taken)(core.UpdateAnswer{OrderID: uint64(i + 101)})
		}
	}()
	ask(t, stream, n)
	for i := range n {
		if a, err := stream.Recv(); err != nil || a.Seq != uint64(i+1) || a.OrderId != uint64(i+101) {
			t.Fatalf("answer %d: %v, %v", i, a, err)
		}
	}
	if a, err := stream.Recv(); err != io.EOF {
		t.Errorf("%v, %v behind the last answer", a, err)
	}
}

// The core stops with an update taken and not answered: the stream ends with the server, and nobody goes on waiting.
func TestACoreThatStopsLeavesNobodyWaiting(t *testing.T) {
	none := goleak.IgnoreCurrent()
	oms := &laterOMS{taken: make(chan func(core.UpdateAnswer), 2)}
	stream, stop := streamed(t, oms)
	ask(t, stream, 2)
	(<-oms.taken)(core.UpdateAnswer{OrderID: 7})
	if a, err := stream.Recv(); err != nil || a.OrderId != 7 {
		t.Fatalf("%v, %v", a, err)
	}
	<-oms.taken // and that is the last that is heard of it
	stop()
	if a, err := stream.Recv(); err == nil || err == io.EOF {
		t.Errorf("%v, %v for an update that nobody answered", a, err)
	}
	goleak.VerifyNone(t, none)
}
