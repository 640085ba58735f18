//! A mapping and its end.

use std::fs::File;
use std::io;
use std::ptr::NonNull;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// `len` bytes of a file, mapped shared, readable and writable, until it is dropped.
#[derive(Debug)]
pub(crate) struct Region {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread; `Region` holds nothing else.
unsafe impl Send for Region {}
// SAFETY: through a shared reference there is no access but `word`, which is atomic, and `read`, which the owner of the
// region only calls while nobody writes: `write` needs the region exclusively.
unsafe impl Sync for Region {}

impl Region {
    /// Maps the first `len` bytes of a file that has them all allocated.
    pub fn new(file: &File, len: usize) -> io::Result<Self> {
        if len == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a mapping needs at least one byte",
            ));
        }
        // SAFETY: the kernel chooses a free address, so no memory of the program is mapped over. The length is not zero.
        // The pages are present from the start (POPULATE): the first store waits for no read.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::POPULATE,
                file,
                0,
            )
        }?;
        let start = NonNull::new(start.cast::<u8>())
            .ok_or_else(|| io::Error::other("the system mapped the file at address zero"))?;
        Ok(Self { start, len })
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    /// The address of `count` bytes from `offset` on, when they lie inside.
    fn at(&self, offset: usize, count: usize) -> Option<*mut u8> {
        let end = offset.checked_add(count)?;
        // SAFETY: `offset <= end <= len`, so the address lies in the mapping or one past it.
        (end <= self.len).then(|| unsafe { self.start.as_ptr().add(offset) })
    }

    /// Stores bytes; false when they do not lie inside, and then nothing was stored.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> bool {
        let Some(to) = self.at(offset, bytes.len()) else {
            return false;
        };
        // SAFETY: `at` vouches for the target, the slice for the source; the mapping is no Rust object, so they cannot
        // overlap, and `&mut self` keeps other accesses of this process away.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        true
    }

    /// Copies bytes out; false when they do not lie inside.
    pub fn read(&self, offset: usize, out: &mut [u8]) -> bool {
        let Some(from) = self.at(offset, out.len()) else {
            return false;
        };
        // SAFETY: as in `write`. Bytes are copied, never borrowed: no reference into the mapping exists.
        unsafe { std::ptr::copy_nonoverlapping(from, out.as_mut_ptr(), out.len()) };
        true
    }

    /// Stores eight bytes at once: whoever looks, even after `kill -9`, finds the old word or the new one. False when they
    /// do not lie inside at a multiple of eight.
    pub fn write_word(&mut self, offset: usize, word: u64) -> bool {
        let Some(to) = self.at(offset, 8).filter(|_| offset % 8 == 0) else {
            return false;
        };
        // SAFETY: `at` vouches for the bytes, a page's start and the offset for the alignment, `&mut self` keeps other
        // accesses of this process away.
        unsafe { std::sync::atomic::AtomicU64::from_ptr(to.cast()) }
            .store(word.to_le(), std::sync::atomic::Ordering::SeqCst);
        true
    }

    /// The first eight bytes as a word that threads share.
    pub fn word(&self) -> &std::sync::atomic::AtomicU64 {
        assert!(self.len >= 8, "a word needs eight bytes");
        // SAFETY: a mapping begins at a page, so the address is aligned; the bytes live as long as `self`; `Latch`, the
        // one caller, never calls `write` or `read` on its region, so every access to them is atomic.
        unsafe { std::sync::atomic::AtomicU64::from_ptr(self.start.as_ptr().cast()) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: exactly what `new` mapped; every reference into it borrowed `self` and has ended.
        let gone = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
        debug_assert!(gone.is_ok(), "munmap of a mapping of our own: {gone:?}");
    }
}
