//! Where pointers come in. Every function here
//!
//! - takes a desk that [`dnalyaw_risk_create`] gave and [`dnalyaw_risk_destroy`] has not taken, and pointers that are valid for
//!   the call; it checks them for null and alignment, and keeps none;
//! - catches every panic: a desk whose code panicked answers [`Failure::Panicked`] from then on;
//! - lets one thread in at a time; a second gets [`Failure::Busy`] instead of waiting.

mod memory;
mod orders;
mod session;
mod views;

use std::cell::UnsafeCell;
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};

use dnalyaw_desk::{Desk, Fault, Reference, limits};

use crate::codes::{ABI, Failure};
use memory::{Out, put_text, slice};

pub use orders::*;
pub use session::*;
pub use views::*;

const IDLE: u8 = 0;
const ENTERED: u8 = 1;
const PANICKED: u8 = 2;

/// A desk behind the boundary: `dnalyaw_desk` in C, which does not look inside.
#[derive(Debug)]
pub struct Handle {
    state: AtomicU8,
    inside: UnsafeCell<Inside>,
}

#[derive(Debug)]
struct Inside {
    desk: Desk,
    /// What the last call that failed came to.
    fault: Option<Fault>,
}

/// What kept a call from being done: by its number alone, or by what the desk says.
enum Stop {
    Failure(Failure),
    Fault(Fault),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What a panic said.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!(
        "the risk engine panicked: {}",
        text.unwrap_or("without a word")
    )
}

/// Runs `work` on the desk alone, and makes a number of what comes of it.
///
/// # Safety
/// `handle` is null, or came from [`dnalyaw_risk_create`] and was not given to [`dnalyaw_risk_destroy`].
unsafe fn enter(handle: *mut Handle, work: impl FnOnce(&mut Desk) -> Result<(), Stop>) -> i32 {
    if handle.is_null() || !handle.is_aligned() {
        return Failure::Pointer as i32;
    }
    // SAFETY: it is neither null nor, by the caller's promise, gone; what is shared of it is the atomic alone.
    let handle = unsafe { &*handle };
    match handle
        .state
        .compare_exchange(IDLE, ENTERED, Ordering::Acquire, Ordering::Relaxed)
    {
        Ok(_) => {}
        Err(PANICKED) => return Failure::Panicked as i32,
        Err(_) => return Failure::Busy as i32,
    }
    // SAFETY: the exchange above lets one in until the store below.
    let inside = unsafe { &mut *handle.inside.get() };
    let desk = &mut inside.desk;
    let done = catch_unwind(AssertUnwindSafe(|| {
        work(desk).map(|()| desk.wants().bits())
    }));
    let (code, after) = match done {
        Ok(Ok(wants)) => (i32::from(wants), IDLE),
        Ok(Err(Stop::Failure(failure))) => {
            inside.fault = None;
            (failure as i32, IDLE)
        }
        Ok(Err(Stop::Fault(fault))) => {
            let failure = Failure::from(&fault);
            inside.fault = Some(fault);
            (failure as i32, IDLE)
        }
        Err(panic) => {
            inside.fault = Some(Fault::Refused(words(&*panic)));
            // What it carries may panic when it is dropped.
            std::mem::forget(panic);
            (Failure::Panicked as i32, PANICKED)
        }
    };
    handle.state.store(after, Ordering::Release);
    code
}

fn build(reference: &[u8], tighter: Option<&[u8]>, room: u32) -> Result<Desk, Fault> {
    let reference =
        Reference::parse(reference).map_err(|why| Fault::Refused(format!("reference: {why}")))?;
    let limits =
        limits::parse(tighter).map_err(|why| Fault::Refused(format!("tighter limits: {why}")))?;
    Desk::new(reference, limits, (room > 0).then_some(room as usize))
}

/// The number that header and library must agree on.
#[unsafe(no_mangle)]
pub extern "C" fn dnalyaw_risk_abi() -> u32 {
    ABI
}

/// Makes a desk over a reference file's bytes, under the constant limits or a deployment's tighter ones (the bytes of riskd's
/// `--tighter` file; null = none). `room` is for how many working orders there is room; 0 = riskd's own. On
/// [`Failure::Refused`] the text says why, cut to `fault_room` bytes with its closing zero.
///
/// # Safety
/// `reference` points to `reference_len` bytes, `tighter` is null or points to `tighter_len`, `desk` to room for a pointer,
/// `fault` is null or points to `fault_room` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_create(
    reference: *const u8,
    reference_len: usize,
    tighter: *const u8,
    tighter_len: usize,
    room: u32,
    desk: *mut *mut Handle,
    fault: *mut c_char,
    fault_room: usize,
) -> i32 {
    let create = || -> Result<(), Stop> {
        // SAFETY: the caller's promises.
        let (desk, reference) = unsafe { (Out::new(desk)?, slice(reference, reference_len)?) };
        let tighter = if tighter.is_null() {
            None
        } else {
            // SAFETY: the caller's promise.
            Some(unsafe { slice(tighter, tighter_len)? })
        };
        let inside = Inside {
            desk: build(reference, tighter, room)?,
            fault: None,
        };
        desk.put(Box::into_raw(Box::new(Handle {
            state: AtomicU8::new(IDLE),
            inside: UnsafeCell::new(inside),
        })));
        Ok(())
    };
    let (code, text) = match catch_unwind(AssertUnwindSafe(create)) {
        Ok(Ok(())) => return 0,
        Ok(Err(Stop::Failure(failure))) => (failure, String::new()),
        Ok(Err(Stop::Fault(why))) => (Failure::from(&why), why.to_string()),
        Err(panic) => {
            let text = words(&*panic);
            std::mem::forget(panic);
            (Failure::Panicked, text)
        }
    };
    // SAFETY: the caller's promise.
    unsafe { put_text(&text, fault, fault_room) };
    code as i32
}

/// Ends a desk. Null is none. [`Failure::Busy`], and nothing is ended, while another thread is in it.
///
/// # Safety
/// `desk` is null, or came from [`dnalyaw_risk_create`] and was not given to this function before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_destroy(desk: *mut Handle) -> i32 {
    if desk.is_null() {
        return 0;
    }
    // SAFETY: by the caller's promise it is there.
    let state = unsafe { &(*desk).state };
    if state.swap(ENTERED, Ordering::Acquire) == ENTERED {
        return Failure::Busy as i32;
    }
    // SAFETY: nobody is in it, and by the caller's promise nobody comes any more.
    let owned = unsafe { Box::from_raw(desk) };
    match catch_unwind(AssertUnwindSafe(|| drop(owned))) {
        Ok(()) => 0,
        Err(panic) => {
            std::mem::forget(panic);
            Failure::Panicked as i32
        }
    }
}

/// Why the last call that failed did, in words; empty where the number says it all. Cut to `room` bytes with its closing zero.
///
/// # Safety
/// As for every function here; `text` points to `room` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_fault(
    desk: *mut Handle,
    text: *mut c_char,
    room: usize,
) -> i32 {
    if desk.is_null() || text.is_null() {
        return Failure::Pointer as i32;
    }
    // SAFETY: by the caller's promise it is there; what is shared of it is the atomic alone.
    let handle = unsafe { &*desk };
    let before = handle.state.swap(ENTERED, Ordering::Acquire);
    if before == ENTERED {
        return Failure::Busy as i32;
    }
    // SAFETY: the swap above lets one in until the store below.
    let inside = unsafe { &*handle.inside.get() };
    let words = inside.fault.as_ref().map(ToString::to_string);
    handle.state.store(before, Ordering::Release);
    // SAFETY: the caller's promise.
    unsafe { put_text(words.as_deref().unwrap_or_default(), text, room) };
    0
}

#[cfg(test)]
mod tests;
