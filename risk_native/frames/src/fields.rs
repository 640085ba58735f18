//! Text of fixed width.

/// UTF-8 of at most `N` bytes without a zero byte; zero padded on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FixedText<const N: usize> {
    bytes: [u8; N],
}

/// Why text does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextError {
    /// Longer than the field: length, room.
    TooLong(usize, usize),
    /// A zero byte inside.
    ZeroInside,
    /// Not UTF-8.
    NotUtf8,
}

impl core::fmt::Display for TextError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            TextError::TooLong(length, room) => {
                write!(f, "text of {length} bytes, the field holds {room}")
            }
            TextError::ZeroInside => write!(f, "text with a zero byte inside"),
            TextError::NotUtf8 => write!(f, "text that is not UTF-8"),
        }
    }
}

impl std::error::Error for TextError {}

impl<const N: usize> FixedText<N> {
    /// The text, zero padded.
    ///
    /// # Errors
    /// When it does not fit or holds a zero byte.
    pub fn new(text: &str) -> Result<Self, TextError> {
        if text.len() > N {
            return Err(TextError::TooLong(text.len(), N));
        }
        if text.as_bytes().contains(&0) {
            return Err(TextError::ZeroInside);
        }
        let mut bytes = [0_u8; N];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { bytes })
    }

    /// From the wire: text, then zeros only.
    ///
    /// # Errors
    /// When it is not UTF-8 or something follows the first zero.
    pub fn from_bytes(bytes: [u8; N]) -> Result<Self, TextError> {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(N);
        if bytes[end..].iter().any(|byte| *byte != 0) {
            return Err(TextError::ZeroInside);
        }
        core::str::from_utf8(&bytes[..end]).map_err(|_| TextError::NotUtf8)?;
        Ok(Self { bytes })
    }

    /// The bytes with their padding.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.bytes
    }

    /// The text without its padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(N);
        core::str::from_utf8(&self.bytes[..end]).unwrap_or_default()
    }
}

impl<const N: usize> core::fmt::Debug for FixedText<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}
