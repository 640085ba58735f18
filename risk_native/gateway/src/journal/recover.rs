//! Opening: find the end, cut off what a crash tore, and go back to the newest whole snapshot.

use std::fs::File;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use dnalyaw_mapped::MappedFile;

use super::disk::Disk;
use super::end::end;
use super::format::{self, HEADER, Header, Tail};
use super::records::{decode, decode_all, from_snapshot, newest_snapshot};
use super::segment::{Head, Segment, broken, numbers, segment_path};
use super::spare::Spare;
use super::{Entry, Journal, JournalError, Snapshots};

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
