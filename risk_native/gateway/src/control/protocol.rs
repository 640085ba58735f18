//! What the control socket understands: one JSON object a line.

use serde::{Deserialize, Serialize};

use crate::record;

/// Longest line, in bytes.
pub const MAX_LINE: usize = 4096;
/// Longest reason, name or order id, in characters.
const MAX_TEXT: usize = 256;

/// One command. Whatever changes something needs a reason, which is journaled with who gave it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "cmd", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Everything that a person wants to know at two in the morning.
    Status {},
    /// Limits, what is used of them, and which program this is.
    Risk {},
    /// What the book would lose in bad weather.
    Stress {},
    /// Throws the kill switch.
    Kill { reason: String },
    /// The same by its other name.
    Flatten { reason: String },
    /// Takes the kill switch back.
    Rearm { reason: String },
    /// Stops new risk in everything, or in one strategy, instrument or venue.
    Halt {
        scope: Scope,
        #[serde(default)]
        name: String,
        reason: String,
    },
    /// Lifts such a halt, or the one that a shadow difference set.
    Resume {
        scope: Scope,
        #[serde(default)]
        name: String,
        reason: String,
    },
    /// Announces money that enters (or leaves, below 0) the account from outside, in millionths of its currency.
    Flow { amount_micro: i64, reason: String },
    /// Takes an order that the venue has and the journal does not for known.
    Claim { cl_ord_id: String, reason: String },
}

/// What a halt is about.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    All,
    Strategy,
    Instrument,
    Venue,
    Shadow,
}

impl Command {
    /// Reads one line.
    ///
    /// # Errors
    /// One line naming what is wrong with it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let command: Self =
            serde_json::from_str(line).map_err(|err| format!("not a command: {err}"))?;
        command.check()?;
        Ok(command)
    }

    fn check(&self) -> Result<(), String> {
        if let Some(reason) = self.reason() {
            text("reason", reason)?;
        }
        match self {
            Self::Halt { scope, name, .. } | Self::Resume { scope, name, .. } => match scope {
                Scope::All | Scope::Shadow if !name.is_empty() => {
                    Err("name is for a strategy, an instrument or a venue".into())
                }
                Scope::Shadow if matches!(self, Self::Halt { .. }) => {
                    Err("only a difference halts by the shadow; halt all instead".into())
                }
                Scope::All | Scope::Shadow => Ok(()),
                Scope::Strategy | Scope::Instrument | Scope::Venue => text("name", name),
            },
            Self::Flow {
                amount_micro: 0, ..
            } => Err("amount_micro is 0".into()),
            Self::Claim { cl_ord_id, .. } => text("cl_ord_id", cl_ord_id),
            _ => Ok(()),
        }
    }

    /// Why, where the command needs a reason.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Status {} | Self::Risk {} | Self::Stress {} => None,
            Self::Kill { reason }
            | Self::Flatten { reason }
            | Self::Rearm { reason }
            | Self::Halt { reason, .. }
            | Self::Resume { reason, .. }
            | Self::Flow { reason, .. }
            | Self::Claim { reason, .. } => Some(reason),
        }
    }

    /// Whether it throws the switch, which is done before the core hears of it.
    #[must_use]
    pub fn kills(&self) -> bool {
        matches!(self, Self::Kill { .. } | Self::Flatten { .. })
    }
}

impl Scope {
    /// As it is journaled.
    ///
    /// # Errors
    /// One line, when an instrument's name is no id.
    pub fn record(self, name: &str) -> Result<record::Scope, String> {
        Ok(match self {
            Self::All => record::Scope::All,
            Self::Shadow => record::Scope::Shadow,
            Self::Strategy => record::Scope::Strategy {
                strategy: name.to_string(),
            },
            Self::Venue => record::Scope::Venue {
                venue: name.to_string(),
            },
            Self::Instrument => record::Scope::Instrument {
                instrument_id: name
                    .parse()
                    .map_err(|_| format!("'{name}' is not an instrument id"))?,
            },
        })
    }
}

fn text(field: &str, value: &str) -> Result<(), String> {
    if value.trim().is_empty() {
        return Err(format!("{field} is missing: say it in a few words"));
    }
    if value.chars().count() > MAX_TEXT {
        return Err(format!("{field} is longer than {MAX_TEXT} characters"));
    }
    if value.chars().any(char::is_control) {
        return Err(format!("{field} holds a control character"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_goes_both_ways() {
        for line in [
            r#"{"cmd":"status"}"#,
            r#"{"cmd":"risk"}"#,
            r#"{"cmd":"stress"}"#,
            r#"{"cmd":"kill","reason":"feed looks wrong"}"#,
            r#"{"cmd":"flatten","reason":"x"}"#,
            r#"{"cmd":"rearm","reason":"checked with the desk"}"#,
            r#"{"cmd":"halt","scope":"all","name":"","reason":"x"}"#,
            r#"{"cmd":"resume","scope":"strategy","name":"momentum","reason":"x"}"#,
            r#"{"cmd":"flow","amount_micro":-5,"reason":"x"}"#,
            r#"{"cmd":"claim","cl_ord_id":"DESK-1","reason":"x"}"#,
        ] {
            let command = Command::parse(line).unwrap();
            assert_eq!(serde_json::to_string(&command).unwrap(), line);
        }
    }

    #[test]
    fn what_is_no_command_is_named() {
        for (line, named) in [
            ("", "not a command"),
            ("[]", "not a command"),
            (r#"{"cmd":"loosen","reason":"x"}"#, "loosen"),
            (r#"{"cmd":"kill"}"#, "reason"),
            (r#"{"cmd":"kill","reason":" "}"#, "reason is missing"),
            (r#"{"cmd":"kill","reason":"a\nb"}"#, "control character"),
            (r#"{"cmd":"kill","reason":"x","limit":9}"#, "limit"),
            (r#"{"cmd":"kill","reason":"x","reason":"y"}"#, "duplicate"),
            (r#"{"cmd":"status","all":true}"#, "all"),
            (
                r#"{"cmd":"halt","scope":"venue","reason":"x"}"#,
                "name is missing",
            ),
            (
                r#"{"cmd":"halt","scope":"all","name":"a","reason":"x"}"#,
                "name is for",
            ),
            (
                r#"{"cmd":"halt","scope":"shadow","reason":"x"}"#,
                "halt all",
            ),
            (
                r#"{"cmd":"flow","amount_micro":0,"reason":"x"}"#,
                "amount_micro is 0",
            ),
            (r#"{"cmd":"flow","amount_micro":1.5,"reason":"x"}"#, "1.5"),
            (
                r#"{"cmd":"claim","cl_ord_id":"","reason":"x"}"#,
                "cl_ord_id is missing",
            ),
        ] {
            let err = Command::parse(line).unwrap_err();
            assert!(err.contains(named), "{line}: {err}");
            assert!(!err.contains('\n'), "{err}");
        }
        let long = format!(r#"{{"cmd":"kill","reason":"{}"}}"#, "x".repeat(257));
        assert!(Command::parse(&long).unwrap_err().contains("longer than"));
    }

    proptest::proptest! {
        #[test]
        fn no_line_panics_and_no_kill_is_without_a_reason(line in "\\PC*") {
            if let Ok(command) = Command::parse(&line) {
                proptest::prop_assert!(command.reason().is_none_or(|why| !why.trim().is_empty()));
            }
        }
    }
}
