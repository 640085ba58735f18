//! Files in memory: what is stored in one survives the process at once, and the power supply after a sync.
//!
//! A store into a shared mapping is in the page cache when it is done, so `kill -9` cannot take it back and no system call
//! is needed for it. [`MappedFile`] is a file of fixed length whose blocks are really allocated, [`Latch`] one 64-bit word.
//! Both are written by one thread and synced by another, through a [`Syncer`] that needs the descriptor alone.
//!
//! This is the one place of the gateway with `unsafe` code; what each block relies on stands beside it. All of it relies
//! on this: the files belong to the process that has them mapped. Whoever cuts one short under it gets the process a
//! SIGBUS, and whoever writes into one is read as data; riskd keeps them in a directory of its own user under a lock.
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

mod file;
mod latch;
mod region;
mod syncer;

pub use file::MappedFile;
pub use latch::Latch;
pub use syncer::Syncer;
