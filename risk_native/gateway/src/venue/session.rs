//! The FIX session: one thread that keeps one connection at a time, each with an engine of its own.
//!
//! An engine that lives for one connection is what makes the rule "nothing waits for a reconnect" hold by construction:
//! whatever it had not sent dies with it. The numbers live on in `Sequences`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dnalyaw_engine::Reason;
use hotfix::application::{Application, InboundDecision, OutboundDecision};
use hotfix::config::SessionConfig;
use hotfix::initiator::Initiator;
use hotfix::session::{SendOutcome, Status};
use hotfix_message::message::Message;
use tokio::sync::mpsc;

use super::inbound::{self, SymbolTable};
use super::outbound::Outgoing;
use super::{Command, Delivery, Event, SIMULATED_TARGET, Sequences, read_address, socket};
use crate::latch::KillLatch;
use crate::{log_info, log_warn};

/// Name and size of the only queue towards the venue. A full queue ends the connection: what was in it is then found
/// out by the next mass status instead of leaving late.
pub const COMMAND_QUEUE: usize = 4096;

const SENDER: &str = "RISKD";
const HEARTBEAT_S: u64 = 2;
/// A connection that has not logged on by then is given up.
const LOGON_LIMIT: Duration = Duration::from_secs(6);
/// A gap that the venue has not filled by then ends the connection.
const RESEND_LIMIT: Duration = Duration::from_secs(4);
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_LAST: Duration = Duration::from_secs(5);
/// A message that the FIX engine has not taken by then is one of a venue that does not read: the connection is given up.
const SEND_LIMIT: Duration = Duration::from_secs(2);
/// An order that waited longer for its turn does not leave: it was decided for a market that is gone.
const LATE: Duration = Duration::from_secs(1);
/// A session that dies younger than this, again and again, is taken for one whose numbers cannot be reconciled.
const SHORT_LIFE: Duration = Duration::from_secs(3);

/// What the session needs to know.
#[derive(Clone, Debug)]
pub struct VenueConfig {
    pub address_file: PathBuf,
    pub account: String,
    pub symbols: SymbolTable,
    pub sequences: Sequences,
    /// Looked at before every order that leaves.
    pub latch: KillLatch,
}

/// The core's handle on the venue's thread.
pub struct Venue {
    commands: mpsc::Sender<Outgoing>,
    account: String,
    stop: Arc<AtomicBool>,
    depth: Arc<AtomicU64>,
    abandoned: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// Where events go. Returns false when nobody listens any more.
pub type Sink = Arc<dyn Fn(Delivery) -> bool + Send + Sync>;

impl Venue {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(config: VenueConfig, sink: Sink) -> std::io::Result<Self> {
        super::trace::install();
        let (sender, receiver) = mpsc::channel(COMMAND_QUEUE);
        let stop = Arc::new(AtomicBool::new(false));
        let depth = Arc::new(AtomicU64::new(0));
        let abandoned = Arc::new(AtomicU64::new(0));
        let account = config.account.clone();
        let worker = Worker {
            config,
            sink,
            stop: stop.clone(),
            depth: depth.clone(),
            abandoned: abandoned.clone(),
            epoch: 0,
            reset_next: false,
            short_lives: 0,
        };
        let thread = std::thread::Builder::new()
            .name("venue".into())
            .spawn(move || worker.run(receiver))?;
        Ok(Self {
            commands: sender,
            account,
            stop,
            depth,
            abandoned,
            thread: Some(thread),
        })
    }

    /// Hands a command to the connection of `epoch`. Never waits.
    ///
    /// False when there is no room. The connection is then given up: the next one's mass status says what was lost.
    pub fn send(&self, epoch: u64, command: Command) -> bool {
        let sent = self
            .commands
            .try_send(Outgoing {
                epoch,
                account: self.account.clone(),
                command,
                since: Instant::now(),
            })
            .is_ok();
        if sent {
            self.depth.fetch_add(1, Ordering::Relaxed);
        } else {
            self.abandoned.store(epoch, Ordering::SeqCst);
        }
        sent
    }

    /// Commands that wait in the queue.
    pub fn queued(&self) -> u64 {
        self.depth.load(Ordering::Relaxed)
    }

    /// Ends the thread and waits for it.
    pub fn stop(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        drop(self.commands);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Worker {
    config: VenueConfig,
    sink: Sink,
    stop: Arc<AtomicBool>,
    depth: Arc<AtomicU64>,
    abandoned: Arc<AtomicU64>,
    epoch: u64,
    reset_next: bool,
    short_lives: u32,
}

/// How a connection ended.
struct Ended {
    was_up: Option<Duration>,
    refused_logon: bool,
    why: String,
}

impl Worker {
    fn run(mut self, mut commands: mpsc::Receiver<Outgoing>) {
        let mut backoff = BACKOFF_FIRST;
        let mut said = String::new();
        while !self.stop.load(Ordering::SeqCst) {
            let address = match read_address(&self.config.address_file) {
                Ok(address) => address,
                Err(why) => {
                    if why != said {
                        log_warn!("venue_address", {"why": why});
                        said = why;
                    }
                    self.pause(&mut commands, backoff);
                    backoff = (backoff * 2).min(BACKOFF_LAST);
                    continue;
                }
            };
            said.clear();
            self.epoch += 1;
            let ended = self.connection(&address, &mut commands);
            log_warn!("venue_down", {"epoch": self.epoch, "why": ended.why,
                "up_ms": ended.was_up.map(|up| up.as_millis() as u64)});
            if ended.was_up.is_some()
                && !(self.sink)(Delivery {
                    event: Event::Down {
                        epoch: self.epoch,
                        why: ended.why,
                    },
                    place: None,
                })
            {
                return;
            }
            self.short_lives = match ended.was_up {
                Some(up) if up < SHORT_LIFE => self.short_lives + 1,
                Some(_) => 0,
                None => self.short_lives,
            };
            // A venue that refuses our numbers, or that we cannot follow, gets fresh ones; what was missed is in its mass status.
            self.reset_next = ended.refused_logon || self.short_lives >= 3;
            if ended.was_up.is_some() {
                backoff = BACKOFF_FIRST;
            }
            self.pause(&mut commands, backoff);
            backoff = (backoff * 2).min(BACKOFF_LAST);
        }
    }

    /// Waits, throwing away what was meant for a connection that is gone.
    fn pause(&self, commands: &mut mpsc::Receiver<Outgoing>, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end && !self.stop.load(Ordering::SeqCst) {
            while let Ok(stale) = commands.try_recv() {
                self.depth.fetch_sub(1, Ordering::Relaxed);
                log_warn!("venue_command_dropped", {"command": format!("{:?}", stale.command)});
            }
            std::thread::sleep(Duration::from_millis(20).min(time));
        }
    }

    fn connection(
        &mut self,
        address: &(String, u16),
        commands: &mut mpsc::Receiver<Outgoing>,
    ) -> Ended {
        let runtime = match tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
        {
            Ok(runtime) => runtime,
            Err(err) => {
                return Ended {
                    was_up: None,
                    refused_logon: false,
                    why: format!("no runtime: {err}"),
                };
            }
        };
        let ended = runtime.block_on(self.converse(address, commands));
        // Whatever the engine still held goes with it.
        runtime.shutdown_background();
        ended
    }

    async fn converse(
        &mut self,
        (host, port): &(String, u16),
        commands: &mut mpsc::Receiver<Outgoing>,
    ) -> Ended {
        let mut ended = Ended {
            was_up: None,
            refused_logon: false,
            why: String::new(),
        };
        let (states, mut state) = mpsc::unbounded_channel();
        let active = Arc::new(AtomicBool::new(false));
        let parting = states.clone();
        let application = App {
            epoch: self.epoch,
            active: active.clone(),
            states,
            sink: self.sink.clone(),
            symbols: self.config.symbols.clone(),
            sequences: self.config.sequences.clone(),
        };
        let config = SessionConfig {
            begin_string: "FIX.4.4".into(),
            sender_comp_id: SENDER.into(),
            target_comp_id: SIMULATED_TARGET.into(),
            data_dictionary_path: None,
            connection_host: host.clone(),
            connection_port: *port,
            tls_config: None,
            heartbeat_interval: HEARTBEAT_S,
            logon_timeout: 4,
            logout_timeout: 1,
            // The engine tries again on its own until the first logon; after that the connection ends here.
            reconnect_interval: 1,
            reset_on_logon: self.reset_next,
            schedule: None,
            validation: Default::default(),
        };
        let store = {
            let (active, parting) = (active.clone(), parting);
            self.config
                .sequences
                .store(SENDER, SIMULATED_TARGET, move || {
                    active.store(false, Ordering::SeqCst);
                    let _ = parting.send(Status::AwaitingLogout);
                })
        };
        let initiator = match Initiator::start(config, application, store).await {
            Ok(initiator) => initiator,
            Err(err) => {
                ended.why = format!("FIX engine: {err}");
                return ended;
            }
        };
        let handle = initiator.session_handle();
        let begun = Instant::now();
        let mut up_since: Option<Instant> = None;
        let mut seen_logon = false;
        let mut resend_since: Option<Instant> = None;
        let mut unread = false;
        let mut beat = tokio::time::interval(Duration::from_millis(100));
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // Each branch is cancel safe: a command taken out of the queue is always dealt with.
            // Commands come last, so that no number of them hides that the session ended or is to end.
            let step = tokio::select! {
                biased;
                status = state.recv() => Step::Status(status),
                _ = beat.tick() => Step::Beat,
                command = commands.recv() => Step::Command(command),
            };
            match step {
                Step::Status(None) => {
                    ended.why = "the FIX engine stopped".into();
                    break;
                }
                Step::Status(Some(Status::AwaitingLogon)) => seen_logon = true,
                Step::Status(Some(Status::Active)) => {
                    resend_since = None;
                    if up_since.is_none() {
                        up_since = Some(Instant::now());
                        log_info!("venue_up", {"epoch": self.epoch, "reset": self.reset_next});
                        self.reset_next = false;
                        // The first cancel may not wait for the acknowledgement of what was sent before it.
                        if let Err(why) = socket::set(*port) {
                            log_warn!("venue_socket", {"why": why, "what": "a message may wait for the acknowledgement of the one before it, and for a venue that does not read"});
                        }
                        active.store(true, Ordering::SeqCst);
                        if !(self.sink)(Delivery {
                            event: Event::Up { epoch: self.epoch },
                            place: None,
                        }) {
                            self.stop.store(true, Ordering::SeqCst);
                        }
                    }
                }
                Step::Status(Some(Status::AwaitingResend { .. })) => {
                    resend_since.get_or_insert_with(Instant::now);
                }
                Step::Status(Some(
                    Status::Disconnected | Status::LoggedOut | Status::AwaitingLogout,
                )) => {
                    if seen_logon {
                        ended.refused_logon = up_since.is_none();
                        ended.why = "the session ended, by the venue or for its silence".into();
                        break;
                    }
                }
                Step::Command(None) => {
                    ended.why = "riskd is stopping".into();
                    break;
                }
                Step::Command(Some(outgoing)) => {
                    self.depth.fetch_sub(1, Ordering::Relaxed);
                    if up_since.is_none() || outgoing.epoch != self.epoch {
                        log_warn!("venue_command_dropped", {"command": format!("{:?}", outgoing.command)});
                        continue;
                    }
                    if let Some((cl_ord_id, reason, why)) = self.withheld(&outgoing) {
                        log_warn!("order_withheld", {"cl_ord_id": cl_ord_id, "why": why});
                        let event = Event::Withheld { cl_ord_id, reason };
                        // A core that is gone has nothing to book.
                        let _ = (self.sink)(Delivery { event, place: None });
                        continue;
                    }
                    // Behind this the engine waits for the socket, and with it everything here.
                    match tokio::time::timeout(SEND_LIMIT, handle.send(outgoing)).await {
                        Ok(Ok(SendOutcome::Sent { .. })) => {}
                        Ok(Ok(SendOutcome::Dropped)) => {
                            ended.why = "a message was refused by the session".into();
                            break;
                        }
                        Ok(Err(err)) => {
                            ended.why = format!("a message could not be sent: {err}");
                            break;
                        }
                        Err(_) => {
                            unread = true;
                            ended.why =
                                format!("the venue read nothing for {} s", SEND_LIMIT.as_secs());
                            break;
                        }
                    }
                }
                Step::Beat => {
                    if self.stop.load(Ordering::SeqCst) {
                        ended.why = "riskd is stopping".into();
                        break;
                    }
                    if self.abandoned.load(Ordering::SeqCst) == self.epoch {
                        unread = true;
                        ended.why = "the queue of commands overflowed".into();
                        break;
                    }
                    if initiator.is_shutdown() {
                        ended.why = "the FIX engine gave up".into();
                        break;
                    }
                    // The engine itself waits for what it asked for without end, and sends no heartbeat meanwhile.
                    if resend_since.is_some_and(|since| since.elapsed() > RESEND_LIMIT) {
                        ended.why = format!(
                            "the venue sent nothing again of what was missed within {} s",
                            RESEND_LIMIT.as_secs()
                        );
                        break;
                    }
                    if up_since.is_none() {
                        let moved = read_address(&self.config.address_file)
                            .is_ok_and(|(h, p)| h != *host || p != *port);
                        if moved || begun.elapsed() > LOGON_LIMIT {
                            ended.why = if moved {
                                "the venue's address changed".into()
                            } else {
                                format!("no logon within {} s", LOGON_LIMIT.as_secs())
                            };
                            break;
                        }
                    }
                }
            }
        }
        active.store(false, Ordering::SeqCst);
        ended.was_up = up_since.map(|since| since.elapsed());
        if unread {
            // What the venue reads later would leave late. A connection that is gone already has nothing to throw away.
            let _ = socket::discard_unread(*port);
        } else if self.stop.load(Ordering::SeqCst) && up_since.is_some() {
            let _ =
                tokio::time::timeout(Duration::from_millis(500), initiator.shutdown(false)).await;
        }
        ended
    }

    /// The order that does not leave any more, and why.
    fn withheld(&self, outgoing: &Outgoing) -> Option<(String, Reason, &'static str)> {
        let cl_ord_id = outgoing.command.may_be_withheld()?;
        let (reason, why) = if self.config.latch.fired().is_some() {
            let why = "the kill switch was thrown after its decision";
            (Reason::Killed, why)
        } else if outgoing.since.elapsed() > LATE {
            let why = "the venue took nothing for too long after its decision";
            (Reason::VenueDown, why)
        } else {
            return None;
        };
        Some((cl_ord_id.to_string(), reason, why))
    }
}

enum Step {
    Status(Option<Status>),
    Command(Option<Outgoing>),
    Beat,
}

/// What the FIX engine calls.
struct App {
    epoch: u64,
    active: Arc<AtomicBool>,
    states: mpsc::UnboundedSender<Status>,
    sink: Sink,
    symbols: SymbolTable,
    sequences: Sequences,
}

#[async_trait::async_trait]
impl Application for App {
    type Outbound = Outgoing;

    async fn on_outbound_message(&self, msg: &Outgoing) -> OutboundDecision {
        // The last gate: the engine itself would take messages before the logon is answered.
        if self.active.load(Ordering::SeqCst) && msg.epoch == self.epoch {
            OutboundDecision::Send
        } else {
            OutboundDecision::Drop
        }
    }

    async fn on_inbound_message(&self, msg: &Message) -> InboundDecision {
        let place = Some((self.sequences.generation(), inbound::msg_seq_num(msg)));
        let Some(event) = inbound::read(msg, &self.symbols) else {
            log_info!("venue_message_ignored", {"msg_type": inbound::msg_type(msg)});
            return InboundDecision::Accept;
        };
        if let Event::Unreadable { msg_type, why } = &event {
            log_warn!("venue_message_unreadable", {"msg_type": msg_type, "why": why});
        }
        if (self.sink)(Delivery { event, place }) {
            InboundDecision::Accept
        } else {
            InboundDecision::TerminateSession
        }
    }

    async fn on_logon(&mut self) {}

    async fn on_logout(&mut self, reason: &str) {
        log_info!("venue_logout", {"why": reason});
    }

    async fn on_state_change(&self, _from: &Status, to: &Status) {
        if *to != Status::Active && !matches!(to, Status::AwaitingResend { .. }) {
            self.active.store(false, Ordering::SeqCst);
        }
        let _ = self.states.send(to.clone());
    }
}
