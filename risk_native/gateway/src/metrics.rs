//! Counters, written to `metrics.json` when they changed.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::log_warn;

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
    /// Lines of the log that were dropped because stderr was not read.
    pub log_dropped: u64,
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

/// The file they go to, by a thread of its own: the core does not wait for a disk.
///
/// The thread also asks how much room the journal's disk has, which may take as long as a write.
#[derive(Debug)]
pub struct MetricsFile {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Slot {
    /// The newest that was handed over and not taken.
    next: Option<Counters>,
    writing: bool,
    closed: bool,
    free_bytes: Option<u64>,
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the end of the process waits for the last numbers.
const LAST_LIMIT: Duration = Duration::from_secs(1);

impl MetricsFile {
    /// For `DIR/metrics.json`, with `DIR/journal`'s room.
    pub fn new(dir: &Path) -> Self {
        let shared = Arc::new(Shared::default());
        shared.slot().free_bytes = free_bytes(&dir.join("journal"));
        let (own, dir) = (shared.clone(), dir.to_path_buf());
        let started = std::thread::Builder::new()
            .name("metrics".into())
            .spawn(move || write_metrics(&own, &dir));
        if let Err(err) = started {
            log_warn!("metrics_not_written", {"why": err.to_string()});
        }
        Self { shared }
    }

    /// Hands the counters over; later ones take the place of what is not written yet.
    pub fn write(&self, counters: &Counters) {
        self.shared.slot().next = Some(counters.clone());
        self.shared.changed.notify_all();
    }

    /// Room on the journal's disk when it was last asked, where the system told.
    pub fn free_bytes(&self) -> Option<u64> {
        self.shared.slot().free_bytes
    }

    /// Waits until the last counters are written, no longer than a second.
    pub fn finish(&self) {
        let busy = |slot: &mut Slot| slot.next.is_some() || slot.writing;
        let slot = self.shared.slot();
        // A disk that does not answer is not waited for.
        let _ = self
            .shared
            .changed
            .wait_timeout_while(slot, LAST_LIMIT, busy);
    }
}

impl Drop for MetricsFile {
    fn drop(&mut self) {
        self.shared.slot().closed = true;
        self.shared.changed.notify_all();
    }
}

fn write_metrics(shared: &Shared, dir: &Path) {
    let (path, journal) = (dir.join("metrics.json"), dir.join("journal"));
    let mut written = None;
    loop {
        let counters = {
            let mut slot = shared.slot();
            slot.writing = false;
            shared.changed.notify_all();
            let idle = |slot: &mut Slot| slot.next.is_none() && !slot.closed;
            let mut slot = shared
                .changed
                .wait_while(slot, idle)
                .unwrap_or_else(PoisonError::into_inner);
            let Some(counters) = slot.next.take() else {
                return;
            };
            slot.writing = true;
            counters
        };
        if written.as_ref() != Some(&counters) {
            match store(&path, &counters) {
                Ok(()) => written = Some(counters),
                Err(err) => log_warn!("metrics_not_written", {"why": err.to_string()}),
            }
        }
        let free = free_bytes(&journal);
        shared.slot().free_bytes = free;
    }
}

/// A reader never sees half a file.
fn store(path: &Path, counters: &Counters) -> std::io::Result<()> {
    let beside = path.with_extension("json.new");
    std::fs::write(&beside, serde_json::to_vec(counters)?)?;
    std::fs::rename(&beside, path)
}

fn free_bytes(path: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_numbers_are_in_the_file_when_it_is_finished_and_the_disks_room_is_known() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("journal")).unwrap();
        let file = MetricsFile::new(dir.path());
        assert!(file.free_bytes().is_some_and(|free| free > 0));
        for orders_in in 1..=50 {
            file.write(&Counters {
                orders_in,
                ..Counters::default()
            });
        }
        file.finish();
        let text = std::fs::read(dir.path().join("metrics.json")).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(read["orders_in"], 50);
    }

    #[test]
    fn a_file_system_that_does_not_answer_keeps_nobody_waiting() {
        let dir = tempfile::tempdir().unwrap();
        // Opening a pipe that nobody reads for writing waits without end.
        let pipe = dir.path().join("metrics.json.new");
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        )
        .unwrap();
        let file = MetricsFile::new(dir.path());
        let begun = std::time::Instant::now();
        for _ in 0..3 {
            file.write(&Counters::default());
            std::thread::sleep(Duration::from_millis(10));
        }
        file.finish();
        assert!(begun.elapsed() < Duration::from_secs(3));
    }
}
