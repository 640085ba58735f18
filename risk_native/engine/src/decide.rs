//! One order in, one decision out, its worst case reserved when it is accepted. Nothing here allocates.

use crate::engine::Engine;
use crate::limits::{COLLAR_BP, MAX_PRICE_AGE_NS};
use crate::order_table::Working;
use crate::reason::Reason;
use crate::sizing::{
    Sized, SizingInputs, buying_power, collar_high, collar_low, largest_quantity, share_of,
};
use crate::types::*;
use crate::units::{Money, Price, Quantity};

const _: () = assert!(
    COLLAR_BP < crate::limits::BP,
    "the collar's lower side must stay positive"
);

/// What the checks came to.
struct Verdict {
    quantity: i64,
    reason: Reason,
    limit: i128,
}

impl Verdict {
    const fn reject(reason: Reason) -> Self {
        Self {
            quantity: 0,
            reason,
            limit: 0,
        }
    }
}

/// A request whose fields make sense.
#[derive(Clone, Copy)]
struct Checked {
    side: Side,
    quantity: i64,
    /// `None` = market.
    limit_price: Option<Price>,
    stop_distance: i64,
    reduce_only: bool,
}

fn check_fields(order: &OrderRequest) -> Result<Checked, Reason> {
    let limit_price = match (order.order_type, order.limit_price) {
        (TYPE_MARKET, 0) => None,
        (TYPE_LIMIT, price) => Some(Price::new(price).ok_or(Reason::Malformed)?),
        _ => return Err(Reason::Malformed),
    };
    let known_tif = matches!(order.time_in_force, TIF_DAY | TIF_IOC);
    if !known_tif || order.flags & !FLAG_REDUCE_ONLY != 0 || order.stop_distance < 0 {
        return Err(Reason::Malformed);
    }
    let side = Side::from_u8(order.side).ok_or(Reason::BadSide)?;
    let quantity = Quantity::new(order.quantity)
        .ok_or(Reason::BadQuantity)?
        .shares();
    let reduce_only = order.flags & FLAG_REDUCE_ONLY != 0;
    Ok(Checked {
        side,
        quantity,
        limit_price,
        stop_distance: order.stop_distance,
        reduce_only,
    })
}

impl Engine {
    /// Decide one order and, when it is accepted, reserve its worst case. `now_ns` is the venue's clock.
    ///
    /// The id counts as taken whatever the decision is, except when it is no valid id or a repeat.
    pub fn decide(&mut self, order: &OrderRequest, now_ns: i64) -> Decision {
        self.on_clock(now_ns);
        if order.order_id == 0 || order.order_id >= OWN_ORDER_ID_BASE {
            return self.conclude(order, None, &Verdict::reject(Reason::Malformed));
        }
        if order.order_id <= self.last_id {
            return self.conclude(
                order,
                self.book.find(order.instrument_id),
                &Verdict::reject(Reason::DuplicateId),
            );
        }
        self.last_id = order.order_id;
        self.judge(order)
    }

    /// Decide a closing order of a flatten; the engine gives it an id of its own (above [`OWN_ORDER_ID_BASE`]). The request
    /// is what to send when the decision is [`DecisionKind::Flatten`].
    pub fn decide_close(&mut self, close: &CloseOrder, now_ns: i64) -> (OrderRequest, Decision) {
        self.on_clock(now_ns);
        self.last_own = self.last_own.max(OWN_ORDER_ID_BASE) + 1;
        let order = OrderRequest {
            order_id: self.last_own,
            instrument_id: close.instrument_id,
            quantity: close.quantity,
            limit_price: 0,
            stop_distance: 0,
            side: close.side as u8,
            order_type: TYPE_MARKET,
            time_in_force: TIF_DAY,
            flags: FLAG_REDUCE_ONLY,
        };
        let mut decision = self.judge(&order);
        if decision.accepted() {
            decision.kind = DecisionKind::Flatten;
            decision.reason = self.kill.map_or(Reason::Operator, |kill| kill.reason);
        } else if let Some(index) = self.book.find(close.instrument_id) {
            self.back_off(index);
        }
        (
            OrderRequest {
                quantity: decision.approved_quantity.max(0),
                ..order
            },
            decision,
        )
    }

    fn judge(&mut self, order: &OrderRequest) -> Decision {
        let checked = match check_fields(order) {
            Ok(checked) => checked,
            Err(reason) => {
                return self.conclude(
                    order,
                    self.book.find(order.instrument_id),
                    &Verdict::reject(reason),
                );
            }
        };
        let Some(index) = self.book.find(order.instrument_id) else {
            return self.conclude(order, None, &Verdict::reject(Reason::UnknownInstrument));
        };
        let verdict = self.check(index, &checked);
        if verdict.quantity > 0 {
            let working = Working {
                order_id: order.order_id,
                instrument: index as u32,
                side: checked.side,
                quantity: verdict.quantity,
                cumulative: 0,
                reserve_price: self.reserve_price(index, checked.limit_price),
                limit_price: order.limit_price,
                cancel_requested: false,
                fate_unknown: false,
            };
            self.orders.insert(working);
            self.book.reserve(&working);
            #[cfg(debug_assertions)]
            debug_assert!(
                self.book.resting_agrees(index, &self.orders),
                "running sums equal the orders themselves"
            );
        }
        self.conclude(order, Some(index), &verdict)
    }

    /// Where an order is reserved: a limit order at its limit or today's price, whichever is more, a market order at the
    /// collar. Without any price 0: only reducing orders get there, and those add no exposure.
    pub(crate) fn reserve_price(&self, index: usize, limit_price: Option<Price>) -> i64 {
        let mark = self.book.instruments[index].mark;
        match limit_price {
            Some(limit) => limit.micro().max(mark),
            None => collar_high(mark),
        }
    }

    fn check(&self, index: usize, order: &Checked) -> Verdict {
        let instrument = &self.book.instruments[index];
        if order
            .limit_price
            .is_some_and(|price| instrument.tick > 0 && price.micro() % instrument.tick != 0)
        {
            return Verdict::reject(Reason::BadTick);
        }
        let reducible = if self.positions_known {
            instrument.reducible(order.side)
        } else {
            0
        };
        // An odd lot left by a corporate action must be able to leave.
        if order.quantity % instrument.lot != 0 && order.quantity != reducible {
            return Verdict::reject(Reason::BadLot);
        }
        if !self.venue_up {
            return Verdict::reject(Reason::VenueDown);
        }
        if !matches!(self.session_state, SessionState::Open | SessionState::Break) {
            return Verdict::reject(Reason::SessionClosed);
        }
        if self.trading_state() == TradingState::Halted {
            return Verdict::reject(Reason::Halted);
        }
        if !self.positions_known {
            return Verdict::reject(Reason::NoAccount);
        }
        if order.side == Side::Sell || instrument.position < 0 {
            return Self::check_reducing(order, reducible, instrument.lot);
        }
        match self.check_opening(index, order) {
            Ok(sized) => Verdict {
                quantity: sized.quantity,
                reason: sized.reason,
                limit: sized.limit,
            },
            Err((reason, limit)) => Verdict {
                quantity: 0,
                reason,
                limit,
            },
        }
    }

    /// What closes is taken up to what there is to close: it cannot raise any worst case.
    fn check_reducing(order: &Checked, reducible: i64, lot: i64) -> Verdict {
        let short = if order.reduce_only {
            Reason::ReduceOnly
        } else {
            Reason::ShortSale
        };
        if order.quantity <= reducible {
            return Verdict {
                quantity: order.quantity,
                reason: Reason::None,
                limit: 0,
            };
        }
        let whole = reducible / lot * lot;
        // Less than a lot is left: all of it may go.
        Verdict {
            quantity: if whole > 0 { whole } else { reducible },
            reason: short,
            limit: 0,
        }
    }

    fn check_opening(&self, index: usize, order: &Checked) -> Result<Sized, (Reason, i128)> {
        let instrument = &self.book.instruments[index];
        let bare = |reason: Reason| (reason, 0);
        if order.reduce_only {
            return Err(bare(Reason::ReduceOnly));
        }
        if self.kill.is_some() {
            return Err(bare(Reason::Killed));
        }
        if self.reduce_only {
            return Err(bare(Reason::ReduceOnly));
        }
        if self.session_state == SessionState::Break {
            return Err(bare(Reason::Halted));
        }
        if !instrument.tradable {
            return Err(bare(Reason::NotTradable));
        }
        if !self.unreferenced.is_empty() {
            return Err(bare(Reason::ReferenceMissing));
        }
        let reference = instrument.reference;
        if reference == 0 {
            return Err(bare(Reason::NoPrice));
        }
        // A price from the future is as wrong as an old one.
        if self.now_ns.abs_diff(instrument.price_ts) > MAX_PRICE_AGE_NS as u64 {
            return Err(bare(Reason::StalePrice));
        }
        let beyond = match order.limit_price {
            Some(limit) => {
                limit.micro() > collar_high(reference) || limit.micro() < collar_low(reference)
            }
            // A market order would trade at the offer, and its reserve ends at the collar.
            None => instrument.ask > collar_high(reference),
        };
        if beyond {
            return Err(bare(Reason::Collar));
        }
        let (Some(equity), Some(cash), Some(_)) = (self.equity_exact(), self.cash, self.baseline)
        else {
            return Err(bare(Reason::NoAccount));
        };
        if let Some(outside) = self.outside_around(index, equity) {
            return Err(outside);
        }
        let working = instrument.exposure().long - instrument.value();
        let inputs = SizingInputs {
            equity,
            reference_price: reference,
            reserve_price: self.reserve_price(index, order.limit_price),
            stop_distance: order.stop_distance,
            volatility_bp: instrument.volatility_bp,
            lot: instrument.lot,
            held_quantity: i128::from(instrument.position),
            working_quantity: instrument.buys.quantity,
            working_notional: instrument.buys.notional,
            issuer_exposure: self.book.issuer_exposure(index) - working,
            sector_exposure: self.book.sector_exposure(index) - working,
            buying_power: buying_power(cash, self.book.reserved_buys()),
        };
        let sized = largest_quantity(&inputs, &self.limits, order.quantity);
        if sized.quantity == 0 {
            Err((sized.reason, sized.limit))
        } else {
            Ok(sized)
        }
    }

    fn conclude(&self, order: &OrderRequest, index: Option<usize>, verdict: &Verdict) -> Decision {
        let kind = if verdict.quantity == 0 {
            DecisionKind::Reject
        } else if verdict.quantity < order.quantity {
            DecisionKind::Reduce
        } else {
            DecisionKind::Approve
        };
        let equity = self.equity_exact();
        let limit = if verdict.limit > 0 {
            verdict.limit
        } else {
            equity.map_or(0, |equity| share_of(equity, self.limits.instrument_bp()))
        };
        let (reference_price, worst_case) = index.map_or((0, 0), |index| {
            let instrument = &self.book.instruments[index];
            let exposure = instrument.exposure();
            (instrument.reference, exposure.long.max(exposure.short))
        });
        Decision {
            order_id: order.order_id,
            instrument_id: order.instrument_id,
            kind,
            reason: verdict.reason,
            requested_quantity: order.quantity,
            approved_quantity: verdict.quantity,
            reference_price,
            equity: equity.map_or(0, |equity| Money::saturating(equity).micro()),
            instrument_worst_case: Money::saturating(worst_case).micro(),
            binding_limit: Money::saturating(limit).micro(),
            limits_hash: self.hash_prefix,
        }
    }
}
