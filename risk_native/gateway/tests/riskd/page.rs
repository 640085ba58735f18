//! Numbers on the page for Prometheus, worked by hand: a position that loses, and a limit that is near and is not any more.

use crate::officer::{scrape, value, watched, watched_with};
use crate::support::{BUY, Rig, eventually, limit};

#[test]
fn the_page_tells_the_session_what_the_book_is_worth_and_how_far_it_fell() {
    let rig = Rig::new();
    {
        let mut book = rig.venue.book();
        book.cash = Some("100000".into());
        book.positions = vec![(1, "AAA", 300, "100")];
    }
    let (rig, address) = watched_with(rig);
    let _client = rig.trading();
    let on_page = |sample: &str| value(&scrape(&address), &format!("dnalyaw_risk_{sample}"));
    // 300 shares that sell at 99.99, and the cash.
    let whole = r#"baseline{region="US"}"#;
    eventually("the baseline", || on_page(whole) == Some(129_997.0));
    assert_eq!(on_page(r#"drawdown_ratio{region="US"}"#), Some(0.0));
    rig.venue.book().clock_ns += 1_000_000_000;
    rig.venue.price("X", None, "AAA", "98.99", "99.01", "99");
    eventually("the fall", || {
        on_page(r#"equity{region="US"}"#) == Some(129_697.0)
    });
    for (sample, expected) in [
        // The venue's session is open.
        (r#"session_state{region="US"}"#, 2.0),
        // It is set once a day.
        (whole, 129_997.0),
        // 300 of 129,997 are 23.07 basis points; whole ones are told.
        (r#"drawdown_ratio{region="US"}"#, 0.0023),
        // 300 shares at 99.
        (r#"exposure{region="US",limit="gross",name=""}"#, 29_700.0),
        (r#"exposure{region="US",limit="net",name=""}"#, 29_700.0),
        (
            r#"exposure{region="US",limit="instrument",name="AAA.NYSE"}"#,
            29_700.0,
        ),
        // Of twice and of once the equity, in basis points, rounded up.
        (
            r#"limit_used_ratio{region="US",limit="gross",name=""}"#,
            0.1145,
        ),
        (
            r#"limit_used_ratio{region="US",limit="net",name=""}"#,
            0.2290,
        ),
    ] {
        assert_eq!(on_page(sample), Some(expected), "{sample}");
    }
}

#[test]
fn a_limit_that_was_near_and_is_not_any_more_is_said_to_be() {
    let (rig, address) = watched();
    let mut client = rig.trading();
    // Four fifths of 500 shares are 400.
    client.order(limit(1, 1, BUY, 410, 100));
    rig.wait_log(&["limit_near", "AAA.NYSE", "\"used_bp\":8200"]);
    assert!(!rig.log().contains("limit_relieved"));
    let order = rig.venue.expect("D", 1);
    rig.venue.report(&order, "4", "4", 0, 0, "0");
    rig.wait_log(&["limit_relieved", "\"limit\":\"instrument\"", "AAA.NYSE"]);
    eventually("none is near", || {
        value(
            &scrape(&address),
            r#"dnalyaw_riskd_limits_near{region="US"}"#,
        ) == Some(0.0)
    });
    assert_eq!(rig.log().matches("limit_relieved").count(), 1);
}
