//! Options as words: which were given, once each, and with what value.

use std::collections::BTreeMap;

/// The words of a command line, read by a list of names.
#[derive(Debug, Default)]
pub struct Arguments {
    values: BTreeMap<&'static str, String>,
    flags: Vec<&'static str>,
}

impl Arguments {
    /// Reads `--name VALUE` and `--name=VALUE` for `valued`, bare `--name` for `flags`.
    ///
    /// # Errors
    /// One line naming the option that is unknown, repeated or without its value; `usage` is its second half.
    pub fn read(
        words: impl IntoIterator<Item = String>,
        valued: &[&'static str],
        flags: &[&'static str],
        usage: &str,
    ) -> Result<Self, String> {
        let mut read = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if let Some(flag) = flags.iter().find(|flag| **flag == word) {
                if read.flags.contains(flag) {
                    return Err(format!("{flag} is given twice; {usage}"));
                }
                read.flags.push(flag);
                continue;
            }
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (word.as_str(), None),
            };
            let Some(name) = valued.iter().find(|known| **known == name) else {
                return Err(format!("unknown option '{word}'; {usage}"));
            };
            let value = match inline.or_else(|| words.next()) {
                Some(value) if !value.is_empty() && !value.starts_with("--") => value,
                _ => return Err(format!("{name} needs a value; {usage}")),
            };
            if read.values.insert(name, value).is_some() {
                return Err(format!("{name} is given twice; {usage}"));
            }
        }
        Ok(read)
    }

    /// Whether a flag was given.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.flags.contains(&name)
    }

    /// An option's value, where it was given.
    pub fn take(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    /// An option's value.
    ///
    /// # Errors
    /// One line, when it was not given.
    pub fn need(&mut self, name: &str, usage: &str) -> Result<String, String> {
        self.take(name)
            .ok_or_else(|| format!("{name} is missing; {usage}"))
    }
}
