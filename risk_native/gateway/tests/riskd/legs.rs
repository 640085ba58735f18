//! Linked legs on the wire: all of them or none, and short sales marked.

use dnalyaw_engine::{FLAG_SELL_SHORT, Reason};
use dnalyaw_frames::{Body, DecisionKind, Legs, NewOrder};

use crate::support::{BUY, Rig, SELL, limit};

fn leg(mut order: NewOrder, leg: u8, legs: u8) -> NewOrder {
    order.legs = Legs::new(leg, legs).expect("legs");
    order
}

#[test]
fn legs_are_decided_at_the_last_and_scale_together() {
    let rig = Rig::running();
    let mut client = rig.trading();
    // 5% is 500 of AAA at 100 and 1,000 of BBB at 50: the first leg fits by half.
    client.send(Body::NewOrder(leg(limit(1, 1, BUY, 1000, 100), 1, 2)));
    client.send(Body::NewOrder(leg(limit(2, 2, BUY, 400, 50), 2, 2)));
    let (first, second) = (client.decision(1), client.decision(2));
    assert_eq!(
        (first.decision, first.approved_quantity),
        (DecisionKind::Reduce, 500)
    );
    assert_eq!(
        (second.decision, second.approved_quantity),
        (DecisionKind::Reduce, 200)
    );
    assert_eq!(rig.venue.expect("D", 2).text(38), "200");
    assert_eq!(rig.venue.book().journaled_first, [true; 2]);
    // Asked again, told again.
    client.send(Body::NewOrder(leg(limit(1, 1, BUY, 1000, 100), 1, 2)));
    client.send(Body::NewOrder(leg(limit(2, 2, BUY, 400, 50), 2, 2)));
    assert_eq!(
        (
            client.decision(1).approved_quantity,
            client.decision(2).approved_quantity
        ),
        (500, 200)
    );
    assert_eq!(rig.venue.received("D").len(), 2);
}

#[test]
fn what_breaks_the_row_rejects_all_of_it() {
    let rig = Rig::running();
    let mut client = rig.trading();
    client.send(Body::NewOrder(leg(limit(1, 1, BUY, 10, 100), 1, 3)));
    client.send(Body::NewOrder(leg(limit(2, 2, BUY, 10, 50), 2, 3)));
    let alone = client.order(limit(3, 2, BUY, 10, 50));
    assert_eq!(
        alone.decision,
        DecisionKind::Approve,
        "an order of its own is judged by itself"
    );
    let bodies = client.sync();
    for id in [1, 2] {
        assert!(
            bodies.iter().any(|body| matches!(body, Body::Decision(d)
                if d.order_id == id && d.decision == DecisionKind::Reject && d.reason == Reason::LinkedLeg.code())),
            "leg {id}"
        );
    }
    // A leg that does not follow.
    client.send(Body::NewOrder(leg(limit(4, 1, BUY, 10, 100), 2, 2)));
    assert_eq!(client.decision(4).reason, Reason::LinkedLeg.code());
    // A line that closes within a row.
    client.send(Body::NewOrder(leg(limit(5, 1, BUY, 10, 100), 1, 2)));
    client.sync();
    drop(client);
    let mut client = rig.trading();
    let bodies = client.sync();
    assert!(bodies.iter().any(|body| matches!(body, Body::Decision(d) if d.order_id == 5 && d.reason == Reason::LinkedLeg.code())));
    assert_eq!(rig.venue.received("D").len(), 1);
}

#[test]
fn one_bad_leg_takes_the_others_with_it() {
    let rig = Rig::running();
    let mut client = rig.trading();
    client.send(Body::NewOrder(leg(limit(1, 1, BUY, 10, 100), 1, 2)));
    client.send(Body::NewOrder(leg(limit(2, 99, BUY, 10, 50), 2, 2)));
    assert_eq!(client.decision(1).reason, Reason::LinkedLeg.code());
    assert_eq!(client.decision(2).reason, Reason::UnknownInstrument.code());
    assert!(rig.venue.received("D").is_empty());
}

#[test]
fn a_short_sale_is_marked_as_one() {
    let mut rig = Rig::new();
    let mut reference = crate::support::reference();
    reference["instruments"][0]["locate"] = 50.into();
    std::fs::write(rig.dir.path().join("reference.json"), reference.to_string()).unwrap();
    rig.start();
    let mut client = rig.trading();
    let mut order = limit(1, 1, SELL, 80, 100);
    order.flags = FLAG_SELL_SHORT;
    let decision = client.order(order);
    assert_eq!(
        (decision.decision, decision.approved_quantity),
        (DecisionKind::Reduce, 50)
    );
    let sent = rig.venue.expect("D", 1);
    assert_eq!(
        (sent.text(54), sent.text(114), sent.text(38)),
        ("5", "N", "50")
    );
    let unmarked = client.order(limit(2, 2, SELL, 1, 50));
    assert_eq!(unmarked.reason, Reason::ShortSale.code());
}
