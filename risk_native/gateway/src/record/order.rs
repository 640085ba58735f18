//! Orders, decisions and reports.

use dnalyaw_engine as engine;
use dnalyaw_frames as frames;
use serde::{Deserialize, Serialize};

use super::Metrics;

/// A correlation id as 32 hex digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Id(pub [u8; 16]);

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::log::hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut id = [0; 16];
        if text.len() != 32 || !text.is_ascii() {
            return Err(serde::de::Error::custom(
                "a correlation id has 32 hex digits",
            ));
        }
        for (index, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16)
                .map_err(serde::de::Error::custom)?;
        }
        Ok(Id(id))
    }
}

/// An order as it was asked for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct OrderRecord {
    pub order_id: u64,
    pub instrument_id: u64,
    pub quantity: i64,
    pub limit_price: i64,
    pub stop_distance: i64,
    pub side: u8,
    pub order_type: u8,
    pub time_in_force: u8,
    pub flags: u8,
    #[serde(default)]
    pub strategies: u64,
}

impl From<&engine::OrderRequest> for OrderRecord {
    fn from(order: &engine::OrderRequest) -> Self {
        Self {
            order_id: order.order_id,
            instrument_id: order.instrument_id,
            quantity: order.quantity,
            limit_price: order.limit_price,
            stop_distance: order.stop_distance,
            side: order.side,
            order_type: order.order_type,
            time_in_force: order.time_in_force,
            flags: order.flags,
            strategies: order.strategies,
        }
    }
}

impl From<&frames::NewOrder> for OrderRecord {
    fn from(order: &frames::NewOrder) -> Self {
        Self {
            order_id: order.order_id,
            instrument_id: order.instrument_id,
            quantity: order.quantity,
            limit_price: order.limit_price,
            stop_distance: order.stop_distance,
            side: order.side,
            order_type: order.order_type,
            time_in_force: order.time_in_force,
            flags: order.flags,
            strategies: order.strategies,
        }
    }
}

impl OrderRecord {
    /// As the engine takes it.
    pub fn request(&self) -> engine::OrderRequest {
        engine::OrderRequest {
            order_id: self.order_id,
            instrument_id: self.instrument_id,
            quantity: self.quantity,
            limit_price: self.limit_price,
            stop_distance: self.stop_distance,
            side: self.side,
            order_type: self.order_type,
            time_in_force: self.time_in_force,
            flags: self.flags,
            strategies: self.strategies,
        }
    }
}

/// A decision and the numbers of that moment.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DecisionRecord {
    pub ts_ns: i64,
    pub wall_ns: i64,
    pub session: u32,
    pub order: OrderRecord,
    /// The order that it changes, where it is a modification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<u64>,
    pub correlation: Id,
    /// 1 APPROVE, 2 REDUCE, 3 REJECT, 4 FLATTEN.
    pub decision: u8,
    pub reason: u16,
    pub approved_quantity: i64,
    pub reference_price: i64,
    pub equity: i64,
    pub worst_case: i64,
    pub binding_limit: i64,
    pub limits_hash: u64,
    pub metrics: Metrics,
}

impl DecisionRecord {
    /// The frame that tells omsd.
    pub fn frame(&self) -> frames::Decision {
        frames::Decision {
            order_id: self.order.order_id,
            instrument_id: self.order.instrument_id,
            requested_quantity: self.order.quantity,
            approved_quantity: self.approved_quantity,
            limits_hash: self.limits_hash,
            correlation: self.correlation.0,
            // A record holds what a decision gave, so the number is one of the four.
            decision: frames::DecisionKind::from_u8(self.decision)
                .unwrap_or(frames::DecisionKind::Reject),
            reason: self.reason,
            reference_price: self.reference_price,
            equity: self.equity,
            worst_case: self.worst_case,
            binding_limit: self.binding_limit,
        }
    }

    /// Whether something went, or was to go, to the venue.
    pub fn accepted(&self) -> bool {
        self.approved_quantity > 0
    }
}

/// A report that changed something.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct ExecRecord {
    pub order_id: u64,
    pub ts_ns: i64,
    /// The venue's ExecID; of our own making when `synthesised`.
    pub exec_id: String,
    /// As in the EXEC frame.
    pub exec_type: u8,
    pub last_quantity: i64,
    pub last_price: i64,
    pub cumulative_quantity: i64,
    pub leaves_quantity: i64,
    pub fee: i64,
    pub reason: u16,
    pub bid: i64,
    pub ask: i64,
    /// Made from a cumulative quantity because the fill's own report never came.
    #[serde(default)]
    pub synthesised: bool,
    /// The modification that the venue took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Replacement>,
    /// ExecID of the fill that the venue corrected, by its first report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<String>,
}

/// What a modification made of an order.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Replacement {
    /// The modification's id, by which the venue knows the order from now on.
    pub order_id: u64,
    /// The new total.
    pub quantity: i64,
    pub limit_price: i64,
}
