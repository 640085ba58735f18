//! `docs/reasons.md` is written from the enum. `DNALYAW_WRITE_DOCS=1 cargo test -p dnalyaw-engine --test reasons_doc` writes it
//! anew; without that the test fails when the page is stale.

use std::fmt::Write as _;
use std::path::PathBuf;

use dnalyaw_engine::*;

const HEAD: &str = "# Reason codes

Written from the enum in `risk_native/engine/src/reason.rs` by
`DNALYAW_WRITE_DOCS=1 cargo test -p dnalyaw-engine --test reasons_doc`; a test fails when this page is stale.

An order *opens* when it is on the side of the position, or there is none; it *reduces* when it is on the other side: a sell while long, a
buy while short, up to what is held and not yet being closed. \"Pass\" means that the check does not hold such an order back. The
checks and their order stand in [risk-engine.md](risk-engine.md).

A limit holds up what touches it: prices can carry an issuer, a sector or the book past its limit, and then every order that would
add to it is rejected, while others trade on within their own limits. So the worst case of every limit that an accepted order
touches is inside it after the order, at decision prices.

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
    page.push_str(
        "\n## The constants\n\nEverything that names the limits, as it is hashed:\n\n```\n",
    );
    page.push_str(&TighterLimits::none().canonical_text());
    let hash: String = limits_hash()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    writeln!(page, "```\n\nSHA-256 `{hash}`.").expect("writing to a string");
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
