package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	pb "dnalyaw/execution/gen/dnalyawv1"
)

// row is an update, as it is written to sent.bin: eight little-endian integers of eight bytes.
type row struct {
	Slice, Instrument, Side, Intended, Sent, Answered, OrderID, Outcome int64
}

// Sides, as in the frames.
const (
	buySide  = 1
	sellSide = 2
)

// correlationID is that of every update; nothing follows it here.
const correlationID = "0123456789abcdef0123456789abcdef"

// stream sends updates and keeps what was sent and answered. One goroutine sends.
type stream struct {
	o        options
	conn     *grpc.ClientConn
	updates  *wire
	rows     []row // by sequence number, from 1; the sender begins each, the reader ends it
	sent     int
	answered atomic.Int64
	failed   chan error
	message  *pb.TargetUpdate
}

// newStream connects, begins the strategy's portfolio with nothing in it, and opens the stream. room bounds the updates.
func newStream(ctx context.Context, o options, room int) (*stream, error) {
	conn, err := grpc.NewClient("unix:"+o.socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	s := &stream{
		o: o, conn: conn, rows: make([]row, room), failed: make(chan error, 1),
		message: &pb.TargetUpdate{StrategyId: o.strategy, Session: uint32(o.session), CorrelationId: correlationID, Target: &pb.Target{}},
	}
	client := pb.NewOrderManagementClient(conn)
	if err := s.begin(ctx, client); err != nil {
		return nil, err
	}
	if s.updates, err = dialWire(o.socket, pb.OrderManagement_UpdateTargets_FullMethodName); err != nil {
		return nil, err
	}
	go s.read()
	return s, nil
}

// begin waits until orders may be sent and has an empty portfolio taken.
func (s *stream) begin(ctx context.Context, client pb.OrderManagementClient) error {
	limit := time.Now().Add(30 * time.Second)
	for {
		status, err := client.GetStatus(ctx, &pb.GetStatusRequest{}, grpc.WaitForReady(true))
		if err != nil {
			return err
		}
		answer, err := client.SubmitTargets(ctx, &pb.SubmitTargetsRequest{Region: status.GetRegion(), Portfolios: []*pb.TargetPortfolio{{
			StrategyId: s.o.strategy, AsOfNs: max(1, status.GetClockNs()), Session: uint32(s.o.session), CorrelationId: correlationID,
		}}})
		if err != nil {
			return err
		}
		if answer.GetOutcome() == pb.SubmitOutcome_SUBMIT_OUTCOME_ACCEPTED && status.GetSessionState() == "OPEN" {
			return nil
		}
		if time.Now().After(limit) {
			return fmt.Errorf("no portfolio is taken (%s, session %s): %v", status.GetTradingState(), status.GetSessionState(), answer)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// read takes the answers, which come in the order of the updates.
func (s *stream) read() {
	n := 0
	var a pb.TargetUpdateAnswer
	s.failed <- s.updates.receive(func(message []byte) error {
		if err := proto.Unmarshal(message, &a); err != nil {
			return err
		}
		if a.GetSeq() != uint64(n+1) {
			return fmt.Errorf("update %d was answered after %d", a.GetSeq(), n)
		}
		if a.GetOutcome() == pb.SubmitOutcome_SUBMIT_OUTCOME_REFUSED && !forNow(a.GetFaults()) {
			return fmt.Errorf("update %d was refused: %v", a.GetSeq(), &a)
		}
		r := &s.rows[n]
		r.Answered, r.OrderID, r.Outcome = time.Now().UnixNano(), int64(a.GetOrderId()), int64(a.GetOutcome())
		n++
		s.answered.Store(int64(n))
		return nil
	})
}

// forNow says that an update was refused for what the machine does, such as a disk that is behind, and not for what it says.
func forNow(faults []*pb.Fault) bool {
	for _, f := range faults {
		switch f.GetCode() {
		case "RISK_DOWN", "VENUE_DOWN", "JOURNAL_BEHIND", "HALTED":
		default:
			return false
		}
	}
	return len(faults) > 0
}

// send updates one name. It says when the update was sent.
func (s *stream) send(number int, intended int64, name int, hold bool) (int64, error) {
	if s.sent == len(s.rows) {
		return 0, fmt.Errorf("no room for more than %d updates", s.sent)
	}
	select {
	case err := <-s.failed:
		return 0, err
	default:
	}
	s.message.Target.InstrumentId, s.message.Target.Weight = int64(s.o.first+name), 0
	side := int64(sellSide)
	if hold {
		s.message.Target.Weight, side = s.o.weight, buySide
	}
	now := time.Now().UnixNano()
	r := &s.rows[s.sent]
	r.Slice, r.Instrument, r.Side, r.Intended, r.Sent = int64(number), s.message.Target.InstrumentId, side, intended, now
	s.sent++
	s.message.Seq = uint64(s.sent)
	return now, s.updates.send(s.message)
}

// settle waits until everything that was sent is answered.
func (s *stream) settle() error {
	for limit := time.Now().Add(20 * time.Second); int(s.answered.Load()) < s.sent; {
		select {
		case err := <-s.failed:
			return err
		default:
		}
		if time.Now().After(limit) {
			return fmt.Errorf("%d of %d updates were answered within 20 s", s.answered.Load(), s.sent)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}
