package main

import (
	"fmt"

	"dnalyaw/execution/internal/sim"
)

func (v *venue) onLogon() error {
	v.loggedOn, v.mdReqID, v.symbols = true, "", nil
	v.log.Info("logged on", "target", sessionID.TargetCompID)
	if p := v.engine.Phase(); p == sim.Open || p == sim.Break {
		v.clock.Start() // a session resumed after a restart waited for its client
	}
	return v.sendSession("")
}

func (v *venue) onLogout() error {
	v.loggedOn, v.mdReqID, v.symbols = false, "", nil
	v.wire.drop()
	v.hearing = nil
	v.log.Info("logged out", "target", sessionID.TargetCompID)
	records, err := v.engine.Disconnected(v.clock.NowNs())
	if err != nil {
		return err
	}
	return v.commit(records)
}

// start opens the session and lets the clock run.
func (v *venue) start() error {
	records, err := v.engine.Start()
	if err != nil {
		return err
	}
	if p := v.engine.Phase(); p == sim.Open || p == sim.Break {
		v.clock.Start()
	}
	return v.commit(records)
}

func (v *venue) newOrder(in sim.NewOrder) error {
	records, err := v.engine.Submit(v.clock.NowNs(), in)
	if err != nil {
		return err
	}
	return v.commit(records)
}

func (v *venue) cancelOrder(id, orig string) error {
	records, found, err := v.engine.Cancel(v.clock.NowNs(), id, orig)
	if err != nil {
		return err
	}
	if err := v.commit(records); err != nil {
		return err
	}
	if v.engine.Latent() {
		return nil // the outcome is in these records or in later ones
	}
	for _, r := range records {
		if r.Kind == sim.KindCancel && r.CancelID == id {
			return nil
		}
	}
	if !found {
		v.transmit(cancelReject(toCancel, id, orig, nil, 1, "unknown order", v.nowNs()))
		return nil
	}
	o, _ := v.engine.Order(orig)
	v.transmit(cancelReject(toCancel, id, orig, &o, 0, "too late: the order is "+o.Status.String(), v.nowNs()))
	return nil
}

func (v *venue) replaceOrder(r sim.Replacement) error {
	records, refused, err := v.engine.Replace(v.clock.NowNs(), r)
	if err != nil {
		return err
	}
	if err := v.commit(records); err != nil || refused == nil {
		return err
	}
	v.log.Info("replacement refused", "cl_ord_id", r.ClOrdID, "orig_cl_ord_id", r.Orig, "qty", r.Qty, "reason", refused.Text)
	var held *sim.Order
	if o, known := v.engine.Order(r.Orig); known {
		held = &o
	}
	v.transmit(cancelReject(toReplace, r.ClOrdID, r.Orig, held, refused.Reason, refused.Text, v.nowNs()))
	return nil
}

// protect turns cancel on disconnect on or off for this connection.
func (v *venue) protect(id string, on bool) error {
	if !v.loggedOn {
		return nil // the connection that asked is gone
	}
	records, err := v.engine.Protect(on)
	if err != nil {
		return err
	}
	if err := v.commit(records); err != nil {
		return err
	}
	v.log.Info("cancel on disconnect", "on", on)
	v.transmit(protectReport(v.region, id, on))
	return nil
}

// correctLast corrects the session's last fill to qty shares; why says what stands against it.
func (v *venue) correctLast(qty int64) (why string, err error) {
	records, why, err := v.engine.CorrectLast(v.clock.NowNs(), qty)
	if err != nil {
		return "", err
	}
	return why, v.commit(records)
}

func (v *venue) massStatus(id string) error {
	orders := v.engine.Orders()
	if len(orders) == 0 {
		v.transmit(noOrders(v.region, id, v.nowNs()))
	}
	for i := range orders {
		v.transmit(statusReport(v.region, id, &orders[i], len(orders), i == len(orders)-1, v.nowNs()))
	}
	return nil
}

func (v *venue) reportID() string {
	v.reports++
	return fmt.Sprintf("R%d-%d", v.wall.Now().UnixNano(), v.reports)
}

func (v *venue) positions(id string) error {
	positions := v.engine.Positions()
	v.transmit(positionAck(v.region, id, v.reportID(), len(positions)))
	for i := range positions {
		v.transmit(positionReport(v.region, v.engine.Day().Session.Session, id, v.reportID(), &positions[i], len(positions)))
	}
	return nil
}

func (v *venue) collateral(id string) error {
	v.transmit(collateralReport(v.engine, id, v.reportID()))
	return nil
}

// marketData answers a V: kind 0 sends the snapshots, 1 goes on with updates, 2 ends the subscription.
func (v *venue) marketData(id string, kind int64, symbols map[string]bool) error {
	if kind == 2 {
		v.mdReqID, v.symbols = "", nil
		return nil
	}
	kept, keptSymbols := v.mdReqID, v.symbols
	v.mdReqID, v.symbols = id, symbols
	err := v.publish(v.engine.Quotes())
	if kind == 0 {
		v.mdReqID, v.symbols = kept, keptSymbols
	}
	return err
}
