//! What the venue says of an order: once, in order or not, by its own report or by a mass status.

use dnalyaw_engine::{ExecError, ExecKind, Execution, Reason, is_own_order};
use dnalyaw_frames::{self as frames, Body};
use serde::Serialize;

use super::orders::{Entry, order_id};
use super::{Core, log, wire};
use crate::log::Level;
use crate::record::{ExecRecord, Record};
use crate::venue::{CancelRefusal, ExecutionReport};
use crate::{log_error, log_warn};

/// What is logged of a report.
#[derive(Serialize)]
struct ExecLine<'a> {
    order_id: u64,
    exec_type: String,
    last: i64,
    price: i64,
    cumulative: i64,
    leaves: i64,
    reason: &'static str,
    exec_id: &'a str,
}

/// One change of one order, whoever found it out.
pub(super) struct Change {
    pub kind: ExecKind,
    pub exec_type: frames::ExecType,
    pub exec_id: String,
    pub last_quantity: i64,
    pub last_price: i64,
    pub cumulative_quantity: i64,
    pub fee: i64,
    pub reason: Reason,
    /// Found out by a mass status rather than told by a report of its own.
    pub synthesised: bool,
}

/// What is known of fills whose own reports did not come.
pub(super) struct Gap {
    pub cumulative: i64,
    pub average: i64,
    /// What the venue says is left after them.
    pub leaves: i64,
    /// All fees of the order, where the venue tells them.
    pub fees: Option<i64>,
    /// ExecID, shares and price of the last fill, where the venue tells them.
    pub last: Option<(String, i64, i64)>,
}

impl Gap {
    fn average(cumulative: i64, average: i64, leaves: i64) -> Self {
        Self {
            cumulative,
            average,
            leaves,
            fees: None,
            last: None,
        }
    }

    /// From a mass status report: its Commission is the order's, its last fill is named by ExecRefID.
    pub fn from_status(report: &ExecutionReport) -> Self {
        let named =
            !report.exec_ref_id.is_empty() && report.last_quantity > 0 && report.last_price > 0;
        Self {
            fees: Some(report.fee),
            last: named.then(|| {
                (
                    report.exec_ref_id.clone(),
                    report.last_quantity,
                    report.last_price,
                )
            }),
            ..Self::average(
                report.cumulative_quantity,
                report.average_price,
                report.leaves_quantity,
            )
        }
    }
}

impl Core {
    pub(super) fn on_report(&mut self, report: ExecutionReport) {
        self.venue_moment(report.ts_ns);
        if let Some(part) = &report.mass_status {
            self.on_status(&report, part);
            return;
        }
        if self.foreign.has_revived(&report.cl_ord_id) {
            // What it filled after it was gone, the venue's account alone tells.
            if !self.on_foreign(&report) && report.last_quantity > 0 {
                self.resync.want();
            }
            return;
        }
        let Some(id) = self.order_of(&report.cl_ord_id) else {
            if self.on_foreign(&report) {
                return;
            }
            self.counters.execs_unknown += 1;
            log_error!("report_of_unknown_order", {"cl_ord_id": report.cl_ord_id, "exec_id": report.exec_id});
            self.resync.want();
            return;
        };
        if report.exec_id.is_empty() {
            log_error!("report_without_exec_id", {"order_id": id});
            self.resync.want();
            return;
        }
        if self.orders.has_seen(&report.exec_id) {
            self.counters.execs_duplicate += 1;
            return;
        }
        let open = self.orders.get(id).is_some_and(Entry::open);
        match report.exec_type {
            b'F' | b'1' | b'2' => self.on_fill(id, &report),
            // An end that came before it stands.
            b'0' if !open => self.remember(&report.exec_id),
            b'0' => self.on_acknowledged(id, report.exec_id.clone(), report.cumulative_quantity),
            b'4' | b'3' | b'C' | b'8' => {
                self.fill_gap(
                    id,
                    &Gap::average(
                        report.cumulative_quantity,
                        report.average_price,
                        report.leaves_quantity,
                    ),
                );
                if !report.text.is_empty() && report.exec_type == b'8' {
                    log_warn!("venue_reject", {"order_id": id, "text": report.text});
                }
                self.finish(
                    id,
                    report.exec_type,
                    report.exec_id.clone(),
                    report.cumulative_quantity,
                    false,
                );
            }
            b'G' | b'H' => self.on_corrected(id, &report),
            b'5' => self.on_venue_replaced(id, &report, report.exec_id.clone()),
            // Pending new, pending cancel, pending replace: the answer follows.
            b'A' | b'6' | b'E' => {}
            other => {
                // A bust or a correction takes back what was booked: only the venue's own totals can be believed now.
                log_error!("report_not_understood", {"order_id": id, "exec_type": char::from(other).to_string()});
                self.resync.want();
            }
        }
        if !open {
            self.watch_ended(id, &report);
        }
        if !open || matches!(report.exec_type, b'G' | b'H') {
            self.cancel_oversold(id);
        }
    }

    fn on_acknowledged(&mut self, id: u64, exec_id: String, cumulative_quantity: i64) {
        self.change(
            id,
            Change {
                kind: ExecKind::New,
                exec_type: frames::ExecType::New,
                exec_id,
                last_quantity: 0,
                last_price: 0,
                cumulative_quantity,
                fee: 0,
                reason: Reason::None,
                synthesised: false,
            },
        );
    }

    fn on_fill(&mut self, id: u64, report: &ExecutionReport) {
        let cumulative = report.cumulative_quantity;
        let Some(entry) = self.orders.get(id) else {
            return;
        };
        if cumulative <= entry.filled {
            // Its shares are booked already: a later report overtook it, or a mass status told of it.
            self.counters.execs_duplicate += 1;
            self.remember(&report.exec_id);
            return;
        }
        // What earlier reports should have told, at the price that makes the venue's average come out.
        let before = cumulative - report.last_quantity;
        if before > entry.filled {
            let notional = i128::from(report.average_price) * i128::from(cumulative)
                - i128::from(report.last_quantity) * i128::from(report.last_price);
            let average = if before > 0 && report.average_price > 0 {
                i64::try_from(notional / i128::from(before)).unwrap_or(0)
            } else {
                report.last_price
            };
            // The fill that is told is still to come.
            self.fill_gap(id, &Gap::average(before, average, report.last_quantity));
        }
        self.change(
            id,
            Change {
                kind: ExecKind::Fill,
                exec_type: self.fill_type(id, cumulative, report.leaves_quantity),
                exec_id: report.exec_id.clone(),
                last_quantity: report.last_quantity,
                last_price: report.last_price,
                cumulative_quantity: cumulative,
                fee: report.fee,
                reason: Reason::None,
                synthesised: false,
            },
        );
    }

    /// The last fill of an order is its end, unless the venue says that more is left: then it has taken a modification whose
    /// answer is still on its way.
    fn fill_type(&self, id: u64, cumulative: i64, leaves: i64) -> frames::ExecType {
        let whole = self.orders.get(id).is_some_and(|entry| {
            cumulative >= entry.quantity && (entry.replacing.is_none() || leaves <= 0)
        });
        if whole {
            frames::ExecType::Fill
        } else {
            frames::ExecType::Partial
        }
    }

    /// Books shares whose own reports never came, so that the venue's count and average hold.
    pub(super) fn fill_gap(&mut self, id: u64, gap: &Gap) {
        let Some(entry) = self.orders.get(id) else {
            return;
        };
        let missing = gap.cumulative - entry.filled;
        if missing <= 0 {
            return;
        }
        let total = i128::from(gap.average) * i128::from(gap.cumulative);
        let price = i64::try_from((total - entry.notional) / i128::from(missing))
            .ok()
            .filter(|price| *price > 0)
            .unwrap_or(gap.average);
        if price <= 0 {
            log_error!("fill_without_price", {"order_id": id, "cumulative": gap.cumulative});
            self.resync.want();
            return;
        }
        let fee = gap.fees.map_or(0, |fees| (fees - entry.fees).max(0));
        // One fill is missing and the venue tells all of it: then it is no synthesis.
        let (exec_id, price, synthesised) = match &gap.last {
            Some((exec_id, quantity, price)) if *quantity == missing => {
                (exec_id.clone(), *price, false)
            }
            _ => (
                format!(
                    "SYNTHESISED-{}-{id}-{}",
                    self.reference.region, gap.cumulative
                ),
                price,
                true,
            ),
        };
        if synthesised {
            self.counters.execs_synthesised += 1;
            log_warn!("fill_synthesised", {"order_id": id, "quantity": missing, "price": price});
        }
        self.change(
            id,
            Change {
                kind: ExecKind::Fill,
                exec_type: self.fill_type(id, gap.cumulative, gap.leaves),
                exec_id,
                last_quantity: missing,
                last_price: price,
                cumulative_quantity: gap.cumulative,
                fee,
                reason: Reason::None,
                synthesised,
            },
        );
        if let Some((exec_id, ..)) = &gap.last {
            self.remember(exec_id);
        }
        // What the account said before this fill was known may hold it already, and a synthesised price is an average:
        // positions and cash are the venue's to say.
        self.resync.found_gap();
    }

    /// The order's end. `status` is FIX's character for it.
    pub(super) fn finish(
        &mut self,
        id: u64,
        status: u8,
        exec_id: String,
        cumulative_quantity: i64,
        synthesised: bool,
    ) {
        let Some(entry) = self.orders.get(id) else {
            return;
        };
        if !entry.open() {
            self.remember(&exec_id);
            return;
        }
        let (kind, exec_type, reason) = match status {
            b'4' => (
                ExecKind::Cancelled,
                frames::ExecType::Cancelled,
                Reason::Cancelled,
            ),
            b'8' => (
                ExecKind::Rejected,
                frames::ExecType::Rejected,
                Reason::VenueReject,
            ),
            _ => (
                ExecKind::Expired,
                frames::ExecType::Expired,
                Reason::Expired,
            ),
        };
        self.change(
            id,
            Change {
                kind,
                exec_type,
                exec_id,
                last_quantity: 0,
                last_price: 0,
                cumulative_quantity,
                fee: 0,
                reason,
                synthesised,
            },
        );
    }

    /// An ExecID that changes nothing, so that it changes nothing after a restart either.
    pub(super) fn remember(&mut self, exec_id: &str) {
        if self.orders.see(exec_id) {
            self.write(&Record::Seen {
                exec_id: exec_id.to_string(),
            });
        }
    }

    /// Takes a change into the engine, the journal and omsd's view, in this order.
    pub(super) fn change(&mut self, id: u64, change: Change) {
        let applied = self.engine.on_execution(&Execution {
            order_id: self.orders.wire_id(id),
            kind: change.kind,
            last_quantity: change.last_quantity,
            last_price: change.last_price,
            cumulative_quantity: change.cumulative_quantity,
            fee: change.fee,
        });
        match applied {
            Ok(outcome) => {
                if outcome.ask_account {
                    self.resync.want_cash();
                }
                self.end_in_engine(id, &change);
            }
            // An order of an earlier session: its account is the venue's to tell.
            Err(ExecError::UnknownOrder) => {
                log_warn!("report_of_unreserved_order", {"order_id": id});
                self.resync.want();
            }
            Err(ExecError::BadReport) => {
                log_error!("report_impossible", {"order_id": id, "exec_id": change.exec_id, "last": change.last_quantity,
                    "price": change.last_price, "cumulative": change.cumulative_quantity});
                self.resync.want();
                return;
            }
        }
        let Some(entry) = self.orders.get(id) else {
            return;
        };
        let price = self.engine.price(entry.instrument_id());
        let exec_type = change.exec_type as u8;
        let leaves = if wire::is_final(exec_type) || entry.done {
            0
        } else {
            (entry.quantity - change.cumulative_quantity).max(0)
        };
        self.book_exec(ExecRecord {
            order_id: id,
            ts_ns: self.now(),
            exec_id: change.exec_id,
            exec_type,
            last_quantity: change.last_quantity,
            last_price: change.last_price,
            cumulative_quantity: change.cumulative_quantity,
            leaves_quantity: leaves,
            fee: change.fee,
            reason: change.reason.code(),
            bid: price.map_or(0, |p| p.bid),
            ask: price.map_or(0, |p| p.ask),
            synthesised: change.synthesised,
            replacement: None,
            corrects: None,
        });
    }

    /// What is over for the venue is over for the engine, even if that had more of it reserved: after a restart the larger of
    /// an order and its unanswered modification.
    fn end_in_engine(&mut self, id: u64, change: &Change) {
        let wire_id = self.orders.wire_id(id);
        if !wire::is_final(change.exec_type as u8) || self.engine.order(wire_id).is_none() {
            return;
        }
        self.release(wire_id, change.cumulative_quantity);
    }

    /// Takes an order and its reserve out of the engine.
    pub(super) fn release(&mut self, wire_id: u64, cumulative_quantity: i64) {
        let released = self.engine.on_execution(&Execution {
            order_id: wire_id,
            kind: ExecKind::Cancelled,
            last_quantity: 0,
            last_price: 0,
            cumulative_quantity,
            fee: 0,
        });
        if let Err(err) = released {
            log_warn!("order_not_reserved", {"wire_id": wire_id, "why": format!("{err:?}")});
        }
    }

    /// Takes a report that the engine has into the journal and omsd's view.
    pub(super) fn book_exec(&mut self, record: ExecRecord) {
        let id = record.order_id;
        let Some(entry) = self.orders.get(id) else {
            return;
        };
        self.counters.execs += 1;
        let instrument_id = entry.instrument_id();
        let frame = wire::exec_frame(&record, &entry.decision, record.synthesised);
        let line = ExecLine {
            order_id: id,
            exec_type: format!("{:?}", frame.exec_type).to_uppercase(),
            last: record.last_quantity,
            price: record.last_price,
            cumulative: record.cumulative_quantity,
            leaves: record.leaves_quantity,
            reason: Reason::from_code(record.reason).map_or("?", Reason::name),
            exec_id: &record.exec_id,
        };
        let correlation = Some(&entry.decision.correlation.0);
        log::write(Level::Info, "exec", correlation, line);
        self.orders.reported(&record);
        if is_own_order(id) && wire::is_final(record.exec_type) {
            if record.exec_type == frames::ExecType::Fill as u8 {
                self.close_done(instrument_id);
            } else {
                let why = Reason::from_code(record.reason).map_or("?", Reason::name);
                self.close_ended(instrument_id, record.cumulative_quantity, why);
            }
        }
        let moved = record.last_quantity != 0;
        self.write(&Record::Exec(record));
        self.tell(Body::Exec(frame));
        if moved {
            self.changed_positions.insert(instrument_id);
        }
    }

    /// The kill switch was thrown between the decision and the wire, or the venue did not read: the order never left, and
    /// nobody else can say so.
    pub(super) fn on_withheld(&mut self, cl_ord_id: &str, reason: Reason) {
        self.counters.withheld += 1;
        let Some(entry) = order_id(&self.reference.region, cl_ord_id)
            .and_then(|id| self.orders.get(id))
            .filter(|entry| entry.open())
        else {
            return;
        };
        let id = entry.id();
        if entry.is_modification() {
            self.on_replace_refused(id, format!("WITHHELD-{cl_ord_id}"), reason);
            return;
        }
        let cumulative_quantity = self.orders.get(id).map_or(0, |entry| entry.filled);
        self.change(
            id,
            Change {
                kind: ExecKind::Rejected,
                exec_type: frames::ExecType::Rejected,
                exec_id: format!("WITHHELD-{cl_ord_id}"),
                last_quantity: 0,
                last_price: 0,
                cumulative_quantity,
                fee: 0,
                reason,
                synthesised: true,
            },
        );
    }

    /// The order that goes by this ClOrdID, by its own or by a modification's.
    pub(super) fn order_of(&self, cl_ord_id: &str) -> Option<u64> {
        let id = self
            .orders
            .original(order_id(&self.reference.region, cl_ord_id)?);
        self.orders.get(id).map(|_| id)
    }

    pub(super) fn on_cancel_rejected(&mut self, refused: &CancelRefusal) {
        let CancelRefusal {
            cl_ord_id,
            replace,
            orig_cl_ord_id,
            ord_status: status,
            text,
        } = refused;
        if *replace {
            log_warn!("modification_rejected", {"cl_ord_id": cl_ord_id, "why": text});
            if let Some(id) = order_id(&self.reference.region, cl_ord_id) {
                self.on_replace_refused(id, format!("REFUSED-{cl_ord_id}"), Reason::VenueReject);
            }
            return;
        }
        let id = self.order_of(orig_cl_ord_id);
        log_warn!("cancel_rejected", {"order_id": id, "status": char::from(*status).to_string(), "why": text});
        let Some(entry) = id
            .and_then(|id| self.orders.get_mut(id))
            .filter(|one| one.open())
        else {
            return;
        };
        let (id, wire_id) = (entry.id(), entry.wire_id);
        let by_oms = entry.cancel.as_mut().is_some_and(|cancel| {
            cancel.refused = true;
            std::mem::take(&mut cancel.by_oms)
        });
        self.engine.cancel_refused(wire_id);
        // Open here and not there, or too late: either way the venue's list of orders says which.
        self.resync.want_orders();
        if by_oms {
            self.counters.refused += 1;
            self.tell(Body::Refused(frames::Refused {
                order_id: id,
                reason: Reason::VenueReject.code(),
            }));
        }
    }
}
