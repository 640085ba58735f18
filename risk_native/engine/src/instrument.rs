//! One instrument: its gate (what every order is measured by first), its prices, its position, its working orders and the
//! worst case that follows.

use crate::arithmetic::{Multiples, price_share_up};
use crate::heap::NIL;
use crate::tick::{Tick, table_step};
use crate::types::Side;
use crate::units::MAX_QUANTITY;

/// The instrument may be opened.
pub(crate) const TRADABLE: u8 = 1;
/// Only closing, by the reference.
pub(crate) const RESTRICTED: u8 = 2;
/// Halted on its own.
pub(crate) const HALTED: u8 = 4;
/// Its venue is halted.
pub(crate) const VENUE_HALTED: u8 = 8;
/// Its price steps stand in the venue's table.
pub(crate) const TABLE: u8 = 16;

/// What every order of an instrument is measured by first, in one cache line.
#[repr(C, align(64))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gate {
    pub id: u64,
    lot_inverse: u64,
    lot_most: u64,
    tick_inverse: u64,
    tick_most: u64,
    /// What an order is priced from; 0 = none in this session.
    pub reference: i64,
    /// Of the reference price, on the venue's clock.
    pub price_ts: i64,
    lot_shift: u8,
    tick_shift: u8,
    pub flags: u8,
}

impl Gate {
    pub(crate) fn new(id: u64, lot: i64, tick: Tick, flags: u8) -> Self {
        let (lots, ticks) = (Multiples::of(lot as u64), tick.multiples());
        Self {
            id,
            lot_inverse: lots.inverse,
            lot_most: lots.most,
            tick_inverse: ticks.inverse,
            tick_most: ticks.most,
            reference: 0,
            price_ts: 0,
            lot_shift: lots.shift as u8,
            tick_shift: ticks.shift as u8,
            flags: flags | if tick == Tick::Table { TABLE } else { 0 },
        }
    }

    #[inline]
    pub(crate) const fn is_whole(&self, quantity: i64) -> bool {
        let lots = Multiples {
            inverse: self.lot_inverse,
            most: self.lot_most,
            shift: self.lot_shift as u32,
        };
        lots.has(quantity as u64)
    }

    /// `price` 0 (a market order) is on every step.
    #[inline]
    pub(crate) fn is_on_tick(&self, price: i64) -> bool {
        let ticks = Multiples {
            inverse: self.tick_inverse,
            most: self.tick_most,
            shift: u32::from(self.tick_shift),
        };
        ticks.has(price as u64) && (self.flags & TABLE == 0 || price % table_step(price) == 0)
    }
}

/// Between which prices the working orders of one side were reserved since there was none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub low: i64,
    pub high: i64,
}

impl Bounds {
    pub(crate) const NONE: Self = Self {
        low: i64::MAX,
        high: 0,
    };

    #[inline]
    pub(crate) fn with(self, price: i64) -> Self {
        Self {
            low: self.low.min(price),
            high: self.high.max(price),
        }
    }

    /// At most what `shares` reserved at `notional` together are worth, each of them at its reserve or at the mark, whichever is
    /// more. Exact when all reserves lie on one side of the mark; in between no order pays for another.
    #[inline]
    pub(crate) fn weight(self, shares: i64, notional: i128, mark: i64) -> i128 {
        let shares = i128::from(shares);
        let lifted = notional + shares * i128::from((mark - self.low).max(0));
        lifted.min(shares * i128::from(mark.max(self.high)))
    }
}

/// The working orders of one side, and the worst case they make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resting {
    pub quantity: i64,
    pub bounds: Bounds,
    /// Reserved, together.
    pub notional: i128,
    /// Worst case towards this side.
    pub worst: i128,
}

impl Resting {
    pub(crate) const NONE: Self = Self {
        quantity: 0,
        bounds: Bounds::NONE,
        notional: 0,
        worst: 0,
    };

    /// `B` and `S` of the specification.
    #[inline]
    pub(crate) fn weight(&self, mark: i64) -> i128 {
        self.bounds.weight(self.quantity, self.notional, mark)
    }
}

/// What an instrument adds to the book's sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub exposure: i128,
    pub net: i128,
    pub buys: i128,
    pub sells: i128,
    pub value: i128,
    pub second_value: i128,
    pub reserved_buys: i128,
    pub short_value: i128,
    pub short_reserved: i128,
    pub unmarked: usize,
}

/// No stop is held.
pub(crate) const NO_STOP: i64 = i64::MIN;

/// Bid for a long position, ask for a short one; or what stands for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub long: i64,
    pub short: i64,
}

impl Marks {
    pub(crate) const fn both(price: i64) -> Self {
        Self {
            long: price,
            short: price,
        }
    }

    const fn of(self, position: i64) -> i64 {
        if position >= 0 { self.long } else { self.short }
    }
}

/// The first four cache lines are what a decision reads.
#[repr(C, align(64))]
#[derive(Debug, Clone)]
pub(crate) struct Instrument {
    pub position: i64,
    /// What exposure is measured at: the reference price, before it the settlement price; 0 = none.
    pub mark: i64,
    /// Least money at risk in a share at this mark; `i64::MAX` while volatility is unknown.
    pub risk_floor: i64,
    pub issuer: u32,
    pub sector: u32,
    /// Most aggressive working order of each side.
    pub best_buy: u32,
    pub best_sell: u32,
    /// Shares that the day's and the working orders may have together; 0 = volume unknown.
    pub volume_limit: i64,
    pub traded: i64,
    pub locate: i64,
    pub buys: Resting,
    pub sells: Resting,
    pub lot: i64,
    pub long_stop: i64,
    pub short_stop: i64,
    /// When an opening order was last accepted: while that is a second ago nothing is repeated.
    pub last_opened: i64,
    pub bid: i64,
    pub ask: i64,
    pub last: i64,
    /// Closing orders of the engine's own that work.
    pub own_working: u32,
    /// Where the next accepted opening order is recorded.
    pub next_repeat: u8,
    /// Sides whose position reached its stop by both marks, bit by bit.
    pub fired: u8,
    pub priced: bool,
    /// Named in the position report that is being received.
    pub reported: bool,
    pub id: u64,
    pub marks: Marks,
    pub second: Marks,
    /// The marks before the held price's moment.
    pub previous: Marks,
    pub mark_ts: i64,
    /// A jump that waits for a second message: its price (0 = none) and moment.
    pub waiting: (i64, i64),
    /// The last close, against which the first price of a session is held; 0 = unknown.
    pub close: i64,
    pub tick: Tick,
    /// The larger of volatility and gap, basis points; 0 = volatility unknown.
    pub floor_bp: u64,
    /// Shares of one closing slice; 0 = volume unknown.
    pub slice: i64,
    /// A closing order came to nothing: do not send another before this moment.
    pub retry_at: i64,
    pub venue: u32,
}

const _: () = assert!(
    core::mem::offset_of!(Instrument, id) == 4 * 64 && core::mem::size_of::<Gate>() == 64,
    "what a decision reads lies together"
);

/// Worst case towards one side: `held` shares (negative = held the other way) and every working order of that side filled.
pub(crate) fn worst_case(held: i64, mark: i64, resting: &Resting) -> i128 {
    if held >= 0 {
        return i128::from(held) * i128::from(mark) + resting.weight(mark);
    }
    let over = (resting.quantity + held).max(0);
    i128::from(over) * i128::from(mark.max(resting.bounds.high))
}

impl Instrument {
    #[inline]
    pub(crate) const fn resting(&self, side: Side) -> &Resting {
        match side {
            Side::Buy => &self.buys,
            Side::Sell => &self.sells,
        }
    }

    #[inline]
    pub(crate) const fn resting_mut(&mut self, side: Side) -> &mut Resting {
        match side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        }
    }

    #[inline]
    pub(crate) const fn best_mut(&mut self, side: Side) -> &mut u32 {
        match side {
            Side::Buy => &mut self.best_buy,
            Side::Sell => &mut self.best_sell,
        }
    }

    pub(crate) const fn best(&self, side: Side) -> u32 {
        match side {
            Side::Buy => self.best_buy,
            Side::Sell => self.best_sell,
        }
    }

    /// The position as seen by an order of this side: positive when the order adds to it.
    #[inline]
    pub(crate) const fn held(&self, side: Side) -> i64 {
        side.signed(self.position)
    }

    /// Brings the worst case of one side up to date.
    #[inline]
    pub(crate) fn weigh(&mut self, side: Side) {
        let (held, mark) = (self.held(side), self.mark);
        let resting = self.resting_mut(side);
        if resting.quantity == 0 {
            resting.bounds = Bounds::NONE;
        }
        resting.worst = worst_case(held, mark, resting);
    }

    pub(crate) fn exposure(&self) -> i128 {
        self.buys.worst + self.sells.worst
    }

    /// When the mark of a held position was taken; nothing while nothing is held.
    pub(crate) const fn held_since(&self) -> i64 {
        if self.position == 0 || self.mark == 0 {
            i64::MAX
        } else {
            self.mark_ts
        }
    }

    pub(crate) fn parts(&self) -> Parts {
        let position = i128::from(self.position);
        let net = position * i128::from(self.mark);
        Parts {
            exposure: self.exposure(),
            net,
            buys: self.buys.weight(self.mark),
            sells: self.sells.weight(self.mark),
            value: position * i128::from(self.marks.of(self.position)),
            second_value: position * i128::from(self.second.of(self.position)),
            reserved_buys: self.buys.notional,
            short_value: if self.position < 0 { -net } else { 0 },
            short_reserved: if self.position <= 0 {
                self.sells.notional
            } else {
                0
            },
            unmarked: usize::from(self.position != 0 && self.mark == 0),
        }
    }

    /// True when an order of this side closes.
    #[inline]
    pub(crate) const fn closes(&self, side: Side) -> bool {
        self.held(side) < 0
    }

    /// How much an order of this side can trade and only lower the worst case; 0 when the side opens.
    #[inline]
    pub(crate) fn reducible(&self, side: Side) -> i64 {
        let room = -self.held(side) - self.resting(side).quantity;
        room.clamp(0, MAX_QUANTITY)
    }

    /// The stop of the position that this side opens.
    pub(crate) const fn stop(&self, side: Side) -> i64 {
        match side {
            Side::Buy => self.long_stop,
            Side::Sell => self.short_stop,
        }
    }

    pub(crate) const fn stop_mut(&mut self, side: Side) -> &mut i64 {
        match side {
            Side::Buy => &mut self.long_stop,
            Side::Sell => &mut self.short_stop,
        }
    }

    #[inline]
    pub(crate) const fn has_stop(&self) -> bool {
        self.long_stop != NO_STOP || self.short_stop != NO_STOP
    }

    /// What exposure, risk and marks are measured at from now on.
    pub(crate) fn set_mark(&mut self, mark: i64, at: i64) {
        self.mark = mark;
        self.mark_ts = at;
        self.risk_floor = if self.floor_bp == 0 {
            i64::MAX
        } else {
            price_share_up(mark, self.floor_bp)
        };
    }

    /// What the next price is held against: before the first of a session the settlement price, else the last close; 0 = nothing.
    pub(crate) const fn anchor(&self, reference: i64) -> i64 {
        match (self.priced, self.mark) {
            (true, _) => reference,
            (false, 0) => self.close,
            (false, settlement) => settlement,
        }
    }

    /// No price of this session is known.
    pub(crate) fn forget_prices(&mut self) {
        (self.bid, self.ask, self.last) = (0, 0, 0);
        (self.priced, self.waiting) = (false, (0, 0));
        (self.marks, self.second, self.previous) =
            (Marks::default(), Marks::default(), Marks::default());
        self.set_mark(0, 0);
    }

    /// An instrument of which only the reference is known.
    pub(crate) const fn unknown(id: u64, tick: Tick) -> Self {
        Self {
            id,
            position: 0,
            mark: 0,
            risk_floor: i64::MAX,
            issuer: 0,
            sector: 0,
            buys: Resting::NONE,
            sells: Resting::NONE,
            best_buy: NIL,
            best_sell: NIL,
            volume_limit: 0,
            traded: 0,
            locate: 0,
            lot: 1,
            long_stop: NO_STOP,
            short_stop: NO_STOP,
            fired: 0,
            own_working: 0,
            next_repeat: 0,
            last_opened: i64::MIN,
            bid: 0,
            ask: 0,
            last: 0,
            priced: false,
            venue: 0,
            marks: Marks { long: 0, short: 0 },
            second: Marks { long: 0, short: 0 },
            previous: Marks { long: 0, short: 0 },
            mark_ts: 0,
            waiting: (0, 0),
            close: 0,
            tick,
            floor_bp: 0,
            slice: 0,
            reported: false,
            retry_at: i64::MIN,
        }
    }
}
