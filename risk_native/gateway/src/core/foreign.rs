//! Orders that the venue works and no journal of ours knows: reserved like our own, cancelled with the rest, and nothing
//! opens until a person has claimed them or they are gone.

use std::collections::BTreeMap;

use dnalyaw_engine::{AdoptedOrder, ExecKind, Execution, FOREIGN_ORDER_ID_BASE, Halt, Side};
use serde_json::{Value, json};

use super::Core;
use crate::venue::{Command, ExecutionReport, VenueSide};
use crate::{log_error, log_info, log_warn};

/// One of them, as the venue told it last.
#[derive(Clone, Debug)]
struct Order {
    id: u64,
    instrument_id: u64,
    symbol: String,
    side: Side,
    quantity: i64,
    filled: i64,
    /// The engine reserves it. An instrument without reference cannot be reserved; the halt stands for it.
    reserved: bool,
    /// Named in the round of questions that is open, or before there was one.
    listed: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    orders: BTreeMap<String, Order>,
    given: u64,
}

impl Foreign {
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    pub fn ids(&self) -> Vec<u64> {
        self.orders.values().map(|order| order.id).collect()
    }

    /// The venue is about to name all orders it has.
    pub fn expect(&mut self) {
        for order in self.orders.values_mut() {
            order.listed = false;
        }
    }

    fn find(&self, id: u64) -> Option<(&String, &Order)> {
        self.orders.iter().find(|(_, order)| order.id == id)
    }
}

/// FIX OrdStatus of an order that may still trade.
fn works(status: u8) -> bool {
    matches!(status, b'0' | b'1' | b'6' | b'A' | b'E')
}

fn adopted(order: &Order, limit_price: i64) -> AdoptedOrder {
    AdoptedOrder {
        order_id: order.id,
        instrument_id: order.instrument_id,
        side: order.side,
        quantity: order.quantity,
        cumulative_quantity: order.filled,
        limit_price,
    }
}

impl Core {
    /// A report about an order that is not ours. False when it is none that works, and none that was known to.
    pub(super) fn on_foreign(&mut self, report: &ExecutionReport) -> bool {
        let key = &report.cl_ord_id;
        if !works(report.ord_status) {
            let known = self.foreign.orders.contains_key(key);
            if known {
                self.foreign_gone(
                    &key.clone(),
                    report.cumulative_quantity,
                    report.average_price,
                );
            }
            return known;
        }
        if let Some(order) = self.foreign.orders.get_mut(key) {
            order.listed = true;
            if !order.reserved {
                // Perhaps it has a price now.
                let adopted = adopted(order, report.limit_price);
                order.reserved = self.engine.adopt(&adopted).is_ok();
            }
            self.foreign_filled(
                &key.clone(),
                report.cumulative_quantity,
                report.average_price,
            );
            return true;
        }
        self.foreign_found(report);
        true
    }

    fn foreign_found(&mut self, report: &ExecutionReport) {
        let key = report.cl_ord_id.clone();
        self.foreign.given += 1;
        let instrument_id = report
            .instrument_id
            .or_else(|| u64::try_from(self.reference.id_of(&report.symbol)?).ok())
            .unwrap_or(0);
        let order = Order {
            id: FOREIGN_ORDER_ID_BASE + self.foreign.given,
            instrument_id,
            symbol: report.symbol.clone(),
            // What is neither bought nor said to be is taken for sold, as FIX has many ways to sell.
            side: if report.side == b'1' {
                Side::Buy
            } else {
                Side::Sell
            },
            quantity: report.order_quantity,
            filled: report.cumulative_quantity,
            reserved: false,
            listed: true,
        };
        let adopted = self.engine.adopt(&adopted(&order, report.limit_price));
        let claimed = self.standing.claimed(&key);
        log_error!("unknown_order", {"cl_ord_id": key, "instrument_id": instrument_id, "symbol": order.symbol, "side": format!("{:?}", order.side),
            "quantity": order.quantity, "filled": order.filled, "claimed": claimed,
            "reserved": adopted.as_ref().err().map_or("yes", |reason| reason.name()),
            "what": "the venue works it and the journal does not know it: nothing opens until it is claimed (riskd claim) or gone"});
        self.counters.unknown_orders += 1;
        let order = Order {
            reserved: adopted.is_ok(),
            ..order
        };
        self.foreign.orders.insert(key, order);
        self.halt_for_foreign();
    }

    fn foreign_filled(&mut self, key: &str, cumulative: i64, average: i64) {
        let Some(order) = self.foreign.orders.get_mut(key) else {
            return;
        };
        let filled = cumulative - order.filled;
        if filled <= 0 {
            return;
        }
        order.filled = cumulative;
        log_warn!("unknown_order_filled", {"cl_ord_id": key, "quantity": filled, "filled": cumulative});
        if order.reserved && average > 0 {
            let report = Execution {
                order_id: order.id,
                kind: ExecKind::Fill,
                last_quantity: filled,
                last_price: average,
                cumulative_quantity: cumulative,
                fee: 0,
            };
            if let Err(err) = self.engine.on_execution(&report) {
                log_error!("unknown_order_not_booked", {"cl_ord_id": key, "why": format!("{err:?}")});
            }
        }
        // Only the venue knows what it cost.
        self.resync.want();
    }

    fn foreign_gone(&mut self, key: &str, cumulative: i64, average: i64) {
        self.foreign_filled(key, cumulative, average);
        let Some(order) = self.foreign.orders.remove(key) else {
            return;
        };
        log_info!("unknown_order_gone", {"cl_ord_id": key, "filled": order.filled});
        if order.reserved && order.filled < order.quantity {
            let report = Execution {
                order_id: order.id,
                kind: ExecKind::Cancelled,
                last_quantity: 0,
                last_price: 0,
                cumulative_quantity: order.filled,
                fee: 0,
            };
            if let Err(err) = self.engine.on_execution(&report) {
                log_error!("unknown_order_not_released", {"cl_ord_id": key, "why": format!("{err:?}")});
            }
        }
        self.halt_for_foreign();
    }

    /// The venue has named every order it has: what is not among them is gone.
    pub(super) fn foreign_known(&mut self) {
        let gone: Vec<String> = self
            .foreign
            .orders
            .iter()
            .filter(|(_, order)| !order.listed)
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            self.foreign_gone(&key, 0, 0);
            // Filled or cancelled, it does not say.
            self.resync.want();
        }
        self.halt_for_foreign();
    }

    /// Unknown orders that no person has claimed.
    fn unclaimed(&self) -> Vec<&str> {
        self.foreign
            .orders
            .keys()
            .filter(|key| !self.standing.claimed(key))
            .map(String::as_str)
            .collect()
    }

    /// Halts while one of them is unclaimed, or is claimed and yet in no limit because it could not be reserved.
    pub(super) fn halt_for_foreign(&mut self) {
        let unreserved = self.foreign.orders.values().any(|order| !order.reserved);
        let halted = unreserved || !self.unclaimed().is_empty();
        self.engine.set_halt(Halt::Unreconciled, halted);
    }

    /// Whether a claim would be about an order that is there.
    pub(super) fn can_claim(&self, cl_ord_id: &str) -> Result<(), String> {
        if self.foreign.orders.contains_key(cl_ord_id) {
            return Ok(());
        }
        Err(format!(
            "the venue works no unknown order '{cl_ord_id}'; unknown are: {}",
            match self.unclaimed().join(", ") {
                none if none.is_empty() => "none".to_string(),
                some => some,
            }
        ))
    }

    /// The cancel of one of them.
    pub(super) fn foreign_cancel(&self, id: u64) -> Option<Command> {
        let (key, order) = self.foreign.find(id)?;
        Some(Command::Cancel {
            cl_ord_id: format!(
                "{}-X{}-C{}",
                self.reference.region,
                id - FOREIGN_ORDER_ID_BASE,
                Self::wall_ns()
            ),
            orig_cl_ord_id: key.clone(),
            instrument_id: order.instrument_id,
            symbol: order.symbol.clone(),
            side: VenueSide::of(order.side, 0),
            quantity: order.quantity,
            ts_ns: self.clock.stamp(),
        })
    }

    /// For `status` and for what is left after a kill.
    pub(super) fn foreign_status(&self) -> Vec<Value> {
        self.foreign
            .orders
            .iter()
            .map(|(key, order)| {
                json!({"cl_ord_id": key, "instrument_id": order.instrument_id, "side": order.side as u8,
                    "leaves": order.quantity - order.filled, "claimed": self.standing.claimed(key), "reserved": order.reserved})
            })
            .collect()
    }
}
