//! Every running sum, put wrong by one in turn: the shadow must name that sum, and nothing else hides it.

use super::Shadow;
use crate::engine::Engine;
use crate::heap::NIL;
use crate::instrument::Instrument;
use crate::tighter::TighterLimits;
use crate::types::{InstrumentReference, OrderRequest, SessionState, ShadowDifference, TYPE_LIMIT};
use crate::units::MICRO;

const NOW: i64 = 1_763_994_600_000_000_000;

/// Long 100 of instrument 1 and short 10 of instrument 2, with an order resting on each side of the first.
fn book() -> Engine {
    let reference: Vec<_> = [(1, "tech"), (2, "banks")]
        .map(|(instrument_id, sector)| InstrumentReference {
            instrument_id,
            issuer_id: 10 * instrument_id,
            sector: Some(sector.to_owned()),
            venue: "NYSE".to_owned(),
            lot: 1,
            tick_micro: 10_000,
            tradable: true,
            restricted: false,
            volatility_bp: 200,
            gap_bp: 200,
            adv: 1_000_000,
            locate: 0,
            close_micro: 100 * MICRO,
        })
        .into();
    let mut engine = Engine::with_room(&reference, TighterLimits::none(), 8).expect("sound");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, 20_251_124);
    engine.on_clock(NOW);
    let price = 100 * MICRO;
    for instrument_id in [1, 2] {
        assert!(engine.on_price(instrument_id, price, price, price, NOW));
    }
    engine.begin_positions();
    assert!(engine.on_position(1, 100) && engine.on_position(2, -10));
    engine.positions_complete();
    engine.on_account(1_000_000 * MICRO);
    for (order_id, side, limit_price) in [(1, 1, 99), (2, 2, 101)] {
        let order = OrderRequest {
            order_id,
            instrument_id: 1,
            quantity: 20,
            limit_price: limit_price * MICRO,
            stop_distance: 2 * MICRO,
            side,
            order_type: TYPE_LIMIT,
            time_in_force: 0,
            flags: 0,
            strategies: 0,
        };
        assert_eq!(engine.decide(&order, NOW).approved_quantity, 20);
    }
    engine
}

fn difference(shadow: &Shadow) -> ShadowDifference {
    shadow.check().expect_err("a sum is wrong")
}

/// What the shadow says of a book that this was done to: which sum, whose, and by how much it ran too high.
fn found(put_wrong: impl FnOnce(&mut Engine)) -> (&'static str, u64, i128) {
    let mut engine = book();
    put_wrong(&mut engine);
    let found = difference(&engine.shadow());
    (found.what, found.whose, found.running - found.recomputed)
}

#[test]
fn a_book_whose_sums_are_right_differs_in_nothing() {
    assert_eq!(book().shadow().check(), Ok(()));
}

#[test]
fn each_sum_of_an_instrument_is_compared() {
    type PutWrong = fn(&mut Instrument);
    let cases: [(&str, PutWrong); 6] = [
        ("bought", |one| one.buys.quantity += 1),
        ("buy notional", |one| one.buys.notional += 1),
        ("long worst case", |one| one.buys.worst += 1),
        ("sold", |one| one.sells.quantity += 1),
        ("sell notional", |one| one.sells.notional += 1),
        ("short worst case", |one| one.sells.worst += 1),
    ];
    for (what, put_wrong) in cases {
        for (nth, id) in [(0, 1), (1, 2)] {
            let told = found(|engine| put_wrong(&mut engine.book.instruments[nth]));
            assert_eq!(told, (what, id, 1));
        }
    }
}

#[test]
fn no_order_is_reserved_outside_of_its_sides_bounds() {
    type PutWrong = fn(&mut Instrument);
    // Wider they may be, of orders that have ended; narrower than the orders there are they may not.
    let cases: [(&str, PutWrong, i128); 4] = [
        ("lowest buy reserve", |one| one.buys.bounds.low += 1, 1),
        ("highest buy reserve", |one| one.buys.bounds.high -= 1, -1),
        ("lowest sell reserve", |one| one.sells.bounds.low += 1, 1),
        ("highest sell reserve", |one| one.sells.bounds.high -= 1, -1),
    ];
    for (what, put_wrong, off) in cases {
        let told = found(|engine| put_wrong(&mut engine.book.instruments[0]));
        assert_eq!(told, (what, 1, off));
    }
}

#[test]
fn the_most_aggressive_order_of_each_side_is_compared() {
    let mut engine = book();
    engine.book.instruments[0].best_buy = NIL;
    let found = difference(&engine.shadow());
    assert_eq!((found.what, found.whose), ("most aggressive buy", 1));
    // Small is aggressive, so a buy at 99 has its price below nothing.
    assert_eq!((found.running, found.recomputed), (i128::MAX, -99_000_000));
    let mut engine = book();
    engine.book.instruments[0].best_sell = NIL;
    let found = difference(&engine.shadow());
    assert_eq!((found.what, found.whose), ("most aggressive sell", 1));
    assert_eq!((found.running, found.recomputed), (i128::MAX, 101_000_000));
}

#[test]
fn the_exposure_of_each_issuer_and_each_sector_is_compared() {
    for nth in [0, 1] {
        let told = found(|engine| engine.book.issuers[nth] -= 1);
        assert_eq!(told, ("exposure of issuer", nth as u64, -1));
        let told = found(|engine| engine.book.sectors[nth] -= 1);
        assert_eq!(told, ("exposure of sector", nth as u64, -1));
    }
}

#[test]
fn each_sum_of_the_book_is_compared() {
    type PutWrong = fn(&mut Engine);
    let cases: [(&str, PutWrong); 10] = [
        ("gross exposure", |e| e.book.sums.gross += 1),
        ("net exposure", |e| e.book.sums.net += 1),
        ("working buys", |e| e.book.sums.buys += 1),
        ("working sells", |e| e.book.sums.sells += 1),
        ("value", |e| e.book.sums.value += 1),
        ("value at the second marks", |e| {
            e.book.sums.second_value += 1
        }),
        ("reserved buys", |e| e.book.sums.reserved_buys += 1),
        ("value of shorts", |e| e.book.sums.short_value += 1),
        ("reserved short sales", |e| e.book.sums.short_reserved += 1),
        ("positions without a mark", |e| e.book.sums.unmarked += 1),
    ];
    for (what, put_wrong) in cases {
        assert_eq!(found(put_wrong), (what, 0, 1));
    }
}

#[test]
fn an_order_that_is_counted_and_rests_nowhere_is_found() {
    let mut shadow = book().shadow();
    shadow.running.orders += 1;
    let found = difference(&shadow);
    assert_eq!(
        (found.what, found.running, found.recomputed),
        ("working orders", 3, 2)
    );
    assert_eq!(
        found.to_string(),
        "working orders of 0: 3 as it ran, 2 from positions, marks and orders (SHADOW)"
    );
}

#[test]
fn an_order_that_rests_and_is_in_no_sum_is_found() {
    let mut shadow = book().shadow();
    shadow.orders.pop();
    assert_eq!(difference(&shadow).what, "working orders");
    shadow.running.orders -= 1;
    // The count put right too: its shares are still in the sums.
    assert!(["bought", "sold"].contains(&difference(&shadow).what));
}
