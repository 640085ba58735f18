//! One segment's file, read and verified.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::JournalError;
use super::format::{self, Fault, HEADER, Header, Scan, Tail};

pub fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.seg"))
}

/// Numbers of the segment files in the folder, ascending.
pub fn numbers(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_suffix(".seg"))
            .filter(|digits| digits.len() == 8)
            .and_then(|digits| digits.parse::<u64>().ok());
        numbers.extend(number.filter(|n| *n > 0));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A segment's head.
pub struct Head {
    pub path: PathBuf,
    pub header: Option<Header>,
    /// How far the disk is known to hold it; 0 = not known.
    pub synced: usize,
    /// The boot in which it was written last.
    pub boot: [u8; 16],
}

impl Head {
    pub fn read(dir: &Path, number: u64) -> Result<Self, JournalError> {
        let path = segment_path(dir, number);
        let mut page = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(HEADER as u64).read_to_end(&mut page))
            .map_err(|err| JournalError::Io(path.clone(), err))?;
        // A file has its whole length before its first byte is stored: only one that was never allocated has none.
        if !page.is_empty() && page.len() < HEADER {
            return Err(broken(&path, "it is cut short"));
        }
        page.resize(HEADER, 0);
        let header = Header::decode(&page).filter(|header| header.number == number);
        let word = u64::from_le_bytes(
            page[format::SYNCED_AT..][..8]
                .try_into()
                .unwrap_or_default(),
        );
        let Some(synced) = format::synced_end(number, word) else {
            return Err(broken(&path, "its synced word does not verify"));
        };
        if header.is_none() && synced > 0 {
            return Err(broken(&path, "its header does not verify"));
        }
        Ok(Self {
            path,
            header,
            synced,
            boot: page[format::BOOT_AT..][..16].try_into().unwrap_or_default(),
        })
    }

    /// All bytes, and as many zeros as were cut off.
    pub fn bytes(&self) -> Result<Vec<u8>, JournalError> {
        let mut bytes =
            std::fs::read(&self.path).map_err(|err| JournalError::Io(self.path.clone(), err))?;
        let size = self.header.map_or(0, |header| header.size as usize);
        bytes.resize(bytes.len().max(size), 0);
        Ok(bytes)
    }
}

/// A fault of a segment as a whole.
pub fn broken(path: &Path, why: &str) -> JournalError {
    JournalError::Broken {
        path: path.to_path_buf(),
        record: 0,
        offset: 0,
        why: why.into(),
    }
}

fn located(head: &Head, header: &Header, fault: Fault) -> JournalError {
    JournalError::Broken {
        path: head.path.clone(),
        record: header.before + fault.index + 1,
        offset: fault.offset as u64,
        why: fault.why.into(),
    }
}

/// One segment, read and verified.
pub struct Segment {
    pub head: Head,
    pub header: Header,
    pub bytes: Vec<u8>,
    pub scan: Scan,
}

impl Segment {
    pub fn read(head: Head, tail: Tail) -> Result<Self, JournalError> {
        let header = head
            .header
            .ok_or_else(|| broken(&head.path, "its header does not verify"))?;
        let bytes = head.bytes()?;
        match format::scan(&bytes, &header, head.synced, tail) {
            Ok(scan) => Ok(Self {
                head,
                header,
                bytes,
                scan,
            }),
            Err(fault) => Err(located(&head, &header, fault)),
        }
    }

    /// Records up to its end.
    pub fn count(&self) -> u64 {
        self.header.before + self.scan.payloads.len() as u64
    }

    /// That `next` goes on where this one ends.
    pub fn check_next(&self, next: &Header, path: &Path) -> Result<(), JournalError> {
        if next.chain == self.scan.chain && next.before == self.count() {
            return Ok(());
        }
        Err(JournalError::Broken {
            path: path.to_path_buf(),
            record: next.before + 1,
            offset: 0,
            why: format!(
                "it does not go on where segment {} ends, at record {}",
                self.header.number,
                self.count()
            ),
        })
    }
}
