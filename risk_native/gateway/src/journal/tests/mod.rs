//! The journal against crashes, damage, full disks and failing ones.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::*;

mod crash;
mod room;
mod segments;

const SIZE: usize = *SEGMENT_RANGE.start();
const HEADER: usize = format::HEADER;

/// A record with as many bytes as a test wants.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Note {
    n: u64,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snapshot: Option<(char, u64)>,
}

impl Entry for Note {
    fn bound(&self) -> Bound {
        match self.snapshot {
            None => Bound::Outside,
            Some(('b', number)) => Bound::Begin(number),
            Some(('e', number)) => Bound::End(number),
            Some(_) => Bound::Part,
        }
    }
}

fn note(n: u64, length: usize) -> Note {
    Note {
        n,
        text: "x".repeat(length),
        snapshot: None,
    }
}

fn mark(kind: char, number: u64) -> Note {
    Note {
        n: 0,
        text: String::new(),
        snapshot: Some((kind, number)),
    }
}

fn open(dir: &Path) -> Result<Opened<Note>, JournalError> {
    Journal::open(dir, SIZE)
}

fn opened(dir: &Path) -> Opened<Note> {
    open(dir).unwrap_or_else(|err| panic!("{err}"))
}

fn numbers(records: &[Note]) -> Vec<u64> {
    records.iter().map(|one| one.n).collect()
}

/// A folder and the path of a journal in it; in memory where there is such a place, because thousands of syncs wait for a
/// disk and none of these tests looks at one.
fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let path = dir.path().join("journal");
    (dir, path)
}

fn segment(dir: &Path, number: u64) -> PathBuf {
    segment::segment_path(dir, number)
}

/// Waits for what the background threads do; how long is no part of any test.
fn until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "never");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The ends of the whole records in a segment's bytes.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![HEADER];
    while let Some((_, own)) = format::whole_record(bytes, *ends.last().unwrap()) {
        ends.push(own.end);
    }
    ends
}

/// Sets a segment's synced word and boot id, as they were when the machine or the process stopped.
fn stopped(bytes: &mut [u8], synced: usize, this_boot: bool) {
    let word = format::synced_word(1, synced).to_le_bytes();
    bytes[format::SYNCED_AT..][..8].copy_from_slice(&word);
    let boot = if this_boot {
        format::boot_id().expect("a boot id")
    } else {
        [9; 16]
    };
    bytes[format::BOOT_AT..][..16].copy_from_slice(&boot);
}

/// A first segment with `count` records, and where they end.
fn written(dir: &Path, count: u64) -> (Vec<u8>, Vec<usize>) {
    let mut journal = opened(dir).journal;
    for n in 1..=count {
        assert!(journal.append(&note(n, 5 * n as usize), Class::Report));
    }
    drop(journal);
    let bytes = std::fs::read(segment(dir, 1)).unwrap();
    let ends = ends(&bytes);
    assert_eq!(ends.len() as u64, count + 1);
    (bytes, ends)
}
