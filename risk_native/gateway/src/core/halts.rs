//! What a person stops from opening, or lets open again, as the engine hears of it.

use dnalyaw_engine::{Engine, Halt};

use super::standing::Standing;
use crate::record::Scope;
use crate::reference::Reference;

/// Stops one thing from opening, or lets it open again.
///
/// # Errors
/// One line: there is no such instrument, venue or strategy here.
pub fn set(
    engine: &mut Engine,
    reference: &Reference,
    standing: &Standing,
    scope: &Scope,
    on: bool,
) -> Result<(), String> {
    match scope {
        Scope::All => engine.set_halt(Halt::Operator, on),
        Scope::Shadow => engine.set_halt(Halt::Shadow, on),
        Scope::Instrument { instrument_id } => {
            if !engine.halt_instrument(*instrument_id, on) {
                return Err(format!(
                    "the reference file has no instrument {instrument_id}"
                ));
            }
        }
        Scope::Venue { venue } => {
            if !engine.halt_venue(venue, on) {
                return Err(format!("no instrument trades at '{venue}'"));
            }
        }
        Scope::Strategy { strategy } => {
            let bit = reference.strategy_bit(strategy).ok_or_else(|| {
                format!(
                    "the reference file lists no strategy '{strategy}'; it lists: {}",
                    reference.strategies.join(", ")
                )
            })?;
            let mask = mask(reference, standing) & !bit | if on { bit } else { 0 };
            engine.halt_strategies(mask);
        }
    }
    Ok(())
}

/// The strategies that are halted, as the engine takes them.
fn mask(reference: &Reference, standing: &Standing) -> u64 {
    standing
        .halts()
        .filter_map(|(scope, _)| match scope {
            Scope::Strategy { strategy } => reference.strategy_bit(strategy),
            _ => None,
        })
        .fold(0, |mask, bit| mask | bit)
}
