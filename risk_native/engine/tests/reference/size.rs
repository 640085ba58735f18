//! The largest quantity of an opening order: one lot more, and every inequality tried at each count.

use dnalyaw_engine::Side;

use super::exposure::Worst;
use super::limits::{BP, GAP_SIGMAS, SHORT_MARGIN};
use super::{Model, Order, ceil_div, codes};

/// What may bind, in the order in which ties are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cap {
    Instrument,
    Sector,
    Gross,
    Net,
    TradeRisk,
    Quantity,
    Notional,
    Participation,
    Locate,
    BuyingPower,
}

impl Cap {
    /// All of them, in order.
    pub const ALL: [Cap; 10] = [
        Cap::Instrument,
        Cap::Sector,
        Cap::Gross,
        Cap::Net,
        Cap::TradeRisk,
        Cap::Quantity,
        Cap::Notional,
        Cap::Participation,
        Cap::Locate,
        Cap::BuyingPower,
    ];
}

/// What an opening order is measured by.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    pub at: usize,
    pub side: Side,
    pub reserve: i128,
    pub risk_per_share: i128,
    pub equity: i128,
    /// Before the order.
    pub power: i128,
}

/// `floor(equity * bp / 10,000)`, nothing of a negative equity.
pub fn share(equity: i128, bp: i128) -> i128 {
    equity.max(0) * bp / BP
}

impl Model {
    /// Code of a cap: its own, or that the deployment made it tighter.
    pub fn code_of(&self, cap: Cap) -> u16 {
        let limits = &self.limits;
        let (code, tighter) = match cap {
            Cap::Instrument => (codes::INSTRUMENT_LIMIT, limits.instrument.tighter),
            Cap::Sector => (codes::SECTOR_LIMIT, limits.sector.tighter),
            Cap::Gross => (codes::GROSS_LIMIT, limits.gross.tighter),
            Cap::Net => (codes::NET_LIMIT, limits.net.tighter),
            Cap::TradeRisk => (codes::TRADE_RISK, limits.trade_risk.tighter),
            Cap::Quantity => (codes::MAX_QUANTITY, limits.quantity.tighter),
            Cap::Notional => (codes::MAX_NOTIONAL, limits.notional.tighter),
            Cap::Participation => (codes::PARTICIPATION, limits.participation.tighter),
            Cap::Locate => (codes::NO_LOCATE, false),
            Cap::BuyingPower => (codes::BUYING_POWER, false),
        };
        if tighter { codes::TIGHTER_LIMIT } else { code }
    }

    /// The value of a cap's limit: money, or shares.
    pub fn value_of(&self, cap: Cap, wish: &Wish) -> i128 {
        let limits = &self.limits;
        match cap {
            Cap::Instrument => share(wish.equity, limits.instrument.value),
            Cap::Sector => share(wish.equity, limits.sector.value),
            Cap::Gross => share(wish.equity, limits.gross.value),
            Cap::Net => share(wish.equity, limits.net.value),
            Cap::TradeRisk => share(wish.equity, limits.trade_risk.value),
            Cap::Quantity => limits.quantity.value,
            Cap::Notional => limits.notional.value,
            Cap::Participation => {
                i128::from(self.instruments[wish.at].row.adv) * limits.participation.value / BP
            }
            Cap::Locate => i128::from(self.instruments[wish.at].row.locate),
            Cap::BuyingPower => wish.power,
        }
    }

    /// At risk in one share: to the stop, but never less than a day's move or a night's gap; without a stop all of it.
    pub fn risk_per_share(
        &self,
        at: usize,
        reserve: i128,
        entry: i128,
        level: Option<i128>,
    ) -> i128 {
        let instrument = &self.instruments[at];
        let mark = instrument.prices.mark();
        let volatility = i128::from(instrument.row.volatility_bp);
        let Some(level) = level else {
            return reserve;
        };
        if volatility == 0 {
            return reserve;
        }
        let gap = match i128::from(instrument.row.gap_bp) {
            0 => GAP_SIGMAS * volatility,
            known => known,
        };
        let distance = (entry - level).abs();
        let floor = ceil_div(mark * volatility, BP).max(ceil_div(mark * gap, BP));
        reserve.min(distance.max(floor))
    }

    /// The first cap that `x` more shares break. The order lies in the book while the sums are made; of `worst`, which is
    /// the book's, only what the order touches is made anew.
    pub fn broken(&mut self, worst: &mut [Worst], wish: &Wish, x: i128) -> Option<Cap> {
        self.orders.push(Order {
            id: 0,
            at: wish.at,
            side: wish.side,
            order_type: 0,
            flags: 0,
            strategies: 0,
            quantity: x,
            filled: 0,
            limit: 0,
            reserve: wish.reserve,
            cancel_requested: false,
            unknown: false,
            change: None,
        });
        let span = *self.span_mut(wish.at, wish.side);
        self.span_mut(wish.at, wish.side).include(wish.reserve);
        worst[wish.at] = self.worst(wish.at);
        let broken = self.first_broken(worst, wish, x);
        *self.span_mut(wish.at, wish.side) = span;
        self.orders.pop();
        broken
    }

    /// The first cap that the book breaks in which `x` shares of this wish lie.
    fn first_broken(&self, worst: &[Worst], wish: &Wish, x: i128) -> Option<Cap> {
        let instrument = &self.instruments[wish.at];
        let (buys, sells) = (
            self.working(wish.at, Side::Buy).quantity,
            self.working(wish.at, Side::Sell).quantity,
        );
        let same_side = if wish.side == Side::Buy { buys } else { sells };
        let short = wish.side == Side::Sell;
        let in_direction = instrument.position.abs() + same_side;
        let inside = |cap: Cap| {
            let limit = self.value_of(cap, wish);
            match cap {
                Cap::Instrument => self.issuer_exposure(worst, wish.at) <= limit,
                Cap::Sector => self.sector_exposure(worst, wish.at) <= limit,
                Cap::Gross => self.gross_exposure(worst) <= limit,
                Cap::Net => self.net_exposure(worst, wish.side) <= limit,
                Cap::TradeRisk => in_direction * wish.risk_per_share <= limit,
                Cap::Quantity => x <= limit,
                Cap::Notional => x * wish.reserve <= limit,
                Cap::Participation => instrument.traded + buys + sells <= limit,
                Cap::Locate => !short || in_direction <= limit,
                Cap::BuyingPower if short => x * wish.reserve * SHORT_MARGIN <= limit * BP,
                Cap::BuyingPower => x * wish.reserve <= limit,
            }
        };
        Cap::ALL.into_iter().find(|cap| !inside(*cap))
    }

    /// Whole lots from one upwards, until one more breaks something or all of it fits. The quantity, and what bound.
    pub fn largest(&mut self, wish: &Wish, requested: i128, lot: i128) -> (i128, Option<Cap>) {
        let mut worst = self.worst_of_all();
        let mut fits = 0;
        while fits < requested {
            if let Some(cap) = self.broken(&mut worst, wish, fits + lot) {
                return (fits, Some(cap));
            }
            fits += lot;
        }
        (fits, None)
    }
}
