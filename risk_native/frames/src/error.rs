//! What can be wrong with a frame.

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The first byte is not the version.
    Version(u8),
    /// The checksum does not match: stated, computed.
    Crc {
        /// What the frame says.
        stated: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// No such kind.
    Kind(u8),
    /// A kind that the other side does not send.
    Direction(u8),
    /// A byte that must be zero is not; its offset.
    NotZero(usize),
    /// A field holds a value without a meaning.
    BadValue {
        /// The field's name.
        field: &'static str,
        /// Where it stands.
        offset: usize,
    },
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            DecodeError::Version(found) => write!(
                f,
                "frame version {found} at byte 0, expected {}",
                crate::VERSION
            ),
            DecodeError::Crc { stated, computed } => {
                write!(
                    f,
                    "frame checksum at byte 4 says {stated:08x}, bytes 0..4 and 8..128 give {computed:08x}"
                )
            }
            DecodeError::Kind(found) => write!(f, "frame kind {found} at byte 1 is unknown"),
            DecodeError::Direction(found) => {
                write!(f, "frame kind {found} at byte 1 comes from the wrong side")
            }
            DecodeError::NotZero(offset) => write!(f, "frame byte {offset} must be zero"),
            DecodeError::BadValue { field, offset } => {
                write!(f, "frame field {field} at byte {offset} has no meaning")
            }
        }
    }
}

impl std::error::Error for DecodeError {}
