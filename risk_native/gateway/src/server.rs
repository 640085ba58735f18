//! Puts the parts together and runs them.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dnalyaw_engine::{Engine, InstrumentReference, Reason, TighterLimits};
use rustix::fs::{FlockOperation, flock};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Options;
use crate::core::{self, Core, Input, Parts, Policy};
use crate::journal::Journal;
use crate::latch::KillLatch;
use crate::log::{hex, wall_ns};
use crate::record::Record;
use crate::reference::Reference;
use crate::scrape::{self, Published};
use crate::venue::{Sequences, Venue, VenueConfig, read_address};
use crate::{binary, control, limits, link, live, log_info, log_warn};

/// A stop that found no room is told again after this long.
const STOP_AGAIN: Duration = Duration::from_millis(20);

/// Serves until SIGTERM.
///
/// # Errors
/// One line about what kept riskd from starting.
pub fn serve(options: &Options) -> Result<(), String> {
    let oms_user = match &options.live {
        Some(name) => Some(live::check(options, name)?),
        None => None,
    };
    let _lock = lock(&options.dir)?;
    let latch = KillLatch::open(&options.dir)?;
    let (inbox, events) = sync_channel(core::INBOX);
    // From here on a SIGUSR1 throws the switch instead of ending riskd, however long the start takes.
    signals(inbox.clone(), latch.clone()).map_err(|err| format!("signals: {err}"))?;
    let limits = limits::load(options.tighter.as_deref())?;
    let reference = Reference::load(&options.reference)?;
    let mut engine = build_engine(&reference, &options.reference, limits)?;
    // A venue that is not up yet is waited for; an address that others can read is not.
    if options.venue_addr_file.exists() {
        read_address(&options.venue_addr_file)?;
    }
    let opened = Journal::open::<Record>(&options.dir.join("journal"), options.journal_segment)
        .map_err(|err| err.to_string())?;
    let mut journal = opened.journal;
    if opened.torn_bytes > 0 {
        log_warn!("journal_torn", {"bytes": opened.torn_bytes, "why": "a last record that was not whole was cut off; nothing had left for it"});
    }
    let replayed_records = opened.records.len();
    let replayed = core::replay(opened.records, &mut engine, &reference);
    let newest = replayed.newest_session();
    if reference.session < newest {
        return Err(format!(
            "reference {}: its session {} is over, the journal has begun {newest}; pass the file of the venue's session",
            options.reference.display(),
            reference.session
        ));
    }
    let start = Record::Start {
        wall_ns: wall_ns(),
        region: reference.region.clone(),
        session: reference.session,
        reference_hash: hex(&reference.hash),
        limits_hash: hex(&limits.hash()),
    };
    if !journal.append(&start, start.class()) {
        return Err(format!(
            "journal {}: no room for a single record; make room on the disk",
            options.dir.join("journal").display()
        ));
    }
    let sequences = Sequences::open(&options.dir.join("fix.seq"))
        .map_err(|err| format!("{}: {err}", options.dir.join("fix.seq").display()))?;

    let shadow =
        core::ShadowThread::start(inbox.clone()).map_err(|err| format!("shadow thread: {err}"))?;
    let to_core = inbox.clone();
    let venue = Venue::start(
        venue_config(&options.venue_addr_file, &reference, &sequences, &latch),
        Arc::new(move |delivery| to_core.send(Input::Venue(delivery)).is_ok()),
    )
    .map_err(|err| format!("venue thread: {err}"))?;
    let to_core = inbox.clone();
    control::listen(
        &options.control,
        latch.clone(),
        Arc::new(move |request| to_core.send(Input::Control(request)).is_ok()),
    )?;
    link::listen(
        &options.socket,
        oms_user,
        latch.clone(),
        Arc::new(move |event| inbox.send(Input::Link(event)).is_ok()),
    )?;

    binary::start().map_err(|err| format!("hash thread: {err}"))?;
    let published = Arc::new(Mutex::new(Published::default()));
    let metrics = options
        .metrics
        .as_deref()
        .map(|address| serve_metrics(address, &options.dir, &reference.region, published.clone()))
        .transpose()?;
    let (orders, open, last_order_id) = replayed.counts();
    let ready = json!({"pid": std::process::id(), "region": reference.region, "session": reference.session,
        "socket": options.socket.display().to_string(), "control": options.control.display().to_string(),
        "killed": latch.fired().map(Reason::name), "metrics": metrics.map(|address| address.to_string()), "reference_hash": hex(&reference.hash),
        "limits_hash": hex(&limits.hash()), "journal_records": journal.len(), "journal_head": journal.head(), "journal_replayed": replayed_records,
        "state_hash": hex(&replayed.state_hash(reference.session)),
        "orders": orders, "open_orders": open, "last_order_id": last_order_id, "torn_bytes": opened.torn_bytes});
    log_info!("ready", {"ready": ready});
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
                on_link_loss: options.on_link_loss,
                link_timeout: options.link_timeout,
                cancel_on_disconnect: options.cancel_on_disconnect,
                live: options.live.is_some(),
            },
            published,
        },
        &options.dir,
    );
    // Whoever started riskd may not be reading any more.
    let _ = writeln!(std::io::stdout(), "READY {ready}");
    let _ = std::io::stdout().flush();
    core.run(events);
    // The sockets are ours as long as the lock is.
    let _ = std::fs::remove_file(&options.socket);
    let _ = std::fs::remove_file(&options.control);
    Ok(())
}

/// The engine over a reference file, under the deployment's limits.
///
/// # Errors
/// One line naming the file and the instrument at fault.
pub(crate) fn build_engine(
    reference: &Reference,
    path: &Path,
    limits: TighterLimits,
) -> Result<Engine, String> {
    let instruments: Vec<_> = reference
        .instruments
        .iter()
        .map(InstrumentReference::from)
        .collect();
    let mut engine = Engine::new(&instruments, limits)
        .map_err(|err| format!("reference {}: {err}", path.display()))?;
    engine.set_firm_rate(reference.firm_rate);
    Ok(engine)
}

pub(crate) fn venue_config(
    address_file: &Path,
    reference: &Reference,
    sequences: &Sequences,
    latch: &KillLatch,
) -> VenueConfig {
    VenueConfig {
        address_file: address_file.to_path_buf(),
        account: reference.region.clone(),
        symbols: reference
            .instruments
            .iter()
            .map(|one| (one.symbol.clone(), one.instrument_id.unsigned_abs()))
            .collect(),
        sequences: sequences.clone(),
        latch: latch.clone(),
    }
}

/// Serves the metrics, and says where in a file that Prometheus reads by itself (file_sd).
fn serve_metrics(
    address: &str,
    dir: &Path,
    region: &str,
    published: Arc<Mutex<Published>>,
) -> Result<SocketAddr, String> {
    let bound = scrape::serve(address, move || {
        published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .page()
    })?;
    let target = json!([{"targets": [bound.to_string()], "labels": {"region": region}}]);
    let (path, beside) = (dir.join("prometheus.json"), dir.join("prometheus.json.new"));
    std::fs::write(&beside, target.to_string())
        .and_then(|()| std::fs::rename(&beside, &path))
        .map_err(|err| format!("{}: {err}", path.display()))?;
    Ok(bound)
}

/// The directory's lock, held for as long as the file is open.
pub(crate) fn lock(dir: &Path) -> Result<std::fs::File, String> {
    let fail = |err: std::io::Error| format!("--dir {}: {err}", dir.display());
    std::fs::create_dir_all(dir).map_err(fail)?;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).map_err(fail)?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.join("lock"))
        .map_err(fail)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        format!(
            "--dir {}: another riskd serves it; stop it first or choose another --dir",
            dir.display()
        )
    })?;
    Ok(file)
}

/// SIGTERM and SIGINT stop, SIGUSR1 pulls the kill switch. A file that may not grow is a full disk, not the end of riskd.
pub(crate) fn signals(inbox: SyncSender<Input>, latch: KillLatch) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut term, mut int, mut usr1, mut too_large) = {
        let _guard = runtime.enter();
        (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::user_defined1())?,
            signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        )
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            runtime.block_on(async move {
                let mut stop = false;
                loop {
                    tokio::select! {
                        _ = term.recv() => stop = true,
                        _ = int.recv() => stop = true,
                        _ = too_large.recv() => {}
                        _ = usr1.recv() => {
                            latch.fire(Reason::Operator, "SIGUSR1");
                            // A core with a full queue looks at the latch before each of what is in it.
                            let _ = inbox.try_send(Input::Wake);
                        }
                        () = tokio::time::sleep(STOP_AGAIN), if stop => {}
                    }
                    // Whoever waited here for room would not hear the next signal.
                    if stop {
                        match inbox.try_send(Input::Stop) {
                            Ok(()) => stop = false,
                            Err(TrySendError::Full(_)) => {}
                            Err(TrySendError::Disconnected(_)) => return,
                        }
                    }
                }
            });
        })?;
    Ok(())
}
