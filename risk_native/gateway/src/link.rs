//! The Unix socket towards omsd: one client at a time, of our own user (live: of omsd's), frames checked before anyone sees them.

use std::io::{BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use dnalyaw_engine::Reason;
use dnalyaw_frames::{Body, FRAME_LEN, Frame, Kill, SequenceIn, SequenceOut};

use crate::control::Peer;
use crate::latch::{KillLatch, Thrower};
use crate::live::{self, OmsUser};
use crate::log_warn;

/// Frames that may wait for omsd. A client that lets them pile up is disconnected: the core never waits for it, and a
/// SYNC after its return tells it all it missed. A SYNC repeats the session's orders as there is room.
pub const CLIENT_QUEUE: usize = 131_072;

/// What happens on the socket.
#[derive(Debug)]
pub enum LinkEvent {
    Connected(Client),
    Frame {
        client: u64,
        frame: Frame,
    },
    Closed {
        client: u64,
        /// The client broke the contract, rather than going away.
        fault: bool,
        why: String,
    },
}

/// Where events go. Returns false when nobody listens any more.
pub type Sink = Arc<dyn Fn(LinkEvent) -> bool + Send + Sync>;

/// The core's handle on the connected client.
#[derive(Debug)]
pub struct Client {
    pub id: u64,
    stream: UnixStream,
    queue: SyncSender<[u8; FRAME_LEN]>,
    depth: Arc<AtomicU64>,
    sequence: SequenceOut,
    heard: Heard,
    /// Its HELLO was accepted: a KILL of its throws the switch before the core comes to it.
    greeted: Arc<AtomicBool>,
}

/// When the client last said something, as the socket's own thread saw it: a busy core is no silent client.
#[derive(Clone, Debug)]
struct Heard {
    since: Instant,
    ms: Arc<AtomicU64>,
}

impl Heard {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            ms: Arc::default(),
        }
    }

    fn now(&self) {
        let ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.ms.store(ms, Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        let heard = Duration::from_millis(self.ms.load(Ordering::Relaxed));
        self.since.elapsed().saturating_sub(heard)
    }
}

impl Client {
    /// Queues a frame. False when the queue is full or gone; the client is then disconnected.
    pub fn push(&mut self, ts_ns: i64, body: Body) -> bool {
        let frame = Frame {
            seq: self.sequence.take(),
            ts_ns,
            body,
        };
        match self.queue.try_send(frame.encode()) {
            Ok(()) => {
                self.depth.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.close();
                false
            }
        }
    }

    /// For how long nothing has come from it.
    pub fn silence(&self) -> Duration {
        self.heard.silence()
    }

    /// Frames waiting to be written.
    pub fn queued(&self) -> u64 {
        self.depth.load(Ordering::Relaxed)
    }

    /// Its HELLO was accepted.
    pub fn greet(&self) {
        self.greeted.store(true, Ordering::SeqCst);
    }

    /// Ends the connection; `LinkEvent::Closed` follows.
    pub fn close(&self) {
        self.greeted.store(false, Ordering::SeqCst);
        // It may be gone already, which is what was wanted.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// Listens on `path`. The caller holds the directory's lock, so a socket left there belongs to nobody.
///
/// # Errors
/// One line, when the path cannot be bound.
pub fn listen(
    path: &Path,
    live: Option<OmsUser>,
    latch: KillLatch,
    sink: Sink,
) -> Result<(), String> {
    let fail = |err: std::io::Error| format!("socket {}: {err}", path.display());
    if path.exists() {
        if UnixStream::connect(path).is_ok() {
            return Err(format!(
                "socket {}: another process serves it; stop it or choose another --socket",
                path.display()
            ));
        }
        std::fs::remove_file(path).map_err(fail)?;
    }
    let listener = UnixListener::bind(path).map_err(fail)?;
    let mode = if live.is_some() { 0o660 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(fail)?;
    if let Some(oms) = &live {
        live::check_socket(path, oms)?;
    }
    std::thread::Builder::new()
        .name("link".into())
        .spawn(move || accept(&listener, live.as_ref(), &latch, &sink))
        .map_err(fail)?;
    Ok(())
}

fn accept(listener: &UnixListener, live: Option<&OmsUser>, latch: &KillLatch, sink: &Sink) {
    let busy = Arc::new(AtomicBool::new(false));
    let mut client = 0;
    for stream in listener.incoming() {
        let stream = match stream {
            Ok(stream) => stream,
            Err(err) => {
                log_warn!("link_accept_failed", {"why": err.to_string()});
                std::thread::sleep(std::time::Duration::from_millis(50));
                continue;
            }
        };
        if let Err(why) = admit(&stream, live) {
            log_warn!("link_refused", {"why": why});
            continue;
        }
        if !take(&busy) {
            log_warn!("link_refused", {"why": "another client is connected"});
            continue;
        }
        client += 1;
        if let Err(err) = serve(client, stream, latch.clone(), sink.clone(), busy.clone()) {
            busy.store(false, Ordering::SeqCst);
            log_warn!("link_refused", {"why": err.to_string()});
        }
    }
}

/// Takes the one place. A client that comes back at once may find its old connection still being let go of.
fn take(busy: &AtomicBool) -> bool {
    for _ in 0..50 {
        if !busy.swap(true, Ordering::SeqCst) {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    false
}

/// Only a process of our own user may ask for orders; live, only omsd's, and only without a way out of its machine.
fn admit(stream: &UnixStream, live: Option<&OmsUser>) -> Result<(), String> {
    let peer = Peer::of(stream)?;
    match live {
        Some(oms) => live::check_peer(&peer, oms),
        None => {
            let own = rustix::process::geteuid().as_raw();
            if peer.uid == own {
                Ok(())
            } else {
                Err(format!("user {} may not connect, only {own}", peer.uid))
            }
        }
    }
}

fn serve(
    id: u64,
    stream: UnixStream,
    latch: KillLatch,
    sink: Sink,
    busy: Arc<AtomicBool>,
) -> std::io::Result<()> {
    let (queue, frames) = sync_channel(CLIENT_QUEUE);
    let depth = Arc::new(AtomicU64::new(0));
    let writer = stream.try_clone()?;
    let reader = stream.try_clone()?;
    let written = depth.clone();
    let heard = Heard::new();
    let greeted = Arc::new(AtomicBool::new(false));
    std::thread::Builder::new()
        .name("link-out".into())
        .spawn(move || write_frames(writer, &frames, &written))?;
    std::thread::Builder::new()
        .name("link-in".into())
        .spawn(move || {
            let client = Client {
                id,
                stream,
                queue,
                depth,
                sequence: SequenceOut::default(),
                heard: heard.clone(),
                greeted: greeted.clone(),
            };
            if sink(LinkEvent::Connected(client)) {
                let thrown_by = |kill: &Kill| {
                    if greeted.load(Ordering::SeqCst) {
                        throw(&latch, kill);
                    }
                };
                let (fault, why) = read_frames(id, &reader, &heard, &thrown_by, &sink);
                let _ = reader.shutdown(Shutdown::Both);
                // The next client may come in only after the core has let go of this one.
                let _ = sink(LinkEvent::Closed {
                    client: id,
                    fault,
                    why,
                });
            }
            busy.store(false, Ordering::SeqCst);
        })?;
    Ok(())
}

/// At once, on the socket's own thread: the orders that wait in front of the frame do not leave.
fn throw(latch: &KillLatch, kill: &Kill) {
    let thrower = Thrower {
        who: kill.who.as_str().to_string(),
        correlation: kill.correlation,
    };
    latch.fire_by(Reason::Operator, thrower);
}

fn read_frames(
    client: u64,
    stream: &UnixStream,
    heard: &Heard,
    on_kill: &dyn Fn(&Kill),
    sink: &Sink,
) -> (bool, String) {
    let mut sequence = SequenceIn::default();
    let mut bytes = [0u8; FRAME_LEN];
    // Frames that came together are read together.
    let mut stream = BufReader::with_capacity(64 * FRAME_LEN, stream);
    loop {
        let mut filled = 0;
        while filled < FRAME_LEN {
            match stream.read(&mut bytes[filled..]) {
                Ok(0) if filled == 0 => return (false, "the client closed the connection".into()),
                Ok(0) => {
                    return (
                        true,
                        format!("the connection ended {filled} bytes into a frame"),
                    );
                }
                Ok(read) => filled += read,
                Err(err) if err.kind() == std::io::ErrorKind::Interrupted => {}
                Err(err) => return (false, err.to_string()),
            }
        }
        let frame = match Frame::decode_from_oms(&bytes) {
            Ok(frame) => frame,
            Err(err) => return (true, err.to_string()),
        };
        if let Err(gap) = sequence.accept(frame.seq) {
            return (true, gap.to_string());
        }
        heard.now();
        if let Body::Kill(kill) = &frame.body {
            on_kill(kill);
        }
        if !sink(LinkEvent::Frame { client, frame }) {
            return (false, "riskd is stopping".into());
        }
    }
}

fn write_frames(mut stream: UnixStream, frames: &Receiver<[u8; FRAME_LEN]>, depth: &AtomicU64) {
    let mut batch = Vec::with_capacity(64 * FRAME_LEN);
    while let Ok(first) = frames.recv() {
        batch.clear();
        batch.extend_from_slice(&first);
        let mut taken = 1;
        while taken < 64 {
            let Ok(next) = frames.try_recv() else { break };
            batch.extend_from_slice(&next);
            taken += 1;
        }
        if stream.write_all(&batch).is_err() {
            // The reader sees the same end and reports it.
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
        depth.fetch_sub(taken, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dnalyaw_frames::{FixedText, Hello};
    use std::sync::mpsc::channel;

    #[test]
    fn a_kill_frame_throws_the_switch_before_anyone_takes_what_is_queued_and_not_before_hello() {
        let dir = tempfile::tempdir().unwrap();
        let latch = KillLatch::open(dir.path()).unwrap();
        let (to_core, inbox) = channel();
        let path = dir.path().join("risk.sock");
        listen(
            &path,
            None,
            latch.clone(),
            Arc::new(move |event| to_core.send(event).is_ok()),
        )
        .unwrap();
        let mut stream = UnixStream::connect(&path).unwrap();
        let mut sequence = SequenceOut::default();
        let mut send = |body| {
            let frame = Frame {
                seq: sequence.take(),
                ts_ns: 1,
                body,
            };
            stream.write_all(&frame.encode()).unwrap();
        };
        let kill = || {
            Body::Kill(Kill {
                correlation: [8; 16],
                who: FixedText::new("ops").unwrap(),
            })
        };
        send(Body::Hello(Hello {
            session: 0,
            region: FixedText::new("US").unwrap(),
        }));
        send(kill());
        let limit = Duration::from_secs(10);
        let Ok(LinkEvent::Connected(client)) = inbox.recv_timeout(limit) else {
            panic!("a client");
        };
        for _ in 0..2 {
            assert!(matches!(
                inbox.recv_timeout(limit),
                Ok(LinkEvent::Frame { .. })
            ));
        }
        assert_eq!(latch.fired(), None, "HELLO is not accepted yet");
        client.greet();
        for _ in 0..100 {
            send(Body::Heartbeat);
        }
        send(kill());
        // Nothing of it is taken out of the queue.
        let end = Instant::now() + limit;
        while latch.fired().is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(latch.fired(), Some(Reason::Operator));
        assert_eq!(latch.who().correlation, [8; 16]);
    }
}
