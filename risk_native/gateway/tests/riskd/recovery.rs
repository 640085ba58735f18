//! Crashes, lost connections and what the venue says afterwards.

use dnalyaw_engine::Reason;
use dnalyaw_frames::{Body, DecisionKind, ExecType};

use crate::support::fix::{OnOrder, Venue};
use crate::support::{BUY, Client, Rig, eventually, limit};

/// Field of a mass status report on `US-1`, 100 shares of AAA.
fn status(ord_status: &str, cumulative: i64, average: &str) -> Vec<(u32, String)> {
    [
        (11, "US-1".to_string()),
        (39, ord_status.to_string()),
        (55, "AAA".into()),
        (54, "1".into()),
        (38, "100".into()),
        (151, (100 - cumulative).to_string()),
        (14, cumulative.to_string()),
        (6, average.to_string()),
    ]
    .to_vec()
}

/// A riskd that crashed right after it let `US-1` go, and the venue it finds when it comes back.
fn crashed(orders: Vec<Vec<(u32, String)>>) -> Rig {
    let mut rig = Rig::running();
    rig.venue.book().on_order = OnOrder::Swallow;
    let mut client = rig.trading();
    assert_eq!(
        client.order(limit(1, 1, BUY, 100, 100)).decision,
        DecisionKind::Approve
    );
    rig.venue.expect("D", 1);
    rig.crash();
    rig.venue.cut(true);
    let other = Venue::start();
    other.book().orders = orders;
    rig.address(other.port);
    rig.venue = other;
    rig
}

#[test]
fn an_order_the_venue_never_saw_is_released_and_not_sent_again() {
    let mut rig = crashed(vec![]);
    let ready = rig.start();
    assert_eq!(ready["last_order_id"], 1);
    assert_eq!(ready["open_orders"], 1);
    let mut client = rig.trading();
    let execs: Vec<_> = client
        .sync()
        .into_iter()
        .filter_map(|body| match body {
            Body::Exec(exec) => Some(exec),
            _ => None,
        })
        .collect();
    assert_eq!(execs.len(), 1);
    assert_eq!(execs[0].exec_type, ExecType::Rejected);
    assert_eq!(execs[0].reason, Reason::VenueNeverSaw.code());
    assert!(execs[0].replayed);
    // The id stays taken, and the reserve is free again.
    assert_eq!(
        client.order(limit(1, 1, BUY, 100, 100)).decision,
        DecisionKind::Approve
    );
    assert_eq!(
        client.order(limit(1, 2, BUY, 1, 50)).reason,
        Reason::DuplicateId.code()
    );
    let next = client.order(limit(2, 1, BUY, 500, 100));
    assert_eq!(next.decision, DecisionKind::Approve);
    assert_eq!(rig.venue.expect("D", 1).text(11), "US-2");
}

#[test]
fn an_order_the_venue_has_goes_on_with_the_fills_it_had() {
    let mut rig = crashed(vec![status("1", 30, "99.5")]);
    // 997,001 and 30 shares at a bid of 99.99 are the 1,000,000 it began with, and a little.
    rig.venue.book().positions = vec![(1, "AAA", 30, "99.5")];
    rig.venue.book().cash = Some("997001".into());
    rig.start();
    let mut client = rig.trading();
    let bodies = client.sync();
    let exec = bodies
        .iter()
        .find_map(|body| match body {
            Body::Exec(exec) => Some(exec.clone()),
            _ => None,
        })
        .expect("the order's last report");
    assert_eq!(exec.cumulative_quantity, 30);
    assert_eq!(exec.leaves_quantity, 70);
    assert_eq!((exec.last_quantity, exec.last_price), (30, 99_500_000));
    assert!(
        bodies
            .iter()
            .any(|body| matches!(body, Body::Position(p) if p.quantity == 30))
    );
    // 30 held and 70 reserved leave room for 400 of the 500.
    let more = client.order(limit(2, 1, BUY, 500, 100));
    assert_eq!(
        (more.decision, more.approved_quantity),
        (DecisionKind::Reduce, 400)
    );
}

#[test]
fn until_the_venue_has_spoken_the_reserve_stays() {
    let mut rig = crashed(vec![]);
    rig.venue.cut(true);
    rig.start();
    let mut client = rig.client();
    let decision = client.order(limit(2, 1, BUY, 10, 100));
    assert_eq!(decision.reason, Reason::VenueDown.code());
    assert_eq!(rig.metrics()["execs"].as_u64().unwrap_or(0), 0);
    rig.venue.come_back();
    client.wait(|body| matches!(body, Body::Exec(e) if e.order_id == 1 && e.reason == Reason::VenueNeverSaw.code()));
}

#[test]
fn a_lost_venue_refuses_at_once_and_nothing_is_sent_later() {
    let rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 10, 100));
    rig.venue.expect("D", 1);
    rig.venue.cut(true);
    client.wait(|body| matches!(body, Body::State(s) if !s.venue_up));
    for id in 2..5 {
        let decision = client.order(limit(id, 1, BUY, 10, 100));
        assert_eq!(
            (decision.decision, decision.reason),
            (DecisionKind::Reject, Reason::VenueDown.code())
        );
    }
    rig.venue.book().orders = vec![
        status("0", 0, "0")
            .into_iter()
            .map(|(tag, value)| {
                (
                    tag,
                    if tag == 38 || tag == 151 {
                        "10".into()
                    } else {
                        value
                    },
                )
            })
            .collect(),
    ];
    let before = rig.venue.logons();
    rig.venue.come_back();
    eventually("a second logon", || rig.venue.logons() > before);
    client.wait(|body| matches!(body, Body::State(s) if s.venue_up));
    // Asked for everything it ever sent, riskd fills the gap and repeats nothing.
    rig.venue.request_resend(1);
    let fill = rig.venue.expect("4", 1);
    assert_eq!((fill.text(123), fill.seq), ("Y", 1));
    client.wait_active();
    client.order(limit(9, 2, BUY, 10, 50));
    let orders: Vec<_> = {
        rig.venue.expect("D", 2);
        rig.venue
            .received("D")
            .iter()
            .map(|m| m.text(11).to_string())
            .collect()
    };
    assert_eq!(orders, ["US-1", "US-9"]);
    // Both sides agree on the numbers after the gap fill: the number it names is the next that came.
    let next: u64 = fill.text(36).parse().unwrap();
    assert!(rig.venue.received("D")[1].seq >= next);
}

#[test]
fn fills_missed_while_away_come_once_each_with_their_fees() {
    let rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 100));
    let order = rig.venue.expect("D", 1);
    client.exec(1);
    rig.venue.cut(true);
    client.wait(|body| matches!(body, Body::Exec(e) if e.exec_type == ExecType::Unknown));
    rig.venue.report(&order, "F", "1", 40, 40, "99");
    rig.venue.report(&order, "F", "1", 20, 60, "101");
    {
        let mut book = rig.venue.book();
        book.orders = vec![status("1", 60, "99.666667")];
        book.positions = vec![(1, "AAA", 60, "100")];
        book.cash = Some("994019".into());
    }
    rig.venue.come_back();
    let fills: Vec<_> = std::iter::repeat_with(|| client.exec(1))
        .filter(|exec| exec.last_quantity > 0)
        .take(2)
        .map(|exec| (exec.last_quantity, exec.last_price, exec.fee, exec.replayed))
        .collect();
    assert_eq!(
        fills,
        [
            (40, 99_000_000, 500_000, false),
            (20, 101_000_000, 500_000, false)
        ]
    );
    client.wait_active();
    let bodies = client.sync();
    assert!(
        bodies
            .iter()
            .any(|body| matches!(body, Body::Position(p) if p.quantity == 60))
    );
    assert!(
        bodies
            .iter()
            .any(|body| matches!(body, Body::State(s) if s.cash == 994_019_000_000))
    );
    eventually("metrics", || rig.metrics()["execs"] == 3);
    assert_eq!(rig.metrics()["execs_synthesised"], 0);
}

#[test]
fn a_fill_before_a_crash_is_not_counted_again_after_it() {
    let mut rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 100));
    let order = rig.venue.expect("D", 1);
    rig.venue.report_as("ONCE", &order, "F", "1", 40, 40, "100");
    while client.exec(1).last_quantity == 0 {}
    rig.crash();
    rig.venue.book().orders = vec![status("1", 40, "100")];
    rig.venue.book().positions = vec![(1, "AAA", 40, "100")];
    rig.start();
    let mut client = rig.trading();
    rig.venue.report_as("ONCE", &order, "F", "1", 40, 40, "100");
    rig.venue
        .report_as("TWICE", &order, "F", "1", 10, 50, "100");
    let exec = loop {
        let exec = client.exec(1);
        if !exec.replayed {
            break exec;
        }
    };
    assert_eq!((exec.last_quantity, exec.cumulative_quantity), (10, 50));
    client.wait(|body| matches!(body, Body::Position(p) if p.quantity == 50));
}

/// What a SYNC tells of orders, with the moment each frame carries.
fn story(client: &mut crate::support::Client) -> Vec<(i64, Body)> {
    client.send(Body::Sync(dnalyaw_frames::Sync { nonce: 77 }));
    let mut told = Vec::new();
    loop {
        match client.next().expect("the link is open") {
            Body::SyncEnd(end) if end.nonce == 77 => return told,
            body @ (Body::Decision(_) | Body::Exec(_)) => told.push((client.moment, body)),
            _ => {}
        }
    }
}

#[test]
fn a_sync_repeats_every_report_as_it_was_told_first() {
    let mut rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 100));
    let order = rig.venue.expect("D", 1);
    rig.venue
        .report_as("FIRST", &order, "F", "1", 40, 40, "99.5");
    rig.venue
        .report_as("SECOND", &order, "F", "1", 25, 65, "99.6");
    let mut live = Vec::new();
    while live.len() < 3 {
        live.push(client.exec(1));
    }
    // The last one comes when nobody listens.
    drop(client);
    rig.venue
        .report_as("THIRD", &order, "F", "2", 35, 100, "99.7");
    eventually("the fill is taken", || rig.metrics()["execs"] == 4);
    let mut client = rig.client();
    let told = story(&mut client);
    assert!(
        matches!(&told[0].1, Body::Decision(d) if d.order_id == 1 && d.approved_quantity == 100)
    );
    let execs: Vec<_> = told[1..]
        .iter()
        .map(|(_, body)| match body {
            Body::Exec(exec) => exec.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(execs.iter().all(|exec| exec.replayed));
    let fills: Vec<_> = execs
        .iter()
        .map(|exec| {
            (
                exec.last_quantity,
                exec.last_price,
                exec.fee,
                exec.cumulative_quantity,
            )
        })
        .collect();
    // The venue of these tests charges half a unit a fill.
    assert_eq!(
        fills,
        [
            (0, 0, 0, 0),
            (40, 99_500_000, 500_000, 40),
            (25, 99_600_000, 500_000, 65),
            (35, 99_700_000, 500_000, 100)
        ]
    );
    for (first, again) in live.iter().zip(&execs) {
        assert_eq!(
            (first.exec_id, first.exec_type, first.leaves_quantity),
            (again.exec_id, again.exec_type, again.leaves_quantity)
        );
        assert_eq!((first.bid, first.ask), (again.bid, again.ask));
    }
    // Again, and by a riskd that has it from its journal: the same story, at the same moments.
    assert_eq!(story(&mut client), told);
    rig.crash();
    rig.start();
    assert_eq!(story(&mut rig.client()), told);
}

#[test]
fn a_cancel_asked_for_while_away_leaves_on_return() {
    let rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 100));
    rig.venue.expect("D", 1);
    client.exec(1);
    rig.venue.cut(true);
    client.wait(|body| matches!(body, Body::State(s) if !s.venue_up));
    client.send(Body::Cancel(dnalyaw_frames::Cancel {
        order_id: 1,
        correlation: [3; 16],
    }));
    client.sync();
    assert!(rig.venue.received("F").is_empty());
    rig.venue.book().orders = vec![status("0", 0, "0")];
    rig.venue.come_back();
    assert_eq!(rig.venue.expect("F", 1).text(41), "US-1");
}

#[test]
fn a_torn_last_record_is_cut_off_and_a_broken_one_refuses_to_start() {
    let mut rig = Rig::running();
    rig.trading().order(limit(1, 1, BUY, 100, 100));
    rig.venue.expect("D", 1);
    rig.crash();
    let mut torn = std::fs::read(rig.journal()).unwrap();
    let end = torn.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    torn[end..end + 10].copy_from_slice(&[200, 0, 0, 0, 1, 2, 3, 4, b'{', b'"']);
    std::fs::write(rig.journal(), &torn).unwrap();
    let ready = rig.start();
    assert_eq!(ready["torn_bytes"], 10);
    assert_eq!(ready["last_order_id"], 1);
    rig.wait_log(&["journal_torn"]);
    rig.crash();
    let mut broken = std::fs::read(rig.journal()).unwrap();
    // Behind the header page stands the first record.
    broken[4096 + 60] ^= 0xFF;
    std::fs::write(rig.journal(), &broken).unwrap();
    let output = rig.run();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("record 1") && said.lines().count() == 1,
        "{said}"
    );
    assert_eq!(
        std::fs::read(rig.journal()).unwrap(),
        broken,
        "left as it was"
    );
}

#[test]
fn the_baseline_of_a_session_outlives_a_restart() {
    let mut rig = Rig::running();
    rig.trading();
    rig.crash();
    rig.venue.book().cash = Some("980000".into());
    rig.start();
    let mut client = rig.trading();
    let bodies = client.sync();
    let state = bodies
        .iter()
        .find_map(|body| match body {
            Body::State(state) => Some(state.clone()),
            _ => None,
        })
        .unwrap();
    assert_eq!(state.equity, 980_000_000_000);
    assert_eq!(state.baseline, 1_000_000_000_000);
    assert_eq!(state.drawdown_bp, 200);
}

#[test]
fn a_venue_with_fresh_numbers_is_logged_on_to_all_the_same() {
    let mut rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 10, 100));
    rig.venue.expect("D", 1);
    // Another venue at another address, whose numbers start at one.
    let other = Venue::start();
    other.book().orders = vec![status("0", 0, "0")];
    rig.venue.cut(true);
    rig.address(other.port);
    client.wait(|body| matches!(body, Body::State(s) if !s.venue_up));
    client.wait(|body| matches!(body, Body::State(s) if s.venue_up));
    assert!(other.logons() >= 1);
    rig.venue = other;
}

#[test]
fn a_single_fill_told_only_by_the_status_keeps_its_id_price_and_fee() {
    let mut report = status("1", 40, "99");
    report.extend([
        (19, "V77".to_string()),
        (32, "40".into()),
        (31, "99".into()),
        (12, "0.25".into()),
    ]);
    let mut rig = crashed(vec![report]);
    rig.start();
    let mut client = rig.trading();
    let exec = client
        .sync()
        .into_iter()
        .find_map(|body| match body {
            Body::Exec(exec) => Some(exec),
            _ => None,
        })
        .expect("the order's last report");
    assert_eq!(
        (exec.last_quantity, exec.last_price, exec.fee),
        (40, 99_000_000, 250_000)
    );
    // The first eight bytes of SHA-256("V77"), little endian.
    assert_eq!(exec.exec_id, sha_prefix("V77"));
}

#[test]
fn fees_of_a_fill_that_only_a_later_report_proved_are_told_by_the_status() {
    let mut rig = Rig::running();
    let mut client = rig.trading();
    client.order(limit(1, 1, BUY, 100, 100));
    let order = rig.venue.expect("D", 1);
    client.exec(1);
    // The report of the first 40 is lost; the next one has its own fee, and the order costs 0.75 in all.
    let mut report = status("1", 60, "99.666667");
    report.push((12, "0.75".into()));
    rig.venue.book().orders = vec![report];
    rig.venue.report(&order, "F", "1", 20, 60, "101");
    let told = |client: &mut Client| {
        let exec = client.exec(1);
        (
            exec.exec_type,
            exec.last_quantity,
            exec.cumulative_quantity,
            exec.fee,
        )
    };
    assert_eq!(told(&mut client), (ExecType::Partial, 40, 40, 0));
    assert_eq!(told(&mut client), (ExecType::Partial, 20, 60, 500_000));
    assert_eq!(told(&mut client), (ExecType::Corrected, 0, 60, 250_000));
    // Told once: the same list again is no news, and a riskd that starts again has it from its journal.
    rig.crash();
    rig.start();
    let mut client = rig.trading();
    let fees: i64 = client
        .sync()
        .iter()
        .map(|body| match body {
            Body::Exec(exec) => exec.fee,
            _ => 0,
        })
        .sum();
    assert_eq!(fees, 750_000);
}

fn sha_prefix(text: &str) -> u64 {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(text.as_bytes());
    u64::from_le_bytes(hash[..8].try_into().unwrap())
}

#[test]
fn a_working_order_nobody_knows_halts_until_it_is_gone() {
    let mut rig = Rig::new();
    let mut foreign = status("0", 0, "0");
    foreign[0].1 = "DESK-900".into();
    rig.venue.book().orders = vec![foreign];
    rig.start();
    rig.wait_log(&["unknown_order", "DESK-900"]);
    let mut client = rig.client();
    client.wait_active();
    let decision = client.order(limit(1, 1, BUY, 10, 100));
    assert_eq!(decision.reason, Reason::Unreconciled.code());
    assert!(rig.venue.received("D").is_empty());
    rig.venue.book().orders.clear();
    client.wait(|body| matches!(body, Body::State(s) if s.trading_state == dnalyaw_frames::TradingState::Active));
    let decision = client.order(limit(2, 1, BUY, 10, 100));
    assert_eq!(decision.decision, DecisionKind::Approve);
}
