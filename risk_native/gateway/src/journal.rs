//! The append-only journal: what riskd knows after a restart.
//!
//! The file is an 8-byte magic followed by records:
//!
//! ```text
//! u32 length of the payload | u32 CRC-32 of payload and chain | payload (JSON) | 32-byte chain
//! ```
//!
//! The chain is SHA-256(previous chain, payload), so no record can be changed, dropped or moved without every later one
//! disagreeing. A record that ends at the end of the file and is not whole is what a crash leaves behind: it is cut off
//! and said so. Anything else that does not verify refuses to open, because state rebuilt from it would be a guess.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 8] = b"DNRJ0001";
const FRAME: usize = 8;
const CHAIN: usize = 32;
/// A payload is a few hundred bytes; anything near this is not ours.
const MAX_PAYLOAD: usize = 1 << 20;

/// Why a journal could not be opened or written.
#[derive(Debug)]
pub enum JournalError {
    /// The operating system refused.
    Io(PathBuf, io::Error),
    /// The file is not a journal of this version.
    NotAJournal(PathBuf),
    /// A record that is not the last does not verify.
    Broken {
        path: PathBuf,
        record: u64,
        offset: u64,
        why: &'static str,
    },
    /// A verified record holds something this version cannot read.
    Unreadable {
        path: PathBuf,
        record: u64,
        why: String,
    },
}

impl std::fmt::Display for JournalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, err) => write!(f, "journal {}: {err}", path.display()),
            Self::NotAJournal(path) => write!(
                f,
                "journal {}: not a riskd journal; move it away or choose another --dir",
                path.display()
            ),
            Self::Broken {
                path,
                record,
                offset,
                why,
            } => write!(
                f,
                "journal {}: record {record} at byte {offset} is broken ({why}); restore the file from a copy, riskd will not guess",
                path.display()
            ),
            Self::Unreadable { path, record, why } => write!(
                f,
                "journal {}: record {record} cannot be read ({why}); it was written by another version",
                path.display()
            ),
        }
    }
}

impl std::error::Error for JournalError {}

/// What opening found.
#[derive(Debug)]
pub struct Opened<T> {
    pub journal: Journal,
    /// Every whole record, oldest first.
    pub records: Vec<T>,
    /// Bytes of a torn last record that were cut off.
    pub torn_bytes: u64,
}

/// An open journal. One writer; the directory lock keeps a second process away.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    chain: [u8; CHAIN],
    count: u64,
    pending: Vec<u8>,
    failed: bool,
}

impl Journal {
    /// Opens or creates the journal and verifies every record.
    ///
    /// # Errors
    /// `JournalError` naming the record that does not verify, or the system's refusal.
    pub fn open<T: DeserializeOwned>(path: &Path) -> Result<Opened<T>, JournalError> {
        let io = |err| JournalError::Io(path.to_path_buf(), err);
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(io)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let mut torn_bytes = 0;
        if bytes.len() < MAGIC.len() {
            if !MAGIC.starts_with(&bytes) {
                return Err(JournalError::NotAJournal(path.to_path_buf()));
            }
            torn_bytes = bytes.len() as u64;
            file.set_len(0).map_err(io)?;
            file.write_all(MAGIC).map_err(io)?;
            file.sync_all().map_err(io)?;
            // The name itself must survive a power cut, or a restart would start a second, empty history.
            if let Some(parent) = path.parent() {
                File::open(parent).and_then(|d| d.sync_all()).map_err(io)?;
            }
            bytes = MAGIC.to_vec();
        }
        if &bytes[..MAGIC.len()] != MAGIC {
            return Err(JournalError::NotAJournal(path.to_path_buf()));
        }
        let scan = scan(path, &bytes)?;
        if scan.end < bytes.len() {
            torn_bytes = (bytes.len() - scan.end) as u64;
            file.set_len(scan.end as u64).map_err(io)?;
            file.sync_all().map_err(io)?;
        }
        file.seek(SeekFrom::End(0)).map_err(io)?;
        let mut records = Vec::with_capacity(scan.payloads.len());
        for (index, range) in scan.payloads.iter().enumerate() {
            let record = serde_json::from_slice(&bytes[range.clone()]).map_err(|err| {
                JournalError::Unreadable {
                    path: path.to_path_buf(),
                    record: index as u64 + 1,
                    why: err.to_string(),
                }
            })?;
            records.push(record);
        }
        Ok(Opened {
            journal: Journal {
                path: path.to_path_buf(),
                file,
                chain: scan.chain,
                count: records.len() as u64,
                pending: Vec::new(),
                failed: false,
            },
            records,
            torn_bytes,
        })
    }

    /// Adds a record to the batch that the next `commit` makes durable.
    pub fn append<T: Serialize>(&mut self, record: &T) {
        match serde_json::to_vec(record) {
            Ok(payload) if payload.len() <= MAX_PAYLOAD => {
                self.chain = frame(&self.chain, &payload, &mut self.pending);
                self.count += 1;
            }
            // A record that cannot be written may not be forgotten either: the next commit fails.
            _ => self.failed = true,
        }
    }

    /// Writes the batch and waits until it is on the disk. After a failure every later commit fails too.
    ///
    /// # Errors
    /// `JournalError::Io`; nothing that rests on the batch may leave the process.
    pub fn commit(&mut self) -> Result<(), JournalError> {
        if self.failed {
            return Err(JournalError::Io(
                self.path.clone(),
                io::Error::other("an earlier write failed; restart riskd once the disk is well"),
            ));
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        let done = self
            .file
            .write_all(&self.pending)
            .and_then(|()| self.file.sync_data());
        self.pending.clear();
        done.map_err(|err| {
            self.failed = true;
            JournalError::Io(self.path.clone(), err)
        })
    }

    /// Records written or waiting.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether nothing was ever written.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether there is something to commit.
    pub fn dirty(&self) -> bool {
        self.failed || !self.pending.is_empty()
    }

    /// The chain's last link, in hex: two journals with one value hold the same history.
    pub fn head(&self) -> String {
        crate::log::hex(&self.chain)
    }
}

fn frame(chain: &[u8; CHAIN], payload: &[u8], out: &mut Vec<u8>) -> [u8; CHAIN] {
    let next: [u8; CHAIN] = Sha256::new()
        .chain_update(chain)
        .chain_update(payload)
        .finalize()
        .into();
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&checksum(payload, &next).to_le_bytes());
    out.extend_from_slice(payload);
    out.extend_from_slice(&next);
    next
}

fn checksum(payload: &[u8], chain: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(payload);
    hasher.update(chain);
    hasher.finalize()
}

struct Scan {
    payloads: Vec<std::ops::Range<usize>>,
    chain: [u8; CHAIN],
    end: usize,
}

fn scan(path: &Path, bytes: &[u8]) -> Result<Scan, JournalError> {
    let mut at = MAGIC.len();
    let mut chain = [0u8; CHAIN];
    let mut payloads = Vec::new();
    while at < bytes.len() {
        let broken = |why| JournalError::Broken {
            path: path.to_path_buf(),
            record: payloads.len() as u64 + 1,
            offset: at as u64,
            why,
        };
        let Some((payload, link)) = whole_record(bytes, at) else {
            // A crash tears only what was written last: nothing whole may follow it.
            if (at + 1..bytes.len()).any(|next| whole_record(bytes, next).is_some()) {
                return Err(broken("it does not verify and whole records follow"));
            }
            break;
        };
        let expected: [u8; CHAIN] = Sha256::new()
            .chain_update(chain)
            .chain_update(&bytes[payload.clone()])
            .finalize()
            .into();
        if expected[..] != bytes[link.clone()] {
            return Err(broken("its chain does not follow from the record before"));
        }
        chain = expected;
        at = link.end;
        payloads.push(payload);
    }
    Ok(Scan {
        payloads,
        chain,
        end: at,
    })
}

/// The payload and chain of the record at `at`, if one is there whole.
fn whole_record(
    bytes: &[u8],
    at: usize,
) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let head = bytes.get(at..at + FRAME)?;
    let length = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
    let crc = u32::from_le_bytes(head[4..].try_into().ok()?);
    if length == 0 || length > MAX_PAYLOAD {
        return None;
    }
    let payload = at + FRAME..at + FRAME + length;
    let link = payload.end..payload.end + CHAIN;
    // Every payload is a JSON object: looking at one byte keeps the search after a torn record cheap.
    if link.end > bytes.len() || bytes[payload.start] != b'{' {
        return None;
    }
    (checksum(&bytes[payload.clone()], &bytes[link.clone()]) == crc).then_some((payload, link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn written(path: &Path, count: u64) -> Vec<u8> {
        let mut journal = Journal::open::<Value>(path).unwrap().journal;
        for n in 0..count {
            journal.append(&json!({"n": n, "text": "x".repeat(n as usize)}));
            journal.commit().unwrap();
        }
        std::fs::read(path).unwrap()
    }

    #[test]
    fn what_was_committed_is_read_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        written(&path, 20);
        let opened = Journal::open::<Value>(&path).unwrap();
        assert_eq!(opened.records.len(), 20);
        assert_eq!(opened.records[7]["n"], 7);
        assert_eq!(opened.torn_bytes, 0);
    }

    #[test]
    fn a_journal_cut_at_any_byte_keeps_exactly_its_whole_records() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        let bytes = written(&path, 4);
        let mut ends = vec![MAGIC.len()];
        let mut at = MAGIC.len();
        while at < bytes.len() {
            at = whole_record(&bytes, at).unwrap().1.end;
            ends.push(at);
        }
        for cut in 0..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let opened = Journal::open::<Value>(&path).unwrap();
            let whole = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(
                opened.records.len(),
                whole.saturating_sub(1),
                "cut at {cut}"
            );
            drop(opened);
            assert_eq!(Journal::open::<Value>(&path).unwrap().torn_bytes, 0);
        }
    }

    #[test]
    fn a_changed_byte_before_the_last_record_refuses_to_open() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        let bytes = written(&path, 4);
        let mut last = MAGIC.len();
        let mut at = MAGIC.len();
        while at < bytes.len() {
            last = at;
            at = whole_record(&bytes, at).unwrap().1.end;
        }
        for index in MAGIC.len()..last {
            let mut bad = bytes.clone();
            bad[index] ^= 0x40;
            std::fs::write(&path, &bad).unwrap();
            assert!(
                matches!(
                    Journal::open::<Value>(&path),
                    Err(JournalError::Broken { .. })
                ),
                "byte {index}"
            );
        }
    }

    #[test]
    fn a_record_taken_out_breaks_the_chain() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        let bytes = written(&path, 3);
        let first = whole_record(&bytes, MAGIC.len()).unwrap().1.end;
        let mut bad = MAGIC.to_vec();
        bad.extend_from_slice(&bytes[first..]);
        std::fs::write(&path, &bad).unwrap();
        let err = Journal::open::<Value>(&path).unwrap_err().to_string();
        assert!(err.contains("record 1") && err.contains("chain"), "{err}");
    }

    #[test]
    fn after_one_failed_write_nothing_is_called_durable_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        let mut journal = Journal::open::<Value>(&path).unwrap().journal;
        journal.file = File::open(&path).unwrap();
        journal.append(&json!({"n": 1}));
        assert!(journal.commit().is_err());
        journal.file = OpenOptions::new().append(true).open(&path).unwrap();
        journal.append(&json!({"n": 2}));
        assert!(journal.dirty() && journal.commit().is_err());
        assert_eq!(std::fs::read(&path).unwrap(), MAGIC);
    }

    #[test]
    fn another_file_is_not_taken_for_a_journal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j");
        std::fs::write(&path, b"hello, this is not it").unwrap();
        assert!(matches!(
            Journal::open::<Value>(&path),
            Err(JournalError::NotAJournal(_))
        ));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

        /// Whatever a crash leaves after the last whole record, the whole ones are kept; whatever happens to them, no
        /// record is made up.
        #[test]
        fn garbage_at_the_end_costs_no_record(tail in proptest::collection::vec(0_u8..=255, 0..200)) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("j");
            let mut bytes = written(&path, 5);
            bytes.extend(&tail);
            std::fs::write(&path, &bytes).unwrap();
            let opened = Journal::open::<Value>(&path).unwrap();
            proptest::prop_assert_eq!(opened.records.len(), 5);
            proptest::prop_assert_eq!(opened.torn_bytes, tail.len() as u64);
        }
    }
}
