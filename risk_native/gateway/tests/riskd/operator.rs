//! The kill switch, from a frame, from a signal and from the market.

use dnalyaw_engine::{OWN_ORDER_ID_BASE, Reason};
use dnalyaw_frames::{Body, DecisionKind, FixedText, Kill, TradingState};

use crate::support::fix::OnOrder;
use crate::support::{BUY, Client, Rig, SELL, limit};

fn holding() -> (Rig, Client) {
    let mut rig = Rig::new();
    rig.venue.book().positions = vec![(1, "AAA", 300, "100"), (2, "BBB", 40, "50")];
    rig.start();
    let client = rig.trading();
    (rig, client)
}

/// Both positions closed by immediate-or-cancel orders of riskd's own at the collar, after what worked was cancelled.
fn expect_flat(rig: &Rig, client: &mut Client) {
    let cancel = rig.venue.expect("F", 1);
    assert_eq!(cancel.text(41), "US-1");
    let mut closes: Vec<_> = (2..=3)
        .map(|n| {
            let order = rig.venue.expect("D", n);
            assert!(order.text(11).starts_with("US-K"), "{order:?}");
            assert_eq!(
                (order.text(40), order.text(54), order.text(59)),
                ("2", "2", "3")
            );
            let limit = if order.text(55) == "AAA" {
                "95"
            } else {
                "47.5"
            };
            assert_eq!(order.text(44), limit);
            (order.text(55).to_string(), order.text(38).to_string())
        })
        .collect();
    closes.sort();
    assert_eq!(
        closes,
        [
            ("AAA".to_string(), "300".to_string()),
            ("BBB".to_string(), "40".to_string())
        ]
    );
    assert_eq!(rig.venue.book().journaled_first, [true; 3]);
    let decision =
        client.wait(|body| matches!(body, Body::Decision(d) if d.order_id >= OWN_ORDER_ID_BASE));
    assert!(matches!(decision, Body::Decision(d) if d.decision == DecisionKind::Flatten));
}

#[test]
fn a_kill_frame_cancels_closes_and_stays_through_a_restart() {
    let (mut rig, mut client) = holding();
    client.order(limit(1, 2, BUY, 10, 50));
    rig.venue.expect("D", 1);
    rig.venue.book().on_order = OnOrder::Fill;
    client.send(Body::Kill(Kill {
        correlation: [8; 16],
        who: FixedText::new("ops: feed looks wrong").unwrap(),
    }));
    expect_flat(&rig, &mut client);
    client.wait(|body| {
        matches!(body, Body::State(s) if s.trading_state == TradingState::Killed
        && s.reason == Reason::Operator.code())
    });
    rig.wait_log(&["kill_switch", "ops: feed looks wrong", "08080808"]);
    let decision = client.order(limit(2, 1, BUY, 10, 100));
    // While the account is asked for again, that is the earlier reason.
    assert!([Reason::Killed.code(), Reason::NoAccount.code()].contains(&decision.reason));
    drop(client);
    rig.crash();
    rig.venue.book().positions = vec![];
    rig.start();
    let mut client = rig.trading();
    let decision = client.order(limit(3, 1, BUY, 10, 100));
    assert_eq!(decision.decision, DecisionKind::Reject);
    assert!([Reason::Killed.code(), Reason::NoAccount.code()].contains(&decision.reason));
    assert_eq!(rig.status()["kill"]["fired"], true);
}

#[test]
fn a_signal_kills_without_any_client() {
    let (rig, mut client) = holding();
    client.order(limit(1, 2, BUY, 10, 50));
    rig.venue.expect("D", 1);
    rig.venue.book().on_order = OnOrder::Fill;
    drop(client);
    rig.signal("USR1");
    rig.venue.expect("F", 1);
    rig.venue.expect("D", 3);
    rig.wait_log(&["\"killed\"", "SIGUSR1", "OPERATOR"]);
}

#[test]
fn a_fall_of_five_percent_flattens() {
    let mut rig = Rig::new();
    // 900,000 in cash and 1,000 shares at 100: a fall to 45 costs 5.5%.
    rig.venue.book().cash = Some("900000".into());
    rig.venue.book().positions = vec![(1, "AAA", 1000, "100")];
    rig.venue.book().on_order = OnOrder::Fill;
    rig.start();
    let mut client = rig.trading();
    // A jump of 45% is believed when a second message says the same.
    for _ in 0..2 {
        rig.venue.book().clock_ns += 1_000_000_000;
        rig.venue.price("X", None, "AAA", "55.00", "55.02", "55.01");
    }
    client.wait(|body| matches!(body, Body::Price(p) if p.bid == 55_000_000));
    assert!(rig.venue.received("D").is_empty(), "4.5% is not enough");
    rig.venue.book().clock_ns += 1_000_000_000;
    rig.venue.price("X", None, "AAA", "45.00", "45.02", "45.01");
    let close = rig.venue.expect("D", 1);
    assert_eq!((close.text(54), close.text(38)), ("2", "1000"));
    assert_eq!(rig.venue.book().journaled_first, [true]);
    client.wait(|body| {
        matches!(body, Body::State(s) if s.trading_state == TradingState::Killed
        && s.reason == Reason::Drawdown.code())
    });
    rig.wait_log(&["\"killed\"", "DRAWDOWN"]);
}

#[test]
fn a_killed_riskd_without_a_venue_flattens_when_the_venue_is_back() {
    let (rig, mut client) = holding();
    rig.venue.cut(true);
    client.wait(|body| matches!(body, Body::State(s) if !s.venue_up));
    rig.signal("USR1");
    client.wait(|body| matches!(body, Body::State(s) if s.trading_state == TradingState::Killed));
    assert!(rig.venue.received("D").is_empty());
    rig.venue.book().on_order = OnOrder::Fill;
    rig.venue.come_back();
    rig.venue.expect("D", 2);
    let after = client.order(limit(1, 1, SELL, 1, 100));
    assert_ne!(after.decision, DecisionKind::Flatten);
}
