//! Decisions, modifications, cancels, reports, and what is to be done at the venue.

use dnalyaw_desk::{CancelAnswer, Fault};
use dnalyaw_engine::{self as engine, MAX_LEGS, OrderRequest, Reason};

use super::memory::{Out, OutList, read, room_for, slice};
use super::{Handle, enter};
use crate::codes::Failure;
use crate::layout::{Action, Decision, Order, Outcome, Replace, Report, Settled};

/// Decides an order and, when it is accepted, reserves its worst case.
///
/// # Safety
/// As for every function here; `order` and `decision` point to one each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_decide(
    desk: *mut Handle,
    order: *const Order,
    now_ns: i64,
    decision: *mut Decision,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let (order, out) = (read(order)?, Out::new(decision)?);
            out.put((&desk.decide(&(&order).into(), now_ns)).into());
            Ok(())
        })
    }
}

/// Decides legs as one, 2 to 16 of them.
///
/// # Safety
/// As for every function here; `orders` and `decisions` point to `legs` each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_decide_linked(
    desk: *mut Handle,
    orders: *const Order,
    legs: usize,
    now_ns: i64,
    decisions: *mut Decision,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            if !(2..=MAX_LEGS).contains(&legs) {
                return Err(Fault::Legs(legs).into());
            }
            let mut count = 0;
            let orders = slice(orders, legs)?;
            let out = OutList::new(decisions, legs, &raw mut count)?;
            let mut requests = [OrderRequest::from(&orders[0]); MAX_LEGS];
            for (request, order) in requests.iter_mut().zip(orders) {
                *request = order.into();
            }
            let none = engine::Decision::undecided(&requests[0], Reason::LinkedLeg);
            let mut decided = [none; MAX_LEGS];
            desk.decide_linked(&requests[..legs], now_ns, &mut decided[..legs])?;
            out.put_all(decided[..legs].iter().map(Into::into));
            Ok(())
        })
    }
}

/// Decides a modification; the approved quantity is the new total.
///
/// # Safety
/// As for every function here; `request` and `decision` point to one each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_replace(
    desk: *mut Handle,
    request: *const Replace,
    now_ns: i64,
    decision: *mut Decision,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let (request, out) = (read(request)?, Out::new(decision)?);
            out.put((&desk.replace(&(&request).into(), now_ns)).into());
            Ok(())
        })
    }
}

/// Asks for an order to be cancelled. `wire_id` is what the venue knows it by: send the cancel; 0 = it is on its way already.
///
/// # Safety
/// As for every function here; `wire_id` points to a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_cancel(
    desk: *mut Handle,
    order_id: u64,
    now_ns: i64,
    wire_id: *mut u64,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let out = Out::new(wire_id)?;
            match desk.cancel(order_id, now_ns) {
                CancelAnswer::Send { wire_id } => out.put(wire_id),
                CancelAnswer::OnItsWay => out.put(0),
                CancelAnswer::UnknownOrder => return Err(Failure::UnknownOrder.into()),
            }
            Ok(())
        })
    }
}

/// What the venue says of an order.
///
/// # Safety
/// As for every function here; `report` and `outcome` point to one each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_report(
    desk: *mut Handle,
    report: *const Report,
    now_ns: i64,
    outcome: *mut Outcome,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let (report, out) = (read(report)?, Out::new(outcome)?);
            let report = dnalyaw_desk::Report::try_from(&report)?;
            out.put((&desk.report(&report, now_ns)?).into());
            Ok(())
        })
    }
}

/// Takes what a thrown switch or a stop that was reached wants done now, at most `room` actions. Closing orders are decided by it.
///
/// # Safety
/// As for every function here; `actions` points to room for `room`, `settled` to one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dnalyaw_risk_settle(
    desk: *mut Handle,
    now_ns: i64,
    actions: *mut Action,
    room: usize,
    settled: *mut Settled,
) -> i32 {
    // SAFETY: the caller's promises.
    unsafe {
        enter(desk, |desk| {
            let (out, first) = (Out::new(settled)?, room_for(actions, room)?);
            let mut at = 0;
            let done = desk.settle(now_ns, room, |action| {
                // `at` counts what was put, and the desk puts no more than there is room for.
                first.add(at).write((&action).into());
                at += 1;
            });
            out.put((&done).into());
            Ok(())
        })
    }
}
