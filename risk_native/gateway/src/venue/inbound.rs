//! FIX messages as events.

use dnalyaw_engine::SessionState;
use hotfix_message::message::Message;
use hotfix_message::{FieldValueError, HardCodedFixFieldDefinition as Field, Part, fix44 as f};

use super::number::{
    parse_timestamp, read_average, read_count, read_money, read_price, read_shares,
};
use super::{
    CancelRefusal, EntryKind, Event, ExecutionReport, MassStatusPart, PriceEntry, SessionReport,
};

/// What UserStatusText (927) says when working orders will be cancelled with the connection.
const CANCEL_ON_DISCONNECT: &str = "CANCEL_ON_DISCONNECT";

/// Looks up the instrument behind a symbol.
pub type SymbolTable = std::collections::HashMap<String, u64>;

/// The message's type (35).
pub fn msg_type(msg: &Message) -> &str {
    msg.header().get::<&str>(f::MSG_TYPE).unwrap_or("")
}

/// The message's number in the venue's stream (34).
pub fn msg_seq_num(msg: &Message) -> u64 {
    msg.header().get::<u64>(f::MSG_SEQ_NUM).unwrap_or(0)
}

/// What the message says; `None` when it is of no interest here.
pub fn read(msg: &Message, symbols: &SymbolTable) -> Option<Event> {
    let kind = msg_type(msg);
    let read = match kind {
        "8" => execution(msg).map(Event::Execution),
        "9" => cancel_reject(msg),
        "AO" => positions_total(msg),
        "AP" => position(msg, symbols),
        "BA" => collateral(msg),
        "BF" => user_response(msg),
        "W" | "X" => prices(msg, symbols).map(|entries| Event::Prices {
            snapshot: kind == "W",
            entries,
        }),
        "h" => session(msg).map(Event::Session),
        "j" => Ok(refused(msg)),
        _ => return None,
    };
    Some(read.unwrap_or_else(|why| Event::Unreadable {
        msg_type: kind.to_string(),
        why,
    }))
}

fn text<'a>(part: &'a impl Part, field: &Field) -> Option<&'a str> {
    part.get::<&str>(field).ok().filter(|text| !text.is_empty())
}

fn need<'a>(part: &'a impl Part, field: &Field) -> Result<&'a str, String> {
    text(part, field).ok_or_else(|| format!("{} is missing", field.name))
}

/// A field that may be absent, but not be nonsense.
fn number(
    part: &impl Part,
    field: &Field,
    parse: impl Fn(&str) -> Option<i64>,
) -> Result<Option<i64>, String> {
    match part.get::<&str>(field) {
        Err(FieldValueError::Missing) | Ok("") => Ok(None),
        // Bytes that are no text are not the same as no field.
        Err(FieldValueError::Invalid(_)) => Err(format!("{} is not text", field.name)),
        Ok(value) => parse(value)
            .map(Some)
            .ok_or_else(|| format!("{} '{value}' is not a number that fits", field.name)),
    }
}

fn count(part: &impl Part, field: &Field) -> Result<Option<i64>, String> {
    number(part, field, read_count)
}

fn character(part: &impl Part, field: &Field) -> Result<u8, String> {
    let value = need(part, field)?;
    match value.as_bytes() {
        [one] => Ok(*one),
        _ => Err(format!("{} '{value}' is not one character", field.name)),
    }
}

fn time(part: &impl Part, field: &Field) -> Result<Option<i64>, String> {
    number(part, field, parse_timestamp)
}

fn execution(msg: &Message) -> Result<ExecutionReport, String> {
    let exec_type = character(msg, f::EXEC_TYPE)?;
    // A cancel's report carries the cancel's own id in 11 and the order's in 41.
    let cl_ord_id = text(msg, f::ORIG_CL_ORD_ID)
        .or_else(|| text(msg, f::CL_ORD_ID))
        .unwrap_or("");
    let shares = |field| number(msg, field, read_shares).map(|value| value.unwrap_or(0));
    let mass_status = if exec_type == b'I' {
        Some(MassStatusPart {
            request_id: text(msg, f::MASS_STATUS_REQ_ID).unwrap_or("").to_string(),
            total: count(msg, f::TOT_NUM_REPORTS)?.unwrap_or(-1),
            last: text(msg, f::LAST_RPT_REQUESTED) == Some("Y"),
        })
    } else {
        None
    };
    Ok(ExecutionReport {
        cl_ord_id: cl_ord_id.to_string(),
        own_cl_ord_id: text(msg, f::CL_ORD_ID).unwrap_or("").to_string(),
        exec_id: text(msg, f::EXEC_ID).unwrap_or("").to_string(),
        exec_ref_id: text(msg, f::EXEC_REF_ID).unwrap_or("").to_string(),
        instrument_id: text(msg, f::SECURITY_ID).and_then(|id| id.parse().ok()),
        symbol: text(msg, f::SYMBOL).unwrap_or("").to_string(),
        side: text(msg, f::SIDE)
            .and_then(|side| side.bytes().next())
            .unwrap_or(0),
        limit_price: number(msg, f::PRICE, read_price)?.unwrap_or(0),
        exec_type,
        ord_status: character(msg, f::ORD_STATUS)?,
        order_quantity: shares(f::ORDER_QTY)?,
        last_quantity: shares(f::LAST_QTY)?,
        last_price: number(msg, f::LAST_PX, read_price)?.unwrap_or(0),
        cumulative_quantity: shares(f::CUM_QTY)?,
        leaves_quantity: shares(f::LEAVES_QTY)?,
        average_price: number(msg, f::AVG_PX, read_average)?.unwrap_or(0),
        fee: number(msg, f::COMMISSION, read_money)?.unwrap_or(0),
        ts_ns: time(msg, f::TRANSACT_TIME)?.unwrap_or(0),
        text: text(msg, f::TEXT).unwrap_or("").to_string(),
        mass_status,
    })
}

fn cancel_reject(msg: &Message) -> Result<Event, String> {
    Ok(Event::CancelRejected(CancelRefusal {
        cl_ord_id: text(msg, f::CL_ORD_ID).unwrap_or("").to_string(),
        replace: text(msg, f::CXL_REJ_RESPONSE_TO) == Some("2"),
        orig_cl_ord_id: need(msg, f::ORIG_CL_ORD_ID)?.to_string(),
        ord_status: character(msg, f::ORD_STATUS)?,
        text: text(msg, f::TEXT).unwrap_or("").to_string(),
    }))
}

fn positions_total(msg: &Message) -> Result<Event, String> {
    Ok(Event::PositionsTotal {
        request_id: text(msg, f::POS_REQ_ID).unwrap_or("").to_string(),
        total: count(msg, f::TOTAL_NUM_POS_REPORTS)?
            .ok_or("TotalNumPosReports is missing".to_string())?,
    })
}

fn position(msg: &Message, symbols: &SymbolTable) -> Result<Event, String> {
    let (mut long, mut short, mut found) = (0, 0, false);
    let mut add = |part: &dyn Fn(&Field) -> Result<Option<i64>, String>| -> Result<(), String> {
        for (field, side) in [(f::LONG_QTY, &mut long), (f::SHORT_QTY, &mut short)] {
            if let Some(quantity) = part(field)? {
                *side += quantity;
                found = true;
            }
        }
        Ok(())
    };
    add(&|field| number(msg, field, read_shares))?;
    let mut index = 0;
    while let Some(group) = msg.get_group(f::NO_POSITIONS, index) {
        add(&|field| number(group, field, read_shares))?;
        index += 1;
    }
    if !found {
        return Err("neither LongQty nor ShortQty is there".into());
    }
    Ok(Event::Position {
        request_id: text(msg, f::POS_REQ_ID).unwrap_or("").to_string(),
        instrument_id: instrument(msg, symbols)?,
        quantity: long - short,
        settlement_price: number(msg, f::SETTL_PRICE, read_average)?.unwrap_or(0),
    })
}

/// The instrument: by the id where the venue sends it, else by the symbol.
fn instrument(part: &impl Part, symbols: &SymbolTable) -> Result<u64, String> {
    if let Some(id) = text(part, f::SECURITY_ID) {
        return id
            .parse()
            .map_err(|_| format!("SecurityID '{id}' is not an instrument id"));
    }
    let symbol = need(part, f::SYMBOL)?;
    symbols
        .get(symbol)
        .copied()
        .ok_or_else(|| format!("Symbol '{symbol}' is not in the reference"))
}

fn collateral(msg: &Message) -> Result<Event, String> {
    Ok(Event::Collateral {
        request_id: text(msg, f::COLL_INQUIRY_ID).unwrap_or("").to_string(),
        cash: number(msg, f::CASH_OUTSTANDING, read_money)?
            .ok_or("CashOutstanding is missing".to_string())?,
        currency: text(msg, f::CURRENCY).unwrap_or("").to_string(),
    })
}

fn user_response(msg: &Message) -> Result<Event, String> {
    let said = text(msg, f::USER_STATUS_TEXT).unwrap_or("");
    Ok(Event::CancelOnDisconnect {
        request_id: need(msg, f::USER_REQUEST_ID)?.to_string(),
        granted: text(msg, f::USER_STATUS) == Some("1") && said == CANCEL_ON_DISCONNECT,
        text: said.to_string(),
    })
}

fn prices(msg: &Message, symbols: &SymbolTable) -> Result<Vec<PriceEntry>, String> {
    let mut entries = Vec::new();
    let mut index = 0;
    while let Some(group) = msg.get_group(f::NO_MD_ENTRIES, index) {
        index += 1;
        let kind = match text(group, f::MD_ENTRY_TYPE) {
            Some("0") => EntryKind::Bid,
            Some("1") => EntryKind::Ask,
            Some("2") => EntryKind::Last,
            // In X the type of a deletion may be left out; what we cannot place, we cannot use.
            _ => continue,
        };
        // A snapshot names its instrument once, an update in every entry.
        let instrument_id = instrument(group, symbols).or_else(|_| instrument(msg, symbols))?;
        let deleted = text(group, f::MD_UPDATE_ACTION) == Some("2");
        let price = number(group, f::MD_ENTRY_PX, read_price)?.unwrap_or(0);
        let size = number(group, f::MD_ENTRY_SIZE, read_shares)?;
        let date = text(group, f::MD_ENTRY_DATE);
        let clock = text(group, f::MD_ENTRY_TIME);
        let ts_ns = match (date, clock) {
            (Some(date), Some(clock)) => parse_timestamp(&format!("{date}-{clock}"))
                .ok_or_else(|| format!("MDEntryDate/Time '{date} {clock}' is not a time"))?,
            _ => 0,
        };
        // A bid or offer of no shares is no bid or offer.
        let absent = deleted || price <= 0 || (kind != EntryKind::Last && size == Some(0));
        entries.push(PriceEntry {
            instrument_id,
            kind,
            price: if absent { 0 } else { price },
            ts_ns,
        });
    }
    Ok(entries)
}

fn session(msg: &Message) -> Result<SessionReport, String> {
    let state = match need(msg, f::TRAD_SES_STATUS)? {
        "1" => SessionState::Break,
        "2" => SessionState::Open,
        "3" => SessionState::Closed,
        "4" => SessionState::PreOpen,
        _ => SessionState::Unknown,
    };
    Ok(SessionReport {
        state,
        simulated: simulated(text(msg, f::TEXT).unwrap_or("")),
    })
}

/// `SIMULATED session=20261123 clock=1795444200000000000`.
fn simulated(text: &str) -> Option<(u32, i64)> {
    let mut words = text.split_whitespace();
    if words.next() != Some("SIMULATED") {
        return None;
    }
    let (mut session, mut clock) = (None, None);
    for word in words {
        match word.split_once('=') {
            Some(("session", value)) => session = value.replace('-', "").parse().ok(),
            Some(("clock", value)) => clock = value.parse().ok(),
            _ => {}
        }
    }
    Some((session?, clock?))
}

fn refused(msg: &Message) -> Event {
    Event::Refused {
        msg_type: text(msg, f::REF_MSG_TYPE).unwrap_or("").to_string(),
        text: text(msg, f::TEXT).unwrap_or("").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::simulated;

    #[test]
    fn only_a_whole_simulated_text_gives_a_clock() {
        assert_eq!(
            simulated("SIMULATED session=20261123 clock=123"),
            Some((20_261_123, 123))
        );
        for text in [
            "",
            "session=20261123 clock=123",
            "SIMULATED session=20261123",
            "NOT SIMULATED session=1 clock=2",
            "SIMULATED session=x clock=1",
        ] {
            assert_eq!(simulated(text), None, "{text}");
        }
    }
}
