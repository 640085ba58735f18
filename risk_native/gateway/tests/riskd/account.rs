//! Cash that holds a fill nobody here has heard of: neither missed for long nor taken off twice.

use dnalyaw_frames::{Body, DecisionKind};

use crate::support::{BUY, Rig, limit};

#[test]
fn cash_is_asked_for_behind_the_orders_whose_fills_it_may_hold() {
    let rig = Rig::running();
    let mut client = rig.trading();
    assert_eq!(
        client.order(limit(1, 1, BUY, 400, 100)).decision,
        DecisionKind::Approve
    );
    rig.venue.expect("D", 1);
    client.exec(1);
    // 400 at 100 were filled, and the report was lost.
    {
        let mut book = rig.venue.book();
        book.cash = Some("960000".into());
        book.positions = vec![(1, "AAA", 400, "100")];
        let filled = [
            (11, "US-1"),
            (39, "2"),
            (55, "AAA"),
            (54, "1"),
            (38, "400"),
            (151, "0"),
            (14, "400"),
            (6, "100"),
        ];
        book.orders = vec![filled.map(|(tag, value)| (tag, value.to_string())).to_vec()];
    }
    let answer = rig.call(&["flow", "--amount-micro", "1", "--reason", "drill"]);
    assert_eq!(answer.0, Some(0), "{}", answer.1);
    // A million less the spread of a cent; cash without its shares would be 40,000 less, and taken off twice it would be too.
    let mut cash = 0;
    while cash != 960_000_000_000 {
        if let Body::State(state) = client.next().expect("the link is open")
            && state.equity > 0
        {
            assert!(state.equity >= 999_990_000_000, "{state:?}");
            cash = state.cash;
        }
    }
    let kinds: Vec<String> = rig.venue.kinds();
    let questions: Vec<&str> = kinds
        .iter()
        .map(String::as_str)
        .filter(|kind| ["AF", "AN", "BB"].contains(kind))
        .collect();
    assert!(
        questions.ends_with(&["AF", "AN", "BB"]),
        "the orders, then the account: {questions:?}"
    );
}
