package api

import (
	"context"
	"errors"
	"io"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/targets"
)

// pendingUpdates bounds the updates of one stream that wait for their answer; the stream is not read further meanwhile.
const pendingUpdates = 1024

// UpdateTargets implements the contract. Updates go to the core as they come, and answers back in the same order. A core that
// stops leaves updates without an answer: their stream ends with the server, and with it whoever waits here.
func (s *Server) UpdateTargets(stream pb.OrderManagement_UpdateTargetsServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	// Room for every pending answer: the core's loop never waits for a caller.
	answers := make(chan *pb.TargetUpdateAnswer, pendingUpdates)
	room := make(chan struct{}, pendingUpdates)
	asked := make(chan int, 1)
	sent := make(chan error, 1)
	go func() { sent <- sendAnswers(ctx, stream, answers, room, asked) }()
	n, err := s.readUpdates(stream, room, answers)
	if err != nil {
		// Nobody waits for what is still on its way: it was taken or not, and asking again with the same number tells.
		return err
	}
	asked <- n
	select {
	case err := <-sent:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sendAnswers sends until as many are sent as were asked for, which is told once it is known, or the context ends.
func sendAnswers(
	ctx context.Context, stream pb.OrderManagement_UpdateTargetsServer, answers <-chan *pb.TargetUpdateAnswer, room <-chan struct{}, asked <-chan int,
) (failed error) {
	for n, all := 0, -1; n != all; {
		select {
		case a := <-answers:
			if failed == nil {
				failed = stream.Send(a)
			}
			<-room
			n++
		case all = <-asked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return failed
}

// readUpdates hands updates to the core until the caller has no more, and says how many.
func (s *Server) readUpdates(
	stream pb.OrderManagement_UpdateTargetsServer, room chan<- struct{}, answers chan<- *pb.TargetUpdateAnswer,
) (n int, err error) {
	for ; ; n++ {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		select {
		case room <- struct{}{}:
		case <-stream.Context().Done():
			return n, stream.Context().Err()
		}
		u := core.Update{
			StrategyID: m.GetStrategyId(), Seq: m.GetSeq(), Session: m.GetSession(), Correlation: m.GetCorrelationId(),
			Target: targets.Target{
				InstrumentID: m.GetTarget().GetInstrumentId(), Weight: m.GetTarget().GetWeight(), StopDistance: m.GetTarget().GetStopDistance(),
				Link: m.GetTarget().GetLink(),
			},
		}
		err = s.oms.UpdateTarget(stream.Context(), u, func(a core.UpdateAnswer) {
			answers <- &pb.TargetUpdateAnswer{
				StrategyId: u.StrategyID, Seq: u.Seq, Outcome: pb.SubmitOutcome(a.Outcome), Faults: faults(a.Faults), OrderId: a.OrderID, Message: a.Message,
			}
		})
		if err != nil {
			return n, fail(err)
		}
	}
}
