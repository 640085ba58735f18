//! The shadow: a thread that computes the engine's sums again, from nothing, on copies of its book.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use dnalyaw_engine::{Halt, Shadow};

use super::{Core, Input};
use crate::record::{Record, Scope};
use crate::{log_error, log_warn};

/// Between two copies at least; more where a copy is dear.
const EVERY: Duration = Duration::from_secs(1);
/// The share of the core's time that copying may take is one over this.
const SHARE: u32 = 1000;

/// The core's end of it.
#[derive(Debug)]
pub struct ShadowThread {
    copies: SyncSender<Shadow>,
    checks: Arc<AtomicU64>,
    next: Instant,
}

impl ShadowThread {
    /// Starts the thread. What it finds comes to the core like everything else, as an input.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(inbox: SyncSender<Input>) -> std::io::Result<Self> {
        // One copy at a time: while one is checked the next is not made.
        let (copies, wanted) = sync_channel::<Shadow>(1);
        let checks = Arc::new(AtomicU64::new(0));
        let done = Arc::clone(&checks);
        std::thread::Builder::new()
            .name("shadow".into())
            .spawn(move || {
                while let Ok(copy) = wanted.recv() {
                    let found = copy.check();
                    done.fetch_add(1, Ordering::Relaxed);
                    if let Err(difference) = found
                        && inbox.send(Input::Shadow(difference.to_string())).is_err()
                    {
                        return;
                    }
                }
            })?;
        Ok(Self {
            copies,
            checks,
            next: Instant::now(),
        })
    }
}

impl Core {
    /// Hands the shadow a copy, when it is time for one.
    pub(super) fn feed_shadow(&mut self) {
        let begun = Instant::now();
        if begun < self.shadow.next {
            return;
        }
        let copy = self.engine.shadow();
        let sent = self.shadow.copies.try_send(copy);
        self.shadow.next = begun + EVERY.max(begun.elapsed() * SHARE);
        self.counters.shadow_checks = self.shadow.checks.load(Ordering::Relaxed);
        // A full channel is a check that takes long; it is caught up with.
        if let Err(TrySendError::Disconnected(_)) = sent {
            self.on_shadow("the shadow's thread ended".into());
        }
    }

    /// The sums that every limit rests on are wrong, or are not watched any more: nothing opens until a person says so.
    pub(super) fn on_shadow(&mut self, why: String) {
        self.counters.shadow_differences += 1;
        if self
            .standing
            .halts()
            .any(|(scope, _)| *scope == Scope::Shadow)
        {
            log_warn!("shadow_difference_again", {"why": why});
            return;
        }
        log_error!("shadow_difference", {"why": why, "then": "nothing opens until 'riskd resume --shadow'"});
        self.engine.set_halt(Halt::Shadow, true);
        let ts_ns = self.now();
        self.write(&Record::ShadowDifference { why, ts_ns });
    }
}
