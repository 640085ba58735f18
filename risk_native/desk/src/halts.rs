//! What a person halted, by name: it stays halted in the next session, whatever place a strategy has in its file.

use std::collections::BTreeSet;

use dnalyaw_engine::{Engine, Halt};

use crate::desk::{Desk, Fault};
use crate::reference::Reference;
use crate::strategies;

/// What can be halted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everything.
    All,
    /// One instrument.
    Instrument(u64),
    /// Every instrument of a venue.
    Venue(String),
    /// Every order that a strategy has a part in.
    Strategy(String),
}

/// What is halted.
#[derive(Debug, Default)]
pub(crate) struct Halts(BTreeSet<Scope>);

impl Halts {
    fn mask(&self, reference: &Reference) -> u64 {
        let strategies = self.0.iter().filter_map(|scope| match scope {
            Scope::Strategy(name) => reference.strategy_bit(name),
            _ => None,
        });
        strategies.fold(0, |mask, bit| mask | bit)
    }

    /// Puts what holds into an engine over another reference.
    pub(crate) fn restore(&self, engine: &mut Engine, reference: &Reference) {
        for scope in &self.0 {
            match scope {
                Scope::All => engine.set_halt(Halt::Operator, true),
                // What the new file does not have cannot be traded either.
                Scope::Instrument(id) => _ = engine.halt_instrument(*id, true),
                Scope::Venue(venue) => _ = engine.halt_venue(venue, true),
                Scope::Strategy(_) => {}
            }
        }
        engine.halt_strategies(self.mask(reference));
    }
}

impl Desk {
    /// Stops one thing from opening, or lets it open again. What closes passes.
    ///
    /// # Errors
    /// [`Fault::Refused`]: there is no such instrument, venue or strategy.
    pub fn halt(&mut self, scope: Scope, on: bool) -> Result<(), Fault> {
        let refuse = |why| Err(Fault::Refused(why));
        match &scope {
            Scope::All => self.engine.set_halt(Halt::Operator, on),
            Scope::Instrument(id) => {
                if !self.engine.halt_instrument(*id, on) {
                    return refuse(format!("the reference file has no instrument {id}"));
                }
            }
            Scope::Venue(venue) => {
                if !self.engine.halt_venue(venue, on) {
                    return refuse(format!("no instrument trades at '{venue}'"));
                }
            }
            Scope::Strategy(name) => {
                strategies::mask(&self.reference.strategies, [name]).map_err(Fault::Refused)?;
            }
        }
        if on {
            self.halts.0.insert(scope);
        } else {
            self.halts.0.remove(&scope);
        }
        self.engine
            .halt_strategies(self.halts.mask(&self.reference));
        Ok(())
    }
}
