//! Where the journal ends, and what a crash left behind the end.

use std::path::{Path, PathBuf};

use super::JournalError;
use super::format::{self, HEADER, Tail};
use super::segment::{Head, Segment, broken};

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
