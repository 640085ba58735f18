//! What accepting an order leaves behind: its reserve, its place among its side's prices, its traces in the throttles, its stop.

use crate::checks::Checked;
use crate::engine::Engine;
use crate::heap;
use crate::instrument::Bounds;
use crate::orders::{Working, price_key};
use crate::throttle::Accepted;

/// What accepting an order changed besides its reserve, so that a leg that was only tried can be taken back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accept {
    pub place: u32,
    /// Where the side's reserves lay before.
    pub bounds: Bounds,
    pub rate: i64,
    pub repeat: Option<Accepted>,
    pub stop: Option<i64>,
}

impl Engine {
    /// Reserves an accepted order and counts it. In line, so that who needs no way back does not read what only that needs.
    #[inline(always)]
    pub(crate) fn accept(
        &mut self,
        index: usize,
        order_id: u64,
        order: &Checked,
        quantity: i64,
    ) -> Accept {
        let instrument = &self.book.instruments[index];
        let opens = !instrument.closes(order.side);
        let bounds = instrument.resting(order.side).bounds;
        let place = self.reserve(
            index,
            Working {
                order_id,
                quantity,
                reserve_price: self.reserve_price(index, order.limit_price),
                limit_price: order.limit_price,
                strategies: order.strategies,
                side: order.side,
                flags: order.flags,
                order_type: order.order_type,
                time_in_force: order.time_in_force,
                ..Working::EMPTY
            },
        );
        let (repeat, stop) = if opens {
            self.count_opening(index, order)
        } else {
            (None, None)
        };
        Accept {
            place,
            bounds,
            rate: self.rate.count(self.monotonic_ns),
            repeat,
            stop,
        }
    }

    /// What an accepted opening leaves behind besides its reserve: its trace for the repeat check, and its stop.
    #[inline(always)]
    pub(crate) fn count_opening(
        &mut self,
        index: usize,
        order: &Checked,
    ) -> (Option<Accepted>, Option<i64>) {
        let accepted = self.accepted(order);
        let level = self.stop_after(index, order.side, order.stop_distance);
        let instrument = &mut self.book.instruments[index];
        let displaced = self.repeats[index].count(&mut instrument.next_repeat, accepted);
        instrument.last_opened = self.now_ns;
        let held = core::mem::replace(instrument.stop_mut(order.side), level);
        (Some(displaced), (level != held).then_some(held))
    }

    /// Takes an order into the book.
    #[inline(always)]
    pub(crate) fn reserve(&mut self, index: usize, order: Working) -> u32 {
        let order = Working {
            instrument: index as u32,
            key: price_key(order.side, order.limit_price),
            ..order
        };
        let place = self.orders.insert(order);
        let held = self.book.instruments[index].resting(order.side).bounds;
        self.book.resize(
            index,
            order.side,
            order.leaves(),
            order.notional(),
            order.bounds(held),
        );
        let instrument = &mut self.book.instruments[index];
        instrument.own_working += u32::from(order.is_own());
        let root = instrument.best_mut(order.side);
        heap::push(&mut self.orders.slots, root, place);
        place
    }
}
