//! From bytes to records, and back to the newest whole snapshot.

use super::segment::Segment;
use super::{Bound, Entry, Extent, JournalError, Snapshots, format};

/// A record, the segment it stands in, and its bytes.
pub struct Located<T> {
    pub record: T,
    segment: u64,
    bytes: u64,
}

pub fn decode_all<T: Entry>(segments: &[Segment]) -> Result<Vec<Located<T>>, JournalError> {
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
pub fn newest_snapshot<T: Entry>(records: &[Located<T>]) -> Option<(usize, u64)> {
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
pub fn from_snapshot<T: Entry>(records: Vec<Located<T>>) -> (Vec<T>, u64, Snapshots) {
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
