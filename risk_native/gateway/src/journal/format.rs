//! The bytes of a segment.
//!
//! A segment is a file of fixed length: one header page, records, zeros.
//!
//! ```text
//! header   magic 8 | u64 number | u64 records before it | 32-byte chain before it | u32 length of the file | u32 CRC-32
//!          64: u64 synced word | 16-byte boot id | zeros up to 4096
//! record   u32 length of the payload | u32 CRC-32 of payload and chain | payload (JSON) | 32-byte chain
//! ```
//!
//! The chain is SHA-256(previous chain, payload), so no record can be changed, dropped or moved without every later one
//! disagreeing, across segments too. The journal ends at the first zero length with nothing but zeros behind it.
//!
//! The synced word says up to which byte the disk is known to hold the segment, and with it everything before the segment:
//! what lies below and does not verify is damage. Above it a crash may have torn something: a killed process the one
//! record it was storing, a power cut any page of it. The boot id tells the two apart.

use std::ops::Range;

use sha2::{Digest, Sha256};

pub const MAGIC: [u8; 8] = *b"DNRJ0002";
/// The header has a page to itself.
pub const HEADER: usize = 4096;
pub const SYNCED_AT: usize = 64;
pub const BOOT_AT: usize = 72;
pub const CHAIN: usize = 32;
const FRAME: usize = 8;
const HEADER_BYTES: usize = 64;
/// A payload is a few hundred bytes; anything near this is not ours.
pub const MAX_PAYLOAD: usize = 1 << 20;

pub type Chain = [u8; CHAIN];

/// What a record takes up besides its payload.
pub const OVERHEAD: usize = FRAME + CHAIN;

/// What stands at a segment's head and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// From 1 on.
    pub number: u64,
    /// Records in the segments before it.
    pub before: u64,
    /// The chain's last link before it.
    pub chain: Chain,
    /// Length of the file.
    pub size: u32,
}

impl Header {
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.before.to_le_bytes());
        bytes[24..56].copy_from_slice(&self.chain);
        bytes[56..60].copy_from_slice(&self.size.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Nothing when the bytes are not a header.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEADER_BYTES)?;
        let number = |at: usize| Some(u64::from_le_bytes(bytes[at..at + 8].try_into().ok()?));
        let short = |at: usize| Some(u32::from_le_bytes(bytes[at..at + 4].try_into().ok()?));
        if bytes[..8] != MAGIC || short(60)? != crc32fast::hash(&bytes[..60]) {
            return None;
        }
        Some(Self {
            number: number(8)?,
            before: number(16)?,
            chain: bytes[24..56].try_into().ok()?,
            size: short(56)?,
        })
    }
}

/// The word for "the disk holds segment `number` up to byte `end`"; it carries its own check.
pub fn synced_word(number: u64, end: usize) -> u64 {
    let end = u32::try_from(end).unwrap_or(u32::MAX);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(&end.to_le_bytes());
    u64::from(hasher.finalize()) << 32 | u64::from(end)
}

/// The byte that a word of segment `number` names: 0 for a word never set, nothing for a damaged one.
pub fn synced_end(number: u64, word: u64) -> Option<usize> {
    let end = (word & u64::from(u32::MAX)) as usize;
    (word == 0 || synced_word(number, end) == word).then_some(end)
}

/// Appends the frame of a payload to `out`; the chain's next link.
pub fn frame(chain: &Chain, payload: &[u8], out: &mut Vec<u8>) -> Chain {
    let next = link(chain, payload);
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&checksum(payload, &next).to_le_bytes());
    out.extend_from_slice(payload);
    out.extend_from_slice(&next);
    next
}

fn link(chain: &Chain, payload: &[u8]) -> Chain {
    Sha256::new()
        .chain_update(chain)
        .chain_update(payload)
        .finalize()
        .into()
}

fn checksum(payload: &[u8], chain: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(payload);
    hasher.update(chain);
    hasher.finalize()
}

/// What a segment's bytes hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Scan {
    pub payloads: Vec<Range<usize>>,
    pub chain: Chain,
    /// One past the last whole record.
    pub end: usize,
    /// Bytes of something unfinished behind it, up to the last that is not zero.
    pub torn: usize,
}

/// What does not verify, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// Counted in the segment, from 0.
    pub index: u64,
    pub offset: usize,
    pub why: &'static str,
}

/// What may be unfinished at a segment's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing: another segment follows.
    Sealed,
    /// The one record that a killed process was storing.
    Killed,
    /// Anything that the disk is not known to hold.
    PowerCut,
}

/// Reads a segment's records.
///
/// # Errors
/// The first thing in it that no crash explains.
pub fn scan(bytes: &[u8], header: &Header, synced: usize, tail: Tail) -> Result<Scan, Fault> {
    let mut at = HEADER;
    let mut chain = header.chain;
    let mut payloads = Vec::new();
    let fault = |index: usize, offset, why| Fault {
        index: index as u64,
        offset,
        why,
    };
    while let Some((payload, own)) = whole_record(bytes, at) {
        let expected = link(&chain, &bytes[payload.clone()]);
        if expected[..] != bytes[own.clone()] {
            return Err(fault(
                payloads.len(),
                at,
                "its chain does not follow from the record before",
            ));
        }
        chain = expected;
        at = own.end;
        payloads.push(payload);
    }
    if at < synced {
        return Err(fault(
            payloads.len(),
            at,
            "it does not verify, and the disk held it whole",
        ));
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let torn = rest
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |i| i + 1);
    if torn > 0 {
        if tail == Tail::Sealed {
            return Err(fault(
                payloads.len(),
                at,
                "it does not verify, and another segment follows",
            ));
        }
        // A killed process was storing one record: nothing whole may follow it.
        if tail == Tail::Killed
            && (at + 1..at + torn).any(|next| whole_record(bytes, next).is_some())
        {
            return Err(fault(
                payloads.len(),
                at,
                "it does not verify and whole records follow",
            ));
        }
    }
    Ok(Scan {
        payloads,
        chain,
        end: at,
        torn,
    })
}

/// The payload and chain of the record at `at`, if one is there whole.
pub fn whole_record(bytes: &[u8], at: usize) -> Option<(Range<usize>, Range<usize>)> {
    let head = bytes.get(at..at + FRAME)?;
    let length = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
    let crc = u32::from_le_bytes(head[4..].try_into().ok()?);
    if length == 0 || length > MAX_PAYLOAD {
        return None;
    }
    let payload = at + FRAME..at + FRAME + length;
    let own = payload.end..payload.end + CHAIN;
    // Every payload is a JSON object: looking at one byte keeps the search after a torn record cheap.
    if own.end > bytes.len() || bytes[payload.start] != b'{' {
        return None;
    }
    (checksum(&bytes[payload.clone()], &bytes[own.clone()]) == crc).then_some((payload, own))
}

/// This boot of this machine, or nothing that ever matches when the system does not tell.
pub fn boot_id() -> Option<[u8; 16]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|n| *n != 0)?;
    Some(number.to_be_bytes())
}
