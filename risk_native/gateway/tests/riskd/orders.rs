//! One order, one decision, and nothing leaves before it is journaled.

use dnalyaw_engine::Reason;
use dnalyaw_frames::{Body, Cancel, DecisionKind, ExecType, NewOrder};

use crate::support::fix::OnOrder;
use crate::support::{BUY, Client, Rig, SELL, eventually, limit};

#[test]
fn an_approved_order_reaches_the_venue_after_the_journal_has_its_decision() {
    let rig = Rig::running();
    let mut client = rig.trading();
    let decision = client.order(limit(1, 1, BUY, 100, 100));
    assert_eq!(decision.decision, DecisionKind::Approve);
    assert_eq!(
        (decision.requested_quantity, decision.approved_quantity),
        (100, 100)
    );
    assert_eq!(decision.correlation, [7; 16]);
    assert_eq!(decision.equity, 1_000_000_000_000);
    let sent = rig.venue.expect("D", 1);
    for (tag, value) in [
        (11, "US-1"),
        (1, "US"),
        (55, "AAA"),
        (48, "1"),
        (22, "8"),
        (54, "1"),
        (38, "100"),
        (40, "2"),
        (44, "100"),
        (59, "0"),
    ] {
        assert_eq!(sent.text(tag), value, "tag {tag}");
    }
    assert_eq!(rig.venue.book().journaled_first, [true]);
    assert_eq!(client.exec(1).exec_type, ExecType::New);
}

#[test]
fn fills_are_told_with_fees_and_move_the_position() {
    let rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 100));
    let order = rig.venue.expect("D", 1);
    assert_eq!(client.exec(1).exec_type, ExecType::New);
    rig.venue.report(&order, "F", "1", 40, 40, "99.5");
    let partial = client.exec(1);
    assert_eq!(partial.exec_type, ExecType::Partial);
    assert_eq!((partial.last_quantity, partial.leaves_quantity), (40, 60));
    assert_eq!((partial.last_price, partial.fee), (99_500_000, 500_000));
    assert_eq!((partial.bid, partial.ask), (99_990_000, 100_010_000));
    assert!(!partial.replayed);
    rig.venue.report(&order, "F", "2", 60, 100, "100");
    let fill = client.exec(1);
    assert_eq!(
        (fill.exec_type, fill.cumulative_quantity),
        (ExecType::Fill, 100)
    );
    client.wait(
        |body| matches!(body, Body::Position(p) if p.instrument_id == 1 && p.quantity == 100),
    );
    // 1,000,000 less 40 at 99.50, 60 at 100 and 1 of fees: 990,019.
    client.wait(|body| matches!(body, Body::State(s) if s.cash == 990_019_000_000));
}

#[test]
fn an_order_over_a_limit_is_reduced_and_the_reduced_quantity_leaves() {
    let rig = Rig::running();
    let mut client = rig.trading();
    // 5% of 1,000,000 at 100 is 500 shares.
    let decision = client.order(limit(1, 1, BUY, 900, 100));
    assert_eq!(decision.decision, DecisionKind::Reduce);
    assert_eq!(decision.reason, Reason::InstrumentLimit.code());
    assert_eq!(decision.approved_quantity, 500);
    assert_eq!(rig.venue.expect("D", 1).text(38), "500");
}

#[test]
fn a_rejected_order_sends_nothing() {
    let rig = Rig::running();
    let mut client = rig.trading();
    let refused: [(NewOrder, Reason); 5] = [
        (limit(1, 77, BUY, 100, 100), Reason::UnknownInstrument),
        (limit(2, 1, SELL, 100, 100), Reason::ShortSale),
        (limit(3, 1, BUY, 0, 100), Reason::BadQuantity),
        (limit(4, 1, BUY, 10, 200), Reason::Collar),
        (limit(5, 1, 9, 10, 100), Reason::BadSide),
    ];
    for (order, reason) in refused {
        let decision = client.order(order);
        assert_eq!(decision.decision, DecisionKind::Reject);
        assert_eq!(decision.reason, reason.code());
        assert_eq!(decision.approved_quantity, 0);
    }
    // The next order that leaves is the first the venue sees.
    client.order(limit(6, 1, BUY, 10, 100));
    assert_eq!(rig.venue.expect("D", 1).text(11), "US-6");
}

#[test]
fn the_same_order_again_gets_its_decision_and_report_again_and_leaves_once() {
    let rig = Rig::running();
    rig.venue.book().on_order = OnOrder::Fill;
    let mut client = rig.trading();
    let first = client.order(limit(5, 1, BUY, 100, 100));
    while client.exec(5).exec_type != ExecType::Fill {}
    let again = client.order(limit(5, 1, BUY, 100, 100));
    assert_eq!(first, again);
    for exec_type in [ExecType::New, ExecType::Fill] {
        let repeated = client.exec(5);
        assert!(repeated.replayed);
        assert_eq!(repeated.exec_type, exec_type);
    }
    for (order, what) in [
        (limit(5, 1, BUY, 101, 100), "other content"),
        (limit(4, 1, BUY, 10, 100), "an id below the last"),
    ] {
        let other = client.order(order);
        assert_eq!(
            (other.decision, other.reason),
            (DecisionKind::Reject, Reason::DuplicateId.code()),
            "{what}"
        );
    }
    // Neither refusal took the place of the order that has the id.
    assert_eq!(client.order(limit(5, 1, BUY, 100, 100)), first);
    client.order(limit(6, 2, BUY, 10, 50));
    assert_eq!(rig.venue.expect("D", 2).text(11), "US-6");
}

#[test]
fn a_report_that_comes_twice_counts_once() {
    let rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 100));
    let order = rig.venue.expect("D", 1);
    for _ in 0..3 {
        rig.venue
            .report_as("DOUBLE", &order, "F", "1", 30, 30, "100");
    }
    rig.venue.report(&order, "F", "1", 10, 40, "100");
    let fills: Vec<_> = std::iter::repeat_with(|| client.exec(1))
        .filter(|exec| exec.last_quantity > 0)
        .take(2)
        .map(|exec| (exec.last_quantity, exec.cumulative_quantity))
        .collect();
    assert_eq!(fills, [(30, 30), (10, 40)]);
}

#[test]
fn fills_that_overtake_each_other_add_up_to_what_the_venue_says() {
    let rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 100));
    let order = rig.venue.expect("D", 1);
    rig.venue
        .report_as("SECOND", &order, "F", "2", 60, 100, "100");
    rig.venue
        .report_as("FIRST", &order, "F", "1", 40, 40, "100");
    let mut shares = 0;
    while shares < 100 {
        shares += client.exec(1).last_quantity;
    }
    assert_eq!(shares, 100);
    client.wait(|body| matches!(body, Body::Position(p) if p.quantity == 100));
    eventually("the late report is counted", || {
        rig.metrics()["execs_duplicate"] == 1
    });
}

#[test]
fn a_cancel_reaches_the_venue_and_its_answer_comes_back() {
    let rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 100));
    let order = rig.venue.expect("D", 1);
    let correlation = [9; 16];
    client.send(Body::Cancel(Cancel {
        order_id: 1,
        correlation,
    }));
    let cancel = rig.venue.expect("F", 1);
    assert_eq!(cancel.text(41), "US-1");
    assert_ne!(cancel.text(11), "US-1");
    rig.venue.report(&order, "4", "4", 0, 0, "0");
    while client.exec(1).exec_type != ExecType::Cancelled {}
    client.send(Body::Cancel(Cancel {
        order_id: 1,
        correlation,
    }));
    let refused = client.wait(|body| matches!(body, Body::Refused(_)));
    assert!(
        matches!(refused, Body::Refused(r) if r.order_id == 1 && r.reason == Reason::UnknownOrder.code())
    );
}

#[test]
fn a_venue_reject_gives_the_reserve_back() {
    let rig = Rig::running();
    rig.venue.book().on_order = OnOrder::Reject;
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 500, 100));
    let exec = client.exec(1);
    assert_eq!(
        (exec.exec_type, exec.reason),
        (ExecType::Rejected, Reason::VenueReject.code())
    );
    // The limit has room for the same again.
    let second = client.order(limit(2, 1, BUY, 500, 100));
    assert_eq!(second.decision, DecisionKind::Approve);
}

#[test]
fn nothing_is_approved_before_cash_is_known() {
    let rig = {
        let mut rig = Rig::new();
        rig.venue.book().cash = None;
        rig.start();
        rig
    };
    let mut client = rig.client();
    rig.venue.expect("BB", 1);
    eventually("the venue is up", || {
        client
            .sync()
            .iter()
            .any(|body| matches!(body, Body::State(s) if s.venue_up))
    });
    let decision = client.order(limit(1, 1, BUY, 10, 100));
    assert_eq!(decision.decision, DecisionKind::Reject);
    assert_eq!(decision.reason, Reason::NoAccount.code());
    assert!(rig.venue.received("D").is_empty());
}

#[test]
fn a_stale_price_opens_nothing() {
    let rig = Rig::running();
    let mut client = rig.trading();
    rig.venue.book().clock_ns += 16 * 60 * 1_000_000_000;
    rig.venue.price("X", None, "BBB", "49.99", "50.01", "50");
    client.wait(|body| matches!(body, Body::Price(p) if p.instrument_id == 2 && p.ts_ns > crate::support::fix::CLOCK));
    let stale = client.order(limit(1, 1, BUY, 10, 100));
    assert_eq!(stale.reason, Reason::StalePrice.code());
    let fresh = client.order(limit(2, 2, BUY, 10, 50));
    assert_eq!(fresh.decision, DecisionKind::Approve);
}

#[test]
fn a_venue_on_another_day_than_the_reference_trades_nothing() {
    let rig = {
        let mut rig = Rig::new();
        rig.venue.book().session = "20261124".into();
        rig.start();
        rig
    };
    rig.wait_log(&["session_mismatch"]);
    let mut client = rig.client();
    let decision = client.order(limit(1, 1, BUY, 10, 100));
    assert_eq!(decision.decision, DecisionKind::Reject);
    rig.wait_log(&["resynced"]);
    assert_eq!(
        client.order(limit(2, 1, BUY, 10, 100)).reason,
        Reason::SessionClosed.code()
    );
}

#[test]
fn frames_that_lie_close_the_link_and_only_the_link() {
    let rig = Rig::running();
    let good = dnalyaw_frames::Frame {
        seq: 2,
        ts_ns: 1,
        body: Body::NewOrder(limit(1, 1, BUY, 10, 100)),
    };
    let mut bad_crc = good.encode();
    bad_crc[40] ^= 1;
    let mut bad_version = good.encode();
    bad_version[0] = 2;
    let gap = dnalyaw_frames::Frame {
        seq: 9,
        ..good.clone()
    }
    .encode();
    let wrong_way = dnalyaw_frames::Frame {
        body: Body::SyncEnd(dnalyaw_frames::SyncEnd {
            nonce: 1,
            orders: 0,
            positions: 0,
            prices: 0,
        }),
        ..good.clone()
    }
    .encode();
    let garbage = [0xA5; 128];
    for (what, bytes) in [
        ("checksum", bad_crc),
        ("version", bad_version),
        ("sequence", gap),
        ("direction", wrong_way),
        ("garbage", garbage),
    ] {
        let mut client = rig.client();
        client.raw(&bytes);
        assert!(client.closed(), "{what}");
    }
    // Before HELLO nothing else is heard, and a second region is not served.
    let mut rude = Client::connect(&rig.socket());
    rude.send(Body::Sync(dnalyaw_frames::Sync { nonce: 1 }));
    assert!(rude.closed());
    let mut stranger = Client::connect(&rig.socket());
    stranger.send(Body::Hello(dnalyaw_frames::Hello {
        session: 0,
        region: dnalyaw_frames::FixedText::new("HK").unwrap(),
    }));
    assert!(stranger.closed());
    eventually("faults are counted", || {
        rig.metrics()["link_faults"].as_u64() >= Some(7)
    });
    let mut client = rig.trading();
    assert_eq!(
        client.order(limit(1, 1, BUY, 10, 100)).decision,
        DecisionKind::Approve
    );
    assert_eq!(rig.venue.expect("D", 1).text(11), "US-1");
}

#[test]
fn a_second_client_waits_outside() {
    let rig = Rig::running();
    let mut first = rig.trading();
    let mut second = Client::connect(&rig.socket());
    assert!(second.closed());
    assert_eq!(
        first.order(limit(1, 1, BUY, 10, 100)).decision,
        DecisionKind::Approve
    );
}

#[test]
fn a_client_that_does_not_read_is_disconnected_and_holds_nobody_up() {
    let rig = Rig::running();
    let mut slow = rig.trading();
    // So many answers of four frames and more are what no queue of ours holds.
    for nonce in 0..40_000 {
        if !slow.try_send(Body::Sync(dnalyaw_frames::Sync { nonce })) {
            break;
        }
    }
    eventually("the overflow is counted", || {
        rig.metrics()["link_overflows"] == 1
    });
    let mut client = rig.trading();
    assert_eq!(
        client.order(limit(1, 1, BUY, 10, 100)).decision,
        DecisionKind::Approve
    );
    assert!(slow.closed());
}
