package api

import (
	"errors"
	"io"
	"sync"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/targets"
)

// pendingUpdates bounds the updates of one stream that wait for their answer; the stream is not read further meanwhile.
const pendingUpdates = 1024

// UpdateTargets implements the contract. Updates go to the core as they come, and answers back in the same order.
func (s *Server) UpdateTargets(stream pb.OrderManagement_UpdateTargetsServer) error {
	// Room for every pending answer: the core's loop never waits for a caller.
	answers := make(chan *pb.TargetUpdateAnswer, pendingUpdates)
	room := make(chan struct{}, pendingUpdates)
	var pending sync.WaitGroup
	sent := make(chan error, 1)
	go func() {
		var failed error
		for a := range answers {
			if failed == nil {
				failed = stream.Send(a)
			}
			<-room
		}
		sent <- failed
	}()
	failed := s.readUpdates(stream, &pending, room, answers)
	go func() {
		pending.Wait()
		close(answers)
	}()
	if failed != nil {
		// Nobody waits for what is still on its way: it was taken or not, and asking again with the same number tells.
		return failed
	}
	select {
	case err := <-sent:
		return err
	case <-stream.Context().Done():
		return stream.Context().Err()
	}
}

func (s *Server) readUpdates(
	stream pb.OrderManagement_UpdateTargetsServer, pending *sync.WaitGroup, room chan<- struct{}, answers chan<- *pb.TargetUpdateAnswer,
) error {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case room <- struct{}{}:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
		u := core.Update{
			StrategyID: m.GetStrategyId(), Seq: m.GetSeq(), Session: m.GetSession(), Correlation: m.GetCorrelationId(),
			Target: targets.Target{
				InstrumentID: m.GetTarget().GetInstrumentId(), Weight: m.GetTarget().GetWeight(), StopDistance: m.GetTarget().GetStopDistance(),
				Link: m.GetTarget().GetLink(),
			},
		}
		pending.Add(1)
		err = s.oms.UpdateTarget(stream.Context(), u, func(a core.UpdateAnswer) {
			answers <- &pb.TargetUpdateAnswer{
				StrategyId: u.StrategyID, Seq: u.Seq, Outcome: pb.SubmitOutcome(a.Outcome), Faults: faults(a.Faults), OrderId: a.OrderID, Message: a.Message,
			}
			pending.Done()
		})
		if err != nil {
			pending.Done()
			return fail(err)
		}
	}
}
