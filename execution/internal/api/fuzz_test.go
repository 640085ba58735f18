package api

import (
	"context"
	"io"
	"math"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/register"
	"dnalyaw/execution/internal/targets"
)

// judgeOMS judges what it is handed as the core does, for a session of one strategy.
type judgeOMS struct {
	spyOMS
	faults  []targets.Fault
	updates []core.Update
}

var fuzzContext = targets.Context{
	Region: "US", Session: 20240102, ClockNs: 1000, Register: register.Register{"a": {StrategyID: "a", Stage: register.Paper, MaxLeverage: 1}},
}

func (j *judgeOMS) SubmitTargets(_ context.Context, _ string, ps []targets.Portfolio) (core.Answer, error) {
	j.faults = targets.Validate(ps, fuzzContext)
	return core.Answer{Faults: j.faults}, nil
}

func (j *judgeOMS) UpdateTarget(_ context.Context, u core.Update, answer func(core.UpdateAnswer)) error {
	j.updates = append(j.updates, u)
	answer(core.UpdateAnswer{OrderID: uint64(len(j.updates))})
	return nil
}

func wire(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Bytes of a submit request: what has no fault keeps every rule of the contract, read from the message itself.
func FuzzSubmitTargets(f *testing.F) {
	target := func(id int64, w, stop float64) *pb.Target {
		return &pb.Target{InstrumentId: id, Weight: w, StopDistance: stop}
	}
	for _, ts := range [][]*pb.Target{
		{target(1, 0.5, 0), target(2, 0.5, 1.5)}, {target(1, 0.5, 0), target(1, 0.1, 0)}, {target(1, math.NaN(), 0)}, {target(0, 1, math.Inf(1))}, {target(2, 0.9, 0), target(1, 0.9, 0)}, nil,
	} {
		f.Add(wire(f, &pb.SubmitTargetsRequest{Region: "US", Portfolios: []*pb.TargetPortfolio{{
			StrategyId: "a", AsOfNs: 999, Session: 20240102, CorrelationId: "00112233445566778899aabbccddeeff", Targets: ts,
		}}}))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var req pb.SubmitTargetsRequest
		if proto.Unmarshal(data, &req) != nil {
			return
		}
		oms := &judgeOMS{}
		resp, err := NewServer(oms).SubmitTargets(context.Background(), &req)
		if err != nil || len(resp.Faults) != len(oms.faults) {
			t.Fatalf("%v: %d faults told of %d", err, len(resp.GetFaults()), len(oms.faults))
		}
		if len(oms.faults) > 0 {
			return
		}
		names := map[string]bool{}
		for _, p := range req.Portfolios {
			if p.StrategyId != "a" || names[p.StrategyId] || p.Session != 20240102 || p.AsOfNs <= 0 || p.AsOfNs > 1000 || len(p.CorrelationId) != 32 {
				t.Fatalf("taken: %v", p)
			}
			names[p.StrategyId] = true
			gross, ids := 0.0, map[int64]bool{}
			for _, x := range p.Targets {
				if x.InstrumentId <= 0 || ids[x.InstrumentId] || !(x.Weight >= 0 && x.Weight <= 1) || !(x.StopDistance >= 0 && x.StopDistance <= 1e9) {
					t.Fatalf("taken: %v", x)
				}
				ids[x.InstrumentId] = true
				gross += x.Weight
			}
			if gross > 1+1e-6*float64(len(p.Targets)+1) {
				t.Fatalf("taken: gross weight %v", gross)
			}
		}
	})
}

// played is a stream whose caller has said everything.
type played struct {
	grpc.ServerStream
	in   []*pb.TargetUpdate
	sent []*pb.TargetUpdateAnswer
}

func (p *played) Context() context.Context { return context.Background() }

func (p *played) Recv() (*pb.TargetUpdate, error) {
	if len(p.in) == 0 {
		return nil, io.EOF
	}
	m := p.in[0]
	p.in = p.in[1:]
	return m, nil
}

func (p *played) Send(a *pb.TargetUpdateAnswer) error {
	p.sent = append(p.sent, a)
	return nil
}

// Bytes of updates, each the rest of the last: the core gets every field as it was said, and every update has its answer in order.
func FuzzUpdateTargets(f *testing.F) {
	f.Add(wire(f, &pb.TargetUpdate{StrategyId: "a", Seq: 3, Session: 20240102, CorrelationId: "00", Target: &pb.Target{InstrumentId: 7, Weight: 0.5, StopDistance: 2, Link: "pair"}}), uint8(2))
	f.Add(wire(f, &pb.TargetUpdate{Seq: 1}), uint8(1))
	f.Add([]byte{0x0a, 0xff}, uint8(0))
	f.Fuzz(func(t *testing.T, data []byte, cuts uint8) {
		stream := &played{}
		var said []*pb.TargetUpdate
		for i := range int(cuts%8) + 1 {
			m := &pb.TargetUpdate{}
			if proto.Unmarshal(data[min(i, len(data)):], m) == nil {
				said = append(said, m)
			}
		}
		stream.in = said
		oms := &judgeOMS{}
		if err := NewServer(oms).UpdateTargets(stream); err != nil {
			t.Fatal(err)
		}
		if len(oms.updates) != len(said) || len(stream.sent) != len(said) {
			t.Fatalf("%d updates: %d taken, %d answered", len(said), len(oms.updates), len(stream.sent))
		}
		bits := math.Float64bits
		for i, m := range said {
			u, a := oms.updates[i], stream.sent[i]
			if a.Seq != m.Seq || a.StrategyId != m.StrategyId || a.OrderId != uint64(i+1) {
				t.Fatalf("answer %d to %v is %v", i, m, a)
			}
			x := m.Target
			if x == nil {
				x = &pb.Target{}
			}
			if u.StrategyID != m.StrategyId || u.Seq != m.Seq || u.Session != m.Session || u.Correlation != m.CorrelationId || u.Target.InstrumentID != x.InstrumentId ||
				bits(u.Target.Weight) != bits(x.Weight) || bits(u.Target.StopDistance) != bits(x.StopDistance) || u.Target.Link != x.Link {
				t.Fatalf("%v came to the core as %+v", m, u)
			}
		}
	})
}
