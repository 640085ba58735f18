use super::*;
use serde_json::{Value, json};

fn good() -> Value {
    let one = |id: i64, symbol: &str| {
        json!({"instrument_id": id, "issuer_id": id, "label": format!("{symbol}.NYSE"), "symbol": symbol,
            "sector": null, "lot": 1, "tick_micro": 10_000, "currency": "USD", "tradable": true,
            "volatility_bp": 150, "adv": 1_000_000})
    };
    json!({"region": "US", "session": "2026-11-23", "currency": "USD", "generated_at": "2026-11-23T13:00:00Z",
        "instruments": [one(2, "BBB"), one(1, "AAA")]})
}

fn parse(value: &Value) -> Result<Reference, String> {
    Reference::parse(value.to_string().as_bytes())
}

#[test]
fn a_good_file_is_sorted_indexed_and_hashed() {
    let text = good().to_string();
    let reference = Reference::parse(text.as_bytes()).unwrap();
    assert_eq!(reference.session, 20_261_123);
    assert_eq!(reference.instruments[0].symbol, "AAA");
    assert_eq!(reference.id_of("BBB"), Some(2));
    assert_eq!(reference.instrument(2).unwrap().symbol, "BBB");
    assert_ne!(
        reference.hash,
        Reference::parse((text + " ").as_bytes()).unwrap().hash
    );
}

#[test]
fn each_fault_names_the_instrument() {
    for (field, value, named) in [
        ("lot", json!(0), "lot 0"),
        ("tick_micro", json!(-1), "tick_micro -1"),
        ("currency", json!("EUR"), "currency EUR"),
        ("instrument_id", json!(0), "instrument_id 0"),
        ("symbol", json!("A B"), "symbol 'A B'"),
        ("tradable", json!("yes"), "invalid type"),
        ("surprise", json!(1), "unknown field"),
        ("venue", json!("N Y"), "venue 'N Y'"),
        ("restricted", json!(1), "invalid type"),
        ("gap_bp", json!(-1), "gap_bp -1"),
        ("locate", json!(-5), "locate -5"),
        ("close_micro", json!(-1), "close_micro -1"),
        ("close_micro", json!(1.5), "invalid type"),
        ("split_num", json!(0), "split_num 0"),
        ("split_den", json!(-2), "split_den -2"),
        ("split_num", json!(1_000_001), "split 1000001:1"),
    ] {
        let mut bad = good();
        bad["instruments"][1][field] = value;
        let err = parse(&bad).unwrap_err();
        assert!(err.starts_with("instrument 2 (AAA.NYSE)"), "{err}");
        assert!(err.contains(named), "{err}");
    }
    let mut twice = good();
    twice["instruments"][1]["symbol"] = json!("BBB");
    assert!(parse(&twice).unwrap_err().contains("listed twice"));
}

#[test]
fn what_is_left_out_has_a_careful_meaning() {
    let reference = parse(&good()).unwrap();
    let one = reference.instrument(1).unwrap();
    assert_eq!(one.venue, "NYSE");
    assert_eq!((one.restricted, one.gap_bp, one.locate), (false, 0, 0));
    assert_eq!(one.close_micro, 0);
    assert_eq!((one.split_num, one.split_den), (1, 1));
    assert!(reference.strategies.is_empty());
    assert_eq!(reference.paths, frames::Path::ALL);
    assert_eq!(reference.firm_currency, "USD");
    assert_eq!(reference.firm_rate, Some(1_000_000));
    let mut bare = good();
    bare["instruments"][0]["label"] = json!("BBB");
    assert!(parse(&bare).unwrap_err().contains("TICKER.VENUE"));
    bare["instruments"][0]["venue"] = json!("XNYS");
    assert_eq!(parse(&bare).unwrap().instrument(2).unwrap().venue, "XNYS");
}

#[test]
fn the_firms_rate_is_known_or_nothing() {
    let with = |firm: Value, rate: Value| {
        let mut file = good();
        file["firm_currency"] = firm;
        file["firm_rate_micro"] = rate;
        parse(&file).map(|reference| reference.firm_rate)
    };
    assert_eq!(with(json!("HKD"), json!(7_800_000)), Ok(Some(7_800_000)));
    assert_eq!(with(json!("HKD"), Value::Null), Ok(None));
    assert_eq!(with(json!("USD"), json!(1_000_000)), Ok(Some(1_000_000)));
    assert!(with(json!("USD"), json!(2)).unwrap_err().contains("both"));
    assert!(
        with(json!("HKD"), json!(0))
            .unwrap_err()
            .contains("positive")
    );
}

#[test]
fn a_strategy_has_the_bit_of_its_place() {
    let mut file = good();
    file["strategies"] = json!(["momentum", "pairs"]);
    let reference = parse(&file).unwrap();
    assert_eq!(reference.strategy_bit("momentum"), Some(1));
    assert_eq!(reference.strategy_bit("pairs"), Some(2));
    assert_eq!(reference.strategy_bit("other"), None);
    for bad in [json!(["a", "a"]), json!([""]), json!(vec!["x"; 65])] {
        file["strategies"] = bad;
        assert!(parse(&file).unwrap_err().contains("strateg"));
    }
}

#[test]
fn a_file_may_list_the_paths_and_the_default_is_always_there() {
    use frames::Path::{Default, First, Second};
    let mut file = good();
    for (listed, named) in [
        (json!([1, 2]), vec![Default, First, Second]),
        (json!([2]), vec![Default, Second]),
        (json!([]), vec![Default]),
    ] {
        file["paths"] = listed;
        let reference = parse(&file).unwrap();
        for path in [Default, First, Second] {
            assert_eq!(reference.has_path(path), named.contains(&path), "{path:?}");
        }
    }
    for bad in [
        json!([0]),
        json!([3]),
        json!([1, 1]),
        json!([-1]),
        json!(["1"]),
        json!(1),
    ] {
        file["paths"] = bad;
        let err = parse(&file).unwrap_err();
        assert!(err.contains("paths") || err.contains("expected"), "{err}");
    }
}

#[test]
fn a_price_follows_the_split_and_is_rounded_as_asked() {
    let mut one = parse(&good()).unwrap().instrument(1).unwrap().clone();
    (one.split_num, one.split_den) = (3, 1);
    assert_eq!(one.rebased(100, false), Some(33));
    assert_eq!(one.rebased(100, true), Some(34));
    assert_eq!(one.rebased(2, false), None);
    (one.split_num, one.split_den) = (1, 10);
    assert_eq!(one.rebased(100, true), Some(1000));
    assert_eq!(one.rebased(i64::MAX, true), None);
}

#[test]
fn broken_json_names_the_line() {
    let err = Reference::parse(b"{\n\"region\": \"US\",\n oops").unwrap_err();
    assert!(err.starts_with("line 3"), "{err}");
}

#[test]
fn a_date_that_does_not_exist_is_refused() {
    let mut bad = good();
    bad["session"] = json!("2026-02-30");
    assert!(parse(&bad).unwrap_err().contains("session '2026-02-30'"));
}

proptest::proptest! {
    #[test]
    fn damaged_files_are_refused_or_sound(at in 0_usize..900, byte in 0_u8..=255) {
        let mut bytes = good().to_string().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(reference) = Reference::parse(&bytes) {
            for one in &reference.instruments {
                proptest::prop_assert!(one.instrument_id > 0 && one.lot > 0 && one.tick_micro >= 0);
                proptest::prop_assert_eq!(reference.id_of(&one.symbol), Some(one.instrument_id));
            }
        }
    }
}
