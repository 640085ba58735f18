//! Modifications: checked as the order they would become, with both reserved until the venue answers; and corrections.
//! Equity is 1,000,000 and every price 100.00 unless said otherwise.

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::{Approve, Reduce, Reject};
use dnalyaw_engine::*;

fn change(order_id: u64, original_id: u64, quantity: i64, price: i64) -> ReplaceRequest {
    ReplaceRequest {
        order_id,
        original_id,
        quantity,
        limit_price: price * ONE,
        stop_distance: 0,
    }
}

fn replace(engine: &mut Engine, request: &ReplaceRequest) -> (DecisionKind, Reason, i64) {
    let decision = engine.decide_replace(request, T0);
    assert_eq!(engine.running(), engine.recompute_from_scratch());
    outcome(&decision)
}

/// A bid for 100 at 100 with a stop at 98, order 1.
fn bidding() -> Engine {
    let mut engine = funded();
    assert_eq!(decide(&mut engine, &buy(1, 1, 100, 100, 2)).0, Approve);
    engine
}

#[test]
fn from_small_to_huge_is_cut_to_the_limit() {
    let mut engine = bidding();
    assert_eq!(
        replace(&mut engine, &change(2, 1, 5_000, 100)),
        (Reduce, Reason::InstrumentLimit, 500)
    );
    // Both are reserved: nothing more fits, whichever way the venue answers.
    assert_eq!(engine.order(1).expect("works").replacement_id, 2);
    assert_eq!(engine.order(2), engine.order(1));
    assert_eq!(
        decide(&mut engine, &buy(3, 1, 1, 100, 2)),
        (Reject, Reason::InstrumentLimit, 0)
    );
    engine.on_replace_refused(1).expect("it was pending");
    assert_eq!(engine.order(1).expect("stands").quantity, 100);
    assert_eq!(engine.order(2), None);
    assert_eq!(
        decide(&mut engine, &buy(4, 1, 500, 100, 2)),
        (Reduce, Reason::InstrumentLimit, 400)
    );
    assert_eq!(engine.on_replace_refused(1), Err(Reason::UnknownOrder));
    assert_eq!(engine.on_replaced(1), Err(Reason::UnknownOrder));
}

#[test]
fn a_taken_modification_goes_on_under_its_own_id() {
    let mut engine = bidding();
    engine
        .on_execution(&fill(1, 30, 100, 30))
        .expect("a sound report");
    assert_eq!(
        replace(&mut engine, &change(2, 1, 80, 99)),
        (Approve, Reason::None, 80)
    );
    engine.on_replaced(1).expect("it was pending");
    assert_eq!(engine.order(1), None);
    let order = engine.order(2).expect("works");
    assert_eq!(
        (order.quantity, order.cumulative_quantity, order.limit_price),
        (80, 30, 99 * ONE)
    );
    // A fill that was on its way under the old id still counts, and so does its repeat under the new one.
    let late = engine
        .on_execution(&fill(1, 20, 100, 50))
        .expect("a sound report");
    assert_eq!(late.position_change, 20);
    let again = engine
        .on_execution(&fill(2, 20, 100, 50))
        .expect("a sound report");
    assert!(again.repeated);
    let last = engine
        .on_execution(&fill(2, 30, 99, 80))
        .expect("a sound report");
    assert!(last.finished);
    assert_eq!((engine.position(1), engine.working_orders()), (80, vec![]));
    assert_eq!(engine.running(), engine.recompute_from_scratch());
    // Through a chain of two.
    let mut engine = bidding();
    for (id, original) in [(2, 1), (3, 2)] {
        assert_eq!(
            replace(&mut engine, &change(id, original, 90, 100)).0,
            Approve
        );
        engine.on_replaced(original).expect("it was pending");
    }
    let late = engine
        .on_execution(&fill(1, 5, 100, 5))
        .expect("a sound report");
    assert_eq!(late.position_change, 5);
    assert_eq!(engine.order(3).expect("works").cumulative_quantity, 5);
}

#[test]
fn filled_while_the_modification_was_on_its_way() {
    // 100 are done when the venue takes the modification to 60: nothing is left.
    let mut engine = bidding();
    assert_eq!(replace(&mut engine, &change(2, 1, 60, 100)).0, Approve);
    engine
        .on_execution(&fill(1, 70, 100, 70))
        .expect("a sound report");
    assert!(engine.order(1).is_some(), "30 may still fill");
    engine.on_replaced(1).expect("it was pending");
    assert_eq!(engine.working_orders(), []);
    // Filled whole under the old terms, and the modification to more refused.
    let mut engine = bidding();
    assert_eq!(replace(&mut engine, &change(2, 1, 150, 100)).0, Approve);
    let done = engine
        .on_execution(&fill(1, 100, 100, 100))
        .expect("a sound report");
    assert!(!done.finished, "50 more may come");
    let refused = engine
        .on_execution(&report(2, ExecKind::Rejected, 100))
        .expect("a sound report");
    assert!(refused.finished);
    assert_eq!((engine.position(1), engine.working_orders()), (100, vec![]));
    assert_eq!(engine.running(), engine.recompute_from_scratch());
}

#[test]
fn the_dearer_price_is_reserved_for_all_that_may_fill() {
    // 400 work at 100; at 104 the limit of 50,000 holds 480.
    let mut engine = funded();
    assert_eq!(decide(&mut engine, &buy(1, 1, 400, 100, 2)).0, Approve);
    assert_eq!(
        replace(&mut engine, &change(2, 1, 500, 104)),
        (Reduce, Reason::InstrumentLimit, 480)
    );
    engine.on_replace_refused(1).expect("it was pending");
    // Fewer at a dearer price: the 400 that may still fill are what is reserved at it, and 490 would not fit.
    assert_eq!(
        replace(&mut engine, &change(3, 1, 300, 104)),
        (Approve, Reason::None, 300)
    );
    engine.on_replaced(1).expect("it was pending");
    let mut engine = funded();
    assert_eq!(decide(&mut engine, &buy(1, 1, 490, 100, 2)).0, Approve);
    assert_eq!(
        replace(&mut engine, &change(2, 1, 300, 104)),
        (Reject, Reason::InstrumentLimit, 0)
    );
    assert_eq!(engine.order(1).expect("stands").replacement_id, 0);
}

#[test]
fn what_raises_nothing_passes_in_every_state() {
    let mut engine = bidding();
    engine.set_halt(Halt::Operator, true);
    assert_eq!(
        replace(&mut engine, &change(2, 1, 101, 100)),
        (Reject, Reason::Halted, 0)
    );
    assert_eq!(replace(&mut engine, &change(3, 1, 100, 99)).0, Approve);
    engine.on_replaced(1).expect("it was pending");
    engine.kill(Reason::Operator);
    assert_eq!(replace(&mut engine, &change(4, 3, 50, 99)).0, Approve);
    engine.on_replaced(3).expect("it was pending");
    // Not at a price that is absurd, and not without a venue.
    assert_eq!(
        replace(&mut engine, &change(5, 4, 50, 79)),
        (Reject, Reason::Collar, 0)
    );
    engine.on_venue(false);
    assert_eq!(
        replace(&mut engine, &change(6, 4, 40, 99)),
        (Reject, Reason::VenueDown, 0)
    );
}

#[test]
fn what_cannot_be_modified_says_why() {
    let mut engine = bidding();
    engine
        .on_execution(&fill(1, 30, 100, 30))
        .expect("a sound report");
    for (request, reason) in [
        (change(0, 1, 50, 100), Reason::Malformed),
        (change(1, 1, 50, 100), Reason::DuplicateId),
        (change(2, 9, 50, 100), Reason::UnknownOrder),
        (change(3, 1, 30, 100), Reason::BadQuantity),
        (change(4, 1, 0, 100), Reason::BadQuantity),
        (change(5, 1, 50, 0), Reason::Malformed),
        (
            ReplaceRequest {
                limit_price: 99_995_000,
                ..change(6, 1, 50, 100)
            },
            Reason::BadTick,
        ),
        (change(7, 1, 50, 106), Reason::Collar),
    ] {
        assert_eq!(
            replace(&mut engine, &request),
            (Reject, reason, 0),
            "{request:?}"
        );
    }
    assert_eq!(replace(&mut engine, &change(8, 1, 90, 100)).0, Approve);
    assert_eq!(
        replace(&mut engine, &change(9, 1, 80, 100)),
        (Reject, Reason::UnknownOrder, 0),
        "one is pending"
    );
    engine.on_replace_refused(1).expect("it was pending");
    assert!(engine.request_cancel(1).is_ok());
    assert_eq!(
        replace(&mut engine, &change(10, 1, 80, 100)),
        (Reject, Reason::UnknownOrder, 0),
        "it is being cancelled"
    );
}

#[test]
fn a_closing_order_grows_to_what_is_held_and_no_further() {
    let mut engine = funded_with(TighterLimits::none(), 960_000, &[(1, 400)]);
    let offer = OrderRequest {
        limit_price: 101 * ONE,
        order_type: TYPE_LIMIT,
        ..sell(1, 1, 100)
    };
    assert_eq!(decide(&mut engine, &offer).0, Approve);
    assert_eq!(decide(&mut engine, &sell(2, 1, 50)).0, Approve);
    engine.kill(Reason::Operator);
    assert_eq!(
        replace(&mut engine, &change(3, 1, 1_000, 101)),
        (Reduce, Reason::ShortSale, 350)
    );
    assert_eq!(
        decide(&mut engine, &sell(4, 1, 1)),
        (Reject, Reason::ShortSale, 0)
    );
}

#[test]
fn a_more_aggressive_price_does_not_meet_an_order_of_our_own() {
    let mut engine = funded_with(TighterLimits::none(), 990_000, &[(1, 100)]);
    let offer = OrderRequest {
        limit_price: 99 * ONE,
        order_type: TYPE_LIMIT,
        ..sell(1, 1, 50)
    };
    assert_eq!(decide(&mut engine, &offer).0, Approve);
    assert_eq!(decide(&mut engine, &buy(2, 1, 10, 97, 2)).0, Approve);
    // Below the mark of 100 it is no dearer, and would still trade with the offer at 99.
    assert_eq!(
        replace(&mut engine, &change(3, 2, 10, 99)),
        (Reject, Reason::SelfMatch, 0)
    );
    assert_eq!(replace(&mut engine, &change(4, 2, 10, 98)).0, Approve);
    // While the answer is out the better of the two prices counts.
    let short = OrderRequest {
        limit_price: 98 * ONE,
        order_type: TYPE_LIMIT,
        ..sell(5, 1, 10)
    };
    assert_eq!(
        decide(&mut engine, &short).0,
        Approve,
        "closing is not held up"
    );
    assert_eq!(
        decide(&mut engine, &buy(6, 1, 1, 98, 2)),
        (Reject, Reason::SelfMatch, 0)
    );
}

#[test]
fn corrections_go_down_as_well() {
    let mut engine = bidding();
    engine
        .on_execution(&fill(1, 60, 101, 60))
        .expect("a sound report");
    assert_eq!(engine.cash(), Some((1_000_000 - 6_060) * ONE));
    // 20 were busted: they work again, cash comes back at the mark until the venue says.
    let busted = engine
        .on_execution(&report(1, ExecKind::Corrected, 40))
        .expect("a sound report");
    assert_eq!(
        (busted.position_change, busted.ask_account, busted.finished),
        (-20, true, false)
    );
    assert_eq!((engine.position(1), engine.traded()), (40, vec![(1, 40)]));
    assert_eq!(engine.cash(), Some((1_000_000 - 6_060 + 2_000) * ONE));
    assert_eq!(engine.running(), engine.recompute_from_scratch());
    // Told again it changes nothing.
    let again = engine
        .on_execution(&report(1, ExecKind::Corrected, 40))
        .expect("a sound report");
    assert_eq!((again.position_change, again.ask_account), (0, false));
    // An order that has ended stays ended.
    engine
        .on_execution(&report(1, ExecKind::Cancelled, 40))
        .expect("a sound report");
    let after = engine
        .on_execution(&report(1, ExecKind::Corrected, 0))
        .expect("a sound report");
    assert_eq!((after.position_change, after.finished), (-40, true));
    assert_eq!((engine.position(1), engine.working_orders()), (0, vec![]));
    assert_eq!(engine.running(), engine.recompute_from_scratch());
}

/// A short at 104 in a name of which 1,000 can be borrowed, order 1.
fn offering() -> Engine {
    let mut engine = shortable();
    let offer = OrderRequest {
        side: Side::Sell as u8,
        flags: FLAG_SELL_SHORT,
        ..buy(1, 1, 100, 104, 10)
    };
    assert_eq!(decide(&mut engine, &offer), (Approve, Reason::None, 100));
    engine
}

#[test]
fn an_opening_that_becomes_more_aggressive_is_checked_as_a_new_one() {
    // An offer above the market has the same reserve at 81 as at 104, and would sell at once.
    let mut engine = offering();
    assert_eq!(
        replace(&mut engine, &change(2, 1, 100, 81)),
        (Reject, Reason::Collar, 0)
    );
    assert_eq!(
        replace(&mut engine, &change(3, 1, 100, 96)),
        (Approve, Reason::None, 100)
    );
    let mut engine = offering();
    engine.set_hold(Hold::Operator, true);
    assert_eq!(
        replace(&mut engine, &change(4, 1, 100, 103)),
        (Reject, Reason::ReduceOnly, 0)
    );
    assert_eq!(
        replace(&mut engine, &change(5, 1, 90, 104)),
        (Approve, Reason::None, 90),
        "what takes shares back passes"
    );
    // A bid at 95, reserved at 100: at 90 the market is far below, and 100 is 11% through it.
    let mut engine = funded();
    assert_eq!(decide(&mut engine, &buy(1, 1, 100, 95, 2)).0, Approve);
    at(&mut engine, 1, 90);
    assert_eq!(
        replace(&mut engine, &change(2, 1, 100, 100)),
        (Reject, Reason::Collar, 0)
    );
}

#[test]
fn modifications_are_messages_too() {
    let spec = TighterSpec {
        message_rate: Some(2),
        ..TighterSpec::default()
    };
    let limits = TighterLimits::new(spec).expect("tighter");
    let mut engine = funded_with(limits, 1_000_000, &[]);
    assert_eq!(decide(&mut engine, &buy(1, 1, 100, 100, 2)).0, Approve);
    assert_eq!(
        replace(&mut engine, &change(2, 1, 100, 100)),
        (Approve, Reason::None, 100)
    );
    engine.on_replaced(1).expect("it was pending");
    assert_eq!(
        replace(&mut engine, &change(3, 2, 100, 99)),
        (Reject, Reason::RateThrottle, 0)
    );
    assert_eq!(
        replace(&mut engine, &change(4, 2, 99, 99)),
        (Approve, Reason::None, 99),
        "what takes shares back always goes"
    );
}
