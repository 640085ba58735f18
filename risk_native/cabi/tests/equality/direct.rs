//! An engine driven by hand: what riskd's core does around it, written down a second time. Shares no code with the desk.

use std::collections::BTreeMap;

use dnalyaw_engine::*;
use serde_json::Value;

/// A reference file read without riskd's reader.
fn rows(file: &[u8]) -> (u32, Vec<InstrumentReference>) {
    let file: Value = serde_json::from_slice(file).unwrap();
    let number = |row: &Value, name: &str| row[name].as_i64().unwrap();
    let rows = file["instruments"].as_array().unwrap().iter();
    let session = file["session"].as_str().unwrap().replace('-', "");
    let rows = rows.map(|row| InstrumentReference {
        instrument_id: number(row, "instrument_id") as u64,
        issuer_id: number(row, "issuer_id") as u64,
        sector: row["sector"].as_str().map(String::from),
        venue: row["label"]
            .as_str()
            .unwrap()
            .split('.')
            .nth(1)
            .unwrap()
            .into(),
        lot: number(row, "lot"),
        tick_micro: number(row, "tick_micro"),
        tradable: row["tradable"].as_bool().unwrap(),
        restricted: row["restricted"].as_bool().unwrap(),
        volatility_bp: number(row, "volatility_bp") as u32,
        gap_bp: number(row, "gap_bp") as u32,
        adv: number(row, "adv"),
        locate: number(row, "locate"),
        close_micro: number(row, "close_micro"),
    });
    (session.parse().unwrap(), rows.collect())
}

/// What an order goes by at the venue, and what is to change it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    pub wire: u64,
    pub pending: u64,
}

pub struct Direct {
    pub engine: Engine,
    pub session: u32,
    pub known: BTreeMap<u64, Known>,
    /// Stops of the day before and this day's splits, new shares and old.
    stops: Option<Vec<StopView>>,
    splits: BTreeMap<u64, (i64, i64)>,
    halted_instrument: bool,
}

fn engine(rows: &[InstrumentReference], session: u32) -> Engine {
    let mut engine = Engine::with_room(rows, TighterLimits::none(), 256).unwrap();
    engine.set_firm_rate(Some(1_000_000));
    engine.restore_flows(session, 0);
    engine.set_halt(Halt::NotReconciled, true);
    engine
}

impl Direct {
    pub fn new(file: &[u8]) -> Self {
        let (session, rows) = rows(file);
        Self {
            engine: engine(&rows, session),
            session,
            known: BTreeMap::new(),
            stops: None,
            splits: BTreeMap::new(),
            halted_instrument: false,
        }
    }

    /// riskd stops and starts again with the next day's file.
    pub fn night(&mut self, file: &[u8], now_ns: i64, splits: BTreeMap<u64, (i64, i64)>) {
        let (session, rows) = rows(file);
        let mut next = engine(&rows, session);
        if let Some(kill) = self.engine.killed() {
            next.restore_kill(kill);
        }
        if self.halted_instrument {
            assert!(next.halt_instrument(5, true));
        }
        next.restore_last_order_id(self.engine.last_order_id(), self.engine.last_own_order_id());
        next.on_clock(now_ns);
        (self.stops, self.splits) = (Some(self.engine.stops()), splits);
        self.known.clear();
        (self.engine, self.session) = (next, session);
    }

    pub fn halt(&mut self, on: bool) {
        assert!(self.engine.halt_instrument(5, on));
        self.halted_instrument = on;
    }

    pub fn account(&mut self, cash: i64, holdings: &[(u64, i64, i64)], now_ns: i64) {
        self.engine.on_clock(now_ns);
        self.engine.begin_positions();
        for (id, quantity, settlement) in holdings {
            if *settlement > 0 {
                self.engine.on_settlement_price(*id, *settlement);
            }
            let direction = if *quantity > 0 { Side::Buy } else { Side::Sell };
            let held = self.stops.iter().flatten().find(|stop| {
                stop.instrument_id == *id && stop.direction == direction && *quantity != 0
            });
            if let Some(stop) = held.copied() {
                let (new, old) = self.splits.get(id).copied().unwrap_or((1, 1));
                // A long's stop up to the tighter side, a short's down.
                let level = match direction {
                    Side::Buy => (stop.level * old + new - 1) / new,
                    Side::Sell => stop.level * old / new,
                };
                let gone = match direction {
                    Side::Buy => *settlement < level * 80 / 100,
                    Side::Sell => *settlement > level * 120 / 100,
                };
                if stop.fired || *settlement == 0 || !gone {
                    self.engine.restore_stop(*id, direction, level, stop.fired);
                }
            }
            self.engine.on_position(*id, *quantity);
        }
        self.engine.positions_complete();
        self.stops = None;
        self.engine.on_venue(true);
        self.engine.on_account(cash);
        self.engine.set_halt(Halt::NotReconciled, false);
    }

    pub fn price(&mut self, id: u64, bid: i64, ask: i64, last: i64, ts_ns: i64) -> bool {
        self.engine.on_clock(ts_ns);
        self.engine.on_price(id, bid, ask, last, ts_ns)
    }

    fn take(&mut self, id: u64, decision: &Decision) {
        if decision.accepted() {
            let known = Known {
                wire: id,
                pending: 0,
            };
            self.known.insert(id, known);
        }
    }

    pub fn decide(&mut self, order: &OrderRequest, now_ns: i64) -> Decision {
        self.engine.on_monotonic(now_ns);
        let decision = self.engine.decide(order, now_ns);
        self.take(order.order_id, &decision);
        decision
    }

    pub fn linked(&mut self, orders: &[OrderRequest], now_ns: i64) -> Vec<Decision> {
        self.engine.on_clock(now_ns);
        self.engine.on_monotonic(now_ns);
        let mut decisions = vec![Decision::undecided(&orders[0], Reason::LinkedLeg); orders.len()];
        self.engine
            .decide_linked(orders, now_ns, &mut decisions)
            .unwrap();
        for (order, decision) in orders.iter().zip(&decisions) {
            self.take(order.order_id, decision);
        }
        decisions
    }

    pub fn replace(&mut self, request: &ReplaceRequest, now_ns: i64) -> Decision {
        self.engine.on_monotonic(now_ns);
        let asked = ReplaceRequest {
            original_id: self.wire(request.original_id),
            ..*request
        };
        let decision = self.engine.decide_replace(&asked, now_ns);
        if decision.accepted() {
            let by_any = |(id, known): (&u64, &Known)| {
                (*id == request.original_id || known.wire == request.original_id).then_some(*id)
            };
            let first = self.known.iter().find_map(by_any).unwrap();
            self.known.get_mut(&first).unwrap().pending = request.order_id;
        }
        decision
    }

    pub fn wire(&self, id: u64) -> u64 {
        self.known.get(&id).map_or(id, |known| known.wire)
    }

    /// A report; true in the answer where the order is over.
    pub fn report(
        &mut self,
        id: u64,
        kind: ExecKind,
        (last, price, fee): (i64, i64, i64),
        cumulative: i64,
        leaves: i64,
        now_ns: i64,
    ) -> (i64, bool) {
        self.engine.on_clock(now_ns);
        let order_id = self.wire(id);
        let before = self.engine.order(order_id);
        let outcome = self
            .engine
            .on_execution(&Execution {
                order_id,
                kind,
                last_quantity: last,
                last_price: price,
                cumulative_quantity: cumulative,
                fee,
            })
            .unwrap();
        let mut over = outcome.finished;
        if let Some(before) = before {
            let full = cumulative >= before.quantity;
            let ends = matches!(
                kind,
                ExecKind::Cancelled | ExecKind::Rejected | ExecKind::Expired
            );
            over |= ends
                || kind == ExecKind::Fill && full && (before.replacement_id == 0 || leaves == 0);
            if over && self.engine.order(order_id).is_some() {
                // The larger of it and its modification was reserved.
                let release = Execution {
                    order_id,
                    kind: ExecKind::Cancelled,
                    last_quantity: 0,
                    last_price: 0,
                    cumulative_quantity: cumulative,
                    fee: 0,
                };
                self.engine.on_execution(&release).unwrap();
            }
        }
        if over {
            self.known.remove(&id);
        }
        (outcome.position_change, over)
    }

    /// The venue's answer to a modification; whether the order is over with it.
    pub fn answered(&mut self, id: u64, taken: bool, now_ns: i64) -> bool {
        self.engine.on_clock(now_ns);
        let known = self.known[&id];
        if taken {
            self.engine.on_replaced(known.wire).unwrap();
        } else {
            self.engine.on_replace_refused(known.wire).unwrap();
        }
        let wire = if taken { known.pending } else { known.wire };
        self.known.insert(id, Known { wire, pending: 0 });
        let over = self.engine.order(wire).is_none();
        if over {
            self.known.remove(&id);
        }
        over
    }
}
