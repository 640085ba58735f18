//! Linked legs: every count from the whole downwards is tried on a copy.

use std::mem::take;

use dnalyaw_engine::OrderRequest;

use super::decide::Verdict;
use super::{Model, ceil_div, codes};

/// How one try ended.
enum Tried {
    /// Every leg was accepted whole.
    Whole(Box<Model>, Vec<Verdict>),
    /// A leg did not fit, by this reason.
    TooLarge(u16),
    /// A leg failed for another reason than size.
    Failed(usize, u16),
}

impl Model {
    /// Lots of a leg, a part of one counted as one.
    fn lots(&self, leg: &OrderRequest) -> i128 {
        let lot = self
            .find(leg.instrument_id)
            .map_or(1, |at| self.instruments[at].row.lot);
        ceil_div(i128::from(leg.quantity.max(0)), i128::from(lot))
    }

    /// Legs that are decided as one.
    pub fn decide_linked(&mut self, legs: &[OrderRequest], now: i64) -> Vec<Verdict> {
        let most = legs
            .iter()
            .map(|leg| self.lots(leg))
            .max()
            .unwrap_or(0)
            .max(1);
        if let Err((leg, code)) = self.check_all(legs) {
            return self.refuse(legs, leg, code);
        }
        // What has ended plays no part in a decision: no copy needs it.
        let (finished, renamed) = (take(&mut self.finished), take(&mut self.renamed));
        let verdicts = self.scaled(legs, now, most);
        (self.finished, self.renamed) = (finished, renamed);
        self.settle();
        verdicts
    }

    /// The largest count of which every leg is accepted.
    fn scaled(&mut self, legs: &[OrderRequest], now: i64, most: i128) -> Vec<Verdict> {
        let mut bound = codes::NONE;
        for n in (1..=most).rev() {
            match self.attempt(legs, now, n, most) {
                Tried::Whole(after, mut verdicts) => {
                    *self = *after;
                    for verdict in &mut verdicts {
                        verdict.code = bound;
                    }
                    return verdicts;
                }
                Tried::TooLarge(code) => bound = code,
                Tried::Failed(leg, code) => {
                    return self.refuse(legs, leg, code);
                }
            }
        }
        self.take_ids(legs);
        vec![Verdict::reject(bound); legs.len()]
    }

    /// Ids, fields and instruments of all legs come before the size of any.
    fn check_all(&self, legs: &[OrderRequest]) -> Result<(), (usize, u16)> {
        let mut copy = self.clone();
        for (place, leg) in legs.iter().enumerate() {
            copy.check_id(leg.order_id).map_err(|code| (place, code))?;
            copy.check_fields(leg).map_err(|code| (place, code))?;
            let known = copy.find(leg.instrument_id);
            known.ok_or((place, codes::UNKNOWN_INSTRUMENT))?;
        }
        Ok(())
    }

    /// One leg is at fault, the others are refused because of it.
    fn refuse(&mut self, legs: &[OrderRequest], leg: usize, code: u16) -> Vec<Verdict> {
        self.take_ids(legs);
        let mut verdicts = vec![Verdict::reject(codes::LINKED_LEG); legs.len()];
        verdicts[leg].code = code;
        verdicts
    }

    fn take_ids(&mut self, legs: &[OrderRequest]) {
        for leg in legs {
            let _ = self.check_id(leg.order_id);
        }
        self.settle();
    }

    fn attempt(&self, legs: &[OrderRequest], now: i64, n: i128, most: i128) -> Tried {
        let mut copy = self.clone();
        let mut verdicts = Vec::new();
        for (place, leg) in legs.iter().enumerate() {
            let lots = self.lots(leg);
            let lot = self
                .find(leg.instrument_id)
                .map_or(1, |at| i128::from(self.instruments[at].row.lot));
            let cut = if n == most {
                i128::from(leg.quantity)
            } else {
                ((lots * n / most).max(1) * lot).min(i128::from(leg.quantity))
            };
            match copy.judge(leg, now, cut) {
                Err(code) => return Tried::Failed(place, code),
                Ok(verdict) if verdict.approved == cut => {
                    copy.accept(leg, &verdict, now);
                    verdicts.push(verdict);
                }
                Ok(verdict) if verdict.sized => return Tried::TooLarge(verdict.code),
                Ok(verdict) => return Tried::Failed(place, verdict.code),
            }
        }
        Tried::Whole(Box::new(copy), verdicts)
    }
}
