//! Modifications: decided as the order they would become, sent as OrderCancelReplaceRequest, and what comes of them.
//!
//! An order keeps its first id here and towards omsd. At the venue and in the engine it goes by the id of the last
//! modification that the venue took (`wire_id`).

use std::time::Instant;

use dnalyaw_engine::{AdoptedOrder, OWN_ORDER_ID_BASE, Reason, ReplaceRequest};
use dnalyaw_frames::{self as frames, Body};

use super::Core;
use super::orders::{cl_ord_id, order_id};
use crate::record::{DecisionRecord, ExecRecord, Id, OrderRecord, Record, Replacement};
use crate::venue::{Command, ExecutionReport};
use crate::{log_error, log_warn};

impl Core {
    pub(super) fn on_replace(&mut self, asked: &frames::Replace) {
        self.counters.replaces_in += 1;
        let original = self.orders.get(asked.original_id);
        let order = OrderRecord {
            order_id: asked.order_id,
            instrument_id: original.map_or(0, |entry| entry.instrument_id()),
            quantity: asked.quantity,
            limit_price: asked.limit_price,
            stop_distance: asked.stop_distance,
            side: original.map_or(0, |entry| entry.decision.order.side),
            order_type: original.map_or(0, |entry| entry.decision.order.order_type),
            time_in_force: original.map_or(0, |entry| entry.decision.order.time_in_force),
            flags: original.map_or(0, |entry| entry.decision.order.flags),
            strategies: original.map_or(0, |entry| entry.decision.order.strategies),
            path: original.map_or(frames::Path::Default, |entry| entry.decision.order.path),
        };
        let correlation = Id(asked.correlation);
        let replaces = Some(asked.original_id);
        if self.repeat_known(&order, correlation, replaces) {
            return;
        }
        if self.journal_failed {
            self.refuse_unjournaled(&order, correlation);
            return;
        }
        let taken_before = asked.order_id <= self.orders.last_id();
        let request = ReplaceRequest {
            order_id: asked.order_id,
            original_id: self.orders.wire_id(asked.original_id),
            quantity: asked.quantity,
            limit_price: asked.limit_price,
            stop_distance: asked.stop_distance,
        };
        let begun = Instant::now();
        let decision = self.engine.decide_replace(&request, self.now());
        self.officer.checked(begun.elapsed().as_nanos());
        let record = self.record(&order, correlation, &decision, replaces);
        self.conclude(vec![(record, taken_before)]);
    }

    /// The G of an accepted modification.
    pub(super) fn replace_command(
        &self,
        record: &DecisionRecord,
        original: u64,
    ) -> Option<Command> {
        let entry = self.orders.get(original)?;
        let instrument = self
            .reference
            .instrument(i64::try_from(record.order.instrument_id).ok()?)?;
        Some(Command::Replace {
            cl_ord_id: cl_ord_id(&self.reference.region, record.order.order_id),
            orig_cl_ord_id: cl_ord_id(&self.reference.region, entry.wire_id),
            instrument_id: record.order.instrument_id,
            symbol: instrument.symbol.clone(),
            side: entry.venue_side(),
            quantity: record.approved_quantity,
            limit_price: entry.is_limit().then_some(record.order.limit_price),
            immediate_or_cancel: entry.is_immediate(),
            path: record.order.path,
            cleared: self.engine.killed().is_some(),
            ts_ns: self.clock.stamp(),
        })
    }

    /// A modification that was accepted and not journaled does not leave.
    pub(super) fn withdraw_replacement(&mut self, original: u64) {
        let wire_id = self.orders.wire_id(original);
        if let Err(reason) = self.engine.on_replace_refused(wire_id) {
            log_warn!("modification_not_pending", {"order_id": original, "reason": reason.name()});
        }
    }

    /// The venue took the modification with this ClOrdID.
    pub(super) fn on_venue_replaced(&mut self, id: u64, report: &ExecutionReport, exec_id: String) {
        let Some(new_id) = order_id(&self.reference.region, &report.own_cl_ord_id) else {
            log_warn!("modification_unknown", {"order_id": id, "cl_ord_id": report.own_cl_ord_id});
            self.resync.want_orders();
            return;
        };
        let Some((quantity, limit_price)) = self
            .orders
            .get(new_id)
            .filter(|entry| entry.decision.replaces == Some(id))
            .map(|entry| {
                (
                    entry.decision.approved_quantity,
                    entry.decision.order.limit_price,
                )
            })
        else {
            log_warn!("modification_unknown", {"order_id": id, "cl_ord_id": report.own_cl_ord_id});
            self.resync.want_orders();
            return;
        };
        if self.orders.wire_id(id) == new_id {
            self.remember(&exec_id);
            return;
        }
        let before = self.orders.wire_id(id);
        if let Err(reason) = self.engine.on_replaced(before) {
            log_warn!("modification_not_pending", {"order_id": id, "reason": reason.name()});
            self.adopt_replaced(id, new_id, quantity, limit_price);
        }
        let Some(entry) = self.orders.get(id) else {
            return;
        };
        let price = self.engine.price(entry.instrument_id());
        let record = ExecRecord {
            order_id: id,
            ts_ns: self.now(),
            exec_id,
            exec_type: frames::ExecType::Replaced as u8,
            last_quantity: 0,
            last_price: 0,
            cumulative_quantity: entry.filled,
            leaves_quantity: (quantity - entry.filled).max(0),
            fee: 0,
            reason: Reason::Replaced.code(),
            bid: price.map_or(0, |p| p.bid),
            ask: price.map_or(0, |p| p.ask),
            synthesised: false,
            replacement: Some(Replacement {
                order_id: new_id,
                quantity,
                limit_price,
            }),
            corrects: None,
        };
        self.book_exec(record);
    }

    /// After a restart the engine knows the order by its old id and has the larger of both reserved: in its place comes what
    /// the venue took. The new one first, so that a stop finds something to guard all the while.
    fn adopt_replaced(&mut self, id: u64, new_id: u64, quantity: i64, limit_price: i64) {
        let Some(entry) = self.orders.get(id) else {
            return;
        };
        let (before, filled) = (entry.wire_id, entry.filled);
        let now = AdoptedOrder {
            order_id: new_id,
            quantity,
            limit_price,
            ..entry.adopted()
        };
        let adopted = if filled < quantity {
            self.engine.adopt(&now)
        } else {
            Ok(())
        };
        self.release(before, filled);
        if let Err(reason) = adopted {
            log_error!("order_not_reserved", {"order_id": id, "reason": reason.name()});
        }
        self.orders.set_reserved(id, adopted.is_ok());
        self.halt_for_foreign();
    }

    /// The venue (or the latch) did not take a modification: the order stands as it was.
    pub(super) fn on_replace_refused(&mut self, new_id: u64, exec_id: String, reason: Reason) {
        let Some((original, open)) = self
            .orders
            .get(new_id)
            .and_then(|entry| Some((entry.decision.replaces?, entry.open())))
        else {
            return;
        };
        if !open {
            return;
        }
        self.withdraw_replacement(original);
        let record = ExecRecord {
            order_id: new_id,
            ts_ns: self.now(),
            exec_id,
            exec_type: frames::ExecType::Rejected as u8,
            last_quantity: 0,
            last_price: 0,
            cumulative_quantity: 0,
            leaves_quantity: 0,
            fee: 0,
            reason: reason.code(),
            bid: 0,
            ask: 0,
            synthesised: false,
            replacement: None,
            corrects: None,
        };
        self.orders.reported(&record);
        self.write(&Record::Exec(record));
        self.counters.refused += 1;
        self.tell(Body::Refused(frames::Refused {
            order_id: new_id,
            reason: reason.code(),
        }));
    }

    /// What a mass status says of a modification whose answer did not come: the order's ClOrdID tells.
    pub(super) fn settle_replacement(&mut self, id: u64, report: &ExecutionReport) {
        let Some(new_id) = self.orders.get(id).and_then(|entry| entry.replacing) else {
            return;
        };
        let sent_before = self
            .orders
            .get(new_id)
            .is_some_and(|entry| Some(entry.epoch) != self.epoch);
        if order_id(&self.reference.region, &report.own_cl_ord_id) == Some(new_id) {
            let exec_id = format!("STATUS-REPLACED-{}", report.own_cl_ord_id);
            self.on_venue_replaced(id, report, exec_id);
        } else if sent_before {
            let cl_ord_id = cl_ord_id(&self.reference.region, new_id);
            self.on_replace_refused(
                new_id,
                format!("NEVER-SAW-{cl_ord_id}"),
                Reason::VenueNeverSaw,
            );
        }
    }

    /// Marks what was handed to the connection.
    pub(super) fn sent(&mut self, id: u64) {
        let epoch = self.epoch.unwrap_or(0);
        if let Some(entry) = self.orders.get_mut(id) {
            entry.epoch = epoch;
            entry.sent_at = Some(Instant::now());
        }
    }
}

/// An id that omsd may give.
pub(super) fn given_by_omsd(id: u64) -> bool {
    id != 0 && id < OWN_ORDER_ID_BASE
}
