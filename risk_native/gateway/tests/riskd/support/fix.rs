//! A FIX 4.4 acceptor of a few hundred lines, written against the standard's text and not against riskd's code.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// One message: its type, its number and its fields in order.
#[derive(Clone, Debug)]
pub struct Message {
    pub kind: String,
    pub seq: u64,
    pub fields: Vec<(u32, String)>,
}

impl Message {
    pub fn get(&self, tag: u32) -> Option<&str> {
        self.fields
            .iter()
            .find(|(t, _)| *t == tag)
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self, tag: u32) -> &str {
        self.get(tag)
            .unwrap_or_else(|| panic!("no tag {tag} in {self:?}"))
    }

    pub fn parse(bytes: &[u8]) -> Option<(Message, usize)> {
        let end = bytes
            .windows(4)
            .position(|w| w == b"\x0110=")
            .map(|at| at + 8)?;
        if bytes.len() < end {
            return None;
        }
        let body = &bytes[..end - 7];
        let sum: u32 = body.iter().map(|b| u32::from(*b)).sum();
        let text = std::str::from_utf8(&bytes[..end]).expect("ASCII");
        let fields: Vec<(u32, String)> = text
            .trim_end_matches('\x01')
            .split('\x01')
            .map(|field| {
                let (tag, value) = field.split_once('=').expect("tag=value");
                (tag.parse().expect("a number"), value.to_string())
            })
            .collect();
        let message = Message {
            kind: fields[2].1.clone(),
            seq: 0,
            fields,
        };
        assert_eq!(message.text(10), format!("{:03}", sum % 256), "checksum");
        let seq = message.text(34).parse().expect("MsgSeqNum");
        Some((Message { seq, ..message }, end))
    }
}

fn encode(kind: &str, seq: u64, body: &[(u32, String)], duplicate: bool) -> Vec<u8> {
    let now = chrono::Utc::now().format("%Y%m%d-%H:%M:%S%.3f").to_string();
    let mut text = format!("35={kind}\x0149=SIMVENUE\x0156=RISKD\x0134={seq}\x01");
    if duplicate {
        text += &format!("43=Y\x01122={now}\x01");
    }
    text += &format!("52={now}\x01");
    for (tag, value) in body {
        text += &format!("{tag}={value}\x01");
    }
    let head = format!("8=FIX.4.4\x019={}\x01", text.len());
    let sum: u32 = head.bytes().chain(text.bytes()).map(u32::from).sum();
    format!("{head}{text}10={:03}\x01", sum % 256).into_bytes()
}

/// What a venue does with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOrder {
    Ack,
    /// Acknowledges, then fills at the order's reference price of 100.
    Fill,
    Reject,
    /// Takes it and says nothing.
    Swallow,
}

/// What a venue does with a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCancel {
    /// Says nothing.
    Swallow,
    /// The order has ended.
    Cancel,
    /// The order works on.
    Refuse,
}

/// What a mass status says of its own length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// As many as there are reports.
    True,
    Is(usize),
    /// Only the last report says that it is one.
    Untold,
    /// No report comes at all.
    NoAnswer,
}

/// What a venue does with a modification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnReplace {
    Accept,
    Reject,
    Swallow,
}

/// What the venue holds; tests write it, the acceptor answers from it.
#[derive(Debug)]
pub struct Book {
    pub session: String,
    pub clock_ns: i64,
    pub session_state: &'static str,
    pub simulated: bool,
    pub cash: Option<String>,
    /// instrument_id, symbol, shares, settlement price.
    pub positions: Vec<(u64, &'static str, i64, &'static str)>,
    /// symbol, bid, ask, last.
    pub prices: Vec<(&'static str, &'static str, &'static str, &'static str)>,
    /// Fields of the mass status reports, without 584, 911 and 912.
    pub orders: Vec<Vec<(u32, String)>>,
    pub total: Total,
    pub on_order: OnOrder,
    pub on_cancel: OnCancel,
    pub on_replace: OnReplace,
    /// Fills move the positions that are reported.
    pub keeps_account: bool,
    pub cancel_on_disconnect: Option<bool>,
    pub port: u16,
    pub next_exec: u64,
    /// Seen on every D before anything is answered.
    pub journal: Option<std::path::PathBuf>,
    /// For each D: whether the journal held its decision when it arrived.
    pub journaled_first: Vec<bool>,
}

/// Number, type and fields of a message that left.
type Sent = (u64, String, Vec<(u32, String)>);

#[derive(Debug, Default)]
struct Wire {
    received: Vec<Message>,
    stream: Option<TcpStream>,
    logged_on: bool,
    out_seq: u64,
    in_seq: u64,
    sent: Vec<Sent>,
    logons: u64,
    refuse_connections: bool,
    generation: u64,
}

struct Shared {
    wire: Mutex<Wire>,
    book: Mutex<Book>,
    changed: Condvar,
}

/// The acceptor.
#[derive(Clone)]
pub struct Venue {
    shared: Arc<Shared>,
    pub port: u16,
}

fn f(tag: u32, value: impl ToString) -> (u32, String) {
    (tag, value.to_string())
}

/// A mass status report on an order to buy 100 AAA at 99.
pub fn listed(cl_ord_id: &str, status: &str) -> Vec<(u32, String)> {
    [
        (11, cl_ord_id),
        (39, status),
        (48, "1"),
        (22, "8"),
        (55, "AAA"),
        (54, "1"),
        (38, "100"),
        (44, "99"),
        (151, "100"),
        (14, "0"),
        (6, "0"),
    ]
    .map(|(tag, value)| (tag, value.to_string()))
    .to_vec()
}

pub const CLOCK: i64 = 1_795_444_200_000_000_000;

impl Venue {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            wire: Mutex::new(Wire::default()),
            book: Mutex::new(Book {
                session: "20261123".into(),
                clock_ns: CLOCK,
                session_state: "2",
                simulated: true,
                cash: Some("1000000".into()),
                positions: Vec::new(),
                prices: vec![
                    ("AAA", "99.99", "100.01", "100"),
                    ("BBB", "49.99", "50.01", "50"),
                ],
                orders: Vec::new(),
                total: Total::True,
                on_order: OnOrder::Ack,
                on_cancel: OnCancel::Swallow,
                on_replace: OnReplace::Accept,
                keeps_account: false,
                cancel_on_disconnect: None,
                port,
                next_exec: 0,
                journal: None,
                journaled_first: Vec::new(),
            }),
            changed: Condvar::new(),
        });
        let venue = Venue { shared, port };
        let own = venue.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                if own.wire().refuse_connections {
                    continue;
                }
                own.converse(stream);
            }
        });
        venue
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.shared.wire.lock().expect("no panic while held")
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.shared.book.lock().expect("no panic while held")
    }

    fn converse(&self, mut stream: TcpStream) {
        {
            let mut wire = self.wire();
            wire.stream = Some(stream.try_clone().expect("a handle"));
            wire.logged_on = false;
            wire.generation += 1;
        }
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            let read = match stream.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(read) => read,
            };
            bytes.extend_from_slice(&chunk[..read]);
            while let Some((message, end)) = Message::parse(&bytes) {
                bytes.drain(..end);
                self.on_message(message);
            }
        }
        let mut wire = self.wire();
        wire.logged_on = false;
        wire.stream = None;
        self.shared.changed.notify_all();
    }

    fn on_message(&self, message: Message) {
        let kind = message.kind.clone();
        {
            let mut wire = self.wire();
            if kind == "A" && message.get(141) == Some("Y") {
                wire.in_seq = 0;
                wire.out_seq = 0;
                wire.sent.clear();
            }
            if kind != "4" {
                wire.in_seq = message.seq;
            }
        }
        match kind.as_str() {
            "A" => {
                let mut body = vec![f(98, 0), f(108, message.text(108))];
                if message.get(141) == Some("Y") {
                    body.push(f(141, "Y"));
                }
                self.send("A", body);
                let mut wire = self.wire();
                wire.logged_on = true;
                wire.logons += 1;
                drop(wire);
                self.tell_session();
            }
            "1" => self.send("0", vec![f(112, message.text(112))]),
            "2" => self.resend(
                message.text(7).parse().expect("BeginSeqNo"),
                message.text(16).parse().expect("EndSeqNo"),
            ),
            "5" => self.send("5", vec![]),
            "AF" => self.mass_status(message.text(584)),
            "AN" => self.positions(message.text(710)),
            "BB" => self.collateral(message.text(909)),
            "V" => self.snapshots(message.text(262)),
            "D" => self.order(&message),
            "F" => self.cancel(&message),
            "G" => self.replace(&message),
            "BE" => self.user_request(&message),
            _ => {}
        }
        self.wire().received.push(message);
        self.shared.changed.notify_all();
    }

    /// Sends a message, or keeps it for a resend when nobody is there.
    pub fn send(&self, kind: &str, body: Vec<(u32, String)>) {
        let mut wire = self.wire();
        wire.out_seq += 1;
        let seq = wire.out_seq;
        let bytes = encode(kind, seq, &body, false);
        wire.sent.push((seq, kind.to_string(), body));
        if let Some(stream) = &mut wire.stream {
            let _ = stream.write_all(&bytes);
        }
    }

    /// Sends bytes as they are, under no number.
    pub fn raw(&self, bytes: &[u8]) {
        if let Some(stream) = &mut self.wire().stream {
            let _ = stream.write_all(bytes);
        }
    }

    fn resend(&self, begin: u64, end: u64) {
        let mut wire = self.wire();
        let last = if end == 0 {
            wire.out_seq
        } else {
            end.min(wire.out_seq)
        };
        let sent: Vec<_> = wire
            .sent
            .iter()
            .filter(|(seq, ..)| (begin..=last).contains(seq))
            .cloned()
            .collect();
        let Some(stream) = &mut wire.stream else {
            return;
        };
        let mut gap: Option<u64> = None;
        let mut out = Vec::new();
        for (seq, kind, body) in sent {
            if ["A", "0", "1", "2", "4", "5"].contains(&kind.as_str()) {
                gap.get_or_insert(seq);
                continue;
            }
            if let Some(from) = gap.take() {
                out.extend(encode("4", from, &[f(123, "Y"), f(36, seq)], true));
            }
            out.extend(encode(&kind, seq, &body, true));
        }
        if let Some(from) = gap {
            out.extend(encode("4", from, &[f(123, "Y"), f(36, last + 1)], true));
        }
        let _ = stream.write_all(&out);
    }

    /// Asks riskd to send everything again from `begin`.
    pub fn request_resend(&self, begin: u64) {
        self.send("2", vec![f(7, begin), f(16, 0)]);
    }

    pub fn tell_session(&self) {
        let body = {
            let book = self.book();
            let mut body = vec![f(336, "1"), f(340, book.session_state)];
            if book.simulated {
                body.push(f(
                    58,
                    format!("SIMULATED session={} clock={}", book.session, book.clock_ns),
                ));
            }
            body
        };
        self.send("h", body);
    }

    fn mass_status(&self, id: &str) {
        let (orders, total) = {
            let book = self.book();
            (book.orders.clone(), book.total)
        };
        if total == Total::NoAnswer {
            return;
        }
        if orders.is_empty() {
            let exec = self.exec_id();
            self.send(
                "8",
                vec![
                    f(37, "NONE"),
                    f(17, exec),
                    f(584, id),
                    f(911, 0),
                    f(912, "Y"),
                    f(150, "I"),
                    f(39, 8),
                    f(55, "NONE"),
                    f(54, 1),
                    f(151, 0),
                    f(14, 0),
                    f(6, 0),
                ],
            );
            return;
        }
        let count = orders.len();
        for (index, order) in orders.into_iter().enumerate() {
            let mut body = vec![f(37, index + 1), f(17, self.exec_id()), f(150, "I")];
            body.extend(order);
            body.push(f(584, id));
            match total {
                Total::True => body.push(f(911, count)),
                Total::Is(other) => body.push(f(911, other)),
                Total::Untold | Total::NoAnswer => {}
            }
            if index + 1 == count {
                body.push(f(912, "Y"));
            }
            self.send("8", body);
        }
    }

    fn positions(&self, id: &str) {
        let positions = self.book().positions.clone();
        self.send(
            "AO",
            vec![
                f(721, format!("M{id}")),
                f(710, id),
                f(727, positions.len()),
                f(728, 0),
                f(729, 0),
                f(1, "US"),
                f(581, 1),
            ],
        );
        for (instrument, symbol, shares, price) in positions {
            self.send(
                "AP",
                vec![
                    f(721, format!("P{instrument}")),
                    f(710, id),
                    f(728, 0),
                    f(715, "20261123"),
                    f(1, "US"),
                    f(581, 1),
                    f(55, symbol),
                    f(48, instrument),
                    f(22, 8),
                    f(730, price),
                    f(731, 1),
                    f(734, price),
                    f(702, 1),
                    f(703, "TOT"),
                    f(704, shares.max(0)),
                    f(705, (-shares).max(0)),
                ],
            );
        }
    }

    fn collateral(&self, id: &str) {
        let Some(cash) = self.book().cash.clone() else {
            return;
        };
        self.send(
            "BA",
            vec![
                f(908, format!("C{id}")),
                f(909, id),
                f(910, 0),
                f(1, "US"),
                f(15, "USD"),
                f(900, &cash),
                f(901, &cash),
            ],
        );
    }

    fn snapshots(&self, id: &str) {
        let prices = self.book().prices.clone();
        for (symbol, bid, ask, last) in prices {
            self.price("W", Some(id), symbol, bid, ask, last);
        }
    }

    /// Sends one instrument's prices at the book's clock.
    pub fn price(
        &self,
        kind: &str,
        id: Option<&str>,
        symbol: &str,
        bid: &str,
        ask: &str,
        last: &str,
    ) {
        let moment = chrono::DateTime::from_timestamp_nanos(self.book().clock_ns);
        let (date, time) = (
            moment.format("%Y%m%d").to_string(),
            moment.format("%H:%M:%S%.3f").to_string(),
        );
        let mut body = Vec::new();
        if let Some(id) = id {
            body.push(f(262, id));
        }
        if kind == "W" {
            body.push(f(55, symbol));
        }
        body.push(f(268, 3));
        for (entry, price) in [(0, bid), (1, ask), (2, last)] {
            if kind == "X" {
                body.push(f(279, 0));
            }
            body.push(f(269, entry));
            if kind == "X" {
                body.push(f(55, symbol));
            }
            body.extend([f(270, price), f(271, 1000), f(272, &date), f(273, &time)]);
        }
        self.send(kind, body);
    }

    /// Never one that another venue of the test gave: what riskd heard of its predecessor it would drop as heard before.
    pub fn exec_id(&self) -> String {
        let mut book = self.book();
        book.next_exec += 1;
        format!("E{}-{}", book.port, book.next_exec)
    }

    fn order(&self, message: &Message) {
        let id = message.text(11).to_string();
        let action = {
            let mut book = self.book();
            if let Some(path) = book.journal.clone() {
                let name = id.rsplit('-').next().expect("a dash");
                // riskd's own orders count from 2^62.
                let number = match name.strip_prefix('K') {
                    Some(own) => (1 << 62) + own.parse::<u64>().expect("a number"),
                    None => name.parse().expect("a number"),
                };
                let journal = std::fs::read(path).expect("the journal");
                let text = String::from_utf8_lossy(&journal).into_owned();
                book.journaled_first
                    .push(text.contains(&format!("\"order_id\":{number},")));
            }
            book.on_order
        };
        match action {
            OnOrder::Swallow => {}
            OnOrder::Ack => self.report(message, "0", "0", 0, 0, "0"),
            OnOrder::Reject => self.report(message, "8", "8", 0, 0, "0"),
            OnOrder::Fill => {
                self.report(message, "0", "0", 0, 0, "0");
                let quantity = message.text(38).parse().expect("a quantity");
                self.fill(message, quantity);
                self.report(message, "F", "2", quantity, quantity, "100");
            }
        }
    }

    fn cancel(&self, message: &Message) {
        let action = self.book().on_cancel;
        if action == OnCancel::Swallow {
            return;
        }
        if action == OnCancel::Refuse {
            let (new, old) = (message.text(11).to_string(), message.text(41).to_string());
            self.send(
                "9",
                vec![
                    f(37, format!("V{old}")),
                    f(11, new),
                    f(41, old),
                    f(39, "0"),
                    f(434, 1),
                    f(102, 99),
                    f(58, "not now"),
                ],
            );
            return;
        }
        let original = message.text(41).to_string();
        let mut fields = message.clone();
        for (tag, value) in &mut fields.fields {
            if *tag == 11 {
                value.clone_from(&original);
            }
        }
        self.report(&fields, "4", "4", 0, 0, "0");
    }

    fn replace(&self, message: &Message) {
        let (new, old) = (message.text(11).to_string(), message.text(41).to_string());
        let action = self.book().on_replace;
        match action {
            OnReplace::Swallow => {}
            OnReplace::Reject => self.send(
                "9",
                vec![
                    f(37, format!("V{old}")),
                    f(11, new),
                    f(41, old),
                    f(39, "0"),
                    f(434, 2),
                    f(102, 99),
                    f(58, "no"),
                ],
            ),
            OnReplace::Accept => {
                let exec = self.exec_id();
                let moment = chrono::DateTime::from_timestamp_nanos(self.book().clock_ns);
                let quantity = message.text(38);
                self.send(
                    "8",
                    vec![
                        f(37, format!("V{old}")),
                        f(11, new),
                        f(41, old),
                        f(17, exec),
                        f(150, "5"),
                        f(39, "0"),
                        f(55, message.text(55)),
                        f(54, message.text(54)),
                        f(38, quantity),
                        f(151, quantity),
                        f(14, 0),
                        f(6, 0),
                        f(60, moment.format("%Y%m%d-%H:%M:%S%.3f")),
                    ],
                );
            }
        }
    }

    /// Cancel on disconnect is granted, refused or not answered, as the book says.
    fn user_request(&self, message: &Message) {
        let (status, text) = match self.book().cancel_on_disconnect {
            Some(true) => ("1", "CANCEL_ON_DISCONNECT"),
            Some(false) => ("2", "not offered"),
            None => return,
        };
        let (id, user) = (message.text(923).to_string(), message.text(553).to_string());
        self.send(
            "BF",
            vec![f(923, id), f(553, user), f(926, status), f(927, text)],
        );
    }

    fn fill(&self, message: &Message, quantity: i64) {
        let mut book = self.book();
        if !book.keeps_account {
            return;
        }
        let change = if message.text(54) == "1" {
            quantity
        } else {
            -quantity
        };
        for (_, symbol, shares, _) in &mut book.positions {
            if *symbol == message.text(55) {
                *shares += change;
            }
        }
    }

    /// A report on the order in `message`, with an ExecID of its own.
    pub fn report(
        &self,
        message: &Message,
        exec_type: &str,
        status: &str,
        last: i64,
        cumulative: i64,
        price: &str,
    ) {
        let exec = self.exec_id();
        self.report_as(&exec, message, exec_type, status, last, cumulative, price);
    }

    #[allow(clippy::too_many_arguments)]
    pub fn report_as(
        &self,
        exec: &str,
        message: &Message,
        exec_type: &str,
        status: &str,
        last: i64,
        cumulative: i64,
        price: &str,
    ) {
        let quantity: i64 = message.text(38).parse().expect("a quantity");
        let leaves = if matches!(status, "4" | "8" | "C") {
            0
        } else {
            quantity - cumulative
        };
        let moment = chrono::DateTime::from_timestamp_nanos(self.book().clock_ns);
        let mut body = vec![
            f(37, format!("V{}", message.text(11))),
            f(11, message.text(11)),
            f(17, exec),
            f(150, exec_type),
            f(39, status),
            f(55, message.text(55)),
            f(54, message.text(54)),
            f(38, quantity),
            f(151, leaves),
            f(14, cumulative),
            f(6, if cumulative > 0 { price } else { "0" }),
            f(60, moment.format("%Y%m%d-%H:%M:%S%.3f")),
        ];
        if last > 0 {
            body.extend([f(32, last), f(31, price), f(12, "0.5")]);
        }
        self.send("8", body);
    }

    /// The fill `of` of the order in `message` is now of `last` at `price`, for a fee; nothing is open of the order.
    #[allow(clippy::too_many_arguments)]
    pub fn correct(
        &self,
        (exec, of): (&str, &str),
        message: &Message,
        last: i64,
        price: &str,
        fee: &str,
        cumulative: i64,
        average: &str,
    ) {
        let moment = chrono::DateTime::from_timestamp_nanos(self.book().clock_ns);
        let body = vec![
            f(37, format!("V{}", message.text(11))),
            f(11, message.text(11)),
            f(17, exec),
            f(19, of),
            f(150, if last > 0 { "G" } else { "H" }),
            f(39, "4"),
            f(55, message.text(55)),
            f(54, message.text(54)),
            f(38, message.text(38)),
            f(151, 0),
            f(14, cumulative),
            f(6, average),
            f(32, last),
            f(31, price),
            f(12, fee),
            f(60, moment.format("%Y%m%d-%H:%M:%S%.3f")),
        ];
        self.send("8", body);
    }

    /// Cuts the connection, and keeps the port shut when `stay_away`.
    pub fn cut(&self, stay_away: bool) {
        let mut wire = self.wire();
        wire.refuse_connections = stay_away;
        if let Some(stream) = wire.stream.take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn come_back(&self) {
        self.wire().refuse_connections = false;
    }

    /// Messages of a kind received so far, by any connection.
    pub fn received(&self, kind: &str) -> Vec<Message> {
        self.wire()
            .received
            .iter()
            .filter(|m| m.kind == kind)
            .cloned()
            .collect()
    }

    /// Waits for the `count`-th message of a kind.
    pub fn expect(&self, kind: &str, count: usize) -> Message {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let found = self.received(kind);
            if found.len() >= count {
                return found[count - 1].clone();
            }
            assert!(
                Instant::now() < deadline,
                "no {count}. {kind}; received {:?}",
                self.wire()
                    .received
                    .iter()
                    .map(|m| m.kind.clone())
                    .collect::<VecDeque<_>>()
            );
            let wire = self.wire();
            let _ = self
                .shared
                .changed
                .wait_timeout(wire, Duration::from_millis(20));
        }
    }

    /// The types of all messages received, in order.
    pub fn kinds(&self) -> Vec<String> {
        self.wire()
            .received
            .iter()
            .map(|m| m.kind.clone())
            .collect()
    }

    pub fn logons(&self) -> u64 {
        self.wire().logons
    }
}
