//! A copy of the book that another thread recomputes from scratch while the engine goes on.

use crate::aggregates::Aggregates;
use crate::engine::Engine;
use crate::instrument::Instrument;
use crate::orders::Working;
use crate::types::ShadowDifference;

/// See [`Engine::shadow`].
#[derive(Debug, Clone)]
pub struct Shadow {
    instruments: Vec<Instrument>,
    orders: Vec<Working>,
    running: Aggregates,
}

impl Shadow {
    /// Recomputes every sum from positions, marks and working orders.
    ///
    /// # Errors
    /// The first sum that ran otherwise: nothing it bounds can be believed any more.
    pub fn check(&self) -> Result<(), ShadowDifference> {
        let recomputed = Aggregates::recomputed(
            self.instruments.iter(),
            self.orders.iter(),
            self.running.issuers.len(),
            self.running.sectors.len(),
        );
        self.running.compare(&recomputed)
    }
}

impl Engine {
    /// A copy to be checked elsewhere. It costs what there is: instruments and working orders.
    #[must_use]
    pub fn shadow(&self) -> Shadow {
        Shadow {
            instruments: self.book.instruments.clone(),
            orders: self.orders.live().copied().collect(),
            running: self.running(),
        }
    }

    /// The running sums.
    #[must_use]
    pub fn running(&self) -> Aggregates {
        Aggregates::running(&self.book, &self.orders.slots, self.orders.len())
    }

    /// The same sums, computed from positions, marks and working orders alone. Equal to [`Engine::running`], always.
    #[must_use]
    pub fn recompute_from_scratch(&self) -> Aggregates {
        Aggregates::recomputed(
            self.book.instruments.iter(),
            self.orders.live(),
            self.book.issuers.len(),
            self.book.sectors.len(),
        )
    }
}

#[cfg(test)]
mod tests;
