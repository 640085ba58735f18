//! Orders that the venue works and no journal of ours knows: reserved like our own, cancelled with the rest, and nothing
//! opens until a person has claimed them or they are gone.

use std::collections::{BTreeMap, BTreeSet};

use dnalyaw_engine::{
    AdoptedOrder, ExecKind, Execution, FOREIGN_ORDER_ID_BASE, Halt, OWN_ORDER_ID_BASE, Side,
    is_own_order,
};
use serde_json::{Value, json};

use super::Core;
use super::orders::order_id;
use crate::record::Record;
use crate::venue::{Command, ExecutionReport, VenueSide};
use crate::{log_error, log_info, log_warn};

/// One of them, as the venue told it last.
#[derive(Clone, Debug)]
struct Order {
    id: u64,
    /// The ClOrdID that it goes by now, after the venue's last list.
    goes_by: String,
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
    /// Those that the journal has as over, by what was concluded here: from then on what comes of them is told by the venue's
    /// account alone, so that no fill counts twice.
    revived: BTreeSet<String>,
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

    /// Whether it is one that the journal has as over, and the venue works or worked on.
    pub fn has_revived(&self, cl_ord_id: &str) -> bool {
        self.revived.contains(cl_ord_id)
    }

    /// Ids of those in one of these instruments.
    pub fn ids_in(&self, instruments: &[u64]) -> Vec<u64> {
        let orders = self.orders.values();
        orders
            .filter(|order| instruments.contains(&order.instrument_id))
            .map(|order| order.id)
            .collect()
    }

    fn find(&self, id: u64) -> Option<(&String, &Order)> {
        self.orders.iter().find(|(_, order)| order.id == id)
    }
}

/// An order that cannot trade any more: by FIX's OrdStatus filled, cancelled, rejected, expired, or done for the day,
/// replaced or calculated with nothing left. With any other status it may: one that is stopped or suspended comes back.
fn is_over(report: &ExecutionReport) -> bool {
    match report.ord_status {
        b'2' | b'4' | b'8' | b'C' => true,
        b'3' | b'5' | b'B' => report.leaves_quantity <= 0,
        _ => false,
    }
}

/// Whether a report says that an order which is over here works at the venue: something of it can still fill, and no more of it is
/// known here than the report tells.
fn works_on(report: &ExecutionReport, filled: i64) -> bool {
    !is_over(report) && report.leaves_quantity > 0 && report.cumulative_quantity >= filled
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
        if report.mass_status.is_some() || !is_over(report) {
            self.note_taken(report);
        }
        let key = &report.cl_ord_id;
        if is_over(report) {
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
            if report.mass_status.is_some() && !report.own_cl_ord_id.is_empty() {
                order.goes_by.clone_from(&report.own_cl_ord_id);
            }
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

    /// An id of omsd's or riskd's form that the journal does not have is taken at the venue: a second order under it would be
    /// the venue's to refuse or, worse, to take.
    fn note_taken(&mut self, report: &ExecutionReport) {
        for name in [&report.cl_ord_id, &report.own_cl_ord_id] {
            let Some(id) = order_id(&self.reference.region, name) else {
                continue;
            };
            if id < OWN_ORDER_ID_BASE && id > self.orders.last_id() {
                log_error!("order_id_taken_at_venue", {"cl_ord_id": name, "last_order_id": self.orders.last_id(),
                    "what": "the journal does not have it; ids go on above it"});
                self.orders.taken_at_venue(id);
                self.engine.restore_last_order_id(id, 0);
            } else if is_own_order(id) {
                self.engine.restore_last_order_id(0, id);
            }
        }
    }

    /// A report about an order that is over here. When the venue works it after all it is reserved like one that nobody here
    /// placed: at once where a list names it or its end was concluded here, otherwise by what the next list says, as a report
    /// may be overtaken by the end it came before.
    pub(super) fn watch_ended(&mut self, id: u64, report: &ExecutionReport) {
        let Some(entry) = self.orders.get(id).filter(|entry| !entry.open()) else {
            return;
        };
        if !works_on(report, entry.filled) {
            return;
        }
        if report.mass_status.is_none() && entry.ended_by_venue() {
            self.resync.want_orders();
            return;
        }
        log_error!("order_works_on", {"order_id": id, "cl_ord_id": report.cl_ord_id,
            "what": "it is over here and the venue works it"});
        self.foreign.revived.insert(report.cl_ord_id.clone());
        self.on_foreign(report);
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
            goes_by: if report.mass_status.is_some() && !report.own_cl_ord_id.is_empty() {
                report.own_cl_ord_id.clone()
            } else {
                key.clone()
            },
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
        self.switch.look_again();
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
        self.forget_claim(key);
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
        // One that went while nobody looked.
        let stale: Vec<String> = self
            .standing
            .claims()
            .filter(|key| !self.foreign.orders.contains_key(*key))
            .cloned()
            .collect();
        for key in stale {
            self.forget_claim(&key);
        }
        self.halt_for_foreign();
    }

    /// A claim is of an order, not of whatever comes under its id later.
    fn forget_claim(&mut self, cl_ord_id: &str) {
        if self.standing.claimed(cl_ord_id) {
            self.write(&Record::ClaimOver {
                cl_ord_id: cl_ord_id.to_string(),
            });
        }
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

    /// Halts while one of them is unclaimed, or is claimed and yet in no limit because it could not be reserved; or while an
    /// order of ours is in none.
    pub(super) fn halt_for_foreign(&mut self) {
        let unreserved = self.foreign.orders.values().any(|order| !order.reserved);
        let halted = unreserved || !self.orders.all_reserved() || !self.unclaimed().is_empty();
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
        let (_, order) = self.foreign.find(id)?;
        Some(Command::Cancel {
            cl_ord_id: format!(
                "{}-X{}-C{}",
                self.reference.region,
                id - FOREIGN_ORDER_ID_BASE,
                Self::wall_ns()
            ),
            orig_cl_ord_id: order.goes_by.clone(),
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
