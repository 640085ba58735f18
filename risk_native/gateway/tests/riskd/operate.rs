//! What a person may do besides killing: take the switch back, halt, announce money, claim an order.

use dnalyaw_engine::Reason;
use dnalyaw_frames::DecisionKind;

use crate::support::fix::{OnCancel, OnOrder};
use crate::support::{BUY, Rig, SELL, eventually, limit};

fn holding() -> Rig {
    let mut rig = Rig::new();
    {
        let mut book = rig.venue.book();
        book.positions = vec![(1, "AAA", 300, "100")];
        book.on_cancel = OnCancel::Cancel;
        book.on_order = OnOrder::Fill;
        book.keeps_account = true;
    }
    rig.start();
    rig
}

fn refusal(answer: &(Option<i32>, serde_json::Value)) -> String {
    assert_eq!(answer.0, Some(1), "{answer:?}");
    answer.1.as_str().expect("a line").to_string()
}

#[test]
fn a_person_takes_the_switch_back_with_a_reason_and_only_then_it_trades() {
    let mut rig = holding();
    let mut client = rig.trading();
    assert!(refusal(&rig.call(&["rearm", "--reason", "x"])).contains("not thrown"));
    rig.call(&["kill", "--reason", "drill"]);
    eventually("flat", || rig.status()["kill"]["phase"] == "flat");
    drop(client);
    // A restart does not do it, and neither does the next session day.
    rig.crash();
    rig.next_session();
    rig.start();
    client = rig.trading();
    let refused = client.order(limit(1, 1, BUY, 10, 100)).reason;
    // While the switch asks for the account again, that is the earlier reason.
    assert!([Reason::Killed.code(), Reason::NoAccount.code()].contains(&refused));
    eventually("flat again", || rig.status()["kill"]["phase"] == "flat");
    let (code, answer) = rig.call(&["rearm", "--reason", "drill over"]);
    assert_eq!(code, Some(0), "{answer}");
    assert_eq!(answer["kill"]["fired"], false);
    assert_eq!(answer["kill"]["latched"], false);
    // The cash of the round that called it flat may still be on its way.
    let mut id = 1;
    eventually("an approval", || {
        id += 1;
        let decision = client.order(limit(id, 1, BUY, 10, 100));
        let waits = decision.reason == Reason::NoAccount.code();
        assert!(
            waits || decision.decision == DecisionKind::Approve,
            "{decision:?}"
        );
        !waits
    });
    eventually("journaled", || {
        let text = rig.journal_text();
        text.contains("\"kind\":\"rearm\"") && text.contains("drill over")
    });
    drop(client);
    rig.crash();
    rig.start();
    let mut client = rig.trading();
    assert_eq!(
        client.order(limit(1000, 1, BUY, 10, 100)).decision,
        DecisionKind::Approve
    );
}

#[test]
fn after_a_drawdown_not_in_the_same_session() {
    let mut rig = holding();
    rig.venue.book().cash = Some("100000".into());
    rig.stop();
    rig.start();
    let client = rig.trading();
    // 300 shares at 100 and 100,000 in cash: 70 is 6.9% below.
    for _ in 0..2 {
        rig.venue.book().clock_ns += 60_000_000_000;
        rig.venue.price("X", None, "AAA", "75.00", "75.02", "75.01");
        rig.venue.book().clock_ns += 60_000_000_000;
        rig.venue.price("X", None, "AAA", "70.00", "70.02", "70.01");
    }
    rig.wait_log(&["\"killed\"", "DRAWDOWN"]);
    let why = refusal(&rig.call(&["rearm", "--reason", "we like it"]));
    assert!(why.contains("next session day"), "{why}");
    drop(client);
    rig.crash();
    rig.next_session();
    rig.start();
    let _client = rig.trading();
    assert_eq!(rig.call(&["rearm", "--reason", "a new day"]).0, Some(0));
}

#[test]
fn one_name_one_venue_one_strategy_or_everything_is_halted_and_closing_passes() {
    let mut rig = holding();
    let mut client = rig.trading();
    let mut id = 0;
    let mut next = || {
        id += 1;
        id
    };
    for (scope, reason) in [
        (vec!["--instrument", "1"], Reason::InstrumentHalted),
        (vec!["--venue", "NYSE"], Reason::VenueHalted),
        (vec!["--strategy", "pairs"], Reason::StrategyHalted),
        (vec!["--all"], Reason::Halted),
    ] {
        let halt = [&["halt", "--reason", "looks wrong"], scope.as_slice()].concat();
        let resume = [&["resume", "--reason", "is well"], scope.as_slice()].concat();
        assert!(refusal(&rig.call(&resume)).contains("not halted"));
        assert_eq!(rig.call(&halt).0, Some(0), "{scope:?}");
        let mut order = limit(next(), 1, BUY, 1, 100);
        order.strategies = 2;
        assert_eq!(client.order(order).reason, reason.code(), "{scope:?}");
        assert_eq!(
            client.order(limit(next(), 1, SELL, 1, 100)).decision,
            DecisionKind::Approve
        );
        // It holds through a restart, with who and why.
        drop(client);
        rig.crash();
        rig.start();
        client = rig.trading();
        assert_eq!(rig.status()["halts"][0]["by"]["reason"], "looks wrong");
        let mut order = limit(next(), 1, BUY, 1, 100);
        order.strategies = 2;
        assert_eq!(client.order(order).reason, reason.code(), "{scope:?}");
        assert_eq!(rig.call(&resume).0, Some(0));
        let mut order = limit(next(), 1, BUY, 1, 100);
        order.strategies = 2;
        assert_eq!(
            client.order(order).decision,
            DecisionKind::Approve,
            "{scope:?}"
        );
    }
    for (scope, named) in [
        (["--instrument", "99"], "no instrument 99"),
        (["--instrument", "AAA"], "not an instrument id"),
        (["--venue", "XETR"], "no instrument trades at"),
        (["--strategy", "momentum"], "no strategy"),
    ] {
        let halt = [["halt", "--reason"].as_slice(), &["x"], &scope].concat();
        let why = refusal(&rig.call(&halt));
        assert!(why.contains(named), "{why}");
    }
}

#[test]
fn a_flow_is_announced_before_cash_that_moves_counts_as_one() {
    let rig = holding();
    let _client = rig.trading();
    let asked = rig.venue.received("BB").len();
    assert_eq!(
        rig.call(&[
            "flow",
            "--amount-micro",
            "50000000000",
            "--reason",
            "capital"
        ])
        .0,
        Some(0)
    );
    rig.venue.book().cash = Some("1050000".into());
    rig.venue.expect("BB", asked + 1);
    eventually("the flow is seen", || {
        let status = rig.status();
        status["cash"] == 1_050_000_000_000_i64 && status["flows"] == 50_000_000_000_i64
    });
    assert_eq!(rig.status()["drawdown_bp"], 0);
    eventually("journaled", || {
        rig.journal_text().contains("\"kind\":\"flow\"")
    });
}

#[test]
fn money_that_nobody_announced_is_told_and_is_no_gain() {
    let rig = holding();
    let _client = rig.trading();
    rig.venue.book().cash = Some("1100000".into());
    // A millionth is announced so that the venue is asked: one report may be ahead of a fill, two are not.
    for _ in 0..2 {
        let asked = rig.venue.received("BB").len();
        let answer = rig.call(&["flow", "--amount-micro", "1", "--reason", "drill"]);
        assert_eq!(answer.0, Some(0), "{}", answer.1);
        rig.venue.expect("BB", asked + 1);
    }
    rig.wait_log(&["flow_unannounced"]);
    eventually("no gain", || {
        let status = rig.status();
        status["cash"] == 1_100_000_000_000_i64
            && status["drawdown_bp"] == 0
            && status["flows"].as_i64() >= Some(100_000_000_000)
    });
}
