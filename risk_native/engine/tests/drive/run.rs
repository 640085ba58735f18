//! So many sequences, on all cores, from seeds that do not change.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::coverage::Coverage;
use super::step::{Step, Steps, Words};
use super::world::{World, worlds};
use super::{Pair, START};

/// Steps of one sequence.
pub const STEPS: usize = 200;

fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text} is not a number")),
        Err(_) => otherwise,
    }
}

/// How many sequences are asked for.
pub fn sequences() -> u64 {
    number("DNALYAW_PROPERTY_SEQUENCES", 2_000)
}

/// The most that one thread runs in one go: few enough that no thread is left alone at the end for long.
const AT_A_TIME: u64 = 2_500;

/// The part of the sequences that one thread runs.
struct Part {
    world: World,
    seed: u64,
    cases: u32,
}

/// Each world's share of the sequences, in parts of at most [`AT_A_TIME`].
fn parts(sequences: u64) -> Vec<Part> {
    let start = number("DNALYAW_PROPERTY_SEED", 7);
    let worlds = worlds();
    let count = worlds.len() as u64;
    let share = |place| sequences / count + u64::from(place < sequences % count);
    let rounds = share(0).div_ceil(AT_A_TIME);
    let mut parts = Vec::new();
    for round in 0..rounds {
        for (place, world) in (0_u64..).zip(&worlds) {
            let cases = share(place)
                .saturating_sub(round * AT_A_TIME)
                .min(AT_A_TIME);
            parts.push(Part {
                world: world.clone(),
                seed: start
                    .wrapping_mul(1_000_003)
                    .wrapping_add(round * count + place),
                cases: u32::try_from(cases).expect("at most so many at a time"),
            });
        }
    }
    parts
}

/// One sequence from the start.
pub fn play(world: &World, steps: &[Step]) -> Result<Pair, (Box<Pair>, String)> {
    let mut pair = Pair::new(world);
    let mut played = || -> Result<(), String> {
        let mut words = Words::new(&Step(1));
        for event in pair.begin() {
            pair.happen(event, &mut words)?;
        }
        steps.iter().try_for_each(|step| pair.take(step))
    };
    match played() {
        Ok(()) => {
            pair.seen.sequences = 1;
            Ok(pair)
        }
        Err(what) => Err((Box::new(pair), what)),
    }
}

fn last_of(pair: &Pair) -> String {
    let from = pair.log.len().saturating_sub(60);
    let lines = pair.log[from..]
        .iter()
        .map(|event| format!("\n  {event:?}"));
    lines.collect()
}

impl Part {
    fn run(&self) -> Coverage {
        let mut seed = [0_u8; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        let config = Config {
            cases: self.cases,
            failure_persistence: None,
            max_shrink_iters: 20_000,
            ..Config::default()
        };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let seen = std::cell::RefCell::new(Coverage::default());
        let result = runner.run(&Steps(STEPS), |steps| match play(&self.world, &steps) {
            Ok(pair) => {
                let mut seen = seen.borrow_mut();
                // Now and then the whole day once more: the same inputs give the same state.
                if seen.sequences % 16 == 0 {
                    let again = play(&self.world, &steps).map_err(|(_, what)| what);
                    let hash = again.map(|pair| pair.engine.state_hash());
                    if hash != Ok(pair.engine.state_hash()) {
                        return Err(TestCaseError::fail("the same day ends differently"));
                    }
                }
                seen.merge(pair.seen);
                Ok(())
            }
            Err((_, what)) => Err(TestCaseError::fail(what)),
        });
        match result {
            Ok(()) => {}
            Err(TestError::Fail(what, steps)) => {
                let told = play(&self.world, &steps)
                    .err()
                    .map_or_else(String::new, |(pair, _)| last_of(&pair));
                let (name, seed) = (self.world.name, self.seed);
                panic!("world {name}, seed {seed}: {what}\nthe last of what happened:{told}");
            }
            Err(TestError::Abort(why)) => panic!("aborted: {why}"),
        }
        seen.into_inner()
    }
}

/// All of them; what they came to.
pub fn all() -> Coverage {
    let parts = parts(sequences());
    let next = AtomicUsize::new(0);
    let run = || {
        let mut seen = Coverage::default();
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            seen.merge(part.run());
        }
        seen
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut seen = Coverage::default();
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        for thread in running {
            match thread.join() {
                Ok(coverage) => seen.merge(coverage),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    seen
}

impl Pair {
    /// The first morning: line, session, clocks, prices, account.
    fn begin(&mut self) -> Vec<super::event::Event> {
        let mut words = Words::new(&Step(0));
        let mut events = vec![
            super::event::Event::Clock(START),
            super::event::Event::Monotonic(1),
        ];
        events.extend(self.heal(&mut words));
        events
    }
}
