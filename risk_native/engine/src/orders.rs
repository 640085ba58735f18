//! Working orders in a slab of fixed size with stable places and a free list, ended ones in a ring.
//! Nothing here allocates after construction.

use crate::heap::NIL;
use crate::instrument::Bounds;
use crate::order_index::OrderIndex;
use crate::types::{Side, is_own_order};

/// A modification that the venue has not answered; `order_id` 0 = none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replacement {
    pub order_id: u64,
    pub quantity: i64,
    pub limit_price: i64,
    pub reserve_price: i64,
}

impl Replacement {
    pub(crate) const NONE: Self = Self {
        order_id: 0,
        quantity: 0,
        limit_price: 0,
        reserve_price: 0,
    };
}

/// One order. The first cache line is what a report needs, the second what its neighbours among the orders need.
#[repr(C, align(64))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Working {
    pub order_id: u64,
    pub quantity: i64,
    pub cumulative: i64,
    pub reserve_price: i64,
    pub limit_price: i64,
    pub strategies: u64,
    pub instrument: u32,
    pub side: Side,
    pub flags: u8,
    /// [`CANCEL_REQUESTED`], [`FATE_UNKNOWN`].
    pub marks: u8,
    pub order_type: u8,
    pub time_in_force: u8,
    pub replacement: Replacement,
    /// How aggressive it is, smallest first: see [`price_key`].
    pub key: i64,
    pub child: u32,
    pub sibling: u32,
    pub back: u32,
    pub live_before: u32,
    pub live_after: u32,
}

const _: () = assert!(
    core::mem::offset_of!(Working, replacement) == 64 && core::mem::size_of::<Working>() == 128,
    "what neighbours need of an order lies in its second cache line"
);

pub(crate) const CANCEL_REQUESTED: u8 = 1;
pub(crate) const FATE_UNKNOWN: u8 = 2;

/// Small where the order is aggressive: an order can trade with one on the other side when their keys add up to nothing
/// or less. A market order trades with anything.
pub(crate) const fn price_key(side: Side, limit_price: i64) -> i64 {
    match (side, limit_price) {
        (_, 0) => i64::MIN,
        (Side::Buy, price) => -price,
        (Side::Sell, price) => price,
    }
}

impl Working {
    pub(crate) const EMPTY: Self = Self {
        order_id: 0,
        quantity: 0,
        cumulative: 0,
        reserve_price: 0,
        limit_price: 0,
        key: 0,
        strategies: 0,
        instrument: 0,
        side: Side::Buy,
        flags: 0,
        marks: 0,
        replacement: Replacement::NONE,
        child: NIL,
        sibling: NIL,
        back: NIL,
        live_before: NIL,
        live_after: NIL,
        order_type: 0,
        time_in_force: 0,
    };

    /// Shares that may still fill, whichever way a pending modification goes.
    #[inline]
    pub(crate) fn leaves(&self) -> i64 {
        let whole = self.quantity.max(self.replacement.quantity);
        (whole - self.cumulative).max(0)
    }

    /// The price at which they are reserved.
    #[inline]
    pub(crate) fn price(&self) -> i64 {
        self.reserve_price.max(self.replacement.reserve_price)
    }

    /// `bounds` with the prices at which this order is reserved, a pending modification's included.
    #[inline]
    pub(crate) fn bounds(&self, bounds: Bounds) -> Bounds {
        let bounds = bounds.with(self.reserve_price);
        if self.replacement.order_id == 0 {
            return bounds;
        }
        bounds.with(self.replacement.reserve_price)
    }

    /// What they are reserved at together.
    #[inline]
    pub(crate) fn notional(&self) -> i128 {
        i128::from(self.leaves()) * i128::from(self.price())
    }

    /// The key that holds whichever way a pending modification goes.
    pub(crate) fn rank(&self) -> i64 {
        let own = price_key(self.side, self.limit_price);
        if self.replacement.order_id == 0 {
            return own;
        }
        own.min(price_key(self.side, self.replacement.limit_price))
    }

    pub(crate) const fn is_own(&self) -> bool {
        is_own_order(self.order_id)
    }
}

/// An order that is done: remembered because a report may come late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// 0 = its id was given to another.
    pub order_id: u64,
    pub cumulative: i64,
    /// What a correction is priced at while there is no mark.
    pub reserve_price: i64,
    /// It goes on under this id; 0 = it ended.
    pub leads_to: u64,
    pub instrument: u32,
    pub side: Side,
}

impl Ended {
    const NONE: Self = Self {
        order_id: 0,
        cumulative: 0,
        reserve_price: 0,
        leads_to: 0,
        instrument: 0,
        side: Side::Buy,
    };
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// In `slots`.
    Working(u32),
    /// In `ended`.
    Ended(u32),
}

#[derive(Debug, Clone)]
pub(crate) struct Orders {
    pub slots: Vec<Working>,
    free: Vec<u32>,
    /// The last ended orders, oldest at `oldest` once all places are taken.
    pub ended: Vec<Ended>,
    oldest: usize,
    /// By the low bits of an id: where it stands in `ended`, unless a later one with the same bits stands there.
    hints: Vec<u32>,
    /// Working orders.
    index: OrderIndex,
    room: usize,
    live: usize,
    live_first: u32,
}

impl Orders {
    /// Room for `room` working orders, and memory of `kept` ended ones.
    pub(crate) fn new(room: usize, kept: usize) -> Self {
        let (room, kept) = (room.max(1), kept.max(1));
        Self {
            slots: vec![Working::EMPTY; room],
            free: (0..room as u32).rev().collect(),
            ended: vec![Ended::NONE; kept],
            oldest: 0,
            // A working order may stand there twice, under its own id and a pending modification's.
            index: OrderIndex::new(2 * room),
            hints: vec![0; (2 * kept).next_power_of_two()],
            room,
            live: 0,
            live_first: NIL,
        }
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.live
    }

    #[inline]
    pub(crate) const fn is_full(&self) -> bool {
        self.live >= self.room
    }

    pub(crate) const fn room(&self) -> usize {
        self.room
    }

    /// The working orders, latest first.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Working> {
        core::iter::successors(self.at(self.live_first), |order| self.at(order.live_after))
    }

    fn at(&self, place: u32) -> Option<&Working> {
        self.slots.get(place as usize)
    }

    pub(crate) const fn first_live(&self) -> u32 {
        self.live_first
    }

    /// Ended orders that are remembered, oldest first.
    pub(crate) fn ended(&self) -> impl Iterator<Item = &Ended> {
        let (later, earlier) = self.ended.split_at(self.oldest);
        earlier
            .iter()
            .chain(later)
            .filter(|order| order.order_id != 0)
    }

    /// Is what the index names the order with this id, or with this id of a pending modification.
    #[inline]
    fn is_it(&self, order_id: u64) -> impl Fn(u32) -> bool + '_ {
        move |place| {
            let order = &self.slots[place as usize];
            order.order_id == order_id || order.replacement.order_id == order_id
        }
    }

    /// Where the order with this id stands, or with this id of a pending modification.
    #[inline]
    pub(crate) fn find(&self, order_id: u64) -> Option<Found> {
        match self.working(order_id) {
            Some(place) => Some(Found::Working(place)),
            None => self.find_ended(order_id).map(Found::Ended),
        }
    }

    /// See [`OrderIndex::touch`].
    #[inline]
    pub(crate) fn touch(&self, order_id: u64) -> u64 {
        self.index.touch(order_id)
    }

    /// As [`Orders::find`], working orders only.
    #[inline]
    pub(crate) fn working(&self, order_id: u64) -> Option<u32> {
        if order_id == 0 {
            return None;
        }
        self.index.find(order_id, self.is_it(order_id))
    }

    fn hint(&self, order_id: u64) -> usize {
        order_id as usize & (self.hints.len() - 1)
    }

    /// Late reports are rare, so only they pay for an id whose hint was taken by a later one.
    fn find_ended(&self, order_id: u64) -> Option<u32> {
        let hint = self.hints[self.hint(order_id)];
        if order_id == 0 || self.ended[hint as usize].order_id == order_id {
            return (order_id != 0).then_some(hint);
        }
        let place = self
            .ended
            .iter()
            .position(|order| order.order_id == order_id)?;
        Some(place as u32)
    }

    /// As [`Orders::find`], and from an id that was replaced on to the order that goes on under another.
    #[inline]
    pub(crate) fn resolve(&self, order_id: u64) -> Option<Found> {
        let mut found = self.find(order_id)?;
        // Every step leads to a later modification of the same order.
        while let Found::Ended(place) = found {
            let leads_to = self.ended[place as usize].leads_to;
            if leads_to == 0 {
                break;
            }
            found = self.find(leads_to)?;
        }
        Some(found)
    }

    /// An ended order that had this id is not found any more.
    pub(crate) fn release_id(&mut self, order_id: u64) {
        if let Some(Found::Ended(place)) = self.find(order_id) {
            self.ended[place as usize].order_id = 0;
        }
    }

    /// Takes a new working order in; there must be room, and its id must be new.
    #[inline(always)]
    pub(crate) fn insert(&mut self, order: Working) -> u32 {
        debug_assert!(!self.is_full(), "there is room");
        debug_assert!(self.working(order.order_id).is_none(), "order ids are new");
        let place = self.free.pop().unwrap_or(NIL);
        let after = self.live_first;
        self.slots[place as usize] = Working {
            live_before: NIL,
            live_after: after,
            child: NIL,
            sibling: NIL,
            back: NIL,
            ..order
        };
        if let Some(next) = self.slots.get_mut(after as usize) {
            next.live_before = place;
        }
        self.live_first = place;
        self.live += 1;
        self.index.insert(order.order_id, place);
        place
    }

    #[inline]
    fn unlink(&mut self, place: u32) {
        let (before, after) = {
            let order = &self.slots[place as usize];
            (order.live_before, order.live_after)
        };
        match self.slots.get_mut(before as usize) {
            Some(earlier) => earlier.live_after = after,
            None => self.live_first = after,
        }
        if let Some(later) = self.slots.get_mut(after as usize) {
            later.live_before = before;
        }
        self.live -= 1;
    }

    /// The order is done; it stays findable until as many ended after it as are kept.
    #[inline]
    pub(crate) fn end(&mut self, place: u32) {
        self.drop_replacement(place);
        self.unlink(place);
        self.remember(place, 0);
        self.slots[place as usize].order_id = 0;
        self.free.push(place);
    }

    /// Records the order at `place` as ended, or as going on under another id, in the place of the oldest record.
    #[inline]
    fn remember(&mut self, place: u32, leads_to: u64) {
        let at = self.oldest;
        let order = &self.slots[place as usize];
        let record = Ended {
            order_id: order.order_id,
            cumulative: order.cumulative,
            reserve_price: order.reserve_price,
            leads_to,
            instrument: order.instrument,
            side: order.side,
        };
        self.index.remove(record.order_id, place);
        let hint = self.hint(record.order_id);
        self.hints[hint] = at as u32;
        self.ended[at] = record;
        self.oldest = if at + 1 == self.ended.len() {
            0
        } else {
            at + 1
        };
    }

    /// As if the order had never been: for legs that were only tried.
    pub(crate) fn forget(&mut self, place: u32) {
        let id = self.slots[place as usize].order_id;
        self.index.remove(id, place);
        self.unlink(place);
        self.slots[place as usize] = Working::EMPTY;
        self.free.push(place);
    }

    /// Ended orders of a session that is over.
    pub(crate) fn forget_ended(&mut self) {
        self.ended.fill(Ended::NONE);
        self.oldest = 0;
    }

    /// A modification is asked for: the order is found under its id as well.
    pub(crate) fn add_replacement(&mut self, place: u32, replacement: Replacement) {
        self.slots[place as usize].replacement = replacement;
        self.index.insert(replacement.order_id, place);
    }

    /// The modification is off.
    #[inline]
    pub(crate) fn drop_replacement(&mut self, place: u32) {
        let pending = self.slots[place as usize].replacement.order_id;
        if pending != 0 {
            self.index.remove(pending, place);
            self.slots[place as usize].replacement = Replacement::NONE;
        }
    }

    /// The order goes on under the modification's id; its old id is remembered as leading there.
    pub(crate) fn rename(&mut self, place: u32) {
        let successor = self.slots[place as usize].replacement.order_id;
        self.remember(place, successor);
        let order = &mut self.slots[place as usize];
        order.order_id = successor;
        order.replacement = Replacement::NONE;
    }
}
