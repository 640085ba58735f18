//! The level that the engine holds per instrument and direction.

use dnalyaw_engine::Side;

use super::Model;

/// A held level, and whether both marks have reached it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stop {
    pub level: Option<i128>,
    pub fired: bool,
}

impl Stop {
    /// The tighter of what is held and what is offered.
    pub fn tightened(&self, offered: Option<i128>, direction: Side) -> Option<i128> {
        match (self.level, offered) {
            (Some(held), Some(new)) if direction == Side::Buy => Some(held.max(new)),
            (Some(held), Some(new)) => Some(held.min(new)),
            (Some(level), None) | (None, Some(level)) => Some(level),
            (None, None) => None,
        }
    }
}

/// Has this price reached the level?
pub fn reached(price: i128, level: i128, direction: Side) -> bool {
    match direction {
        Side::Buy => price <= level,
        Side::Sell => price >= level,
    }
}

/// The level that an order of this direction and distance offers.
pub fn offered(reference: i128, distance: i128, direction: Side) -> Option<i128> {
    if distance == 0 {
        return None;
    }
    Some(match direction {
        Side::Buy => reference - distance,
        Side::Sell => reference + distance,
    })
}

impl Model {
    /// The stop of a direction: long = buy.
    pub fn stop(&self, at: usize, direction: Side) -> &Stop {
        let instrument = &self.instruments[at];
        match direction {
            Side::Buy => &instrument.long_stop,
            Side::Sell => &instrument.short_stop,
        }
    }

    pub fn stop_mut(&mut self, at: usize, direction: Side) -> &mut Stop {
        let instrument = &mut self.instruments[at];
        match direction {
            Side::Buy => &mut instrument.long_stop,
            Side::Sell => &mut instrument.short_stop,
        }
    }

    /// Is a position of this direction held?
    pub fn holds(&self, at: usize, direction: Side) -> bool {
        let position = self.instruments[at].position;
        match direction {
            Side::Buy => position > 0,
            Side::Sell => position < 0,
        }
    }

    /// Levels without position and orders go; those that both marks of the position have reached fire.
    pub fn watch_stops(&mut self) {
        if !self.positions_known {
            return;
        }
        for at in 0..self.instruments.len() {
            for direction in [Side::Buy, Side::Sell] {
                if self.stop(at, direction).level.is_none() {
                    continue;
                }
                let prices = &self.instruments[at].prices;
                let long = direction == Side::Buy;
                let marks = (prices.liquidation(long), prices.second(long));
                let priced = prices.held.is_some();
                let towards = self.instruments[at].position * if long { 1 } else { -1 };
                let left = towards + self.working(at, direction).quantity;
                let idle = left <= 0;
                let holds = self.holds(at, direction);
                let stop = self.stop_mut(at, direction);
                if idle {
                    *stop = Stop::default();
                } else if let Some(level) = stop.level {
                    stop.fired |= holds
                        && priced
                        && marks.0 > 0
                        && marks.1 > 0
                        && reached(marks.0, level, direction)
                        && reached(marks.1, level, direction);
                }
            }
        }
    }
}
