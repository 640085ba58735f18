//! Reference data: what is fixed before the open.

/// One instrument of the reference file, as the gateway read it. [`crate::Engine::new`] checks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstrumentReference {
    /// Permanent id, positive.
    pub instrument_id: u64,
    /// Instruments of one issuer count together.
    pub issuer_id: u64,
    /// `None` = unknown: all of them share one bucket.
    pub sector: Option<String>,
    /// Where it trades; a venue can be halted on its own.
    pub venue: String,
    /// Shares a lot, positive.
    pub lot: i64,
    /// Price step in millionths; 0 = the venue's own table: known for HKEX, else prices are not checked.
    pub tick_micro: i64,
    /// False: only closing is possible.
    pub tradable: bool,
    /// True: only closing is possible, by order of compliance.
    pub restricted: bool,
    /// Daily volatility in basis points, the floor of a stop's distance; 0 = unknown (the whole notional counts as risk).
    pub volatility_bp: u32,
    /// Stressed overnight gap in basis points; 0 = unknown: [`crate::GAP_SIGMAS`] daily volatilities.
    pub gap_bp: u32,
    /// Average daily volume in shares; 0 = unknown: nothing may be opened.
    pub adv: i64,
    /// Shares that may be short today.
    pub locate: i64,
    /// Last close on today's share basis, millionths: what the first price of a session is held against; 0 = unknown.
    pub close_micro: i64,
}

/// Why a reference was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceError {
    /// The instrument at fault.
    pub instrument_id: u64,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl core::fmt::Display for ReferenceError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "reference: instrument {}: {}",
            self.instrument_id, self.problem
        )
    }
}

impl std::error::Error for ReferenceError {}
