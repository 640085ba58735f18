//! Orders that were accepted before, or that the venue has and nobody here placed.

use crate::engine::Engine;
use crate::orders::{FATE_UNKNOWN, Working};
use crate::reason::Reason;
use crate::types::{
    AdoptedOrder, OWN_ORDER_ID_BASE, TIF_DAY, TYPE_LIMIT, TYPE_MARKET, is_own_order,
};
use crate::units::{Price, Quantity};

impl Engine {
    /// Reserve an order that was accepted before (recovery), or one of foreign origin under an id from
    /// [`crate::FOREIGN_ORDER_ID_BASE`] on. What it has filled must already be in the position. Its id counts as taken.
    ///
    /// # Errors
    /// [`Reason::UnknownInstrument`], [`Reason::BadQuantity`], [`Reason::Malformed`] (a limit price that cannot be),
    /// [`Reason::DuplicateId`] (it works already), [`Reason::NoPrice`] (a market order in an instrument without any price: feed
    /// its settlement price first), [`Reason::TooManyOrders`].
    pub fn adopt(&mut self, order: &AdoptedOrder) -> Result<(), Reason> {
        let index = self
            .book
            .find(order.instrument_id)
            .ok_or(Reason::UnknownInstrument)?;
        let quantity = Quantity::new(order.quantity)
            .ok_or(Reason::BadQuantity)?
            .shares();
        if order.cumulative_quantity < 0 || order.cumulative_quantity >= quantity {
            return Err(Reason::BadQuantity);
        }
        if order.order_id == 0 {
            return Err(Reason::Malformed);
        }
        if self.orders.working(order.order_id).is_some() {
            return Err(Reason::DuplicateId);
        }
        match order.limit_price {
            0 if self.book.instruments[index].mark == 0 => return Err(Reason::NoPrice),
            0 => {}
            price => {
                Price::new(price).ok_or(Reason::Malformed)?;
            }
        }
        if self.orders.is_full() {
            return Err(Reason::TooManyOrders);
        }
        self.orders.release_id(order.order_id);
        self.reserve(
            index,
            Working {
                order_id: order.order_id,
                quantity,
                cumulative: order.cumulative_quantity,
                reserve_price: self.reserve_price(index, order.limit_price),
                limit_price: order.limit_price,
                side: order.side,
                marks: FATE_UNKNOWN,
                order_type: if order.limit_price == 0 {
                    TYPE_MARKET
                } else {
                    TYPE_LIMIT
                },
                time_in_force: TIF_DAY,
                ..Working::EMPTY
            },
        );
        if order.order_id < OWN_ORDER_ID_BASE {
            self.last_id = self.last_id.max(order.order_id);
        } else if is_own_order(order.order_id) {
            self.last_own = self.last_own.max(order.order_id);
        }
        Ok(())
    }
}
