//! Decimals and times between FIX text and fixed point.

use chrono::{DateTime, NaiveDateTime};
use dnalyaw_engine::{MAX_MONEY, MAX_PRICE, MAX_QUANTITY};

const MICRO: i64 = 1_000_000;

/// `12.5` as 12,500,000; exact, or nothing. Digits past the sixth must be zero.
pub fn parse_micro(text: &str) -> Option<i64> {
    parse(text, true)
}

/// As `parse_micro`, rounding what is finer than a millionth half away from zero: averages are rarely whole.
pub fn parse_micro_rounded(text: &str) -> Option<i64> {
    parse(text, false)
}

fn parse(text: &str, exact: bool) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    if !whole
        .bytes()
        .chain(fraction.bytes())
        .all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let mut value: i64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    value = value.checked_mul(MICRO)?;
    let mut unit = MICRO / 10;
    for (index, digit) in fraction.bytes().enumerate() {
        let digit = i64::from(digit - b'0');
        if index < 6 {
            value = value.checked_add(digit * unit)?;
            unit /= 10;
        } else if exact && digit != 0 {
            return None;
        } else if index == 6 && digit >= 5 {
            value = value.checked_add(1)?;
        }
    }
    Some(if negative { -value } else { value })
}

/// 12,500,000 as `12.5`.
pub fn format_micro(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let value = value.unsigned_abs();
    let (whole, fraction) = (value / 1_000_000, value % 1_000_000);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:06}");
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

/// Whole shares; venues may write `100` or `100.0`.
pub fn parse_shares(text: &str) -> Option<i64> {
    let micro = parse_micro(text)?;
    (micro % MICRO == 0).then_some(micro / MICRO)
}

/// Shares that a report may speak of: none to the most that the engine takes.
pub fn read_shares(text: &str) -> Option<i64> {
    parse_shares(text).filter(|shares| (0..=MAX_QUANTITY).contains(shares))
}

/// A price that a report may speak of, exact: 0 where there is none.
pub fn read_price(text: &str) -> Option<i64> {
    parse_micro(text).filter(|price| (0..=MAX_PRICE).contains(price))
}

/// As `read_price`, for averages, which are rarely whole.
pub fn read_average(text: &str) -> Option<i64> {
    parse_micro_rounded(text).filter(|price| (0..=MAX_PRICE).contains(price))
}

/// An amount of money, either way.
pub fn read_money(text: &str) -> Option<i64> {
    parse_micro_rounded(text).filter(|money| money.abs() <= MAX_MONEY)
}

/// How many there are of something: a total below nothing would be reached before it began.
pub fn read_count(text: &str) -> Option<i64> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// `20261123-14:30:00.123` as nanoseconds since the epoch.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    NaiveDateTime::parse_from_str(text, "%Y%m%d-%H:%M:%S%.f")
        .ok()?
        .and_utc()
        .timestamp_nanos_opt()
}

/// The reverse of `parse_timestamp`, in milliseconds.
pub fn format_timestamp(ts_ns: i64) -> String {
    DateTime::from_timestamp_nanos(ts_ns)
        .format("%Y%m%d-%H:%M:%S%.3f")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        for (text, value) in [
            ("0", 0),
            ("12.5", 12_500_000),
            ("-0.000001", -1),
            (".25", 250_000),
            ("101.1234560000", 101_123_456),
            ("7.", 7_000_000),
        ] {
            assert_eq!(parse_micro(text), Some(value), "{text}");
        }
        for text in [
            "",
            ".",
            "-",
            "1e5",
            "1,5",
            "0.0000001",
            "99999999999999999999",
            "1.2.3",
            "+1",
        ] {
            assert_eq!(parse_micro(text), None, "{text}");
        }
        assert_eq!(parse_micro_rounded("10.00000050001"), Some(10_000_001));
        assert_eq!(parse_micro_rounded("10.00000049"), Some(10_000_000));
    }

    #[test]
    fn formatting_drops_what_says_nothing() {
        for (value, text) in [
            (12_500_000, "12.5"),
            (-1, "-0.000001"),
            (100_000_000, "100"),
            (0, "0"),
        ] {
            assert_eq!(format_micro(value), text);
            assert_eq!(parse_micro(text), Some(value));
        }
    }

    #[test]
    fn shares_are_whole() {
        assert_eq!(parse_shares("100.0"), Some(100));
        assert_eq!(parse_shares("0.5"), None);
    }

    #[test]
    fn timestamps_of_every_precision() {
        assert_eq!(parse_timestamp("19700101-00:00:01"), Some(1_000_000_000));
        assert_eq!(parse_timestamp("19700101-00:00:00.000000007"), Some(7));
        assert_eq!(format_timestamp(1_500_000_000), "19700101-00:00:01.500");
        assert_eq!(parse_timestamp("1970-01-01 00:00:01"), None);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_back(value in -9_000_000_000_000_000_000_i64..9_000_000_000_000_000_000) {
            proptest::prop_assert_eq!(parse_micro(&format_micro(value)), Some(value));
            proptest::prop_assert_eq!(parse_micro_rounded(&format_micro(value)), Some(value));
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text in ".*") {
            let _ = (parse_micro(&text), parse_micro_rounded(&text), parse_shares(&text), parse_timestamp(&text));
        }

        #[test]
        fn no_digits_make_the_parsers_panic(text in "-?[0-9]{0,25}[.]?[0-9]{0,12}") {
            if let Some(exact) = parse_micro(&text) {
                proptest::prop_assert_eq!(parse_micro_rounded(&text), Some(exact));
            }
        }

        #[test]
        fn milliseconds_survive(ms in 0_i64..4_000_000_000_000) {
            proptest::prop_assert_eq!(parse_timestamp(&format_timestamp(ms * 1_000_000)), Some(ms * 1_000_000));
        }
    }
}
