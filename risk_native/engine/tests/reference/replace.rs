//! A modification: the order it would become, in the place of the old one, which stays reserved until the venue answers.

use dnalyaw_engine::{OrderRequest, ReplaceRequest, Side};

use super::decide::{Verdict, reserve_price, worst_entry};
use super::gates::{outside, unless};
use super::limits::WIDE_COLLAR;
use super::size::{Cap, Wish, share};
use super::{Change, Model, OWN_IDS, Order, Seen, codes, stops};

impl Model {
    /// Decide a modification and, when it is accepted, reserve the larger of old and new.
    pub fn decide_replace(&mut self, wish: &ReplaceRequest, now: i64) -> Verdict {
        let verdict = self
            .judge_replace(wish, now)
            .unwrap_or_else(Verdict::reject);
        if verdict.approved > 0 {
            self.accept_replace(wish, &verdict, now);
        }
        self.settle();
        verdict
    }

    /// The order as it would be sent if it were new.
    fn as_new(&self, old: &Order, wish: &ReplaceRequest) -> OrderRequest {
        OrderRequest {
            order_id: wish.order_id,
            instrument_id: self.instruments[old.at].row.instrument_id,
            quantity: wish.quantity,
            limit_price: wish.limit_price,
            stop_distance: wish.stop_distance,
            side: old.side as u8,
            order_type: old.order_type,
            time_in_force: 0,
            flags: old.flags,
            strategies: old.strategies,
        }
    }

    fn judge_replace(&mut self, wish: &ReplaceRequest, now: i64) -> Result<Verdict, u16> {
        self.check_id(wish.order_id)?;
        let place = self.working_under(wish.original_id);
        let found = place.map(|place| self.orders[place].clone());
        // The type is the old order's; of an order that is not there only the numbers can be checked.
        let order_type = found.as_ref().map_or(0, |old| old.order_type);
        self.check_fields(&OrderRequest {
            order_type: match order_type {
                0 if wish.limit_price == 0 => 1,
                0 => 2,
                known => known,
            },
            order_id: wish.order_id,
            instrument_id: 0,
            quantity: wish.quantity,
            limit_price: wish.limit_price,
            stop_distance: wish.stop_distance,
            side: 1,
            time_in_force: 0,
            flags: 0,
            strategies: 0,
        })?;
        let old = found.filter(|old| {
            old.id == wish.original_id
                && old.id < OWN_IDS
                && !old.cancel_requested
                && old.change.is_none()
        });
        let old = old.ok_or(codes::UNKNOWN_ORDER)?;
        let total = i128::from(wish.quantity);
        unless(total <= old.filled, codes::BAD_QUANTITY)?;
        // The old order lies aside while the new one is judged.
        let place = self.orders.iter().position(|one| one.id == old.id);
        let place = place.expect("found above");
        self.orders.remove(place);
        let verdict = self.in_its_place(&old, wish, now);
        self.orders.insert(place, old);
        verdict
    }

    fn in_its_place(
        &mut self,
        old: &Order,
        wish: &ReplaceRequest,
        now: i64,
    ) -> Result<Verdict, u16> {
        let (at, side) = (old.at, old.side);
        let total = i128::from(wish.quantity);
        let closable = self.reducible(at, side);
        let steps = if total - old.filled == closable {
            i128::from(wish.quantity)
        } else {
            0
        };
        self.check_steps(at, wish.limit_price, wish.quantity, steps)?;
        self.check_reach()?;
        let prices = &self.instruments[at].prices;
        let (limit, mark) = (i128::from(wish.limit_price), prices.mark());
        let wide = limit > 0 && mark > 0 && outside(limit, mark, WIDE_COLLAR);
        let closing = self.is_closing(at, side);
        let lower_price = limit <= old.limit || reserve_price(limit, mark) <= old.reserve;
        let keener = match side {
            Side::Buy => limit > old.limit,
            Side::Sell => limit < old.limit,
        };
        if total <= old.quantity && lower_price && (closing || !keener) {
            unless(wide, codes::COLLAR)?;
            if !closing {
                self.check_self_match(at, side, limit)?;
                if total == old.quantity {
                    self.check_rate()?;
                }
            }
            return Ok(Verdict {
                approved: total,
                ..Verdict::reject(codes::NONE)
            });
        }
        if closing {
            unless(old.flags & 2 != 0, codes::SHORT_MARKING)?;
            unless(wide, codes::COLLAR)?;
            return self.raise_closing(old, total, closable);
        }
        unless(old.flags & 1 != 0, codes::REDUCE_ONLY)?;
        unless(side == Side::Sell && old.flags & 2 == 0, codes::SHORT_SALE)?;
        self.check_states(at, old.strategies)?;
        self.check_throttles(at, &self.as_new(old, wish), now)?;
        self.check_price(at, side, limit, now)?;
        let equity = self.check_account(now)?;
        self.check_self_match(at, side, limit)?;
        self.check_stop(at, side)?;
        self.orders.push(old.clone());
        let past = self.check_past(at, side, equity);
        self.orders.pop();
        if let Err((code, value)) = past {
            return Ok(Verdict {
                binding: Some((Cap::Instrument, value)),
                opening: true,
                ..Verdict::reject(code)
            });
        }
        Ok(self.size_replaced(old, wish, equity))
    }

    /// A closing order grows to what can be closed, and never below what is open.
    fn raise_closing(&self, old: &Order, total: i128, closable: i128) -> Result<Verdict, u16> {
        if total - old.filled <= closable {
            return Ok(Verdict {
                approved: total,
                ..Verdict::reject(codes::NONE)
            });
        }
        let code = if old.flags & 1 != 0 {
            codes::REDUCE_ONLY
        } else {
            codes::SHORT_SALE
        };
        let lot = i128::from(self.instruments[old.at].row.lot);
        let whole = closable - closable % lot;
        let open = if whole > 0 { whole } else { closable };
        let open = open.max(old.open());
        Ok(Verdict {
            approved: if open > closable {
                0
            } else {
                old.filled + open
            },
            sized: true,
            ..Verdict::reject(code)
        })
    }

    /// The largest new total, one lot more at a time, not below what is open now.
    fn size_replaced(&mut self, old: &Order, wish: &ReplaceRequest, equity: i128) -> Verdict {
        let (at, side) = (old.at, old.side);
        let mark = self.instruments[at].prices.mark();
        let limit = i128::from(wish.limit_price);
        let reserve = reserve_price(limit, mark).max(old.reserve);
        let entry = worst_entry(side, limit, reserve, mark);
        let offer = stops::offered(mark, i128::from(wish.stop_distance), side);
        let level = self.stop(at, side).tightened(offer, side);
        let measured = Wish {
            at,
            side,
            reserve,
            risk_per_share: self.risk_per_share(at, reserve, entry, level),
            equity,
            power: self.power(self.cash.expect("known with the equity")),
        };
        let lot = i128::from(self.instruments[at].row.lot);
        let asked = i128::from(wish.quantity) - old.filled;
        // The larger of old and new is reserved: from nothing, lot by lot, up to that.
        let larger = asked.max(old.open());
        let mut worst = self.worst_of_all();
        let (mut fits, mut bound) = (0, None);
        while fits < larger && bound.is_none() {
            // The new total is in whole lots, whatever has filled.
            let more = if fits == 0 && larger % lot != 0 {
                larger % lot
            } else {
                fits + lot
            };
            bound = self.broken(&mut worst, &measured, more);
            if bound.is_none() {
                fits = more;
            }
        }
        let approved = if fits < old.open() {
            0
        } else {
            fits.min(asked) + old.filled
        };
        let value = bound.map_or(share(equity, self.limits.instrument.value), |cap| {
            self.value_of(cap, &measured)
        });
        Verdict {
            code: bound.map_or(codes::NONE, |cap| self.code_of(cap)),
            approved,
            binding: Some((bound.unwrap_or(Cap::Instrument), value)),
            opening: true,
            sized: bound.is_some(),
        }
    }

    fn accept_replace(&mut self, wish: &ReplaceRequest, verdict: &Verdict, now: i64) {
        let old = self.order(wish.original_id).expect("judged").clone();
        let mark = self.instruments[old.at].prices.mark();
        let limit = i128::from(wish.limit_price);
        // Where only the mark has risen the order is not dearer than it was.
        let mut reserve = reserve_price(limit, mark);
        if limit <= old.limit {
            reserve = reserve.min(old.reserve);
        }
        let order = self.orders.iter_mut().find(|one| one.id == old.id);
        order.expect("judged").change = Some(Change {
            id: wish.order_id,
            quantity: verdict.approved,
            limit,
            reserve,
        });
        self.span_mut(old.at, old.side).include(reserve);
        self.count_accepted();
        if verdict.opening {
            self.instruments[old.at].seen.push(Seen {
                ts: now,
                side: old.side as u8,
                order_type: old.order_type,
                quantity: wish.quantity,
                limit: wish.limit_price,
            });
        }
        let reference = self.instruments[old.at].prices.reference();
        if reference > 0 && !self.is_closing(old.at, old.side) {
            let offer = stops::offered(reference, i128::from(wish.stop_distance), old.side);
            let stop = self.stop_mut(old.at, old.side);
            stop.level = stop.tightened(offer, old.side);
        }
    }

    /// The venue agreed: the order goes on under its new id. False when there was nothing to agree to.
    pub fn on_replaced(&mut self, original: u64) -> bool {
        let found = self.orders.iter().position(|one| one.id == original);
        let Some(place) = found else { return false };
        let Some(change) = self.orders[place].change.take() else {
            return false;
        };
        self.renamed.insert(original, change.id);
        let order = &mut self.orders[place];
        order.id = change.id;
        order.quantity = change.quantity;
        order.limit = change.limit;
        order.reserve = change.reserve;
        order.unknown = false;
        self.end_if_done(place);
        self.settle();
        true
    }

    /// The venue refused: the order stays as it was.
    pub fn on_replace_refused(&mut self, original: u64) -> bool {
        let found = self.orders.iter().position(|one| one.id == original);
        let Some(place) = found else { return false };
        if self.orders[place].change.take().is_none() {
            return false;
        }
        self.end_if_done(place);
        self.settle();
        true
    }

    fn end_if_done(&mut self, place: usize) {
        if self.orders[place].open() == 0 {
            let order = self.orders.remove(place);
            self.end(&order);
        }
    }
}
