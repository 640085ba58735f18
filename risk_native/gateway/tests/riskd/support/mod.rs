//! A rig: a venue, the real riskd, and a client that speaks frames.

pub mod fix;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dnalyaw_frames::{Body, Decision, Exec, FixedText, Frame, Hello, NewOrder, Sync};

use fix::Venue;

pub const LIMIT: Duration = Duration::from_secs(20);

pub struct Rig {
    pub dir: tempfile::TempDir,
    pub venue: Venue,
    child: Option<Child>,
    /// Further options of riskd.
    pub options: Vec<&'static str>,
}

pub fn reference() -> serde_json::Value {
    let one = |id: u64, symbol: &str, sector: serde_json::Value, close: i64| {
        serde_json::json!({"instrument_id": id, "issuer_id": id, "label": format!("{symbol}.NYSE"), "symbol": symbol,
            "sector": sector, "lot": 1, "tick_micro": 10_000, "currency": "USD", "tradable": true,
            "volatility_bp": 100, "adv": 1_000_000, "close_micro": close * 1_000_000})
    };
    serde_json::json!({"region": "US", "session": "2026-11-23", "currency": "USD", "generated_at": "2026-11-23T13:00:00Z",
        "strategies": ["trend", "pairs"], "instruments": [one(1, "AAA", "tech".into(), 100), one(2, "BBB", "energy".into(), 50)]})
}

impl Rig {
    /// A venue and the files, riskd not yet started.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let venue = Venue::start();
        std::fs::write(dir.path().join("reference.json"), reference().to_string())
            .expect("written");
        let rig = Rig {
            dir,
            venue,
            child: None,
            options: Vec::new(),
        };
        rig.address(rig.venue.port);
        rig.venue.book().journal = Some(rig.journal());
        rig
    }

    /// As `new`, with riskd running.
    pub fn running() -> Self {
        let mut rig = Self::new();
        rig.start();
        rig
    }

    pub fn address(&self, port: u16) {
        let path = self.dir.path().join("fix.addr");
        std::fs::write(&path, format!("127.0.0.1:{port}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
    }

    /// The first segment, in which these tests find everything.
    pub fn journal(&self) -> PathBuf {
        self.dir.path().join("risk/journal/00000001.seg")
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("risk.sock")
    }

    pub fn command(&self) -> Command {
        let mut command = self.base_command();
        command.args(&self.options);
        if !self.options.contains(&"--journal-segment-kib") {
            command.args(["--journal-segment-kib", "256"]);
        }
        command
    }

    fn base_command(&self) -> Command {
        let path = self.dir.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_riskd"));
        command
            .arg("--dir")
            .arg(path.join("risk"))
            .arg("--socket")
            .arg(self.socket())
            .arg("--reference")
            .arg(path.join("reference.json"))
            .arg("--venue-addr-file")
            .arg(path.join("fix.addr"));
        command
    }

    /// One command by `riskd VERB --dir DIR ...`: its exit status, and the answer or the line on stderr.
    pub fn call(&self, words: &[&str]) -> (Option<i32>, serde_json::Value) {
        let done = Command::new(env!("CARGO_BIN_EXE_riskd"))
            .arg(words[0])
            .arg("--dir")
            .arg(self.dir.path().join("risk"))
            .args(&words[1..])
            .output()
            .expect("riskd runs");
        let answer = if done.status.success() {
            serde_json::from_slice(&done.stdout).expect("JSON")
        } else {
            String::from_utf8_lossy(&done.stderr).trim().into()
        };
        (done.status.code(), answer)
    }

    /// The next day's files, and a venue that is on it.
    pub fn next_session(&self) {
        let mut reference = reference();
        reference["session"] = "2026-11-24".into();
        std::fs::write(
            self.dir.path().join("reference.json"),
            reference.to_string(),
        )
        .expect("written");
        let mut book = self.venue.book();
        book.session = "20261124".into();
        book.clock_ns += 86_400_000_000_000;
        drop(book);
        self.venue.cut(false);
    }

    /// What `riskd status` says.
    pub fn status(&self) -> serde_json::Value {
        let (code, answer) = self.call(&["status"]);
        assert_eq!(code, Some(0), "{answer}");
        answer
    }

    pub fn control(&self) -> PathBuf {
        self.dir.path().join("risk/control.sock")
    }

    /// The journal's bytes as text; records are JSON.
    pub fn journal_text(&self) -> String {
        let bytes = std::fs::read(self.journal()).expect("a journal");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Runs riskd to its end, for starts that must fail.
    pub fn run(&self) -> Output {
        self.command().output().expect("riskd runs")
    }

    /// Starts riskd and waits for READY; the object after it.
    pub fn start(&mut self) -> serde_json::Value {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("a log");
        self.start_with(log.into())
    }

    /// As [`Rig::start`], with another stderr.
    pub fn start_with(&mut self, stderr: Stdio) -> serde_json::Value {
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("riskd starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("a line");
        self.child = Some(child);
        let ready = line
            .strip_prefix("READY ")
            .unwrap_or_else(|| panic!("no READY but '{line}'; log: {}", self.log()));
        serde_json::from_str(ready).expect("JSON after READY")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("riskd.log")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Waits until the log has a line with all of `words`.
    pub fn wait_log(&self, words: &[&str]) {
        eventually(&format!("log line with {words:?}"), || {
            self.log()
                .lines()
                .any(|line| words.iter().all(|word| line.contains(word)))
        });
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.as_ref().expect("running").id()).expect("a pid")
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.pid().to_string())
            .status()
            .expect("kill runs");
        assert!(done.success());
    }

    /// kill -9, as a crash.
    pub fn crash(&mut self) {
        let mut child = self.child.take().expect("running");
        child.kill().expect("killed");
        child.wait().expect("gone");
    }

    /// SIGTERM; the exit status.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal("TERM");
        let mut child = self.child.take().expect("running");
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = child.try_wait().expect("a child") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "riskd does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A client that said HELLO and was welcomed.
    pub fn client(&self) -> Client {
        let mut client = Client::connect(&self.socket());
        client.send(Body::Hello(Hello {
            session: 0,
            region: FixedText::new("US").expect("fits"),
        }));
        client.wait(|body| matches!(body, Body::Welcome(_)));
        client.beat();
        client
    }

    /// As `client`, one that sends no heartbeat.
    pub fn silent_client(&self) -> Client {
        let mut client = Client::connect(&self.socket());
        client.send(Body::Hello(Hello {
            session: 0,
            region: FixedText::new("US").expect("fits"),
        }));
        client.wait(|body| matches!(body, Body::Welcome(_)));
        client
    }

    /// A client on a riskd that is open for business: venue up, account, positions and prices known.
    pub fn trading(&self) -> Client {
        let mut client = self.client();
        client.wait_active();
        client
    }

    pub fn metrics(&self) -> serde_json::Value {
        std::fs::read(self.dir.path().join("risk/metrics.json"))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let mut stderr = std::io::stderr().lock();
            let _ = writeln!(stderr, "--- riskd's log ---\n{}", self.log());
        }
    }
}

/// The sending half: heartbeats go between the frames.
struct Outgoing {
    stream: UnixStream,
    sequence: u64,
}

impl Outgoing {
    fn send(&mut self, body: Body) -> std::io::Result<()> {
        self.sequence += 1;
        let frame = Frame {
            seq: self.sequence,
            ts_ns: 1,
            body,
        };
        self.stream.write_all(&frame.encode())
    }
}

pub struct Client {
    stream: UnixStream,
    outgoing: Arc<Mutex<Outgoing>>,
    received: u64,
    nonce: u64,
    /// The moment that the last frame carried.
    pub moment: i64,
}

impl Client {
    pub fn connect(path: &Path) -> Self {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Ok(stream) = UnixStream::connect(path) {
                stream.set_read_timeout(Some(LIMIT)).expect("set");
                let outgoing = Outgoing {
                    stream: stream.try_clone().expect("a handle"),
                    sequence: 0,
                };
                return Client {
                    stream,
                    outgoing: Arc::new(Mutex::new(outgoing)),
                    received: 0,
                    nonce: 0,
                    moment: 0,
                };
            }
            assert!(Instant::now() < deadline, "no socket");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Twice a second a heartbeat, as omsd sends it, for as long as the client lives.
    fn beat(&self) {
        let outgoing = Arc::downgrade(&self.outgoing);
        std::thread::spawn(move || {
            while let Some(outgoing) = outgoing.upgrade() {
                // A closed link is for the test to find.
                let _ = outgoing.lock().expect("no panic").send(Body::Heartbeat);
                drop(outgoing);
                std::thread::sleep(Duration::from_millis(500));
            }
        });
    }

    pub fn send(&mut self, body: Body) {
        assert!(self.try_send(body), "sent");
    }

    /// As `send`, for a riskd that may have closed the link.
    pub fn try_send(&mut self, body: Body) -> bool {
        self.outgoing.lock().expect("no panic").send(body).is_ok()
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("sent");
    }

    /// The next frame, or nothing when riskd closed the connection.
    pub fn next(&mut self) -> Option<Body> {
        let mut bytes = [0; 128];
        match self.stream.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(err) if err.kind() == std::io::ErrorKind::UnexpectedEof => return None,
            Err(err) if err.kind() == std::io::ErrorKind::ConnectionReset => return None,
            Err(err) => panic!("no frame: {err}"),
        }
        let frame = Frame::decode_from_risk(&bytes).expect("a frame");
        self.received += 1;
        assert_eq!(frame.seq, self.received, "sequence");
        self.moment = frame.ts_ns;
        Some(frame.body)
    }

    /// The first frame that fits; others are passed over.
    pub fn wait(&mut self, fits: impl Fn(&Body) -> bool) -> Body {
        let deadline = Instant::now() + LIMIT;
        loop {
            assert!(Instant::now() < deadline, "the frame never came");
            let body = self.next().expect("the link is open");
            if fits(&body) {
                return body;
            }
        }
    }

    pub fn order(&mut self, order: NewOrder) -> Decision {
        let id = order.order_id;
        self.send(Body::NewOrder(order));
        self.decision(id)
    }

    pub fn decision(&mut self, id: u64) -> Decision {
        match self.wait(|body| matches!(body, Body::Decision(d) if d.order_id == id)) {
            Body::Decision(decision) => decision,
            _ => unreachable!(),
        }
    }

    pub fn exec(&mut self, id: u64) -> Exec {
        match self.wait(|body| matches!(body, Body::Exec(e) if e.order_id == id)) {
            Body::Exec(exec) => exec,
            _ => unreachable!(),
        }
    }

    /// Everything a SYNC brings, up to its end.
    pub fn sync(&mut self) -> Vec<Body> {
        self.nonce += 1;
        let nonce = self.nonce;
        self.send(Body::Sync(Sync { nonce }));
        let mut bodies = Vec::new();
        loop {
            let body = self.next().expect("the link is open");
            let end = matches!(&body, Body::SyncEnd(end) if end.nonce == nonce);
            bodies.push(body);
            if end {
                return bodies;
            }
        }
    }

    /// Asks until riskd knows equity, prices of both instruments and an open session.
    pub fn wait_active(&mut self) {
        eventually("an open venue", || {
            let bodies = self.sync();
            let open = bodies.iter().any(|body| {
                matches!(body, Body::State(state) if state.venue_up && state.equity > 0
                    && state.session_state == dnalyaw_frames::SessionState::Open)
            });
            open && bodies
                .iter()
                .filter(|body| matches!(body, Body::Price(_)))
                .count()
                == 2
        });
    }

    pub fn closed(&mut self) -> bool {
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            if self.next().is_none() {
                return true;
            }
        }
        false
    }
}

/// Polls until it holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(15));
    }
}

pub const BUY: u8 = 1;
pub const SELL: u8 = 2;

/// A limit order of a day with a stop two units away.
pub fn limit(order_id: u64, instrument_id: u64, side: u8, quantity: i64, price: i64) -> NewOrder {
    NewOrder {
        order_id,
        instrument_id,
        quantity,
        limit_price: price * 1_000_000,
        stop_distance: 2_000_000,
        correlation: [7; 16],
        side,
        order_type: 2,
        time_in_force: 0,
        flags: 0,
        legs: dnalyaw_frames::Legs::ALONE,
        path: dnalyaw_frames::Path::Default,
        strategies: 0,
    }
}
