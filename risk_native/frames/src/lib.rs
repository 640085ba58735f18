//! The 128-byte frames between omsd and riskd, exactly as `docs/contracts.md` has them.
//!
//! A frame that is wrong in any way is an error: the connection it came on is to be closed. The bytes of an order's side,
//! type, time in force and flags are carried as they came: a well-formed frame with a senseless order deserves a REJECT
//! decision, which the engine gives.
#![forbid(unsafe_code)]

mod codec;
mod error;
mod fields;
mod kinds;
mod payload;
mod sequence;

pub use error::DecodeError;
pub use fields::{FixedText, TextError};
pub use kinds::{DecisionKind, ExecType, Kind, Path, SessionState, TradingState};
pub use payload::{
    Body, Cancel, Decision, Exec, Hello, Kill, Legs, NewOrder, Position, PriceUpdate, Refused,
    Replace, State, Sync, SyncEnd, Welcome,
};
pub use sequence::{SequenceGap, SequenceIn, SequenceOut};

/// Length of every frame in bytes.
pub const FRAME_LEN: usize = 128;

/// The only version there is.
pub const VERSION: u8 = 1;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// +1 a frame in each direction, from 1 at each connection.
    pub seq: u64,
    /// The sender's clock (riskd: the venue's), nanoseconds since the epoch.
    pub ts_ns: i64,
    /// What it says.
    pub body: Body,
}

impl Frame {
    /// The frame's bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; FRAME_LEN] {
        codec::encode(self)
    }

    /// The frame in these bytes.
    ///
    /// # Errors
    /// What is wrong with them; the connection is then to be closed.
    pub fn decode(bytes: &[u8; FRAME_LEN]) -> Result<Frame, DecodeError> {
        codec::decode(bytes)
    }

    /// As [`Frame::decode`], for what arrives at riskd: kinds that only riskd sends are refused.
    ///
    /// # Errors
    /// What is wrong with the bytes; the connection is then to be closed.
    pub fn decode_from_oms(bytes: &[u8; FRAME_LEN]) -> Result<Frame, DecodeError> {
        let frame = codec::decode(bytes)?;
        if frame.body.kind().from_oms() {
            Ok(frame)
        } else {
            Err(DecodeError::Direction(bytes[1]))
        }
    }

    /// As [`Frame::decode`], for what arrives at omsd: kinds that only omsd sends are refused.
    ///
    /// # Errors
    /// What is wrong with the bytes; the connection is then to be closed.
    pub fn decode_from_risk(bytes: &[u8; FRAME_LEN]) -> Result<Frame, DecodeError> {
        let frame = codec::decode(bytes)?;
        if frame.body.kind().from_oms() {
            Err(DecodeError::Direction(bytes[1]))
        } else {
            Ok(frame)
        }
    }
}
