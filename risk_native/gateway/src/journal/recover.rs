//! Opening: find the end, cut off what a crash tore, and go back to the newest whole snapshot.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dnalyaw_mapped::MappedFile;

use super::disk::Disk;
use super::format::{self, Fault, HEADER, Header, Scan, Tail};
use super::spare::Spare;
use super::{Bound, Entry, Extent, Journal, JournalError, Snapshots};

/// What opening found.
#[derive(Debug)]
pub struct Opened<T> {
    pub journal: Journal,
    /// Every record from the newest whole snapshot on, oldest first; of snapshots only the parts of that one.
    pub records: Vec<T>,
    /// Records before it, which were not read.
    pub skipped: u64,
    /// Bytes of something unfinished at the end that were cut off.
    pub torn_bytes: u64,
}

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
    boot: [u8; 16],
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

fn broken(path: &Path, why: &str) -> JournalError {
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

/// What the end of the journal is made of.
pub struct End {
    /// The segments that may hold something the disk was not known to have, oldest first.
    pub segments: Vec<Segment>,
    /// Files behind them that hold nothing: a spare, or what was discarded.
    pub behind: Vec<PathBuf>,
    pub torn: u64,
}

/// Finds the end. `None` when no segment was ever begun.
pub fn end(dir: &Path, numbers: &[u64]) -> Result<Option<End>, JournalError> {
    let mut heads = Vec::new();
    // From the newest back to one that the disk is known to hold: with it everything before it.
    for number in numbers.iter().rev() {
        let head = Head::read(dir, *number)?;
        let known = head.synced > 0;
        heads.push(head);
        if known {
            break;
        }
    }
    heads.reverse();
    let born = heads.iter().rposition(|head| head.header.is_some());
    let this_boot = format::boot_id();
    let same_boot = born.is_some_and(|at| this_boot == Some(heads[at].boot));
    let mut behind: Vec<PathBuf> = Vec::new();
    for head in heads.drain(born.map_or(0, |at| at + 1)..) {
        // Begun and not finished, or not begun: nothing whole may stand in it.
        let bytes = head.bytes()?;
        let first = format::whole_record(&bytes, HEADER);
        if first.is_some() && (same_boot || born.is_none()) {
            return Err(broken(&head.path, "its header does not verify"));
        }
        behind.push(head.path);
    }
    if heads.is_empty() {
        return Ok(None);
    }
    let tail = if same_boot {
        Tail::Killed
    } else {
        Tail::PowerCut
    };
    let count = heads.len();
    let mut segments: Vec<Segment> = Vec::new();
    let mut torn = 0_u64;
    for (index, head) in heads.into_iter().enumerate() {
        if torn > 0 {
            // It rests on records that a power cut took, and the disk was never known to hold it.
            behind.insert(0, head.path);
            continue;
        }
        // A killed process had finished every segment but its last.
        let tail = if index + 1 < count && tail == Tail::Killed {
            Tail::Sealed
        } else {
            tail
        };
        if head.header.is_none() {
            // Between two that were begun: its page did not reach the disk before the power went.
            if same_boot {
                return Err(broken(&head.path, "its header does not verify"));
            }
            torn += 1;
            behind.insert(0, head.path);
            continue;
        }
        let segment = Segment::read(head, tail)?;
        if let Some(before) = segments.last() {
            let joined = before.check_next(&segment.header, &segment.head.path);
            if let Err(err) = joined {
                if same_boot {
                    return Err(err);
                }
                // Whole records of the one before did not reach the disk, and their room is still zeros.
                torn += 1;
                behind.insert(0, segment.head.path);
                continue;
            }
        }
        torn += segment.scan.torn as u64;
        segments.push(segment);
    }
    Ok(Some(End {
        segments,
        behind,
        torn,
    }))
}

/// See [`Journal::open`].
pub fn open<T: Entry>(dir: &Path, size: usize) -> Result<Opened<T>, JournalError> {
    let io = |err| JournalError::Io(dir.to_path_buf(), err);
    let old = dir.with_extension("bin");
    if old.exists() {
        return Err(JournalError::NotAJournal(
            old,
            "an earlier version wrote it; see with that version that nothing works at the venue",
        ));
    }
    if !dir.exists() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(io)?;
        // The name itself must survive a power cut, or a restart would start a second, empty history.
        if let Some(parent) = dir.parent() {
            File::open(parent).and_then(|d| d.sync_all()).map_err(io)?;
        }
    }
    let boot = format::boot_id().unwrap_or_default();
    let numbers = numbers(dir).map_err(io)?;
    let Some(end) = end(dir, &numbers)? else {
        for number in &numbers {
            std::fs::remove_file(segment_path(dir, *number)).map_err(io)?;
        }
        return create(dir, size, boot);
    };
    let mut segments = end.segments;
    let last = segments
        .last()
        .ok_or_else(|| broken(dir, "its newest segments rest on records that are gone"))?;
    let (number, chain, count, at, torn) = (
        last.header.number,
        last.scan.chain,
        last.count(),
        last.scan.end,
        last.scan.torn,
    );
    let path = last.head.path.clone();
    let mut records = decode_all(&segments)?;
    while newest_snapshot(&records).is_none() && segments[0].header.number > 1 {
        let before = Head::read(dir, segments[0].header.number - 1)?;
        let segment = Segment::read(before, Tail::Sealed)?;
        segment.check_next(&segments[0].header, &segments[0].head.path)?;
        let mut earlier = decode(&segment)?;
        earlier.append(&mut records);
        records = earlier;
        segments.insert(0, segment);
    }
    let first = segments[0].header.before;
    let (records, skipped, snapshots) = from_snapshot(records);

    // Everything verified: now, and not before, the files are touched.
    let io = |err| JournalError::Io(path.clone(), err);
    for segment in &segments {
        File::open(&segment.head.path)
            .and_then(|file| file.sync_all())
            .map_err(io)?;
    }
    let mut file = MappedFile::open_preallocated(&path, last_size(&segments, size)).map_err(io)?;
    file.write_at(at, &vec![0; torn.min(file.len() - at)])
        .and_then(|()| file.flush())
        .and_then(|()| file.write_at(format::BOOT_AT, &boot))
        .and_then(|()| file.write_word_at(format::SYNCED_AT, format::synced_word(number, at)))
        .and_then(|()| file.flush())
        .map_err(io)?;
    let mut spare = None;
    for (index, path) in end.behind.iter().enumerate() {
        let usable = index == 0 && *path == segment_path(dir, number + 1) && is_blank(path, size);
        match MappedFile::open_preallocated(path, size) {
            Ok(file) if usable => spare = Some(file),
            _ => std::fs::remove_file(path).map_err(io)?,
        }
    }
    let spare_path = segment_path(dir, number + 1);
    let spare = match spare {
        Some(file) => Spare::found(spare_path, size, file),
        None => Spare::ask(spare_path, size),
    };
    let journal = start(
        dir,
        size,
        boot,
        Begin {
            file,
            number,
            at,
            chain,
            count,
            spare,
            snapshots,
        },
    )?;
    Ok(Opened {
        journal,
        records,
        skipped: first + skipped,
        torn_bytes: end.torn,
    })
}

fn last_size(segments: &[Segment], size: usize) -> usize {
    segments
        .last()
        .map_or(size, |segment| segment.header.size as usize)
}

/// Whether the file is what an allocation leaves: the right length, and zeros.
fn is_blank(path: &Path, size: usize) -> bool {
    std::fs::read(path)
        .is_ok_and(|bytes| bytes.len() == size && bytes.iter().all(|byte| *byte == 0))
}

fn create<T>(dir: &Path, size: usize, boot: [u8; 16]) -> Result<Opened<T>, JournalError> {
    let path = segment_path(dir, 1);
    let header = Header {
        number: 1,
        before: 0,
        chain: [0; format::CHAIN],
        size: u32::try_from(size).unwrap_or(u32::MAX),
    };
    let begun = MappedFile::create_preallocated(&path, size).and_then(|mut file| {
        file.write_at(0, &header.encode())?;
        file.write_at(format::BOOT_AT, &boot)?;
        file.flush()?;
        file.write_word_at(format::SYNCED_AT, format::synced_word(1, HEADER))?;
        file.flush()?;
        Ok(file)
    });
    let file = begun.map_err(|err| JournalError::Io(path, err))?;
    let journal = start(
        dir,
        size,
        boot,
        Begin {
            file,
            number: 1,
            at: HEADER,
            chain: header.chain,
            count: 0,
            spare: Spare::ask(segment_path(dir, 2), size),
            snapshots: Snapshots::default(),
        },
    )?;
    Ok(Opened {
        journal,
        records: Vec::new(),
        skipped: 0,
        torn_bytes: 0,
    })
}

struct Begin {
    file: MappedFile,
    number: u64,
    at: usize,
    chain: format::Chain,
    count: u64,
    spare: Spare,
    snapshots: Snapshots,
}

fn start(dir: &Path, size: usize, boot: [u8; 16], begin: Begin) -> Result<Journal, JournalError> {
    let io = |err| JournalError::Io(dir.to_path_buf(), err);
    let disk = Disk::start().map_err(io)?;
    disk.turn(Arc::new(begin.file.syncer().map_err(io)?), None);
    Ok(Journal {
        dir: dir.to_path_buf(),
        size,
        file: begin.file,
        number: begin.number,
        at: begin.at,
        origin: (0, begin.at),
        synced: begin.at,
        chain: begin.chain,
        count: begin.count,
        boot,
        spare: begin.spare,
        disk,
        failed: None,
        dropped: 0,
        holes: false,
        short: false,
        snapshots: begin.snapshots,
        payload: Vec::new(),
        framed: Vec::new(),
    })
}

/// A record, the segment it stands in, and its bytes.
pub struct Located<T> {
    pub record: T,
    segment: u64,
    bytes: u64,
}

fn decode_all<T: Entry>(segments: &[Segment]) -> Result<Vec<Located<T>>, JournalError> {
    let mut records = Vec::new();
    for segment in segments {
        records.append(&mut decode(segment)?);
    }
    Ok(records)
}

pub fn decode<T: Entry>(segment: &Segment) -> Result<Vec<Located<T>>, JournalError> {
    let mut records = Vec::with_capacity(segment.scan.payloads.len());
    for (index, range) in segment.scan.payloads.iter().enumerate() {
        let record = serde_json::from_slice(&segment.bytes[range.clone()]).map_err(|err| {
            JournalError::Unreadable {
                path: segment.head.path.clone(),
                record: segment.header.before + index as u64 + 1,
                why: err.to_string(),
            }
        })?;
        records.push(Located {
            record,
            segment: segment.header.number,
            bytes: (range.len() + format::OVERHEAD) as u64,
        });
    }
    Ok(records)
}

/// Where the newest whole snapshot begins, and its number.
fn newest_snapshot<T: Entry>(records: &[Located<T>]) -> Option<(usize, u64)> {
    let ended: Vec<u64> = records
        .iter()
        .rev()
        .filter_map(|one| match one.record.bound() {
            Bound::End(number) => Some(number),
            _ => None,
        })
        .collect();
    let begin = |number| {
        records
            .iter()
            .rposition(|one| one.record.bound() == Bound::Begin(number))
    };
    ended
        .into_iter()
        .find_map(|number| begin(number).map(|at| (at, number)))
}

/// The records from the newest whole snapshot on, without the parts of others; how many came before.
fn from_snapshot<T: Entry>(records: Vec<Located<T>>) -> (Vec<T>, u64, Snapshots) {
    let found = newest_snapshot(&records);
    let (at, number) = found.map_or((0, None), |(at, number)| (at, Some(number)));
    let mut snapshots = Snapshots::default();
    let mut extent = Extent::default();
    let mut current = None;
    let mut kept = Vec::new();
    for one in records.into_iter().skip(at) {
        snapshots.since += one.bytes;
        let bound = one.record.bound();
        if let Bound::Begin(begun) = bound {
            current = Some(begun);
            if number == current {
                extent = Extent {
                    number: begun,
                    segment: one.segment,
                    bytes: 0,
                    since: 0,
                };
            }
        }
        let own = current.is_some() && current == number;
        if bound != Bound::Outside {
            if !own {
                continue;
            }
            extent.bytes += one.bytes;
            if let Bound::End(_) = bound {
                snapshots.whole = Some(extent);
                current = None;
            }
        }
        kept.push(one.record);
    }
    (kept, at as u64, snapshots)
}
