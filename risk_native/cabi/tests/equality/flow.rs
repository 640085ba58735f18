//! A day of everything, and a venue that answers it, the same for both sides.

use std::collections::BTreeMap;

use dnalyaw_engine::{self as engine, ExecKind};
use dnalyaw_risk::boundary::{dnalyaw_risk_check, dnalyaw_risk_expect_flow};
use dnalyaw_risk::codes::*;
use dnalyaw_risk::layout::*;

use super::direct::Direct;
use crate::common::*;

const DAYS: [&str; 6] = [
    "2026-11-23",
    "2026-11-24",
    "2026-11-25",
    "2026-11-27",
    "2026-11-30",
    "2026-12-01",
];

/// An order as the venue has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    pub(super) instrument: u64,
    pub(super) side: u8,
    pub(super) quantity: i64,
    pub(super) filled: i64,
    /// New total of the modification that is not answered.
    pub(super) pending: Option<i64>,
}

pub struct Flow {
    pub(super) dice: Dice,
    pub(super) door: Door,
    pub(super) direct: Direct,
    pub(super) now: i64,
    pub(super) day: usize,
    pub(super) next_id: u64,
    pub(super) prices: BTreeMap<u64, i64>,
    pub(super) open: BTreeMap<u64, Open>,
    /// Some that are over: instrument, side, quantity, filled.
    pub(super) over: Vec<(u64, Open)>,
    pub(super) held: BTreeMap<u64, i64>,
    pub(super) cash: i64,
    pub(super) wants: i32,
    pub(super) flow: i64,
    /// What was rolled last: the event that a difference follows.
    pub(super) rolled: u64,
    pub reasons: BTreeMap<u16, usize>,
    pub did: BTreeMap<&'static str, usize>,
}

impl Flow {
    pub fn new(seed: u64) -> Self {
        let file = first_day();
        let mut flow = Self {
            dice: Dice(seed),
            door: Door::create(&file, None).unwrap(),
            direct: Direct::new(&file),
            now: T0,
            day: 0,
            next_id: 0,
            prices: (1..=12).map(|id| (id, 100 * ONE)).collect(),
            open: BTreeMap::new(),
            over: Vec::new(),
            held: BTreeMap::from([(3, 400), (6, -300)]),
            cash: 3_000_000 * ONE,
            wants: 0,
            flow: 0,
            rolled: 0,
            reasons: BTreeMap::new(),
            did: BTreeMap::new(),
        };
        flow.begin();
        flow
    }

    pub(super) fn did(&mut self, what: &'static str) {
        *self.did.entry(what).or_insert(0) += 1;
    }

    /// The call was taken; what is wanted is seen to before the next step.
    pub(super) fn took(&mut self, code: i32) {
        assert!(code >= 0, "{code}: {}", self.door.fault());
        self.wants = code;
    }

    pub(super) fn begin(&mut self) {
        let code = self.door.session_state(1, self.now);
        self.took(code);
        self.direct.engine.on_clock(self.now);
        let session = self.direct.session;
        self.direct
            .engine
            .on_session(engine::SessionState::PreOpen, session);
        self.account();
        self.session_state(2);
        for id in 1..=12 {
            self.quote(id, self.prices[&id]);
        }
    }

    pub(super) fn session_state(&mut self, state: u8) {
        let code = self.door.session_state(state, self.now);
        self.took(code);
        let state = match state {
            2 => engine::SessionState::Open,
            3 => engine::SessionState::Break,
            _ => engine::SessionState::Closed,
        };
        let session = self.direct.session;
        self.direct.engine.on_clock(self.now);
        self.direct.engine.on_session(state, session);
    }

    pub(super) fn account(&mut self) {
        let lines: Vec<(u64, i64, i64)> = self
            .held
            .iter()
            .filter(|(_, quantity)| **quantity != 0)
            .map(|(id, quantity)| (*id, *quantity, self.prices[id]))
            .collect();
        let holdings: Vec<Holding> = lines
            .iter()
            .map(|(instrument_id, quantity, settlement_price)| Holding {
                instrument_id: *instrument_id,
                quantity: *quantity,
                settlement_price: *settlement_price,
            })
            .collect();
        let code = self.door.account(self.cash, &holdings, self.now);
        self.took(code);
        self.direct.account(self.cash, &lines, self.now);
    }

    pub(super) fn quote(&mut self, id: u64, price: i64) {
        let spread = self.dice.pick(&[10_000, 20_000, -10_000, 9 * ONE]);
        let last = if self.dice.of(2) == 0 { price } else { 0 };
        let quote = Quote {
            instrument_id: id,
            bid: price - spread,
            ask: price + spread,
            last,
            ts_ns: self.now,
        };
        let (code, unknown) = self.door.quotes(&[quote]);
        self.took(code);
        let known = self.direct.price(id, quote.bid, quote.ask, last, self.now);
        assert_eq!(unknown, u64::from(!known));
    }

    pub(super) fn expect_flow(&mut self) {
        self.flow = self.dice.between(-20_000, 20_000) * ONE;
        // SAFETY: the door's handle lives as long as the door.
        let code = unsafe { dnalyaw_risk_expect_flow(self.door.0, self.flow) };
        self.took(code);
        self.direct.engine.expect_flow(self.flow);
        self.cash += self.flow;
    }

    pub(super) fn tell_cash(&mut self) {
        let code = self.door.cash(self.cash, self.now);
        self.took(code);
        self.direct.engine.on_clock(self.now);
        self.direct.engine.on_account(self.cash);
    }

    pub(super) fn night(&mut self) {
        if self.day + 1 == DAYS.len() {
            return;
        }
        while let Some((id, open)) = self.open.iter().next().map(|(id, open)| (*id, *open)) {
            self.report(id, open, ExecKind::Expired, (0, 0), open.filled);
            self.compare();
        }
        self.session_state(4);
        self.day += 1;
        self.now += 60_000 * SECOND;
        let code = self.door.clock(self.now);
        self.took(code);
        let mut splits = BTreeMap::new();
        let mut rows = Vec::new();
        for id in 1..=12 {
            let mut row = instrument(id);
            // Two for one, one for two and three for two now and then.
            if let (1, (new, old)) = (self.dice.of(6), self.dice.pick(&[(2, 1), (1, 2), (3, 2)])) {
                splits.insert(id, (new, old));
                (row["split_num"], row["split_den"]) = (new.into(), old.into());
                let price = self.prices.get_mut(&id).unwrap();
                *price = *price * old / new / 10_000 * 10_000;
                let held = self.held.entry(id).or_insert(0);
                *held = *held * new / old;
            }
            row["close_micro"] = self.prices[&id].into();
            rows.push(row);
        }
        let file = file(DAYS[self.day], &rows);
        let code = self.door.open_session(&file);
        self.took(code);
        self.direct.night(&file, self.now, splits);
        self.over.clear();
        self.compare();
        self.begin();
        self.did("night");
    }

    pub(super) fn move_price(&mut self) {
        let id = self.dice.of(12) + 1;
        let step = if self.dice.of(150) == 0 { 2_500 } else { 40 };
        let price = self.prices[&id];
        let moved = price + price / 10_000 * self.dice.between(-step, step);
        let price = (moved / 10_000 * 10_000).clamp(ONE, 1_000 * ONE);
        self.prices.insert(id, price);
        self.quote(id, price);
    }

    pub(super) fn compare(&self) {
        let (ours, theirs) = (self.door.hash(), self.direct.engine.state_hash());
        assert_eq!(ours, theirs, "event {}, wants {}", self.rolled, self.wants);
    }

    /// One event, and what follows from it.
    pub fn step(&mut self) {
        self.now += self
            .dice
            .pick(&[0, 1, 1_000_000, SECOND / 3, 2 * SECOND, 30 * SECOND]);
        let code = self.door.clock(self.now);
        self.took(code);
        self.direct.engine.on_clock(self.now);
        self.rolled = self.dice.of(1_000);
        match self.rolled {
            0..300 => self.move_price(),
            300..560 => self.decide(),
            560..590 => self.linked(),
            590..650 => self.replace(),
            650..710 => self.answer(),
            710..850 => self.fill(),
            850..890 => self.cancel(),
            890..930 => self.end(),
            930..945 => self.hold_up(),
            945..955 => self.correct(),
            955..965 => self.late(),
            965..970 => self.expect_flow(),
            970..978 => self.tell_cash(),
            978..982 => self.account(),
            982..985 => {
                let on = self.dice.of(2) == 0;
                let code = self.door.halt(SCOPE_INSTRUMENT, 5, "", on);
                self.took(code);
                self.direct.halt(on);
            }
            985..988 => {
                let state = self.dice.pick(&[2, 2, 3]);
                self.session_state(state);
            }
            988 => self.kill(),
            989..996 => self.rearm(),
            996..998 => {
                // SAFETY: the door's handle lives as long as the door.
                assert!(unsafe { dnalyaw_risk_check(self.door.0) } >= 0);
            }
            _ => self.night(),
        }
        self.compare();
        for _ in 0..20 {
            match self.wants {
                wants if wants & 1 != 0 => self.settle(),
                wants if wants & 4 != 0 => self.account(),
                wants if wants & 2 != 0 => self.tell_cash(),
                _ => return,
            }
            self.compare();
        }
    }
}
