//! The append-only journal: what riskd knows after a restart.
//!
//! `DIR/journal/` holds segments (see [`format`]) in preallocated, mapped files. [`Journal::append`] stores a record in the
//! mapping: from then on it survives the process, and the power supply after the next pass of the sync thread (see
//! [`disk`]). The caller never waits for the disk. The next segment is allocated ahead (see [`spare`]), so that a full disk
//! is known while there is still room: what opens is refused first, then everything but the kill switch's own records.
//!
//! Snapshots restate what still matters, so that a start reads back to the newest whole one and not to the beginning (see
//! [`recover`]). Segments are never removed: together they are the audit trail that [`verify`] reads.

mod disk;
mod end;
mod error;
mod format;
#[cfg(test)]
mod fuzz;
mod records;
mod recover;
mod segment;
mod spare;
#[cfg(test)]
mod tests;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dnalyaw_mapped::MappedFile;
use serde::Serialize;
use serde::de::DeserializeOwned;

use disk::{Disk, Durable};
use format::{Chain, Header};
use spare::Spare;

pub use disk::Lag;
pub use error::JournalError;
pub use recover::Opened;
pub use verify::{Summary, verify};

/// Length of a segment's file, unless the command line says otherwise.
pub const SEGMENT: usize = 8 << 20;
/// The least and the most a segment may have: room for a large record beside both reserves, and an offset of 32 bits.
pub const SEGMENT_RANGE: std::ops::RangeInclusive<usize> = 64 << 10..=1 << 30;

/// What a record is to the machinery of snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Nothing.
    Outside,
    /// It begins the snapshot of this number, is part of the one that was begun last, or makes it whole.
    Begin(u64),
    Part,
    End(u64),
}

/// What the journal can hold.
pub trait Entry: Serialize + DeserializeOwned {
    /// See [`Bound`].
    fn bound(&self) -> Bound;
}

/// How much a record matters when room is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It opens something, or can be written later: the first to be refused.
    Opening,
    /// What happened anyway. The venue can tell it again.
    Report,
    /// The kill switch's, an operator's, riskd's own start: a part of every segment is kept for them.
    Reserved,
}

/// What may rest on the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Everything.
    Well,
    /// No room for what opens, or reports are missing from it until the next whole snapshot. It heals when there is room.
    Full(String),
    /// The disk failed: nothing is durable any more, until a person has looked at it.
    Failed(String),
}

/// Numbers for metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    pub records: u64,
    pub segment: u64,
    pub lag: Lag,
    pub syncs: u64,
    pub slowest_sync: Duration,
    /// Records that found no room.
    pub dropped: u64,
    /// Whole snapshots since the start.
    pub snapshots: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Snapshots {
    /// Number, segment and bytes of the newest whole one, and of the one being written.
    whole: Option<Extent>,
    open: Option<Extent>,
    /// Bytes stored since the newest whole one began.
    since: u64,
    done: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    number: u64,
    segment: u64,
    bytes: u64,
    /// Bytes stored, of any kind, since it began.
    since: u64,
}

/// An open journal. One writer; the directory lock keeps a second process away.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    size: usize,
    file: MappedFile,
    number: u64,
    /// Where the next record goes.
    at: usize,
    /// The place in this file that `origin.0` bytes stored stand for is `origin.1`.
    origin: (u64, usize),
    /// The synced word says so much.
    synced: usize,
    chain: Chain,
    count: u64,
    boot: [u8; 16],
    spare: Spare,
    disk: Disk,
    failed: Option<String>,
    dropped: u64,
    /// Reports were dropped that no whole snapshot has made up for.
    holes: bool,
    /// Something found no room since there was a next segment.
    short: bool,
    snapshots: Snapshots,
    payload: Vec<u8>,
    framed: Vec<u8>,
}

impl Journal {
    /// Opens or creates the journal in this folder, with new segments of `size` bytes, and verifies every record from the
    /// newest whole snapshot on.
    ///
    /// # Errors
    /// `JournalError` naming the file and record that does not verify, or the system's refusal.
    pub fn open<T: Entry>(dir: &Path, size: usize) -> Result<Opened<T>, JournalError> {
        recover::open(dir, size)
    }

    /// Stores a record. False when there was no room for one of its class, or when it could not be written down; nothing
    /// that rests on the record may leave the process then.
    #[must_use]
    pub fn append<T: Entry>(&mut self, record: &T, class: Class) -> bool {
        self.payload.clear();
        if let Err(err) = serde_json::to_writer(&mut self.payload, record) {
            return self.fail(format!("a record could not be written down: {err}"));
        }
        // A segment has room for several records of any kind; one that is larger is a fault of ours.
        let most = format::MAX_PAYLOAD.min(self.size / 8);
        if self.payload.len() > most {
            return self.fail(format!(
                "a record of {} bytes is larger than {most}",
                self.payload.len()
            ));
        }
        let need = self.payload.len() + format::OVERHEAD;
        if !self.make_room(need, class) {
            self.dropped += 1;
            self.short = true;
            self.holes |= class == Class::Report;
            if record.bound() != Bound::Outside {
                self.snapshots.open = None;
            }
            return false;
        }
        self.framed.clear();
        let next = format::frame(&self.chain, &self.payload, &mut self.framed);
        if let Err(err) = self.file.write_at(self.at, &self.framed) {
            return self.fail(err.to_string());
        }
        self.chain = next;
        self.count += 1;
        self.at += need;
        self.disk.stored(need as u64);
        self.note(record.bound(), need as u64);
        true
    }

    /// Looks after what goes on in the background, and says what may rest on the journal. To be called often.
    pub fn tend(&mut self) -> Health {
        if let Some(why) = self.disk.failure() {
            self.fail(why);
        }
        if let Some(why) = &self.failed {
            return Health::Failed(why.clone());
        }
        self.mark_synced();
        let ready = self.spare.ready();
        self.short &= !ready;
        if !ready && (self.short || self.at > self.limit(Class::Opening)) {
            let why = self.spare.failure().unwrap_or("it is being allocated");
            return Health::Full(format!("no room for another segment: {why}"));
        }
        if self.holes {
            return Health::Full("reports found no room; a snapshot makes up for them".into());
        }
        Health::Well
    }

    /// Whether the state should be restated now, and by a snapshot of which number. None while one is being written.
    #[must_use]
    pub fn snapshot_due(&mut self) -> Option<u64> {
        if self.snapshots.open.is_some() || self.failed.is_some() || !self.spare.ready() {
            return None;
        }
        let due = match &self.snapshots.whole {
            None => self.number > 1,
            // A snapshot as large as what it saves reading is no gain.
            Some(last) => self.number > last.segment && self.snapshots.since >= 2 * last.bytes,
        };
        (due || self.holes).then(|| self.count + 1)
    }

    /// Waits until everything is durable. After it nothing is stored any more.
    pub fn finish(&mut self) {
        self.disk.finish();
        self.tend();
        if let Err(err) = self.file.flush() {
            self.fail(err.to_string());
        }
    }

    /// Bytes of a new segment.
    pub fn segment_size(&self) -> usize {
        self.size
    }

    /// Records ever stored.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether nothing was ever stored.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The chain's last link, in hex: two journals with one value hold the same history.
    pub fn head(&self) -> String {
        crate::log::hex(&self.chain)
    }

    /// Numbers for metrics.
    pub fn gauges(&self) -> Gauges {
        let (syncs, slowest_sync) = self.disk.syncs();
        Gauges {
            records: self.count,
            segment: self.number,
            lag: self.disk.lag(),
            syncs,
            slowest_sync,
            dropped: self.dropped,
            snapshots: self.snapshots.done,
        }
    }

    fn fail(&mut self, why: String) -> bool {
        self.failed.get_or_insert(why);
        false
    }

    /// How far records of this class go while there is no next segment. What opens stops first, so that the reports of what
    /// works still find room; the last part is the kill switch's.
    fn limit(&self, class: Class) -> usize {
        let reserve = self.file.len() / 8;
        match class {
            Class::Opening => self.file.len() - 2 * reserve,
            Class::Report => self.file.len() - reserve,
            Class::Reserved => self.file.len(),
        }
    }

    fn make_room(&mut self, need: usize, class: Class) -> bool {
        if self.at + need <= self.limit(class)
            || (self.spare.ready() && self.at + need <= self.file.len())
        {
            return true;
        }
        // The one place where the core may wait for the disk: it filled a segment faster than the next was allocated.
        self.spare.wait() && self.turn() && self.at + need <= self.limit(class)
    }

    /// Begins the next segment.
    fn turn(&mut self) -> bool {
        let number = self.number + 1;
        let after = segment::segment_path(&self.dir, number + 1);
        let Some(mut file) = self.spare.take(after) else {
            return false;
        };
        let header = Header {
            number,
            before: self.count,
            chain: self.chain,
            size: u32::try_from(file.len()).unwrap_or(u32::MAX),
        };
        let begun = file
            .write_at(0, &header.encode())
            .and_then(|()| file.write_at(format::BOOT_AT, &self.boot))
            .and_then(|()| file.syncer());
        let syncer: Arc<dyn Durable> = match begun {
            Ok(syncer) => Arc::new(syncer),
            Err(err) => return self.fail(err.to_string()),
        };
        let before = std::mem::replace(&mut self.file, file);
        self.disk.turn(syncer, Some(before));
        self.origin = (self.disk.written(), 0);
        self.number = number;
        self.at = format::HEADER;
        self.short = false;
        self.synced = 0;
        self.disk.stored(format::HEADER as u64);
        true
    }

    /// Writes down how far the disk is known to hold this segment.
    fn mark_synced(&mut self) {
        let (stored, at) = self.origin;
        let Some(more) = self.disk.synced().checked_sub(stored) else {
            return;
        };
        let end = at + usize::try_from(more).unwrap_or(usize::MAX);
        if end > self.synced {
            let word = format::synced_word(self.number, end);
            if let Err(err) = self.file.write_word_at(format::SYNCED_AT, word) {
                self.fail(err.to_string());
            }
            self.synced = end;
        }
    }

    fn note(&mut self, bound: Bound, bytes: u64) {
        let snapshots = &mut self.snapshots;
        snapshots.since += bytes;
        if let Some(open) = &mut snapshots.open {
            open.since += bytes;
        }
        match bound {
            Bound::Outside => {}
            Bound::Begin(number) => {
                snapshots.open = Some(Extent {
                    number,
                    segment: self.number,
                    bytes,
                    since: bytes,
                });
            }
            Bound::Part => {
                if let Some(open) = &mut snapshots.open {
                    open.bytes += bytes;
                }
            }
            Bound::End(number) => {
                if let Some(open) = snapshots.open.take_if(|open| open.number == number) {
                    snapshots.since = open.since;
                    snapshots.whole = Some(open);
                    snapshots.done += 1;
                    self.holes = false;
                }
            }
        }
    }
}
