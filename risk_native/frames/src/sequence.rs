//! Sequence numbers: from 1 at each connection, +1 a frame in each direction.

/// A frame out of sequence; the connection is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceGap {
    /// What had to come.
    pub expected: u64,
    /// What came.
    pub found: u64,
}

impl core::fmt::Display for SequenceGap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "frame sequence {} at byte 8, expected {}",
            self.found, self.expected
        )
    }
}

impl std::error::Error for SequenceGap {}

/// Checks what arrives on one connection.
#[derive(Debug, Clone, Default)]
pub struct SequenceIn {
    last: u64,
}

impl SequenceIn {
    /// Takes the next number.
    ///
    /// # Errors
    /// When it is not the one after the last.
    pub fn accept(&mut self, seq: u64) -> Result<(), SequenceGap> {
        if seq != self.last + 1 {
            return Err(SequenceGap {
                expected: self.last + 1,
                found: seq,
            });
        }
        self.last = seq;
        Ok(())
    }
}

/// Numbers what leaves on one connection.
#[derive(Debug, Clone, Default)]
pub struct SequenceOut {
    last: u64,
}

impl SequenceOut {
    /// The next number.
    pub fn take(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}
