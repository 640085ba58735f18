//! The risk engine in process, for research and backtests: production has riskd between every order and the venue.

use std::collections::HashSet;

use desk::account::{self, OrderFault};
use desk::{Quote, strategies};
use engine::{Engine, InstrumentReference, Money, TighterLimits, TighterSpec};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::batch;
use crate::names::session_state_of;
use crate::reference::{instrument, refuse};

/// The production risk engine over one simulated account. See `dnalyaw/_native/risk.pyi`.
#[pyclass(module = "dnalyaw._native.risk")]
pub(crate) struct RiskEngine {
    pub(crate) engine: Engine,
    pub(crate) reference: Vec<InstrumentReference>,
    pub(crate) strategies: Vec<String>,
}

/// A working order that must be there.
pub(crate) fn no_order(order_id: u64) -> PyErr {
    PyKeyError::new_err(OrderFault::NotWorking(order_id).to_string())
}

impl RiskEngine {
    /// The mask of strategies, by their names.
    pub(crate) fn mask(&self, names: &[String]) -> PyResult<u64> {
        strategies::mask(&self.strategies, names).map_err(refuse)
    }
}

#[pymethods]
impl RiskEngine {
    #[new]
    #[pyo3(signature = (
        reference, *, strategies = Vec::new(), firm_rate_micro = Some(1_000_000), instrument_bp = None, sector_bp = None,
        drawdown_bp = None, trade_risk_bp = None, gross_bp = None, net_bp = None, participation_bp = None,
        order_quantity = None, order_notional_micro = None, message_rate = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn new(
        reference: Vec<Bound<'_, PyDict>>,
        strategies: Vec<String>,
        firm_rate_micro: Option<i64>,
        instrument_bp: Option<u32>,
        sector_bp: Option<u32>,
        drawdown_bp: Option<u32>,
        trade_risk_bp: Option<u32>,
        gross_bp: Option<u32>,
        net_bp: Option<u32>,
        participation_bp: Option<u32>,
        order_quantity: Option<i64>,
        order_notional_micro: Option<i64>,
        message_rate: Option<u32>,
    ) -> PyResult<Self> {
        if strategies.len() > strategies::MOST {
            return Err(refuse(format!(
                "{} strategies: an order's mask has 64 bits",
                strategies.len()
            )));
        }
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
            gross_bp,
            net_bp,
            participation_bp,
            order_quantity,
            order_notional,
            message_rate,
        };
        let limits = TighterLimits::new(spec).map_err(|error| refuse(error.to_string()))?;
        let reference: Vec<InstrumentReference> = reference
            .iter()
            .enumerate()
            .map(|(row, entry)| instrument(row, entry))
            .collect::<PyResult<_>>()?;
        let mut engine =
            Engine::new(&reference, limits).map_err(|error| refuse(error.to_string()))?;
        account::open(&mut engine, firm_rate_micro);
        Ok(Self {
            engine,
            reference,
            strategies,
        })
    }

    /// Session date as YYYYMMDD and its state; a later date starts a new session day with an account of unknown state.
    #[pyo3(signature = (session, state = "open"))]
    fn set_session(&mut self, session: u32, state: &str) -> PyResult<()> {
        let state = session_state_of(state)?;
        let before = self.engine.state_report().session;
        if session < before {
            return Err(refuse(format!(
                "session {session} is before {before}: sessions only go forward"
            )));
        }
        self.engine.on_session(state, session);
        Ok(())
    }

    /// Whether there is a session with the venue.
    fn set_venue(&mut self, up: bool) {
        self.engine.on_venue(up);
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

    /// The account's cash, as the venue would report it.
    fn set_cash(&mut self, cash_micro: i64) -> PyResult<()> {
        let cash = Money::new(cash_micro)
            .ok_or_else(|| refuse(format!("cash_micro {cash_micro} is too large")))?;
        self.engine.on_account(cash.micro());
        Ok(())
    }

    /// One position, signed, as the venue would report it.
    fn set_position(&mut self, instrument_id: u64, quantity: i64) -> PyResult<()> {
        if self.engine.on_position(instrument_id, quantity) {
            return Ok(());
        }
        Err(refuse(format!(
            "position of {quantity} in instrument {instrument_id}: not in the reference, or impossible"
        )))
    }

    /// Units of the firm's currency for one of the account's, millionths; None = not known.
    fn set_firm_rate(&mut self, rate_micro: Option<i64>) {
        self.engine.set_firm_rate(rate_micro);
    }

    /// Announces money that somebody pays in (positive) or out; it counts once the venue's cash shows it.
    fn expect_flow(&mut self, amount_micro: i64) {
        self.engine.expect_flow(amount_micro);
    }

    /// The quote and the last print, 0 = absent; the clock moves to `ts_ns` if that is later.
    #[pyo3(signature = (instrument_id, *, bid_micro = 0, ask_micro = 0, last_micro = 0, ts_ns))]
    fn set_price(
        &mut self,
        instrument_id: u64,
        bid_micro: i64,
        ask_micro: i64,
        last_micro: i64,
        ts_ns: i64,
    ) -> PyResult<()> {
        let quote = Quote {
            instrument_id,
            bid: bid_micro,
            ask: ask_micro,
            last: last_micro,
            ts_ns,
        };
        if account::price(&mut self.engine, &quote) {
            return Ok(());
        }
        Err(refuse(format!(
            "price of instrument {instrument_id}: it is not in the reference"
        )))
    }

    /// The price of the last session, at which a position is valued until the first price of this one.
    fn set_settlement_price(&mut self, instrument_id: u64, price_micro: i64) -> PyResult<()> {
        if self.engine.on_settlement_price(instrument_id, price_micro) {
            return Ok(());
        }
        Err(refuse(format!(
            "settlement price {price_micro} of instrument {instrument_id}: not in the reference, or no price"
        )))
    }

    /// Decides a day's orders, prices merged in by time, without a loop in Python.
    #[pyo3(signature = (orders, prices = None))]
    fn decide_many<'py>(
        &mut self,
        py: Python<'py>,
        orders: &Bound<'py, PyDict>,
        prices: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let known: HashSet<u64> = self.reference.iter().map(|row| row.instrument_id).collect();
        batch::decide_many(py, &mut self.engine, &known, orders, prices)
    }

    /// SHA-256 of the whole state, hex: two engines fed alike agree.
    fn state_hash(&self) -> String {
        crate::constants::hex(&self.engine.state_hash())
    }
}
