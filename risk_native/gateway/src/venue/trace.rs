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
        let text = Text::of(event);
        let level = if *event.metadata().level() == Level::ERROR {
            log::Level::Error
        } else {
            log::Level::Warn
        };
        log::write(
            level,
            "fix_engine",
            None,
            serde_json::json!({"target": event.metadata().target(), "text": text}),
        );
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Text(String);

/// How every FIX message begins.
const MESSAGE: &str = "8=FIX";
const LEFT_OUT: &str = "(contents left out)";

impl Text {
    /// What an event says, up to the first message that it quotes.
    fn of(event: &Event<'_>) -> String {
        let mut text = Self(String::new());
        event.record(&mut text);
        let mut text = text.0;
        if let Some(at) = text.find(MESSAGE) {
            text.truncate(at);
            text.push_str(LEFT_OUT);
        }
        text
    }
}

impl Visit for Text {
    /// A message that came damaged is a text of this name; what the event says itself is none.
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.record_debug(field, &format_args!("{LEFT_OUT}"));
        } else {
            self.record_debug(field, &value);
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    struct Kept(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Kept {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(Text::of(event));
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn a_message_that_the_engine_quotes_does_not_reach_the_log() {
        let kept = Arc::new(Mutex::new(Vec::new()));
        tracing::subscriber::with_default(Kept(kept.clone()), || {
            let sent = "8=FIX.4.4\u{1}9=77\u{1}35=D\u{1}554=hunter2\u{1}";
            // The engine's own words, with its kinds of fields.
            tracing::warn!("failed to send message: {}", sent);
            let (message, reason) = ("35=D|554=hunter2".to_string(), "checksum".to_string());
            tracing::error!(message, reason, "received garbled message");
            let reason = "received EOF".to_string();
            tracing::warn!(reason, "disconnected from peer");
        });
        let said = kept.lock().unwrap().clone();
        assert!(!said.concat().contains("hunter2"), "{said:?}");
        assert!(said[0].starts_with("failed to send message: (contents"));
        assert!(said[1].contains("received garbled message") && said[1].contains("checksum"));
        assert!(said[2].contains("disconnected from peer") && said[2].contains("received EOF"));
    }
}
