//! Working and ended orders: a slab of fixed size with stable places, a free list and an index by id. Nothing here allocates
//! after construction.

use crate::heap::NIL;
use crate::ids::SPREAD;
use crate::types::{Side, is_own_order};

/// What became of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Free,
    Working,
    /// Done: remembered because a report may come late.
    Ended,
}

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

/// One order. The first cache line is what a decision and a report need, the second what links it to others.
#[repr(C, align(64))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Working {
    pub order_id: u64,
    pub quantity: i64,
    pub cumulative: i64,
    pub reserve_price: i64,
    pub limit_price: i64,
    /// How aggressive it is, smallest first: see [`price_key`].
    pub key: i64,
    pub strategies: u64,
    pub instrument: u32,
    pub side: Side,
    pub life: Life,
    pub flags: u8,
    /// [`CANCEL_REQUESTED`], [`FATE_UNKNOWN`].
    pub marks: u8,
    pub replacement: Replacement,
    pub child: u32,
    pub sibling: u32,
    pub back: u32,
    pub live_before: u32,
    pub live_after: u32,
    pub order_type: u8,
    pub time_in_force: u8,
}

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
        life: Life::Free,
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

#[derive(Debug, Clone)]
pub(crate) struct Orders {
    pub slots: Vec<Working>,
    free: Vec<u32>,
    /// Places of ended orders, oldest at `ended_from`.
    ended: Vec<u32>,
    ended_from: usize,
    ended_count: usize,
    /// Upper half: what tells ids apart; lower half: place + 1. 0 = empty.
    index: Vec<u64>,
    shift: u32,
    room: usize,
    live: usize,
    live_first: u32,
}

impl Orders {
    /// Room for `room` working orders, and memory of `kept` ended ones.
    pub(crate) fn new(room: usize, kept: usize) -> Self {
        let (room, kept) = (room.max(1), kept.max(1));
        // One more: an order that goes on under another id leaves a record before the oldest is forgotten.
        let places = room + kept + 1;
        // A working order may stand in the index twice, under its own id and a pending modification's.
        let size = (2 * (room + kept)).next_power_of_two();
        Self {
            slots: vec![Working::EMPTY; places],
            free: (0..places as u32).rev().collect(),
            ended: vec![NIL; kept],
            ended_from: 0,
            ended_count: 0,
            index: vec![0; size],
            shift: 32 - size.trailing_zeros(),
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

    /// Places of the working orders, latest first.
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
    pub(crate) fn ended(&self) -> impl Iterator<Item = &Working> {
        let kept = self.ended.len();
        (0..self.ended_count)
            .filter_map(move |nth| self.at(self.ended[(self.ended_from + nth) % kept]))
    }

    #[inline]
    fn tag(order_id: u64) -> u64 {
        order_id.wrapping_mul(SPREAD) >> 32
    }

    #[inline]
    fn home(&self, entry_tag: u64) -> usize {
        (entry_tag >> self.shift) as usize
    }

    fn entry_of(&self, order_id: u64) -> Option<usize> {
        if order_id == 0 {
            return None;
        }
        let tag = Self::tag(order_id);
        let mask = self.index.len() - 1;
        let mut slot = self.home(tag);
        loop {
            let entry = self.index[slot];
            if entry == 0 {
                return None;
            }
            if entry >> 32 == tag {
                let order = &self.slots[(entry as u32 - 1) as usize];
                let is_it = order.order_id == order_id
                    || (order.replacement.order_id == order_id && order.life == Life::Working);
                if is_it {
                    return Some(slot);
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The place of the working or ended order with this id, or with this id of a pending modification.
    #[inline]
    pub(crate) fn find(&self, order_id: u64) -> Option<u32> {
        self.entry_of(order_id)
            .map(|slot| self.index[slot] as u32 - 1)
    }

    /// As [`Orders::find`], working orders only.
    pub(crate) fn working(&self, order_id: u64) -> Option<u32> {
        self.find(order_id)
            .filter(|place| self.slots[*place as usize].life == Life::Working)
    }

    /// As [`Orders::find`], and from an id that was replaced on to the order that goes on under another.
    pub(crate) fn resolve(&self, order_id: u64) -> Option<u32> {
        let mut place = self.find(order_id)?;
        // Every step leads to a later modification of the same order.
        loop {
            let order = &self.slots[place as usize];
            if order.life != Life::Ended || order.replacement.order_id == 0 {
                return Some(place);
            }
            place = self.find(order.replacement.order_id)?;
        }
    }

    fn index_insert(&mut self, order_id: u64, place: u32) {
        let tag = Self::tag(order_id);
        let mask = self.index.len() - 1;
        let mut slot = self.home(tag);
        while self.index[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.index[slot] = (tag << 32) | u64::from(place + 1);
    }

    fn index_remove(&mut self, order_id: u64) {
        let Some(mut hole) = self.entry_of(order_id) else {
            debug_assert!(false, "an order is in the index");
            return;
        };
        let mask = self.index.len() - 1;
        let mut slot = hole;
        // Close the gap so that no probe stops short: move back whatever may stand at the hole.
        loop {
            slot = (slot + 1) & mask;
            let candidate = self.index[slot];
            if candidate == 0 {
                break;
            }
            let home = self.home(candidate >> 32);
            if (slot.wrapping_sub(home) & mask) >= (slot.wrapping_sub(hole) & mask) {
                self.index[hole] = candidate;
                hole = slot;
            }
        }
        self.index[hole] = 0;
    }

    /// An ended order that had this id is not found any more.
    pub(crate) fn release_id(&mut self, order_id: u64) {
        if let Some(place) = self.find(order_id)
            && self.slots[place as usize].life == Life::Ended
        {
            self.index_remove(order_id);
            self.slots[place as usize].order_id = 0;
        }
    }

    /// Takes a new working order in; there must be room, and its id must be new.
    #[inline]
    pub(crate) fn insert(&mut self, order: Working) -> u32 {
        debug_assert!(!self.is_full(), "there is room");
        debug_assert!(self.find(order.order_id).is_none(), "order ids are new");
        let place = self.free.pop().unwrap_or(NIL);
        let before = self.live_first;
        self.slots[place as usize] = Working {
            life: Life::Working,
            live_before: NIL,
            live_after: before,
            child: NIL,
            sibling: NIL,
            back: NIL,
            ..order
        };
        if let Some(next) = self.slots.get_mut(before as usize) {
            next.live_before = place;
        }
        self.live_first = place;
        self.live += 1;
        self.index_insert(order.order_id, place);
        place
    }

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
    pub(crate) fn end(&mut self, place: u32) {
        self.drop_replacement(place);
        self.unlink(place);
        let order = &mut self.slots[place as usize];
        order.life = Life::Ended;
        self.remember(place);
    }

    fn remember(&mut self, place: u32) {
        let kept = self.ended.len();
        if self.ended_count == kept {
            let oldest = self.ended[self.ended_from];
            let id = self.slots[oldest as usize].order_id;
            if id != 0 {
                self.index_remove(id);
            }
            self.slots[oldest as usize].life = Life::Free;
            self.slots[oldest as usize].order_id = 0;
            self.free.push(oldest);
            self.ended[self.ended_from] = place;
            self.ended_from = (self.ended_from + 1) % kept;
        } else {
            self.ended[(self.ended_from + self.ended_count) % kept] = place;
            self.ended_count += 1;
        }
    }

    /// As if the order had never been: for legs that were only tried.
    pub(crate) fn forget(&mut self, place: u32) {
        let id = self.slots[place as usize].order_id;
        self.index_remove(id);
        self.unlink(place);
        self.slots[place as usize] = Working::EMPTY;
        self.free.push(place);
    }

    /// Ended orders of a session that is over.
    pub(crate) fn forget_ended(&mut self) {
        while self.ended_count > 0 {
            let place = self.ended[self.ended_from];
            let id = self.slots[place as usize].order_id;
            if id != 0 {
                self.index_remove(id);
            }
            self.slots[place as usize] = Working::EMPTY;
            self.free.push(place);
            self.ended_from = (self.ended_from + 1) % self.ended.len();
            self.ended_count -= 1;
        }
    }

    /// A modification is asked for: the order is found under its id as well.
    pub(crate) fn add_replacement(&mut self, place: u32, replacement: Replacement) {
        self.slots[place as usize].replacement = replacement;
        self.index_insert(replacement.order_id, place);
    }

    /// The modification is off.
    pub(crate) fn drop_replacement(&mut self, place: u32) {
        let pending = self.slots[place as usize].replacement.order_id;
        if pending != 0 {
            self.index_remove(pending);
            self.slots[place as usize].replacement = Replacement::NONE;
        }
    }

    /// The order goes on under the modification's id; its old id is remembered as leading there.
    pub(crate) fn rename(&mut self, place: u32) {
        let order = self.slots[place as usize];
        self.index_remove(order.order_id);
        self.slots[place as usize].order_id = order.replacement.order_id;
        self.slots[place as usize].replacement = Replacement::NONE;
        let trace = self.free.pop().unwrap_or(NIL);
        self.slots[trace as usize] = Working {
            life: Life::Ended,
            ..order
        };
        self.index_insert(order.order_id, trace);
        self.remember(trace);
    }
}
