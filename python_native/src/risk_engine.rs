//! The risk engine in process, for backtests only: production has riskd between every order and the venue.

use engine::{
    CloseOrder, Decision, DecisionKind, Engine, ExecError, ExecKind, ExecOutcome, Execution,
    FLAG_REDUCE_ONLY, InstrumentReference, Money, OrderRequest, Reason, SessionState, Side,
    TIF_DAY, TIF_IOC, TYPE_LIMIT, TYPE_MARKET, TighterLimits, TighterSpec, TradingState,
};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyDictMethods};

use crate::constants::hex;

/// Working orders of a simulated account.
const ROOM_FOR_ORDERS: usize = 16_384;

fn refuse(message: String) -> PyErr {
    PyValueError::new_err(message)
}

fn required<'py>(
    entry: &Bound<'py, PyDict>,
    row: usize,
    name: &str,
) -> PyResult<Bound<'py, PyAny>> {
    entry
        .get_item(name)?
        .ok_or_else(|| refuse(format!("reference row {row} has no '{name}'")))
}

fn instrument(row: usize, entry: &Bound<'_, PyDict>) -> PyResult<InstrumentReference> {
    macro_rules! field {
        ($name:literal) => {
            required(entry, row, $name)?
                .extract()
                .map_err(|error: PyErr| {
                    refuse(format!("reference row {row}, {}: {error}", $name))
                })?
        };
    }
    macro_rules! optional {
        ($name:literal, $absent:expr) => {
            match entry.get_item($name)? {
                None => $absent,
                Some(_) => field!($name),
            }
        };
    }
    Ok(InstrumentReference {
        instrument_id: field!("instrument_id"),
        issuer_id: field!("issuer_id"),
        sector: field!("sector"),
        venue: optional!("venue", String::new()),
        lot: field!("lot"),
        tick_micro: field!("tick_micro"),
        tradable: field!("tradable"),
        restricted: optional!("restricted", false),
        volatility_bp: field!("volatility_bp"),
        gap_bp: optional!("gap_bp", 0),
        adv: field!("adv"),
        locate: optional!("locate", 0),
    })
}

fn side_of(name: &str) -> PyResult<Side> {
    match name {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        other => Err(refuse(format!("side is {other:?}: give 'buy' or 'sell'"))),
    }
}

const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

const fn kind_name(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Approve => "APPROVE",
        DecisionKind::Reduce => "REDUCE",
        DecisionKind::Reject => "REJECT",
        DecisionKind::Flatten => "FLATTEN",
    }
}

const fn state_name(state: TradingState) -> &'static str {
    match state {
        TradingState::Active => "ACTIVE",
        TradingState::ReduceOnly => "REDUCE_ONLY",
        TradingState::Halted => "HALTED",
        TradingState::Killed => "KILLED",
    }
}

fn decision_dict<'py>(py: Python<'py>, decision: &Decision) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("order_id", decision.order_id)?;
    dict.set_item("instrument_id", decision.instrument_id)?;
    dict.set_item("decision", kind_name(decision.kind))?;
    dict.set_item("reason", decision.reason.name())?;
    dict.set_item("requested_quantity", decision.requested_quantity)?;
    dict.set_item("approved_quantity", decision.approved_quantity)?;
    dict.set_item("reference_price_micro", decision.reference_price)?;
    dict.set_item("equity_micro", decision.equity)?;
    dict.set_item(
        "instrument_worst_case_micro",
        decision.instrument_worst_case,
    )?;
    dict.set_item("binding_limit_micro", decision.binding_limit)?;
    Ok(dict)
}

/// The production risk engine over one simulated account. See `dnalyaw/_native.pyi`.
#[pyclass(module = "dnalyaw._native.risk")]
pub(crate) struct RiskEngine {
    engine: Engine,
}

impl RiskEngine {
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
}

#[pymethods]
impl RiskEngine {
    #[new]
    #[pyo3(signature = (
        reference, *, instrument_bp = None, sector_bp = None, drawdown_bp = None, trade_risk_bp = None,
        order_notional_micro = None
    ))]
    fn new(
        reference: Vec<Bound<'_, PyDict>>,
        instrument_bp: Option<u32>,
        sector_bp: Option<u32>,
        drawdown_bp: Option<u32>,
        trade_risk_bp: Option<u32>,
        order_notional_micro: Option<i64>,
    ) -> PyResult<Self> {
        let order_notional = order_notional_micro
            .map(|micro| {
                Money::new(micro)
                    .ok_or_else(|| refuse(format!("order_notional_micro {micro} is too large")))
            })
            .transpose()?;
        let spec = TighterSpec {
            instrument_bp,
            sector_bp,
            drawdown_bp,
            trade_risk_bp,
            order_notional,
            ..TighterSpec::default()
        };
        let limits = TighterLimits::new(spec).map_err(|error| refuse(error.to_string()))?;
        let rows: Vec<InstrumentReference> = reference
            .iter()
            .enumerate()
            .map(|(row, entry)| instrument(row, entry))
            .collect::<PyResult<_>>()?;
        let mut engine = Engine::with_room(&rows, limits, ROOM_FOR_ORDERS)
            .map_err(|error| refuse(error.to_string()))?;
        // A simulated account starts flat at a venue that is there.
        engine.on_venue(true);
        engine.positions_complete();
        Ok(Self { engine })
    }

    /// Session date as YYYYMMDD and its state; a later date starts a new session day with an account of unknown state.
    #[pyo3(signature = (session, state = "open"))]
    fn set_session(&mut self, session: u32, state: &str) -> PyResult<()> {
        let state = match state {
            "pre-open" => SessionState::PreOpen,
            "open" => SessionState::Open,
            "break" => SessionState::Break,
            "closed" => SessionState::Closed,
            other => {
                return Err(refuse(format!(
                    "state is {other:?}: give pre-open, open, break or closed"
                )));
            }
        };
        let before = self.engine.state_report().session;
        if session < before {
            return Err(refuse(format!(
                "session {session} is before {before}: sessions only go forward"
            )));
        }
        self.engine.on_session(state, session);
        Ok(())
    }

    /// The account as the venue would report it: cash, and every position that is not zero.
    fn set_account(&mut self, cash_micro: i64, positions: Vec<(u64, i64)>) -> PyResult<()> {
        self.engine.begin_positions();
        for (instrument_id, quantity) in positions {
            self.set_position(instrument_id, quantity)?;
        }
        self.engine.positions_complete();
        self.set_cash(cash_micro)
    }

    fn set_cash(&mut self, cash_micro: i64) -> PyResult<()> {
        let cash = Money::new(cash_micro)
            .ok_or_else(|| refuse(format!("cash_micro {cash_micro} is too large")))?;
        self.engine.on_account(cash.micro());
        Ok(())
    }

    fn set_position(&mut self, instrument_id: u64, quantity: i64) -> PyResult<()> {
        if self.engine.on_position(instrument_id, quantity) {
            return Ok(());
        }
        Err(refuse(format!(
            "position of {quantity} in instrument {instrument_id}: not in the reference, or impossible"
        )))
    }

    #[pyo3(signature = (instrument_id, *, bid_micro = 0, ask_micro = 0, last_micro = 0, ts_ns))]
    fn set_price(
        &mut self,
        instrument_id: u64,
        bid_micro: i64,
        ask_micro: i64,
        last_micro: i64,
        ts_ns: i64,
    ) -> PyResult<()> {
        self.engine.on_clock(ts_ns);
        if self
            .engine
            .on_price(instrument_id, bid_micro, ask_micro, last_micro, ts_ns)
        {
            return Ok(());
        }
        Err(refuse(format!(
            "price of instrument {instrument_id}: it is not in the reference"
        )))
    }

    #[pyo3(signature = (
        instrument_id, side, quantity, *, now_ns, order_id = None, limit_price_micro = None, stop_distance_micro = 0,
        reduce_only = false, ioc = false
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn decide<'py>(
        &mut self,
        py: Python<'py>,
        instrument_id: u64,
        side: &str,
        quantity: i64,
        now_ns: i64,
        order_id: Option<u64>,
        limit_price_micro: Option<i64>,
        stop_distance_micro: i64,
        reduce_only: bool,
        ioc: bool,
    ) -> PyResult<Bound<'py, PyDict>> {
        let order = OrderRequest {
            order_id: order_id.unwrap_or(self.engine.last_order_id() + 1),
            instrument_id,
            quantity,
            limit_price: limit_price_micro.unwrap_or(0),
            stop_distance: stop_distance_micro,
            side: side_of(side)? as u8,
            order_type: if limit_price_micro.is_some() {
                TYPE_LIMIT
            } else {
                TYPE_MARKET
            },
            time_in_force: if ioc { TIF_IOC } else { TIF_DAY },
            flags: if reduce_only { FLAG_REDUCE_ONLY } else { 0 },
            strategies: 0,
        };
        // A simulation has one clock.
        self.engine.on_monotonic(now_ns);
        decision_dict(py, &self.engine.decide(&order, now_ns))
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
        let order = self.engine.order(order_id).ok_or_else(|| {
            PyKeyError::new_err(format!("no working order has the id {order_id}"))
        })?;
        let left = order.quantity - order.cumulative_quantity;
        if quantity > left {
            return Err(refuse(format!(
                "order {order_id}: a fill of {quantity} is more than the {left} that are left"
            )));
        }
        let report = Execution {
            order_id,
            kind: ExecKind::Fill,
            last_quantity: quantity,
            last_price: price_micro,
            cumulative_quantity: order.cumulative_quantity.saturating_add(quantity),
            fee: fee_micro,
        };
        Ok(self.report(&report)?.position_change)
    }

    /// What is left of an accepted order is cancelled.
    fn cancel(&mut self, order_id: u64) -> PyResult<()> {
        let order = self.engine.order(order_id).ok_or_else(|| {
            PyKeyError::new_err(format!("no working order has the id {order_id}"))
        })?;
        let report = Execution {
            order_id,
            kind: ExecKind::Cancelled,
            last_quantity: 0,
            last_price: 0,
            cumulative_quantity: order.cumulative_quantity,
            fee: 0,
        };
        self.report(&report).map(|_| ())
    }

    /// The operator's kill switch.
    fn kill(&mut self) {
        self.engine.kill(Reason::Operator);
    }

    /// Arm a fired kill switch again; after a drawdown not in the same session.
    fn rearm(&mut self) -> PyResult<()> {
        self.engine
            .rearm()
            .map_err(|error| refuse(error.to_string()))
    }

    /// What the kill switch wants done now, or None: the ids to cancel and the closing orders, which count as decided.
    fn flatten<'py>(
        &mut self,
        py: Python<'py>,
        now_ns: i64,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(kill) = self.engine.killed() else {
            return Ok(None);
        };
        self.engine.on_clock(now_ns);
        let (mut cancels, mut closes) = (Vec::new(), Vec::new());
        self.engine.wanted_cancels(&mut cancels);
        self.engine.wanted_closes(&mut closes);
        if cancels.is_empty() && closes.is_empty() {
            return Ok(None);
        }
        let decisions = closes
            .iter()
            .map(|close: &CloseOrder| {
                let (_, decision) = self.engine.decide_close(close, now_ns);
                let dict = decision_dict(py, &decision)?;
                dict.set_item("side", side_name(close.side))?;
                Ok(dict)
            })
            .collect::<PyResult<Vec<_>>>()?;
        let dict = PyDict::new(py);
        dict.set_item("reason", kill.reason.name())?;
        dict.set_item("cancels", cancels)?;
        dict.set_item("closes", decisions)?;
        Ok(Some(dict))
    }

    /// Trading state, reason, session, equity, baseline, cash (millionths; None = not known) and drawdown.
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let report = self.engine.state_report();
        let dict = PyDict::new(py);
        dict.set_item("trading_state", state_name(report.trading_state))?;
        dict.set_item("reason", report.reason.name())?;
        dict.set_item("session", report.session)?;
        dict.set_item("equity_micro", self.engine.equity())?;
        dict.set_item(
            "baseline_micro",
            self.engine.baseline().map(|baseline| baseline.equity),
        )?;
        dict.set_item("cash_micro", self.engine.cash())?;
        dict.set_item("drawdown_bp", report.drawdown_bp)?;
        Ok(dict)
    }

    /// Signed shares by instrument, zeros left out.
    fn positions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for position in self.engine.positions() {
            dict.set_item(position.instrument_id, position.quantity)?;
        }
        Ok(dict)
    }

    /// Shares that still work, by order id.
    fn working<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for order in self.engine.working_orders() {
            dict.set_item(order.order_id, order.quantity - order.cumulative_quantity)?;
        }
        Ok(dict)
    }

    /// SHA-256 of the whole state, hex: two engines fed alike agree.
    fn state_hash(&self) -> String {
        hex(&self.engine.state_hash())
    }
}
