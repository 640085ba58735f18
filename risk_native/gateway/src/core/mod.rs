//! The core: one thread that owns the engine. Everything that happens comes in through one bounded queue, in batches;
//! what a batch decides is journaled and on the disk before any of it leaves. The kill switch's cancels alone do not wait.

mod corrections;
mod decide;
mod disconnect;
mod foreign;
mod halts;
mod kill;
mod legs;
mod line;
mod market;
mod officer;
mod operate;
mod orders;
mod oversold;
mod persist;
mod replace;
mod replay;
mod reports;
mod restate;
mod resync;
mod shadow;
mod standing;
mod stops;
mod sync;
mod wire;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dnalyaw_engine::{Baseline, CloseOrder, Engine, Halt, Kill, Reason};
use dnalyaw_frames::{self as frames, Body};
use serde_json::Value;

use crate::config::LinkLoss;
use crate::control;
use crate::journal::Journal;
use crate::latch::KillLatch;
use crate::link::{Client, LinkEvent};
use crate::log::{self, Level, wall_ns};
use crate::metrics::{Counters, MetricsFile};
use crate::record::{Id, Record};
use crate::reference::Reference;
use crate::scrape::Published;
use crate::venue::{Command, Delivery, Event, Sequences, Venue};
use crate::{log_error, log_info, log_warn};
use disconnect::Disconnect;
use foreign::Foreign;
use kill::KillSwitch;
use line::Line;
use market::{Clock, Quote};
use officer::Officer;
use orders::Orders;
use restate::Restating;
use resync::Resync;
use standing::Standing;
use stops::HeldStops;
use sync::Repeating;

pub use replay::{Replayed, replay};
pub use restate::state_hash;
pub use shadow::ShadowThread;

/// Events that may wait for the core. Whoever fills it waits: the venue's and the client's sockets push back.
pub const INBOX: usize = 8192;
/// Events handled per commit.
const BATCH: usize = 256;
const TICK: Duration = Duration::from_millis(20);
/// Changed prices, positions and equity go to omsd this often at most.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
const METRICS_EVERY: Duration = Duration::from_secs(1);

/// What happens to the core.
#[derive(Debug)]
pub enum Input {
    Link(LinkEvent),
    Venue(Delivery),
    /// A person's command.
    Control(control::Request),
    /// The shadow found the engine's sums wrong.
    Shadow(String),
    /// The latch was set: look at it now.
    Wake,
    Stop,
}

/// What waits for the commit.
#[derive(Debug)]
enum Out {
    Venue {
        epoch: u64,
        command: Command,
    },
    /// A frame, and the moment it speaks of where that is not now.
    Client {
        at: Option<i64>,
        body: Body,
    },
}

/// See the module.
pub struct Core {
    reference: Reference,
    engine: Engine,
    journal: Journal,
    sequences: Sequences,
    venue: Venue,
    orders: Orders,
    outbox: Vec<Out>,
    client: Option<Client>,
    /// The client said HELLO, and asked for a SYNC.
    greeted: bool,
    synced: bool,
    /// SYNCs that are being answered, the oldest first.
    repeating: VecDeque<Repeating>,
    /// The connection that is logged on.
    epoch: Option<u64>,
    resync: Resync,
    clock: Clock,
    live: bool,
    quotes: HashMap<u64, Quote>,
    changed_prices: BTreeSet<u64>,
    changed_positions: BTreeSet<u64>,
    told_state: Option<frames::State>,
    /// The venue's session or clock is not the one traded here, and the log says so.
    session_fault: bool,
    /// The session that the venue said it is in, when it was the reference's; the engine knows no other.
    confirmed: u32,
    place: Option<(u64, u64)>,
    /// Nothing opens, because the journal has no room for it or the disk failed.
    journal_failed: bool,
    /// A record found no room, and the log says so.
    unjournaled: bool,
    disk_low: bool,
    standing: Standing,
    restating: Option<Restating>,
    shadow: ShadowThread,
    /// Stops of earlier sessions, until the venue has told positions.
    held_stops: Option<HeldStops>,
    /// Something happened that may have moved a stop.
    stops_moved: bool,
    /// Instruments of which a stop has fired, as of the last look.
    fired: Vec<u64>,
    baseline: Option<Baseline>,
    kill: Option<Kill>,
    latch: KillLatch,
    switch: KillSwitch,
    line: Line,
    disconnect: Disconnect,
    foreign: Foreign,
    /// Legs of a linked order that came so far.
    legs: Vec<frames::NewOrder>,
    /// Room for what the engine wants done.
    wanted_cancels: Vec<u64>,
    wanted_closes: Vec<CloseOrder>,
    /// Who threw the switch that the journal found thrown.
    killed_before: Option<String>,
    /// The monotonic clock's zero.
    started: Instant,
    flush_at: Instant,
    metrics_at: Instant,
    counters: Counters,
    metrics: MetricsFile,
    officer: Officer,
}

/// What the core is made of.
pub struct Parts {
    pub reference: Reference,
    pub engine: Engine,
    pub journal: Journal,
    pub sequences: Sequences,
    pub venue: Venue,
    pub replayed: Replayed,
    pub shadow: ShadowThread,
    pub latch: KillLatch,
    pub policy: Policy,
    /// Where the numbers for the metrics endpoint go.
    pub published: Arc<Mutex<Published>>,
}

/// What the command line leaves to the deployment.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    pub on_link_loss: LinkLoss,
    pub link_timeout: Duration,
    pub cancel_on_disconnect: bool,
    /// A clock that the venue simulates is not believed.
    pub live: bool,
}

impl Core {
    pub fn new(parts: Parts, dir: &Path) -> Self {
        let mut core = Self::assemble(parts, dir);
        // Until the venue has told orders, positions and cash, nothing opens.
        core.engine.set_halt(Halt::NotReconciled, true);
        core
    }

    fn assemble(parts: Parts, dir: &Path) -> Self {
        let now = Instant::now();
        Self {
            reference: parts.reference,
            engine: parts.engine,
            journal: parts.journal,
            sequences: parts.sequences,
            venue: parts.venue,
            orders: parts.replayed.orders,
            outbox: Vec::new(),
            client: None,
            greeted: false,
            synced: false,
            repeating: VecDeque::new(),
            epoch: None,
            resync: Resync::default(),
            clock: Clock::default(),
            live: parts.policy.live,
            quotes: HashMap::new(),
            changed_prices: BTreeSet::new(),
            changed_positions: BTreeSet::new(),
            told_state: None,
            session_fault: false,
            confirmed: 0,
            place: None,
            journal_failed: false,
            unjournaled: false,
            disk_low: false,
            baseline: parts.replayed.standing.baseline(),
            kill: parts.replayed.standing.kill(),
            latch: parts.latch,
            switch: KillSwitch::new(now),
            line: Line::new(parts.policy.on_link_loss, parts.policy.link_timeout),
            disconnect: Disconnect::new(parts.policy.cancel_on_disconnect),
            foreign: Foreign::default(),
            legs: Vec::new(),
            wanted_cancels: Vec::new(),
            wanted_closes: Vec::new(),
            killed_before: parts.replayed.standing.killed_by().map(str::to_string),
            standing: parts.replayed.standing,
            restating: None,
            started: now,
            shadow: parts.shadow,
            held_stops: Some(parts.replayed.held_stops),
            stops_moved: false,
            fired: Vec::new(),
            flush_at: now,
            metrics_at: now,
            counters: Counters::default(),
            metrics: MetricsFile::new(dir),
            officer: Officer::new(parts.published),
        }
    }

    /// Runs until it is told to stop.
    pub fn run(mut self, inbox: Receiver<Input>) {
        while self.turn(&inbox) {}
        self.close_down(inbox);
    }

    /// Runs with the switch thrown until the venue's own account is flat.
    ///
    /// # Errors
    /// What is left when the patience is over, or when it is told to stop.
    pub fn run_until_flat(
        mut self,
        inbox: Receiver<Input>,
        patience: Duration,
    ) -> Result<(), Value> {
        let end = Instant::now() + patience;
        let mut going = true;
        while going && !self.switch.flat() && Instant::now() < end {
            going = self.turn(&inbox);
        }
        let ended = if self.switch.flat() {
            Ok(())
        } else {
            Err(self.kill_status())
        };
        self.close_down(inbox);
        ended
    }

    /// Waits for something to happen, deals with all that has, and lets go of what follows. False when it is told to stop.
    fn turn(&mut self, inbox: &Receiver<Input>) -> bool {
        let mut going = true;
        match inbox.recv_timeout(TICK) {
            Ok(first) => going = self.handle(first),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => going = false,
        }
        for _ in 1..BATCH {
            match inbox.try_recv() {
                Ok(next) => going &= self.handle(next),
                Err(_) => break,
            }
        }
        self.settle();
        self.commit();
        going
    }

    fn close_down(mut self, inbox: Receiver<Input>) {
        if let Some(client) = &self.client {
            client.close();
        }
        self.save_place();
        self.write_metrics();
        self.metrics.finish();
        // Whoever waits for room in the queue must see that nobody reads it any more.
        drop(inbox);
        self.venue.stop();
        self.journal.finish();
        log_info!("stopped", {"journal_head": self.journal.head(), "journal_records": self.journal.len()});
    }

    fn handle(&mut self, input: Input) -> bool {
        let running = i64::try_from(self.started.elapsed().as_nanos()).unwrap_or(i64::MAX);
        self.engine.on_monotonic(running);
        self.obey_latch();
        match input {
            Input::Link(event) => self.on_link(event),
            Input::Venue(delivery) => {
                self.on_venue(delivery.event);
                if delivery.place.is_some() {
                    self.place = delivery.place;
                }
            }
            Input::Control(request) => self.on_control(request),
            Input::Shadow(why) => self.on_shadow(why),
            Input::Wake => {}
            Input::Stop => return false,
        }
        true
    }

    fn on_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Connected(client) => {
                self.counters.link_connects += 1;
                log_info!("link_connected", {"client": client.id});
                self.client = Some(client);
                self.greeted = false;
                self.synced = false;
                self.repeating.clear();
            }
            LinkEvent::Closed { client, fault, why } => {
                self.counters.link_faults += u64::from(fault);
                let level = if fault { Level::Error } else { Level::Info };
                log::write(
                    level,
                    "link_closed",
                    None,
                    serde_json::json!({"client": client, "why": why}),
                );
                if self.client.as_ref().is_some_and(|own| own.id == client) {
                    self.client = None;
                    self.break_legs("omsd's line closed between them");
                }
            }
            LinkEvent::Frame { client, frame } => {
                // What a closed client sent before it was cut off is not acted upon.
                if self.client.as_ref().is_some_and(|own| own.id == client) {
                    self.on_frame(frame.body);
                }
            }
        }
    }

    fn on_frame(&mut self, body: Body) {
        if !self.greeted {
            match body {
                Body::Hello(hello) => self.on_hello(&hello),
                other => self.drop_client(format!("{:?} came before HELLO", other.kind())),
            }
            return;
        }
        self.line_back();
        match body {
            Body::NewOrder(order) if !order.legs.is_alone() => self.on_leg(&order),
            Body::NewOrder(order) => {
                self.break_legs("another order came between them");
                self.on_new_order(&order);
            }
            Body::Replace(replace) => {
                self.break_legs("a modification came between them");
                self.on_replace(&replace);
            }
            Body::Heartbeat => {}
            Body::Cancel(cancel) => self.on_cancel(&cancel),
            Body::Kill(kill) => {
                let who = kill.who.as_str().to_string();
                self.throw(Reason::Operator, who, Id(kill.correlation));
            }
            Body::Sync(sync) => self.on_sync(sync.nonce),
            other => self.drop_client(format!("{:?} came a second time", other.kind())),
        }
    }

    /// The client broke the contract.
    fn drop_client(&mut self, why: String) {
        self.counters.link_faults += 1;
        log_error!("link_fault", {"why": why});
        if let Some(client) = self.client.take() {
            client.close();
        }
        self.break_legs("omsd's line was closed between them");
    }

    fn on_venue(&mut self, event: Event) {
        match event {
            Event::Up { epoch } => {
                self.counters.venue_ups += 1;
                self.epoch = Some(epoch);
                self.ask_cancel_on_disconnect();
                self.begin_resync();
            }
            Event::Down { epoch, why } => {
                if self.epoch == Some(epoch) {
                    self.counters.venue_downs += 1;
                    self.venue_lost(&why);
                }
            }
            Event::Withheld { cl_ord_id, reason } => self.on_withheld(&cl_ord_id, reason),
            Event::Execution(report) => self.on_report(report),
            Event::CancelRejected(refused) => self.on_cancel_rejected(&refused),
            Event::PositionsTotal { request_id, total } => {
                self.on_positions_total(&request_id, total)
            }
            Event::Position {
                request_id,
                instrument_id,
                quantity,
                settlement_price,
            } => self.on_position(&request_id, instrument_id, quantity, settlement_price),
            Event::Collateral {
                request_id,
                cash,
                currency,
            } => self.on_collateral(&request_id, cash, &currency),
            Event::CancelOnDisconnect {
                request_id,
                granted,
                text,
            } => self.on_cancel_on_disconnect(&request_id, granted, &text),
            Event::Prices { snapshot, entries } => self.on_prices(snapshot, &entries),
            Event::Session(report) => self.on_session(&report),
            Event::Unreadable { msg_type, why } => {
                self.counters.venue_unreadable += 1;
                if matches!(msg_type.as_str(), "8" | "AO" | "AP" | "BA") {
                    log_error!("resync_wanted", {"msg_type": msg_type, "why": why});
                    if msg_type == "8" {
                        self.resync.spoil_orders();
                    }
                    self.resync.want();
                }
            }
            Event::Refused { msg_type, text } => {
                self.counters.venue_refusals += 1;
                log_error!("venue_refused_message", {"msg_type": msg_type, "why": text});
                // A question that opens nothing needs no new round.
                if msg_type != "BE" {
                    self.resync.want();
                }
            }
        }
    }

    /// The moment that decisions and frames carry.
    fn now(&self) -> i64 {
        self.clock.now()
    }

    /// What follows from a batch: the clock, what must be persisted, what the engine wants done.
    fn settle(&mut self) {
        self.obey_latch();
        if let Some(now) = self.clock.tick() {
            self.engine.on_clock(now);
        }
        self.watch_line();
        self.watch_cancel_on_disconnect();
        self.drive_resync();
        self.drive_kill();
        self.write_stops();
        self.write_flows();
        self.go_on_repeating();
        if let Some(baseline) = self.engine.baseline()
            && self.baseline != Some(baseline)
        {
            self.baseline = Some(baseline);
            self.write(&Record::Baseline {
                session: baseline.session,
                equity: baseline.equity,
            });
            log_info!("baseline", {"session": baseline.session, "equity": baseline.equity});
        }
        if let Some(kill) = self.engine.killed()
            && self.kill != Some(kill)
        {
            if self.kill.is_none_or(|known| known.session != 0) {
                self.counters.kills += 1;
            }
            self.kill = Some(kill);
            let (who, correlation) = (self.switch.who.clone(), self.switch.correlation);
            log::write(
                Level::Error,
                "killed",
                Some(&correlation.0),
                serde_json::json!({"session": kill.session, "reason": kill.reason.name(), "who": who}),
            );
            self.write(&Record::Kill {
                session: kill.session,
                reason: kill.reason.code(),
                who,
                correlation,
                ts_ns: self.now(),
            });
        }
        self.tell_state();
    }

    fn send(&mut self, command: Command) {
        if let Some(epoch) = self.epoch {
            self.outbox.push(Out::Venue { epoch, command });
        }
    }

    fn tell(&mut self, body: Body) {
        if self.greeted {
            self.outbox.push(Out::Client { at: None, body });
        }
    }

    /// As `tell`, for what was told before: the frame carries the moment of the first time.
    fn repeat(&mut self, ts_ns: i64, body: Body) {
        if self.greeted {
            let at = Some(ts_ns);
            self.outbox.push(Out::Client { at, body });
        }
    }

    /// Looks after the journal, which has the batch, and lets go of what waited.
    fn commit(&mut self) {
        self.tend_journal();
        for out in std::mem::take(&mut self.outbox) {
            match out {
                Out::Venue { epoch, command } => {
                    if !self.venue.send(epoch, command) {
                        self.overflowed(epoch);
                    }
                }
                Out::Client { at, body } => {
                    let now = at.unwrap_or_else(|| self.clock.now());
                    if let Some(client) = &mut self.client
                        && !client.push(now, body)
                    {
                        self.counters.link_overflows += 1;
                        log_warn!("link_overflow", {"queue": "link_queue", "client": client.id});
                        self.client = None;
                    }
                }
            }
        }
        self.periodic();
    }

    fn overflowed(&mut self, epoch: u64) {
        self.counters.venue_overflows += 1;
        log_error!("venue_overflow", {"queue": "venue_queue", "epoch": epoch});
    }

    fn periodic(&mut self) {
        let now = Instant::now();
        if now >= self.flush_at {
            self.flush_at = now + FLUSH_EVERY;
            self.save_place();
            self.flush_changes();
        }
        if now >= self.metrics_at {
            self.metrics_at = now + METRICS_EVERY;
            self.write_metrics();
        }
    }

    /// Remembers how far the venue's messages are dealt with. Late is harmless: the venue sends again what it sent since.
    fn save_place(&mut self) {
        if !self.journal_failed
            && let Some((generation, number)) = self.place.take()
            && let Err(err) = self.sequences.commit(generation, number)
        {
            log_warn!("sequence_not_saved", {"why": err.to_string()});
        }
    }

    fn write_metrics(&mut self) {
        self.feed_shadow();
        self.count_journal();
        self.counters.working_orders = self.orders.open_count();
        self.counters.venue_queue = self.venue.queued();
        self.counters.link_queue = self.client.as_ref().map_or(0, Client::queued);
        self.counters.log_dropped = log::dropped();
        self.publish();
        self.metrics.write(&self.counters);
    }

    fn wall_ns() -> i64 {
        wall_ns()
    }
}
