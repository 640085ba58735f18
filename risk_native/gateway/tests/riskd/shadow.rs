//! What a difference that the shadow finds does. Its core runs in the test itself, because no input from outside makes the
//! sums wrong: the test says what the shadow's thread would.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use dnalyaw_engine::{Engine, InstrumentReference, Reason, TighterLimits};
use dnalyaw_frames::{Decision, DecisionKind};
use dnalyaw_gateway::config::LinkLoss;
use dnalyaw_gateway::control;
use dnalyaw_gateway::core::{self, Core, Input, Parts, Policy, ShadowThread};
use dnalyaw_gateway::journal::Journal;
use dnalyaw_gateway::latch::KillLatch;
use dnalyaw_gateway::link;
use dnalyaw_gateway::record::Record;
use dnalyaw_gateway::reference::Reference;
use dnalyaw_gateway::scrape::Published;
use dnalyaw_gateway::venue::{Sequences, Venue, VenueConfig};

use crate::support::{BUY, Rig, SELL, eventually, limit};

const WHY: &str = "gross exposure of 0: 3 as it ran, 2 from positions, marks and orders (SHADOW)";

/// A core with its sockets and its venue, and a way to say something to it.
struct InProcess {
    rig: Rig,
    inbox: SyncSender<Input>,
    core: Option<JoinHandle<()>>,
}

fn engine_over(reference: &Reference) -> Engine {
    let instruments: Vec<_> = reference
        .instruments
        .iter()
        .map(InstrumentReference::from)
        .collect();
    let mut engine = Engine::new(&instruments, TighterLimits::none()).expect("sound");
    engine.set_firm_rate(reference.firm_rate);
    engine
}

impl InProcess {
    fn start() -> Self {
        let rig = Rig::new();
        rig.venue.book().positions = vec![(1, "AAA", 100, "100")];
        let root = rig.dir.path();
        let dir = root.join("risk");
        std::fs::create_dir_all(&dir).expect("made");
        let reference = Reference::load(&root.join("reference.json")).expect("sound");
        let mut engine = engine_over(&reference);
        let latch = KillLatch::open(&dir).expect("a latch");
        let journal = Journal::open::<Record>(&dir.join("journal"), 256 << 10).expect("a journal");
        let replayed = core::replay(journal.records, &mut engine, &reference);
        let sequences = Sequences::open(&dir.join("fix.seq")).expect("numbers");
        let (inbox, events) = sync_channel(core::INBOX);
        let shadow = ShadowThread::start(inbox.clone()).expect("a thread");
        let to_core = inbox.clone();
        let venue = Venue::start(
            VenueConfig {
                address_file: root.join("fix.addr"),
                account: reference.region.clone(),
                symbols: reference
                    .instruments
                    .iter()
                    .map(|one| (one.symbol.clone(), one.instrument_id.unsigned_abs()))
                    .collect(),
                sequences: sequences.clone(),
                latch: latch.clone(),
            },
            Arc::new(move |delivery| to_core.send(Input::Venue(delivery)).is_ok()),
        )
        .expect("a thread");
        let to_core = inbox.clone();
        let control = Arc::new(move |request| to_core.send(Input::Control(request)).is_ok());
        control::listen(&dir.join("control.sock"), latch.clone(), control).expect("a socket");
        let to_core = inbox.clone();
        let line = Arc::new(move |event| to_core.send(Input::Link(event)).is_ok());
        link::listen(&rig.socket(), None, latch.clone(), line).expect("a socket");
        let parts = Parts {
            reference,
            engine,
            journal: journal.journal,
            sequences,
            venue,
            replayed,
            shadow,
            latch,
            policy: Policy {
                on_link_loss: LinkLoss::ReduceOnly,
                link_timeout: Duration::from_secs(10),
                cancel_on_disconnect: false,
                live: false,
            },
            published: Arc::new(Mutex::new(Published::default())),
        };
        let core = std::thread::spawn(move || Core::new(parts, &dir).run(events));
        Self {
            rig,
            inbox,
            core: Some(core),
        }
    }

    /// As the shadow's thread says it.
    fn differs(&self) {
        self.inbox
            .send(Input::Shadow(WHY.into()))
            .expect("a core that listens");
    }

    fn resume(&self) -> (Option<i32>, serde_json::Value) {
        self.rig
            .call(&["resume", "--shadow", "--reason", "looked into"])
    }

    fn differences(&self) -> usize {
        let kind = "{\"kind\":\"shadow_difference\"";
        self.rig.journal_text().matches(kind).count()
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        let _ = self.inbox.send(Input::Stop);
        if let Some(core) = self.core.take() {
            let ended = core.join();
            assert!(std::thread::panicking() || ended.is_ok(), "the core fell");
        }
    }
}

fn is_rejected(decision: &Decision) {
    let told = (decision.decision, decision.reason);
    assert_eq!(told, (DecisionKind::Reject, Reason::Shadow.code()));
}

#[test]
fn a_difference_halts_openings_is_journaled_and_a_person_lifts_it() {
    let riskd = InProcess::start();
    let mut client = riskd.rig.trading();
    let approved = DecisionKind::Approve;
    assert_eq!(
        client.order(limit(1, 1, BUY, 10, 99)).decision,
        approved,
        "before"
    );
    assert!(riskd.resume().1.to_string().contains("not halted"));
    riskd.differs();
    is_rejected(&client.order(limit(2, 1, BUY, 10, 99)));
    is_rejected(&client.order(limit(3, 2, BUY, 1, 99)));
    assert_eq!(
        client.order(limit(4, 1, SELL, 10, 101)).decision,
        approved,
        "what closes passes"
    );
    let status = riskd.rig.status();
    assert_eq!(
        (&status["trading_state"], &status["reason"]),
        (&"HALTED".into(), &"SHADOW".into())
    );
    eventually("the record", || riskd.differences() == 1);
    assert!(riskd.rig.journal_text().contains(WHY));
    // One that is found again while it stands is counted, and is no second record.
    riskd.differs();
    eventually("two differences", || {
        riskd.rig.status()["counters"]["shadow_differences"] == 2
    });
    assert_eq!(riskd.differences(), 1);
    let (code, answer) = riskd.resume();
    assert_eq!(code, Some(0), "{answer}");
    assert_eq!(client.order(limit(5, 1, BUY, 10, 99)).decision, approved);
    assert!(riskd.rig.journal_text().contains("looked into"));
    // What was lifted holds off no later one.
    riskd.differs();
    is_rejected(&client.order(limit(6, 1, BUY, 10, 99)));
    eventually("another record", || riskd.differences() == 2);
}
