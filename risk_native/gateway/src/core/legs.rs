//! Linked legs: collected as they arrive, one after another, and decided as one at the last of them.

use std::time::Instant;

use dnalyaw_engine::{Decision, OrderRequest, Reason};
use dnalyaw_frames as frames;

use super::Core;
use crate::log_warn;
use crate::record::{Id, OrderRecord};

impl Core {
    /// A leg arrived. Whatever breaks the row rejects all that came of it.
    pub(super) fn on_leg(&mut self, order: &frames::NewOrder) {
        let (leg, legs) = (usize::from(order.legs.leg()), order.legs.legs());
        let follows = match self.legs.last() {
            Some(last) => last.legs.legs() == legs && leg == self.legs.len() + 1,
            None => leg == 1,
        };
        if !follows {
            self.break_legs("a leg came that does not follow");
            if leg != 1 {
                self.reject_leg(order, Reason::LinkedLeg);
                return;
            }
        }
        self.legs.push(order.clone());
        if leg == usize::from(legs) {
            let row = std::mem::take(&mut self.legs);
            self.decide_legs(&row);
        }
    }

    /// Something else came before the last leg, or nothing will come any more.
    pub(super) fn break_legs(&mut self, why: &str) {
        let row = std::mem::take(&mut self.legs);
        if row.is_empty() {
            return;
        }
        log_warn!("legs_incomplete", {"legs": row.len(), "of": row[0].legs.legs(), "why": why});
        for order in &row {
            self.reject_leg(order, Reason::LinkedLeg);
        }
    }

    fn reject_leg(&mut self, order: &frames::NewOrder, reason: Reason) {
        let asked = OrderRecord::from(order);
        let correlation = Id(order.correlation);
        if self.repeat_known(&asked, correlation, None) {
            return;
        }
        if self.journal_failed {
            self.refuse_unjournaled(&asked, correlation);
            return;
        }
        self.reject(&asked, correlation, reason);
    }

    fn decide_legs(&mut self, row: &[frames::NewOrder]) {
        let asked: Vec<(OrderRecord, Id)> = row
            .iter()
            .map(|order| (OrderRecord::from(order), Id(order.correlation)))
            .collect();
        // A row that was decided before is told again, leg by leg.
        if asked
            .iter()
            .all(|(order, id)| self.is_known(order, *id, None))
        {
            for (order, id) in &asked {
                self.repeat_known(order, *id, None);
            }
            return;
        }
        if self.journal_failed {
            for (order, id) in &asked {
                self.refuse_unjournaled(order, *id);
            }
            return;
        }
        if row.iter().any(|order| !self.reference.has_path(order.path)) {
            for order in row {
                let sound = self.reference.has_path(order.path);
                let reason = if sound {
                    Reason::LinkedLeg
                } else {
                    Reason::Malformed
                };
                self.reject_leg(order, reason);
            }
            return;
        }
        let last_id = self.orders.last_id();
        let requests: Vec<OrderRequest> = asked.iter().map(|(order, _)| order.request()).collect();
        let now = self.now();
        let mut decisions: Vec<Decision> = requests
            .iter()
            .map(|request| Decision::undecided(request, Reason::LinkedLeg))
            .collect();
        let begun = Instant::now();
        let decided = self.engine.decide_linked(&requests, now, &mut decisions);
        // Each leg waited for all of them.
        let took = begun.elapsed().as_nanos();
        requests.iter().for_each(|_| self.officer.checked(took));
        if let Err(err) = decided {
            // The frames allow no other number of legs.
            self.drop_client(err.to_string());
            return;
        }
        let records = asked
            .iter()
            .zip(&decisions)
            .map(|((order, id), decision)| {
                let taken_before = order.order_id <= last_id;
                (self.record(order, *id, decision, None), taken_before)
            })
            .collect();
        self.conclude(records);
    }
}
