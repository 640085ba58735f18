//! Trades that the venue corrected or busted: its totals replace what was booked.

use dnalyaw_engine::{ExecKind, Execution, Reason};
use dnalyaw_frames as frames;

use super::Core;
use crate::record::ExecRecord;
use crate::venue::ExecutionReport;
use crate::{log_error, log_warn};

impl Core {
    /// `ExecType` G or H. The cumulative quantity is what it says, also downwards.
    pub(super) fn on_corrected(&mut self, id: u64, report: &ExecutionReport) {
        self.counters.corrections += 1;
        // What it cost, only the venue knows for certain.
        self.resync.want();
        let cumulative = report.cumulative_quantity;
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
        let Some(entry) = self.orders.get(id) else {
            return;
        };
        let change = cumulative - entry.filled;
        log_warn!("trade_corrected", {"order_id": id, "exec_id": report.exec_id, "of": report.exec_ref_id,
            "cumulative": cumulative, "before": entry.filled});
        let fee_before = entry
            .execs
            .iter()
            .find(|exec| exec.exec_id == report.exec_ref_id)
            .map_or(report.fee, |exec| exec.fee);
        let price = self.engine.price(entry.instrument_id());
        let record = ExecRecord {
            order_id: id,
            ts_ns: self.now(),
            exec_id: report.exec_id.clone(),
            exec_type: frames::ExecType::Corrected as u8,
            last_quantity: change,
            last_price: price_of_change(report, entry.notional, change),
            cumulative_quantity: cumulative,
            leaves_quantity: if entry.open() {
                (entry.quantity - cumulative).max(0)
            } else {
                0
            },
            fee: report.fee - fee_before,
            reason: Reason::None.code(),
            bid: price.map_or(0, |p| p.bid),
            ask: price.map_or(0, |p| p.ask),
            synthesised: false,
            replacement: None,
        };
        self.book_exec(record);
    }
}

/// The price at which the change of the quantity makes the venue's average come out.
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
    fn the_change_is_priced_so_that_the_average_comes_out() {
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
}
