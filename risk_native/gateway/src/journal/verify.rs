//! Reading the whole journal, for people.

use std::collections::BTreeMap;
use std::path::Path;

use super::format::Tail;
use super::segment::{self, Head, Segment};
use super::{Bound, Entry, JournalError};
use super::{end, records};

/// What a journal that verifies holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub segments: u64,
    pub records: u64,
    /// Whole snapshots among them.
    pub snapshots: u64,
    /// Records by what `kind` says of them.
    pub kinds: BTreeMap<String, u64>,
    /// The chain's last link, in hex.
    pub head: String,
    /// Bytes of something unfinished at the end; a riskd that runs may be writing it.
    pub torn_bytes: u64,
}

/// Checks every chain from the first segment on and changes nothing. Every record goes through `each`, oldest first, with
/// those of snapshots.
///
/// # Errors
/// The first damage found; a segment that is missing is damage.
pub fn verify<T: Entry>(
    dir: &Path,
    kind: impl Fn(&T) -> String,
    mut each: impl FnMut(T),
) -> Result<Summary, JournalError> {
    let numbers = segment::numbers(dir).map_err(|err| JournalError::Io(dir.to_path_buf(), err))?;
    let Some(end) = end::end(dir, &numbers)? else {
        return Err(JournalError::NotAJournal(
            dir.to_path_buf(),
            "no segment was ever begun in it",
        ));
    };
    let mut summary = Summary {
        torn_bytes: end.torn,
        ..Summary::default()
    };
    let mut take = |segment: &Segment| -> Result<(), JournalError> {
        summary.segments += 1;
        summary.records += segment.scan.payloads.len() as u64;
        summary.head = crate::log::hex(&segment.scan.chain);
        for located in records::decode::<T>(segment)? {
            summary.snapshots += u64::from(matches!(located.record.bound(), Bound::End(_)));
            *summary.kinds.entry(kind(&located.record)).or_default() += 1;
            each(located.record);
        }
        Ok(())
    };
    let last = end.segments.first().map_or(0, |one| one.header.number);
    let mut before: Option<Segment> = None;
    let sealed = (1..last)
        .map(|number| Head::read(dir, number).and_then(|head| Segment::read(head, Tail::Sealed)));
    for segment in sealed.chain(end.segments.into_iter().map(Ok)) {
        let segment = segment?;
        if let Some(before) = &before {
            before.check_next(&segment.header, &segment.head.path)?;
        }
        take(&segment)?;
        before = Some(segment);
    }
    Ok(summary)
}
