//! Commands as FIX messages.

use std::time::Instant;

use dnalyaw_frames::Path;
use hotfix::message::OutboundMessage;
use hotfix_message::dict::{FieldLocation, FixDatatype};
use hotfix_message::message::Message;
use hotfix_message::{HardCodedFixFieldDefinition, Part, RepeatingGroup, fix44 as f};

use super::number::{format_micro, format_timestamp};
use super::{Command, VenueSide};

/// A field of several venues' own that FIX 4.4 does not have.
const CANCEL_ORDERS_ON_DISCONNECT: &HardCodedFixFieldDefinition = &HardCodedFixFieldDefinition {
    name: "CancelOrdersOnDisconnect",
    tag: 8013,
    data_type: FixDatatype::Boolean,
    location: FieldLocation::Body,
};

/// A command on its way, with the connection and account it belongs to.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub epoch: u64,
    pub account: String,
    pub command: Command,
    /// When the core let go of it.
    pub since: Instant,
}

impl OutboundMessage for Outgoing {
    fn message_type(&self) -> &str {
        match self.command {
            Command::NewOrder { .. } => "D",
            Command::Cancel { .. } => "F",
            Command::Replace { .. } => "G",
            Command::MassStatus { .. } => "AF",
            Command::Positions { .. } => "AN",
            Command::Collateral { .. } => "BB",
            Command::MarketData { .. } => "V",
            Command::CancelOnDisconnect { .. } => "BE",
        }
    }

    fn write(&self, msg: &mut Message) {
        let account = self.account.as_str();
        match &self.command {
            Command::NewOrder {
                cl_ord_id,
                instrument_id,
                symbol,
                side,
                quantity,
                limit_price,
                immediate_or_cancel,
                path,
                cleared: _,
                ts_ns,
            } => {
                msg.set(f::CL_ORD_ID, cl_ord_id.as_str());
                msg.set(f::ACCOUNT, account);
                msg.set(f::HANDL_INST, "1");
                instrument(msg, *instrument_id, symbol);
                msg.set(f::SIDE, side_code(*side));
                text(msg, f::TRANSACT_TIME, format_timestamp(*ts_ns));
                text(msg, f::ORDER_QTY, quantity.to_string());
                terms(msg, *side, *limit_price, *immediate_or_cancel);
                destination(msg, *path);
            }
            Command::Replace {
                cl_ord_id,
                orig_cl_ord_id,
                instrument_id,
                symbol,
                side,
                quantity,
                limit_price,
                immediate_or_cancel,
                path,
                cleared: _,
                ts_ns,
            } => {
                msg.set(f::ORIG_CL_ORD_ID, orig_cl_ord_id.as_str());
                msg.set(f::CL_ORD_ID, cl_ord_id.as_str());
                msg.set(f::ACCOUNT, account);
                msg.set(f::HANDL_INST, "1");
                instrument(msg, *instrument_id, symbol);
                msg.set(f::SIDE, side_code(*side));
                text(msg, f::TRANSACT_TIME, format_timestamp(*ts_ns));
                text(msg, f::ORDER_QTY, quantity.to_string());
                terms(msg, *side, *limit_price, *immediate_or_cancel);
                destination(msg, *path);
            }
            Command::Cancel {
                cl_ord_id,
                orig_cl_ord_id,
                instrument_id,
                symbol,
                side,
                quantity,
                ts_ns,
            } => {
                msg.set(f::ORIG_CL_ORD_ID, orig_cl_ord_id.as_str());
                msg.set(f::CL_ORD_ID, cl_ord_id.as_str());
                msg.set(f::ACCOUNT, account);
                instrument(msg, *instrument_id, symbol);
                msg.set(f::SIDE, side_code(*side));
                text(msg, f::TRANSACT_TIME, format_timestamp(*ts_ns));
                text(msg, f::ORDER_QTY, quantity.to_string());
            }
            Command::MassStatus { request_id } => {
                msg.set(f::MASS_STATUS_REQ_ID, request_id.as_str());
                msg.set(f::MASS_STATUS_REQ_TYPE, "7");
                msg.set(f::ACCOUNT, account);
            }
            Command::Positions {
                request_id,
                session,
                ts_ns,
            } => {
                msg.set(f::POS_REQ_ID, request_id.as_str());
                msg.set(f::POS_REQ_TYPE, "0");
                msg.set(f::ACCOUNT, account);
                msg.set(f::ACCOUNT_TYPE, "1");
                text(msg, f::CLEARING_BUSINESS_DATE, format!("{session:08}"));
                text(msg, f::TRANSACT_TIME, format_timestamp(*ts_ns));
            }
            Command::CancelOnDisconnect { request_id } => {
                msg.set(f::USER_REQUEST_ID, request_id.as_str());
                msg.set(f::USER_REQUEST_TYPE, "4");
                msg.set(f::USERNAME, account);
                msg.set(CANCEL_ORDERS_ON_DISCONNECT, "Y");
            }
            Command::Collateral { request_id } => {
                msg.set(f::COLL_INQUIRY_ID, request_id.as_str());
                msg.set(f::ACCOUNT, account);
            }
            Command::MarketData {
                request_id,
                symbols,
            } => {
                msg.set(f::MD_REQ_ID, request_id.as_str());
                msg.set(f::SUBSCRIPTION_REQUEST_TYPE, "1");
                msg.set(f::MARKET_DEPTH, "1");
                msg.set(f::MD_UPDATE_TYPE, "1");
                let types = ["0", "1", "2"].map(|kind| {
                    let mut group = RepeatingGroup::new(f::NO_MD_ENTRY_TYPES, f::MD_ENTRY_TYPE);
                    group.set(f::MD_ENTRY_TYPE, kind);
                    group
                });
                groups(msg, f::NO_MD_ENTRY_TYPES, types.to_vec());
                let names = symbols
                    .iter()
                    .map(|symbol| {
                        let mut group = RepeatingGroup::new(f::NO_RELATED_SYM, f::SYMBOL);
                        group.set(f::SYMBOL, symbol.as_str());
                        group
                    })
                    .collect();
                groups(msg, f::NO_RELATED_SYM, names);
            }
        }
    }
}

fn text(msg: &mut Message, field: &HardCodedFixFieldDefinition, value: String) {
    msg.set(field, value.as_str());
}

fn groups(msg: &mut Message, count: &HardCodedFixFieldDefinition, entries: Vec<RepeatingGroup>) {
    text(msg, count, entries.len().to_string());
    // An empty list is the one thing set_groups refuses; then the count says it all.
    let _ = msg.set_groups(entries);
}

fn instrument(msg: &mut Message, instrument_id: u64, symbol: &str) {
    msg.set(f::SYMBOL, symbol);
    text(msg, f::SECURITY_ID, instrument_id.to_string());
    msg.set(f::SECURITY_ID_SOURCE, "8");
}

/// Type, price, time in force, and of a short sale that the shares are located already (LocateReqd N).
fn terms(msg: &mut Message, side: VenueSide, limit_price: Option<i64>, immediate: bool) {
    match limit_price {
        Some(price) => {
            msg.set(f::ORD_TYPE, "2");
            text(msg, f::PRICE, format_micro(price));
        }
        None => msg.set(f::ORD_TYPE, "1"),
    }
    msg.set(f::TIME_IN_FORCE, if immediate { "3" } else { "0" });
    if side == VenueSide::SellShort {
        msg.set(f::LOCATE_REQD, "N");
    }
}

/// ExDestination, which names the path; without it the venue takes the market's default.
fn destination(msg: &mut Message, path: Path) {
    match path {
        Path::Default => {}
        Path::First => msg.set(f::EX_DESTINATION, "1"),
        Path::Second => msg.set(f::EX_DESTINATION, "2"),
    }
}

fn side_code(side: VenueSide) -> &'static str {
    match side {
        VenueSide::Buy => "1",
        VenueSide::Sell => "2",
        VenueSide::SellShort => "5",
    }
}
