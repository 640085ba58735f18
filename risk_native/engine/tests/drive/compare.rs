//! Everything that can be read of the engine, against the reference.

use dnalyaw_engine::{Decision, Side};

use super::{Pair, same};

impl Pair {
    /// State, account, positions, orders, stops and sums.
    pub fn compare(&mut self) -> Result<(), String> {
        let report = self.engine.state_report();
        let state = self.model.state();
        *self.seen.states.entry(state).or_insert(0) += 1;
        same(
            "state",
            (report.trading_state as u8, report.reason.code()),
            state,
        )?;
        let equity = self.model.equity();
        same(
            "equity",
            (self.engine.equity().map(i128::from), report.session),
            (equity, self.model.session),
        )?;
        same(
            "drawdown",
            i128::from(report.drawdown_bp),
            self.model.drawdown_bp(),
        )?;
        same("baseline", self.engine.baseline(), self.model.baseline)?;
        same("killed", self.engine.killed(), self.model.kill)?;
        same(
            "flows",
            i128::from(self.engine.flows()),
            self.model.all_flows(),
        )?;
        if self.model.unannounced > 0 {
            self.seen.event("unannounced money");
        }
        same("cash", self.engine.cash().map(i128::from), self.model.cash)?;
        same(
            "ids",
            (self.engine.last_order_id(), self.engine.last_own_order_id()),
            (self.model.last_id, self.model.last_own),
        )?;
        self.positions_and_orders()?;
        self.stops()?;
        if self.engine.running() != self.engine.recompute_from_scratch() {
            return Err("the running sums differ from the recomputed".to_owned());
        }
        Ok(())
    }

    /// The copy that is checked in the background says the same of the sums as they are.
    pub fn shadow(&self) -> Result<(), String> {
        let checked = self.engine.shadow().check();
        checked.map_err(|difference| format!("shadow: {difference}"))
    }

    fn positions_and_orders(&self) -> Result<(), String> {
        let engine: Vec<(u64, i128, i128)> = self
            .engine
            .positions()
            .iter()
            .map(|held| {
                (
                    held.instrument_id,
                    i128::from(held.quantity),
                    i128::from(held.mark),
                )
            })
            .collect();
        let held = self.model.instruments.iter();
        let held = held.filter(|instrument| instrument.position != 0);
        let reference: Vec<(u64, i128, i128)> = held
            .map(|one| (one.row.instrument_id, one.position, one.prices.mark()))
            .collect();
        same("positions", engine, reference)?;
        let mut reference: Vec<_> = self.model.orders.iter().collect();
        reference.sort_unstable_by_key(|order| order.id);
        let engine = self.engine.working_orders();
        same("number of orders", engine.len(), reference.len())?;
        for (one, other) in engine.iter().zip(reference) {
            let row = &self.model.instruments[other.at].row;
            same(
                "working order",
                (
                    (one.order_id, one.instrument_id, one.side),
                    i128::from(one.quantity),
                    i128::from(one.cumulative_quantity),
                    (i128::from(one.limit_price), i128::from(one.reserve_price)),
                    one.replacement_id,
                    (one.cancel_requested, one.fate_unknown),
                ),
                (
                    (other.id, row.instrument_id, other.side),
                    other.quantity,
                    other.filled,
                    (other.limit, other.reserve),
                    other.change.as_ref().map_or(0, |change| change.id),
                    (other.cancel_requested, other.unknown),
                ),
            )?;
        }
        Ok(())
    }

    fn stops(&mut self) -> Result<(), String> {
        let mut engine: Vec<(u64, Side, i128, bool)> = self
            .engine
            .stops()
            .iter()
            .map(|stop| {
                (
                    stop.instrument_id,
                    stop.direction,
                    i128::from(stop.level),
                    stop.fired,
                )
            })
            .collect();
        engine.sort_unstable();
        let mut reference = Vec::new();
        for at in 0..self.model.instruments.len() {
            for direction in [Side::Buy, Side::Sell] {
                let stop = self.model.stop(at, direction);
                if let Some(level) = stop.level {
                    let id = self.model.instruments[at].row.instrument_id;
                    reference.push((id, direction, level, stop.fired));
                }
            }
        }
        if reference.iter().any(|stop| stop.3) {
            self.seen.event("stop fired");
        }
        same("stops", engine, reference)
    }

    /// What a decision says it was made on.
    pub fn metrics(&self, decision: &Decision, at: usize) -> Result<(), String> {
        let metrics = &decision.metrics;
        let worst = self.model.worst_of_all();
        let instrument = &self.model.instruments[at];
        let (state, _) = self.model.state();
        same("state in the metrics", metrics.trading_state as u8, state)?;
        same(
            "shares in the metrics",
            [
                metrics.position,
                metrics.working_buys,
                metrics.working_sells,
                metrics.traded,
            ]
            .map(i128::from),
            [
                instrument.position,
                self.model.working(at, Side::Buy).quantity,
                self.model.working(at, Side::Sell).quantity,
                instrument.traded,
            ],
        )?;
        same(
            "exposures in the metrics",
            [
                metrics.issuer_exposure,
                metrics.sector_exposure,
                metrics.gross_exposure,
                metrics.net_long,
                metrics.net_short,
            ]
            .map(i128::from),
            [
                self.model.issuer_exposure(&worst, at),
                self.model.sector_exposure(&worst, at),
                self.model.gross_exposure(&worst),
                self.model.net_exposure(&worst, Side::Buy),
                self.model.net_exposure(&worst, Side::Sell),
            ],
        )?;
        same(
            "money in the metrics",
            [metrics.cash, metrics.second_equity].map(i128::from),
            [
                self.model.cash.unwrap_or(0),
                self.model.second_equity().unwrap_or(0),
            ],
        )?;
        same(
            "working orders in the metrics",
            metrics.working_orders as usize,
            self.model.orders.len(),
        )
    }

    /// After an opening order of this side was accepted: its issuer, its sector and the book are inside their limits, and
    /// stay so whichever of the orders fill.
    pub fn inside_every_limit(&mut self, instrument_id: u64, side: Side) -> Result<(), String> {
        let at = self.place(instrument_id);
        let equity = self.model.equity().ok_or("accepted without an equity")?;
        let worst = self.model.worst_of_all();
        let limits = &self.model.limits;
        let share = |bp| crate::reference::size::share(equity, bp);
        let net = self.model.net_exposure(&worst, side);
        let inside = self.model.issuer_exposure(&worst, at) <= share(limits.instrument.value)
            && self.model.sector_exposure(&worst, at) <= share(limits.sector.value)
            && self.model.gross_exposure(&worst) <= share(limits.gross.value)
            && net <= share(limits.net.value);
        if !inside {
            return Err("an accepted order left a limit broken".to_owned());
        }
        match self.model.every_subset_is_inside(at, side) {
            Some(false) => Err("some of the working orders would break a limit".to_owned()),
            Some(true) => {
                self.seen.event("subsets tried");
                Ok(())
            }
            None => Ok(()),
        }
    }
}
