package core

import (
	"context"
	"crypto/sha256"
	"fmt"
	"unicode/utf8"

	"dnalyaw/execution/internal/frame"
	"dnalyaw/execution/internal/order"
)

// CancelAll cancels every open order. Orders that were not sent yet are dropped here; for the others a cancel goes to
// riskd. It returns the number of cancels sent. While the link is down nothing is queued: what was not sent is
// dropped, and the error says that the rest needs another try.
func (c *Core) CancelAll(ctx context.Context, reason string) (int, error) {
	sent := 0
	var failed error
	err := c.do(ctx, func(reply func()) {
		defer reply()
		if err := c.record(&Record{Kind: kindOperator, Operator: &OperatorRecord{Command: "cancel all", Reason: reason}}); err != nil {
			failed = err
			return
		}
		c.endParents(0, "cancel all: "+reason)
		left := 0
		for _, id := range c.state.openIDs() {
			o := c.state.Orders[id]
			switch {
			case o.State == order.New:
				c.own(o, order.Withdraw, reason)
			case !c.synced:
				left++
			default:
				if c.cancel(o, reason) {
					sent++
				}
			}
		}
		if left > 0 {
			failed = fmt.Errorf("%w: %d orders are with riskd and were not cancelled; ask again when the link is up", errLinkDown, left)
		}
		c.cfg.Log.Warn("cancel all", "reason", reason, "cancels_sent", sent)
	})
	if err != nil {
		return 0, err
	}
	return sent, failed
}

type killWait struct {
	answer func()
	done   bool
}

// Kill throws riskd's kill switch and returns the trading state that riskd reports afterwards.
func (c *Core) Kill(ctx context.Context, who, reason string) (string, error) {
	state := "UNKNOWN"
	var failed error
	err := c.do(ctx, func(reply func()) {
		if err := c.record(&Record{Kind: kindOperator, Operator: &OperatorRecord{Command: "kill", Who: who, Reason: reason}}); err != nil {
			failed = err
			reply()
			return
		}
		c.endParents(0, "killed by "+who)
		for _, id := range c.state.openIDs() {
			if o := c.state.Orders[id]; o.State == order.New {
				c.own(o, order.Withdraw, "killed by "+who)
			}
		}
		if c.epoch == 0 {
			failed = fmt.Errorf("%w: KILL was not sent; what was planned and not sent is dropped", errLinkDown)
			reply()
			return
		}
		text := who + ": " + reason
		m := &frame.Kill{}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%s", c.cfg.Region, c.clockNs, text))
		copy(m.Correlation[:], sum[:])
		copy(m.Who[:], trimUTF8(text, len(m.Who)))
		c.send(m)
		c.cfg.Log.Error("kill switch", "who", who, "reason", reason)
		w := &killWait{}
		w.answer = func() {
			if !w.done {
				w.done = true
				if c.accountOK && c.epoch != 0 {
					state = tradingName(c.account.TradingState)
				}
				reply()
			}
		}
		if c.accountOK && c.account.TradingState == frame.TradingKilled {
			w.answer()
			return
		}
		c.kills = append(c.kills, w)
		c.after(c.cfg.SubmitWait, w.answer)
	})
	if err != nil {
		return "UNKNOWN", err
	}
	return state, failed
}

func (c *Core) endKills() {
	for _, w := range c.kills {
		w.answer()
	}
	c.kills = nil
}

// trimUTF8 cuts a text to at most n bytes without cutting a character.
func trimUTF8(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
