//! Orders, cancels and the kill switch.

use std::time::Instant;

use dnalyaw_engine::{
    CloseOrder, Decision, DecisionKind, ExecKind, FOREIGN_ORDER_ID_BASE, Reason, Side, TIF_IOC,
    TYPE_LIMIT,
};
use dnalyaw_frames::{self as frames, Body};
use serde::Serialize;

use super::orders::{CancelState, Entry, cl_ord_id};
use super::replace::given_by_omsd;
use super::{Core, log, wire};
use crate::log::Level;
use crate::record::{DecisionRecord, Id, Metrics, OrderRecord, Record};
use crate::venue::{Command, VenueSide};

impl Core {
    pub(super) fn on_new_order(&mut self, order: &frames::NewOrder) {
        self.counters.orders_in += 1;
        let asked = OrderRecord::from(order);
        let correlation = Id(order.correlation);
        if self.repeat_known(&asked, correlation, None) {
            return;
        }
        if self.journal_failed {
            self.refuse_unjournaled(&asked, correlation);
            return;
        }
        let taken_before = order.order_id <= self.orders.last_id();
        if !self.reference.has_path(order.path) {
            let reason = if taken_before {
                Reason::DuplicateId
            } else {
                Reason::Malformed
            };
            self.reject(&asked, correlation, reason);
            return;
        }
        let begun = Instant::now();
        let decision = self.engine.decide(&asked.request(), self.now());
        self.officer.checked(begun.elapsed().as_nanos());
        let record = self.record(&asked, correlation, &decision, None);
        self.conclude(vec![(record, taken_before)]);
    }

    /// Rejects what the engine need not see, or may not see in parts. The id is taken all the same.
    pub(super) fn reject(&mut self, asked: &OrderRecord, correlation: Id, reason: Reason) {
        let taken_before = asked.order_id <= self.orders.last_id();
        let decision = Decision {
            limits_hash: dnalyaw_engine::hash_prefix(&self.engine.limits_hash()),
            ..Decision::undecided(&asked.request(), reason)
        };
        if given_by_omsd(asked.order_id) {
            self.engine.restore_last_order_id(asked.order_id, 0);
        }
        let record = self.record(asked, correlation, &decision, None);
        self.conclude(vec![(record, taken_before)]);
    }

    /// Whether the same was asked under this id before.
    pub(super) fn is_known(
        &self,
        asked: &OrderRecord,
        correlation: Id,
        replaces: Option<u64>,
    ) -> bool {
        self.orders.get(asked.order_id).is_some_and(|entry| {
            entry.decision.order == *asked
                && entry.decision.correlation == correlation
                && entry.decision.replaces == replaces
        })
    }

    /// Tells again what came of an id that was decided with the same content.
    pub(super) fn repeat_known(
        &mut self,
        asked: &OrderRecord,
        correlation: Id,
        replaces: Option<u64>,
    ) -> bool {
        if !self.is_known(asked, correlation, replaces) {
            return false;
        }
        let story = self.orders.get(asked.order_id).map(Entry::story);
        self.counters.repeated += 1;
        for (ts_ns, body) in story.unwrap_or_default() {
            self.repeat(ts_ns, body);
        }
        true
    }

    /// Journals what was decided, tells it, and lets go of what was let through: all of it or, where the journal has no
    /// room for one, none. With each decision comes whether its id was taken before.
    pub(super) fn conclude(&mut self, decided: Vec<(DecisionRecord, bool)>) {
        let mut stored = true;
        let mut ours = Vec::with_capacity(decided.len());
        for (record, taken_before) in decided {
            // An id that was taken, or that is not for omsd to give, leaves the order that has it alone.
            let own = !taken_before && given_by_omsd(record.order.order_id);
            let boxed = Box::new(record.clone());
            let entry = if own {
                Record::Decision(boxed)
            } else {
                Record::Refusal(boxed)
            };
            stored &= self.write(&entry);
            ours.push((record, own));
        }
        for (record, own) in ours {
            if !stored {
                self.withdraw(&record);
                self.refuse_unjournaled(&record.order, record.correlation);
                continue;
            }
            self.count(&record);
            self.log_decision(&record);
            self.tell(Body::Decision(record.frame()));
            if own {
                self.take(record);
            }
        }
    }

    /// An order that was accepted and not journaled does not leave: its reserve goes.
    fn withdraw(&mut self, record: &DecisionRecord) {
        if !record.accepted() {
            return;
        }
        match record.replaces {
            Some(original) => self.withdraw_replacement(original),
            None => self.mark(record.order.order_id, ExecKind::Rejected),
        }
    }

    /// Keeps a decision that is journaled and, when it lets something through, sends it.
    fn take(&mut self, record: DecisionRecord) {
        let id = record.order.order_id;
        let command = match (record.accepted(), record.replaces) {
            (false, _) => None,
            (true, Some(original)) => self.replace_command(&record, original),
            (true, None) => self.order_command(&record),
        };
        self.orders.decided(record);
        if let Some(command) = command {
            self.sent(id);
            self.send(command);
        }
    }

    fn order_command(&self, record: &DecisionRecord) -> Option<Command> {
        let order = &record.order;
        let instrument = self
            .reference
            .instrument(i64::try_from(order.instrument_id).ok()?)?;
        Some(Command::NewOrder {
            cl_ord_id: cl_ord_id(&self.reference.region, order.order_id),
            instrument_id: order.instrument_id,
            symbol: instrument.symbol.clone(),
            side: VenueSide::of(Side::from_u8(order.side)?, order.flags),
            quantity: record.approved_quantity,
            limit_price: (order.order_type == TYPE_LIMIT).then_some(order.limit_price),
            immediate_or_cancel: order.time_in_force == TIF_IOC,
            path: order.path,
            cleared: self.engine.killed().is_some(),
            ts_ns: self.clock.stamp(),
        })
    }

    pub(super) fn record(
        &self,
        order: &OrderRecord,
        correlation: Id,
        decision: &Decision,
        replaces: Option<u64>,
    ) -> DecisionRecord {
        DecisionRecord {
            ts_ns: self.now(),
            wall_ns: Self::wall_ns(),
            session: self.reference.session,
            order: *order,
            replaces,
            correlation,
            decision: decision.kind as u8,
            reason: decision.reason.code(),
            approved_quantity: decision.approved_quantity,
            reference_price: decision.reference_price,
            equity: decision.equity,
            worst_case: decision.instrument_worst_case,
            binding_limit: decision.binding_limit,
            limits_hash: decision.limits_hash,
            metrics: Metrics::from(&decision.metrics),
        }
    }

    /// Without a journal nothing can be decided; the answer is the one thing that still goes out.
    pub(super) fn refuse_unjournaled(&mut self, order: &OrderRecord, correlation: Id) {
        self.counters.rejected += 1;
        self.tell(Body::Decision(frames::Decision {
            order_id: order.order_id,
            instrument_id: order.instrument_id,
            requested_quantity: order.quantity,
            approved_quantity: 0,
            limits_hash: dnalyaw_engine::hash_prefix(&self.engine.limits_hash()),
            correlation: correlation.0,
            decision: frames::DecisionKind::Reject,
            path: order.path,
            reason: Reason::JournalFailed.code(),
            reference_price: 0,
            equity: 0,
            worst_case: 0,
            binding_limit: 0,
        }));
    }

    fn count(&mut self, record: &DecisionRecord) {
        self.officer.decided(record);
        let counter = match record.frame().decision {
            frames::DecisionKind::Approve => &mut self.counters.approved,
            frames::DecisionKind::Reduce => &mut self.counters.reduced,
            frames::DecisionKind::Reject => &mut self.counters.rejected,
            frames::DecisionKind::Flatten => &mut self.counters.flatten_orders,
        };
        *counter += 1;
    }

    fn log_decision(&self, record: &DecisionRecord) {
        #[derive(Serialize)]
        struct Line {
            order_id: u64,
            instrument_id: u64,
            decision: String,
            reason: &'static str,
            requested: i64,
            approved: i64,
            path: u8,
        }
        let line = Line {
            order_id: record.order.order_id,
            instrument_id: record.order.instrument_id,
            decision: format!("{:?}", record.frame().decision).to_uppercase(),
            reason: Reason::from_code(record.reason).map_or("?", Reason::name),
            requested: record.order.quantity,
            approved: record.approved_quantity,
            path: record.order.path as u8,
        };
        let correlation = Some(&record.correlation.0);
        log::write(Level::Info, "decision", correlation, line);
    }

    pub(super) fn on_cancel(&mut self, cancel: &frames::Cancel) {
        self.counters.cancels_in += 1;
        let known = self
            .orders
            .get(cancel.order_id)
            .is_some_and(super::orders::Entry::open);
        if known {
            self.cancel(cancel.order_id, Id(cancel.correlation));
            // Also of one that had left before, for another.
            if let Some(asked) = self
                .orders
                .get_mut(cancel.order_id)
                .and_then(|entry| entry.cancel.as_mut())
            {
                asked.by_oms = true;
            }
        } else {
            self.counters.refused += 1;
            self.tell(Body::Refused(frames::Refused {
                order_id: cancel.order_id,
                reason: Reason::UnknownOrder.code(),
            }));
        }
    }

    /// Asks the venue to cancel an open order, now or as soon as it is there again: a cancel only ever lowers exposure.
    pub(super) fn cancel(&mut self, order_id: u64, correlation: Id) {
        let asked = self.orders.get(order_id).and_then(|entry| entry.cancel);
        if asked.is_some_and(|cancel| cancel.awaits(self.epoch)) {
            return;
        }
        self.book_cancel(order_id, correlation);
        self.send_cancel(order_id);
    }

    /// The kill switch's cancel: on its way before the journal hears of it, and again however often it is asked for.
    pub(super) fn cancel_first(&mut self, order_id: u64, correlation: Id) {
        if let (Some(epoch), Some(command)) = (self.epoch, self.cancel_command(order_id))
            && !self.venue.send(epoch, command)
        {
            self.overflowed(epoch);
        }
        self.book_cancel(order_id, correlation);
        let epoch = self.epoch.unwrap_or(0);
        if let Some(cancel) = self
            .orders
            .get_mut(order_id)
            .and_then(|e| e.cancel.as_mut())
        {
            cancel.epoch = epoch;
            cancel.sent_at = Some(Instant::now());
        }
    }

    fn book_cancel(&mut self, order_id: u64, correlation: Id) {
        let wire_id = self.orders.wire_id(order_id);
        if let Err(reason) = self.engine.request_cancel(wire_id) {
            // An order of an earlier session is not in the engine, and may still be cancelled.
            crate::log_warn!("cancel_of_unreserved_order", {"order_id": order_id, "reason": reason.name()});
        }
        let ts_ns = self.now();
        // A cancel leaves without the journal too: it only ever lowers exposure.
        self.write(&Record::Cancel {
            order_id,
            correlation,
            ts_ns,
        });
        if let Some(entry) = self.orders.get_mut(order_id) {
            let by_oms = entry
                .cancel
                .is_some_and(|cancel| cancel.by_oms && !cancel.refused);
            entry.cancel = Some(CancelState {
                by_oms,
                ..CancelState::wanted(correlation)
            });
        }
    }

    pub(super) fn send_cancel(&mut self, order_id: u64) {
        let Some(epoch) = self.epoch else { return };
        let Some(command) = self.cancel_command(order_id) else {
            return;
        };
        if let Some(cancel) = self
            .orders
            .get_mut(order_id)
            .and_then(|e| e.cancel.as_mut())
        {
            cancel.epoch = epoch;
            cancel.sent_at = Some(Instant::now());
            self.send(command);
        }
    }

    fn cancel_command(&self, order_id: u64) -> Option<Command> {
        if order_id >= FOREIGN_ORDER_ID_BASE {
            return self.foreign_cancel(order_id);
        }
        let entry = self.orders.get(order_id).filter(|entry| entry.open())?;
        let instrument_id = entry.instrument_id();
        let instrument = i64::try_from(instrument_id)
            .ok()
            .and_then(|id| self.reference.instrument(id));
        let symbol = match instrument {
            Some(instrument) => instrument.symbol.clone(),
            None => entry.symbol.clone()?,
        };
        let orig_cl_ord_id = cl_ord_id(&self.reference.region, entry.wire_id);
        Some(Command::Cancel {
            // Unique for the life of the venue, across restarts.
            cl_ord_id: format!("{orig_cl_ord_id}-C{}", Self::wall_ns()),
            orig_cl_ord_id,
            instrument_id,
            symbol,
            side: entry.venue_side(),
            quantity: entry.quantity,
            ts_ns: self.clock.stamp(),
        })
    }

    /// Decides and sends a closing order of riskd's own.
    pub(super) fn close_position(&mut self, close: &CloseOrder, correlation: Id) {
        let (request, decision) = self.engine.decide_close(close, self.now());
        let order = OrderRecord::from(&request);
        let record = self.record(&order, correlation, &decision, None);
        self.count(&record);
        self.log_decision(&record);
        if decision.kind != DecisionKind::Flatten || !decision.accepted() {
            self.close_ended(close.instrument_id, 0, decision.reason.name());
        }
        // What the kill switch sends leaves without a journal too: it only reduces, and the log has it.
        self.write(&Record::Decision(Box::new(record.clone())));
        self.tell(Body::Decision(record.frame()));
        self.take(record);
    }

    /// Signed shares and their mark.
    pub(super) fn position(&self, instrument_id: u64) -> (i64, i64) {
        self.engine
            .positions()
            .iter()
            .find(|p| p.instrument_id == instrument_id)
            .map_or((0, 0), |p| (p.quantity, p.mark))
    }

    pub(super) fn welcome(&self) -> frames::Welcome {
        let state = self.engine.state_report();
        frames::Welcome {
            session: self.reference.session,
            trading_state: wire::trading_state(state.trading_state),
            venue_up: state.venue_up,
            last_order_id: self.orders.last_id(),
            limits_hash: dnalyaw_engine::hash_prefix(&self.engine.limits_hash()),
            reference_hash: self.reference.short_hash(),
            region: frames::FixedText::new(&self.reference.region)
                .expect("the reference's region is one to four capital letters"),
        }
    }
}
