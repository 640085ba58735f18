package core

import (
	"context"

	"dnalyaw/execution/internal/audit"
)

// whyAudit is why a buy is withdrawn while the audit trail is too far behind; it is planned again when it has caught up.
const whyAudit = "the audit trail is too far behind: reduce-only"

// reduceOnly says whether nothing may be opened because the audit trail cannot keep up: the journal has everything, and
// more risk waits until the table has it too. What reduces goes on.
func (c *Core) reduceOnly() bool {
	behind := c.cfg.AuditBehind != nil && c.cfg.AuditBehind()
	if behind != c.behind {
		c.behind = behind
		if behind {
			c.cfg.Log.Error("the audit trail is too far behind; nothing is opened until it has caught up")
		} else {
			c.cfg.Log.Info("the audit trail has caught up")
		}
	}
	return behind
}

// Anchored is how far the audit table is known to be, for whoever ships the journal; nil = nothing is known.
func (c *Core) Anchored(ctx context.Context) (*audit.Anchor, error) {
	var a *audit.Anchor
	err := c.do(ctx, func(reply func()) {
		defer reply()
		a = c.state.Anchor
	})
	return a, err
}

// Anchor journals how far the audit table is: a table that ends before it was cut off.
func (c *Core) Anchor(ctx context.Context, a audit.Anchor) error {
	var failed error
	err := c.do(ctx, func(reply func()) {
		defer reply()
		failed = c.record(&Record{Kind: kindAnchor, Anchor: &a})
	})
	if err != nil {
		return err
	}
	return failed
}
