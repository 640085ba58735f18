//! One word that outlives the process.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

use rustix::fs::{FallocateFlags, fallocate};

use crate::Syncer;
use crate::region::Region;

/// A page is the least that a disk and a mapping deal in; the rest of it is zeros.
const LEN: usize = 4096;

/// A 64-bit word in a mapped file: set and read in nanoseconds by any thread, still set after `kill -9`, and after a power
/// cut once it was flushed. Share it by `Arc`. What the values mean is the owner's business; a new latch holds 0.
#[derive(Debug)]
pub struct Latch {
    region: Region,
    syncer: Syncer,
}

impl Latch {
    /// Opens the file, or makes it (readable by its owner alone) with the word 0.
    ///
    /// # Errors
    /// `InvalidData` for a file that is not a latch's, otherwise the system's. A latch that cannot be read is no
    /// unset latch: do not go on without it.
    pub fn open(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        let len = file.metadata()?.len();
        // 0 is a file that a crash left between its making and its allocation: its word was never set.
        if len != 0 && len != LEN as u64 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "{}: {len} bytes are not a latch's {LEN}; find out who wrote the file before it is moved away",
                    path.display()
                ),
            ));
        }
        match fallocate(&file, FallocateFlags::empty(), 0, LEN as u64) {
            Ok(()) => {}
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                use std::os::unix::fs::FileExt;
                let mut page = vec![0; LEN];
                file.read_exact_at(&mut page[..usize::try_from(len).unwrap_or(LEN)], 0)?;
                file.write_all_at(&page, 0)?;
            }
            Err(err) => return Err(err.into()),
        }
        file.sync_all()?;
        crate::file::sync_directory(path)?;
        Ok(Self {
            region: Region::new(&file, LEN)?,
            syncer: Syncer::new(&file)?,
        })
    }

    /// The word.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.region.word().load(Ordering::SeqCst)
    }

    /// Sets the word; every thread sees it from now on. Returns what it was.
    pub fn set(&self, value: u64) -> u64 {
        self.region.word().swap(value, Ordering::SeqCst)
    }

    /// Sets the word to `new` if it is `current`; says whether it was.
    pub fn set_if(&self, current: u64, new: u64) -> bool {
        self.region
            .word()
            .compare_exchange(current, new, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    /// Waits until the word is on the disk.
    ///
    /// # Errors
    /// See [`Syncer::sync`].
    pub fn flush(&self) -> io::Result<()> {
        self.syncer.sync()
    }
}
