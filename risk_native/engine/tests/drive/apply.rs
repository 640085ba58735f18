//! Each event told to both, and their answers compared.

use dnalyaw_engine::{ExecError, ExecKind, Halt, Hold, OrderRequest, Reason, Side};

use super::event::Event;
use super::step::Words;
use super::venue::Listed;
use super::{Pair, same};
use crate::reference::codes;
use crate::reference::limits::MAX_AHEAD;
use crate::reference::market::counts;
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
                let (quoted, ahead) = (*bid > 0 && ask >= bid, ts.saturating_sub(self.now));
                if quoted && !counts(i128::from(*bid), i128::from(*ask)) {
                    self.seen.event("too wide a quote");
                }
                if i128::from(ahead) > MAX_AHEAD {
                    self.seen.event("too far ahead");
                }
                self.engine.on_price(*instrument, *bid, *ask, *last, *ts);
                self.model.on_price(*instrument, *bid, *ask, *last, *ts);
                let prices = &self.model.instruments[self.place(*instrument)].prices;
                if prices.held.is_none() && prices.waiting.is_some() {
                    self.seen.event("first price waits");
                }
            }
            Event::Settlement(instrument, price) => {
                let prices = &self.model.instruments[self.place(*instrument)].prices;
                let told = prices.settled.map(|(told, _)| told);
                if prices.held.is_none() && told == Some(i128::from(*price)) {
                    self.seen.event("settled again");
                }
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

    pub(super) fn reaches_venue(&mut self, order: &OrderRequest, quantity: i64) {
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
}
