//! Strategies by name, as bits of an order's mask.

/// How many strategies a mask has bits for.
pub const MOST: usize = 64;

/// The mask of these strategies: bit i is the i-th of `known`.
///
/// # Errors
/// One line: a name that is not known.
pub fn mask<'a>(
    known: &[String],
    names: impl IntoIterator<Item = &'a String>,
) -> Result<u64, String> {
    names.into_iter().try_fold(0, |mask, name| {
        known
            .iter()
            .take(MOST)
            .position(|one| one == name)
            .map(|bit| mask | 1 << bit)
            .ok_or_else(|| {
                format!(
                    "no strategy is called {name:?}; known: {}",
                    known.join(", ")
                )
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_in_the_list_is_the_bit() {
        let known = ["a", "b", "c"].map(String::from);
        assert_eq!(mask(&known, &["c".into(), "a".into()]), Ok(0b101));
        assert_eq!(mask(&known, &[]), Ok(0));
        assert_eq!(
            mask(&known, &["d".into()]).unwrap_err(),
            "no strategy is called \"d\"; known: a, b, c"
        );
    }
}
