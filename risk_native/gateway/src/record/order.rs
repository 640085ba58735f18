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

/// A path as its number; a record without one is of an order that was asked for without.
mod path {
    use dnalyaw_frames::Path;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*path as u8)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Path, D::Error> {
        let number = u8::deserialize(deserializer)?;
        Path::from_u8(number)
            .ok_or_else(|| serde::de::Error::custom(format!("path {number} is none of 0, 1, 2")))
    }

    pub const fn none() -> Path {
        Path::Default
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
    /// Which way to its market. No matter of risk: the engine hears nothing of it.
    #[serde(default = "path::none", with = "path")]
    pub path: frames::Path,
}

impl From<&engine::OrderRequest> for OrderRecord {
    /// One of riskd's own, which takes the market's default path.
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
            path: frames::Path::Default,
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
            path: order.path,
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
            path: self.order.path,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: &str) -> Result<OrderRecord, serde_json::Error> {
        serde_json::from_str(&format!(
            r#"{{"order_id":1,"instrument_id":2,"quantity":3,"limit_price":4,"stop_distance":5,"side":1,"order_type":2,
            "time_in_force":0,"flags":0,"strategies":6{path}}}"#
        ))
    }

    #[test]
    fn a_record_without_a_path_has_the_default_and_none_has_one_without_a_meaning() {
        assert_eq!(record("").unwrap().path, frames::Path::Default);
        for path in frames::Path::ALL {
            let told = record(&format!(r#","path":{}"#, *path as u8)).unwrap();
            assert_eq!(told.path, *path);
            let again = serde_json::to_value(told).unwrap();
            assert_eq!(again["path"], *path as u8);
        }
        for bad in ["3", "-1", "256", "\"1\"", "null"] {
            let err = record(&format!(r#","path":{bad}"#)).unwrap_err();
            assert!(err.to_string().contains("line 2"), "{bad}: {err}");
        }
    }
}
