//! What a desk keeps of an open order besides the engine: what it goes by now, and what of it the engine does not tell.

use dnalyaw_engine::{FLAG_REDUCE_ONLY, FLAG_SELL_SHORT, OrderRequest, Side, is_own_order};

use crate::ids::ById;

/// One open order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The id by which venue and engine know it: its own, or that of the last modification that the venue took.
    pub wire_id: u64,
    pub instrument_id: u64,
    /// The modification that the venue has not answered; 0 = none.
    pub replacing: u64,
    pub side: Side,
    pub flags: u8,
    /// A cancel is on its way.
    pub cancelling: bool,
}

impl Entry {
    pub(crate) fn new(order: &OrderRequest) -> Option<Self> {
        Some(Self {
            wire_id: order.order_id,
            instrument_id: order.instrument_id,
            replacing: 0,
            side: Side::from_u8(order.side)?,
            flags: order.flags,
            cancelling: false,
        })
    }

    /// Whether it was accepted to close and for nothing else: a sale that is not marked short, or one that says so itself.
    pub(crate) fn only_closes(&self, side: Side) -> bool {
        let sale = side == Side::Sell && self.flags & FLAG_SELL_SHORT == 0;
        self.side == side && (sale || self.flags & FLAG_REDUCE_ONLY != 0)
    }
}

/// Every open order, by the id that it was given first.
#[derive(Debug)]
pub(crate) struct OpenOrders {
    entries: ById<Entry>,
    /// From the modifications that the venue took last, or has not answered, to the first ids of what they change.
    first_ids: ById<u64>,
    /// Those that are not closing orders of the engine's own.
    others: usize,
}

impl OpenOrders {
    /// Room for so many orders: up to there nothing allocates, however long they come and go.
    pub(crate) fn with_room(orders: usize) -> Self {
        let mut entries = ById::default();
        // A map that is never more than half full is tidied up in place.
        entries.reserve(orders.saturating_mul(2));
        Self {
            entries,
            first_ids: ById::default(),
            others: 0,
        }
    }

    pub(crate) fn insert(&mut self, order: &OrderRequest) {
        let Some(entry) = Entry::new(order) else {
            debug_assert!(false, "an accepted order has one of the two sides");
            return;
        };
        let before = self.entries.insert(order.order_id, entry);
        debug_assert!(before.is_none(), "an id is taken once");
        self.others += usize::from(!is_own_order(order.order_id));
    }

    pub(crate) fn remove(&mut self, order_id: u64) -> Option<Entry> {
        let entry = self.entries.remove(&order_id)?;
        self.forget(&entry);
        self.others -= usize::from(!is_own_order(order_id));
        Some(entry)
    }

    /// No modification of this order leads to it any more.
    fn forget(&mut self, entry: &Entry) {
        // Most orders are never modified.
        if !self.first_ids.is_empty() {
            self.first_ids.remove(&entry.wire_id);
            self.first_ids.remove(&entry.replacing);
        }
    }

    pub(crate) fn get(&self, order_id: u64) -> Option<&Entry> {
        self.entries.get(&order_id)
    }

    pub(crate) fn get_mut(&mut self, order_id: u64) -> Option<&mut Entry> {
        self.entries.get_mut(&order_id)
    }

    /// What the engine knows an order by.
    pub(crate) fn wire_id(&self, order_id: u64) -> u64 {
        self.entries
            .get(&order_id)
            .map_or(order_id, |entry| entry.wire_id)
    }

    /// The first id of the open order that goes by this id, or is to; of what is not open the id itself.
    pub(crate) fn first_id(&self, id: u64) -> u64 {
        match self.first_ids.get(&id) {
            Some(first) if !self.entries.contains_key(&id) => *first,
            _ => id,
        }
    }

    /// A modification of the order is on its way.
    pub(crate) fn replacing(&mut self, order_id: u64, modification_id: u64) {
        if let Some(entry) = self.entries.get_mut(&order_id) {
            entry.replacing = modification_id;
            self.first_ids.insert(modification_id, order_id);
        }
    }

    /// The venue answered the modification: the order goes on under its id, or under the one it has.
    pub(crate) fn replaced(&mut self, order_id: u64, taken: bool) {
        let Some(entry) = self.entries.get_mut(&order_id) else {
            return;
        };
        let modification_id = std::mem::take(&mut entry.replacing);
        let over = if taken {
            std::mem::replace(&mut entry.wire_id, modification_id)
        } else {
            modification_id
        };
        self.first_ids.remove(&over);
    }

    /// In no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Entry)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    /// Another session day begins; the room stays.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.first_ids.clear();
        self.others = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Nothing is open but closing orders of the engine's own.
    pub(crate) fn only_own(&self) -> bool {
        self.others == 0
    }
}
