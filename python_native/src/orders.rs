//! Orders one at a time, their modifications, and what the venue says of them.

use desk::account::{self, OrderFault};
use engine::{
    Decision, ExecError, ExecKind, ExecOutcome, Execution, FLAG_REDUCE_ONLY, FLAG_SELL_SHORT,
    OrderRequest, Reason, ReplaceRequest, TIF_DAY, TIF_IOC, TYPE_LIMIT, TYPE_MARKET,
};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::decision::decision_dict;
use crate::names::side_of;
use crate::reference::refuse;
use crate::risk_engine::{RiskEngine, no_order};

/// A leg of a linked order, by the names of `decide`'s arguments.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Leg {
    instrument_id: u64,
    side: String,
    quantity: i64,
    #[pyo3(default)]
    order_id: Option<u64>,
    #[pyo3(default)]
    limit_price_micro: Option<i64>,
    #[pyo3(default)]
    stop_distance_micro: i64,
    #[pyo3(default)]
    reduce_only: bool,
    #[pyo3(default)]
    sell_short: bool,
    #[pyo3(default)]
    ioc: bool,
    #[pyo3(default)]
    strategies: Vec<String>,
}

fn order_fault(fault: OrderFault) -> PyErr {
    match fault {
        OrderFault::NotWorking(order_id) => no_order(order_id),
        OrderFault::TooMany { .. } => refuse(fault.to_string()),
    }
}

impl RiskEngine {
    fn request(&self, leg: &Leg, default_id: u64) -> PyResult<OrderRequest> {
        let mut flags = 0;
        if leg.reduce_only {
            flags |= FLAG_REDUCE_ONLY;
        }
        if leg.sell_short {
            flags |= FLAG_SELL_SHORT;
        }
        Ok(OrderRequest {
            order_id: leg.order_id.unwrap_or(default_id),
            instrument_id: leg.instrument_id,
            quantity: leg.quantity,
            limit_price: leg.limit_price_micro.unwrap_or(0),
            stop_distance: leg.stop_distance_micro,
            side: side_of(&leg.side)? as u8,
            order_type: if leg.limit_price_micro.is_some() {
                TYPE_LIMIT
            } else {
                TYPE_MARKET
            },
            time_in_force: if leg.ioc { TIF_IOC } else { TIF_DAY },
            flags,
            strategies: self.mask(&leg.strategies)?,
        })
    }

    fn report(&mut self, report: &Execution) -> PyResult<ExecOutcome> {
        self.engine
            .on_execution(report)
            .map_err(|error| match error {
                ExecError::UnknownOrder => {
                    PyKeyError::new_err(format!("no accepted order has the id {}", report.order_id))
                }
                ExecError::BadReport => refuse(format!(
                    "order {}: {} shares at {} with a fee of {} is no fill",
                    report.order_id, report.last_quantity, report.last_price, report.fee
                )),
            })
    }

    fn next_id(&self) -> u64 {
        self.engine.last_order_id() + 1
    }
}

#[pymethods]
impl RiskEngine {
    /// Decides an order and, when accepted, reserves its worst case. `limit_price_micro` None = a market order.
    #[pyo3(signature = (
        instrument_id, side, quantity, *, now_ns, order_id = None, limit_price_micro = None, stop_distance_micro = 0,
        reduce_only = false, sell_short = false, ioc = false, strategies = Vec::new(), monotonic_ns = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn decide<'py>(
        &mut self,
        py: Python<'py>,
        instrument_id: u64,
        side: String,
        quantity: i64,
        now_ns: i64,
        order_id: Option<u64>,
        limit_price_micro: Option<i64>,
        stop_distance_micro: i64,
        reduce_only: bool,
        sell_short: bool,
        ioc: bool,
        strategies: Vec<String>,
        monotonic_ns: Option<i64>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let leg = Leg {
            instrument_id,
            side,
            quantity,
            order_id,
            limit_price_micro,
            stop_distance_micro,
            reduce_only,
            sell_short,
            ioc,
            strategies,
        };
        let order = self.request(&leg, self.next_id())?;
        // Time is simulated, and so is the clock by which messages are counted.
        self.engine.on_monotonic(monotonic_ns.unwrap_or(now_ns));
        decision_dict(py, &self.engine.decide(&order, now_ns))
    }

    /// Legs that are decided as one and scale together.
    #[pyo3(signature = (legs, *, now_ns, monotonic_ns = None))]
    fn decide_linked<'py>(
        &mut self,
        py: Python<'py>,
        legs: Vec<Leg>,
        now_ns: i64,
        monotonic_ns: Option<i64>,
    ) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let first = self.next_id();
        let requests = legs
            .iter()
            .zip(first..)
            .map(|(leg, default_id)| self.request(leg, default_id))
            .collect::<PyResult<Vec<_>>>()?;
        self.engine.on_monotonic(monotonic_ns.unwrap_or(now_ns));
        let mut decisions: Vec<Decision> = requests
            .iter()
            .map(|order| Decision::undecided(order, Reason::LinkedLeg))
            .collect();
        self.engine
            .decide_linked(&requests, now_ns, &mut decisions)
            .map_err(|error| refuse(error.to_string()))?;
        decisions
            .iter()
            .map(|decision| decision_dict(py, decision))
            .collect()
    }

    /// A modification, checked as the order that it would become. Answer it with `replaced` or `replace_refused`.
    #[pyo3(signature = (
        original_id, quantity, *, now_ns, order_id = None, limit_price_micro = None, stop_distance_micro = 0,
        monotonic_ns = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn decide_replace<'py>(
        &mut self,
        py: Python<'py>,
        original_id: u64,
        quantity: i64,
        now_ns: i64,
        order_id: Option<u64>,
        limit_price_micro: Option<i64>,
        stop_distance_micro: i64,
        monotonic_ns: Option<i64>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let request = ReplaceRequest {
            order_id: order_id.unwrap_or_else(|| self.next_id()),
            original_id,
            quantity,
            limit_price: limit_price_micro.unwrap_or(0),
            stop_distance: stop_distance_micro,
        };
        self.engine.on_monotonic(monotonic_ns.unwrap_or(now_ns));
        decision_dict(py, &self.engine.decide_replace(&request, now_ns))
    }

    /// The venue took the modification of this order.
    fn replaced(&mut self, original_id: u64) -> PyResult<()> {
        self.engine
            .on_replaced(original_id)
            .map(|_| ())
            .map_err(|_| no_order(original_id))
    }

    /// The venue refused the modification of this order, which goes on as it was.
    fn replace_refused(&mut self, original_id: u64) -> PyResult<()> {
        self.engine
            .on_replace_refused(original_id)
            .map(|_| ())
            .map_err(|_| no_order(original_id))
    }

    /// A fill of an accepted order. Returns the signed change of the position.
    #[pyo3(signature = (order_id, quantity, price_micro, *, fee_micro = 0))]
    fn fill(
        &mut self,
        order_id: u64,
        quantity: i64,
        price_micro: i64,
        fee_micro: i64,
    ) -> PyResult<i64> {
        let report = account::fill(&self.engine, order_id, quantity, price_micro, fee_micro)
            .map_err(order_fault)?;
        Ok(self.report(&report)?.position_change)
    }

    /// The venue busted or corrected fills: the cumulative quantity is this one. Returns the change of the position.
    fn correct(&mut self, order_id: u64, cumulative_quantity: i64) -> PyResult<i64> {
        let report = account::told(order_id, ExecKind::Corrected, cumulative_quantity);
        Ok(self.report(&report)?.position_change)
    }

    /// What is left of an accepted order is cancelled.
    fn cancel(&mut self, order_id: u64) -> PyResult<()> {
        let report = account::cancelled(&self.engine, order_id).map_err(order_fault)?;
        self.report(&report).map(|_| ())
    }
}
