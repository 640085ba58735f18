//! What may be read.

use super::memory::{Out, OutList};
use super::{Handle, enter};
use crate::layout::{OpenOrder, Position, Quote, State, Stop};

/// The account and what may be traded now.
///
/// # Safety
/// As for every function here; `state` points to one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_state(desk: *mut Handle, state: *mut State) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let out = Out::new(state)?;
            out.put((&*desk).into());
            Ok(())
        })
    }
}

/// Signed shares of one instrument; 0 of one that is unknown.
///
/// # Safety
/// As for every function here; `quantity` points to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_position(
    desk: *mut Handle,
    instrument_id: u64,
    quantity: *mut i64,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let out = Out::new(quantity)?;
            out.put(desk.engine().position(instrument_id));
            Ok(())
        })
    }
}

/// All positions that are not zero, by instrument: as many as there is room for, and how many there are.
///
/// # Safety
/// As for every function here; `positions` points to room for `room`, `count` to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_positions(
    desk: *mut Handle,
    positions: *mut Position,
    room: usize,
    count: *mut usize,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let out = OutList::new(positions, room, count)?;
            out.put_all(desk.engine().positions().iter().map(Into::into));
            Ok(())
        })
    }
}

/// The price that the engine holds of one instrument, all of it 0 where it holds none.
///
/// # Safety
/// As for every function here; `quote` points to one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_price(
    desk: *mut Handle,
    instrument_id: u64,
    quote: *mut Quote,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let out = Out::new(quote)?;
            let price = desk.engine().price(instrument_id);
            out.put(price.as_ref().map(Into::into).unwrap_or_default());
            Ok(())
        })
    }
}

/// The prices that the engine holds, by instrument: as many as there is room for, and how many there are.
///
/// # Safety
/// As for every function here; `quotes` points to room for `room`, `count` to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_prices(
    desk: *mut Handle,
    quotes: *mut Quote,
    room: usize,
    count: *mut usize,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let out = OutList::new(quotes, room, count)?;
            out.put_all(desk.engine().prices().iter().map(Into::into));
            Ok(())
        })
    }
}

/// The stops that are held, by instrument: as many as there is room for, and how many there are.
///
/// # Safety
/// As for every function here; `stops` points to room for `room`, `count` to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_stops(
    desk: *mut Handle,
    stops: *mut Stop,
    room: usize,
    count: *mut usize,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let out = OutList::new(stops, room, count)?;
            out.put_all(desk.engine().stops().iter().map(Into::into));
            Ok(())
        })
    }
}

/// The open orders, by their first ids: as many as there is room for, and how many there are.
///
/// # Safety
/// As for every function here; `orders` points to room for `room`, `count` to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_orders(
    desk: *mut Handle,
    orders: *mut OpenOrder,
    room: usize,
    count: *mut usize,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let out = OutList::new(orders, room, count)?;
            out.put_all(desk.orders().iter().map(Into::into));
            Ok(())
        })
    }
}

/// SHA-256 of the engine's whole state: two that were told alike agree.
///
/// # Safety
/// As for every function here; `hash` points to 32 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_state_hash(desk: *mut Handle, hash: *mut u8) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let out = Out::new(hash.cast::<[u8; 32]>())?;
            out.put(desk.engine().state_hash());
            Ok(())
        })
    }
}

/// Computes every running sum again, as riskd's shadow does.
///
/// # Safety
/// As for every function here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_check(desk: *mut Handle) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { enter(desk, |desk| Ok(desk.check()?)) }
}
