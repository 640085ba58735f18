//! Inputs that cannot be sized by.

/// A value that has no meaning where it stands: not a number, infinite, negative, or out of its range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SizingError {
    /// A named input.
    Input {
        /// Its name, as the caller gives it.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What would be taken.
        wanted: &'static str,
    },
    /// One of a series of returns.
    Return {
        /// Its place, from 0.
        index: usize,
        /// What was given.
        value: f64,
    },
}

impl core::fmt::Display for SizingError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Input {
                name,
                value,
                wanted,
            } => write!(f, "{name} is {value}: give {wanted}"),
            Self::Return { index, value } => {
                write!(f, "return {index} is {value}: give finite returns above -1")
            }
        }
    }
}

impl std::error::Error for SizingError {}

/// `value`, when it is finite and `holds`.
pub(crate) fn checked(
    name: &'static str,
    value: f64,
    holds: bool,
    wanted: &'static str,
) -> Result<f64, SizingError> {
    if value.is_finite() && holds {
        Ok(value)
    } else {
        Err(SizingError::Input {
            name,
            value,
            wanted,
        })
    }
}
