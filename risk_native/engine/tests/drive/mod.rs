//! Engine and reference side by side, fed alike and compared after everything that happens.
#![allow(dead_code)]

pub mod apply;
pub mod choose;
pub mod compare;
pub mod coverage;
pub mod decisions;
pub mod event;
pub mod heal;
pub mod orders;
pub mod prices;
pub mod run;
pub mod step;
pub mod venue;
pub mod world;

use dnalyaw_engine::{Engine, Kill, Reason, TighterLimits};

use crate::reference::Model;
use crate::reference::limits::Limits;
use coverage::Coverage;
use event::Event;
use step::{Step, Words};
use venue::Venue;
use world::World;

pub const START: i64 = 1_763_994_600_000_000_000;
pub const FIRST_DAY: u32 = 20_251_124;

/// Both, and the market around them.
pub struct Pair {
    pub world: World,
    pub engine: Engine,
    pub model: Model,
    pub venue: Venue,
    pub now: i64,
    pub monotonic: i64,
    pub day: u32,
    pub next_id: u64,
    pub foreign: u64,
    pub seen: Coverage,
    pub log: Vec<Event>,
}

impl Pair {
    /// Both know the reference and nothing else.
    pub fn new(world: &World) -> Self {
        let limits = TighterLimits::new(world.spec).expect("tighter ones");
        let engine = Engine::with_room(&world.rows, limits, world.room).expect("a sound reference");
        Self {
            engine,
            model: Model::new(&world.rows, Limits::of(&world.spec), world.room),
            venue: Venue {
                cash: world.cash,
                positions: world.positions.iter().copied().collect(),
                ..Venue::default()
            },
            world: world.clone(),
            now: START,
            monotonic: 1,
            day: FIRST_DAY,
            next_id: 1,
            foreign: 0,
            seen: Coverage::default(),
            log: Vec::new(),
        }
    }

    /// The next order id.
    pub const fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Place of an instrument that exists.
    pub fn place(&self, instrument_id: u64) -> usize {
        self.model.find(instrument_id).unwrap_or(0)
    }

    /// One step.
    pub fn take(&mut self, step: &Step) -> Result<(), String> {
        let mut words = Words::new(step);
        self.seen.steps += 1;
        for event in self.choose(&mut words) {
            self.happen(event, &mut words)?;
        }
        self.shadow()
    }

    /// One event, to both; and both compared.
    pub fn happen(&mut self, event: Event, words: &mut Words) -> Result<(), String> {
        self.log.push(event.clone());
        let (kill, flows) = (self.model.kill, self.model.flows);
        self.apply(&event, words)?;
        let drawn = |held: Kill| held.reason == Reason::Drawdown;
        if kill.is_some_and(|held| self.model.kill.is_some_and(|now| drawn(now) && now != held)) {
            self.seen.event("drawdown took over");
        }
        if flows != self.model.flows && self.model.flows != 0 {
            self.seen.event("flow counted");
        }
        self.compare()
    }
}

/// Equal, or a line that says what is not.
pub fn same<T: PartialEq + core::fmt::Debug>(
    what: &str,
    engine: T,
    reference: T,
) -> Result<(), String> {
    if engine == reference {
        return Ok(());
    }
    Err(format!(
        "{what}: engine {engine:?}, reference {reference:?}"
    ))
}
