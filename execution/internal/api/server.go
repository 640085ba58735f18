package api

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "dnalyaw/execution/gen/dnalyawv1"
	"dnalyaw/execution/internal/core"
	"dnalyaw/execution/internal/targets"
)

// OMS is what the server needs of the core.
type OMS interface {
	SubmitTargets(ctx context.Context, region string, ps []targets.Portfolio) (core.Answer, error)
	UpdateTarget(ctx context.Context, u core.Update, answer func(core.UpdateAnswer)) error
	Status(ctx context.Context) (core.Status, error)
	Report(ctx context.Context, session uint32) (core.Report, error)
	CancelAll(ctx context.Context, reason string) (int, error)
	Unwind(ctx context.Context, u core.Unwind, lift bool) (instruments, cancels int, err error)
	AcceptBooks(ctx context.Context, who, reason string) (int, error)
	Kill(ctx context.Context, who, reason string) (string, error)
}

// Server translates between the contract and the core.
type Server struct {
	pb.UnimplementedOrderManagementServer
	oms OMS
}

// NewServer serves oms.
func NewServer(oms OMS) *Server { return &Server{oms: oms} }

// fail gives an error of the core its gRPC code.
func fail(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return status.FromContextError(err).Err()
	case errors.Is(err, core.ErrNothing):
		return status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, core.ErrNoSession):
		return status.Error(codes.NotFound, err.Error())
	}
	return status.Error(codes.Unavailable, err.Error())
}

// SubmitTargets implements the contract.
func (s *Server) SubmitTargets(ctx context.Context, req *pb.SubmitTargetsRequest) (*pb.SubmitTargetsResponse, error) {
	ps := make([]targets.Portfolio, 0, len(req.GetPortfolios()))
	for _, p := range req.GetPortfolios() {
		out := targets.Portfolio{
			StrategyID: p.GetStrategyId(), AsOfNs: p.GetAsOfNs(), Session: p.GetSession(), Correlation: p.GetCorrelationId(),
			Targets: make([]targets.Target, 0, len(p.GetTargets())),
		}
		for _, t := range p.GetTargets() {
			out.Targets = append(out.Targets, targets.Target{InstrumentID: t.GetInstrumentId(), Weight: t.GetWeight(), StopDistance: t.GetStopDistance(), Link: t.GetLink()})
		}
		ps = append(ps, out)
	}
	a, err := s.oms.SubmitTargets(ctx, req.GetRegion(), ps)
	if err != nil {
		return nil, fail(err)
	}
	return &pb.SubmitTargetsResponse{
		Outcome: pb.SubmitOutcome(a.Outcome), OrdersPlanned: uint32(a.Orders), Message: a.Message, Faults: faults(a.Faults),
	}, nil
}

func faults(fs []targets.Fault) (out []*pb.Fault) {
	for _, f := range fs {
		out = append(out, &pb.Fault{StrategyId: f.StrategyID, InstrumentId: f.InstrumentID, Code: f.Code, Message: f.Message})
	}
	return out
}

// GetStatus implements the contract.
func (s *Server) GetStatus(ctx context.Context, _ *pb.GetStatusRequest) (*pb.GetStatusResponse, error) {
	st, err := s.oms.Status(ctx)
	if err != nil {
		return nil, fail(err)
	}
	return &pb.GetStatusResponse{
		Region: st.Region, Session: st.Session, RiskLinkUp: st.LinkUp, VenueUp: st.VenueUp, TradingState: st.TradingState,
		SessionState: st.SessionState, OpenOrders: uint32(st.OpenOrders), UnknownOrders: uint32(st.UnknownOrders),
		EquityMicro: st.Equity, CashMicro: st.Cash, ClockNs: st.ClockNs, StateHash: st.StateHash,
		WorkedOrders: uint32(st.WorkedOrders), Unwindings: unwindings(st.Unwindings), Differences: differences(st.Differences),
	}, nil
}

func differences(ds []core.Difference) (out []*pb.Difference) {
	for _, d := range ds {
		out = append(out, &pb.Difference{InstrumentId: d.InstrumentID, Books: d.Books, Venue: d.Venue, SinceNs: d.SinceNs, Why: d.Why})
	}
	return out
}

// AcceptBooks implements the contract.
func (s *Server) AcceptBooks(ctx context.Context, req *pb.AcceptBooksRequest) (*pb.AcceptBooksResponse, error) {
	if req.GetWho() == "" || req.GetReason() == "" {
		return nil, status.Error(codes.InvalidArgument, "who and reason are both needed: the audit names who accepted the account and why")
	}
	n, err := s.oms.AcceptBooks(ctx, req.GetWho(), req.GetReason())
	if err != nil {
		return nil, fail(err)
	}
	return &pb.AcceptBooksResponse{Differences: uint32(n)}, nil
}

func unwindings(us []core.Unwind) (out []*pb.Unwinding) {
	for _, u := range us {
		out = append(out, &pb.Unwinding{InstrumentId: u.InstrumentID, StrategyId: u.StrategyID, Who: u.Who, Reason: u.Reason, SinceNs: u.SinceNs})
	}
	return out
}

// Unwind implements the contract.
func (s *Server) Unwind(ctx context.Context, req *pb.UnwindRequest) (*pb.UnwindResponse, error) {
	switch {
	case (req.GetInstrumentId() != 0) == (req.GetStrategyId() != "") || req.GetInstrumentId() < 0:
		return nil, status.Error(codes.InvalidArgument, "give either instrument_id or strategy_id: one name or one strategy is unwound at a time")
	case req.GetWho() == "" || req.GetReason() == "":
		return nil, status.Error(codes.InvalidArgument, "who and reason are both needed: the audit names who unwound it and why")
	}
	u := core.Unwind{InstrumentID: req.GetInstrumentId(), StrategyID: req.GetStrategyId(), Who: req.GetWho(), Reason: req.GetReason()}
	instruments, cancels, err := s.oms.Unwind(ctx, u, req.GetLift())
	if err != nil {
		return nil, fail(err)
	}
	return &pb.UnwindResponse{Instruments: uint32(instruments), CancelsSent: uint32(cancels)}, nil
}

// GetSessionReport implements the contract.
func (s *Server) GetSessionReport(ctx context.Context, req *pb.GetSessionReportRequest) (*pb.GetSessionReportResponse, error) {
	r, err := s.oms.Report(ctx, req.GetSession())
	if errors.Is(err, core.ErrNoSession) {
		return nil, status.Error(codes.NotFound, fmt.Sprintf("%s %d", err, req.GetSession()))
	}
	if err != nil {
		return nil, fail(err)
	}
	resp := &pb.GetSessionReportResponse{
		Region: r.Region, Session: r.Session, EquityMicro: r.Equity, BaselineMicro: r.Baseline, CashMicro: r.Cash,
		LimitsHash: r.LimitsHash, ReferenceHash: r.ReferenceHash, FramesToRisk: r.Frames,
	}
	for _, p := range r.Positions {
		resp.Positions = append(resp.Positions, &pb.PositionReport{InstrumentId: p.InstrumentID, Qty: p.Qty, MarkMicro: p.Mark})
	}
	for _, o := range r.Orders {
		resp.Orders = append(resp.Orders, orderReport(o))
	}
	for _, o := range r.RiskOrders {
		report := orderReport(o)
		if o.Side == 0 {
			report.Side = ""
		}
		resp.RiskOrders = append(resp.RiskOrders, report)
	}
	return resp, nil
}

func orderReport(o core.OrderView) *pb.OrderReport {
	out := &pb.OrderReport{
		OrderId: o.ID, InstrumentId: o.InstrumentID, Side: o.Side.String(), RequestedQty: o.Qty, ApprovedQty: o.ApprovedQty,
		FilledQty: o.FilledQty, LimitPxMicro: o.LimitPx, State: o.State, Decision: o.Decision, ReasonCode: uint32(o.ReasonCode),
		Reason: o.Reason, DecisionPxMicro: o.DecisionPx, ArrivalBidMicro: o.ArrivalBid, ArrivalAskMicro: o.ArrivalAsk,
		CreatedNs: o.CreatedNs, DecidedNs: o.DecidedNs, DoneNs: o.DoneNs, CorrelationId: o.Correlation, Attribution: o.Attribution,
	}
	for _, f := range o.Fills {
		out.Fills = append(out.Fills, &pb.FillReport{
			ExecId: f.ExecID, Qty: f.Qty, PxMicro: f.Px, FeeMicro: f.Fee, TsNs: f.TsNs, BidMicro: f.Bid, AskMicro: f.Ask,
		})
	}
	return out
}

// CancelAll implements the contract.
func (s *Server) CancelAll(ctx context.Context, req *pb.CancelAllRequest) (*pb.CancelAllResponse, error) {
	n, err := s.oms.CancelAll(ctx, req.GetReason())
	if err != nil {
		return nil, fail(err)
	}
	return &pb.CancelAllResponse{CancelsSent: uint32(n)}, nil
}

// Kill implements the contract.
func (s *Server) Kill(ctx context.Context, req *pb.KillRequest) (*pb.KillResponse, error) {
	if req.GetWho() == "" || req.GetReason() == "" {
		return nil, status.Error(codes.InvalidArgument, "who and reason are both needed: the audit names who threw the switch and why")
	}
	state, err := s.oms.Kill(ctx, req.GetWho(), req.GetReason())
	if err != nil {
		return nil, fail(err)
	}
	return &pb.KillResponse{TradingState: state}, nil
}
