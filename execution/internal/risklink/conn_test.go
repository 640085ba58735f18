package risklink_test

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/risklink"
)

// greeted is a link whose riskd has said WELCOME and reads nothing more by itself.
func greeted(t *testing.T, room int) (*risklink.Link, net.Conn, uint64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "risk.sock")
	lis, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	link := risklink.New(risklink.Config{Path: path, Region: "US", QueueSize: room, Log: jsonlog.Discard()})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { link.Run(ctx); close(ended) }()
	conn, err := lis.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		<-ended
		if err := errors.Join(lis.Close(), conn.Close()); err != nil {
			t.Error(err)
		}
	})
	read(t, conn, 1)
	b := frame.Encode(frame.Header{Sequence: 1}, &frame.Welcome{Session: 20240105, TradingState: frame.TradingActive})
	if _, err := conn.Write(b[:]); err != nil {
		t.Fatal(err)
	}
	e := <-link.Events()
	if e.Kind != risklink.Up {
		t.Fatalf("%+v", e)
	}
	return link, conn, e.Epoch
}

func read(t *testing.T, conn net.Conn, sequence uint64) frame.Message {
	t.Helper()
	var b [frame.Size]byte
	if _, err := io.ReadFull(conn, b[:]); err != nil {
		t.Fatal(err)
	}
	_, m, err := frame.Decode(&b, sequence)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Far more than the socket takes while riskd reads nothing comes whole and in order once it reads, whoever wrote which part.
func TestFramesKeepTheirOrderThroughAFullSocket(t *testing.T) {
	const frames = 20_000 // 2.5 MB
	link, conn, epoch := greeted(t, frames)
	for id := uint64(1); id <= frames; id++ {
		if err := link.Send(epoch, &frame.Cancel{OrderID: id}); err != nil {
			t.Fatal(err)
		}
		if id%7 == 0 {
			link.Flush(epoch)
		}
	}
	link.Flush(epoch)
	for id := uint64(1); id <= frames; id++ {
		if m, ok := read(t, conn, id+1).(*frame.Cancel); !ok || m.OrderID != id {
			t.Fatalf("frame %d is %+v", id, m)
		}
		if id == frames/2 {
			// Sent while the goroutine is still writing: it waits behind what is there.
			if err := link.Send(epoch, &frame.Heartbeat{}); err != nil {
				t.Fatal(err)
			}
			link.Flush(epoch)
		}
	}
	if m := read(t, conn, frames+2); m.Kind() != frame.KindHeartbeat {
		t.Fatalf("the last frame is %s", m.Kind())
	}
	if got := link.Stats().FramesOut.Load(); got != frames+2 {
		t.Errorf("%d frames are counted, %d were sent", got, frames+2)
	}
}

func TestAFullQueueEndsTheConnection(t *testing.T) {
	link, _, epoch := greeted(t, 8)
	var err error
	sent := 0
	for ; err == nil && sent < 1_000_000; sent++ {
		err = link.Send(epoch, &frame.Heartbeat{})
		link.Flush(epoch)
	}
	if !errors.Is(err, risklink.ErrFull) || sent < 8 {
		t.Fatalf("%d frames were taken, then %v", sent, err)
	}
	select {
	case e := <-link.Events():
		if e.Kind != risklink.Down || !errors.Is(e.Err, risklink.ErrFull) {
			t.Errorf("%+v", e)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the connection did not end")
	}
	if err := link.Send(epoch, &frame.Heartbeat{}); !errors.Is(err, risklink.ErrDown) {
		t.Errorf("a frame for a connection that is gone: %v", err)
	}
	if high, full := link.Stats().QueueHigh.Load(), link.Stats().QueueFull.Load(); high != 8 || full != 1 {
		t.Errorf("high %d, full %d", high, full)
	}
}
