//! From the journal's records to the state a process begins with.

use dnalyaw_engine::{AdoptedOrder, Engine, Halt, Side};

use super::orders::Orders;
use super::restate::state_hash;
use super::standing::Standing;
use super::stops::HeldStops;
use crate::record::{Record, Scope};
use crate::reference::Reference;
use crate::{log_error, log_warn};

/// What the records add up to.
#[derive(Debug, Default)]
pub struct Replayed {
    pub(super) orders: Orders,
    pub(super) standing: Standing,
    /// Stops of earlier sessions.
    pub(super) held_stops: HeldStops,
}

impl Replayed {
    /// Orders ever decided, orders open, last id taken.
    pub fn counts(&self) -> (usize, u64, u64) {
        (
            self.orders.len(),
            self.orders.open_count(),
            self.orders.last_id(),
        )
    }

    /// Takes a record in, as it was taken in when it was written.
    pub fn apply(&mut self, record: Record) {
        self.standing.apply(&record);
        self.orders.replay(record);
    }

    /// The newest session day that has begun by the venue's word.
    pub fn newest_session(&self) -> u32 {
        let baseline = self.standing.baseline().map_or(0, |one| one.session);
        let kill = self.standing.kill().map_or(0, |one| one.session);
        baseline.max(kill)
    }

    /// A hash over everything that outlives a restart in this session.
    pub fn state_hash(&self, session: u32) -> [u8; 32] {
        state_hash(session, &self.standing, &self.orders)
    }
}

/// Replays the records and puts back into the engine what must survive a restart.
pub fn replay(records: Vec<Record>, engine: &mut Engine, reference: &Reference) -> Replayed {
    let mut state = Replayed::default();
    for record in records {
        state.apply(record);
    }
    let session = reference.session;
    state.orders.begin_session(session);
    restore_standing(&state.standing, engine, session);
    restore_halts(&state.standing, engine, reference);
    state.held_stops = restore_stops(&state.standing, engine, session);
    for (instrument_id, quantity) in state.orders.traded(session) {
        engine.restore_traded(instrument_id, quantity);
    }
    engine.restore_last_order_id(state.orders.last_id(), state.orders.last_own_id());
    for id in state.orders.open_ids() {
        let Some(entry) = state.orders.get(id) else {
            continue;
        };
        // An order of a session that is over holds nothing; the first mass status closes its file.
        if entry.decision.session != session {
            continue;
        }
        // A modification that the venue did not answer may hold: the larger of both is reserved until the order ends.
        let pending = entry.replacing.and_then(|id| state.orders.get(id));
        let (quantity, limit_price) = pending.map_or((0, 0), |new| {
            (
                new.decision.approved_quantity,
                new.decision.order.limit_price,
            )
        });
        let adopted = AdoptedOrder {
            quantity: entry.quantity.max(quantity),
            limit_price: entry.limit_price.max(limit_price),
            ..entry.adopted()
        };
        // A market order is reserved at a price, and the venue has not told one yet.
        engine.on_settlement_price(entry.instrument_id(), entry.decision.reference_price);
        if let Err(reason) = engine.adopt(&adopted) {
            log_error!("order_not_reserved", {"order_id": id, "reason": reason.name(),
                "what": "it may work and is in no limit: nothing opens until it is reserved or over"});
            state.orders.set_reserved(id, false);
            engine.set_halt(Halt::Unreconciled, true);
        }
    }
    state
}

fn restore_standing(standing: &Standing, engine: &mut Engine, session: u32) {
    if let Some(baseline) = standing.baseline() {
        engine.restore_baseline(baseline);
    }
    if let Some(kill) = standing.kill() {
        engine.restore_kill(kill);
    }
    engine.restore_flows(session, standing.flows(session));
    if let Some(amount) = standing.announced(session) {
        engine.expect_flow(amount);
    }
}

/// What a person halted stays halted, whoever restarts riskd.
fn restore_halts(standing: &Standing, engine: &mut Engine, reference: &Reference) {
    let mut strategies = 0;
    for (scope, by) in standing.halts() {
        let known = match scope {
            Scope::All => {
                engine.set_halt(Halt::Operator, true);
                true
            }
            Scope::Shadow => {
                engine.set_halt(Halt::Shadow, true);
                true
            }
            Scope::Instrument { instrument_id } => engine.halt_instrument(*instrument_id, true),
            Scope::Venue { venue } => engine.halt_venue(venue, true),
            Scope::Strategy { strategy } => {
                let bit = reference.strategy_bit(strategy);
                strategies |= bit.unwrap_or(0);
                bit.is_some()
            }
        };
        log_warn!("halt_restored", {"scope": scope, "by": by, "in_reference": known});
    }
    engine.halt_strategies(strategies);
}

/// Puts back this session's stops; those of earlier ones wait for the venue's positions and settlement prices.
fn restore_stops(standing: &Standing, engine: &mut Engine, session: u32) -> HeldStops {
    let mut held = HeldStops::new();
    for (key, stop) in standing.stops() {
        let direction = Side::from_u8(key.1);
        match direction {
            Some(direction) if stop.session == session => {
                engine.restore_stop(key.0, direction, stop.level, stop.fired);
            }
            _ => {
                held.insert(*key, *stop);
            }
        }
    }
    held
}
