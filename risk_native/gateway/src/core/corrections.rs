//! Trades that the venue corrected or busted: the fill as it was booked is taken back, as far as it changed.

use dnalyaw_engine::{ExecKind, Execution, Reason};
use dnalyaw_frames as frames;

use super::Core;
use crate::record::ExecRecord;
use crate::venue::ExecutionReport;
use crate::{log_error, log_warn};

/// What is booked of one fill now, earlier corrections of it included.
#[derive(Debug, PartialEq, Eq)]
struct Booked {
    quantity: i64,
    price: i64,
    fee: i64,
}

/// One change of what is booked of a fill.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    quantity: i64,
    price: i64,
    fee: i64,
}

impl Core {
    /// `ExecType` G or H. The cumulative quantity is what it says, also downwards.
    pub(super) fn on_corrected(&mut self, id: u64, report: &ExecutionReport) {
        self.counters.corrections += 1;
        // What it cost, only the venue knows for certain, and it tells of fills that are missing here.
        self.resync.want();
        let Some(entry) = self.orders.get(id) else {
            return;
        };
        let (filled, notional) = (entry.filled, entry.notional);
        let fill = first_report(&entry.execs, &report.exec_ref_id).to_string();
        let booked = booked(&entry.execs, &fill);
        log_warn!("trade_corrected", {"order_id": id, "exec_id": report.exec_id, "of": report.exec_ref_id,
            "fill_known": booked.is_some(), "cumulative": report.cumulative_quantity, "before": filled});
        let change = report.cumulative_quantity - filled;
        let parts = booked
            .map(|booked| parts(report, &booked))
            // Less than this correction explains: another one was lost, and only the venue's totals can be believed.
            .filter(|parts| change >= parts.iter().map(|part| part.quantity).sum())
            .unwrap_or_else(|| {
                vec![Part {
                    quantity: change,
                    price: price_of_change(report, notional, change),
                    fee: 0,
                }]
            });
        // Beyond that a fill is missing, which the mass status tells.
        let cumulative = filled + parts.iter().map(|part| part.quantity).sum::<i64>();
        let applied = self.engine.on_execution(&Execution {
            order_id: self.orders.wire_id(id),
            kind: ExecKind::Corrected,
            last_quantity: 0,
            last_price: 0,
            cumulative_quantity: cumulative,
            fee: 0,
        });
        if let Err(err) = applied {
            log_error!("correction_not_booked", {"order_id": id, "exec_id": report.exec_id, "why": format!("{err:?}")});
        }
        let last = parts.len() - 1;
        let mut cumulative = filled;
        for (at, part) in parts.into_iter().enumerate() {
            cumulative += part.quantity;
            // The venue's ExecID is taken with the last part: when this process dies in between, the report comes again.
            let exec_id = if at == last {
                report.exec_id.clone()
            } else {
                format!("{}-BACK", report.exec_id)
            };
            self.book_part(id, part, cumulative, exec_id, Some(&fill));
        }
    }

    /// Fees of fills that were booked without: what told of their shares did not tell what they cost. The order's own total
    /// in a mass status does, once it speaks of the same shares.
    pub(super) fn settle_fees(&mut self, id: u64, report: &ExecutionReport) {
        let Some(entry) = self.orders.get(id) else {
            return;
        };
        let (filled, owed) = (entry.filled, report.fee - entry.fees);
        if filled == 0 || report.cumulative_quantity != filled || owed <= 0 {
            return;
        }
        log_warn!("fees_settled", {"order_id": id, "fees": owed});
        let region = &self.reference.region;
        let exec_id = format!("FEES-{region}-{id}-{filled}-{}", report.fee);
        let part = Part {
            quantity: 0,
            price: report.average_price,
            fee: owed,
        };
        self.book_part(id, part, filled, exec_id, None);
        self.resync.found_gap();
    }

    fn book_part(
        &mut self,
        id: u64,
        part: Part,
        cumulative: i64,
        exec_id: String,
        fill: Option<&str>,
    ) {
        let Some(entry) = self.orders.get(id) else {
            return;
        };
        let price = self.engine.price(entry.instrument_id());
        let record = ExecRecord {
            order_id: id,
            ts_ns: self.now(),
            exec_id,
            exec_type: frames::ExecType::Corrected as u8,
            last_quantity: part.quantity,
            last_price: part.price,
            cumulative_quantity: cumulative,
            leaves_quantity: if entry.open() {
                (entry.quantity - cumulative).max(0)
            } else {
                0
            },
            fee: part.fee,
            reason: Reason::None.code(),
            bid: price.map_or(0, |p| p.bid),
            ask: price.map_or(0, |p| p.ask),
            synthesised: false,
            replacement: None,
            corrects: fill.map(str::to_string),
        };
        self.book_exec(record);
    }
}

/// The fill's first ExecID: a correction may name the fill, or the correction before it.
fn first_report<'a>(execs: &'a [ExecRecord], named: &'a str) -> &'a str {
    execs
        .iter()
        .find(|exec| exec.exec_id == named)
        .and_then(|exec| exec.corrects.as_deref())
        .unwrap_or(named)
}

/// Nothing where the fill's own report never came.
fn booked(execs: &[ExecRecord], fill: &str) -> Option<Booked> {
    let first = execs
        .iter()
        .find(|exec| exec.exec_id == fill && exec.last_quantity > 0)?;
    let mut booked = Booked {
        quantity: first.last_quantity,
        price: first.last_price,
        fee: first.fee,
    };
    for exec in execs
        .iter()
        .filter(|exec| exec.corrects.as_deref() == Some(fill))
    {
        booked.quantity += exec.last_quantity;
        booked.fee += exec.fee;
        if exec.last_quantity > 0 {
            booked.price = exec.last_price;
        }
    }
    Some(booked)
}

/// What makes the fill what the report says it is: one change at its price, or, where the price is another, all of it
/// back at the old one and what it is now at the new one.
fn parts(report: &ExecutionReport, booked: &Booked) -> Vec<Part> {
    let quantity = if report.exec_type == b'H' {
        0
    } else {
        report.last_quantity
    };
    let price = if quantity > 0 && report.last_price > 0 {
        report.last_price
    } else {
        booked.price
    };
    if booked.quantity > 0 && price != booked.price {
        return vec![
            Part {
                quantity: -booked.quantity,
                price: booked.price,
                fee: -booked.fee,
            },
            Part {
                quantity,
                price,
                fee: report.fee,
            },
        ];
    }
    vec![Part {
        quantity: quantity - booked.quantity,
        price,
        fee: report.fee - booked.fee,
    }]
}

/// For a fill that is not known: the price at which the change of the quantity makes the venue's average come out.
fn price_of_change(report: &ExecutionReport, notional: i128, change: i64) -> i64 {
    let total = i128::from(report.average_price) * i128::from(report.cumulative_quantity);
    (total - notional)
        .checked_div(i128::from(change))
        .and_then(|price| i64::try_from(price).ok())
        .filter(|price| *price > 0)
        .unwrap_or(report.last_price)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_change_of_an_unknown_fill_is_priced_so_that_the_average_comes_out() {
        let report = |cumulative_quantity, average_price| ExecutionReport {
            cumulative_quantity,
            average_price,
            last_price: 7,
            ..ExecutionReport::default()
        };
        // 100 at 10 and 50 at 12 were booked; the 50 are busted.
        assert_eq!(price_of_change(&report(100, 10), 1_600, -50), 12);
        // The 50 become 20.
        assert_eq!(price_of_change(&report(120, 1_240 / 120), 1_600, -30), 13);
        // Only the price changed: what is told is the report's.
        assert_eq!(price_of_change(&report(150, 11), 1_600, 0), 7);
    }

    #[test]
    fn a_bust_takes_back_what_is_left_at_its_price() {
        let booked = Booked {
            quantity: 30,
            price: 12,
            fee: 5,
        };
        let busted = ExecutionReport {
            exec_type: b'H',
            // Some venues tell what was busted rather than what is left.
            last_quantity: 30,
            last_price: 11,
            ..ExecutionReport::default()
        };
        let back = Part {
            quantity: -30,
            price: 12,
            fee: -5,
        };
        assert_eq!(parts(&busted, &booked), vec![back]);
    }
}
