//! What an order manager asks, of both sides.

use dnalyaw_engine::{self as engine, OrderRequest, Reason, ReplaceRequest};
use dnalyaw_risk::boundary::{dnalyaw_risk_kill, dnalyaw_risk_rearm};
use dnalyaw_risk::codes::*;
use dnalyaw_risk::layout::*;

use super::direct::Known;
use super::flow::{Flow, Open};
use super::same::{request, same};
use crate::common::*;

impl Flow {
    /// Mostly one that can be, now and then one that cannot.
    pub(super) fn order(&mut self) -> Order {
        let mut rare = [0; 6].map(|_: u8| self.dice.of(40) == 0);
        self.next_id += if rare[0] { self.dice.of(4) } else { 1 };
        let instrument_id = self.dice.of(if rare[1] { 13 } else { 10 }) + 1;
        let price = self
            .prices
            .get(&instrument_id)
            .copied()
            .unwrap_or(100 * ONE);
        let reach = if rare[2] { 800 } else { 300 };
        let limit = price + self.dice.between(-reach, reach) * 10_000 + i64::from(rare[3]);
        let market = self.dice.of(4) == 0;
        let held = self.held.get(&instrument_id).copied().unwrap_or(0);
        let side = if rare[4] {
            3
        } else {
            self.dice.pick(&[1, 1, 1, 2, 2])
        };
        let opens_short = side == 2 && held <= 0;
        rare[5] |= self.dice.of(12) == 0;
        Order {
            order_id: self.next_id,
            instrument_id,
            quantity: self.dice.pick(&[1, 10, 50, 100, 100, 300, 800, 5_000]) * i64::from(!rare[4]),
            limit_price: if market { 0 } else { limit },
            stop_distance: self.dice.pick(&[ONE, 2 * ONE, 5 * ONE, 0]),
            strategies: self.dice.of(4),
            side,
            order_type: if market { 1 } else { 2 },
            time_in_force: self.dice.pick(&[0, 0, 3]),
            flags: if rare[5] {
                self.dice.pick(&[0, 1, 2, 4])
            } else {
                2 * u8::from(opens_short)
            },
            reserved: [0; 4],
        }
    }

    pub(super) fn accept(&mut self, order: &Order, decision: &Decision) {
        *self.reasons.entry(decision.reason).or_insert(0) += 1;
        self.did(match decision.kind {
            1 => "approved",
            2 => "reduced",
            3 => "rejected",
            _ => "flatten",
        });
        if decision.approved_quantity > 0 {
            let open = Open {
                instrument: order.instrument_id,
                side: order.side,
                quantity: decision.approved_quantity,
                filled: 0,
                pending: None,
            };
            self.open.insert(order.order_id, open);
        }
    }

    pub(super) fn any_open(&mut self) -> Option<(u64, Open)> {
        let at = self.dice.of(self.open.len().max(1) as u64) as usize;
        self.open.iter().nth(at).map(|(id, open)| (*id, *open))
    }

    pub(super) fn decide(&mut self) {
        let order = self.order();
        let (code, decision) = self.door.decide(&order, self.now);
        self.took(code);
        same(&decision, &self.direct.decide(&request(&order), self.now));
        self.accept(&order, &decision);
    }

    pub(super) fn linked(&mut self) {
        let legs: Vec<Order> = (0..self.dice.between(2, 4)).map(|_| self.order()).collect();
        let (code, decisions) = self.door.decide_linked(&legs, self.now);
        self.took(code);
        let requests: Vec<OrderRequest> = legs.iter().map(request).collect();
        let theirs = self.direct.linked(&requests, self.now);
        for (decision, (theirs, leg)) in decisions.iter().zip(theirs.iter().zip(&legs)) {
            same(decision, theirs);
            self.accept(leg, decision);
        }
        self.did("linked");
    }

    pub(super) fn replace(&mut self) {
        let Some((id, open)) = self.any_open() else {
            return;
        };
        self.next_id += 1;
        let price = self.prices[&open.instrument];
        let request = Replace {
            order_id: self.next_id,
            original_id: if self.dice.of(12) == 0 { id + 1 } else { id },
            quantity: open.quantity + self.dice.between(-20, 60),
            limit_price: (price + self.dice.between(-300, 300) * 10_000) / 10_000 * 10_000,
            stop_distance: 2 * ONE,
        };
        let (code, decision) = self.door.replace(&request, self.now);
        self.took(code);
        let theirs = self.direct.replace(
            &ReplaceRequest {
                order_id: request.order_id,
                original_id: request.original_id,
                quantity: request.quantity,
                limit_price: request.limit_price,
                stop_distance: request.stop_distance,
            },
            self.now,
        );
        same(&decision, &theirs);
        *self.reasons.entry(decision.reason).or_insert(0) += 1;
        if decision.approved_quantity > 0 {
            // It may have named the order by a modification's id.
            let first =
                |(id, known): (&u64, &Known)| (known.pending == request.order_id).then_some(*id);
            let id = self.direct.known.iter().find_map(first).unwrap();
            self.open.get_mut(&id).unwrap().pending = Some(decision.approved_quantity);
        }
    }

    pub(super) fn cancel(&mut self) {
        let Some((id, _)) = self.any_open() else {
            return;
        };
        let (code, wire) = self.door.cancel(id, self.now);
        self.took(code);
        if wire > 0 {
            assert_eq!(wire, self.direct.wire(id));
            self.direct.engine.request_cancel(wire).unwrap();
            self.did("cancelled");
            if self.dice.of(4) == 0 {
                let report = Report {
                    order_id: id,
                    kind: 64,
                    ..Report::default()
                };
                let (code, _) = self.door.report(&report, self.now);
                self.took(code);
                self.direct.engine.cancel_refused(wire);
            }
        }
    }

    /// What the desk wants done is what the engine wants done, no earlier and nothing else.
    pub(super) fn settle(&mut self) {
        let room = self.dice.pick(&[1, 2, 50]);
        let (code, actions, settled) = self.door.settle(self.now, room);
        self.took(code);
        assert!(settled.wake_ns > self.now);
        let (mut cancels, mut closes) = (Vec::new(), Vec::new());
        self.direct.engine.on_clock(self.now);
        self.direct.engine.wanted_cancels(&mut cancels);
        self.direct.engine.wanted_closes(&mut closes);
        for action in &actions {
            if action.kind == ACTION_CANCEL {
                assert_eq!(action.wire_id, self.direct.wire(action.order_id));
                self.direct.engine.request_cancel(action.wire_id).unwrap();
                continue;
            }
            let wanted = closes
                .iter()
                .find(|close| close.instrument_id == action.order.instrument_id);
            let (order, theirs) = self.direct.engine.decide_close(wanted.unwrap(), self.now);
            assert_eq!(request(&action.order), order);
            same(&action.decision, &theirs);
            self.did("fired");
            if theirs.accepted() {
                let known = Known {
                    wire: order.order_id,
                    pending: 0,
                };
                self.direct.known.insert(order.order_id, known);
            }
            self.accept(&action.order, &action.decision);
        }
        if settled.phase == 5 {
            self.did("flat");
        }
    }

    pub(super) fn kill(&mut self) {
        // SAFETY: the door's handle lives as long as the door.
        let code = unsafe { dnalyaw_risk_kill(self.door.0, self.now) };
        self.took(code);
        self.direct.engine.on_clock(self.now);
        self.direct.engine.kill(Reason::Operator);
        self.did("killed");
    }

    pub(super) fn rearm(&mut self) {
        // SAFETY: the door's handle lives as long as the door.
        let code = unsafe { dnalyaw_risk_rearm(self.door.0) };
        match self.direct.engine.rearm() {
            Ok(()) => self.took(code),
            Err(engine::RearmError::NotKilled) => assert_eq!(code, Failure::NotKilled as i32),
            Err(engine::RearmError::SameSession) => assert_eq!(code, Failure::SameSession as i32),
        }
    }
}
