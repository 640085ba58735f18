//! Decisions, prices and reports through the boundary allocate nothing, and give nothing back: counted by the allocator itself.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::*;
use dnalyaw_risk::layout::*;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller's promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        CALLS.with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller's promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller's promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counted<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = CALLS.with(Cell::get);
    let done = work();
    (CALLS.with(Cell::get) - before, done)
}

#[test]
fn a_day_of_orders_allocates_nothing() {
    let (calls, _) = counted(|| Box::new(7));
    assert_eq!(calls, 1, "the counter counts");
    let door = Door::create(&first_day(), None).unwrap();
    door.session_state(2, T0);
    door.account(1_000_000 * ONE, &[], T0);
    let quotes = |ts_ns| {
        [1, 3, 5, 9].map(|instrument_id| Quote {
            instrument_id,
            bid: 99_990_000,
            ask: 100_010_000,
            last: 100 * ONE,
            ts_ns,
        })
    };
    let (mut approved, mut reduced, mut rejected) = (0, 0, 0);
    // Ten times as many orders as there is room for at once, most of them gone before the next.
    for id in 1..=2_560_u64 {
        let now_ns = T0 + id as i64 * SECOND;
        let prices = quotes(now_ns);
        let order = Order {
            order_id: id,
            instrument_id: [1, 3, 5, 9, 4, 99][id as usize % 6],
            quantity: if id % 7 == 0 { 5_000 } else { 10 },
            limit_price: 100 * ONE,
            stop_distance: 2 * ONE,
            strategies: 1,
            side: 1,
            order_type: 2,
            ..Order::default()
        };
        let (calls, decision) = counted(|| {
            assert!(door.quotes(&prices).0 >= 0);
            assert!(door.clock(now_ns) >= 0);
            let (code, decision) = door.decide(&order, now_ns);
            assert!(code >= 0);
            decision
        });
        assert_eq!(calls, 0, "{decision:?}");
        match decision.kind {
            1 => approved += 1,
            2 => reduced += 1,
            _ => rejected += 1,
        }
        if decision.approved_quantity == 0 {
            continue;
        }
        let report = |kind, last, cumulative| Report {
            order_id: id,
            instrument_id: order.instrument_id,
            last_quantity: last,
            last_price: if last > 0 { 100 * ONE } else { 0 },
            cumulative_quantity: cumulative,
            leaves_quantity: decision.approved_quantity - cumulative,
            kind,
            ..Report::default()
        };
        let (calls, _) = counted(|| {
            assert!(door.report(&report(0, 0, 0), now_ns).0 >= 0);
            if id % 3 == 0 {
                assert!(door.report(&report(2, 1, 1), now_ns).0 >= 0);
            }
            assert!(door.cancel(id, now_ns).0 >= 0);
            let filled = i64::from(id % 3 == 0);
            assert!(door.report(&report(4, 0, filled), now_ns).1.finished == 1);
            assert!(door.settle(now_ns, 0).0 >= 0);
            assert!(door.state().equity > 0);
        });
        assert_eq!(calls, 0, "order {id}");
    }
    assert!(
        approved > 500 && reduced > 50 && rejected > 500,
        "{approved} {reduced} {rejected}"
    );
}
