//! The reference file: what may be traded, read and hashed once, at the start.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// One instrument as the reference file states it. Prices in millionths.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    pub instrument_id: i64,
    pub issuer_id: i64,
    pub label: String,
    pub symbol: String,
    /// Unknown sectors share one bucket.
    pub sector: Option<String>,
    pub lot: i64,
    pub tick_micro: i64,
    pub currency: String,
    pub tradable: bool,
    /// Daily volatility in basis points.
    pub volatility_bp: i64,
    /// Average daily volume, shares.
    pub adv: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    region: String,
    session: String,
    currency: String,
    #[serde(rename = "generated_at")]
    _generated_at: serde_json::Value,
    instruments: Vec<serde_json::Value>,
}

/// A reference file that passed every check.
#[derive(Clone, Debug)]
pub struct Reference {
    pub region: String,
    /// `YYYYMMDD`.
    pub session: u32,
    pub currency: String,
    /// By ascending `instrument_id`.
    pub instruments: Vec<Instrument>,
    /// SHA-256 of the file's bytes.
    pub hash: [u8; 32],
    by_id: HashMap<i64, usize>,
    by_symbol: HashMap<String, i64>,
}

impl Reference {
    /// Reads, checks and hashes the file.
    ///
    /// # Errors
    /// One line that names the file and the line or instrument at fault; the first of several.
    pub fn load(path: &Path) -> Result<Self, String> {
        let name = path.display();
        let bytes = std::fs::read(path).map_err(|err| {
            format!(
                "reference {name}: {err}; write it with 'dnalyaw run' or pass the right --reference"
            )
        })?;
        Self::parse(&bytes).map_err(|why| format!("reference {name}: {why}"))
    }

    /// As `load`, on bytes in memory.
    ///
    /// # Errors
    /// The fault without the file's name.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file: File = serde_json::from_slice(bytes)
            .map_err(|err| format!("line {} column {}: {err}", err.line(), err.column()))?;
        if file.region.is_empty()
            || file.region.len() > 4
            || !file.region.bytes().all(|b| b.is_ascii_uppercase())
        {
            return Err(format!(
                "region '{}' is not one to four capital letters",
                file.region
            ));
        }
        let session = parse_session(&file.session)
            .ok_or_else(|| format!("session '{}' is not a date YYYY-MM-DD", file.session))?;
        if file.instruments.is_empty() {
            return Err("it lists no instrument".into());
        }
        let mut instruments = Vec::with_capacity(file.instruments.len());
        for (index, value) in file.instruments.into_iter().enumerate() {
            let named = value
                .get("label")
                .and_then(|label| label.as_str())
                .map_or_else(String::new, |label| format!(" ({label})"));
            let place = format!("instrument {}{named}", index + 1);
            let one: Instrument =
                serde_json::from_value(value).map_err(|err| format!("{place}: {err}"))?;
            check(&one, &file.currency).map_err(|why| format!("{place}: {why}"))?;
            instruments.push(one);
        }
        instruments.sort_by_key(|one| one.instrument_id);
        let mut symbols = HashSet::new();
        for (index, one) in instruments.iter().enumerate() {
            if index > 0 && instruments[index - 1].instrument_id == one.instrument_id {
                return Err(format!(
                    "instrument {} ({}): instrument_id is listed twice",
                    one.instrument_id, one.label
                ));
            }
            if !symbols.insert(one.symbol.as_str()) {
                return Err(format!(
                    "instrument {} ({}): symbol '{}' is listed twice",
                    one.instrument_id, one.label, one.symbol
                ));
            }
        }
        Ok(Self {
            by_id: instruments
                .iter()
                .enumerate()
                .map(|(index, one)| (one.instrument_id, index))
                .collect(),
            by_symbol: instruments
                .iter()
                .map(|one| (one.symbol.clone(), one.instrument_id))
                .collect(),
            region: file.region,
            session,
            currency: file.currency,
            instruments,
            hash: Sha256::digest(bytes).into(),
        })
    }

    /// The instrument with this id.
    pub fn instrument(&self, id: i64) -> Option<&Instrument> {
        self.by_id.get(&id).map(|index| &self.instruments[*index])
    }

    /// The id behind a venue's symbol.
    pub fn id_of(&self, symbol: &str) -> Option<i64> {
        self.by_symbol.get(symbol).copied()
    }

    /// The first eight bytes of the hash, as frames carry it.
    pub fn short_hash(&self) -> u64 {
        short_hash(&self.hash)
    }
}

/// The first eight bytes of a SHA-256 as a little-endian number.
pub fn short_hash(hash: &[u8; 32]) -> u64 {
    let mut head = [0; 8];
    head.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(head)
}

/// `YYYY-MM-DD` as `YYYYMMDD`.
fn parse_session(text: &str) -> Option<u32> {
    let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == 10)
        .then(|| date.format("%Y%m%d").to_string().parse().ok())
        .flatten()
}

fn check(one: &Instrument, currency: &str) -> Result<(), String> {
    if one.instrument_id <= 0 {
        return Err(format!(
            "instrument_id {} is not positive",
            one.instrument_id
        ));
    }
    if one.issuer_id <= 0 {
        return Err(format!("issuer_id {} is not positive", one.issuer_id));
    }
    if one.symbol.is_empty() || !one.symbol.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(format!("symbol '{}' is not printable ASCII", one.symbol));
    }
    if one.currency != currency {
        return Err(format!(
            "currency {} is not the region's {currency}",
            one.currency
        ));
    }
    for (name, value, least) in [
        ("lot", one.lot, 1),
        ("tick_micro", one.tick_micro, 0),
        ("volatility_bp", one.volatility_bp, 0),
        ("adv", one.adv, 0),
    ] {
        if value < least {
            return Err(format!("{name} {value} is below {least}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn good() -> Value {
        let one = |id: i64, symbol: &str| {
            json!({"instrument_id": id, "issuer_id": id, "label": format!("{symbol}.NYSE"), "symbol": symbol,
                "sector": null, "lot": 1, "tick_micro": 10_000, "currency": "USD", "tradable": true,
                "volatility_bp": 150, "adv": 1_000_000})
        };
        json!({"region": "US", "session": "2026-11-23", "currency": "USD", "generated_at": "2026-11-23T13:00:00Z",
            "instruments": [one(2, "BBB"), one(1, "AAA")]})
    }

    fn parse(value: &Value) -> Result<Reference, String> {
        Reference::parse(value.to_string().as_bytes())
    }

    #[test]
    fn a_good_file_is_sorted_indexed_and_hashed() {
        let text = good().to_string();
        let reference = Reference::parse(text.as_bytes()).unwrap();
        assert_eq!(reference.session, 20_261_123);
        assert_eq!(reference.instruments[0].symbol, "AAA");
        assert_eq!(reference.id_of("BBB"), Some(2));
        assert_eq!(reference.instrument(2).unwrap().symbol, "BBB");
        assert_ne!(
            reference.hash,
            Reference::parse((text + " ").as_bytes()).unwrap().hash
        );
    }

    #[test]
    fn each_fault_names_the_instrument() {
        for (field, value, named) in [
            ("lot", json!(0), "lot 0"),
            ("tick_micro", json!(-1), "tick_micro -1"),
            ("currency", json!("EUR"), "currency EUR"),
            ("instrument_id", json!(0), "instrument_id 0"),
            ("symbol", json!("A B"), "symbol 'A B'"),
            ("tradable", json!("yes"), "invalid type"),
            ("surprise", json!(1), "unknown field"),
        ] {
            let mut bad = good();
            bad["instruments"][1][field] = value;
            let err = parse(&bad).unwrap_err();
            assert!(err.starts_with("instrument 2 (AAA.NYSE)"), "{err}");
            assert!(err.contains(named), "{err}");
        }
        let mut twice = good();
        twice["instruments"][1]["symbol"] = json!("BBB");
        assert!(parse(&twice).unwrap_err().contains("listed twice"));
    }

    #[test]
    fn broken_json_names_the_line() {
        let err = Reference::parse(b"{\n\"region\": \"US\",\n oops").unwrap_err();
        assert!(err.starts_with("line 3"), "{err}");
    }

    #[test]
    fn a_date_that_does_not_exist_is_refused() {
        let mut bad = good();
        bad["session"] = json!("2026-02-30");
        assert!(parse(&bad).unwrap_err().contains("session '2026-02-30'"));
    }

    proptest::proptest! {
        #[test]
        fn damaged_files_are_refused_or_sound(at in 0_usize..900, byte in 0_u8..=255) {
            let mut bytes = good().to_string().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(reference) = Reference::parse(&bytes) {
                for one in &reference.instruments {
                    proptest::prop_assert!(one.instrument_id > 0 && one.lot > 0 && one.tick_micro >= 0);
                    proptest::prop_assert_eq!(reference.id_of(&one.symbol), Some(one.instrument_id));
                }
            }
        }
    }
}
