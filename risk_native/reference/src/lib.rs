//! The reference file: what may be traded, read and hashed once, at the start.

mod instrument;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use dnalyaw_frames as frames;
use serde::Deserialize;
use sha2::{Digest, Sha256};

pub use instrument::Instrument;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    region: String,
    session: String,
    currency: String,
    #[serde(rename = "generated_at")]
    _generated_at: serde_json::Value,
    #[serde(default)]
    strategies: Vec<String>,
    firm_currency: Option<String>,
    firm_rate_micro: Option<i64>,
    paths: Option<Vec<u8>>,
    instruments: Vec<serde_json::Value>,
}

/// A reference file that passed every check.
#[derive(Clone, Debug)]
pub struct Reference {
    pub region: String,
    /// `YYYYMMDD`.
    pub session: u32,
    pub currency: String,
    /// The strategies whose orders omsd may mark; the place in the list is the bit in an order's mask.
    pub strategies: Vec<String>,
    /// The currency in which the firm counts its drawdown.
    pub firm_currency: String,
    /// Firm currency for one unit of the account's, millionths; not known, nothing opens.
    pub firm_rate: Option<i64>,
    /// The paths that an order may name, [`frames::Path::Default`] among them.
    paths: Vec<frames::Path>,
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
        let firm_rate = firm_rate(&file)?;
        check_strategies(&file.strategies)?;
        let paths = paths(file.paths.as_deref())?;
        let mut instruments = Vec::with_capacity(file.instruments.len());
        for (index, value) in file.instruments.into_iter().enumerate() {
            let named = value
                .get("label")
                .and_then(|label| label.as_str())
                .map_or_else(String::new, |label| format!(" ({label})"));
            let place = format!("instrument {}{named}", index + 1);
            let mut one: Instrument =
                serde_json::from_value(value).map_err(|err| format!("{place}: {err}"))?;
            if one.venue.is_empty() {
                let (_, venue) = one.label.rsplit_once('.').unwrap_or_default();
                one.venue = venue.to_string();
            }
            one.check(&file.currency)
                .map_err(|why| format!("{place}: {why}"))?;
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
            firm_currency: file.firm_currency.unwrap_or_else(|| file.currency.clone()),
            firm_rate,
            paths,
            strategies: file.strategies,
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

    /// The bit of a strategy in an order's mask.
    pub fn strategy_bit(&self, name: &str) -> Option<u64> {
        let at = self.strategies.iter().position(|known| known == name)?;
        Some(1 << at)
    }

    /// Whether an order may name this path.
    pub fn has_path(&self, path: frames::Path) -> bool {
        self.paths.contains(&path)
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

/// One to one where firm and account have one currency; otherwise what the file says, or not known.
fn firm_rate(file: &File) -> Result<Option<i64>, String> {
    const PAR: i64 = 1_000_000;
    let same = file
        .firm_currency
        .as_ref()
        .is_none_or(|firm| *firm == file.currency);
    match file.firm_rate_micro {
        Some(rate) if rate <= 0 => Err(format!("firm_rate_micro {rate} is not positive")),
        Some(rate) if same && rate != PAR => Err(format!(
            "firm_rate_micro {rate} is not {PAR}, and firm and account both have {}",
            file.currency
        )),
        None if same => Ok(Some(PAR)),
        rate => Ok(rate),
    }
}

/// The default is always there. A file that lists no paths leaves them all; an empty list leaves the default alone.
fn paths(listed: Option<&[u8]>) -> Result<Vec<frames::Path>, String> {
    let Some(listed) = listed else {
        return Ok(frames::Path::ALL.to_vec());
    };
    let mut paths = vec![frames::Path::Default];
    for number in listed {
        match frames::Path::from_u8(*number) {
            Some(path) if !paths.contains(&path) => paths.push(path),
            _ => {
                return Err(format!(
                    "paths: {number} is neither 1 nor 2, or listed twice"
                ));
            }
        }
    }
    Ok(paths)
}

/// An order's mask has 64 bits.
fn check_strategies(strategies: &[String]) -> Result<(), String> {
    if strategies.len() > 64 {
        return Err(format!("{} strategies are more than 64", strategies.len()));
    }
    for (index, name) in strategies.iter().enumerate() {
        if name.is_empty() || strategies[..index].contains(name) {
            return Err(format!(
                "strategy {} '{name}' is empty or listed twice",
                index + 1
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
