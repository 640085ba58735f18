//! `docs/reasons.md` is written from the enum. `DNALYAW_WRITE_DOCS=1 cargo test -p dnalyaw-engine --test reasons_doc` writes it
//! anew; without that the test fails when the page is stale.

use std::fmt::Write as _;
use std::path::PathBuf;

use dnalyaw_engine::*;

const HEAD: &str = "# Reason codes

Written from the enum in `risk_native/engine/src/reason.rs` by
`DNALYAW_WRITE_DOCS=1 cargo test -p dnalyaw-engine --test reasons_doc`; a test fails when this page is stale.

An order *opens* when it can raise the worst case (positions plus any subset of working orders filling, market orders at the
collar), and *reduces* when it can only lower it: a sell of at most what is held and not yet being sold, or a buy of at most
what covers a short. \"Pass\" means that the check does not hold such an order back.

A limit holds up what touches it: prices can carry an issuer or a sector past its limit, and then every order that would raise
that issuer or that sector is rejected, while others trade on within their own limits. So the worst case of the issuer and the
sector of an accepted order is inside the limits after it, at decision prices.

| code | name | what it means | opening order | reducing order |
| --- | --- | --- | --- | --- |
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for reason in Reason::ALL {
        let (code, name, line) = (reason.code(), reason.name(), reason.explanation());
        writeln!(
            page,
            "| {code} | `{name}` | {line} | {} | {} |",
            reason.on_opening(),
            reason.on_reducing()
        )
        .expect("writing to a string");
    }
    page.push_str("\n## The constants\n\n| what | value |\n| --- | --- |\n");
    for (what, basis_points) in [
        ("worst case of one issuer, of equity", INSTRUMENT_LIMIT_BP),
        (
            "worst case of one sector, of equity (unknown sectors share one bucket)",
            SECTOR_LIMIT_BP,
        ),
        (
            "daily drawdown below the session's baseline",
            DRAWDOWN_LIMIT_BP,
        ),
        ("at risk in one trade, of equity", TRADE_RISK_LIMIT_BP),
        ("collar around the reference price", COLLAR_BP),
        ("margin for fees on a buy", FEE_MARGIN_BP),
    ] {
        writeln!(page, "| {what} | {basis_points} bp |").expect("writing to a string");
    }
    let minutes = MAX_PRICE_AGE_NS / 60_000_000_000;
    writeln!(
        page,
        "| age of the price behind an opening order, on the venue's clock | {minutes} min |"
    )
    .expect("writing to a string");
    page
}

#[test]
fn the_page_is_current() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reasons.md");
    if std::env::var_os("DNALYAW_WRITE_DOCS").is_some() {
        std::fs::write(&path, page()).expect("docs/reasons.md");
    }
    let found = std::fs::read_to_string(&path).expect("docs/reasons.md");
    assert!(
        found == page(),
        "docs/reasons.md is stale: run DNALYAW_WRITE_DOCS=1 cargo test -p dnalyaw-engine --test reasons_doc"
    );
}
