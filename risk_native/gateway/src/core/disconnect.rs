//! Cancel on disconnect: asked of the venue after every logon, so that riskd's own death leaves nothing working.

use std::time::{Duration, Instant};

use super::Core;
use crate::venue::Command;
use crate::{log_error, log_info};

/// A venue that has not answered by then does not have it.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Where the question stands on the connection that is up.
#[derive(Debug, Default)]
pub(super) struct Disconnect {
    wanted: bool,
    asked: Option<(String, Instant)>,
    granted: bool,
}

impl Disconnect {
    pub fn new(wanted: bool) -> Self {
        Self {
            wanted,
            ..Self::default()
        }
    }

    /// For `status`: `off`, `asked`, `granted` or `refused`.
    pub fn state(&self) -> &'static str {
        match (self.wanted, self.granted, &self.asked) {
            (false, ..) => "off",
            (true, true, _) => "granted",
            (true, false, Some(_)) => "asked",
            (true, false, None) => "refused",
        }
    }
}

impl Core {
    /// A new connection: the venue has promised nothing for it yet.
    pub(super) fn ask_cancel_on_disconnect(&mut self) {
        self.disconnect.granted = false;
        if self.disconnect.wanted {
            let request_id = format!("CD{}", Self::wall_ns());
            self.disconnect.asked = Some((request_id.clone(), Instant::now()));
            self.send(Command::CancelOnDisconnect { request_id });
        }
    }

    pub(super) fn on_cancel_on_disconnect(&mut self, request_id: &str, granted: bool, text: &str) {
        let asked = self.disconnect.asked.take_if(|(id, _)| id == request_id);
        if asked.is_none() {
            return;
        }
        self.disconnect.granted = granted;
        if granted {
            log_info!("cancel_on_disconnect", {"granted": true});
        } else {
            self.no_cancel_on_disconnect(&format!("the venue answered '{text}'"));
        }
    }

    pub(super) fn watch_cancel_on_disconnect(&mut self) {
        let late = self
            .disconnect
            .asked
            .take_if(|(_, at)| at.elapsed() >= ANSWER_LIMIT);
        if late.is_some() {
            self.no_cancel_on_disconnect("the venue did not answer");
        }
    }

    fn no_cancel_on_disconnect(&mut self, why: &str) {
        self.counters.disconnect_refused += 1;
        log_error!("cancel_on_disconnect", {"granted": false, "why": why,
            "what": "working orders outlive riskd at this venue; riskd --flatten takes them off"});
    }
}
