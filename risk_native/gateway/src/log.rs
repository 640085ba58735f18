//! Structured logs: one JSON object a line on stderr, with the correlation id where there is one.
//!
//! Nobody waits for whoever reads them: lines go through a queue, and the newest are dropped and counted when it is full.

mod queue;

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

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
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS[usize::from(nibble)]));
        }
    }
    text
}

/// Writes one line, within a moment of stderr's taking it. `fields` is what serialises to a JSON object, without the keys
/// that every line has.
pub fn write(level: Level, event: &str, correlation: Option<&[u8; 16]>, fields: impl Serialize) {
    queue().push(line(level, event, correlation, fields));
}

/// An order costs several lines: they are put together without a tree of values in between.
fn line(
    level: Level,
    event: &str,
    correlation: Option<&[u8; 16]>,
    fields: impl Serialize,
) -> String {
    let mut text = String::with_capacity(512);
    let id = correlation
        .filter(|id| id.iter().any(|b| *b != 0))
        .map(|id| hex(id));
    let head = Head {
        ts_ns: wall_ns(),
        level: level.name(),
        component: "riskd",
        event,
        correlation_id: id.as_deref(),
    };
    for part in [serde_json::to_string(&head), serde_json::to_string(&fields)] {
        // What does not serialise to an object has no place in a line.
        let part = part.unwrap_or_default();
        let inner = part.strip_prefix('{').and_then(|p| p.strip_suffix('}'));
        if let Some(inner) = inner.filter(|inner| !inner.is_empty()) {
            text.push(if text.is_empty() { '{' } else { ',' });
            text.push_str(inner);
        }
    }
    text.push_str("}\n");
    text
}

/// What every line has.
#[derive(Serialize)]
struct Head<'a> {
    ts_ns: i64,
    level: &'a str,
    component: &'a str,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
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
    use super::{Level, hex, line};

    #[test]
    fn a_line_is_one_object_of_what_every_line_has_and_its_fields() {
        let id = [0xabu8; 16];
        let fields = serde_json::json!({"why": "a \"quote\"\n", "lines": 3});
        let text = line(Level::Warn, "lost", Some(&id), fields);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(text.ends_with("}\n") && text.matches('\n').count() == 1);
        assert!(value["ts_ns"].as_i64().unwrap() > 0);
        let mut rest = value.as_object().unwrap().clone();
        rest.remove("ts_ns");
        let expected = serde_json::json!({"level": "warn", "component": "riskd", "event": "lost",
            "correlation_id": "abababababababababababababababab", "why": "a \"quote\"\n", "lines": 3});
        assert_eq!(serde_json::Value::Object(rest), expected);
        // Without a correlation id and without fields.
        let text = line(Level::Info, "ready", Some(&[0; 16]), serde_json::json!({}));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value.as_object().unwrap().len(), 4);
    }

    #[test]
    fn hex_is_lower_case_and_two_digits_a_byte() {
        assert_eq!(hex(&[0x00, 0x0a, 0xff, 0x10]), "000aff10");
    }
}
