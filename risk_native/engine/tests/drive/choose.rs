//! What a step comes to in the state of the moment.

use dnalyaw_engine::{AdoptedOrder, ExecKind, ReplaceRequest, SessionState, Side};

use super::Pair;
use super::event::Event;
use super::heal::{HALTS, HOLDS};
use super::orders::{an_instrument, an_order, broken, legs, limit_near};
use super::prices::a_price;
use super::step::Words;
use super::venue::Mail;
use crate::reference::FOREIGN_IDS;
use crate::reference::gates::tick;
use crate::reference::limits::{ONE, SECOND};

const A_SECOND: i64 = SECOND as i64;

impl Pair {
    /// The events of a step. What the venue does on its own leaves only mail.
    pub fn choose(&mut self, words: &mut Words) -> Vec<Event> {
        let dead = self.model.state().0 > 2 || self.model.check_reach().is_err();
        if dead && words.once_in(8) {
            return self.heal(words);
        }
        match words.below(1_000) {
            0..=309 => vec![Event::Order(an_order(self, words))],
            310..=329 => vec![Event::Order(broken(self, words))],
            330..=344 => self.a_burst(words),
            345..=379 => vec![Event::Linked(legs(self, words))],
            380..=429 => self.a_replacement(words),
            430..=589 => vec![a_price(self, words)],
            590..=689 => self.venue_trades(words),
            690..=729 => self.venue_ends(words),
            730..=849 => self.a_delivery(words),
            850..=874 => self.a_cancel(words),
            875..=909 => self.time_passes(words),
            910..=924 => self.the_account(words),
            925..=944 => self.a_halt(words),
            945..=954 => self.a_session(words),
            955..=957 => vec![Event::Kill],
            958..=961 => vec![Event::Rearm],
            962..=984 => vec![Event::Poll],
            985..=987 => vec![self.an_adopted(words)],
            _ => self.heal(words),
        }
    }

    /// The same order again and again.
    fn a_burst(&mut self, words: &mut Words) -> Vec<Event> {
        let mut order = an_order(self, words);
        order.quantity = self.model.instruments[self.place(order.instrument_id)]
            .row
            .lot;
        let times = words.between(3, 6);
        let mut events = Vec::new();
        for _ in 0..times {
            events.push(Event::Order(order));
            order.order_id = self.new_id();
        }
        events
    }

    fn a_replacement(&mut self, words: &mut Words) -> Vec<Event> {
        let pending: Vec<u64> = self
            .model
            .orders
            .iter()
            .filter(|order| order.change.is_some())
            .map(|order| order.id)
            .collect();
        if !pending.is_empty() && words.once_in(2) {
            let id = words.pick(&pending);
            let answer = if words.once_in(3) {
                Mail::Refused(id)
            } else {
                Mail::Replaced(id)
            };
            self.venue.mail.push(answer);
            return Vec::new();
        }
        let ids: Vec<u64> = self.model.orders.iter().map(|order| order.id).collect();
        let original_id = if ids.is_empty() || words.once_in(30) {
            words.below(self.next_id)
        } else {
            words.pick(&ids)
        };
        let old = self.model.order(original_id).cloned();
        let (at, side, quantity, limit) = old.map_or((0, Side::Buy, 10, 0), |old| {
            (old.at, old.side, old.quantity as i64, old.limit as i64)
        });
        let lot = self.model.instruments[at].row.lot;
        let quantity = match words.below(12) {
            0..=3 => (quantity + words.between(1, 40) * lot) / lot * lot,
            4..=6 => words.between(1, (quantity / lot).max(1)) * lot,
            7 | 8 => quantity,
            9 => words.between(0, 3 * lot),
            10 => 2_000 * lot,
            _ => words.pick(&[0, -lot, i64::MAX, 10_000_000_000]),
        };
        let limit_price = match words.below(10) {
            _ if limit == 0 => i64::from(words.once_in(20)) * 100 * ONE,
            0 | 1 => limit,
            // A few ticks up or down: a short that is offered lower is the keener one.
            2 | 3 => {
                let step = tick(&self.model.instruments[at].row, limit).max(1);
                (limit + step * words.between(-12, 12)).max(step)
            }
            9 => words.pick(&[0, -1, i64::MAX, limit + 1]),
            _ => limit_near(self, at, side, words),
        };
        let mark = self.model.instruments[at].prices.mark() as i64;
        let stop_distance = words.pick(&[0, 0, ONE, 4 * ONE, -1, i64::MAX, 200_000]);
        vec![Event::Replace(ReplaceRequest {
            order_id: self.new_id(),
            original_id,
            quantity,
            limit_price,
            stop_distance: match words.below(4) {
                0 => stop_distance,
                1 => stop_distance.clamp(0, ONE),
                // Far enough that the distance is what is at risk, not the floor under it.
                _ => mark / 10_000 * words.between(50, 1_500),
            },
        })]
    }

    fn venue_trades(&mut self, words: &mut Words) -> Vec<Event> {
        if let Some(place) = self.venue.any_open(words) {
            let at = self.place(self.venue.orders[place].instrument);
            let mark = self.model.instruments[at].prices.mark() as i64;
            let price = (mark + mark / 10_000 * words.between(-200, 200)).max(10_000);
            self.venue.trade(place, price, words);
            if words.once_in(2) {
                return self.deliver_at(self.venue.mail.len() - 1, false);
            }
        }
        Vec::new()
    }

    fn venue_ends(&mut self, words: &mut Words) -> Vec<Event> {
        let kind = words.pick(&[
            ExecKind::New,
            ExecKind::Cancelled,
            ExecKind::Cancelled,
            ExecKind::Cancelled,
            ExecKind::Rejected,
            ExecKind::Expired,
            ExecKind::Unknown,
            ExecKind::Corrected,
        ]);
        if kind == ExecKind::Corrected {
            if !self.venue.orders.is_empty() {
                let place = words.below(self.venue.orders.len() as u64) as usize;
                let at = self.place(self.venue.orders[place].instrument);
                let mark = self.model.instruments[at].prices.mark() as i64;
                self.venue.correct(place, mark, words);
            }
        } else if let Some(place) = self.venue.any_open(words) {
            self.venue.end(place, kind);
        }
        Vec::new()
    }

    fn a_delivery(&mut self, words: &mut Words) -> Vec<Event> {
        if self.venue.mail.is_empty() {
            return Vec::new();
        }
        let place = words.below(self.venue.mail.len() as u64) as usize;
        if words.once_in(12) {
            self.venue.mail.swap_remove(place);
            return Vec::new();
        }
        self.deliver_at(place, words.once_in(5))
    }

    fn deliver_at(&mut self, place: usize, keep: bool) -> Vec<Event> {
        let mail = if keep {
            self.venue.mail[place]
        } else {
            self.venue.mail.swap_remove(place)
        };
        vec![match mail {
            Mail::Report(report) => Event::Report(report),
            Mail::Replaced(id) => Event::Replaced(id),
            Mail::Refused(id) => Event::ReplaceRefused(id),
        }]
    }

    fn a_cancel(&mut self, words: &mut Words) -> Vec<Event> {
        let ids: Vec<u64> = self.model.orders.iter().map(|order| order.id).collect();
        if ids.is_empty() || words.once_in(20) {
            return vec![Event::Cancel(words.below(self.next_id + 2))];
        }
        vec![Event::Cancel(words.pick(&ids))]
    }

    fn time_passes(&mut self, words: &mut Words) -> Vec<Event> {
        let step = match words.below(20) {
            0 => 901 * A_SECOND,
            1 => 1_801 * A_SECOND,
            2 => -30 * A_SECOND,
            3..=9 => words.between(1, A_SECOND),
            _ => words.between(1, 40) * A_SECOND,
        };
        let other = words.between(0, 2 * A_SECOND);
        vec![
            Event::Clock(self.now.saturating_add(step)),
            Event::Monotonic(self.monotonic + other),
        ]
    }

    fn the_account(&mut self, words: &mut Words) -> Vec<Event> {
        let held: Vec<(u64, i64)> = self
            .venue
            .positions
            .iter()
            .map(|(id, n)| (*id, *n))
            .collect();
        let cash = self.venue.cash;
        match words.below(15) {
            0..=2 => vec![Event::Account(cash)],
            // Money comes or goes without a word, is reported twice, and may be announced when it has shown already.
            12..=14 => {
                // A thousandth of the world's cash is what begins to count, by the rate of the day.
                let share = self.world.cash / 100_000;
                let most = words.pick(&[150, 2_500]);
                let moved = words.between(-most / 2, most) * share;
                self.venue.cash += moved;
                let times = words.between(1, 2) as usize;
                let mut events = vec![Event::Account(self.venue.cash); times];
                if words.once_in(4) {
                    events.insert(
                        0,
                        Event::FirmRate(words.pick(&[Some(ONE), Some(7_800_000)])),
                    );
                }
                if words.once_in(3) {
                    events.push(Event::Flow(moved));
                    events.push(Event::Account(self.venue.cash));
                }
                events
            }
            3 => vec![Event::Account(cash + words.between(-3_000, 3_000) * ONE)],
            4 => vec![Event::Positions(held, true), Event::Account(cash)],
            5 => vec![Event::Positions(held, false)],
            6 => vec![Event::Position(99, words.between(0, 1) * 5)],
            7 => {
                let quantity = words.between(-90, 90);
                vec![Event::Position(an_instrument(words), quantity)]
            }
            8 => vec![Event::FirmRate(words.pick(&[
                None,
                Some(0),
                Some(7_800_000),
                Some(1_000_000),
            ]))],
            _ => {
                let flow = words.between(-4_000, 4_000) * ONE;
                let mut events = vec![Event::Flow(flow)];
                if !words.once_in(4) {
                    let wrong = words.pick(&[0, 0, 0, flow / 10_000, flow / 10_000 + 1, 5 * ONE]);
                    let expected = self.model.expected_cash.unwrap_or(0) as i64;
                    self.venue.cash += flow;
                    events.push(Event::Account(expected + flow + wrong));
                }
                events
            }
        }
    }

    fn a_halt(&mut self, words: &mut Words) -> Vec<Event> {
        let on = !words.once_in(3);
        vec![match words.below(8) {
            0 | 1 => Event::Halt(words.pick(&HALTS), on),
            2 => Event::Hold(words.pick(&HOLDS), on),
            3 | 4 => Event::HaltInstrument(words.between(0, 9) as u64, on),
            5 => Event::HaltVenue(words.pick(&["XNYS", "HKEX", "MARS"]), on),
            6 => Event::HaltStrategies(words.below(16)),
            _ => Event::Venue(!on),
        }]
    }

    fn a_session(&mut self, words: &mut Words) -> Vec<Event> {
        let state = words.pick(&[
            SessionState::Open,
            SessionState::Break,
            SessionState::Break,
            SessionState::Closed,
            SessionState::PreOpen,
            SessionState::Unknown,
        ]);
        let day = match words.below(8) {
            0 => self.day.saturating_sub(1),
            1 | 2 => self.day + 1,
            _ => self.day,
        };
        vec![Event::Session(state, day)]
    }

    fn an_adopted(&mut self, words: &mut Words) -> Event {
        let instrument_id = an_instrument(words);
        let at = self.place(instrument_id);
        let lot = self.model.instruments[at].row.lot;
        let quantity = words.between(1, 20) * lot;
        self.foreign += 1;
        let side = words.pick(&[Side::Buy, Side::Sell]);
        Event::Adopt(AdoptedOrder {
            order_id: FOREIGN_IDS + self.foreign,
            instrument_id,
            side,
            quantity,
            cumulative_quantity: words.between(0, quantity),
            limit_price: if words.once_in(3) {
                0
            } else {
                limit_near(self, at, side, words)
            },
        })
    }
}
