//! A deployment's tighter limits by name: what `riskd --tighter FILE` reads, in a file or in a mapping.

use std::fmt;

use dnalyaw_engine::{Money, TighterLimits, TighterSpec};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// Sets one limit of a deployment by its name in the file.
///
/// # Errors
/// One line: a name that is none, or a number that does not fit it. Whether it is tighter says [`TighterLimits::new`].
pub fn set(spec: &mut TighterSpec, name: &str, value: i64) -> Result<(), String> {
    let field = match name {
        "instrument_bp" => &mut spec.instrument_bp,
        "sector_bp" => &mut spec.sector_bp,
        "drawdown_bp" => &mut spec.drawdown_bp,
        "trade_risk_bp" => &mut spec.trade_risk_bp,
        "gross_bp" => &mut spec.gross_bp,
        "net_bp" => &mut spec.net_bp,
        "participation_bp" => &mut spec.participation_bp,
        "message_rate" => &mut spec.message_rate,
        "order_quantity" => {
            spec.order_quantity = Some(value);
            return Ok(());
        }
        "order_notional_micro" => {
            let money =
                Money::new(value).ok_or_else(|| format!("{name} {value} is out of range"))?;
            spec.order_notional = Some(money);
            return Ok(());
        }
        _ => return Err(format!("no limit is called {name:?}")),
    };
    let number = u32::try_from(value).map_err(|_| format!("{name} {value} is out of range"))?;
    *field = Some(number);
    Ok(())
}

/// The file's object.
struct File(TighterSpec);

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Limits)
    }
}

struct Limits;

impl<'de> Visitor<'de> for Limits {
    type Value = File;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of limits by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<File, A::Error> {
        let (mut spec, mut seen) = (TighterSpec::default(), Vec::new());
        // A null leaves the constant, as an absent name does.
        while let Some((name, value)) = from.next_entry::<String, Option<i64>>()? {
            if seen.contains(&name) {
                return Err(A::Error::custom(format!("{name:?} is there twice")));
            }
            match value {
                Some(value) => set(&mut spec, &name, value),
                None => set(&mut TighterSpec::default(), &name, 0),
            }
            .map_err(A::Error::custom)?;
            seen.push(name);
        }
        Ok(File(spec))
    }
}

/// The constants, tightened by the JSON object when there is one.
///
/// # Errors
/// One line naming the field that is unknown, there twice, looser than its constant, or without meaning.
pub fn parse(bytes: Option<&[u8]>) -> Result<TighterLimits, String> {
    let Some(bytes) = bytes else {
        return Ok(TighterLimits::none());
    };
    let File(spec) = serde_json::from_slice(bytes).map_err(|err| err.to_string())?;
    TighterLimits::new(spec).map_err(|err| err.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse(Some(text.as_bytes())).unwrap_err()
    }

    #[test]
    fn what_is_named_is_tighter_and_the_rest_stays() {
        assert_eq!(parse(None), Ok(TighterLimits::none()));
        assert_eq!(parse(Some(b"{}")), Ok(TighterLimits::none()));
        let text = br#"{"instrument_bp": 300, "order_notional_micro": 7000000, "order_quantity": 5, "net_bp": null}"#;
        let limits = parse(Some(text)).unwrap();
        assert_eq!(limits.instrument_bp(), 300);
        assert_eq!(limits.order_notional().micro(), 7_000_000);
        assert_eq!(limits.order_quantity(), 5);
        assert_eq!(limits.net_bp(), TighterLimits::none().net_bp());
    }

    #[test]
    fn what_is_unknown_looser_or_no_number_is_refused_by_name() {
        assert!(refused(r#"{"instrument": 300}"#).contains("no limit is called \"instrument\""));
        assert!(refused(r#"{"instrument": null}"#).contains("no limit is called \"instrument\""));
        assert!(refused(r#"{"sector_bp": 2501}"#).contains("sector_bp"));
        assert!(refused(r#"{"sector_bp": -1}"#).contains("sector_bp -1 is out of range"));
        assert!(
            refused(r#"{"message_rate": 4294967296}"#).contains("message_rate 4294967296 is out")
        );
        assert!(
            refused(r#"{"order_notional_micro": 9223372036854775807}"#)
                .contains("order_notional_micro")
        );
        assert!(refused(r#"{"net_bp": 1, "net_bp": 1}"#).contains("\"net_bp\" is there twice"));
        assert!(refused("[1]").contains("an object of limits by name at line 1 column 0"));
    }
}
