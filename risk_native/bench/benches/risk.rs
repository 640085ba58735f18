//! The engine's decisions, one figure a question. `DNALYAW_BENCH_OUT` names the folder for what criterion does not measure.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput};
use dnalyaw_bench::allocator::{Counting, counted};
use dnalyaw_bench::clock::thread_time;
use dnalyaw_bench::market::{Desk, NOW, described, engine, fitting, too_large};
use dnalyaw_bench::numbers::{Random, summary};
use dnalyaw_engine::{DecisionKind, Reason};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Larger than what a core has of its own (2 MiB here); a host's shared cache may still hold what was evicted.
const EVICT: usize = 96 << 20;
const COLD_ORDERS: usize = 300;
const COUNTED_ORDERS: u64 = 100_000;
/// Orders written out for another platform's check.
const DESCRIBED: usize = 2_000;
const RESTING: u64 = 100_000;

/// Processor time of the thread.
struct ThreadTime;

impl Measurement for ThreadTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        thread_time()
    }
    fn end(&self, start: Duration) -> Duration {
        thread_time() - start
    }
    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }
    fn zero(&self) -> Duration {
        Duration::ZERO
    }
    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn crowded() -> Desk {
    let mut desk = Desk::new(engine(5_000), fitting());
    desk.rest(RESTING);
    desk
}

fn bench(criterion: &mut Criterion<ThreadTime>) {
    let mut group = criterion.benchmark_group("risk");
    group.throughput(Throughput::Elements(1));

    let mut desk = Desk::new(engine(500), fitting());
    group.bench_function("loop", |b| b.iter(|| black_box(desk.advance())));
    group.bench_function("basic", |b| b.iter(|| black_box(desk.basic())));
    for positions in [10, 500, 5_000] {
        let mut desk = Desk::new(engine(positions), fitting());
        desk.prove(DecisionKind::Approve);
        group.bench_function(format!("full_{positions}"), |b| {
            b.iter(|| black_box(desk.cycle()))
        });
    }
    let mut desk = crowded();
    desk.prove(DecisionKind::Approve);
    group.bench_function("full_100k_resting", |b| b.iter(|| black_box(desk.cycle())));
    let mut desk = Desk::new(engine(500), too_large());
    desk.prove(DecisionKind::Reduce);
    group.bench_function("reduce", |b| b.iter(|| black_box(desk.cycle())));
    group.finish();
}

/// One order at a time after a walk over more memory than the caches hold.
fn cold() -> Value {
    let mut desk = crowded();
    let mut random = Random::new(13);
    let mut memory = vec![1_u8; EVICT];
    let (mut timer, mut decided) = (Vec::new(), Vec::new());
    for round in 0..2 * COLD_ORDERS {
        let salt = random.draw() as u8;
        for line in memory.iter_mut().step_by(64) {
            *line = line.wrapping_add(salt);
        }
        black_box(&memory);
        // The order itself has just been read off the wire.
        let place = desk.advance();
        black_box(desk.order(place));
        let start = Instant::now();
        if round % 2 == 0 {
            timer.push(start.elapsed().as_nanos() as f64);
        } else {
            let decision = black_box(desk.decide(place));
            decided.push(start.elapsed().as_nanos() as f64);
            assert_eq!(decision.kind, DecisionKind::Approve, "{decision:?}");
            desk.release(place);
        }
    }
    json!({"decide": summary(&decided), "timer": summary(&timer), "evicted_bytes": EVICT})
}

/// Calls of the allocator by everything that happens while orders flow.
fn allocations() -> Value {
    let (seen, kept) = counted(|| Box::new(black_box(7_u8)));
    assert_eq!((seen, *kept), (1, 7), "the counter counts");
    let mut desk = crowded();
    let mut large = Desk::new(engine(500), too_large());
    let (decide, ()) = counted(|| {
        for _ in 0..COUNTED_ORDERS {
            black_box(desk.cycle());
        }
    });
    let (reduce, ()) = counted(|| {
        for _ in 0..COUNTED_ORDERS {
            black_box(large.cycle());
        }
    });
    let (basic, ()) = counted(|| {
        for _ in 0..COUNTED_ORDERS {
            black_box(desk.basic());
        }
    });
    json!({"calls": decide + reduce + basic, "operations": 3 * COUNTED_ORDERS})
}

/// What `check_basic` says of the orders it is timed on.
fn premises() {
    let mut desk = Desk::new(engine(500), fitting());
    for _ in 0..50_000 {
        assert_eq!(desk.basic(), Reason::None);
    }
}

fn main() {
    premises();
    if let Some(folder) = std::env::var_os("DNALYAW_BENCH_OUT").map(PathBuf::from) {
        let facts = json!({"allocations": allocations(), "cold_ns": cold(), "clock_ns": NOW});
        for (name, value) in [
            ("facts.json", facts),
            ("orders.json", described(&fitting(), DESCRIBED)),
        ] {
            std::fs::write(folder.join(name), value.to_string())
                .unwrap_or_else(|err| panic!("{}: {err}", folder.join(name).display()));
        }
    }
    let mut criterion = Criterion::default()
        .with_measurement(ThreadTime)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(50)
        .without_plots()
        .configure_from_args();
    bench(&mut criterion);
    criterion.final_summary();
}
