//! Structured logs: one JSON object a line on stderr, with the correlation id where there is one.
//!
//! Nobody waits for whoever reads them: lines go through a queue, and the newest are dropped and counted when it is full.

mod queue;

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use queue::Queue;

/// Lines that may wait for stderr.
const LINES: usize = 8192;
/// How long the end of the process waits for them.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

static QUEUE: OnceLock<Queue> = OnceLock::new();

fn queue() -> &'static Queue {
    QUEUE.get_or_init(|| {
        Queue::start(std::io::stderr(), LINES, |lines| {
            let why = "stderr was not read and the queue was full";
            let fields = serde_json::json!({"lines": lines, "why": why});
            line(Level::Warn, "log_dropped", None, fields)
        })
    })
}

/// Lines that were dropped because stderr was not read.
pub fn dropped() -> u64 {
    QUEUE.get().map_or(0, Queue::dropped)
}

/// Says something on stderr that is no JSON: what a person who called riskd reads.
pub fn say(text: &str) {
    queue().push(format!("{text}\n"));
}

/// Waits until what was said is written, or for a second.
pub fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush(FLUSH_LIMIT);
    }
}

/// Has a panic logged like everything else. The panic of the main thread ends riskd, and its line is waited for.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("?").to_string();
        let fields =
            serde_json::json!({"thread": name, "what": info.to_string().replace('\n', " ")});
        write(Level::Error, "panic", None, fields);
        if name == "main" {
            flush();
        }
    }));
}

/// How loud a line is. Everything is written; the level is for whoever filters later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Info,
    Warn,
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// Nanoseconds since the Unix epoch by this machine's clock.
pub fn wall_ns() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// 32 lower-case hex digits of a correlation id.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}

/// Writes one line, as soon as stderr takes it.
pub fn write(level: Level, event: &str, correlation: Option<&[u8; 16]>, fields: Value) {
    queue().push(line(level, event, correlation, fields));
}

fn line(level: Level, event: &str, correlation: Option<&[u8; 16]>, fields: Value) -> String {
    let mut line = Map::new();
    line.insert("ts_ns".into(), wall_ns().into());
    line.insert("level".into(), level.name().into());
    line.insert("component".into(), "riskd".into());
    line.insert("event".into(), event.into());
    if let Some(id) = correlation.filter(|id| id.iter().any(|b| *b != 0)) {
        line.insert("correlation_id".into(), hex(id).into());
    }
    if let Value::Object(more) = fields {
        line.extend(more);
    }
    let mut text = Value::Object(line).to_string();
    text.push('\n');
    text
}

/// `info!("event", {"field": value})`: a line without a correlation id.
#[macro_export]
macro_rules! log_info {
    ($event:expr, $fields:tt) => {
        $crate::log::write(
            $crate::log::Level::Info,
            $event,
            None,
            serde_json::json!($fields),
        )
    };
}

/// As `log_info!`, for what an operator should look at.
#[macro_export]
macro_rules! log_warn {
    ($event:expr, $fields:tt) => {
        $crate::log::write(
            $crate::log::Level::Warn,
            $event,
            None,
            serde_json::json!($fields),
        )
    };
}

/// As `log_info!`, for what stops orders or the process.
#[macro_export]
macro_rules! log_error {
    ($event:expr, $fields:tt) => {
        $crate::log::write(
            $crate::log::Level::Error,
            $event,
            None,
            serde_json::json!($fields),
        )
    };
}

#[cfg(test)]
mod tests {
    use super::hex;

    #[test]
    fn hex_is_lower_case_and_two_digits_a_byte() {
        assert_eq!(hex(&[0x00, 0x0a, 0xff, 0x10]), "000aff10");
    }
}
