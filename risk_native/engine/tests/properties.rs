//! What must hold after any sequence of orders, reports and prices, judged by a model that keeps lists and adds them up.

mod common;

use std::collections::BTreeMap;

use common::*;
use dnalyaw_engine::*;
use proptest::prelude::*;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Buy {
        instrument: u64,
        quantity: i64,
        limit: Option<i64>,
        stop: i64,
    },
    Sell {
        instrument: u64,
        quantity: i64,
        limit: Option<i64>,
    },
    Price {
        instrument: u64,
        cents: i64,
    },
    /// A fill of part of the order at this place; its report is put in the mail.
    Trade {
        order: usize,
        share: i64,
    },
    Cancel {
        order: usize,
    },
    Lost {
        order: usize,
    },
    /// Deliver the report at this place in the mail, and keep a copy of it there or not.
    Deliver {
        place: usize,
        keep: bool,
    },
    Drop {
        place: usize,
    },
    Account,
    Clock {
        seconds: i64,
    },
}

fn instrument() -> impl Strategy<Value = u64> {
    1..=8_u64
}

fn limit() -> impl Strategy<Value = Option<i64>> {
    proptest::option::of(9_300..=10_700_i64)
}

fn step() -> impl Strategy<Value = Step> {
    let quantity = prop_oneof![1..=40_i64, (1..=12_i64).prop_map(|lots| lots * 100)];
    let stop = prop_oneof![Just(0_i64), 1..=5_000_i64];
    prop_oneof![
        6 => (instrument(), quantity.clone(), limit(), stop)
            .prop_map(|(instrument, quantity, limit, stop)| Step::Buy { instrument, quantity, limit, stop }),
        3 => (instrument(), quantity, limit())
            .prop_map(|(instrument, quantity, limit)| Step::Sell { instrument, quantity, limit }),
        2 => (instrument(), 9_000..=11_000_i64).prop_map(|(instrument, cents)| Step::Price { instrument, cents }),
        4 => (any::<usize>(), 1..=4_i64).prop_map(|(order, share)| Step::Trade { order, share }),
        2 => any::<usize>().prop_map(|order| Step::Cancel { order }),
        1 => any::<usize>().prop_map(|order| Step::Lost { order }),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(place, keep)| Step::Deliver { place, keep }),
        1 => any::<usize>().prop_map(|place| Step::Drop { place }),
        1 => Just(Step::Account),
        1 => (1..=60_i64).prop_map(|seconds| Step::Clock { seconds }),
    ]
}

/// An order as the engine was told of it, and as the venue knows it.
#[derive(Debug, Clone)]
struct Known {
    order_id: u64,
    instrument: u64,
    side: Side,
    quantity: i64,
    reserve: i128,
    /// By the reports that were delivered.
    told: i64,
    over: bool,
    /// By the venue.
    filled: i64,
    done: bool,
}

/// Lists, added up anew at every question.
struct Model {
    held: BTreeMap<u64, i64>,
    mark: BTreeMap<u64, i128>,
    orders: Vec<Known>,
    mail: Vec<Execution>,
    venue_cash: i128,
    now: i64,
}

/// So many cases, or what `PROPTEST_CASES` asks for (a soak).
fn cases(cases: u32) -> ProptestConfig {
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return ProptestConfig::default();
    }
    ProptestConfig::with_cases(cases)
}

const CENT: i64 = 10_000;

/// Seven issuers in one sector, so that the sector's limit binds as well; everything is tradable.
fn crowded() -> Vec<InstrumentReference> {
    let mut rows = reference();
    for row in &mut rows {
        row.tradable = true;
        row.sector = (row.instrument_id != 5).then(|| "tech".to_owned());
    }
    rows
}

fn issuer(instrument: u64) -> u64 {
    crowded()[instrument as usize - 1].issuer_id
}

fn sector(instrument: u64) -> Option<String> {
    crowded()[instrument as usize - 1].sector.clone()
}

/// As [`funded`], over the crowded reference.
fn crowded_account() -> Engine {
    let mut engine =
        Engine::with_room(&crowded(), TighterLimits::none(), 4).expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    engine.on_clock(T0);
    for id in 1..=8 {
        at(&mut engine, id, 100);
    }
    engine.positions_complete();
    engine.on_account(1_000_000 * ONE);
    engine
}

impl Model {
    fn new() -> Self {
        Self {
            held: BTreeMap::new(),
            mark: (1..=8).map(|id| (id, i128::from(100 * ONE))).collect(),
            orders: Vec::new(),
            mail: Vec::new(),
            venue_cash: 1_000_000 * i128::from(ONE),
            now: T0,
        }
    }

    fn working(&self, instrument: u64, side: Side) -> impl Iterator<Item = &Known> {
        self.orders.iter().filter(move |order| {
            !order.over && order.instrument == instrument && order.side == side
        })
    }

    fn quantity(&self, instrument: u64, side: Side) -> i128 {
        self.working(instrument, side)
            .map(|order| i128::from(order.quantity - order.told))
            .sum()
    }

    fn held(&self, instrument: u64) -> i128 {
        i128::from(*self.held.get(&instrument).unwrap_or(&0))
    }

    /// Worst case if every buy fills: at its reserve, or all at today's price if that is more.
    fn long(&self, instrument: u64) -> i128 {
        let mark = self.mark[&instrument];
        let buys = self.working(instrument, Side::Buy);
        let reserved: i128 = buys
            .map(|order| i128::from(order.quantity - order.told) * order.reserve)
            .sum();
        self.held(instrument) * mark + reserved.max(self.quantity(instrument, Side::Buy) * mark)
    }

    fn by<K: PartialEq>(&self, key: impl Fn(u64) -> K, of: u64) -> i128 {
        (1..=8)
            .filter(|id| key(*id) == key(of))
            .map(|id| self.long(id))
            .sum()
    }

    fn reserved_everywhere(&self) -> i128 {
        let buys = self
            .orders
            .iter()
            .filter(|order| !order.over && order.side == Side::Buy);
        buys.map(|order| i128::from(order.quantity - order.told) * order.reserve)
            .sum()
    }

    /// Is every limit kept if `extra` shares of `instrument` are bought on top of what is there?
    fn inside(
        &self,
        engine: &Engine,
        instrument: u64,
        extra: i64,
        reserve: i128,
        stop: i64,
    ) -> bool {
        let equity = i128::from(engine.equity().expect("known"));
        let cash = i128::from(engine.cash().expect("known"));
        let mark = self.mark[&instrument];
        let extra = i128::from(extra);
        let working: i128 = self
            .working(instrument, Side::Buy)
            .map(|order| i128::from(order.quantity - order.told) * order.reserve)
            .sum();
        let shares = self.quantity(instrument, Side::Buy);
        let long =
            self.held(instrument) * mark + (working + extra * reserve).max((shares + extra) * mark);
        let added = long - self.long(instrument);
        let volatility = i128::from(crowded()[instrument as usize - 1].volatility_bp);
        let risk = if stop == 0 || volatility == 0 {
            reserve
        } else {
            let floor = (mark * volatility + 9_999) / 10_000;
            i128::from(stop).max(floor).min(reserve)
        };
        (self.by(issuer, instrument) + added) * 20 <= equity
            && (self.by(sector, instrument) + added) * 4 <= equity
            && (self.held(instrument) + shares + extra) * risk * 100 <= equity
            && (self.reserved_everywhere() + extra * reserve) * 10_050 <= cash * 10_000
    }

    /// The instrument's issuer and its sector are inside their limits.
    fn inside_around(&self, engine: &Engine, instrument: u64) -> bool {
        let equity = i128::from(engine.equity().expect("known"));
        self.by(issuer, instrument) * 20 <= equity && self.by(sector, instrument) * 4 <= equity
    }

    fn tell(&mut self, order_id: u64, cumulative: i64, over: bool) -> i64 {
        let order = self
            .orders
            .iter_mut()
            .find(|order| order.order_id == order_id)
            .expect("known");
        let news = (cumulative - order.told).max(0);
        order.told += news;
        order.over |= over || order.told >= order.quantity;
        let signed = if order.side == Side::Buy { news } else { -news };
        *self.held.entry(order.instrument).or_insert(0) += signed;
        signed
    }
}

fn check_decision(
    model: &Model,
    engine: &Engine,
    before: &Engine,
    order: &OrderRequest,
    decision: &Decision,
) {
    let instrument = order.instrument_id;
    let approved = decision.approved_quantity;
    assert!((0..=order.quantity).contains(&approved));
    let lot = crowded()[instrument as usize - 1].lot;
    if order.side == Side::Sell as u8 {
        // What reduces is never refused, and nothing is sold that is not held.
        let free = (model.held(instrument) - model.quantity(instrument, Side::Sell)) as i64;
        let whole_or_all = order.quantity % lot == 0 || order.quantity == free;
        let expected = if !whole_or_all {
            0
        } else if order.quantity <= free {
            order.quantity
        } else if free >= lot {
            free / lot * lot
        } else {
            free
        };
        assert_eq!(approved, expected, "{decision:?}");
        return;
    }
    let mark = model.mark[&instrument];
    let reserve = if order.order_type == TYPE_MARKET {
        mark * 105 / 100
    } else {
        mark.max(i128::from(order.limit_price))
    };
    if approved > 0 {
        assert!(before.killed().is_none() && model.inside_around(before, instrument));
        assert!(
            model.inside(before, instrument, approved, reserve, order.stop_distance),
            "{decision:?}"
        );
        assert_eq!(
            engine.order(order.order_id).expect("works").reserve_price,
            reserve as i64
        );
        // Positions plus every working buy, at decision prices.
        assert_eq!(approved % lot, 0);
    }
    let bound = matches!(
        decision.reason,
        Reason::InstrumentLimit | Reason::SectorLimit | Reason::TradeRisk | Reason::BuyingPower
    );
    if bound {
        assert!(approved + lot <= order.quantity || approved < order.quantity);
        assert!(
            !model.inside(
                before,
                instrument,
                approved + lot,
                reserve,
                order.stop_distance
            ),
            "one lot more: {decision:?}"
        );
    } else if !bound && decision.reason == Reason::None {
        assert_eq!(approved, order.quantity);
    }
}

fn place(model: &mut Model, engine: &mut Engine, order: &OrderRequest) {
    let before = engine.clone();
    let decision = engine.decide(order, model.now);
    check_decision(model, engine, &before, order, &decision);
    if decision.accepted() {
        let reserve = engine.order(order.order_id).expect("works").reserve_price;
        model.orders.push(Known {
            order_id: order.order_id,
            instrument: order.instrument_id,
            side: Side::from_u8(order.side).expect("a side"),
            quantity: decision.approved_quantity,
            reserve: i128::from(reserve),
            told: 0,
            over: false,
            filled: 0,
            done: false,
        });
        if order.side == Side::Buy as u8 {
            assert!(
                model.inside_around(engine, order.instrument_id),
                "after every accepted order the worst case of what it touches is inside every limit"
            );
        }
    }
}

fn deliver(model: &mut Model, engine: &mut Engine, report: &Execution) {
    let over = matches!(report.kind, ExecKind::Cancelled);
    let outcome = engine.on_execution(report).expect("a sound report");
    assert_eq!(
        outcome.position_change,
        model.tell(report.order_id, report.cumulative_quantity, over)
    );
}

fn play(steps: &[Step]) -> Engine {
    let mut engine = crowded_account();
    let mut model = Model::new();
    for (number, step) in steps.iter().enumerate() {
        let order_id = number as u64 + 1;
        match *step {
            Step::Buy {
                instrument,
                quantity,
                limit,
                stop,
            } => {
                let market = OrderRequest {
                    stop_distance: stop * CENT,
                    ..order(order_id, instrument, Side::Buy, quantity)
                };
                let request = limit.map_or(market, |cents| OrderRequest {
                    order_type: TYPE_LIMIT,
                    limit_price: cents * CENT,
                    ..market
                });
                place(&mut model, &mut engine, &request);
            }
            Step::Sell {
                instrument,
                quantity,
                limit,
            } => {
                let market = sell(order_id, instrument, quantity);
                let request = limit.map_or(market, |cents| OrderRequest {
                    order_type: TYPE_LIMIT,
                    limit_price: cents * CENT,
                    ..market
                });
                place(&mut model, &mut engine, &request);
            }
            Step::Price { instrument, cents } => {
                let price = cents * CENT;
                assert!(engine.on_price(instrument, price - 100, price + 100, 0, model.now));
                model.mark.insert(instrument, i128::from(price));
            }
            Step::Trade { order, share } => {
                let open: Vec<usize> = (0..model.orders.len())
                    .filter(|place| !model.orders[*place].done)
                    .collect();
                if let Some(place) = open.get(order % open.len().max(1)) {
                    let known = &mut model.orders[*place];
                    let quantity = ((known.quantity - known.filled) / share).max(1);
                    known.filled += quantity;
                    known.done = known.filled == known.quantity;
                    let price = model.mark[&known.instrument] as i64;
                    let signed = if known.side == Side::Buy {
                        quantity
                    } else {
                        -quantity
                    };
                    model.venue_cash -= i128::from(signed) * i128::from(price);
                    model.mail.push(Execution {
                        order_id: known.order_id,
                        kind: ExecKind::Fill,
                        last_quantity: quantity,
                        last_price: price,
                        cumulative_quantity: known.filled,
                        fee: 0,
                    });
                }
            }
            Step::Cancel { order } => {
                let open: Vec<usize> = (0..model.orders.len())
                    .filter(|place| !model.orders[*place].done)
                    .collect();
                if let Some(place) = open.get(order % open.len().max(1)) {
                    let known = &mut model.orders[*place];
                    known.done = true;
                    model
                        .mail
                        .push(report(known.order_id, ExecKind::Cancelled, known.filled));
                }
            }
            Step::Lost { order } => {
                if !model.orders.is_empty() {
                    let known = model.orders[order % model.orders.len()].clone();
                    let reserved = engine
                        .order(known.order_id)
                        .map(|order| order.quantity - order.cumulative_quantity);
                    engine
                        .on_execution(&report(known.order_id, ExecKind::Unknown, known.told))
                        .expect("a sound report");
                    let after = engine
                        .order(known.order_id)
                        .map(|order| order.quantity - order.cumulative_quantity);
                    assert_eq!(
                        reserved, after,
                        "an order of unknown fate keeps its reserve"
                    );
                }
            }
            Step::Deliver { place, keep } => {
                if !model.mail.is_empty() {
                    let place = place % model.mail.len();
                    let report = if keep {
                        model.mail[place]
                    } else {
                        model.mail.swap_remove(place)
                    };
                    deliver(&mut model, &mut engine, &report);
                }
            }
            Step::Drop { place } => {
                if !model.mail.is_empty() {
                    let place = place % model.mail.len();
                    model.mail.swap_remove(place);
                }
            }
            Step::Account => {
                engine.on_account(model.venue_cash as i64);
            }
            Step::Clock { seconds } => {
                model.now += seconds * SECOND;
                engine.on_clock(model.now);
            }
        }
        assert_eq!(engine.running(), engine.recompute_from_scratch());
        for id in 1..=8_u64 {
            let held = engine
                .positions()
                .iter()
                .find(|held| held.instrument_id == id)
                .map_or(0, |held| held.quantity);
            assert_eq!(i128::from(held), model.held(id));
            assert!(held >= 0, "a long-only account");
        }
    }
    // The venue's last word on every order: whatever was lost before, positions agree with the venue's.
    for known in model.orders.clone() {
        let kind = if known.filled == known.quantity {
            ExecKind::Fill
        } else {
            ExecKind::Expired
        };
        let last = if kind == ExecKind::Fill {
            known.filled
        } else {
            0
        };
        let word = Execution {
            order_id: known.order_id,
            kind,
            last_quantity: last,
            last_price: if last > 0 { 100 * ONE } else { 0 },
            cumulative_quantity: known.filled,
            fee: 0,
        };
        engine.on_execution(&word).expect("a sound report");
    }
    let mut at_venue: BTreeMap<u64, i64> = BTreeMap::new();
    for known in &model.orders {
        let signed = if known.side == Side::Buy {
            known.filled
        } else {
            -known.filled
        };
        *at_venue.entry(known.instrument).or_insert(0) += signed;
    }
    at_venue.retain(|_, quantity| *quantity != 0);
    let held: BTreeMap<u64, i64> = engine
        .positions()
        .iter()
        .map(|held| (held.instrument_id, held.quantity))
        .collect();
    assert_eq!(held, at_venue);
    assert_eq!(engine.working_orders(), []);
    assert_eq!(engine.running(), engine.recompute_from_scratch());
    engine
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn any_sequence_keeps_every_limit_and_replays_to_the_same_hash(steps in proptest::collection::vec(step(), 1..80)) {
        let first = play(&steps);
        prop_assert_eq!(first.state_hash(), play(&steps).state_hash());
    }
}

fn sizing() -> impl Strategy<Value = (SizingInputs, i64)> {
    let small = || 0..=3_000_i128;
    (
        (
            1..=50_000_i128,
            1..=60_i64,
            0..=30_i64,
            0..=80_i64,
            prop_oneof![Just(0_u32), 1..=9_000_u32],
            1..=7_i64,
        ),
        (
            0..=20_i128,
            0..=20_i128,
            0..=5_i64,
            small(),
            small(),
            -100..=2_000_i128,
        ),
        1..=150_i64,
    )
        .prop_map(|(a, b, requested)| {
            let (equity, reference_price, above, stop_distance, volatility_bp, lot) = a;
            let (held_quantity, working_quantity, working_above, issuer, sector, buying_power) = b;
            let inputs = SizingInputs {
                equity,
                reference_price,
                reserve_price: reference_price + above,
                stop_distance,
                volatility_bp,
                lot,
                held_quantity,
                working_quantity,
                // Reserved anywhere around today's price: prices have moved since.
                working_notional: working_quantity
                    * i128::from((reference_price + working_above - 2).max(1)),
                issuer_exposure: issuer,
                sector_exposure: issuer + sector,
                buying_power,
            };
            (inputs, requested)
        })
}

/// The limits as they are defined, for `shares` on top.
fn fits(inputs: &SizingInputs, shares: i128) -> bool {
    let (price, reserve) = (
        i128::from(inputs.reference_price),
        i128::from(inputs.reserve_price),
    );
    let buys = (inputs.working_notional + shares * reserve)
        .max((inputs.working_quantity + shares) * price);
    let risk = if inputs.stop_distance == 0 || inputs.volatility_bp == 0 {
        reserve
    } else {
        let floor = (price * i128::from(inputs.volatility_bp) + 9_999) / 10_000;
        i128::from(inputs.stop_distance).max(floor).min(reserve)
    };
    (inputs.issuer_exposure + buys) * 20 <= inputs.equity
        && (inputs.sector_exposure + buys) * 4 <= inputs.equity
        && (inputs.held_quantity + inputs.working_quantity + shares) * risk * 100 <= inputs.equity
        && shares * reserve <= inputs.buying_power
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn the_closed_form_is_the_largest_that_a_search_finds((inputs, requested) in sizing()) {
        let lot = i128::from(inputs.lot);
        let found = (0..=i128::from(requested)).filter(|shares| shares % lot == 0 && fits(&inputs, *shares)).max().unwrap_or(0);
        let sized = largest_quantity(&inputs, &TighterLimits::none(), requested);
        prop_assert_eq!(i128::from(sized.quantity), found, "{:?}", sized);
        if sized.reason == Reason::None {
            prop_assert_eq!(sized.quantity, requested / inputs.lot * inputs.lot);
        }
    }

    #[test]
    fn the_collar_is_symmetric_and_exact(price in 1..=MAX_PRICE) {
        let (low, high, price) = (i128::from(collar_low(price)), i128::from(collar_high(price)), i128::from(price));
        prop_assert!(high * 100 <= price * 105 && (high + 1) * 100 > price * 105);
        prop_assert!(low * 100 >= price * 95 && (low - 1) * 100 < price * 95);
    }

    #[test]
    fn any_request_gets_one_decision_and_no_panic(
        order_id in 1..OWN_ORDER_ID_BASE, instrument_id in 0..10_u64, quantity in any::<i64>(), limit_price in any::<i64>(),
        stop_distance in any::<i64>(), bytes in any::<[u8; 4]>(), now in any::<i64>(),
        price in any::<(i64, i64, i64, i64)>(), cash in any::<i64>()
    ) {
        let mut engine = funded();
        engine.on_price(instrument_id, price.0, price.1, price.2, price.3);
        engine.on_account(cash);
        let request = OrderRequest {
            order_id, instrument_id, quantity, limit_price, stop_distance,
            side: bytes[0] % 4, order_type: bytes[1] % 4, time_in_force: bytes[2] % 5, flags: bytes[3] % 3,
        };
        let decision = engine.decide(&request, now);
        prop_assert_eq!(decision.order_id, order_id);
        prop_assert_eq!(decision.accepted(), decision.kind != DecisionKind::Reject);
        prop_assert_eq!(decision.accepted(), engine.order(order_id).is_some());
        prop_assert_eq!(engine.last_order_id(), order_id);
        prop_assert_eq!(engine.running(), engine.recompute_from_scratch());
    }
}
