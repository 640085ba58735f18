//! What an order manager asks of the desk: decisions, modifications, cancels, the switch.

use dnalyaw_engine::{Decision, MAX_LEGS, OrderRequest, Reason, ReplaceRequest, WorkingOrder};

use crate::desk::{Desk, Fault, Wants};

/// What comes of a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelAnswer {
    /// Send it to the venue, for the order that goes by this id there.
    Send {
        /// The order's own id, or that of the last modification that the venue took.
        wire_id: u64,
    },
    /// It is on its way already.
    OnItsWay,
    /// No order works under this id: REFUSED, `UNKNOWN_ORDER`.
    UnknownOrder,
}

/// An open order as the desk knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderState {
    /// The id that it was given first.
    pub order_id: u64,
    /// As the engine knows it, under the id that it goes by at the venue.
    pub working: WorkingOrder,
}

impl Desk {
    /// Both clocks at once: time is simulated, and so is the clock by which messages are counted.
    fn tick(&mut self, now_ns: i64) {
        self.clock(now_ns);
        self.engine.on_monotonic(now_ns);
    }

    /// Decides an order and, when it is accepted, reserves its worst case. An id that was taken before is `DUPLICATE_ID`: in one
    /// process no frame is lost and none has to be sent again.
    pub fn decide(&mut self, order: &OrderRequest, now_ns: i64) -> Decision {
        self.tick(now_ns);
        let decision = self.engine.decide(order, self.now_ns);
        if decision.accepted() {
            self.accepted(order);
        }
        decision
    }

    /// Decides legs as one.
    ///
    /// # Errors
    /// [`Fault::Legs`]; nothing was decided then.
    pub fn decide_linked(
        &mut self,
        orders: &[OrderRequest],
        now_ns: i64,
        decisions: &mut [Decision],
    ) -> Result<(), Fault> {
        if orders.len() > MAX_LEGS || orders.len() != decisions.len() {
            return Err(Fault::Legs(orders.len()));
        }
        self.tick(now_ns);
        self.engine
            .decide_linked(orders, self.now_ns, decisions)
            .map_err(|_| Fault::Legs(orders.len()))?;
        for (order, decision) in orders.iter().zip(decisions) {
            if decision.accepted() {
                self.accepted(order);
            }
        }
        Ok(())
    }

    /// Decides a modification of an order, named by its first id. When it is accepted, what the venue makes of it is reported with
    /// [`crate::ReportKind::Replaced`] or [`crate::ReportKind::ReplaceRefused`].
    pub fn replace(&mut self, request: &ReplaceRequest, now_ns: i64) -> Decision {
        self.tick(now_ns);
        let asked = ReplaceRequest {
            original_id: self.open.wire_id(request.original_id),
            ..*request
        };
        let decision = self.engine.decide_replace(&asked, self.now_ns);
        if decision.accepted() {
            let order_id = self.open.first_id(request.original_id);
            self.open.replacing(order_id, request.order_id);
            self.switch.moved = true;
        }
        decision
    }

    /// A cancel of an order, named by its first id.
    pub fn cancel(&mut self, order_id: u64, now_ns: i64) -> CancelAnswer {
        self.clock(now_ns);
        let Some(entry) = self.open.get_mut(order_id) else {
            return CancelAnswer::UnknownOrder;
        };
        if std::mem::replace(&mut entry.cancelling, true) {
            return CancelAnswer::OnItsWay;
        }
        let wire_id = entry.wire_id;
        let known = self.engine.request_cancel(wire_id);
        debug_assert!(known.is_ok(), "the engine reserves every open order");
        CancelAnswer::Send { wire_id }
    }

    /// Throws the kill switch by hand.
    pub fn kill(&mut self, now_ns: i64) {
        self.clock(now_ns);
        self.engine.kill(Reason::Operator);
        self.switch.moved = true;
    }

    /// Arms a fired switch again; after a drawdown not in the same session.
    ///
    /// # Errors
    /// [`Fault::Rearm`].
    pub fn rearm(&mut self) -> Result<(), Fault> {
        self.engine.rearm().map_err(Fault::Rearm)?;
        self.switch.rearm();
        Ok(())
    }

    /// Announces money that enters (positive) or leaves the account from outside; it counts once the venue's cash shows it.
    pub fn expect_flow(&mut self, amount: i64) {
        self.engine.expect_flow(amount);
        self.wants.add(Wants::CASH);
    }

    /// Every open order, by its first id.
    #[must_use]
    pub fn orders(&self) -> Vec<OrderState> {
        let mut orders: Vec<OrderState> = self
            .open
            .iter()
            .filter_map(|(order_id, entry)| {
                let working = self.engine.order(entry.wire_id)?;
                Some(OrderState { order_id, working })
            })
            .collect();
        orders.sort_unstable_by_key(|order| order.order_id);
        orders
    }

    /// How many orders are open.
    #[must_use]
    pub fn open_orders(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn accepted(&mut self, order: &OrderRequest) {
        self.open.insert(order);
        self.switch.moved = true;
    }
}
