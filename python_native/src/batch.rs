//! A whole day's orders at once: columns in, columns out, the engine's own decisions one after another in between.

use std::collections::HashSet;

use desk::Quote;
use desk::day::{self, Prices, Timed};
use engine::{Decision, Engine, OrderRequest, TIF_DAY, TYPE_LIMIT, TYPE_MARKET};
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::decision::FIELDS;
use crate::reference::refuse;

/// Columns of int64 of one length, by name.
struct Columns {
    table: &'static str,
    rows: usize,
    held: Vec<(String, Vec<i64>)>,
}

impl Columns {
    /// Copies what was given, and names what is missing, unknown, of another type or of another length.
    fn read(
        py: Python<'_>,
        table: &'static str,
        given: &Bound<'_, PyDict>,
        required: &[&str],
        optional: &[&str],
    ) -> PyResult<Self> {
        let mut held: Vec<(String, Vec<i64>)> = Vec::with_capacity(given.len());
        for (name, column) in given {
            let name: String = name.extract()?;
            if !required.contains(&name.as_str()) && !optional.contains(&name.as_str()) {
                return Err(refuse(format!(
                    "{table} have a column '{name}' that nothing reads; known: {}, {}",
                    required.join(", "),
                    optional.join(", ")
                )));
            }
            let buffer = PyBuffer::<i64>::get(&column)
                .ok()
                .filter(|buffer| buffer.dimensions() == 1)
                .ok_or_else(|| {
                    PyTypeError::new_err(format!(
                        "column '{name}' of {table} is no one-dimensional int64 array; give \
                         np.asarray(..., dtype=np.int64)"
                    ))
                })?;
            held.push((name, buffer.to_vec(py)?));
        }
        if let Some(name) = required
            .iter()
            .find(|name| held.iter().all(|(have, _)| have != *name))
        {
            return Err(refuse(format!("{table} have no column '{name}'")));
        }
        let rows = held.first().map_or(0, |(_, values)| values.len());
        if let Some((name, values)) = held.iter().find(|(_, values)| values.len() != rows) {
            return Err(refuse(format!(
                "column '{name}' of {table} has {} rows and '{}' has {rows}",
                values.len(),
                held[0].0
            )));
        }
        let columns = Self { table, rows, held };
        columns.in_order()?;
        Ok(columns)
    }

    fn get(&self, name: &str) -> Option<&[i64]> {
        self.held
            .iter()
            .find(|(have, _)| have == name)
            .map(|(_, values)| values.as_slice())
    }

    fn required(&self, name: &str) -> &[i64] {
        self.get(name).unwrap_or_default()
    }

    fn in_order(&self) -> PyResult<()> {
        let moments = self.required("ts_ns");
        match moments.windows(2).position(|pair| pair[1] < pair[0]) {
            None => Ok(()),
            Some(row) => Err(refuse(format!(
                "row {} of {} is earlier than the one before it; sort them by ts_ns",
                row + 1,
                self.table
            ))),
        }
    }
}

const ORDER_REQUIRED: &[&str] = &["ts_ns", "instrument_id", "side", "quantity"];
const ORDER_OPTIONAL: &[&str] = &[
    "order_id",
    "limit_price_micro",
    "stop_distance_micro",
    "time_in_force",
    "flags",
    "strategies",
    "monotonic_ns",
];
const PRICE_REQUIRED: &[&str] = &["ts_ns", "instrument_id"];
const PRICE_OPTIONAL: &[&str] = &["bid_micro", "ask_micro", "last_micro"];

/// A cell of a column that may be absent.
fn cell(column: Option<&[i64]>, row: usize, absent: i64) -> i64 {
    column.map_or(absent, |values| values[row])
}

/// A column as codes of one byte: a number that a byte cannot hold must not become another order.
fn codes(columns: &Columns, name: &str, absent: u8) -> PyResult<Vec<u8>> {
    let Some(values) = columns.get(name) else {
        return Ok(vec![absent; columns.rows]);
    };
    let code = |(row, value): (usize, &i64)| {
        u8::try_from(*value).map_err(|_| {
            refuse(format!(
                "row {row} of orders has {name} {value}: give a code from 0 to 255"
            ))
        })
    };
    values.iter().enumerate().map(code).collect()
}

/// A column of ids, none of them negative.
fn ids(columns: &Columns, name: &str) -> PyResult<Vec<u64>> {
    let id = |(row, value): (usize, &i64)| {
        u64::try_from(*value).map_err(|_| {
            refuse(format!(
                "row {row} of {} has {name} {value}: give a positive number",
                columns.table
            ))
        })
    };
    columns.required(name).iter().enumerate().map(id).collect()
}

fn orders(columns: &Columns, last_id: u64) -> PyResult<Vec<OrderRequest>> {
    let order_ids = match columns.get("order_id") {
        Some(_) => ids(columns, "order_id")?,
        None => (0..columns.rows as u64)
            .map(|row| last_id + 1 + row)
            .collect(),
    };
    let instruments = ids(columns, "instrument_id")?;
    let sides = codes(columns, "side", 0)?;
    let times = codes(columns, "time_in_force", TIF_DAY)?;
    let flags = codes(columns, "flags", 0)?;
    let limits = columns.get("limit_price_micro");
    let stops = columns.get("stop_distance_micro");
    let strategies = columns.get("strategies");
    let order = |row: usize| {
        let limit_price = cell(limits, row, 0);
        OrderRequest {
            order_id: order_ids[row],
            instrument_id: instruments[row],
            quantity: columns.required("quantity")[row],
            limit_price,
            stop_distance: cell(stops, row, 0),
            side: sides[row],
            order_type: if limit_price == 0 {
                TYPE_MARKET
            } else {
                TYPE_LIMIT
            },
            time_in_force: times[row],
            flags: flags[row],
            // All 64 bits count, also the one that is a sign here.
            strategies: cell(strategies, row, 0) as u64,
        }
    };
    Ok((0..columns.rows).map(order).collect())
}

/// Prices in the order in which they came, each of an instrument that is known.
fn prices(
    py: Python<'_>,
    given: Option<&Bound<'_, PyDict>>,
    known: &HashSet<u64>,
) -> PyResult<Prices> {
    let Some(given) = given else {
        return Ok(Prices::new(Vec::new()));
    };
    let columns = Columns::read(py, "prices", given, PRICE_REQUIRED, PRICE_OPTIONAL)?;
    let instruments = ids(&columns, "instrument_id")?;
    if let Some(row) = instruments.iter().position(|id| !known.contains(id)) {
        return Err(refuse(format!(
            "row {row} of prices names instrument {}: it is not in the reference",
            instruments[row]
        )));
    }
    let moments = columns.required("ts_ns");
    let [bids, asks, lasts] =
        ["bid_micro", "ask_micro", "last_micro"].map(|name| columns.get(name));
    let quote = |(row, instrument_id)| Quote {
        instrument_id,
        bid: cell(bids, row, 0),
        ask: cell(asks, row, 0),
        last: cell(lasts, row, 0),
        ts_ns: moments[row],
    };
    Ok(Prices::new(
        instruments.into_iter().enumerate().map(quote).collect(),
    ))
}

/// One int64 array of numpy's.
fn array<'py>(py: Python<'py>, values: &[i64]) -> PyResult<Bound<'py, PyAny>> {
    let out = py
        .import("numpy")?
        .call_method1("empty", (values.len(), "int64"))?;
    if !values.is_empty() {
        PyBuffer::<i64>::get(&out)?.copy_from_slice(py, values)?;
    }
    Ok(out)
}

/// Decides every order in turn, prices merged in by time. Nothing is applied when any row is refused.
pub(crate) fn decide_many<'py>(
    py: Python<'py>,
    engine: &mut Engine,
    known: &HashSet<u64>,
    given: &Bound<'py, PyDict>,
    prices: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    let columns = Columns::read(py, "orders", given, ORDER_REQUIRED, ORDER_OPTIONAL)?;
    let requests = orders(&columns, engine.last_order_id())?;
    let prices = self::prices(py, prices, known)?;
    let moments = columns.required("ts_ns");
    let monotonic = columns.get("monotonic_ns");
    let timed = |(row, order): (usize, OrderRequest)| Timed {
        order,
        ts_ns: moments[row],
        monotonic_ns: cell(monotonic, row, moments[row]),
    };
    let timed: Vec<Timed> = requests.into_iter().enumerate().map(timed).collect();
    let decisions: Vec<Decision> = py.detach(|| day::decide(engine, &timed, prices));
    let out = PyDict::new(py);
    let mut values = vec![0_i64; decisions.len()];
    for (name, of) in FIELDS {
        for (value, decision) in values.iter_mut().zip(&decisions) {
            *value = of(decision);
        }
        out.set_item(name, array(py, &values)?)?;
    }
    Ok(out)
}
