//! What riskd asks after every logon, and what it makes of the answers: the fate of every order, positions, cash, prices.
//!
//! Orders are asked for first, positions and cash once they are known, on one ordered stream: a fill that the order's
//! report tells is in the account that follows, and what fills later is reported on its own. Cash is never asked for alone: it
//! might hold a fill that nobody here has heard of, and the fill would be taken off it a second time.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use dnalyaw_engine::{ExecKind, Halt, Reason};
use dnalyaw_frames::{self as frames, Body};

use super::orders::{Entry, cl_ord_id};
use super::reports::{Change, Gap};
use super::{Core, wire};
use crate::record::Record;
use crate::venue::{Command, ExecutionReport, MassStatusPart};
use crate::{log_error, log_info, log_warn};

/// Unanswered for this long, everything is asked again.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Between two rounds that something on the stream asked for.
const ROUND_EVERY: Duration = Duration::from_secs(1);
/// An order the venue has not acknowledged for this long is asked about.
const SILENCE_LIMIT: Duration = Duration::from_secs(5);

/// What a round of questions is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// Orders, positions and cash.
    Everything,
    OrdersAndCash,
    Orders,
}

/// One round of questions.
#[derive(Debug)]
struct Round {
    id: String,
    begun: Instant,
    /// When what is still open was asked.
    asked: Instant,
    about: About,
    orders_done: bool,
    /// A report came that could not be read: it may have been of an order, so the list is not whole.
    spoiled: bool,
    /// The list never came whole, and a thrown kill switch went on without it.
    without_orders: bool,
    /// The list told fills that had not been heard of.
    gap: bool,
    reported: HashSet<u64>,
    /// ClOrdIDs in the list so far, each order's first and present one.
    named: HashSet<(String, String)>,
    positions_total: Option<i64>,
    positions: HashSet<u64>,
    positions_done: bool,
    unreferenced: BTreeMap<u64, i64>,
    cash_done: bool,
    /// The engine was told that the venue is there.
    opened: bool,
}

impl Round {
    fn is_whole(&self) -> bool {
        self.about == About::Everything
    }

    /// Takes a line of the list in; true when it was the last. The number of orders counts where the venue tells it: a line
    /// that came twice or not at all is then found out.
    fn lists(&mut self, report: &ExecutionReport, part: &MassStatusPart) -> bool {
        let name = (report.cl_ord_id.clone(), report.own_cl_ord_id.clone());
        self.named.insert(name);
        let whole = match part.total {
            0 => true,
            total if total > 0 => i64::try_from(self.named.len()) == Ok(total),
            _ => part.last,
        };
        whole && !self.spoiled
    }
}

/// Where the questions stand.
#[derive(Debug, Default)]
pub(super) struct Resync {
    round: Option<Round>,
    last: Option<Instant>,
    wanted: bool,
    orders_wanted: bool,
    cash_wanted: bool,
    /// No list of orders has come whole since the kill switch went on without one.
    left_out: bool,
    counter: u64,
    /// When the last round began that told orders and positions.
    reconciled: Option<Instant>,
    /// Positions by the venue's last report in instruments that the reference file does not have.
    unreferenced: BTreeMap<u64, i64>,
}

impl Resync {
    /// Something was missed: ask everything again soon.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// One order's state is doubtful: ask for the orders alone, so that the account stays known meanwhile.
    pub fn want_orders(&mut self) {
        self.orders_wanted = true;
    }

    /// A report could not be read: the list of orders that is coming in is not whole.
    pub fn spoil_orders(&mut self) {
        if let Some(round) = &mut self.round {
            round.spoiled |= !round.orders_done;
        }
    }

    /// A fill was learnt of that no report told. Found in a list of orders, the account is asked for when that is complete.
    pub fn found_gap(&mut self) {
        match &mut self.round {
            Some(round) if !round.orders_done => round.gap = true,
            _ => self.wanted = true,
        }
    }

    /// Positions that cannot be closed here, because the reference file does not have their instruments.
    pub fn unreferenced(&self) -> &BTreeMap<u64, i64> {
        &self.unreferenced
    }

    /// No question is open.
    pub fn is_done(&self) -> bool {
        self.round.is_none()
    }

    /// The kill switch went on without the orders: whoever takes it back needs them.
    pub fn want_what_was_left_out(&mut self) {
        self.wanted |= self.left_out;
    }

    /// Cash was estimated: ask for it, and for the orders before it.
    pub fn want_cash(&mut self) {
        self.cash_wanted = true;
    }
}

impl Core {
    pub(super) fn begin_resync(&mut self) {
        let request_id = self.begin_round(About::Everything);
        // Prices first: by the time the account is known, so is what it is worth.
        let symbols = self
            .reference
            .instruments
            .iter()
            .map(|one| one.symbol.clone())
            .collect();
        self.send(Command::MarketData {
            request_id: request_id.clone(),
            symbols,
        });
        self.engine.begin_positions();
        self.send(Command::MassStatus { request_id });
    }

    /// Opens a round of questions; what it is not about counts as answered.
    fn begin_round(&mut self, about: About) -> String {
        let whole = about == About::Everything;
        self.resync.counter += 1;
        // Unique across restarts, so that a late answer to another process is not taken for ours.
        let id = format!("R{}-{}", Self::wall_ns(), self.resync.counter);
        log_info!("resync", {"request": id, "whole": whole, "cash": about != About::Orders});
        self.resync.round = Some(Round {
            id: id.clone(),
            begun: Instant::now(),
            asked: Instant::now(),
            about,
            orders_done: false,
            spoiled: false,
            without_orders: false,
            gap: false,
            reported: HashSet::new(),
            named: HashSet::new(),
            positions_total: None,
            positions: HashSet::new(),
            positions_done: !whole,
            unreferenced: BTreeMap::new(),
            cash_done: about == About::Orders,
            opened: !whole,
        });
        self.resync.last = Some(Instant::now());
        self.resync.orders_wanted = false;
        self.foreign.expect();
        self.resync.wanted &= !whole;
        self.resync.cash_wanted &= about == About::Orders;
        id
    }

    /// The orders are known, so what the account says from now on holds every fill that they told.
    fn ask_account(&mut self) {
        let Some(round) = &mut self.resync.round else {
            return;
        };
        if round.gap && !round.is_whole() {
            // Positions may have held the fill before it was booked here.
            round.about = About::Everything;
            (round.positions_done, round.cash_done) = (false, false);
            self.engine.begin_positions();
        }
        let (about, request_id) = (round.about, round.id.clone());
        if about == About::Everything {
            self.send(Command::Positions {
                request_id: request_id.clone(),
                session: self.reference.session,
                ts_ns: self.clock.stamp(),
            });
        }
        if about != About::Orders {
            self.send(Command::Collateral { request_id });
        }
    }

    /// Asks again what was not answered, or what something on the stream made doubtful.
    pub(super) fn drive_resync(&mut self) {
        if self.epoch.is_none() {
            return;
        }
        let late = |since: Option<Instant>, limit| since.is_none_or(|at| at.elapsed() >= limit);
        self.open_venue();
        match &self.resync.round {
            Some(round)
                if round.asked.elapsed() < ANSWER_LIMIT
                    && !(round.spoiled && late(self.resync.last, ROUND_EVERY)) =>
            {
                return;
            }
            Some(round) => {
                log_warn!("resync_unanswered", {"orders": round.orders_done, "positions": round.positions_done,
                    "cash": round.cash_done});
                if self.engine.killed().is_some() && !round.orders_done {
                    self.go_on_without_orders();
                } else {
                    self.begin_resync();
                }
                return;
            }
            None => {}
        }
        if late(self.resync.last, SILENCE_LIMIT) && self.orders_doubtful() {
            self.resync.orders_wanted = true;
        }
        if !late(self.resync.last, ROUND_EVERY) {
            return;
        }
        if self.resync.wanted {
            self.begin_resync();
        } else if self.resync.orders_wanted || self.resync.cash_wanted {
            let about = if self.resync.cash_wanted {
                About::OrdersAndCash
            } else {
                About::Orders
            };
            let request_id = self.begin_round(about);
            self.send(Command::MassStatus { request_id });
        }
    }

    /// The list of orders does not come whole, and the kill switch has an account to flatten: positions and cash are asked for all
    /// the same. Nothing is concluded of orders that were not named, and nothing opens until a later list is whole.
    fn go_on_without_orders(&mut self) {
        let Some(round) = &mut self.resync.round else {
            return;
        };
        if !round.is_whole() {
            // Of the orders alone: the switch sees to their cancels by itself.
            self.resync.round = None;
            return;
        }
        log_error!("kill_without_orders", {"request": round.id,
            "what": "the venue's list of orders cannot be read or is not whole; positions are closed by its account alone"});
        (round.orders_done, round.without_orders, round.spoiled) = (true, true, false);
        self.resync.left_out = true;
        round.asked = Instant::now();
        self.engine.set_halt(Halt::NotReconciled, true);
        self.ask_account();
    }

    /// An order that was sent or cancelled long ago and never answered, one that is in no limit, or one at the venue that is
    /// not ours.
    fn orders_doubtful(&self) -> bool {
        !self.foreign.is_empty()
            || !self.orders.all_reserved()
            || self.orders.open_ids().into_iter().any(|id| {
                self.orders.get(id).is_some_and(|entry| {
                    let silent = !entry.acknowledged
                        && entry.sent_at.is_none_or(|at| at.elapsed() >= SILENCE_LIMIT);
                    silent || entry.cancel.is_some_and(|one| one.is_lost(self.epoch))
                })
            })
    }

    /// Lets decisions begin as far as what is known carries them: orders and positions for what closes, cash too for what
    /// opens. A thrown kill switch cancels as soon as the orders are known.
    fn open_venue(&mut self) {
        let Some(round) = &mut self.resync.round else {
            return;
        };
        let closes = round.positions_done || self.engine.killed().is_some();
        if round.orders_done && closes && !round.opened {
            round.opened = true;
            self.engine.on_venue(true);
        }
        let told = round.orders_done && round.positions_done && round.cash_done;
        if round.is_whole() && told && !round.without_orders {
            self.resync.left_out = false;
            self.engine.set_halt(Halt::NotReconciled, false);
        }
    }

    /// The connection is gone: what works at the venue is of unknown fate, and stays reserved.
    pub(super) fn venue_lost(&mut self, why: &str) {
        log_error!("venue_lost", {"why": why, "working_orders": self.orders.open_count()});
        self.epoch = None;
        self.resync.round = None;
        self.engine.on_venue(false);
        self.engine.set_halt(Halt::NotReconciled, true);
        for id in self.orders.open_ids() {
            let Some(entry) = self.orders.get_mut(id) else {
                continue;
            };
            if std::mem::replace(&mut entry.told_unknown, true) {
                continue;
            }
            let frame = unknown_frame(entry);
            self.mark(id, ExecKind::Unknown);
            self.tell(Body::Exec(frame));
        }
    }

    /// Tells the engine what is no fill and no end.
    pub(super) fn mark(&mut self, order_id: u64, kind: ExecKind) {
        let cumulative_quantity = self.orders.get(order_id).map_or(0, |entry| entry.filled);
        let marked = self.engine.on_execution(&dnalyaw_engine::Execution {
            order_id: self.orders.wire_id(order_id),
            kind,
            last_quantity: 0,
            last_price: 0,
            cumulative_quantity,
            fee: 0,
        });
        if let Err(err) = marked {
            log_warn!("order_not_reserved", {"order_id": order_id, "why": format!("{err:?}")});
        }
    }

    /// One report of a mass status.
    pub(super) fn on_status(&mut self, report: &ExecutionReport, part: &MassStatusPart) {
        let current = self.resync.round.as_ref().is_some_and(|round| {
            !round.orders_done && (part.request_id.is_empty() || part.request_id == round.id)
        });
        if !current {
            return;
        }
        match self.order_of(&report.cl_ord_id) {
            Some(_) if self.foreign.has_revived(&report.cl_ord_id) => {
                self.on_foreign(report);
            }
            Some(id) => {
                self.apply_status(id, report);
                if let Some(round) = &mut self.resync.round {
                    round.reported.insert(id);
                }
            }
            // The one report that says there is no order at all.
            None if part.total == 0 => {}
            None => {
                self.on_foreign(report);
            }
        }
        let Some(round) = &mut self.resync.round else {
            return;
        };
        if round.lists(report, part) {
            self.orders_known();
        }
    }

    fn apply_status(&mut self, id: u64, report: &ExecutionReport) {
        self.settle_replacement(id, report);
        self.fill_gap(id, &Gap::from_status(report));
        self.settle_fees(id, report);
        let Some(entry) = self.orders.get(id).filter(|entry| entry.open()) else {
            self.watch_ended(id, report);
            return;
        };
        let (told_unknown, acknowledged) = (entry.told_unknown, entry.acknowledged);
        let exec_id = format!(
            "STATUS-{}-{}",
            report.cl_ord_id,
            char::from(report.ord_status)
        );
        match report.ord_status {
            b'4' | b'3' | b'8' | b'C' => {
                self.finish(
                    id,
                    report.ord_status,
                    exec_id,
                    report.cumulative_quantity,
                    true,
                );
            }
            _ if !acknowledged => {
                self.reserve_again(id, &report.symbol);
                self.change(
                    id,
                    Change {
                        kind: ExecKind::New,
                        exec_type: frames::ExecType::New,
                        exec_id,
                        last_quantity: 0,
                        last_price: 0,
                        cumulative_quantity: report.cumulative_quantity,
                        fee: 0,
                        reason: Reason::None,
                        synthesised: true,
                    },
                );
            }
            _ => {
                self.reserve_again(id, &report.symbol);
                self.mark(id, ExecKind::New);
                if told_unknown && let Some(entry) = self.orders.get_mut(id) {
                    entry.told_unknown = false;
                    if let Some((ts_ns, exec)) = entry.last_exec() {
                        self.repeat(ts_ns, Body::Exec(exec));
                    }
                }
            }
        }
    }

    /// The venue works an order of ours that the engine does not have: it could not be reserved at the start, or is of an
    /// earlier session.
    fn reserve_again(&mut self, id: u64, symbol: &str) {
        let Some(entry) = self.orders.get_mut(id) else {
            return;
        };
        if self.engine.order(entry.wire_id).is_some() || entry.leaves() == 0 {
            return;
        }
        entry.symbol = Some(symbol.to_string()).filter(|symbol| !symbol.is_empty());
        let adopted = self.engine.adopt(&entry.adopted());
        if let Err(reason) = adopted {
            log_error!("order_not_reserved", {"order_id": id, "reason": reason.name()});
        }
        self.orders.set_reserved(id, adopted.is_ok());
    }

    /// Every order the venue has was named: what was sent before the question and is not among them never arrived.
    fn orders_known(&mut self) {
        let Some(round) = &mut self.resync.round else {
            return;
        };
        round.orders_done = true;
        let (begun, reported) = (round.begun, std::mem::take(&mut round.reported));
        let epoch = self.epoch.unwrap_or(0);
        for id in self.orders.open_ids() {
            let Some(entry) = self.orders.get(id) else {
                continue;
            };
            let asked_after = entry.epoch < epoch
                || (!entry.acknowledged
                    && entry
                        .sent_at
                        .is_some_and(|at| begun.saturating_duration_since(at) >= SILENCE_LIMIT));
            if reported.contains(&id) || !asked_after {
                continue;
            }
            if entry.decision.session == self.reference.session {
                self.never_saw(id);
            } else {
                log_warn!("order_of_past_session", {"order_id": id, "session": entry.decision.session});
                self.write(&Record::Expired { order_id: id });
                self.orders.close(id);
            }
        }
        self.foreign_known();
        for id in self.orders.open_ids() {
            let lost = self
                .orders
                .get(id)
                .and_then(|entry| entry.cancel)
                .is_some_and(|cancel| cancel.is_lost(Some(epoch)));
            if lost {
                self.send_cancel(id);
            }
        }
        self.ask_account();
        self.round_done();
    }

    fn never_saw(&mut self, id: u64) {
        let cl_ord_id = cl_ord_id(&self.reference.region, id);
        log_warn!("venue_never_saw", {"order_id": id, "cl_ord_id": cl_ord_id});
        let cumulative_quantity = self.orders.get(id).map_or(0, |entry| entry.filled);
        self.change(
            id,
            Change {
                kind: ExecKind::Rejected,
                exec_type: frames::ExecType::Rejected,
                exec_id: format!("NEVER-SAW-{cl_ord_id}"),
                last_quantity: 0,
                last_price: 0,
                cumulative_quantity,
                fee: 0,
                reason: Reason::VenueNeverSaw,
                synthesised: true,
            },
        );
    }

    pub(super) fn on_positions_total(&mut self, request_id: &str, total: i64) {
        if let Some(round) = self.answered(request_id) {
            round.positions_total = Some(total);
            self.positions_known();
        }
    }

    pub(super) fn on_position(
        &mut self,
        request_id: &str,
        instrument_id: u64,
        quantity: i64,
        settlement_price: i64,
    ) {
        let Some(round) = self.answered(request_id) else {
            return;
        };
        round.positions.insert(instrument_id);
        // The mark first: a position without one leaves equity unknown.
        if settlement_price > 0 {
            self.engine
                .on_settlement_price(instrument_id, settlement_price);
        }
        self.restore_stop(instrument_id, quantity, settlement_price);
        if !self.engine.on_position(instrument_id, quantity) && quantity != 0 {
            if let Some(round) = &mut self.resync.round {
                round.unreferenced.insert(instrument_id, quantity);
            }
            log_error!("position_without_reference", {"instrument_id": instrument_id, "quantity": quantity,
                "why": "the account holds it and the reference file does not have it: no new risk"});
        }
        self.changed_positions.insert(instrument_id);
        self.positions_known();
    }

    fn positions_known(&mut self) {
        let Some(round) = &mut self.resync.round else {
            return;
        };
        let named = i64::try_from(round.positions.len()).unwrap_or(i64::MAX);
        if !round.positions_done && round.positions_total.is_some_and(|total| named >= total) {
            round.positions_done = true;
            self.resync.unreferenced = std::mem::take(&mut round.unreferenced);
            self.engine.positions_complete();
            self.stops_restored();
            self.round_done();
        }
    }

    pub(super) fn on_collateral(&mut self, request_id: &str, cash: i64, currency: &str) {
        if !currency.is_empty() && currency != self.reference.currency {
            log_error!("account_currency", {"venue": currency, "reference": self.reference.currency});
            return;
        }
        let Some(round) = self.answered(request_id) else {
            return;
        };
        round.cash_done = true;
        self.engine.on_account(cash);
        self.round_done();
    }

    /// The current round, if the answer is one to it and the orders are known: of what was said before them nobody knows which
    /// fills it holds.
    fn answered(&mut self, request_id: &str) -> Option<&mut Round> {
        self.resync
            .round
            .as_mut()
            .filter(|round| round.orders_done && (request_id.is_empty() || request_id == round.id))
    }

    /// Whether the venue has told orders and positions in answer to questions put after `moment`.
    pub(super) fn reconciled_since(&self, moment: Instant) -> bool {
        self.resync.reconciled.is_some_and(|begun| begun >= moment)
    }

    fn round_done(&mut self) {
        self.open_venue();
        if let Some(round) = &self.resync.round
            && round.is_whole()
            && round.orders_done
            && round.positions_done
        {
            self.resync.reconciled = Some(round.begun);
        }
        let done = self
            .resync
            .round
            .as_ref()
            .is_some_and(|round| round.orders_done && round.positions_done && round.cash_done);
        if done {
            self.resync.round = None;
            log_info!("resynced", {"working_orders": self.orders.open_count(), "positions": self.engine.positions().len(),
                "equity": self.engine.equity()});
        }
    }
}

/// What omsd is told of an order whose fate is unknown.
pub(super) fn unknown_frame(entry: &Entry) -> frames::Exec {
    let decision = &entry.decision;
    let last = entry.last_exec().map(|(_, frame)| frame);
    let mut frame = last.unwrap_or_else(|| frames::Exec {
        order_id: entry.id(),
        instrument_id: entry.instrument_id(),
        last_quantity: 0,
        last_price: 0,
        cumulative_quantity: entry.filled,
        leaves_quantity: entry.leaves(),
        fee: 0,
        exec_id: wire::exec_hash(&format!("UNKNOWN-{}", entry.id())),
        exec_type: frames::ExecType::Unknown,
        side: decision.order.side,
        reason: Reason::VenueDown.code(),
        replayed: false,
        bid: 0,
        ask: 0,
    });
    // A statement about the order, not about a fill: nothing in it may be booked.
    frame.exec_type = frames::ExecType::Unknown;
    frame.reason = Reason::VenueDown.code();
    (frame.last_quantity, frame.last_price, frame.fee) = (0, 0, 0);
    frame.leaves_quantity = entry.leaves();
    frame.exec_id = wire::exec_hash(&format!("UNKNOWN-{}-{}", entry.id(), entry.filled));
    frame.replayed = false;
    frame
}
