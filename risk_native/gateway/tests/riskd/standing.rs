//! What a restart puts back: stops over a night and a split, halts, a shadow's verdict, flows, volumes.

use dnalyaw_engine::{Halt, Reason};
use dnalyaw_frames::DecisionKind;
use dnalyaw_gateway::journal::Journal;
use dnalyaw_gateway::record::{By, Record, Scope};
use serde_json::Value;

use crate::support::{BUY, Rig, eventually, limit, reference};

const YESTERDAY: u32 = 20_261_120;
const TODAY: u32 = 20_261_123;

/// A riskd that is not running, with a journal that an earlier one wrote.
fn with_history(records: &[Record]) -> Rig {
    let rig = Rig::new();
    let dir = rig.dir.path().join("risk/journal");
    std::fs::create_dir_all(dir.parent().expect("a parent")).expect("made");
    let mut journal = Journal::open::<Record>(&dir, 256 << 10)
        .expect("a journal")
        .journal;
    let start = Record::Start {
        wall_ns: 1,
        region: "US".into(),
        session: YESTERDAY,
        reference_hash: String::new(),
        limits_hash: String::new(),
    };
    for record in std::iter::once(&start).chain(records) {
        assert!(journal.append(record, record.class()));
    }
    journal.finish();
    rig
}

fn by() -> By {
    By {
        uid: 1000,
        who: "ops".into(),
        reason: "drill".into(),
    }
}

fn stop(session: u32, level: i64) -> Record {
    Record::Stop {
        session,
        instrument_id: 1,
        direction: 1,
        level: level * 1_000_000,
        fired: false,
        ts_ns: 1,
    }
}

fn halt(scope: Scope) -> Record {
    Record::Halt {
        scope,
        on: true,
        by: by(),
        ts_ns: 1,
    }
}

/// Every record of the first segment of this kind, oldest first.
fn records(rig: &Rig, kind: &str) -> Vec<Value> {
    let bytes = std::fs::read(rig.journal()).expect("a segment");
    let text = String::from_utf8_lossy(&bytes);
    let begin = format!("{{\"kind\":\"{kind}\"");
    text.match_indices(&begin)
        .map(|(at, _)| {
            let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter();
            values.next().expect("a value").expect("JSON")
        })
        .collect()
}

fn last_level(rig: &Rig) -> Option<(u64, i64)> {
    let last = records(rig, "stop").pop()?;
    Some((last["session"].as_u64()?, last["level"].as_i64()?))
}

#[test]
fn a_stop_guards_its_position_on_over_a_night() {
    let mut rig = with_history(&[stop(YESTERDAY, 95)]);
    rig.venue.book().positions = vec![(1, "AAA", 300, "100")];
    rig.start();
    rig.trading();
    eventually("the stop is today's", || {
        last_level(&rig) == Some((TODAY.into(), 95_000_000))
    });
    rig.wait_log(&["stop_restored", "\"stop\":95000000"]);
}

/// Venue and close after a split of two for one, which the reference tells of or does not.
fn split_in_two(rig: &Rig, told: bool) {
    let mut file = reference();
    file["instruments"][0]["split_num"] = (1 + i64::from(told)).into();
    file["instruments"][0]["close_micro"] = 50_000_000.into();
    std::fs::write(rig.dir.path().join("reference.json"), file.to_string()).unwrap();
    let mut book = rig.venue.book();
    book.positions = vec![(1, "AAA", 600, "50")];
    book.prices[0] = ("AAA", "49.99", "50.01", "50");
}

#[test]
fn a_stop_follows_the_split_of_the_night() {
    let mut rig = with_history(&[stop(YESTERDAY, 95)]);
    split_in_two(&rig, true);
    rig.start();
    rig.trading();
    eventually("rebased", || {
        last_level(&rig) == Some((TODAY.into(), 47_500_000))
    });
}

#[test]
fn a_stop_that_a_corporate_action_left_behind_is_dropped_and_said_so() {
    let mut rig = with_history(&[stop(YESTERDAY, 95)]);
    split_in_two(&rig, false);
    rig.start();
    rig.trading();
    rig.wait_log(&["stop_dropped", "\"error\""]);
    eventually("gone", || last_level(&rig) == Some((TODAY.into(), 0)));
}

#[test]
fn a_stop_of_a_position_that_is_gone_is_gone() {
    let mut rig = with_history(&[stop(YESTERDAY, 95)]);
    rig.start();
    rig.trading();
    eventually("gone", || last_level(&rig) == Some((TODAY.into(), 0)));
}

#[test]
fn an_accepted_orders_stop_is_journaled_and_outlives_a_crash() {
    let mut rig = Rig::running();
    let mut client = rig.trading();
    let decision = client.order(limit(1, 1, BUY, 10, 100));
    assert_eq!(decision.decision, DecisionKind::Approve);
    rig.venue.expect("D", 1);
    // Two units below the reference price, which is the middle of the tests' quote.
    eventually("journaled", || {
        last_level(&rig).is_some_and(|(_, level)| level > 0)
    });
    let level = last_level(&rig);
    drop(client);
    rig.venue.cut(true);
    rig.crash();
    rig.start();
    let again = rig.client().order(limit(2, 1, BUY, 10, 100));
    assert_eq!(again.reason, Reason::VenueDown.code());
    assert_eq!(last_level(&rig), level);
    let metrics = &records(&rig, "decision").pop().expect("a decision")["metrics"];
    assert_eq!(
        metrics["stop_level"].as_i64(),
        level.map(|(_, level)| level)
    );
}

#[test]
fn what_a_person_halted_and_what_the_shadow_found_stays_halted() {
    for (record, reason) in [
        (halt(Scope::All), Halt::Operator.reason()),
        (
            halt(Scope::Instrument { instrument_id: 1 }),
            Reason::InstrumentHalted,
        ),
        (
            halt(Scope::Venue {
                venue: "NYSE".into(),
            }),
            Reason::VenueHalted,
        ),
        (
            Record::ShadowDifference {
                why: "gross exposure".into(),
                ts_ns: 1,
            },
            Reason::Shadow,
        ),
    ] {
        let mut rig = with_history(&[record]);
        rig.start();
        let decision = rig.trading().order(limit(1, 1, BUY, 10, 100));
        assert_eq!(decision.reason, reason.code(), "{}", reason.name());
    }
}

#[test]
fn the_shadow_checks_while_riskd_runs() {
    let rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 10, 100));
    eventually("checks", || {
        rig.status()["counters"]["shadow_checks"].as_u64() >= Some(2)
    });
    assert_eq!(rig.status()["counters"]["shadow_differences"], 0);
}

#[test]
fn volumes_and_flows_of_the_session_are_put_back() {
    let mut rig = with_history(&[Record::Flows {
        session: TODAY,
        amount: 5_000_000,
    }]);
    rig.start();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 100));
    let order = rig.venue.expect("D", 1);
    rig.venue.report(&order, "F", "1", 40, 40, "100");
    while client.exec(1).last_quantity == 0 {}
    drop(client);
    rig.venue.cut(true);
    rig.crash();
    rig.start();
    rig.client().order(limit(2, 1, BUY, 10, 100));
    let metrics = &records(&rig, "decision").pop().expect("a decision")["metrics"];
    assert_eq!(metrics["traded"], 40, "{metrics}");
    assert_eq!(metrics["flows"], 5_000_000, "{metrics}");
}
