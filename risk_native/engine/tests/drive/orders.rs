//! Orders at random: mostly such as are nearly right, so that the late checks are reached.

use dnalyaw_engine::{OrderRequest, Side};

use super::Pair;
use super::step::Words;
use crate::reference::exposure::closes;
use crate::reference::gates::tick;
use crate::reference::limits::{BP, LARGEST_PRICE, ONE};

/// The ones that may be traded more often than the others.
pub fn an_instrument(words: &mut Words) -> u64 {
    words.pick(&[1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 8])
}

/// A limit price around the reference, on a tick: mostly on the passive side, sometimes at the very end of a collar.
pub fn limit_near(pair: &Pair, at: usize, side: Side, words: &mut Words) -> i64 {
    let instrument = &pair.model.instruments[at];
    let mark = instrument.prices.mark().max(i128::from(ONE));
    let away = match words.below(16) {
        0 => words.between(-2_500, 2_500),
        1 => words.pick(&[-500, 500, -2_000, 2_000]),
        2..=4 => words.between(-500, 500),
        _ if side == Side::Buy => words.between(-400, 120),
        _ => words.between(-120, 400),
    };
    let mut price = (mark * (BP + i128::from(away)) / BP) as i64;
    let step = tick(&instrument.row, price).max(1);
    if !words.once_in(25) {
        price = price / step * step + step * i64::from(words.once_in(2));
    }
    price.clamp(1, LARGEST_PRICE)
}

/// An order that might pass.
pub fn an_order(pair: &mut Pair, words: &mut Words) -> OrderRequest {
    let instrument_id = an_instrument(words);
    let at = pair.place(instrument_id);
    let (position, lot) = {
        let instrument = &pair.model.instruments[at];
        (instrument.position, instrument.row.lot)
    };
    let side = match words.below(10) {
        0..=4 => Side::Buy,
        5..=7 => Side::Sell,
        _ if position > 0 => Side::Sell,
        _ => Side::Buy,
    };
    let closing = closes(position, side);
    let most = if words.once_in(10) { 800 } else { 45 };
    let quantity = match words.below(20) {
        0 => words.between(1, 30 * lot),
        1 | 2 if closing => (pair.model.reducible(at, side) as i64).max(1),
        3 if closing => position.abs() as i64 + words.between(-2, 2),
        _ => words.between(1, most) * lot,
    };
    let limited = !words.once_in(3);
    let mark = pair.model.instruments[at].prices.mark() as i64;
    let stop_distance = match words.below(20) {
        0..=4 => 0,
        5 => words.pick(&[1, LARGEST_PRICE, mark, mark + 1, mark / 2]),
        _ => mark / 10_000 * words.between(1, 1_500),
    };
    let opens_short = side == Side::Sell && !closing;
    let short = if opens_short {
        !words.once_in(6)
    } else {
        words.once_in(60)
    };
    let reduce_only = !short && words.once_in(if closing { 3 } else { 30 });
    OrderRequest {
        order_id: pair.new_id(),
        instrument_id,
        quantity,
        limit_price: if limited {
            limit_near(pair, at, side, words)
        } else {
            0
        },
        stop_distance: stop_distance.max(0),
        side: side as u8,
        order_type: if limited { 2 } else { 1 },
        time_in_force: words.pick(&[0, 0, 3]),
        flags: u8::from(reduce_only) + 2 * u8::from(short),
        strategies: words.pick(&[0, 1, 2, 4, 8, 16, 18, 64]),
    }
}

/// An order with something wrong in it.
pub fn broken(pair: &mut Pair, words: &mut Words) -> OrderRequest {
    let order = an_order(pair, words);
    let last = pair.model.last_id;
    match words.below(17) {
        0 => OrderRequest {
            order_id: 0,
            ..order
        },
        1 => OrderRequest {
            order_id: (1 << 62) + words.below(3),
            ..order
        },
        2 => OrderRequest {
            order_id: last,
            ..order
        },
        3 => OrderRequest {
            order_id: last.saturating_sub(1),
            ..order
        },
        4 => OrderRequest {
            order_type: words.pick(&[0, 3, 255]),
            ..order
        },
        5 => OrderRequest {
            limit_price: words.pick(&[-1, LARGEST_PRICE + 1, i64::MIN, i64::MAX]),
            ..order
        },
        6 => OrderRequest {
            time_in_force: words.pick(&[1, 2, 4]),
            ..order
        },
        7 => OrderRequest {
            flags: words.pick(&[4, 8, 128, 255]),
            ..order
        },
        8 => OrderRequest {
            stop_distance: words.pick(&[-1, LARGEST_PRICE + 1, i64::MIN]),
            ..order
        },
        9 => OrderRequest {
            side: words.pick(&[0, 3]),
            ..order
        },
        10 => OrderRequest {
            quantity: words.pick(&[0, -1, i64::MIN, 10_000_000_001, i64::MAX]),
            ..order
        },
        11 => OrderRequest {
            side: 1,
            flags: 2,
            ..order
        },
        12 => OrderRequest { flags: 3, ..order },
        13 => OrderRequest {
            instrument_id: words.pick(&[0, 9, u64::MAX]),
            ..order
        },
        14 => OrderRequest {
            limit_price: order.limit_price + 1,
            ..order
        },
        15 => OrderRequest {
            order_type: 3 - order.order_type,
            ..order
        },
        _ => OrderRequest {
            quantity: 10_000_000_000,
            ..order
        },
    }
}

/// An order without the usual mistakes: a tradable name, whole lots, marked as it should be.
fn clean(pair: &mut Pair, words: &mut Words) -> OrderRequest {
    let mut order = an_order(pair, words);
    order.instrument_id = words.between(1, 6) as u64;
    let at = pair.place(order.instrument_id);
    let instrument = &pair.model.instruments[at];
    let side = words.pick(&[Side::Buy, Side::Sell]);
    order.side = side as u8;
    let opens = !closes(instrument.position, side);
    order.flags = if opens && side == Side::Sell { 2 } else { 0 };
    order.quantity = words.between(1, 40) * instrument.row.lot;
    if order.order_type == 2 {
        let mark = instrument.prices.mark() as i64;
        let price = mark / 1_000 * if side == Side::Buy { 990 } else { 1_010 };
        let step = tick(&instrument.row, price).max(1);
        order.limit_price = (price / step * step).max(step);
    }
    order
}

/// Two to five legs, now and then one that cannot pass.
pub fn legs(pair: &mut Pair, words: &mut Words) -> Vec<OrderRequest> {
    let count = words.between(2, 5);
    let mut legs: Vec<OrderRequest> = Vec::new();
    for _ in 0..count {
        let mut leg = match words.below(30) {
            0 => broken(pair, words),
            1 => an_order(pair, words),
            _ => clean(pair, words),
        };
        let lot = pair.model.find(leg.instrument_id);
        let lot = lot.map_or(1, |at| pair.model.instruments[at].row.lot);
        leg.quantity = leg.quantity.min(60 * lot);
        if legs
            .iter()
            .all(|other| other.instrument_id != leg.instrument_id)
            || words.once_in(8)
        {
            legs.push(leg);
        }
    }
    while legs.len() < 2 {
        legs.push(clean(pair, words));
    }
    legs
}
