//! Counters, written to `metrics.json` when they changed.

use std::path::{Path, PathBuf};

use serde::Serialize;

/// What is counted since the process began. Depths are of the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    pub orders_in: u64,
    pub approved: u64,
    pub reduced: u64,
    pub rejected: u64,
    pub flatten_orders: u64,
    pub repeated: u64,
    pub cancels_in: u64,
    pub replaces_in: u64,
    pub corrections: u64,
    pub unknown_orders: u64,
    pub refused: u64,
    pub execs: u64,
    pub execs_duplicate: u64,
    pub execs_synthesised: u64,
    pub execs_unknown: u64,
    pub venue_ups: u64,
    pub venue_downs: u64,
    pub venue_unreadable: u64,
    pub venue_refusals: u64,
    pub venue_overflows: u64,
    pub venue_queue: u64,
    pub link_connects: u64,
    pub link_faults: u64,
    pub link_overflows: u64,
    pub link_queue: u64,
    pub prices_in: u64,
    pub prices_out: u64,
    pub journal_records: u64,
    /// Copies of the book that were computed again, and those that came out otherwise.
    pub shadow_checks: u64,
    pub shadow_differences: u64,
    pub journal_failures: u64,
    /// Number of the segment that is written.
    pub journal_segment: u64,
    /// Stored and not known to be durable, and for how long at most.
    pub journal_lag_bytes: u64,
    pub journal_lag_us: u64,
    pub journal_syncs: u64,
    /// The slowest sync.
    pub journal_slowest_us: u64,
    /// Records that found no room.
    pub journal_dropped: u64,
    pub journal_snapshots: u64,
    /// Room on the journal's disk.
    pub journal_free_bytes: u64,
    pub working_orders: u64,
    pub kills: u64,
    /// Positions that do not close after several attempts.
    pub kill_stuck: u64,
    /// Orders kept back by the latch after their decision.
    pub withheld: u64,
    pub control_commands: u64,
    /// How often omsd's line was lost.
    pub line_losses: u64,
    /// Logons after which the venue did not promise to cancel on disconnect though asked.
    pub disconnect_refused: u64,
    /// Limits of which at least 80% is used.
    pub limits_near: u64,
}

/// The numbers above that go up and down; all others only rise.
pub const GAUGES: &[&str] = &[
    "venue_queue",
    "link_queue",
    "journal_segment",
    "journal_lag_bytes",
    "journal_lag_us",
    "journal_slowest_us",
    "journal_free_bytes",
    "working_orders",
    "kill_stuck",
    "limits_near",
];

/// The file they go to.
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
    written: Option<Counters>,
}

impl MetricsFile {
    pub fn new(dir: &Path) -> Self {
        Self {
            path: dir.join("metrics.json"),
            written: None,
        }
    }

    /// Writes the counters if they differ from what the file holds; a reader never sees half a file.
    ///
    /// # Errors
    /// The system's refusal.
    pub fn write(&mut self, counters: &Counters) -> std::io::Result<()> {
        if self.written.as_ref() == Some(counters) {
            return Ok(());
        }
        let beside = self.path.with_extension("json.new");
        std::fs::write(&beside, serde_json::to_vec(counters)?)?;
        std::fs::rename(&beside, &self.path)?;
        self.written = Some(counters.clone());
        Ok(())
    }
}
