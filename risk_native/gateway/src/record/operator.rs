//! What a person did.

use serde::{Deserialize, Serialize};

/// A person at the control socket, and why they did it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct By {
    pub uid: u32,
    pub who: String,
    pub reason: String,
}

/// What a halt is about.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum Scope {
    /// Everything.
    All,
    Strategy {
        strategy: String,
    },
    Instrument {
        instrument_id: u64,
    },
    Venue {
        venue: String,
    },
    /// The halt that a shadow difference left behind; a person lifts it.
    Shadow,
}
