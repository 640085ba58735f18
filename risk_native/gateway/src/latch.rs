//! The kill switch's latch: one mapped word that any thread sets at once and that outlives the process.
//!
//! Whoever throws the switch sets the word before anybody else hears of it: the core looks at it before every decision and
//! the venue's thread before every order, so nothing that adds risk leaves after it, however much waits in a queue.

use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use dnalyaw_engine::Reason;
use dnalyaw_mapped::Latch;

use crate::log_error;

/// `KILL` in the upper half; the reason's code is in the lower.
const FIRED: u64 = 0x4b49_4c4c << 32;

/// See the module. Clones are the same latch.
#[derive(Clone, Debug)]
pub struct KillLatch {
    latch: Arc<Latch>,
    sync: SyncSender<()>,
    who: Arc<Mutex<String>>,
}

impl KillLatch {
    /// Opens `DIR/kill.latch`, or makes it unset.
    ///
    /// # Errors
    /// One line: a latch that cannot be read is no unset latch.
    pub fn open(dir: &Path) -> Result<Self, String> {
        let path = dir.join("kill.latch");
        let fail = |err: std::io::Error| format!("kill latch {}: {err}", path.display());
        let latch = Arc::new(Latch::open(&path).map_err(fail)?);
        // One waiting request is enough: whoever comes later is covered by the flush that has not begun.
        let (sync, wanted) = sync_channel(1);
        let own = latch.clone();
        std::thread::Builder::new()
            .name("latch-sync".into())
            .spawn(move || {
                while wanted.recv().is_ok() {
                    if let Err(err) = own.flush() {
                        log_error!("latch_not_synced", {"why": err.to_string(), "what": "it holds in memory and through kill -9, not through a power cut"});
                    }
                }
            })
            .map_err(fail)?;
        let who = if latch.get() == 0 {
            String::new()
        } else {
            "found thrown at the start".into()
        };
        Ok(Self {
            latch,
            sync,
            who: Arc::new(Mutex::new(who)),
        })
    }

    /// Throws the switch; false when it was thrown already. The first reason stands.
    pub fn fire(&self, reason: Reason, who: &str) -> bool {
        if self.latch.get() == 0 {
            // Before the word: whoever sees that set may ask for this.
            *self.who.lock().unwrap_or_else(PoisonError::into_inner) = who.to_string();
        }
        let first = self.latch.set_if(0, FIRED | u64::from(reason.code()));
        self.flush_soon();
        first
    }

    /// Why it was thrown. A word that nobody here wrote counts as thrown by an operator.
    #[must_use]
    pub fn fired(&self) -> Option<Reason> {
        match self.latch.get() {
            0 => None,
            word => Some(
                u16::try_from(word & 0xffff_ffff)
                    .ok()
                    .and_then(Reason::from_code)
                    .filter(|reason| word >> 32 == FIRED >> 32 && *reason != Reason::None)
                    .unwrap_or(Reason::Operator),
            ),
        }
    }

    /// Who threw it, and why, in words.
    #[must_use]
    pub fn who(&self) -> String {
        self.who
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Unsets it. The journal has the re-arming by then.
    pub fn clear(&self) {
        self.latch.set(0);
        self.flush_soon();
    }

    /// The disk hears of it in the background: nobody who throws a switch waits for a disk.
    fn flush_soon(&self) {
        // Full means that a flush is about to begin, and it will cover this word too.
        let _ = self.sync.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stands_until_it_is_cleared_and_survives_the_latchs_owner() {
        let dir = tempfile::tempdir().unwrap();
        let latch = KillLatch::open(dir.path()).unwrap();
        assert_eq!(latch.fired(), None);
        assert!(latch.fire(Reason::Drawdown, "drawdown"));
        assert!(!latch.fire(Reason::Operator, "later"));
        assert_eq!(latch.clone().fired(), Some(Reason::Drawdown));
        assert_eq!(latch.clone().who(), "drawdown");
        drop(latch);
        let latch = KillLatch::open(dir.path()).unwrap();
        assert_eq!(latch.fired(), Some(Reason::Drawdown));
        latch.clear();
        assert_eq!(KillLatch::open(dir.path()).unwrap().fired(), None);
    }

    #[test]
    fn a_word_that_means_nothing_is_a_thrown_switch() {
        let dir = tempfile::tempdir().unwrap();
        let latch = KillLatch::open(dir.path()).unwrap();
        for word in [1, FIRED, FIRED | 9_999, u64::MAX] {
            latch.latch.set(word);
            assert_eq!(latch.fired(), Some(Reason::Operator), "{word:x}");
        }
    }
}
