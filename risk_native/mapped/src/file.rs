//! A file of fixed length, allocated and mapped.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::Syncer;
use crate::region::Region;

/// A mapped file. Every block of it is allocated before it is mapped, so that a full disk is an error of the opening and
/// never a signal at a store.
#[derive(Debug)]
pub struct MappedFile {
    file: File,
    region: Region,
}

impl MappedFile {
    /// Makes a new file of `len` zeros, readable by its owner alone, and makes file and name durable. A file that cannot
    /// be allocated whole is removed again.
    ///
    /// # Errors
    /// `AlreadyExists`, `StorageFull` or whatever else the system says.
    pub fn create_preallocated(path: &Path, len: usize) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let made = allocate(&file, 0, len)
            .and_then(|()| file.sync_all())
            .and_then(|()| sync_directory(path))
            .and_then(|()| Region::new(&file, len));
        match made {
            Ok(region) => Ok(Self { file, region }),
            Err(err) => {
                std::fs::remove_file(path)?;
                Err(err)
            }
        }
    }

    /// Maps an existing file, at least `len` long. What it lacks is allocated as zeros, holes included; what it has stays.
    ///
    /// # Errors
    /// `NotFound`, `StorageFull` or whatever else the system says.
    pub fn open_preallocated(path: &Path, len: usize) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let have = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let len = len.max(have);
        allocate(&file, have, len)?;
        file.sync_all()?;
        let region = Region::new(&file, len)?;
        Ok(Self { file, region })
    }

    /// Bytes in the file.
    #[must_use]
    pub fn len(&self) -> usize {
        self.region.len()
    }

    /// Never: a mapping has at least one byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Stores bytes. They survive this process from now on, and the power supply after the next sync.
    ///
    /// # Errors
    /// `InvalidInput` when they do not lie inside the file; nothing is stored then.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) -> io::Result<()> {
        if self.region.write(offset, bytes) {
            Ok(())
        } else {
            Err(self.outside(offset, bytes.len()))
        }
    }

    /// Stores a word, little-endian, that is never seen half.
    ///
    /// # Errors
    /// `InvalidInput` when it does not lie inside the file at a multiple of eight.
    pub fn write_word_at(&mut self, offset: usize, word: u64) -> io::Result<()> {
        if self.region.write_word(offset, word) {
            Ok(())
        } else {
            Err(self.outside(offset, 8))
        }
    }

    /// Copies bytes out.
    ///
    /// # Errors
    /// `InvalidInput` when they do not lie inside the file.
    pub fn read_at(&self, offset: usize, out: &mut [u8]) -> io::Result<()> {
        if self.region.read(offset, out) {
            Ok(())
        } else {
            Err(self.outside(offset, out.len()))
        }
    }

    /// Waits until everything stored so far is on the disk.
    ///
    /// # Errors
    /// See [`Syncer::sync`].
    pub fn flush(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// The same for another thread, while this one goes on storing.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn syncer(&self) -> io::Result<Syncer> {
        Syncer::new(&self.file)
    }

    fn outside(&self, offset: usize, count: usize) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "{count} bytes at {offset} do not lie inside a mapped file of {}",
                self.len()
            ),
        )
    }
}

/// Really allocates `0..len` of a file that has `have` bytes.
fn allocate(file: &File, have: usize, len: usize) -> io::Result<()> {
    loop {
        match fallocate(file, FallocateFlags::empty(), 0, len as u64) {
            Ok(()) => return Ok(()),
            Err(Errno::INTR) => {}
            // A file system without it gets real zeros; its holes, if the file came with any, are filled by a copy.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return fill(file, have, len),
            Err(err) => return Err(err.into()),
        }
    }
}

fn fill(mut file: &File, have: usize, len: usize) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    let mut block = vec![0; 1 << 16];
    for start in (0..have).step_by(block.len()) {
        let count = block.len().min(have - start);
        file.read_exact_at(&mut block[..count], start as u64)?;
        file.write_all_at(&block[..count], start as u64)?;
    }
    block.fill(0);
    for start in (have..len).step_by(block.len()) {
        let count = block.len().min(len - start);
        file.write_all_at(&block[..count], start as u64)?;
    }
    file.flush()
}

/// The name of a new file must survive a power cut too.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filling_keeps_what_is_there_and_adds_zeros() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, vec![7; 100_000]).unwrap();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        fill(&file, 100_000, 200_001).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 200_001);
        assert!(bytes[..100_000].iter().all(|byte| *byte == 7));
        assert!(bytes[100_000..].iter().all(|byte| *byte == 0));
    }
}
