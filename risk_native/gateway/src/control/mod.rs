//! The control socket: a person's way to riskd that needs neither omsd nor its socket.
//!
//! One JSON object a line, one answer a line. Only riskd's own user and root are served. A kill sets the latch on this
//! thread, before the core hears of it: a core that is busy, or blocked, takes no new risk from that moment.

mod client;
mod peer;
mod protocol;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use dnalyaw_engine::Reason;
use serde_json::{Value, json};

pub use client::{Call, call};
pub use peer::{Peer, account_name};
pub use protocol::{Command, MAX_LINE, Scope};

use crate::latch::{KillLatch, Seen};
use crate::{log_error, log_warn};

/// Connections at once; a person needs one, and a monitor another.
const MAX_CONNECTIONS: usize = 16;
/// A connection that says nothing for so long, or does not read its answer, is closed.
const IDLE_LIMIT: Duration = Duration::from_secs(60);
const WRITE_LIMIT: Duration = Duration::from_secs(2);
/// How long an answer of the core is waited for.
const CORE_LIMIT: Duration = Duration::from_secs(5);

/// A command on its way to the core, with who gave it and where the answer goes.
#[derive(Debug)]
pub struct Request {
    pub command: Command,
    pub peer: Peer,
    /// The kill switch's throws before it was asked: re-arming takes back no later one.
    pub seen: Seen,
    pub reply: SyncSender<Value>,
}

/// Hands a request to the core; false when it is gone. May wait while the core's queue is full.
pub type Sink = Arc<dyn Fn(Request) -> bool + Send + Sync>;

/// Listens on `path`, mode 0600. The caller holds the directory's lock, so a socket left there belongs to nobody.
///
/// # Errors
/// One line, when the path cannot be bound.
pub fn listen(path: &Path, latch: KillLatch, sink: Sink) -> Result<(), String> {
    let fail = |err: std::io::Error| format!("control socket {}: {err}", path.display());
    if path.exists() {
        if UnixStream::connect(path).is_ok() {
            return Err(format!(
                "control socket {}: another process serves it; stop it or choose another --control",
                path.display()
            ));
        }
        std::fs::remove_file(path).map_err(fail)?;
    }
    let listener = UnixListener::bind(path).map_err(fail)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
    std::thread::Builder::new()
        .name("control".into())
        .spawn(move || accept(&listener, &latch, &sink))
        .map_err(fail)?;
    Ok(())
}

fn accept(listener: &UnixListener, latch: &KillLatch, sink: &Sink) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let stream = match stream {
            Ok(stream) => stream,
            Err(err) => {
                log_warn!("control_accept_failed", {"why": err.to_string()});
                std::thread::sleep(Duration::from_millis(50));
                continue;
            }
        };
        let peer = match Peer::of(&stream).and_then(|peer| peer.may_command().map(|()| peer)) {
            Ok(peer) => peer,
            Err(why) => {
                log_error!("control_refused", {"why": why});
                continue;
            }
        };
        if open.fetch_add(1, Ordering::SeqCst) >= MAX_CONNECTIONS {
            open.fetch_sub(1, Ordering::SeqCst);
            log_warn!("control_refused", {"why": "too many connections", "who": peer.to_string()});
            continue;
        }
        let (latch, sink, own) = (latch.clone(), sink.clone(), open.clone());
        let served = std::thread::Builder::new()
            .name("control-in".into())
            .spawn(move || {
                // A caller that goes away is its own business.
                let _ = serve(&stream, &peer, &latch, &sink);
                own.fetch_sub(1, Ordering::SeqCst);
            });
        if let Err(err) = served {
            open.fetch_sub(1, Ordering::SeqCst);
            log_error!("control_refused", {"why": err.to_string()});
        }
    }
}

fn serve(
    mut stream: &UnixStream,
    peer: &Peer,
    latch: &KillLatch,
    sink: &Sink,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(IDLE_LIMIT))?;
    stream.set_write_timeout(Some(WRITE_LIMIT))?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let read = (&mut reader)
            .take(MAX_LINE as u64 + 1)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        let whole = line.last() == Some(&b'\n');
        let (answer, more) = if whole {
            (answer(&line, peer, latch, sink), true)
        } else {
            let why = format!("a line ends within {MAX_LINE} bytes");
            (json!({"ok": false, "error": why}), false)
        };
        let mut text = answer.to_string();
        text.push('\n');
        stream.write_all(text.as_bytes())?;
        if !more {
            return Ok(());
        }
    }
}

fn answer(line: &[u8], peer: &Peer, latch: &KillLatch, sink: &Sink) -> Value {
    let parsed = std::str::from_utf8(line)
        .map_err(|err| err.to_string())
        .and_then(|line| Command::parse(line.trim_end()));
    let command = match parsed {
        Ok(command) => command,
        Err(why) => {
            log_warn!("control_misunderstood", {"who": peer.to_string(), "why": why});
            return json!({"ok": false, "error": why});
        }
    };
    let seen = latch.seen();
    let kills = command.kills();
    if kills {
        let why = command.reason().unwrap_or("");
        latch.fire(Reason::Operator, &format!("{peer}: {why}"));
    }
    let (reply, answers) = sync_channel(1);
    let request = Request {
        command,
        peer: peer.clone(),
        seen,
        reply,
    };
    if !sink(request) {
        return json!({"ok": false, "latched": latch.fired().is_some(), "error": "riskd is stopping"});
    }
    match answers.recv_timeout(CORE_LIMIT) {
        Ok(answer) => answer,
        // What a busy core has not answered it has not refused: the switch is thrown all the same.
        Err(_) => {
            json!({"ok": kills, "latched": latch.fired().is_some(), "error": format!("the core gave no answer within {} s", CORE_LIMIT.as_secs())})
        }
    }
}
