//! An allocator that counts what one thread asks of it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counted. Install it with `#[global_allocator]`.
pub struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.with(|calls| calls.set(calls.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        CALLS.with(|calls| calls.set(calls.get() + 1));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.with(|calls| calls.set(calls.get() + 1));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// How often this thread called the allocator (to take, to give back, to resize) while `work` ran.
pub fn counted<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let before = CALLS.with(Cell::get);
    let done = work();
    (CALLS.with(Cell::get) - before, done)
}
