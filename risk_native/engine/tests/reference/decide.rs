//! A new order, through all checks in their order.

use dnalyaw_engine::{OrderRequest, Side};

use super::gates::{outside, unless};
use super::limits::{BP, COLLAR, WIDE_COLLAR};
use super::size::{Cap, Wish, share};
use super::{Model, Order, Seen, codes, side_of, stops};

/// What comes out, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub code: u16,
    pub approved: i128,
    /// What bound the size, or what the order was measured by when nothing did.
    pub binding: Option<(Cap, i128)>,
    /// It would open or add.
    pub opening: bool,
    /// Less of it, or of the legs before it, would pass.
    pub sized: bool,
}

impl Verdict {
    pub const fn reject(code: u16) -> Self {
        Self {
            code,
            approved: 0,
            binding: None,
            opening: false,
            sized: false,
        }
    }

    /// 1 approve, 2 reduce, 3 reject.
    pub fn kind(&self, requested: i64) -> u8 {
        match self.approved {
            0 => 3,
            all if all == i128::from(requested) => 1,
            _ => 2,
        }
    }
}

/// The highest price inside the collar.
pub fn collar_high(mark: i128) -> i128 {
    mark * (BP + COLLAR) / BP
}

/// The lowest price inside the collar.
pub fn collar_low(mark: i128) -> i128 {
    super::ceil_div(mark * (BP - COLLAR), BP)
}

/// The price furthest from its stop at which an opening order may fill.
pub fn worst_entry(side: Side, limit: i128, reserve: i128, mark: i128) -> i128 {
    match (side, limit) {
        (Side::Buy, _) => reserve,
        (Side::Sell, 0) => collar_low(mark),
        (Side::Sell, limit) => limit.min(mark),
    }
}

/// At which an order is reserved.
pub fn reserve_price(limit: i128, mark: i128) -> i128 {
    if limit == 0 {
        collar_high(mark)
    } else {
        limit.max(mark)
    }
}

impl Model {
    /// Decide and, when something of it is accepted, reserve it.
    pub fn decide(&mut self, order: &OrderRequest, now: i64) -> Verdict {
        let verdict = self
            .judge(order, now, i128::MAX)
            .unwrap_or_else(Verdict::reject);
        if verdict.approved > 0 {
            self.accept(order, &verdict, now);
        }
        self.settle();
        verdict
    }

    /// Everything but the reserve. No more than `at_most` is measured: what a linked leg is cut to.
    pub fn judge(&mut self, order: &OrderRequest, now: i64, at_most: i128) -> Result<Verdict, u16> {
        self.check_id(order.order_id)?;
        self.check_fields(order)?;
        let side = side_of(order).expect("checked");
        let at = self
            .find(order.instrument_id)
            .ok_or(codes::UNKNOWN_INSTRUMENT)?;
        let reducible = self.reducible(at, side);
        self.check_steps(at, order.limit_price, order.quantity, reducible)?;
        self.check_reach()?;
        unless(self.orders.len() >= self.room, codes::TOO_MANY_ORDERS)?;
        if self.is_closing(at, side) {
            return self.judge_closing(at, order, reducible, at_most);
        }
        unless(order.flags & 1 != 0, codes::REDUCE_ONLY)?;
        let unmarked = side == Side::Sell && order.flags & 2 == 0;
        unless(unmarked, codes::SHORT_SALE)?;
        self.check_states(at, order.strategies)?;
        self.check_throttles(at, order, now)?;
        let limit = i128::from(order.limit_price);
        self.check_price(at, side, limit, now)?;
        let equity = self.check_account(now)?;
        self.check_self_match(at, side, limit)?;
        self.check_stop(at, side)?;
        if let Err((code, value)) = self.check_past(at, side, equity) {
            return Ok(Verdict {
                binding: Some((Cap::Instrument, value)),
                opening: true,
                sized: true,
                ..Verdict::reject(code)
            });
        }
        let asked = i128::from(order.quantity).min(at_most);
        Ok(self.size(at, side, order, asked, equity))
    }

    fn judge_closing(
        &self,
        at: usize,
        order: &OrderRequest,
        reducible: i128,
        at_most: i128,
    ) -> Result<Verdict, u16> {
        unless(order.flags & 2 != 0, codes::SHORT_MARKING)?;
        let prices = &self.instruments[at].prices;
        let (limit, from) = (i128::from(order.limit_price), prices.mark());
        unless(
            limit > 0 && from > 0 && outside(limit, from, WIDE_COLLAR),
            codes::COLLAR,
        )?;
        let asked = i128::from(order.quantity).min(at_most);
        if asked <= reducible {
            return Ok(Verdict {
                approved: asked,
                ..Verdict::reject(codes::NONE)
            });
        }
        let lot = i128::from(self.instruments[at].row.lot);
        let whole = reducible - reducible % lot;
        let code = if order.flags & 1 != 0 {
            codes::REDUCE_ONLY
        } else {
            codes::SHORT_SALE
        };
        Ok(Verdict {
            approved: if whole > 0 { whole } else { reducible },
            sized: true,
            ..Verdict::reject(code)
        })
    }

    /// 21: the size.
    fn size(
        &mut self,
        at: usize,
        side: Side,
        order: &OrderRequest,
        asked: i128,
        equity: i128,
    ) -> Verdict {
        let mark = self.instruments[at].prices.mark();
        let limit = i128::from(order.limit_price);
        let reserve = reserve_price(limit, mark);
        let entry = worst_entry(side, limit, reserve, mark);
        let offer = stops::offered(mark, i128::from(order.stop_distance), side);
        let level = self.stop(at, side).tightened(offer, side);
        let wish = Wish {
            at,
            side,
            reserve,
            risk_per_share: self.risk_per_share(at, reserve, entry, level),
            equity,
            power: self.power(self.cash.expect("known with the equity")),
        };
        let lot = i128::from(self.instruments[at].row.lot);
        let (approved, cap) = self.largest(&wish, asked, lot);
        let value = cap.map_or(share(equity, self.limits.instrument.value), |cap| {
            self.value_of(cap, &wish)
        });
        Verdict {
            code: cap.map_or(codes::NONE, |cap| self.code_of(cap)),
            approved,
            binding: Some((cap.unwrap_or(Cap::Instrument), value)),
            opening: true,
            sized: cap.is_some(),
        }
    }

    /// Reserve what was approved, remember it for the throttles, and take its stop.
    pub fn accept(&mut self, order: &OrderRequest, verdict: &Verdict, now: i64) {
        let at = self.find(order.instrument_id).expect("judged");
        let side = side_of(order).expect("judged");
        let mark = self.instruments[at].prices.mark();
        let limit = i128::from(order.limit_price);
        let reserve = reserve_price(limit, mark);
        self.span_mut(at, side).include(reserve);
        self.orders.push(Order {
            id: order.order_id,
            at,
            side,
            order_type: order.order_type,
            flags: order.flags,
            strategies: order.strategies,
            quantity: verdict.approved,
            filled: 0,
            limit,
            reserve,
            cancel_requested: false,
            unknown: false,
            change: None,
        });
        self.count_accepted();
        if !verdict.opening {
            return;
        }
        self.instruments[at].seen.push(Seen {
            ts: now,
            side: order.side,
            order_type: order.order_type,
            quantity: order.quantity,
            limit: order.limit_price,
        });
        let offer = stops::offered(mark, i128::from(order.stop_distance), side);
        let stop = self.stop_mut(at, side);
        stop.level = stop.tightened(offer, side);
    }
}
