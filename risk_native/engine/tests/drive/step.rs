//! A step as the generator makes it: a seed, which comes to something once the state of the moment is known.

use proptest::prelude::Rng;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// One step.
#[derive(Debug, Clone, Copy)]
pub struct Step(pub u64);

/// So many steps, all from one seed: a tree for each of them costs a tenth of playing it.
#[derive(Debug)]
pub struct Steps(pub usize);

impl Strategy for Steps {
    type Tree = Fewer;
    type Value = Vec<Step>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let mut words = Words(runner.rng().next_u64());
        Ok(Fewer {
            steps: (0..self.0).map(|_| Step(words.next())).collect(),
            length: self.0.div_ceil(2),
            at: 0,
            left_out: Vec::new(),
            shrunk: false,
        })
    }
}

/// Leaves out runs of steps, shorter and shorter ones, as long as what is left still fails.
#[derive(Debug)]
pub struct Fewer {
    steps: Vec<Step>,
    /// Length of the runs that are tried now, and where the next one begins.
    length: usize,
    at: usize,
    /// The run that was left out last.
    left_out: Vec<Step>,
    /// Some run of this length was left out for good.
    shrunk: bool,
}

impl Fewer {
    /// Leaves the next run out. False when every single step has been tried in vain.
    fn next_run(&mut self) -> bool {
        if self.at >= self.steps.len() {
            if self.length <= 1 && !self.shrunk {
                return false;
            }
            self.length = self.length.div_ceil(2);
            (self.at, self.shrunk) = (0, false);
        }
        let end = (self.at + self.length).min(self.steps.len());
        self.left_out = self.steps.drain(self.at..end).collect();
        !self.left_out.is_empty()
    }
}

impl ValueTree for Fewer {
    type Value = Vec<Step>;

    fn current(&self) -> Vec<Step> {
        self.steps.clone()
    }

    /// It fails: what was left out stays out.
    fn simplify(&mut self) -> bool {
        self.shrunk |= !self.left_out.is_empty();
        self.left_out.clear();
        self.next_run()
    }

    /// It fails no more: the run goes back in, and the next one is tried.
    fn complicate(&mut self) -> bool {
        let back = core::mem::take(&mut self.left_out);
        let next = self.at + back.len();
        self.steps.splice(self.at..self.at, back);
        self.at = next;
        self.next_run()
    }
}

/// Numbers made of a step's seed (splitmix64).
#[derive(Debug, Clone)]
pub struct Words(u64);

impl Words {
    pub const fn new(step: &Step) -> Self {
        Self(step.0)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    /// Below `below`.
    pub fn below(&mut self, below: u64) -> u64 {
        self.next() % below
    }

    /// In `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }

    /// True once in `n`.
    pub fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}
