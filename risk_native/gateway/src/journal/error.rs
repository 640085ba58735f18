//! Why a journal could not be opened.

use std::io;
use std::path::PathBuf;

/// Why a journal could not be opened.
#[derive(Debug)]
pub enum JournalError {
    /// The operating system refused.
    Io(PathBuf, io::Error),
    /// An earlier version's journal, or a file that is none.
    NotAJournal(PathBuf, &'static str),
    /// Something that no crash explains does not verify.
    Broken {
        path: PathBuf,
        /// Counted over the whole journal, from 1; 0 for a segment as a whole.
        record: u64,
        offset: u64,
        why: String,
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
            Self::NotAJournal(path, why) => write!(
                f,
                "journal {}: {why}; move it away or choose another --dir",
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
