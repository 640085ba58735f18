package core

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/jsonlog"
	"dnalyaw/execution/internal/order"
	"dnalyaw/execution/internal/targets"
)

// Outcome of a submission.
type Outcome uint8

// The outcomes.
const (
	Accepted Outcome = iota + 1
	AlreadyTaken
	Refused
)

// Answer is what a submission is told.
type Answer struct {
	Outcome Outcome
	Faults  []targets.Fault
	Orders  int
	Message string
}

// submission waits for the snapshot of riskd on which it is judged and planned.
type submission struct {
	region     string
	portfolios []targets.Portfolio
	answer     func(Answer)
	answered   bool
}

// SubmitTargets takes the target portfolios of the session, or refuses them whole.
//
// The answer comes after what it says is on the disk. A new portfolio is judged and netted on a snapshot that riskd
// sends for it, so that positions, prices and fills are of one moment. An error says that there is no answer; asking
// again with the same content is always safe.
func (c *Core) SubmitTargets(ctx context.Context, region string, ps []targets.Portfolio) (Answer, error) {
	var a Answer
	err := c.do(ctx, func(reply func()) {
		s := &submission{region: region, portfolios: ps}
		s.answer = func(got Answer) {
			if s.answered {
				return
			}
			s.answered = true
			a = got
			if got.Outcome == Refused {
				c.metrics.RefusedRequests.Add(1)
				if c.cfg.Observer != nil {
					c.cfg.Observer.Refused(got.Faults)
				}
			}
			c.logAnswer(s, got)
			reply()
		}
		c.onSubmit(s)
	})
	if err != nil {
		return Answer{}, err
	}
	return a, nil
}

func (c *Core) onSubmit(s *submission) {
	fresh, faults := c.sift(s)
	if len(faults) == 0 && len(fresh) == 0 && len(s.portfolios) > 0 {
		s.answer(Answer{Outcome: AlreadyTaken, Message: "the same content was taken before; nothing was sent again"})
		return
	}
	if !c.synced {
		faults = append(faults, targets.Fault{Code: targets.FaultRiskDown, Message: "the link to riskd is down or not yet in step; submit again when GetStatus says that it is up"})
		faults = append(faults, targets.Validate(fresh, c.judge(false))...)
		s.answer(refusal(faults))
		return
	}
	c.submits = append(c.submits, s)
	c.startSync(false)
	// The waiting submission is refused, not dropped, when riskd does not answer.
	c.after(c.cfg.SubmitWait, func() {
		for i, w := range c.submits {
			if w == s {
				c.submits = append(c.submits[:i], c.submits[i+1:]...)
				s.answer(refusal([]targets.Fault{{Code: targets.FaultRiskDown, Message: fmt.Sprintf("riskd sent no snapshot within %s; nothing was taken", c.cfg.SubmitWait)}}))
				return
			}
		}
	})
}

// sift separates what was taken before from what is new, and names what can be wrong without looking at riskd.
func (c *Core) sift(s *submission) (fresh []targets.Portfolio, faults []targets.Fault) {
	if s.region != c.cfg.Region {
		faults = append(faults, targets.Fault{Code: targets.FaultRegion, Message: fmt.Sprintf("region %q is not served here; this omsd runs %q", s.region, c.cfg.Region)})
	}
	if len(s.portfolios) == 0 {
		faults = append(faults, targets.Fault{Code: targets.FaultEmpty, Message: "the request holds no portfolio"})
	}
	for _, p := range s.portfolios {
		taken, ok := c.state.Taken[p.StrategyID][p.AsOfNs]
		switch {
		case !ok:
			fresh = append(fresh, p)
		case taken != p.ContentHash():
			faults = append(faults, targets.Fault{StrategyID: p.StrategyID, Code: targets.FaultConflict, Message: fmt.Sprintf(
				"other content was taken for (%s, %s); a change needs a later as_of", p.StrategyID, time.Unix(0, p.AsOfNs).UTC().Format(time.RFC3339))})
		}
	}
	return fresh, faults
}

// judge is the context of validation; live adds what riskd's snapshot says.
func (c *Core) judge(live bool) targets.Context {
	ctx := targets.Context{Region: c.cfg.Region, LastAsOf: c.state.latest, Unwound: c.state.unwound()}
	ctx.Register, ctx.RegisterErr = c.cfg.Register()
	if !live {
		return ctx
	}
	ctx.Session, ctx.ClockNs = c.state.Session, c.clockNs
	if c.refErr == nil {
		ctx.InReference = func(id int64) bool { _, ok := c.ref.Instruments[id]; return ok }
		ctx.Listed = c.ref.Lists
	}
	ctx.HasPrice = func(id int64) bool { return c.prices[id].Decision() > 0 }
	ctx.HasPosition = func(id int64) bool { _, ok := c.positions[id]; return ok }
	return ctx
}

// mayTrade says whether gates has nothing to say, at no cost.
func (c *Core) mayTrade() bool {
	a := &c.account
	_, money := c.state.Books.Differences["cash"]
	return c.synced && c.refErr == nil && !money && c.accountOK && a.Equity > 0 && a.VenueUp == 1 &&
		(a.TradingState == frame.TradingActive || a.TradingState == frame.TradingReduceOnly) &&
		(a.SessionState == frame.SessionOpen || a.SessionState == frame.SessionPreOpen) &&
		c.journal.Lag(c.cfg.Now()) <= c.cfg.MaxLag
}

// gates are the faults of the moment: nothing new may be traded now.
func (c *Core) gates() []targets.Fault {
	var out []targets.Fault
	add := func(code, format string, args ...any) {
		out = append(out, targets.Fault{Code: code, Message: fmt.Sprintf(format, args...)})
	}
	if c.refErr != nil {
		add(targets.FaultReference, "%s", c.refErr)
	}
	if lag := c.journal.Lag(c.cfg.Now()); lag > c.cfg.MaxLag {
		add(targets.FaultJournal, "the journal's disk is %s behind; submit again when it has caught up", lag.Round(time.Millisecond))
	}
	if d, ok := c.state.Books.Differences["cash"]; ok {
		add(targets.FaultUnreconciled, "%s; settle the cause, then `dnalyaw reconcile --region %s --accept --reason TEXT`", d.String(), c.cfg.Region)
	}
	if !c.accountOK {
		add(targets.FaultNoAccount, "riskd has sent no account")
		return out
	}
	if c.account.Equity <= 0 {
		add(targets.FaultNoAccount, "riskd has sent no account with positive equity")
	}
	if c.account.VenueUp == 0 {
		add(targets.FaultVenueDown, "riskd's session with the venue is down")
	}
	switch c.account.TradingState {
	case frame.TradingActive, frame.TradingReduceOnly:
	case frame.TradingKilled:
		add(targets.FaultHalted, "the kill switch is on (%s) and stays on until a person re-arms it: settle the cause, then `dnalyaw rearm --region %s --reason TEXT`", order.ReasonName(c.account.Reason), c.cfg.Region)
	default:
		add(targets.FaultHalted, "trading state is %s (%s)", tradingName(c.account.TradingState), order.ReasonName(c.account.Reason))
	}
	switch c.account.SessionState {
	case frame.SessionOpen, frame.SessionPreOpen:
	default:
		add(targets.FaultSessionClosed, "the venue's session is %s; submit while it is open", sessionName(c.account.SessionState))
	}
	return out
}

func refusal(faults []targets.Fault) Answer {
	codes := map[string]bool{}
	for _, f := range faults {
		codes[f.Code] = true
	}
	names := make([]string, 0, len(codes))
	for code := range codes {
		names = append(names, code)
	}
	sort.Strings(names)
	return Answer{Outcome: Refused, Faults: faults, Message: fmt.Sprintf("refused whole, %d faults: %s", len(faults), strings.Join(names, ", "))}
}

func (c *Core) refuseSubmits(code, message string) {
	for _, s := range c.submits {
		s.answer(refusal([]targets.Fault{{Code: code, Message: message}}))
	}
	c.submits = nil
}

// settleSubmits judges and plans what waited for the snapshot that has just ended.
func (c *Core) settleSubmits() {
	waiting := c.submits
	c.submits = nil
	for _, s := range waiting {
		c.settle(s)
	}
}

func (c *Core) settle(s *submission) {
	fresh, faults := c.sift(s)
	if len(faults) == 0 && len(fresh) == 0 {
		s.answer(Answer{Outcome: AlreadyTaken, Message: "the same content was taken before; nothing was sent again"})
		return
	}
	ctx := c.judge(true)
	faults = append(faults, c.gates()...)
	faults = append(faults, targets.Validate(fresh, ctx)...)
	if len(faults) > 0 {
		s.answer(refusal(faults))
		return
	}
	portfolios := map[string]targets.Portfolio{}
	for id, p := range c.state.Portfolios {
		portfolios[id] = p
	}
	for _, p := range fresh {
		portfolios[p.StrategyID] = p
	}
	plan, err := c.plan(portfolios, ctx.Register, nil, fresh[0].Correlation)
	if err == nil {
		plan.Portfolios = fresh
		err = c.record(&Record{Kind: kindPlan, Plan: plan})
	}
	if err != nil {
		c.audit(0, err)
		s.answer(refusal([]targets.Fault{{Code: "INTERNAL", Message: err.Error()}}))
		return
	}
	c.retryRound, c.sellsAtLast = 0, 0
	c.cancelFor(plan.CancelFor)
	c.logPlan(plan)
	planned := len(plan.Orders) + len(plan.Parents)
	msg := fmt.Sprintf("%d portfolios taken, %d orders planned, %d instruments left alone", len(fresh), planned, len(plan.Skips))
	if n := len(plan.Parents); n > 0 {
		msg += fmt.Sprintf(", %d orders are worked over the session", n)
	}
	if n := len(s.portfolios) - len(fresh); n > 0 {
		msg += fmt.Sprintf(", %d portfolios had been taken before", n)
	}
	s.answer(Answer{Outcome: Accepted, Orders: planned, Message: msg})
}

func (c *Core) logAnswer(s *submission, a Answer) {
	id := ""
	if len(s.portfolios) > 0 {
		id = s.portfolios[0].Correlation
	}
	c.cfg.Log.Info("targets", "outcome", a.Outcome.String(), "message", a.Message, "orders", a.Orders, jsonlog.CorrelationKey, id)
	for i, f := range a.Faults {
		if i == 20 {
			c.cfg.Log.Warn("more faults are in the answer", "count", len(a.Faults)-i, jsonlog.CorrelationKey, id)
			break
		}
		c.cfg.Log.Warn("fault", "code", f.Code, "strategy", f.StrategyID, "instrument_id", f.InstrumentID, "message", f.Message, jsonlog.CorrelationKey, id)
	}
}

// String is the outcome's name.
func (o Outcome) String() string {
	switch o {
	case Accepted:
		return "ACCEPTED"
	case AlreadyTaken:
		return "ALREADY_TAKEN"
	case Refused:
		return "REFUSED"
	}
	return "UNSPECIFIED"
}
