//! What surrounds the core, on the real binary: the log, signals, files and their owners.

// Helpers that other tests need.
#[allow(dead_code)]
#[path = "riskd/support/mod.rs"]
mod support;

#[path = "shell/unread_log.rs"]
mod unread_log;

#[path = "shell/early_signal.rs"]
mod early_signal;

#[path = "shell/session.rs"]
mod session;

#[path = "shell/check_time.rs"]
mod check_time;
