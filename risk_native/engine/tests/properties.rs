//! The engine against its judge: random days, compared after everything that happens.
//!
//! `DNALYAW_PROPERTY_SEQUENCES` says how many (2,000 when it is not set), `DNALYAW_PROPERTY_SEED` which.

mod drive;
mod reference;

use std::sync::OnceLock;

use drive::coverage::Coverage;
use reference::codes;
use reference::size::Cap;

/// All sequences, run once for all tests of this file.
fn seen() -> &'static Coverage {
    static SEEN: OnceLock<Coverage> = OnceLock::new();
    SEEN.get_or_init(drive::run::all)
}

#[test]
fn the_engine_and_its_judge_agree_on_every_step() {
    let seen = seen();
    assert_eq!(seen.sequences, drive::run::sequences());
    assert_eq!(seen.steps, seen.sequences * drive::run::STEPS as u64);
}

#[test]
fn a_failing_day_shrinks_to_the_steps_that_matter() {
    use drive::step::{Step, Steps};
    use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    // Every day of 200 steps has three whose seeds are even; none of the others is needed.
    let result = TestRunner::new(config).run(&Steps(200), |steps: Vec<Step>| {
        match steps.iter().filter(|step| step.0 % 2 == 0).count() {
            0..=2 => Ok(()),
            _ => Err(TestCaseError::fail("three")),
        }
    });
    let Err(TestError::Fail(_, left)) = result else {
        panic!("nothing failed: {result:?}");
    };
    assert_eq!(left.len(), 3);
    assert!(left.iter().all(|step| step.0 % 2 == 0));
}

/// Reasons that an order standing alone can come to, by decision kind.
const REACHED: [(u8, &[u16]); 3] = [
    (1, &[codes::NONE]),
    (
        2,
        &[
            codes::INSTRUMENT_LIMIT,
            codes::SECTOR_LIMIT,
            codes::TRADE_RISK,
            codes::REDUCE_ONLY,
            codes::BUYING_POWER,
            codes::SHORT_SALE,
            codes::TIGHTER_LIMIT,
            codes::MAX_QUANTITY,
            codes::MAX_NOTIONAL,
            codes::NET_LIMIT,
            codes::PARTICIPATION,
            codes::NO_LOCATE,
        ],
    ),
    (
        3,
        &[
            codes::INSTRUMENT_LIMIT,
            codes::SECTOR_LIMIT,
            codes::DRAWDOWN,
            codes::TRADE_RISK,
            codes::UNKNOWN_INSTRUMENT,
            codes::NOT_TRADABLE,
            codes::NO_PRICE,
            codes::STALE_PRICE,
            codes::NO_ACCOUNT,
            codes::VENUE_DOWN,
            codes::SESSION_CLOSED,
            codes::HALTED,
            codes::REDUCE_ONLY,
            codes::KILLED,
            codes::BAD_QUANTITY,
            codes::BAD_LOT,
            codes::BAD_TICK,
            codes::COLLAR,
            codes::BUYING_POWER,
            codes::SHORT_SALE,
            codes::DUPLICATE_ID,
            codes::BAD_SIDE,
            codes::MALFORMED,
            codes::REFERENCE_MISSING,
            codes::JOURNAL_FAILED,
            codes::TIGHTER_LIMIT,
            codes::RESTRICTED,
            codes::INSTRUMENT_HALTED,
            codes::STRATEGY_HALTED,
            codes::VENUE_HALTED,
            codes::GROSS_LIMIT,
            codes::NET_LIMIT,
            codes::PARTICIPATION,
            codes::RATE_THROTTLE,
            codes::REPEATED_ORDER,
            codes::NO_LOCATE,
            codes::SHORT_MARKING,
            codes::SELF_MATCH,
            codes::SHADOW,
            codes::UNRECONCILED,
            codes::LINK_LOST,
            codes::TOO_MANY_ORDERS,
            codes::STOPPED,
            codes::STALE_MARK,
        ],
    ),
];

/// What else must have happened.
const EVENTS: [&str; 18] = [
    "rearmed",
    "not rearmed",
    "cancels wanted",
    "stop fired",
    "stop closed",
    "kill closed",
    "correction",
    "repeated report",
    "subsets tried",
    "opening leg inside",
    "opening modification inside",
    "unannounced money",
    "flow counted",
    "first price waits",
    "too wide a quote",
    "too far ahead",
    "settled again",
    "drawdown took over",
];

/// With fewer sequences than this nothing can be said of what they reach.
const TELLING: u64 = 1_000;

#[test]
fn the_sequences_reach_every_check() {
    let seen = seen();
    if seen.sequences < TELLING {
        return;
    }
    for (kind, reasons) in REACHED {
        for code in reasons {
            assert!(
                seen.orders.contains_key(&(kind, *code)),
                "kind {kind} for reason {code} never came up"
            );
        }
    }
    for cap in Cap::ALL {
        assert!(
            seen.caps.contains_key(&cap),
            "nothing was reduced by {cap:?}"
        );
    }
    for kind in [1, 2, 3] {
        for (name, decisions) in [("linked", &seen.linked), ("replace", &seen.replaces)] {
            let known = decisions.keys().any(|(of, _)| *of == kind);
            assert!(known, "{name}: kind {kind} never came up");
        }
    }
    for (what, decisions, code) in [
        ("linked leg", &seen.linked, codes::LINKED_LEG),
        ("modification", &seen.replaces, codes::UNKNOWN_ORDER),
    ] {
        assert!(decisions.contains_key(&(3, code)), "{what}: {code}");
    }
    for event in EVENTS {
        assert!(seen.events.contains_key(event), "{event} never came up");
    }
    for state in [1, 2, 3, 4] {
        let known = seen.states.keys().any(|(of, _)| *of == state);
        assert!(known, "state {state} never came up");
    }
}
