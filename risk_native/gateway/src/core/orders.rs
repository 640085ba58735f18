//! Every order that was ever decided, rebuilt from the journal, and the ids that were used.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};

use dnalyaw_engine::{AdoptedOrder, OWN_ORDER_ID_BASE, Side, TIF_IOC, TYPE_LIMIT};
use dnalyaw_frames as frames;

use super::wire;
use crate::record::{DecisionRecord, ExecRecord, Id, Part, Record};
use crate::venue::VenueSide;

/// A cancel without an answer for this long is as good as lost.
const CANCEL_LIMIT: Duration = Duration::from_secs(5);

/// One order's life.
#[derive(Clone, Debug)]
pub struct Entry {
    pub decision: DecisionRecord,
    /// Every report that changed it, in the order in which they were taken.
    pub execs: Vec<ExecRecord>,
    /// Shares filled, and their notional, as far as reports told.
    pub filled: i64,
    pub notional: i128,
    /// Fees of the fills that told theirs.
    pub fees: i64,
    /// The venue has spoken of it.
    pub acknowledged: bool,
    /// Nothing can come of it any more.
    pub done: bool,
    /// The connection that carried it; 0 = one of an earlier process.
    pub epoch: u64,
    pub sent_at: Option<Instant>,
    /// A cancel is wanted, and the connection that carried it last (0 = none yet).
    pub cancel: Option<CancelState>,
    /// omsd was told that the fate is unknown.
    pub told_unknown: bool,
    /// What the venue took last: the approved quantity and limit price, or those of a modification.
    pub quantity: i64,
    pub limit_price: i64,
    /// The id by which venue and engine know it: its own, or that of the last modification that the venue took.
    pub wire_id: u64,
    /// The modification that the venue has not answered.
    pub replacing: Option<u64>,
    /// Its symbol by the venue's word, where the reference file does not have its instrument.
    pub symbol: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelState {
    pub correlation: Id,
    pub epoch: u64,
    pub sent_at: Option<Instant>,
    /// The venue would not; the order works on, and nothing repeats it.
    pub refused: bool,
    /// omsd asked for it and waits for what comes of it.
    pub by_oms: bool,
}

impl CancelState {
    /// One that is wanted and has not left yet.
    pub fn wanted(correlation: Id) -> Self {
        Self {
            correlation,
            epoch: 0,
            sent_at: None,
            refused: false,
            by_oms: correlation != Id::default(),
        }
    }

    /// The connection carries it, and its answer may still come.
    pub fn awaits(&self, epoch: Option<u64>) -> bool {
        let fresh = self.sent_at.is_some_and(|at| at.elapsed() < CANCEL_LIMIT);
        Some(self.epoch) == epoch && fresh && !self.refused
    }

    /// It never left, left by a connection that is gone, or was not answered.
    pub fn is_lost(&self, epoch: Option<u64>) -> bool {
        !self.refused && !self.awaits(epoch)
    }
}

impl Entry {
    fn new(decision: DecisionRecord) -> Self {
        Self {
            done: !decision.accepted(),
            quantity: decision.approved_quantity,
            limit_price: decision.order.limit_price,
            wire_id: decision.order.order_id,
            replacing: None,
            decision,
            execs: Vec::new(),
            filled: 0,
            notional: 0,
            fees: 0,
            acknowledged: false,
            epoch: 0,
            sent_at: None,
            cancel: None,
            told_unknown: false,
            symbol: None,
        }
    }

    pub fn id(&self) -> u64 {
        self.decision.order.order_id
    }

    pub fn instrument_id(&self) -> u64 {
        self.decision.order.instrument_id
    }

    /// An accepted order has one of the two sides; the engine saw to it.
    pub fn side(&self) -> Side {
        Side::from_u8(self.decision.order.side).unwrap_or(Side::Buy)
    }

    /// As FIX names it.
    pub fn venue_side(&self) -> VenueSide {
        VenueSide::of(self.side(), self.decision.order.flags)
    }

    pub fn is_limit(&self) -> bool {
        self.decision.order.order_type == TYPE_LIMIT
    }

    pub fn is_immediate(&self) -> bool {
        self.decision.order.time_in_force == TIF_IOC
    }

    pub fn open(&self) -> bool {
        !self.done
    }

    /// Over by the venue's own word, rather than by what was concluded here.
    pub fn ended_by_venue(&self) -> bool {
        let end = self
            .execs
            .iter()
            .rfind(|exec| wire::is_final(exec.exec_type));
        end.is_some_and(|exec| !exec.synthesised || exec.exec_id.starts_with("STATUS-"))
    }

    /// As the engine takes an order in that it has not decided.
    pub fn adopted(&self) -> AdoptedOrder {
        AdoptedOrder {
            order_id: self.wire_id,
            instrument_id: self.instrument_id(),
            side: self.side(),
            quantity: self.quantity,
            cumulative_quantity: self.filled,
            limit_price: self.limit_price,
        }
    }

    pub fn leaves(&self) -> i64 {
        if self.done {
            0
        } else {
            (self.quantity - self.filled).max(0)
        }
    }

    /// A modification of another order, rather than an order.
    pub fn is_modification(&self) -> bool {
        self.decision.replaces.is_some()
    }

    fn apply(&mut self, exec: &ExecRecord) {
        self.fees += exec.fee;
        if exec.last_quantity != 0 {
            self.notional += i128::from(exec.last_quantity) * i128::from(exec.last_price);
        }
        self.filled = if exec.exec_type == frames::ExecType::Corrected as u8 {
            exec.cumulative_quantity
        } else {
            self.filled.max(exec.cumulative_quantity)
        };
        if let Some(taken) = &exec.replacement {
            (self.quantity, self.limit_price) = (taken.quantity, taken.limit_price);
            self.wire_id = taken.order_id;
        }
        self.acknowledged = true;
        self.told_unknown = false;
        if wire::is_final(exec.exec_type) {
            self.done = true;
        }
        self.execs.push(exec.clone());
    }

    /// The last report, flagged as repeated, and the moment of it.
    pub fn last_exec(&self) -> Option<(i64, frames::Exec)> {
        self.execs.last().map(|exec| self.repeated(exec))
    }

    /// The decision and every report, as a SYNC or a NEW_ORDER that came again repeats them: each with its own moment.
    /// Whoever missed some of them has then heard all, fill by fill.
    pub fn story(&self) -> Vec<(i64, frames::Body)> {
        let decision = (
            self.decision.ts_ns,
            frames::Body::Decision(self.decision.frame()),
        );
        let execs = self.execs.iter().map(|exec| {
            if self.is_modification() {
                // Of a modification nothing is told but that the venue refused it.
                let refused = frames::Refused {
                    order_id: self.id(),
                    reason: exec.reason,
                };
                return (exec.ts_ns, frames::Body::Refused(refused));
            }
            let (ts_ns, frame) = self.repeated(exec);
            (ts_ns, frames::Body::Exec(frame))
        });
        std::iter::once(decision).chain(execs).collect()
    }

    /// Everything about the order that outlives a restart, as bytes to be hashed.
    pub fn digest(&self) -> Vec<u8> {
        let kept = (
            (&self.decision, &self.execs),
            (self.filled, self.notional.to_string(), self.fees),
            (self.acknowledged, self.done),
            self.cancel.map(|cancel| cancel.correlation),
            (
                self.quantity,
                self.limit_price,
                self.wire_id,
                self.replacing,
            ),
        );
        // Records hold no map and no number that JSON could not carry.
        serde_json::to_vec(&kept).expect("an order is JSON")
    }

    fn repeated(&self, exec: &ExecRecord) -> (i64, frames::Exec) {
        (exec.ts_ns, wire::exec_frame(exec, &self.decision, true))
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Orders {
    entries: BTreeMap<u64, Entry>,
    /// From a modification that was accepted to the order that it changes.
    aliases: BTreeMap<u64, u64>,
    /// Modifications of orders that a snapshot has not restated yet, by those.
    early: BTreeMap<u64, Vec<u64>>,
    open: HashSet<u64>,
    seen: HashSet<String>,
    /// Those of them that no report of an order holds.
    remembered: BTreeSet<String>,
    /// The session that riskd began last.
    session: u32,
    last_id: u64,
    last_own_id: u64,
    /// The highest id of omsd's form that the venue has named and the journal may not have.
    venue_id: u64,
    /// Open orders that the engine could not reserve: in no limit.
    unreserved: BTreeSet<u64>,
}

impl Orders {
    /// What a record says about orders. Records of other kinds change nothing.
    pub fn replay(&mut self, record: Record) {
        match record {
            Record::Decision(decision) => {
                self.decided(*decision);
            }
            Record::Exec(exec) => self.reported(&exec),
            Record::Seen { exec_id } => {
                self.see(&exec_id);
            }
            Record::Start { session, .. } => self.begin_session(session),
            Record::Cancel {
                order_id,
                correlation,
                ..
            } => {
                if let Some(entry) = self.entries.get_mut(&order_id) {
                    entry.cancel = Some(CancelState::wanted(correlation));
                }
            }
            Record::Expired { order_id } => self.close(order_id),
            Record::Snapshot(Part::Begin {
                session,
                last_order_id,
                last_own_order_id,
                ..
            }) => {
                self.begin_session(session);
                self.last_id = self.last_id.max(last_order_id);
                self.last_own_id = self.last_own_id.max(last_own_order_id);
            }
            Record::Snapshot(Part::State { record }) => self.replay(*record),
            Record::Snapshot(Part::Order {
                decision,
                cancel,
                replacing,
                done,
            }) => self.restated(*decision, cancel, replacing, done),
            _ => {}
        }
    }

    /// Takes an order in as a snapshot tells it; its reports follow.
    fn restated(
        &mut self,
        decision: DecisionRecord,
        cancel: Option<Id>,
        replacing: Option<u64>,
        done: bool,
    ) {
        let (id, original) = (decision.order.order_id, decision.replaces);
        // What is pending on the original is the original's to tell.
        let pending = original
            .and_then(|id| self.entries.get(&id))
            .map(|entry| entry.replacing);
        let entry = self.decided(decision);
        entry.replacing = replacing;
        entry.done |= done;
        entry.cancel = cancel.map(CancelState::wanted);
        let early = self.early.remove(&id).unwrap_or_default();
        if done {
            self.open.remove(&id);
            // What was to change it came to nothing with it.
            for id in early {
                self.close(id);
            }
        }
        if let (Some(original), Some(pending)) = (original, pending)
            && let Some(entry) = self.entries.get_mut(&original)
        {
            // Unless this is it, and was answered while the snapshot was written.
            entry.replacing = pending.filter(|pending| !done || *pending != id);
        }
    }

    /// Takes a new order in.
    pub fn decided(&mut self, decision: DecisionRecord) -> &mut Entry {
        let id = decision.order.order_id;
        if id >= OWN_ORDER_ID_BASE {
            self.last_own_id = self.last_own_id.max(id);
        } else {
            self.last_id = self.last_id.max(id);
        }
        match decision.replaces {
            // A modification works under the order that it changes.
            Some(original) if decision.accepted() => {
                self.aliases.insert(id, original);
                match self.entries.get_mut(&original) {
                    Some(entry) => entry.replacing = Some(id),
                    None => self.early.entry(original).or_default().push(id),
                }
            }
            None if decision.accepted() => {
                self.open.insert(id);
            }
            _ => {}
        }
        let entry = Entry::new(decision);
        match self.entries.entry(id) {
            std::collections::btree_map::Entry::Vacant(slot) => slot.insert(entry),
            std::collections::btree_map::Entry::Occupied(slot) => {
                let slot = slot.into_mut();
                *slot = entry;
                slot
            }
        }
    }

    /// Takes a report in.
    pub fn reported(&mut self, exec: &ExecRecord) {
        self.seen.insert(exec.exec_id.clone());
        if let Some(entry) = self.entries.get_mut(&exec.order_id) {
            entry.apply(exec);
            if entry.done {
                self.close(exec.order_id);
            }
        }
        if let Some(taken) = &exec.replacement {
            self.close(taken.order_id);
        }
    }

    /// Marks an order as over without a report.
    pub fn close(&mut self, order_id: u64) {
        self.open.remove(&order_id);
        self.unreserved.remove(&order_id);
        let Some(entry) = self.entries.get_mut(&order_id) else {
            return;
        };
        entry.done = true;
        let ended = entry.replacing.take();
        let original = entry.decision.replaces;
        if let Some(entry) = original.and_then(|id| self.entries.get_mut(&id)) {
            // Decided and answered, or answered before it could be: nothing of it is pending.
            entry.replacing = entry.replacing.filter(|id| *id != order_id);
        }
        // What was to change an order that is over comes to nothing with it.
        if let Some(entry) = ended.and_then(|id| self.entries.get_mut(&id)) {
            entry.done = true;
        }
    }

    /// Whether the engine holds the reserve of an open order.
    pub fn set_reserved(&mut self, order_id: u64, reserved: bool) {
        if reserved {
            self.unreserved.remove(&order_id);
        } else if self.open.contains(&order_id) {
            self.unreserved.insert(order_id);
        }
    }

    /// Every open order is in the limits.
    pub fn all_reserved(&self) -> bool {
        self.unreserved.is_empty()
    }

    /// The order that goes by this id: itself, or the one that a modification of this id changed.
    pub fn original(&self, id: u64) -> u64 {
        self.aliases.get(&id).copied().unwrap_or(id)
    }

    /// The id by which venue and engine know an order.
    pub fn wire_id(&self, id: u64) -> u64 {
        self.entries.get(&id).map_or(id, |entry| entry.wire_id)
    }

    /// Remembers an ExecID; false when it was known.
    pub fn see(&mut self, exec_id: &str) -> bool {
        let new = self.seen.insert(exec_id.to_string());
        if new {
            self.remembered.insert(exec_id.to_string());
        }
        new
    }

    /// ExecIDs of this session that no report of an order holds.
    pub fn remembered(&self) -> impl Iterator<Item = &String> {
        self.remembered.iter()
    }

    /// The venue tells of one session only: what earlier ones saw and finished is history.
    pub fn begin_session(&mut self, session: u32) {
        if session != std::mem::replace(&mut self.session, session) {
            self.remembered.clear();
            self.seen.clear();
        }
    }

    /// Ids of the session's orders, and of those of earlier ones that are open.
    pub fn current(&self, session: u32) -> impl Iterator<Item = u64> {
        self.entries
            .values()
            .filter(move |entry| entry.open() || entry.decision.session == session)
            .map(Entry::id)
    }

    pub fn has_seen(&self, exec_id: &str) -> bool {
        self.seen.contains(exec_id)
    }

    pub fn get(&self, order_id: u64) -> Option<&Entry> {
        self.entries.get(&order_id)
    }

    pub fn get_mut(&mut self, order_id: u64) -> Option<&mut Entry> {
        self.entries.get_mut(&order_id)
    }

    /// Ids of open orders, ascending.
    pub fn open_ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.open.iter().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Open orders with ids from `first` on.
    pub fn open_from(&self, first: u64) -> impl Iterator<Item = &Entry> {
        self.open
            .iter()
            .filter(move |id| **id >= first)
            .filter_map(|id| self.entries.get(id))
    }

    pub fn open_count(&self) -> u64 {
        self.open.len() as u64
    }

    /// Shares that orders of this session filled, by instrument, both sides.
    pub fn traded(&self, session: u32) -> BTreeMap<u64, i64> {
        let mut traded: BTreeMap<u64, i64> = BTreeMap::new();
        for entry in self.of_session(session).filter(|entry| entry.filled > 0) {
            let sum = traded.entry(entry.instrument_id()).or_default();
            *sum = sum.saturating_add(entry.filled);
        }
        traded
    }

    /// Orders decided in this session, by id.
    pub fn of_session(&self, session: u32) -> impl Iterator<Item = &Entry> {
        self.entries
            .values()
            .filter(move |entry| entry.decision.session == session)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The last id that is taken, here or at the venue.
    pub fn last_id(&self) -> u64 {
        self.last_id.max(self.venue_id)
    }

    /// The last ids that the journal knows of: omsd's and riskd's own. What the venue adds it tells again after every start.
    pub fn journaled_ids(&self) -> (u64, u64) {
        (self.last_id, self.last_own_id)
    }

    pub fn last_own_id(&self) -> u64 {
        self.last_own_id
    }

    /// The venue has an order under an id that omsd gives.
    pub fn taken_at_venue(&mut self, id: u64) {
        self.venue_id = self.venue_id.max(id);
    }
}

/// `US-17`, or `US-K3` for the third order of riskd's own.
pub fn cl_ord_id(region: &str, order_id: u64) -> String {
    match order_id.checked_sub(OWN_ORDER_ID_BASE) {
        Some(own) => format!("{region}-K{own}"),
        None => format!("{region}-{order_id}"),
    }
}

/// The reverse of `cl_ord_id`; nothing for an id that is not ours.
pub fn order_id(region: &str, cl_ord_id: &str) -> Option<u64> {
    let rest = cl_ord_id.strip_prefix(region)?.strip_prefix('-')?;
    let (base, digits) = match rest.strip_prefix('K') {
        Some(digits) => (OWN_ORDER_ID_BASE, digits),
        None => (0, rest),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_add(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_order_ids_go_both_ways() {
        for id in [1, 17, OWN_ORDER_ID_BASE - 1, OWN_ORDER_ID_BASE + 3] {
            assert_eq!(order_id("US", &cl_ord_id("US", id)), Some(id));
        }
        assert_eq!(cl_ord_id("US", OWN_ORDER_ID_BASE + 3), "US-K3");
        for text in ["HK-1", "US1", "US-", "US--1", "US-K", "US-1x", "US-+1", ""] {
            assert_eq!(order_id("US", text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_id_goes_both_ways_and_no_text_panics(id in 0_u64..=u64::MAX, text in "US-.*") {
            proptest::prop_assert_eq!(order_id("US", &cl_ord_id("US", id)), Some(id));
            let _ = order_id("US", &text);
        }
    }
}
