//! The session, the account, prices and what a person does.

use dnalyaw_desk::{Reference, Scope};
use dnalyaw_engine::SessionState;

use super::memory::{Out, slice};
use super::{Fault, Handle, Stop, enter};
use crate::codes::{Failure, SCOPE_ALL, SCOPE_INSTRUMENT, SCOPE_STRATEGY, SCOPE_VENUE};
use crate::layout::{Holding, Quote};

/// Begins the next session day with its reference file. A thrown switch, halts, ids and stops go on; the account is wanted.
///
/// # Safety
/// As for every function here; `reference` points to `reference_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_open_session(
    desk: *mut Handle,
    reference: *const u8,
    reference_len: usize,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let bytes = slice(reference, reference_len)?;
            let reference = Reference::parse(bytes)
                .map_err(|why| Fault::Refused(format!("reference: {why}")))?;
            Ok(desk.open_session(reference)?)
        })
    }
}

/// The venue's session state: 0 unknown, 1 pre-open, 2 open, 3 break, 4 closed.
///
/// # Safety
/// As for every function here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_session_state(
    desk: *mut Handle,
    state: u8,
    now_ns: i64,
) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        enter(desk, |desk| {
            let state = match state {
                0 => SessionState::Unknown,
                1 => SessionState::PreOpen,
                2 => SessionState::Open,
                3 => SessionState::Break,
                4 => SessionState::Closed,
                _ => return Err(Failure::Argument.into()),
            };
            desk.session_state(state, now_ns);
            Ok(())
        })
    }
}

/// The whole account by the venue: cash, and every position that is not zero.
///
/// # Safety
/// As for every function here; `holdings` points to `holdings_len` of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_account(
    desk: *mut Handle,
    cash: i64,
    holdings: *const Holding,
    holdings_len: usize,
    now_ns: i64,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let holdings = slice(holdings, holdings_len)?;
            desk.account(cash, holdings.iter().map(Into::into), now_ns);
            Ok(())
        })
    }
}

/// The account's cash by the venue, every fill that was reported in it.
///
/// # Safety
/// As for every function here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_cash(desk: *mut Handle, cash: i64, now_ns: i64) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        enter(desk, |desk| {
            desk.cash(cash, now_ns);
            Ok(())
        })
    }
}

/// Prices in the order in which they came; the clock moves with them. `unknown` (null = not wanted) is how many were of
/// instruments that the reference does not have.
///
/// # Safety
/// As for every function here; `quotes` points to `quotes_len` of them, `unknown` is null or points to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_quotes(
    desk: *mut Handle,
    quotes: *const Quote,
    quotes_len: usize,
    unknown: *mut u64,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let quotes = slice(quotes, quotes_len)?;
            let out = if unknown.is_null() {
                None
            } else {
                Some(Out::new(unknown)?)
            };
            let count = desk.quotes(quotes.iter().map(Into::into));
            if let Some(out) = out {
                out.put(count);
            }
            Ok(())
        })
    }
}

/// The venue's clock. It never goes back.
///
/// # Safety
/// As for every function here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_clock(desk: *mut Handle, now_ns: i64) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        enter(desk, |desk| {
            desk.clock(now_ns);
            Ok(())
        })
    }
}

/// Announces money that enters (positive) or leaves the account from outside.
///
/// # Safety
/// As for every function here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_expect_flow(desk: *mut Handle, amount: i64) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        enter(desk, |desk| {
            desk.expect_flow(amount);
            Ok(())
        })
    }
}

/// Stops one thing from opening (`on` 1), or lets it open again (0): scope 0 everything, 1 the instrument of this id, 2 the venue
/// of this name, 3 the strategy of this name.
///
/// # Safety
/// As for every function here; `name` points to `name_len` bytes of UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_halt(
    desk: *mut Handle,
    scope: u8,
    instrument_id: u64,
    name: *const u8,
    name_len: usize,
    on: u8,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let name = || -> Result<String, Stop> {
                let bytes = slice(name, name_len)?.to_vec();
                Ok(String::from_utf8(bytes).map_err(|_| Failure::Argument)?)
            };
            let scope = match scope {
                SCOPE_ALL => Scope::All,
                SCOPE_INSTRUMENT => Scope::Instrument(instrument_id),
                SCOPE_VENUE => Scope::Venue(name()?),
                SCOPE_STRATEGY => Scope::Strategy(name()?),
                _ => return Err(Failure::Argument.into()),
            };
            Ok(desk.halt(scope, on != 0)?)
        })
    }
}

/// Throws the kill switch by hand.
///
/// # Safety
/// As for every function here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_kill(desk: *mut Handle, now_ns: i64) -> i32 {
    // SAFETY: the caller's promise.
    unsafe {
        enter(desk, |desk| {
            desk.kill(now_ns);
            Ok(())
        })
    }
}

/// Arms a fired switch again.
///
/// # Safety
/// As for every function here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_rearm(desk: *mut Handle) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { enter(desk, |desk| Ok(desk.rearm()?)) }
}
