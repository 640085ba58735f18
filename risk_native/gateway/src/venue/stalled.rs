//! A venue that is logged on, says that it lives, and does not read.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use dnalyaw_engine::Reason;
use rustix::net::sockopt;

use super::{Command, Delivery, Event, Sequences, Venue, VenueConfig, VenueSide};
use crate::latch::KillLatch;

const LIMIT: Duration = Duration::from_secs(15);
/// Enough that socket buffers do not take them all, and less than the queue does.
const MANY: usize = 3000;

struct Rig {
    _dir: tempfile::TempDir,
    venue: Venue,
    events: Receiver<Event>,
    peer: TcpStream,
}

fn encode(kind: &str, seq: u64, body: &str) -> Vec<u8> {
    let now = chrono::Utc::now().format("%Y%m%d-%H:%M:%S%.3f");
    let text = format!("35={kind}\x0149=SIMVENUE\x0156=RISKD\x0134={seq}\x0152={now}\x01{body}");
    let head = format!("8=FIX.4.4\x019={}\x01", text.len());
    let sum: u32 = head.bytes().chain(text.bytes()).map(u32::from).sum();
    format!("{head}{text}10={:03}\x01", sum % 256).into_bytes()
}

/// Logged on, and the venue has read the logon and nothing since.
fn rig() -> Rig {
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    sockopt::set_socket_recv_buffer_size(&listener, 4096).unwrap();
    let address_file = dir.path().join("fix.addr");
    std::fs::write(&address_file, listener.local_addr().unwrap().to_string()).unwrap();
    std::fs::set_permissions(&address_file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let (to_test, events) = channel();
    let venue = Venue::start(
        VenueConfig {
            address_file,
            account: "US".into(),
            symbols: [("AAA".to_string(), 1)].into(),
            sequences: Sequences::open(&dir.path().join("fix.seq")).unwrap(),
            latch: KillLatch::open(dir.path()).unwrap(),
        },
        Arc::new(move |Delivery { event, .. }| to_test.send(event).is_ok()),
    )
    .unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    let mut bytes = [0; 512];
    assert!(peer.read(&mut bytes).unwrap() > 0, "a logon");
    peer.write_all(&encode("A", 1, "98=0\x01108=2\x01"))
        .unwrap();
    let rig = Rig {
        _dir: dir,
        venue,
        events,
        peer,
    };
    assert_eq!(rig.next(), Event::Up { epoch: 1 });
    rig
}

impl Rig {
    fn next(&self) -> Event {
        self.events.recv_timeout(LIMIT).expect("an event")
    }

    /// Cancels until buffers are full, and one order behind them.
    fn fill(&self) {
        for number in 0..MANY {
            assert!(self.venue.send(1, cancel(number)));
        }
        assert!(self.venue.send(1, order("US-1")));
    }
}

fn cancel(number: usize) -> Command {
    Command::Cancel {
        cl_ord_id: format!("US-9-C{number}"),
        orig_cl_ord_id: "US-9".into(),
        instrument_id: 1,
        symbol: "AAA".into(),
        side: VenueSide::Buy,
        quantity: 1,
        ts_ns: 1,
    }
}

fn order(cl_ord_id: &str) -> Command {
    Command::NewOrder {
        cl_ord_id: cl_ord_id.into(),
        instrument_id: 1,
        symbol: "AAA".into(),
        side: VenueSide::Buy,
        quantity: 1,
        limit_price: None,
        immediate_or_cancel: false,
        path: dnalyaw_frames::Path::Default,
        cleared: false,
        ts_ns: 1,
    }
}

#[test]
fn a_venue_that_does_not_read_is_given_up() {
    let rig = rig();
    let begun = Instant::now();
    rig.fill();
    // It goes on saying that it is there, so that nothing but its not reading can end the connection.
    let mut peer = rig.peer.try_clone().unwrap();
    std::thread::spawn(move || {
        for seq in 2.. {
            if peer.write_all(&encode("0", seq, "")).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    });
    match rig.next() {
        Event::Down { epoch: 1, why } => assert!(why.contains("read nothing"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(begun.elapsed() < Duration::from_secs(8));
    // What the system still held is gone with the connection: the order never arrives.
    let mut seen = Vec::new();
    let mut peer = &rig.peer;
    // A reset ends the reading as well as an end does.
    let _ = peer.read_to_end(&mut seen);
    assert!(!String::from_utf8_lossy(&seen).contains("35=D\x01"));
    rig.venue.stop();
}

#[test]
fn an_order_that_waited_too_long_stays_here_and_a_cancel_goes() {
    let rig = rig();
    rig.fill();
    std::thread::sleep(Duration::from_millis(1400));
    let mut peer = rig.peer.try_clone().unwrap();
    let reading = std::thread::spawn(move || {
        peer.set_read_timeout(Some(LIMIT)).unwrap();
        let (mut text, mut bytes) = (String::new(), [0; 65_536]);
        // The cancel that follows the late order, and the order that is not late.
        while !(text.contains(&format!("US-9-C{MANY}\x01")) && text.contains("US-2\x01")) {
            match peer.read(&mut bytes) {
                Ok(0) | Err(_) => break,
                Ok(read) => text += std::str::from_utf8(&bytes[..read]).unwrap(),
            }
        }
        text
    });
    assert_eq!(
        rig.next(),
        Event::Withheld {
            cl_ord_id: "US-1".into(),
            reason: Reason::VenueDown
        }
    );
    assert!(rig.venue.send(1, cancel(MANY)));
    assert!(rig.venue.send(1, order("US-2")));
    let text = reading.join().unwrap();
    assert_eq!(text.matches("35=F\x01").count(), MANY + 1);
    assert_eq!(text.matches("35=D\x01").count(), 1);
    assert!(!text.contains("11=US-1\x01"));
    rig.venue.stop();
}
