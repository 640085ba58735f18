//! One number for the whole state.

use sha2::{Digest, Sha256};

use crate::engine::Engine;
use crate::orders::{CANCEL_REQUESTED, FATE_UNKNOWN};

impl Engine {
    /// SHA-256 of the whole state in a fixed order: two engines fed alike agree, live or replayed.
    #[must_use]
    pub fn state_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut put = |value: i128| hash.update(value.to_le_bytes());
        put(i128::from(self.hash_prefix));
        self.put_instruments(&mut put);
        self.put_orders(&mut put);
        self.put_account(&mut put);
        hash.finalize().into()
    }

    fn put_instruments(&self, put: &mut impl FnMut(i128)) {
        for (index, instrument) in self.book.instruments.iter().enumerate() {
            let gate = &self.book.gates[index];
            put(i128::from(instrument.id));
            for value in [
                instrument.bid,
                instrument.ask,
                instrument.last,
                gate.reference,
                gate.price_ts,
                i64::from(gate.flags),
                i64::from(instrument.priced),
                instrument.mark,
                instrument.mark_ts,
                instrument.marks.long,
                instrument.marks.short,
                instrument.second.long,
                instrument.second.short,
                instrument.previous.long,
                instrument.previous.short,
                instrument.waiting.0,
                instrument.waiting.1,
                instrument.close,
                instrument.buys.bounds.low,
                instrument.buys.bounds.high,
                instrument.sells.bounds.low,
                instrument.sells.bounds.high,
                instrument.position,
                instrument.traded,
                instrument.long_stop,
                instrument.short_stop,
                i64::from(instrument.fired),
                i64::from(instrument.reported),
                instrument.retry_at,
            ] {
                put(i128::from(value));
            }
            for accepted in self.repeats[index].recent(instrument.next_repeat, self.now_ns) {
                put(i128::from(accepted.at));
                put(i128::from(accepted.quantity));
                put(i128::from(accepted.limit_price));
                put(i128::from(accepted.kind));
            }
        }
    }

    fn put_orders(&self, put: &mut impl FnMut(i128)) {
        let mut places: Vec<_> = self.orders.live().collect();
        places.sort_unstable_by_key(|order| order.order_id);
        put(places.len() as i128);
        for order in places {
            put(i128::from(order.order_id));
            put(i128::from(order.replacement.order_id));
            put(i128::from(order.strategies));
            put(i128::from(
                self.book.instruments[order.instrument as usize].id,
            ));
            for value in [
                order.side as i64,
                order.quantity,
                order.cumulative,
                order.reserve_price,
                order.limit_price,
                order.replacement.quantity,
                order.replacement.limit_price,
                order.replacement.reserve_price,
                i64::from(order.marks & (CANCEL_REQUESTED | FATE_UNKNOWN)),
                i64::from(order.flags),
                i64::from(order.order_type),
                i64::from(order.time_in_force),
            ] {
                put(i128::from(value));
            }
        }
        for order in self.orders.ended() {
            put(i128::from(order.order_id));
            put(i128::from(order.leads_to));
            put(i128::from(order.cumulative));
        }
        for moment in self.rate.recent(self.monotonic_ns) {
            put(i128::from(moment));
        }
    }

    fn put_account(&self, put: &mut impl FnMut(i128)) {
        put(self.unreferenced.len() as i128);
        for (instrument_id, quantity) in &self.unreferenced {
            put(i128::from(*instrument_id));
            put(i128::from(*quantity));
        }
        put(self.cash.unwrap_or(i128::MIN));
        put(self.flows.expected.unwrap_or(i128::MIN));
        put(self.flows.unexplained);
        put(i128::from(self.last_id));
        put(i128::from(self.last_own));
        put(i128::from(self.halted_strategies));
        let kill = self.kill.map_or((0, 0), |kill| {
            (i64::from(kill.session), i64::from(kill.reason.code()))
        });
        let baseline = self.baseline.map_or((0, 0), |baseline| {
            (i64::from(baseline.session), baseline.equity)
        });
        for value in [
            self.now_ns,
            self.monotonic_ns,
            self.firm_rate.unwrap_or(0),
            self.flows.announced,
            i64::from(self.flows.session),
            self.flows.shown,
            self.flows.unannounced,
            i64::from(self.positions_known),
            i64::from(self.venue_up),
            self.session_state as i64,
            i64::from(self.session),
            i64::from(self.halts),
            i64::from(self.holds),
            i64::from(self.kill.is_some()),
            kill.0,
            kill.1,
            baseline.0,
            baseline.1,
        ] {
            put(i128::from(value));
        }
    }
}
