//! A desk behind the boundary, called as a C program would call it, and a small market. Money in whole units is `n * ONE`.
#![allow(dead_code)]

use std::ptr::{null, null_mut};

use dnalyaw_risk::Handle;
use dnalyaw_risk::boundary::*;
use dnalyaw_risk::layout::*;
use serde_json::{Value, json};

pub const ONE: i64 = 1_000_000;
pub const SECOND: i64 = 1_000_000_000;
pub const T0: i64 = 1_795_012_200_000_000_000;

/// Instrument `id` as the reference file has it; names 1 to 12, in 3 sectors and one unknown, some of an issuer together.
pub fn instrument(id: u64) -> Value {
    json!({"instrument_id": id, "issuer_id": if id == 2 { 1 } else { id }, "label": format!("N{id}.{}", if id % 2 == 0 { "NYSE" } else { "NASDAQ" }),
        "symbol": format!("N{id}"), "sector": (id % 4 > 0).then(|| format!("s{}", id % 4)), "lot": if id == 7 { 100 } else { 1 },
        "tick_micro": 10_000, "currency": "USD", "tradable": id != 11, "restricted": id == 12, "volatility_bp": if id == 10 { 0 } else { 150 },
        "gap_bp": 400, "adv": 2_000_000, "locate": if id % 3 == 0 { 900 } else { 0 }, "close_micro": 100 * ONE})
}

/// A reference file of these rows.
pub fn file(session: &str, rows: &[Value]) -> Vec<u8> {
    json!({"region": "US", "session": session, "currency": "USD", "generated_at": null, "strategies": ["alpha", "beta"],
        "instruments": rows})
    .to_string()
    .into_bytes()
}

/// All twelve on the first day.
pub fn first_day() -> Vec<u8> {
    let rows: Vec<Value> = (1..=12).map(instrument).collect();
    file("2026-11-23", &rows)
}

/// The handle's calls, each asserted to have been taken. Answers are what the desk wants.
pub struct Door(pub *mut Handle);

impl Drop for Door {
    fn drop(&mut self) {
        // SAFETY: it came from create, and nobody else has it.
        assert_eq!(unsafe { dnalyaw_risk_destroy(self.0) }, 0);
    }
}

impl Door {
    pub fn create(reference: &[u8], tighter: Option<&[u8]>) -> Result<Self, (i32, String)> {
        let (mut desk, mut text) = (null_mut(), [0_u8; 300]);
        let (tight, len) = tighter.map_or((null(), 0), |bytes| (bytes.as_ptr(), bytes.len()));
        // SAFETY: everything lives through the call.
        let code = unsafe {
            dnalyaw_risk_create(
                reference.as_ptr(),
                reference.len(),
                tight,
                len,
                256,
                &raw mut desk,
                text.as_mut_ptr().cast(),
                text.len(),
            )
        };
        if code == 0 {
            return Ok(Self(desk));
        }
        let end = text.iter().position(|byte| *byte == 0).unwrap();
        Err((code, String::from_utf8(text[..end].to_vec()).unwrap()))
    }

    pub fn fault(&self) -> String {
        let mut text = [0_u8; 300];
        // SAFETY: both live through the call.
        unsafe { dnalyaw_risk_fault(self.0, text.as_mut_ptr().cast(), text.len()) };
        let end = text.iter().position(|byte| *byte == 0).unwrap();
        String::from_utf8(text[..end].to_vec()).unwrap()
    }

    pub fn session_state(&self, state: u8, now_ns: i64) -> i32 {
        // SAFETY: it came from create.
        unsafe { dnalyaw_risk_session_state(self.0, state, now_ns) }
    }

    pub fn open_session(&self, reference: &[u8]) -> i32 {
        // SAFETY: both live through the call.
        unsafe { dnalyaw_risk_open_session(self.0, reference.as_ptr(), reference.len()) }
    }

    pub fn account(&self, cash: i64, holdings: &[Holding], now_ns: i64) -> i32 {
        // SAFETY: both live through the call.
        unsafe { dnalyaw_risk_account(self.0, cash, holdings.as_ptr(), holdings.len(), now_ns) }
    }

    pub fn cash(&self, cash: i64, now_ns: i64) -> i32 {
        // SAFETY: it came from create.
        unsafe { dnalyaw_risk_cash(self.0, cash, now_ns) }
    }

    pub fn quotes(&self, quotes: &[Quote]) -> (i32, u64) {
        let mut unknown = 0;
        // SAFETY: all of it lives through the call.
        let code =
            unsafe { dnalyaw_risk_quotes(self.0, quotes.as_ptr(), quotes.len(), &raw mut unknown) };
        (code, unknown)
    }

    pub fn clock(&self, now_ns: i64) -> i32 {
        // SAFETY: it came from create.
        unsafe { dnalyaw_risk_clock(self.0, now_ns) }
    }

    pub fn decide(&self, order: &Order, now_ns: i64) -> (i32, Decision) {
        let mut decision = Decision::default();
        // SAFETY: all of it lives through the call.
        let code = unsafe { dnalyaw_risk_decide(self.0, order, now_ns, &raw mut decision) };
        (code, decision)
    }

    pub fn decide_linked(&self, orders: &[Order], now_ns: i64) -> (i32, Vec<Decision>) {
        let mut decisions = vec![Decision::default(); orders.len()];
        // SAFETY: all of it lives through the call, and there are as many decisions as orders.
        let code = unsafe {
            dnalyaw_risk_decide_linked(
                self.0,
                orders.as_ptr(),
                orders.len(),
                now_ns,
                decisions.as_mut_ptr(),
            )
        };
        (code, decisions)
    }

    pub fn replace(&self, request: &Replace, now_ns: i64) -> (i32, Decision) {
        let mut decision = Decision::default();
        // SAFETY: all of it lives through the call.
        let code = unsafe { dnalyaw_risk_replace(self.0, request, now_ns, &raw mut decision) };
        (code, decision)
    }

    pub fn cancel(&self, order_id: u64, now_ns: i64) -> (i32, u64) {
        let mut wire_id = 0;
        // SAFETY: all of it lives through the call.
        let code = unsafe { dnalyaw_risk_cancel(self.0, order_id, now_ns, &raw mut wire_id) };
        (code, wire_id)
    }

    pub fn report(&self, report: &Report, now_ns: i64) -> (i32, Outcome) {
        let mut outcome = Outcome::default();
        // SAFETY: all of it lives through the call.
        let code = unsafe { dnalyaw_risk_report(self.0, report, now_ns, &raw mut outcome) };
        (code, outcome)
    }

    pub fn settle(&self, now_ns: i64, room: usize) -> (i32, Vec<Action>, Settled) {
        let (mut actions, mut settled) = (vec![Action::default(); room], Settled::default());
        // SAFETY: all of it lives through the call, and there is the room that is said.
        let code = unsafe {
            dnalyaw_risk_settle(self.0, now_ns, actions.as_mut_ptr(), room, &raw mut settled)
        };
        actions.truncate(settled.count as usize);
        (code, actions, settled)
    }

    pub fn state(&self) -> State {
        let mut state = State::default();
        // SAFETY: both live through the call.
        assert!(unsafe { dnalyaw_risk_state(self.0, &raw mut state) } >= 0);
        state
    }

    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        // SAFETY: both live through the call.
        assert!(unsafe { dnalyaw_risk_state_hash(self.0, hash.as_mut_ptr()) } >= 0);
        hash
    }

    pub fn halt(&self, scope: u8, instrument_id: u64, name: &str, on: bool) -> i32 {
        // SAFETY: both live through the call.
        unsafe {
            dnalyaw_risk_halt(
                self.0,
                scope,
                instrument_id,
                name.as_ptr(),
                name.len(),
                u8::from(on),
            )
        }
    }
}

/// Numbers that look random and are the same every time (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `below` - 1.
    pub fn of(&mut self, below: u64) -> u64 {
        self.roll() % below
    }

    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.of((high - low + 1) as u64) as i64
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.of(from.len() as u64) as usize]
    }
}
