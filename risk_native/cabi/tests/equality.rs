//! The same flow of events through the boundary and into an engine that is driven by hand, as riskd's core drives it: every
//! decision to the last number, and after every event the hash of the whole state.

mod common;
mod equality {
    mod asks;
    mod direct;
    pub mod flow;
    mod same;
    mod venue;
}

use equality::flow::Flow;

#[test]
fn every_decision_is_the_engines_own() {
    let mut seen = std::collections::BTreeMap::new();
    let mut did = std::collections::BTreeMap::new();
    for seed in 0..12 {
        let mut flow = Flow::new(seed);
        for _ in 0..2_500 {
            flow.step();
        }
        for (reason, count) in &flow.reasons {
            *seen.entry(*reason).or_insert(0) += count;
        }
        for (what, count) in &flow.did {
            *did.entry(*what).or_insert(0) += count;
        }
    }
    // The flows were worth comparing.
    for what in [
        "approved",
        "reduced",
        "rejected",
        "flatten",
        "linked",
        "replaced",
        "refused",
        "filled",
        "corrected",
        "late",
        "cancelled",
        "fired",
        "killed",
        "flat",
        "night",
    ] {
        assert!(did.get(what).copied().unwrap_or(0) > 4, "{what}: {did:?}");
    }
    assert!(seen.len() >= 25, "{} reasons: {seen:?}", seen.len());
}
