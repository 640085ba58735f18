//! The journal, as the core uses it.

use dnalyaw_engine::Halt;

use super::Core;
use crate::journal::Health;
use crate::record::Record;
use crate::{log_error, log_info, log_warn};

/// Below this much room on the disk a line says so.
const LOW_SEGMENTS: u64 = 16;

impl Core {
    /// Journals a record and takes it into what stands. False when the journal had no room for it: nothing that opens may
    /// leave on it then.
    pub(super) fn write(&mut self, record: &Record) -> bool {
        self.standing.apply(record);
        self.stops_moved |= matches!(record, Record::Decision(_) | Record::Exec(_));
        let stored = self.journal.append(record, record.class());
        if !stored && !self.unjournaled {
            self.unjournaled = true;
            log_error!("record_not_journaled", {"record": serde_json::to_value(record).unwrap_or_default(),
                "why": "the journal has no room for it; the first of a row"});
        }
        stored
    }

    /// Journals what the venue's cash has shown of the announced flows.
    pub(super) fn write_flows(&mut self) {
        let session = self.reference.session;
        let amount = self.engine.flows();
        if amount != self.standing.flows(session) {
            log_info!("flows", {"session": session, "amount": amount});
            if self.engine.unannounced_flow() != 0 {
                log_warn!("flow_unannounced", {"session": session, "amount": self.engine.unannounced_flow(),
                    "why": "the venue's cash grew twice by what nobody announced; it is no gain: announce it with 'riskd flow', or look for the fill that is missing"});
            }
            let announced = self.standing.announcement();
            self.write(&Record::Flows { session, amount });
            // Money that nobody announced does not end what was announced.
            if self.engine.announced_flow() != 0
                && let Some(record) = announced
            {
                self.write(&record);
            }
        }
    }

    /// Looks after the journal, and halts or goes on by what it says.
    pub(super) fn tend_journal(&mut self) {
        self.restate();
        let health = self.journal.tend();
        let well = health == Health::Well;
        match (&health, self.journal_failed) {
            (Health::Well, true) => {
                self.unjournaled = false;
                log_info!("journal_well", {"why": "there is room again, and a whole snapshot"});
            }
            (Health::Full(why) | Health::Failed(why), false) => {
                self.counters.journal_failures += 1;
                log_error!("journal_failed", {"why": why, "then": "nothing opens; cancels and the kill switch go on"});
            }
            _ => {}
        }
        if well == self.journal_failed {
            self.journal_failed = !well;
            self.engine.set_halt(Halt::Journal, !well);
        }
        self.counters.journal_records = self.journal.len();
    }

    /// The journal's numbers among the counters, and a word when the disk fills up.
    pub(super) fn count_journal(&mut self) {
        let gauges = self.journal.gauges();
        let micros =
            |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let counters = &mut self.counters;
        counters.journal_records = gauges.records;
        counters.journal_segment = gauges.segment;
        counters.journal_lag_bytes = gauges.lag.bytes;
        counters.journal_lag_us = micros(gauges.lag.age);
        counters.journal_syncs = gauges.syncs;
        counters.journal_slowest_us = micros(gauges.slowest_sync);
        counters.journal_dropped = gauges.dropped;
        counters.journal_snapshots = gauges.snapshots;
        let free_bytes = self.metrics.free_bytes();
        counters.journal_free_bytes = free_bytes.unwrap_or(0);
        let low =
            free_bytes.is_some_and(|free| free < LOW_SEGMENTS * self.journal.segment_size() as u64);
        if low && !self.disk_low {
            log_warn!("disk_low", {"free_bytes": free_bytes, "segment_bytes": self.journal.segment_size(),
                "why": "nothing opens any more once the next segment finds no room"});
        }
        self.disk_low = low;
    }
}
