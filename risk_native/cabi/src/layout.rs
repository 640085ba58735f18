//! The structs that cross the boundary. Plain numbers, no padding, the same layout as in the header and in Go. Prices and money
//! are millionths of the currency unit, quantities whole shares, times nanoseconds since the Unix epoch.

/// A struct's layout as the compiler made it, for the test that holds the header against it.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// The C type.
    pub name: &'static str,
    /// Bytes.
    pub size: usize,
    /// Its alignment.
    pub align: usize,
    /// Name, offset and bytes of each field.
    pub fields: &'static [(&'static str, usize, usize)],
}

macro_rules! plain {
    ($(#[$doc:meta])* $c:literal $name:ident { $($(#[$of:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name { $($(#[$of])* pub $field: $type,)* }

        impl $name {
            /// As the compiler made it.
            pub const LAYOUT: Layout = Layout {
                name: $c,
                size: size_of::<Self>(),
                align: align_of::<Self>(),
                fields: &[$((stringify!($field), core::mem::offset_of!(Self, $field), size_of::<$type>()),)*],
            };
        }

        const _: () = assert!(
            0 $(+ size_of::<$type>())* == size_of::<$name>(),
            "what lies between fields would cross the boundary unwritten"
        );
    };
}

plain! {
    /// An order as it arrives. Nothing in it is believed.
    "dnalyaw_order" Order {
        /// Strictly increasing, below 2^62.
        order_id: u64,
        /// Permanent instrument id.
        instrument_id: u64,
        /// Whole shares.
        quantity: i64,
        /// 0 for a market order.
        limit_price: i64,
        /// Distance from entry to stop; 0 = none.
        stop_distance: i64,
        /// Bit i = the reference's `strategies[i]` has a part in it.
        strategies: u64,
        /// 1 buy, 2 sell.
        side: u8,
        /// 1 market, 2 limit.
        order_type: u8,
        /// 0 day, 3 immediate or cancel.
        time_in_force: u8,
        /// Bit 0 reduce only, bit 1 sell short.
        flags: u8,
        /// Not read.
        reserved: [u8; 4],
    }
}

plain! {
    /// A modification of an order.
    "dnalyaw_replace" Replace {
        /// Its own id, from the orders' run.
        order_id: u64,
        /// The first id of the order that changes.
        original_id: u64,
        /// New total, what has filled included.
        quantity: i64,
        /// New limit; 0 for a market order.
        limit_price: i64,
        /// Distance to the stop; 0 = none offered.
        stop_distance: i64,
    }
}

plain! {
    /// Everything now known of one instrument's market; 0 = absent, as a side without shares is.
    "dnalyaw_quote" Quote {
        /// Permanent instrument id.
        instrument_id: u64,
        /// Best bid.
        bid: i64,
        /// Best offer.
        ask: i64,
        /// Last trade or auction print.
        last: i64,
        /// The venue's clock at the update.
        ts_ns: i64,
    }
}

plain! {
    /// A position as the venue reports it.
    "dnalyaw_holding" Holding {
        /// Permanent instrument id.
        instrument_id: u64,
        /// Signed shares.
        quantity: i64,
        /// Last price on the session's share basis; 0 = the venue tells none.
        settlement_price: i64,
    }
}

plain! {
    /// What the venue says of an order.
    "dnalyaw_report" Report {
        /// The order's first id, or its modification's.
        order_id: u64,
        /// The order's instrument.
        instrument_id: u64,
        /// Shares of this fill.
        last_quantity: i64,
        /// Price of this fill.
        last_price: i64,
        /// Shares filled so far.
        cumulative_quantity: i64,
        /// Shares that still work.
        leaves_quantity: i64,
        /// Fees of this fill.
        fee: i64,
        /// Codes of EXEC frames; 64 cancel refused, 65 modification refused.
        kind: u8,
        /// Not read.
        reserved: [u8; 7],
    }
}

plain! {
    /// What a report did.
    "dnalyaw_outcome" Outcome {
        /// Signed change of the position.
        position_change: i64,
        /// 1: the order is done.
        finished: u8,
        /// 1: it changed nothing.
        repeated: u8,
        /// 0.
        reserved: [u8; 6],
    }
}

plain! {
    /// What was decided, and everything that it was made on. 0 where a value is not known.
    "dnalyaw_decision" Decision {
        /// The order's id.
        order_id: u64,
        /// The order's instrument; 0 when a modification names no working order.
        instrument_id: u64,
        /// As asked, unchecked.
        requested_quantity: i64,
        /// What may be sent (of a modification the new total).
        approved_quantity: i64,
        /// Reference price used.
        reference_price: i64,
        /// Equity used.
        equity: i64,
        /// Worst-case exposure of the instrument after the decision.
        instrument_worst_case: i64,
        /// The value of the limit that bound, or of the instrument limit.
        binding_limit: i64,
        /// First eight bytes of the hash of the limits in force.
        limits_hash: u64,
        /// Signed shares held.
        position: i64,
        /// Shares of the instrument's working buys.
        working_buys: i64,
        /// Shares of the instrument's working sells.
        working_sells: i64,
        /// Shares of the instrument traded today, both sides.
        traded: i64,
        /// Best bid.
        bid: i64,
        /// Best offer.
        ask: i64,
        /// Last print.
        last: i64,
        /// The venue's clock at the price.
        price_ts_ns: i64,
        /// The held stop level of the order's direction.
        stop_level: i64,
        /// Money at risk in one share.
        risk_per_share: i64,
        /// Cash.
        cash: i64,
        /// Equity at the second marks.
        second_equity: i64,
        /// Baseline of the session, in the firm's currency.
        baseline: i64,
        /// External flows of the session.
        flows: i64,
        /// Worst case of the issuer.
        issuer_exposure: i64,
        /// Worst case of the sector.
        sector_exposure: i64,
        /// Worst-case gross exposure of the book.
        gross_exposure: i64,
        /// Worst-case net exposure if every working buy fills.
        net_long: i64,
        /// The other way, if every working sell fills.
        net_short: i64,
        /// What cash still pays for.
        buying_power: i64,
        /// Drawdown by the first equity, basis points.
        drawdown_bp: i32,
        /// Orders working.
        working_orders: u32,
        /// Reason code.
        reason: u16,
        /// 1 approve, 2 reduce, 3 reject, 4 flatten.
        kind: u8,
        /// What was taken then: 1 active, 2 reduce only, 3 halted, 4 killed.
        trading_state: u8,
        /// 0 unknown, 1 pre-open, 2 open, 3 break, 4 closed.
        session_state: u8,
        /// 1: there was a venue session.
        venue_up: u8,
        /// 0.
        reserved: [u8; 2],
    }
}

plain! {
    /// What is to be done at the venue.
    "dnalyaw_action" Action {
        /// Of a cancel: the order's first id. Of a close: the closing order's.
        order_id: u64,
        /// What the venue knows the order by.
        wire_id: u64,
        /// Of a close: what to send where it was accepted.
        order: Order,
        /// Of a close: how it was decided.
        decision: Decision,
        /// 1 cancel, 2 close.
        kind: u8,
        /// 0.
        reserved: [u8; 7],
    }
}

plain! {
    /// What came of settling.
    "dnalyaw_settled" Settled {
        /// Actions written.
        count: u64,
        /// Settle again at this moment if nothing happens before; INT64_MAX = when something happens.
        wake_ns: i64,
        /// 0 armed, 1 cancelling, 2 reconciling, 3 closing, 4 verifying, 5 flat.
        phase: u8,
        /// 0.
        reserved: [u8; 7],
    }
}

plain! {
    /// The account and what may be traded now.
    "dnalyaw_state" State {
        /// Equity at the liquidation marks; 0 when not known.
        equity: i64,
        /// Baseline of the session, in the firm's currency; 0 when not set.
        baseline: i64,
        /// Cash; 0 when not known.
        cash: i64,
        /// Flows that count in this session.
        flows: i64,
        /// The venue's clock.
        now_ns: i64,
        /// First eight bytes of the hash of the limits in force.
        limits_hash: u64,
        /// First eight bytes of the hash of the reference file.
        reference_hash: u64,
        /// Last order id taken.
        last_order_id: u64,
        /// Last id of a closing order of the engine's own; 0 = none.
        last_own_order_id: u64,
        /// Orders open.
        open_orders: u64,
        /// Instruments of which a stop has fired.
        fired_stops: u64,
        /// Positions in instruments that the reference does not have.
        unreferenced: u64,
        /// YYYYMMDD; 0 before the session's state was told.
        session: u32,
        /// Basis points below the baseline; negative above it.
        drawdown_bp: i32,
        /// YYYYMMDD of the session in which the kill switch fired; 0 = it has not.
        kill_session: u32,
        /// Why it fired.
        kill_reason: u16,
        /// Why not everything is taken; when active, the limit that prices broke.
        reason: u16,
        /// 1 active, 2 reduce only, 3 halted, 4 killed.
        trading_state: u8,
        /// 0 unknown, 1 pre-open, 2 open, 3 break, 4 closed.
        session_state: u8,
        /// 1: there is a venue session.
        venue_up: u8,
        /// Where the kill switch stands, as in `Settled`.
        phase: u8,
        /// 1: the kill switch has fired.
        killed: u8,
        /// 0.
        reserved: [u8; 3],
    }
}

plain! {
    /// A position with its mark (0 = none).
    "dnalyaw_position" Position {
        /// Permanent instrument id.
        instrument_id: u64,
        /// Signed shares.
        quantity: i64,
        /// The price at which exposure is measured.
        mark: i64,
    }
}

plain! {
    /// A stop that is held.
    "dnalyaw_stop" Stop {
        /// Permanent instrument id.
        instrument_id: u64,
        /// Its price.
        level: i64,
        /// 1 of a long, 2 of a short.
        direction: u8,
        /// 1: it was reached, and the position is being closed.
        fired: u8,
        /// 0.
        reserved: [u8; 6],
    }
}

plain! {
    /// An open order.
    "dnalyaw_open_order" OpenOrder {
        /// Its first id.
        order_id: u64,
        /// What the venue knows it by.
        wire_id: u64,
        /// The modification that the venue has not answered; 0 = none.
        replacement_id: u64,
        /// Permanent instrument id.
        instrument_id: u64,
        /// Approved quantity.
        quantity: i64,
        /// Filled so far.
        cumulative_quantity: i64,
        /// The price at which what is left is reserved.
        reserve_price: i64,
        /// Limit; 0 for a market order.
        limit_price: i64,
        /// 1 buy, 2 sell.
        side: u8,
        /// 1: a cancel was asked for.
        cancel_requested: u8,
        /// 1: the venue has not said what became of it.
        fate_unknown: u8,
        /// 0.
        reserved: [u8; 5],
    }
}

/// Every struct of the contract.
pub const LAYOUTS: [Layout; 13] = [
    Order::LAYOUT,
    Replace::LAYOUT,
    Quote::LAYOUT,
    Holding::LAYOUT,
    Report::LAYOUT,
    Outcome::LAYOUT,
    Decision::LAYOUT,
    Action::LAYOUT,
    Settled::LAYOUT,
    State::LAYOUT,
    Position::LAYOUT,
    Stop::LAYOUT,
    OpenOrder::LAYOUT,
];
