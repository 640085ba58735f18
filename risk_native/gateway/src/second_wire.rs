//! `riskd --flatten`: what a riskd that is dead has left at the venue is cancelled and closed, by a process that needs
//! little more than the venue's address.
//!
//! It is the same core with the switch thrown from the start, no link, and an end: when the venue's own account is flat, or
//! when its patience is over. A journal that does not open is left as it is, and a fresh one is begun beside it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use dnalyaw_engine::{Engine, OWN_ORDER_ID_BASE, Reason};

use crate::config::{FlattenOptions, LinkLoss};
use crate::control::account_name;
use crate::core::{self, Core, Input, Parts, Policy, Replayed};
use crate::journal::{self, Journal};
use crate::latch::KillLatch;
use crate::log::{hex, wall_ns};
use crate::record::Record;
use crate::reference::Reference;
use crate::scrape::Published;
use crate::server::{build_engine, lock, signals, venue_config};
use crate::venue::{Sequences, Venue, read_address};
use crate::{control, limits, log_error};

/// How it ended when not flat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It could not begin.
    Unusable(String),
    /// It began, and this is left.
    Left(String),
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self::Unusable(why)
    }
}

/// Flattens the account; what it says when it is.
///
/// # Errors
/// See [`Failure`].
pub fn flatten(options: &FlattenOptions) -> Result<String, Failure> {
    let limits = limits::load(options.tighter.as_deref())?;
    let reference = Reference::load(&options.reference)?;
    let mut engine = build_engine(&reference, &options.reference, limits)?;
    read_address(&options.venue_addr_file)?;
    let _lock = lock(&options.dir)
        .map_err(|why| format!("{why}; one that runs is flattened by riskd kill"))?;
    let fresh = options.dir.join(format!("flatten-{}", wall_ns()));
    let latch = or_fresh(
        &fresh,
        "latch",
        KillLatch::open(&options.dir),
        KillLatch::open,
    )?;
    let uid = rustix::process::getuid().as_raw();
    let who = format!(
        "riskd --flatten by {} (uid {uid}): {}",
        account_name(uid),
        options.reason
    );
    latch.fire(Reason::Operator, &who);
    let (inbox, events) = sync_channel(core::INBOX);
    signals(inbox.clone(), latch.clone()).map_err(|err| format!("signals: {err}"))?;
    let (mut journal, replayed) = open_journal(&options.dir, &fresh, &mut engine, &reference)?;
    let start = Record::Start {
        wall_ns: wall_ns(),
        region: reference.region.clone(),
        session: reference.session,
        reference_hash: hex(&reference.hash),
        limits_hash: hex(&limits.hash()),
    };
    if !journal.append(&start, start.class()) {
        log_error!("record_not_journaled", {"record": "start", "then": "flattening goes on; the log has what it does"});
    }
    let sequences = or_fresh(
        &fresh,
        "FIX numbers",
        Sequences::open(&options.dir.join("fix.seq")).map_err(|err| err.to_string()),
        |dir| Sequences::open(&dir.join("fix.seq")).map_err(|err| err.to_string()),
    )?;
    let shadow =
        core::ShadowThread::start(inbox.clone()).map_err(|err| format!("shadow thread: {err}"))?;
    let to_core = inbox.clone();
    let venue = Venue::start(
        venue_config(&options.venue_addr_file, &reference, &sequences, &latch),
        Arc::new(move |delivery| to_core.send(Input::Venue(delivery)).is_ok()),
    )
    .map_err(|err| format!("venue thread: {err}"))?;
    control::listen(
        &options.control,
        latch.clone(),
        Arc::new(move |request| inbox.send(Input::Control(request)).is_ok()),
    )?;
    let core = Core::new(
        Parts {
            reference,
            engine,
            journal,
            sequences,
            venue,
            replayed,
            shadow,
            latch,
            policy: Policy {
                on_link_loss: LinkLoss::ReduceOnly,
                link_timeout: options.patience,
                cancel_on_disconnect: false,
                live: false,
            },
            published: Arc::new(Mutex::new(Published::default())),
        },
        &options.dir,
    );
    let ended = core.run_until_flat(events, options.patience);
    let _ = std::fs::remove_file(&options.control);
    match ended {
        Ok(()) => Ok("{\"flat\":true}".to_string()),
        Err(left) => Err(Failure::Left(format!(
            "not flat after {} s; left: {left}",
            options.patience.as_secs()
        ))),
    }
}

/// What was opened in the directory, or the same made anew beside it: what is broken is kept as it is for whoever looks.
fn or_fresh<T>(
    fresh: &Path,
    what: &str,
    opened: Result<T, String>,
    make: impl Fn(&Path) -> Result<T, String>,
) -> Result<T, String> {
    opened.or_else(|why| {
        log_error!("flatten_without", {"what": what, "why": why, "instead": fresh.display().to_string()});
        std::fs::create_dir_all(fresh).map_err(|err| format!("{}: {err}", fresh.display()))?;
        make(fresh)
    })
}

fn open_journal(
    dir: &Path,
    fresh: &Path,
    engine: &mut Engine,
    reference: &Reference,
) -> Result<(Journal, Replayed), String> {
    let open = |path: PathBuf| {
        Journal::open::<Record>(&path, journal::SEGMENT).map_err(|err| err.to_string())
    };
    let mut anew = false;
    let opened = open(dir.join("journal")).or_else(|why| {
        anew = true;
        or_fresh(fresh, "journal", Err(why), |fresh| {
            open(fresh.join("journal"))
        })
    })?;
    let replayed = core::replay(opened.records, engine, reference);
    if anew {
        // The ids that the other journal gave are unknown; these are above all of them.
        let since_epoch_ms = u64::try_from(wall_ns() / 1_000_000).unwrap_or(0);
        engine.restore_last_order_id(0, OWN_ORDER_ID_BASE + since_epoch_ms);
    }
    Ok((opened.journal, replayed))
}
