//! Deciding allocates nothing: counted by the allocator itself. One test, so that no other thread allocates beside it.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::*;
use dnalyaw_engine::*;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counted<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = ALLOCATIONS.with(Cell::get);
    let result = work();
    (ALLOCATIONS.with(Cell::get) - before, result)
}

#[test]
fn decide_allocates_nothing() {
    let (seen, boxed) = counted(|| Box::new(7));
    assert_eq!((seen, *boxed), (1, 7), "the counter counts");

    let mut engine = opened(&reference(), TighterLimits::none(), 512);
    for entry in reference() {
        at(&mut engine, entry.instrument_id, 100);
    }
    assert!(engine.on_position(4, 300));
    engine.positions_complete();
    engine.on_account(970_000 * ONE);

    let mut kinds = [0_usize; 3];
    for id in 1..=500_u64 {
        let order = match id % 5 {
            0 => buy(id, 1, 1, 100, 2),
            1 => buy(id, 3, 600, 100, 2),
            2 => sell(id, 4, 1),
            3 => buy(id, 99, 10, 100, 2),
            _ => OrderRequest {
                side: 9,
                ..buy(id, 5, 1, 100, 2)
            },
        };
        let (allocated, decision) = counted(|| engine.decide(&order, T0 + id as i64));
        assert_eq!(allocated, 0, "{decision:?}");
        kinds[decision.kind as usize - 1] += 1;
    }
    assert!(
        kinds.iter().all(|count| *count > 0),
        "all three outcomes were measured: {kinds:?}"
    );

    let (allocated, _) = counted(|| {
        assert!(engine.on_price(1, 99 * ONE, 100 * ONE, 0, T0 + 1_000));
        engine.on_clock(T0 + 1_001);
        engine.on_monotonic(1_001);
        engine.on_account(960_000 * ONE);
    });
    assert_eq!(
        allocated, 0,
        "prices, clocks and account allocate nothing either"
    );
    modifications_legs_and_reports_allocate_nothing(&mut engine);
    the_switch_allocates_nothing(&mut engine);
}

fn modifications_legs_and_reports_allocate_nothing(engine: &mut Engine) {
    let now = T0 + 10 * SECOND;
    // What still works is out of the way.
    for order in engine.working_orders() {
        let gone = report(order.order_id, ExecKind::Cancelled, 0);
        engine.on_execution(&gone).expect("a sound report");
    }
    let blank = engine.decide(&buy(9_999, 3, 1, 100, 2), now);
    let mut out = [blank; 2];
    let mut replaced = 0;
    for id in (10_000..20_000_u64).step_by(10) {
        let now = now + id as i64 * SECOND;
        // Prices stay fresh.
        for instrument in 1..=8 {
            at_time(engine, instrument, now);
        }
        let (allocated, _) = counted(|| {
            let legs = [buy(id, 3, 2_000, 100, 2), buy(id + 1, 5, 100, 100, 2)];
            engine
                .decide_linked(&legs, now, &mut out)
                .expect("legs and answers agree");
            let change = ReplaceRequest {
                order_id: id + 2,
                original_id: id,
                quantity: 400,
                limit_price: 99 * ONE,
                stop_distance: 0,
            };
            replaced += usize::from(engine.decide_replace(&change, now).accepted());
            let _ = engine.on_replaced(id);
            let _ = engine.on_execution(&fill(id + 2, 1, 99, 1));
            let _ = engine.on_execution(&report(id + 2, ExecKind::Corrected, 0));
            let _ = engine.request_cancel(id + 1);
            for order_id in [id + 1, id + 2] {
                let _ = engine.on_execution(&report(order_id, ExecKind::Cancelled, 0));
            }
        });
        assert_eq!(allocated, 0, "{out:?}");
    }
    assert!(
        replaced > 900,
        "what was measured did something: {replaced}"
    );
}

fn at_time(engine: &mut Engine, instrument_id: u64, ts_ns: i64) {
    engine.on_clock(ts_ns);
    let price = 100 * ONE;
    assert!(engine.on_price(instrument_id, price, price, price, ts_ns));
}

fn the_switch_allocates_nothing(engine: &mut Engine) {
    let mut cancels = Vec::with_capacity(1_000);
    let mut closes = Vec::with_capacity(100);
    engine.kill(Reason::Operator);
    let (allocated, _) = counted(|| {
        engine.wanted_cancels(&mut cancels);
        engine.wanted_closes(&mut closes);
    });
    assert_eq!(allocated, 0);
    assert!(!cancels.is_empty() && !closes.is_empty());
    let (allocated, _) = counted(|| engine.decide_close(&closes[0], T0 + 30_000 * SECOND));
    assert_eq!(allocated, 0);
}
