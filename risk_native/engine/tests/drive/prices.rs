//! Prices at random: small moves, jumps and their confirmation, and updates that make no price.

use super::Pair;
use super::event::Event;
use super::orders::an_instrument;
use super::step::Words;
use crate::reference::limits::{LARGEST_PRICE, MAX_AHEAD, ONE};

const MINUTE: i64 = 60_000_000_000;
const AHEAD: i64 = MAX_AHEAD as i64;

/// Two quotes, a moment apart, so that the second is taken however far the price had gone.
pub fn at(instrument: u64, price: i64, now: i64) -> [Event; 2] {
    let spread = price / 4_000;
    let quote = |ts| Event::Price {
        instrument,
        bid: price - spread,
        ask: price + spread,
        last: 0,
        ts,
    };
    [quote(now), quote(now + 1)]
}

/// One update.
pub fn a_price(pair: &Pair, words: &mut Words) -> Event {
    let instrument = an_instrument(words);
    let place = pair.place(instrument);
    let prices = &pair.model.instruments[place].prices;
    let base = pair.world.prices[place];
    if words.once_in(if prices.held.is_none() { 4 } else { 60 }) {
        let told = prices.settled.map_or(base, |(price, _)| price as i64);
        let price = match words.below(4) {
            0 => told / 100 * words.between(60, 140),
            1 => base,
            _ => told,
        };
        return Event::Settlement(instrument, price);
    }
    let from = match (prices.waiting, prices.mark() as i64) {
        (Some((waiting, _)), _) if words.once_in(2) => waiting as i64,
        (_, 0) => base,
        (_, mark) if mark > base * 2 || mark < base / 2 => base,
        (_, mark) => mark,
    };
    let away = match words.below(20) {
        0 => words.pick(&[-2_000, 2_000, -2_001, 2_001]),
        1 => words.between(-4_500, 4_500),
        2..=5 => words.between(-700, 700),
        _ => words.between(-150, 150),
    };
    let mid = (i128::from(from) * i128::from(10_000 + away) / 10_000).max(2) as i64;
    let half = mid / 10_000 * words.between(0, 60);
    let (bid, ask) = (mid - half, mid + half + i64::from(words.once_in(3)));
    let last = mid / 10_000 * (10_000 + words.between(-120, 120));
    let (bid, ask, last) = match words.below(20) {
        0 => (bid, 0, last),
        1 => (0, ask, last),
        2 => (0, 0, last),
        3 => (ask + 1, bid, last),
        4 => (ask + 1, bid, 0),
        5 => (0, 0, 0),
        6 => (words.pick(&[-1, i64::MIN, i64::MAX]), ask, last),
        7 => (bid, LARGEST_PRICE + 1, 0),
        8..=11 => (bid, ask, last),
        // A touch far from the middle.
        12 => (mid / 100 * 96, mid / 100 * 104 + ONE, last),
        // As wide as a quote may be, a little more, and far more: the last and a bid and an ask that say nothing.
        13 => {
            let twentieth = mid / 20;
            let ask = 21 * twentieth + words.between(-2, 2);
            (19 * twentieth, ask, words.pick(&[0, last]))
        }
        14 => (mid / 100 * 94, mid / 100 * 106, words.pick(&[0, last])),
        _ => (bid, ask, 0),
    };
    let held = prices.held.map_or(pair.now, |quote| quote.ts);
    let ts = match words.below(24) {
        0 => held,
        1 => held - words.between(1, 1_000),
        2 => {
            let near = words.between(1, AHEAD);
            pair.now + words.pick(&[near, AHEAD, AHEAD + 1, 20 * MINUTE])
        }
        3 => pair.now - words.between(1, 20 * MINUTE),
        _ => pair.now.max(held + 1),
    };
    Event::Price {
        instrument,
        bid,
        ask,
        last,
        ts,
    }
}
