//! Each event told to both, and their answers compared.

use dnalyaw_engine::{
    Decision, ExecError, ExecKind, Halt, Hold, OrderRequest, Reason, ReplaceRequest, Side,
};

use super::event::Event;
use super::step::Words;
use super::venue::Listed;
use super::{Pair, same};
use crate::reference::closing::Close;
use crate::reference::codes;
use crate::reference::decide::Verdict;
use crate::reference::reports::Refused;

fn halt(code: u16) -> Halt {
    let found = Halt::ALL
        .into_iter()
        .find(|halt| halt.reason().code() == code);
    found.expect("a halt")
}

impl Pair {
    pub(super) fn apply(&mut self, event: &Event, words: &mut Words) -> Result<(), String> {
        match event {
            Event::Order(order) => return self.an_order(order),
            Event::Linked(legs) => return self.linked(legs),
            Event::Replace(wish) => return self.a_replace(wish),
            Event::Report(report) => return self.a_report(report),
            Event::Poll => return self.poll(words),
            Event::Cancel(id) => return self.cancel(*id),
            Event::Replaced(id) => {
                let engine = self.engine.on_replaced(*id).is_ok();
                same("replaced", engine, self.model.on_replaced(*id))?;
                self.rename(*id);
            }
            Event::ReplaceRefused(id) => {
                let engine = self.engine.on_replace_refused(*id).is_ok();
                same("refused", engine, self.model.on_replace_refused(*id))?;
            }
            Event::Adopt(order) => {
                let engine = self.engine.adopt(order).map_err(Reason::code);
                same("adopt", engine, self.model.adopt(order))?;
            }
            Event::Price {
                instrument,
                bid,
                ask,
                last,
                ts,
            } => {
                self.engine.on_price(*instrument, *bid, *ask, *last, *ts);
                self.model.on_price(*instrument, *bid, *ask, *last, *ts);
            }
            Event::Settlement(instrument, price) => {
                self.engine.on_settlement_price(*instrument, *price);
                self.model.on_settlement(*instrument, *price);
            }
            Event::Clock(now) => {
                self.now = self.now.max(*now);
                self.engine.on_clock(*now);
                self.model.on_clock(*now);
            }
            Event::Monotonic(now) => {
                self.monotonic = self.monotonic.max(*now);
                self.engine.on_monotonic(*now);
                self.model.on_monotonic(*now);
            }
            Event::Session(state, day) => {
                self.day = self.day.max(*day);
                self.engine.on_session(*state, *day);
                self.model.on_session(*state, *day);
            }
            Event::Rearm => {
                let engine = self.engine.rearm().is_ok();
                self.seen
                    .event(if engine { "rearmed" } else { "not rearmed" });
                same("rearm", engine, self.model.rearm())?;
            }
            other => return self.tell(other),
        }
        Ok(())
    }

    /// What has no answer, or only whether the name is known.
    fn tell(&mut self, event: &Event) -> Result<(), String> {
        let (engine, model) = (&mut self.engine, &mut self.model);
        match event {
            Event::Venue(up) => {
                engine.on_venue(*up);
                model.on_venue(*up);
            }
            Event::Positions(held, whole) => {
                engine.begin_positions();
                model.begin_positions();
                for (id, quantity) in held {
                    engine.on_position(*id, *quantity);
                    model.on_position(*id, *quantity);
                }
                if *whole {
                    engine.positions_complete();
                    model.positions_complete();
                }
            }
            Event::Position(id, quantity) => {
                engine.on_position(*id, *quantity);
                model.on_position(*id, *quantity);
            }
            Event::Account(cash) => {
                engine.on_account(*cash);
                model.on_account(*cash);
            }
            Event::Flow(amount) => {
                engine.expect_flow(*amount);
                model.expect_flow(*amount);
            }
            Event::FirmRate(rate) => {
                engine.set_firm_rate(*rate);
                model.set_firm_rate(*rate);
            }
            Event::Halt(code, on) => {
                engine.set_halt(halt(*code), *on);
                model.set_halt(*code, *on);
            }
            Event::Hold(code, on) => {
                let hold = if *code == codes::LINK_LOST {
                    Hold::LinkLost
                } else {
                    Hold::Operator
                };
                engine.set_hold(hold, *on);
                model.set_hold(*code, *on);
            }
            Event::HaltInstrument(id, on) => {
                let known = engine.halt_instrument(*id, *on);
                return same("halted instrument", known, model.halt_instrument(*id, *on));
            }
            Event::HaltVenue(venue, on) => {
                let known = engine.halt_venue(venue, *on);
                return same("halted venue", known, model.halt_venue(venue, *on));
            }
            Event::HaltStrategies(mask) => {
                engine.halt_strategies(*mask);
                model.halted_strategies = *mask;
            }
            Event::Kill => {
                engine.kill(Reason::Operator);
                model.fire(Reason::Operator);
                model.settle();
            }
            other => return Err(format!("{other:?} is answered elsewhere")),
        }
        Ok(())
    }

    fn an_order(&mut self, order: &OrderRequest) -> Result<(), String> {
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
            self.inside_every_limit(order.instrument_id)?;
        }
        Ok(())
    }

    fn linked(&mut self, legs: &[OrderRequest]) -> Result<(), String> {
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
        Ok(())
    }

    fn a_replace(&mut self, wish: &ReplaceRequest) -> Result<(), String> {
        let old = self.model.order(wish.original_id).cloned();
        let verdict = self.model.decide_replace(wish, self.now);
        let decision = self.engine.decide_replace(wish, self.now);
        let kind = verdict.kind(wish.quantity);
        *self.seen.replaces.entry((kind, verdict.code)).or_insert(0) += 1;
        let instrument = old.map_or(0, |old| self.model.instruments[old.at].row.instrument_id);
        self.agree(&decision, &verdict, wish.quantity, instrument)
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

    fn reaches_venue(&mut self, order: &OrderRequest, quantity: i64) {
        if quantity == 0 {
            return;
        }
        self.venue.orders.push(Listed {
            id: order.order_id,
            instrument: order.instrument_id,
            side: if order.side == 1 {
                Side::Buy
            } else {
                Side::Sell
            },
            quantity,
            filled: 0,
            done: false,
        });
    }

    fn rename(&mut self, original: u64) {
        let now = self.model.called_now(original);
        let quantity = self.model.order(now).map(|order| order.quantity as i64);
        for listed in &mut self.venue.orders {
            if listed.id == original {
                listed.id = now;
                listed.quantity = quantity.unwrap_or(listed.quantity);
                listed.done |= listed.filled >= listed.quantity;
            }
        }
    }

    fn a_report(&mut self, report: &dnalyaw_engine::Execution) -> Result<(), String> {
        let reference = self.model.on_execution(report);
        let engine = self.engine.on_execution(report);
        match (engine, reference) {
            (Ok(engine), Ok(reference)) => {
                if reference.repeated {
                    self.seen.event("repeated report");
                }
                if report.kind == ExecKind::Corrected {
                    self.seen.event("correction");
                }
                same(
                    "report",
                    (
                        i128::from(engine.position_change),
                        engine.finished,
                        engine.repeated,
                        engine.ask_account,
                    ),
                    (
                        reference.position_change,
                        reference.finished,
                        reference.repeated,
                        reference.ask_account,
                    ),
                )
            }
            (Err(ExecError::UnknownOrder), Err(Refused::Unknown))
            | (Err(ExecError::BadReport), Err(Refused::Bad)) => Ok(()),
            (engine, reference) => Err(format!("report: {engine:?}, {reference:?}")),
        }
    }

    fn cancel(&mut self, id: u64) -> Result<(), String> {
        let engine = self.engine.request_cancel(id).is_ok();
        let reference = self.model.request_cancel(id);
        same("cancel", engine, reference)
    }

    /// What both want cancelled and closed; and the closing orders are sent.
    fn poll(&mut self, words: &mut Words) -> Result<(), String> {
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
