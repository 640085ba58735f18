//! Damaged messages of a venue: none makes the reading panic, and no number that is out of range is believed.
//!
//! The FIX engine's own parser does panic on some bytes. That ends its task and with it the connection, no more: see
//! `tests/riskd/garbage.rs`.

use std::panic::AssertUnwindSafe;

use hotfix_message::MessageBuilder;
use hotfix_message::dict::Dictionary;
use hotfix_message::message::Config;
use proptest::prelude::*;

use dnalyaw_engine::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY};

use super::inbound::{SymbolTable, read};
use super::{Event, ExecutionReport};

type Fields = Vec<(u32, String)>;

/// One message of each kind that a venue sends, as SIMVENUE words it.
const MESSAGES: [(&str, &str); 11] = [
    (
        "8",
        "37=V1|11=US-7|17=E9|150=F|39=1|1=US|55=AAA|48=1|22=8|54=1|38=300|44=101.25|32=100|31=101.2|151=200|14=100|6=101.2|12=0.75|13=3|60=20261123-14:30:01.250",
    ),
    (
        "8",
        "37=V1|11=US-7|17=E8|584=R1|911=1|912=Y|150=I|39=2|1=US|55=AAA|48=1|22=8|54=2|38=300|151=0|14=300|6=101.233333|12=2.5|13=3|19=E7|32=100|31=101.3|60=20261123-14:30:02.000",
    ),
    (
        "8",
        "37=V1|11=US-7-C1|41=US-7|17=E10|150=4|39=4|55=AAA|54=1|151=0|14=100|6=101.2",
    ),
    ("9", "37=V1|11=US-7-C2|41=US-7|39=2|434=1|102=0|58=too late"),
    ("AO", "721=M1|710=R1|727=1|728=0|729=0|1=US|581=1"),
    (
        "AP",
        "721=P1|710=R1|728=0|715=20261123|1=US|581=1|55=AAA|48=1|22=8|730=101.5|731=1|734=101.5|702=1|703=TOT|704=300|705=0",
    ),
    (
        "BA",
        "908=C1|909=R1|910=0|1=US|15=USD|900=1000000.5|901=969635.25",
    ),
    (
        "W",
        "262=R1|55=AAA|268=3|269=0|270=101.24|271=400|272=20261123|273=14:30:00.000|269=1|270=101.26|271=300|272=20261123|273=14:30:00.000|269=2|270=101.25|271=10",
    ),
    (
        "X",
        "268=2|279=0|269=0|55=AAA|270=101.23|271=0|272=20261123|273=14:30:01.000|279=2|269=1|55=AAA|270=101.26",
    ),
    (
        "h",
        "336=1|340=2|58=SIMULATED session=20261123 clock=1795444200000000000",
    ),
    ("j", "372=AF|380=3|58=unsupported"),
];

fn fields(text: &str) -> Fields {
    text.split('|')
        .map(|part| {
            let (tag, value) = part.split_once('=').expect("tag=value");
            (tag.parse().expect("a number"), value.to_string())
        })
        .collect()
}

/// The message on the wire, with a length and a checksum that fit.
fn sealed(kind: &str, body: &Fields) -> Vec<u8> {
    let mut text = format!(
        "35={kind}\u{1}49=SIMVENUE\u{1}56=RISKD\u{1}34=9\u{1}52=20261123-14:30:01.250\u{1}"
    );
    for (tag, value) in body {
        text += &format!("{tag}={value}\u{1}");
    }
    let mut bytes = format!("8=FIX.4.4\u{1}9={}\u{1}{text}", text.len()).into_bytes();
    reseal(&mut bytes);
    bytes
}

/// Appends the checksum of what is there.
fn reseal(bytes: &mut Vec<u8>) {
    let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    bytes.extend(format!("10={:03}\u{1}", sum % 256).into_bytes());
}

fn builder() -> MessageBuilder {
    MessageBuilder::new(Dictionary::fix44(), Config::default())
        .expect("the engine's own dictionary")
}

thread_local! {
    // Building it reads the whole dictionary.
    static BUILDER: MessageBuilder = builder();
}

fn read_bytes(bytes: &[u8]) -> Option<Event> {
    let symbols: SymbolTable = [("AAA".to_string(), 1)].into();
    BUILDER.with(|builder| {
        // Nothing of the builder is changed by building.
        let built = AssertUnwindSafe(|| builder.build(bytes).into_message());
        let message = std::panic::catch_unwind(built).ok()??;
        read(&message, &symbols)
    })
}

fn shares(quantity: i64) -> bool {
    (0..=MAX_QUANTITY).contains(&quantity)
}

fn price(price: i64) -> bool {
    (0..=MAX_PRICE).contains(&price)
}

/// Whether every number in it may be believed.
fn in_range(event: &Event) -> bool {
    match event {
        Event::Execution(report) => execution(report),
        Event::Position {
            quantity,
            settlement_price,
            ..
        } => quantity.abs() <= MAX_QUANTITY && price(*settlement_price),
        Event::PositionsTotal { total, .. } => *total >= 0,
        Event::Collateral { cash, .. } => cash.abs() <= MAX_MONEY,
        Event::Prices { entries, .. } => entries.iter().all(|entry| price(entry.price)),
        _ => true,
    }
}

fn execution(report: &ExecutionReport) -> bool {
    let quantities = [
        report.order_quantity,
        report.last_quantity,
        report.cumulative_quantity,
        report.leaves_quantity,
    ];
    let prices = [report.last_price, report.average_price, report.limit_price];
    let total = report.mass_status.as_ref().map_or(0, |part| part.total);
    quantities.into_iter().all(shares)
        && prices.into_iter().all(price)
        && report.fee.abs() <= MAX_MONEY
        // A status report that tells no total stands for -1.
        && total >= -1
}

/// What no venue should write where a number stands.
const NASTY: [&str; 22] = [
    "-1",
    "-0.000001",
    "0",
    "-0",
    "00",
    "+5",
    " 5",
    "5 ",
    "1e9",
    "1E-3",
    "NaN",
    "inf",
    "0x10",
    "1,000",
    "1.5",
    "1.0000001",
    "99999999999999999999",
    "9223372036854775807",
    "-9223372036854775808",
    "10000000001",
    "10000000.000001",
    "٣",
];

#[derive(Clone, Debug)]
enum Damage {
    Drop(usize),
    Twice(usize),
    Swap(usize, usize),
    Value(usize, &'static str),
    Tag(usize, u32),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = || 0..32_usize;
    prop_oneof![
        at().prop_map(Damage::Drop),
        at().prop_map(Damage::Twice),
        (at(), at()).prop_map(|(one, other)| Damage::Swap(one, other)),
        (at(), proptest::sample::select(NASTY.to_vec()))
            .prop_map(|(at, value)| Damage::Value(at, value)),
        (
            at(),
            proptest::sample::select(vec![
                6_u32, 14, 31, 32, 38, 44, 151, 270, 704, 705, 727, 730, 901, 911
            ])
        )
            .prop_map(|(at, tag)| Damage::Tag(at, tag)),
    ]
}

fn apply(body: &mut Fields, damage: &Damage) {
    let length = body.len();
    if length == 0 {
        return;
    }
    match *damage {
        Damage::Drop(at) => {
            body.remove(at % length);
        }
        Damage::Twice(at) => body.push(body[at % length].clone()),
        Damage::Swap(one, other) => {
            let value = body[one % length].1.clone();
            body[one % length].1 = std::mem::replace(&mut body[other % length].1, value);
        }
        Damage::Value(at, value) => body[at % length].1 = value.to_string(),
        Damage::Tag(at, tag) => body[at % length].0 = tag,
    }
}

#[test]
fn every_message_is_read_as_it_stands() {
    for (kind, text) in MESSAGES {
        let event = read_bytes(&sealed(kind, &fields(text)))
            .unwrap_or_else(|| panic!("{kind}: nothing read"));
        assert!(
            !matches!(event, Event::Unreadable { .. }),
            "{kind}: {event:?}"
        );
        assert!(in_range(&event), "{kind}: {event:?}");
    }
}

#[test]
fn a_nasty_number_in_any_field_is_refused_or_in_range() {
    for (kind, text) in MESSAGES {
        let whole = fields(text);
        for at in 0..whole.len() {
            for value in NASTY {
                let mut body = whole.clone();
                body[at].1 = value.to_string();
                if let Some(event) = read_bytes(&sealed(kind, &body)) {
                    assert!(in_range(&event), "{kind} {}={value}: {event:?}", body[at].0);
                }
            }
        }
    }
}

#[test]
fn bytes_that_are_no_text_in_a_number_are_not_taken_for_an_absent_field() {
    for (kind, tag) in [
        ("AP", "705=0"),
        ("8", "32=100"),
        ("BA", "901=969635.25"),
        ("AO", "727=1"),
    ] {
        let (_, text) = MESSAGES.iter().find(|(of, _)| of == &kind).expect("listed");
        let mut bytes = sealed(kind, &fields(text));
        let at = bytes
            .windows(tag.len())
            .position(|part| part == tag.as_bytes())
            .expect("there")
            + tag.len()
            - 1;
        bytes[at] = 0xFF;
        bytes.truncate(bytes.len() - 7);
        reseal(&mut bytes);
        let event = read_bytes(&bytes);
        assert!(
            !matches!(
                event,
                Some(
                    Event::Position { .. }
                        | Event::Execution(_)
                        | Event::Collateral { .. }
                        | Event::PositionsTotal { .. }
                )
            ),
            "{kind} {tag}: {event:?}"
        );
    }
}

proptest! {
    #[test]
    fn damaged_fields_are_refused_or_in_range(
        which in 0..MESSAGES.len(), damages in proptest::collection::vec(damage(), 1..5)
    ) {
        let (kind, text) = MESSAGES[which];
        let mut body = fields(text);
        for one in &damages {
            apply(&mut body, one);
        }
        if let Some(event) = read_bytes(&sealed(kind, &body)) {
            prop_assert!(in_range(&event), "{:?}", event);
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_in_range(
        which in 0..MESSAGES.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        fitting in any::<bool>(), cut in proptest::option::of(any::<prop::sample::Index>())
    ) {
        let (kind, text) = MESSAGES[which];
        let mut bytes = sealed(kind, &fields(text));
        bytes.truncate(bytes.len() - 7);
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if fitting {
            reseal(&mut bytes);
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Some(event) = read_bytes(&bytes) {
            prop_assert!(in_range(&event), "{:?}", event);
        }
    }

    #[test]
    fn bytes_at_random_are_no_message(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(read_bytes(&bytes).is_none());
    }
}
