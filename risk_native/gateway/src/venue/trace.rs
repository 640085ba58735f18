//! What the FIX engine says of itself, into riskd's own log: warnings and errors, without message contents.

use std::fmt::{Debug, Write};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::log;

/// A subscriber that knows events only; the engine opens no spans worth following.
struct ToLog;

impl Subscriber for ToLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.target().starts_with("hotfix")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let level = if *event.metadata().level() == Level::ERROR {
            log::Level::Error
        } else {
            log::Level::Warn
        };
        log::write(
            level,
            "fix_engine",
            None,
            serde_json::json!({"target": event.metadata().target(), "text": text.0}),
        );
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, "{name}={value:?}"),
        };
    }
}

/// Installs the subscriber for this process; a second call changes nothing.
pub fn install() {
    let _ = tracing::subscriber::set_global_default(ToLog);
}
