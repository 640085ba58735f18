//! Decisions asked of both, and compared in everything that they say.

use dnalyaw_engine::{Decision, OrderRequest, Reason, ReplaceRequest};

use super::step::Words;
use super::{Pair, same};
use crate::reference::closing::Close;
use crate::reference::decide::Verdict;
use crate::reference::{codes, side_of};

impl Pair {
    pub(super) fn an_order(&mut self, order: &OrderRequest) -> Result<(), String> {
        let basic = self.engine.check_basic(order);
        let verdict = self.model.decide(order, self.now);
        let decision = self.engine.decide(order, self.now);
        let kind = verdict.kind(order.quantity);
        *self.seen.orders.entry((kind, verdict.code)).or_insert(0) += 1;
        if let (2, Some((cap, _)), true) = (kind, verdict.binding, verdict.opening) {
            *self.seen.caps.entry(cap).or_insert(0) += 1;
        }
        self.agree(&decision, &verdict, order.quantity, order.instrument_id)?;
        self.reaches_venue(order, decision.approved_quantity);
        if verdict.opening && verdict.approved > 0 {
            same("basic checks of an accepted order", basic, Reason::None)?;
            let side = side_of(order).ok_or("accepted without a side")?;
            self.inside_every_limit(order.instrument_id, side)?;
        }
        Ok(())
    }

    pub(super) fn linked(&mut self, legs: &[OrderRequest]) -> Result<(), String> {
        let nothing = self.engine.decide(
            &OrderRequest {
                order_id: 0,
                ..legs[0]
            },
            self.now,
        );
        let mut decisions = vec![nothing; legs.len()];
        let verdicts = self.model.decide_linked(legs, self.now);
        self.engine
            .decide_linked(legs, self.now, &mut decisions)
            .map_err(|error| format!("linked legs: {error}"))?;
        for ((leg, decision), verdict) in legs.iter().zip(&decisions).zip(&verdicts) {
            let kind = match (verdict.approved, verdict.code) {
                (0, _) => 3,
                (_, codes::NONE) => 1,
                _ => 2,
            };
            *self.seen.linked.entry((kind, verdict.code)).or_insert(0) += 1;
            let what = format!("leg {}", leg.order_id);
            same(
                &what,
                (
                    decision.kind as u8,
                    decision.reason.code(),
                    i128::from(decision.approved_quantity),
                ),
                (kind, verdict.code, verdict.approved),
            )?;
            self.reaches_venue(leg, decision.approved_quantity);
        }
        self.legs_inside(legs, &verdicts)
    }

    /// After linked legs were accepted the limits hold as after single orders. A closing leg is not measured, but works on
    /// its side of the book: of legs that opened on that side before it the net limit says nothing any more.
    fn legs_inside(&mut self, legs: &[OrderRequest], verdicts: &[Verdict]) -> Result<(), String> {
        let mut closing = Vec::new();
        for (leg, verdict) in legs.iter().zip(verdicts).rev() {
            let Some(side) = side_of(leg).filter(|_| verdict.approved > 0) else {
                continue;
            };
            if !verdict.opening {
                closing.push(side);
            } else if !closing.contains(&side) {
                self.seen.event("opening leg inside");
                self.inside_every_limit(leg.instrument_id, side)?;
            }
        }
        Ok(())
    }

    pub(super) fn a_replace(&mut self, wish: &ReplaceRequest) -> Result<(), String> {
        let old = self.model.order(wish.original_id).cloned();
        let verdict = self.model.decide_replace(wish, self.now);
        let decision = self.engine.decide_replace(wish, self.now);
        let kind = verdict.kind(wish.quantity);
        *self.seen.replaces.entry((kind, verdict.code)).or_insert(0) += 1;
        let instrument = old
            .as_ref()
            .map_or(0, |old| self.model.instruments[old.at].row.instrument_id);
        self.agree(&decision, &verdict, wish.quantity, instrument)?;
        match old.filter(|_| verdict.opening && verdict.approved > 0) {
            Some(old) => {
                self.seen.event("opening modification inside");
                self.inside_every_limit(instrument, old.side)
            }
            None => Ok(()),
        }
    }

    /// A decision is the reference's, in everything it says.
    fn agree(
        &self,
        decision: &Decision,
        verdict: &Verdict,
        requested: i64,
        instrument_id: u64,
    ) -> Result<(), String> {
        same(
            "kind, reason, quantity",
            (
                decision.kind as u8,
                decision.reason.code(),
                i128::from(decision.approved_quantity),
            ),
            (verdict.kind(requested), verdict.code, verdict.approved),
        )?;
        same("requested", decision.requested_quantity, requested)?;
        if decision.approved_quantity > requested.max(0) {
            return Err("a decision increased the order".to_owned());
        }
        let equity = self.model.equity().unwrap_or(0);
        same("equity used", i128::from(decision.equity), equity)?;
        let Some(at) = self.model.find(instrument_id) else {
            return Ok(());
        };
        let limit = crate::reference::size::share(equity, self.model.limits.instrument.value);
        let binding = verdict.binding.map_or(limit, |(_, value)| value.max(0));
        same("binding limit", i128::from(decision.binding_limit), binding)?;
        let reference = self.model.instruments[at].prices.reference();
        same(
            "reference price",
            i128::from(decision.reference_price),
            reference,
        )?;
        let worst = self.model.worst(at);
        same(
            "worst case after",
            i128::from(decision.instrument_worst_case),
            worst.long + worst.short,
        )?;
        self.metrics(decision, at)
    }

    /// What both want cancelled and closed; and the closing orders are sent.
    pub(super) fn poll(&mut self, words: &mut Words) -> Result<(), String> {
        let mut cancels = Vec::new();
        self.engine.wanted_cancels(&mut cancels);
        cancels.sort_unstable();
        if !cancels.is_empty() {
            self.seen.event("cancels wanted");
        }
        same("wanted cancels", cancels, self.model.wanted_cancels())?;
        let mut closes = Vec::new();
        self.engine.wanted_closes(&mut closes);
        closes.sort_unstable_by_key(|close| close.instrument_id);
        let wanted = self.model.wanted_closes();
        let told: Vec<Close> = closes
            .iter()
            .map(|close| Close {
                at: self.place(close.instrument_id),
                side: close.side,
                quantity: i128::from(close.quantity),
                code: close.reason.code(),
            })
            .collect();
        same("wanted closes", told, wanted.clone())?;
        for (close, own) in closes.iter().zip(&wanted) {
            if words.once_in(3) {
                continue;
            }
            let (limit, quantity) = self.model.decide_close(own);
            let (request, decision) = self.engine.decide_close(close, self.now);
            self.seen.event(if own.code == codes::STOPPED {
                "stop closed"
            } else {
                "kill closed"
            });
            same(
                "closing order",
                (
                    request.order_id,
                    i128::from(request.limit_price),
                    i128::from(decision.approved_quantity),
                    decision.kind as u8,
                    decision.reason.code(),
                    request.time_in_force,
                    request.order_type,
                    request.flags,
                ),
                (
                    self.model.last_own,
                    limit,
                    quantity,
                    if quantity > 0 { 4 } else { 3 },
                    if quantity > 0 {
                        own.code
                    } else {
                        codes::TOO_MANY_ORDERS
                    },
                    3,
                    if limit == 0 { 1 } else { 2 },
                    1,
                ),
            )?;
            self.reaches_venue(&request, decision.approved_quantity);
        }
        Ok(())
    }
}
