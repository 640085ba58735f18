//! The wait for the disk, for a thread that can afford it.

use std::fs::File;
use std::io;

/// Makes durable what was stored in a mapped file. It owns a descriptor and not the mapping, so it may outlive it.
#[derive(Debug)]
pub struct Syncer(File);

impl Syncer {
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        file.try_clone().map(Self)
    }

    /// Waits until everything stored before the call is on the disk (`fdatasync`, which writes a shared mapping's dirty
    /// pages like any others).
    ///
    /// # Errors
    /// The disk's. What was stored since the last success may then be lost for good, and a later success says nothing
    /// about it: the system reports a page that it could not write once.
    pub fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
