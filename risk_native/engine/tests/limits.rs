//! Every limit against numbers worked by hand. Equity is 1,000,000 and every price 100.00 unless said otherwise, so the
//! limits are 50,000 an issuer, 250,000 a sector, 10,000 at risk in a trade.

mod common;

use common::*;
use dnalyaw_engine::DecisionKind::{Approve, Reduce, Reject};
use dnalyaw_engine::*;

#[test]
fn the_constants_are_the_constants() {
    assert_eq!(
        (
            INSTRUMENT_LIMIT_BP,
            SECTOR_LIMIT_BP,
            DRAWDOWN_LIMIT_BP,
            TRADE_RISK_LIMIT_BP
        ),
        (500, 2_500, 500, 100)
    );
}

#[test]
fn limits_hash_is_sha256_of_the_canonical_text() {
    let text = concat!(
        "dnalyaw-limits v3\n",
        "instrument_bp=500\n",
        "sector_bp=2500\n",
        "drawdown_bp=500\n",
        "trade_risk_bp=100\n",
        "gross_bp=20000\n",
        "net_bp=10000\n",
        "participation_bp=1000\n",
        "order_quantity=10000000\n",
        "order_notional_micro=500000000000000\n",
        "message_rate=20000\n",
        "repeat=3/8\n",
        "throttle_ns=1000000000\n",
        "collar_bp=500\n",
        "wide_collar_bp=2000\n",
        "fee_margin_bp=50\n",
        "short_margin_bp=5000\n",
        "gap_sigmas=5\n",
        "max_price_age_ns=900000000000\n",
        "max_mark_age_ns=1800000000000\n",
        "price_jump_bp=2000\n",
        "max_spread_bp=1000\n",
        "max_ahead_ns=5000000000\n",
        "unannounced_bp=10\n",
        "close_slice_bp=100\n",
        "close_retry_ns=1000000000\n",
        "max_working_orders=131072\n",
        "ended_orders_kept=32768\n",
        "max_legs=16\n",
    );
    assert_eq!(TighterLimits::none().canonical_text(), text);
    let hex: String = limits_hash()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // sha256sum of that text.
    assert_eq!(
        hex,
        "74a6fb5dd08748189e5846d78cf8313d676020cf819d0a75b4eab5bd962b135c"
    );
    assert_eq!(
        hash_prefix(&limits_hash()).to_le_bytes(),
        limits_hash()[..8]
    );
}

#[test]
fn instrument_limit_reduces_to_500_shares_of_100() {
    let mut engine = funded();
    let decision = engine.decide(&buy(1, 1, 600, 100, 2), T0);
    assert_eq!(outcome(&decision), (Reduce, Reason::InstrumentLimit, 500));
    assert_eq!(decision.requested_quantity, 600);
    assert_eq!(decision.reference_price, 100 * ONE);
    assert_eq!(decision.equity, 1_000_000 * ONE);
    assert_eq!(decision.instrument_worst_case, 50_000 * ONE);
    assert_eq!(decision.binding_limit, 50_000 * ONE);
    assert_eq!(decision.limits_hash, hash_prefix(&limits_hash()));
    assert_eq!(
        decide(&mut engine, &buy(2, 1, 1, 100, 2)),
        (Reject, Reason::InstrumentLimit, 0)
    );
}

#[test]
fn exactly_the_limit_is_approved() {
    assert_eq!(
        decide(&mut funded(), &buy(1, 1, 500, 100, 2)),
        (Approve, Reason::None, 500)
    );
}

#[test]
fn market_orders_count_at_the_collar() {
    // At 105 a share 476 cost 49,980 and 477 cost 50,085.
    let market = OrderRequest {
        stop_distance: 2 * ONE,
        ..order(1, 1, Side::Buy, 600)
    };
    let mut engine = funded();
    assert_eq!(
        decide(&mut engine, &market),
        (Reduce, Reason::InstrumentLimit, 476)
    );
    assert_eq!(engine.order(1).expect("works").reserve_price, 105 * ONE);
}

#[test]
fn a_low_limit_counts_at_todays_price() {
    // A limit of 96 is still reserved at 100.
    assert_eq!(
        decide(&mut funded(), &buy(1, 1, 520, 96, 3)),
        (Reduce, Reason::InstrumentLimit, 500)
    );
}

#[test]
fn instruments_of_one_issuer_count_together() {
    let mut engine = funded();
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 300, 100, 2)),
        (Approve, Reason::None, 300)
    );
    assert_eq!(
        decide(&mut engine, &buy(2, 2, 300, 100, 2)),
        (Reduce, Reason::InstrumentLimit, 200)
    );
    assert_eq!(
        decide(&mut engine, &buy(3, 3, 300, 100, 2)),
        (Approve, Reason::None, 300)
    );
}

fn many_issuers(sector: Option<&str>) -> Engine {
    let reference: Vec<InstrumentReference> = (1..=6)
        .map(|id| InstrumentReference {
            sector: sector.map(str::to_owned),
            ..plain(id)
        })
        .collect();
    let mut engine =
        Engine::with_room(&reference, TighterLimits::none(), 16).expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    engine.positions_complete();
    engine.on_account(1_000_000 * ONE);
    for id in 1..=6 {
        at(&mut engine, id, 100);
    }
    engine
}

#[test]
fn sector_limit_and_the_bucket_of_unknown_sectors() {
    for sector in [Some("tech"), None] {
        // Four names of 49,900 each leave 50,400; the fifth takes 49,900, the sixth 500: five shares.
        let mut engine = many_issuers(sector);
        for id in 1..=5 {
            assert_eq!(
                decide(&mut engine, &buy(id, id, 499, 100, 2)),
                (Approve, Reason::None, 499)
            );
        }
        assert_eq!(
            decide(&mut engine, &buy(6, 6, 100, 100, 2)),
            (Reduce, Reason::SectorLimit, 5)
        );
        assert_eq!(
            decide(&mut engine, &buy(7, 6, 100, 100, 2)),
            (Reject, Reason::SectorLimit, 0)
        );
    }
}

#[test]
fn working_buys_of_the_instrument_itself_count_once_in_its_sector() {
    let mut engine = many_issuers(Some("tech"));
    for id in 1..=5 {
        assert_eq!(decide(&mut engine, &buy(id, id, 499, 100, 2)).0, Approve);
    }
    // 500 are left: three shares, then two.
    assert_eq!(
        decide(&mut engine, &buy(6, 6, 3, 100, 2)),
        (Approve, Reason::None, 3)
    );
    assert_eq!(
        decide(&mut engine, &buy(7, 6, 100, 100, 2)),
        (Reduce, Reason::SectorLimit, 2)
    );
}

#[test]
fn trade_risk_without_a_stop_is_the_whole_notional() {
    // 10,000 / 100 = 100 shares.
    let mut engine = funded();
    let decision = engine.decide(&buy(1, 1, 300, 100, 0), T0);
    assert_eq!(outcome(&decision), (Reduce, Reason::TradeRisk, 100));
    assert_eq!(decision.binding_limit, 10_000 * ONE);
}

#[test]
fn trade_risk_uses_the_stop_above_the_floor_and_the_floor_above_the_stop() {
    // A stop of 40: 10,000 / 40 = 250 shares.
    assert_eq!(
        decide(&mut funded(), &buy(1, 1, 400, 100, 40)),
        (Reduce, Reason::TradeRisk, 250)
    );
    // At a volatility of 25% a day the floor is 25, whatever the stop of 1: 10,000 / 25 = 400.
    let mut wild = reference();
    wild[0].volatility_bp = 2_500;
    let mut engine = Engine::with_room(&wild, TighterLimits::none(), 8).expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    engine.positions_complete();
    engine.on_account(1_000_000 * ONE);
    at(&mut engine, 1, 100);
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 450, 100, 1)),
        (Reduce, Reason::TradeRisk, 400)
    );
}

#[test]
fn trade_risk_is_measured_from_the_worst_entry() {
    // A bid 5 above the market with a stop 21 below it loses 26 a share: 384 * 26 = 9,984.
    let mut engine = funded();
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 400, 105, 21)),
        (Reduce, Reason::TradeRisk, 384)
    );
    // So does a market order, which may trade at the collar.
    let mut engine = funded();
    let market = OrderRequest {
        stop_distance: 21 * ONE,
        ..order(1, 1, Side::Buy, 400)
    };
    assert_eq!(
        decide(&mut engine, &market),
        (Reduce, Reason::TradeRisk, 384)
    );
    // A bid below the market is reserved at the market: 21 a share, 476 of them.
    let mut engine = funded();
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 490, 98, 21)),
        (Reduce, Reason::TradeRisk, 476)
    );
    // A short sold 4 below the market with its stop 21 above it: 25 a share, 400 of them; at the market from 95: 26.
    for (limit, shares) in [(96 * ONE, 400), (0, 384), (102 * ONE, 476)] {
        let mut engine = shortable();
        let short = OrderRequest {
            limit_price: limit,
            stop_distance: 21 * ONE,
            order_type: if limit == 0 { TYPE_MARKET } else { TYPE_LIMIT },
            flags: FLAG_SELL_SHORT,
            ..order(1, 1, Side::Sell, 480)
        };
        assert_eq!(
            decide(&mut engine, &short),
            (Reduce, Reason::TradeRisk, shares),
            "{limit}"
        );
    }
}

#[test]
fn trade_risk_of_unknown_volatility_is_the_whole_notional() {
    assert_eq!(
        decide(&mut funded(), &buy(1, 8, 300, 100, 2)),
        (Reduce, Reason::TradeRisk, 100)
    );
}

#[test]
fn a_trade_cut_into_many_orders_risks_no_more_than_one() {
    let mut engine = funded();
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 150, 100, 40)),
        (Approve, Reason::None, 150)
    );
    assert_eq!(
        decide(&mut engine, &buy(2, 1, 150, 100, 40)),
        (Reduce, Reason::TradeRisk, 100)
    );
    assert_eq!(
        decide(&mut engine, &buy(3, 1, 1, 100, 40)),
        (Reject, Reason::TradeRisk, 0)
    );
}

#[test]
fn buying_power_keeps_a_margin_for_fees_and_counts_reserved_buys() {
    // 39 small positions and little cash.
    let reference: Vec<InstrumentReference> = (1..=40)
        .map(|id| InstrumentReference {
            sector: Some(format!("sector {}", id % 8)),
            ..plain(id)
        })
        .collect();
    let mut engine =
        Engine::with_room(&reference, TighterLimits::none(), 16).expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    for id in 1..=40 {
        at(&mut engine, id, 100);
    }
    for id in 1..=39 {
        assert!(engine.on_position(id, 200));
    }
    engine.positions_complete();
    engine.on_account(20_100 * ONE);
    // Equity 800,100: 40,005 an issuer. Cash 20,100 / 1.005 = 20,000: 200 shares.
    let decision = engine.decide(&buy(1, 40, 150, 100, 2), T0);
    assert_eq!(outcome(&decision), (Approve, Reason::None, 150));
    let decision = engine.decide(&buy(2, 40, 150, 100, 2), T0);
    assert_eq!(outcome(&decision), (Reduce, Reason::BuyingPower, 50));
    assert_eq!(decision.binding_limit, 5_000 * ONE);
    assert_eq!(
        decide(&mut engine, &buy(3, 39, 1, 100, 2)),
        (Reject, Reason::BuyingPower, 0)
    );
}

#[test]
fn whole_lots_only() {
    // 500 shares fit; at 101 a share 495 do, which is four lots of 100.
    assert_eq!(
        decide(&mut funded(), &buy(1, 6, 600, 100, 2)),
        (Reduce, Reason::InstrumentLimit, 500)
    );
    assert_eq!(
        decide(&mut funded(), &buy(1, 6, 600, 101, 2)),
        (Reduce, Reason::InstrumentLimit, 400)
    );
    let mut small = funded_with(TighterLimits::none(), 190_000, &[]);
    assert_eq!(
        decide(&mut small, &buy(1, 6, 100, 100, 2)),
        (Reject, Reason::InstrumentLimit, 0)
    );
}

#[test]
fn a_fill_turns_reserve_into_position_and_a_cancel_gives_it_back() {
    let mut engine = funded();
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 500, 100, 2)),
        (Approve, Reason::None, 500)
    );
    let done = engine
        .on_execution(&fill(1, 200, 100, 200))
        .expect("a sound report");
    assert_eq!(
        (done.position_change, done.finished, done.ask_account),
        (200, false, false)
    );
    assert_eq!(
        decide(&mut engine, &buy(2, 1, 1, 100, 2)),
        (Reject, Reason::InstrumentLimit, 0)
    );
    let done = engine
        .on_execution(&report(1, ExecKind::Cancelled, 200))
        .expect("a sound report");
    assert_eq!((done.position_change, done.finished), (0, true));
    assert_eq!(engine.order(1), None);
    assert_eq!(
        engine.positions(),
        [PositionView {
            instrument_id: 1,
            quantity: 200,
            mark: 100 * ONE
        }]
    );
    assert_eq!(engine.state_report().cash, 980_000 * ONE);
    assert_eq!(
        decide(&mut engine, &buy(3, 1, 400, 100, 2)),
        (Reduce, Reason::InstrumentLimit, 300)
    );
}

#[test]
fn an_order_of_unknown_fate_keeps_its_reserve() {
    let mut engine = funded();
    engine.decide(&buy(1, 1, 500, 100, 2), T0);
    engine
        .on_execution(&report(1, ExecKind::Unknown, 0))
        .expect("a sound report");
    assert!(engine.order(1).expect("still works").fate_unknown);
    assert_eq!(
        decide(&mut engine, &buy(2, 1, 1, 100, 2)),
        (Reject, Reason::InstrumentLimit, 0)
    );
    engine
        .on_execution(&report(1, ExecKind::Rejected, 0))
        .expect("a sound report");
    assert_eq!(
        decide(&mut engine, &buy(3, 1, 500, 100, 2)),
        (Approve, Reason::None, 500)
    );
}

#[test]
fn lost_repeated_and_shuffled_reports() {
    let mut engine = funded();
    engine.decide(&buy(1, 1, 300, 100, 2), T0);
    // The report of the first 100 is overtaken by that of the second 100.
    let second = engine
        .on_execution(&fill(1, 100, 101, 200))
        .expect("a sound report");
    assert_eq!((second.position_change, second.ask_account), (200, true));
    // 100 at 101 are known, 100 are taken at the mark of 100.
    assert_eq!(
        engine.state_report().cash,
        (1_000_000 - 10_100 - 10_000) * ONE
    );
    let first = engine
        .on_execution(&fill(1, 100, 99, 100))
        .expect("a sound report");
    assert!(first.repeated && first.position_change == 0);
    // The cancel knows of 50 more; the fill that says so comes after it.
    let cancel = engine
        .on_execution(&report(1, ExecKind::Cancelled, 250))
        .expect("a sound report");
    assert_eq!(
        (cancel.position_change, cancel.finished, cancel.ask_account),
        (50, true, true)
    );
    let late = engine
        .on_execution(&fill(1, 50, 100, 250))
        .expect("a sound report");
    assert!(late.repeated);
    // A fill that the cancel did not know of still moved the position.
    let later = engine
        .on_execution(&fill(1, 10, 100, 260))
        .expect("a sound report");
    assert_eq!((later.position_change, later.ask_account), (10, true));
    assert_eq!(engine.positions()[0].quantity, 260);
    assert_eq!(engine.running(), engine.recompute_from_scratch());
    assert_eq!(
        engine.on_execution(&report(9, ExecKind::New, 0)),
        Err(ExecError::UnknownOrder)
    );
    assert_eq!(
        engine.on_execution(&fill(1, 0, 100, 0)),
        Err(ExecError::BadReport)
    );
    assert_eq!(
        engine.on_execution(&fill(1, 10, 100, 5)),
        Err(ExecError::BadReport)
    );
}

#[test]
fn an_issuer_that_prices_carried_past_its_limit_takes_only_what_reduces_it() {
    let mut engine = funded_with(TighterLimits::none(), 951_000, &[(1, 490)]);
    assert_eq!(engine.trading_state(), TradingState::Active);
    // 490 at 110 are 53,900 of an equity of 1,004,900, whose 5% are 50,245.
    at(&mut engine, 1, 110);
    let state = engine.state_report();
    assert_eq!(
        (state.trading_state, state.reason),
        (TradingState::Active, Reason::InstrumentLimit)
    );
    // Neither the name itself nor another of the same issuer, not even one share.
    for (order_id, instrument, price) in [(1, 1, 110), (2, 2, 100)] {
        let more = engine.decide(&buy(order_id, instrument, 1, price, 2), T0);
        assert_eq!(outcome(&more), (Reject, Reason::InstrumentLimit, 0));
        assert_eq!(more.binding_limit, 50_245 * ONE);
    }
    // Another issuer, of the same sector, up to its own limit: 502 at 100 are 50,200.
    assert_eq!(
        decide(&mut engine, &buy(3, 3, 600, 100, 2)),
        (Reduce, Reason::InstrumentLimit, 502)
    );
    assert_eq!(
        decide(&mut engine, &sell(4, 1, 40)),
        (Approve, Reason::None, 40)
    );
    engine
        .on_execution(&fill(4, 40, 110, 40))
        .expect("a sound report");
    assert_eq!(engine.state_report().reason, Reason::None);
    // 450 at 110 are 49,500: six more at 110 fit.
    assert_eq!(
        decide(&mut engine, &buy(5, 1, 100, 110, 2)),
        (Reduce, Reason::InstrumentLimit, 6)
    );
}

#[test]
fn a_sector_that_prices_carried_past_its_limit_takes_only_what_reduces_it() {
    // Six tech names of 415 shares are 249,000 of 1,000,000; instrument 7 is of another sector.
    let mut reference: Vec<InstrumentReference> = (1..=8)
        .map(|id| InstrumentReference {
            sector: Some("tech".to_owned()),
            ..plain(id)
        })
        .collect();
    reference[6].sector = Some("banks".to_owned());
    let mut engine =
        Engine::with_room(&reference, TighterLimits::none(), 16).expect("a sound reference");
    engine.on_venue(true);
    engine.on_session(SessionState::Open, SESSION);
    for id in 1..=8 {
        at(&mut engine, id, 100);
    }
    for id in 1..=6 {
        assert!(engine.on_position(id, 415));
    }
    engine.positions_complete();
    engine.on_account(751_000 * ONE);
    assert_eq!(engine.state_report().reason, Reason::None);
    // 2,490 at 101 are 251,490 of an equity of 1,002,490, whose quarter is 250,622.50. No issuer is past its own 5%.
    for id in 1..=6 {
        at(&mut engine, id, 101);
    }
    let state = engine.state_report();
    assert_eq!(
        (state.trading_state, state.reason),
        (TradingState::Active, Reason::SectorLimit)
    );
    // A name of the sector that holds nothing yet adds to it as well.
    for (order_id, instrument, price) in [(1, 1, 101), (2, 8, 100)] {
        let more = engine.decide(&buy(order_id, instrument, 1, price, 2), T0);
        assert_eq!(outcome(&more), (Reject, Reason::SectorLimit, 0));
        assert_eq!(more.binding_limit, 250_622_500_000);
    }
    assert_eq!(
        decide(&mut engine, &buy(3, 7, 100, 100, 2)),
        (Approve, Reason::None, 100)
    );
    // Nine at 101 are 909: the sector is at 250,581, and 41.50 are left of its limit.
    assert_eq!(
        decide(&mut engine, &sell(4, 1, 9)),
        (Approve, Reason::None, 9)
    );
    engine
        .on_execution(&fill(4, 9, 101, 9))
        .expect("a sound report");
    assert_eq!(engine.state_report().reason, Reason::None);
    assert_eq!(
        decide(&mut engine, &buy(5, 8, 1, 100, 2)),
        (Reject, Reason::SectorLimit, 0)
    );
}

#[test]
fn working_buys_count_at_todays_price_when_it_rose() {
    let mut engine = funded();
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 400, 100, 2)),
        (Approve, Reason::None, 400)
    );
    // 400 at 104 are 41,600; 8,400 are left, at 104: 80 shares.
    at(&mut engine, 1, 104);
    assert_eq!(
        decide(&mut engine, &buy(2, 1, 400, 104, 4)),
        (Reduce, Reason::InstrumentLimit, 80)
    );
}

#[test]
fn an_order_reserved_above_the_mark_pays_for_none_below() {
    let mut engine = funded();
    assert_eq!(
        decide(&mut engine, &buy(1, 1, 250, 100, 2)),
        (Approve, Reason::None, 250)
    );
    at(&mut engine, 1, 104);
    // A market order is reserved at 109.20, 5.20 above the mark; the first 250 were at 100, 4 below it. Averaged, 228 would fit
    // and be worth 250 * 104 + 228 * 109.20 = 50,897.60. Lifted by 4 each: 250 * 100 + 212 * 109.20 + 462 * 4 = 49,998.40.
    let market = OrderRequest {
        stop_distance: 4 * ONE,
        ..order(2, 1, Side::Buy, 500)
    };
    let decision = engine.decide(&market, T0);
    assert_eq!(outcome(&decision), (Reduce, Reason::InstrumentLimit, 212));
}

#[test]
fn tighter_limits_bind_and_looser_ones_cannot_be_built() {
    let spec = TighterSpec {
        instrument_bp: Some(200),
        ..TighterSpec::default()
    };
    let limits = TighterLimits::new(spec).expect("tighter");
    assert_eq!(
        decide(
            &mut funded_with(limits, 1_000_000, &[]),
            &buy(1, 1, 300, 100, 2)
        ),
        (Reduce, Reason::TighterLimit, 200)
    );
    assert_ne!(limits.hash(), limits_hash());

    let spec = TighterSpec {
        order_notional: Money::new(5_000 * ONE),
        ..TighterSpec::default()
    };
    let limits = TighterLimits::new(spec).expect("tighter");
    assert_eq!(
        decide(
            &mut funded_with(limits, 1_000_000, &[]),
            &buy(1, 1, 300, 100, 2)
        ),
        (Reduce, Reason::TighterLimit, 50)
    );

    for (spec, field, constant) in [
        (
            TighterSpec {
                instrument_bp: Some(501),
                ..TighterSpec::default()
            },
            "instrument_bp",
            500,
        ),
        (
            TighterSpec {
                sector_bp: Some(2_501),
                ..TighterSpec::default()
            },
            "sector_bp",
            2_500,
        ),
        (
            TighterSpec {
                drawdown_bp: Some(501),
                ..TighterSpec::default()
            },
            "drawdown_bp",
            500,
        ),
        (
            TighterSpec {
                trade_risk_bp: Some(101),
                ..TighterSpec::default()
            },
            "trade_risk_bp",
            100,
        ),
    ] {
        assert_eq!(
            TighterLimits::new(spec),
            Err(TighterError::Looser {
                field,
                asked: constant + 1,
                constant
            })
        );
    }
    let zero = TighterSpec {
        drawdown_bp: Some(0),
        ..TighterSpec::default()
    };
    assert_eq!(
        TighterLimits::new(zero),
        Err(TighterError::NotPositive {
            field: "drawdown_bp"
        })
    );
    let zero = TighterSpec {
        order_notional: Money::new(0),
        ..TighterSpec::default()
    };
    assert_eq!(
        TighterLimits::new(zero),
        Err(TighterError::NotPositive {
            field: "order_notional_micro"
        })
    );
}

#[test]
fn values_that_cannot_be_are_not_built() {
    assert_eq!(Price::new(0), None);
    assert_eq!(Price::new(-1), None);
    assert_eq!(Price::new(MAX_PRICE + 1), None);
    assert_eq!(Quantity::new(0), None);
    assert_eq!(Quantity::new(MAX_QUANTITY + 1), None);
    assert_eq!(Money::new(MAX_MONEY + 1), None);
    assert_eq!(Money::saturating(i128::MAX).micro(), MAX_MONEY);
    assert_eq!(Money::saturating(i128::MIN).micro(), -MAX_MONEY);
    let (price, quantity) = (
        Price::new(MAX_PRICE).expect("max"),
        Quantity::new(MAX_QUANTITY).expect("max"),
    );
    assert_eq!(quantity.notional(price), 100_000_000_000_000_000_000_000);
}
