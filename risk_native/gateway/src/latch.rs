//! The kill switch's latch: one mapped word that any thread sets at once and that outlives the process.
//!
//! Whoever throws the switch sets the word before anybody else hears of it: the core looks at it before every decision and
//! the venue's thread before every order, so nothing that adds risk leaves after it, however much waits in a queue.
//!
//! The word counts the throws as well, so that who takes the switch back takes back the throws that he has seen and no other.

use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use dnalyaw_engine::Reason;
use dnalyaw_mapped::Latch;

use crate::log_error;

/// `KILL` in the upper half; below it 16 bits that count further throws, and the reason's code.
const FIRED: u64 = 0x4b49_4c4c << 32;
const THROW: u64 = 1 << 16;

/// Who threw the switch and why, in words, and what that belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thrower {
    pub who: String,
    pub correlation: [u8; 16],
}

impl From<&str> for Thrower {
    fn from(who: &str) -> Self {
        Self {
            who: who.into(),
            ..Self::default()
        }
    }
}

/// The throws that were known at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen(u64);

#[derive(Debug, Default)]
struct Throwers {
    first: Thrower,
    last: Thrower,
}

/// See the module. Clones are the same latch.
#[derive(Clone, Debug)]
pub struct KillLatch {
    latch: Arc<Latch>,
    sync: SyncSender<()>,
    who: Arc<Mutex<Throwers>>,
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
        let mut who = Throwers::default();
        if latch.get() != 0 {
            who.first = "found thrown at the start".into();
        }
        Ok(Self {
            latch,
            sync,
            who: Arc::new(Mutex::new(who)),
        })
    }

    /// Throws the switch; false when it was thrown already. The first reason stands, and the throw counts.
    pub fn fire(&self, reason: Reason, who: &str) -> bool {
        self.fire_by(reason, who.into())
    }

    /// The same, by somebody whose throw belongs to something.
    pub fn fire_by(&self, reason: Reason, thrower: Thrower) -> bool {
        self.name(thrower);
        let mut word = self.latch.get();
        loop {
            let next = if word == 0 {
                FIRED | u64::from(reason.code())
            } else {
                counted(word)
            };
            if self.latch.set_if(word, next) {
                break;
            }
            word = self.latch.get();
        }
        self.flush_soon();
        word == 0
    }

    /// Has it thrown, without another throw where it is.
    pub fn hold(&self, reason: Reason, who: &str) {
        if self.latch.get() == 0 {
            self.name(who.into());
            self.latch.set_if(0, FIRED | u64::from(reason.code()));
            self.flush_soon();
        }
    }

    /// Before the word is set: whoever sees that set may ask for this.
    fn name(&self, thrower: Thrower) {
        let mut throwers = self.who.lock().unwrap_or_else(PoisonError::into_inner);
        if self.latch.get() == 0 {
            throwers.first = thrower.clone();
        }
        throwers.last = thrower;
    }

    /// Why it was thrown. A word that nobody here wrote counts as thrown by an operator.
    #[must_use]
    pub fn fired(&self) -> Option<Reason> {
        match self.latch.get() {
            0 => None,
            word => Some(
                u16::try_from(word & (THROW - 1))
                    .ok()
                    .and_then(Reason::from_code)
                    .filter(|reason| word >> 32 == FIRED >> 32 && *reason != Reason::None)
                    .unwrap_or(Reason::Operator),
            ),
        }
    }

    /// Who threw it, and why.
    #[must_use]
    pub fn who(&self) -> Thrower {
        let throwers = self.who.lock().unwrap_or_else(PoisonError::into_inner);
        throwers.first.clone()
    }

    /// The throws so far, for [`KillLatch::clear`].
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen(self.latch.get())
    }

    /// Unsets it if nobody threw it since; false, and it stays thrown by the last who did, otherwise. The journal has the
    /// re-arming by then.
    pub fn clear(&self, seen: Seen) -> bool {
        let cleared = self.latch.set_if(seen.0, 0);
        if !cleared {
            let mut throwers = self.who.lock().unwrap_or_else(PoisonError::into_inner);
            throwers.first = throwers.last.clone();
            // The reason that was taken back does not stand; what comes while it is thrown is an operator's.
            let mut word = self.latch.get();
            while word != 0
                && !self
                    .latch
                    .set_if(word, counted(FIRED | u64::from(Reason::Operator.code())))
            {
                word = self.latch.get();
            }
        }
        self.flush_soon();
        cleared
    }

    /// The disk hears of it in the background: nobody who throws a switch waits for a disk.
    fn flush_soon(&self) {
        // Full means that a flush is about to begin, and it will cover this word too.
        let _ = self.sync.try_send(());
    }
}

/// The word after another throw.
const fn counted(word: u64) -> u64 {
    let count = (word & (0xffff * THROW)).wrapping_add(THROW) & (0xffff * THROW);
    word & !(0xffff * THROW) | count
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
        assert_eq!(latch.clone().who().who, "drawdown");
        drop(latch);
        let latch = KillLatch::open(dir.path()).unwrap();
        assert_eq!(latch.fired(), Some(Reason::Drawdown));
        assert!(latch.clear(latch.seen()));
        assert_eq!(KillLatch::open(dir.path()).unwrap().fired(), None);
    }

    #[test]
    fn a_throw_that_came_since_is_not_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let latch = KillLatch::open(dir.path()).unwrap();
        latch.fire(Reason::Drawdown, "drawdown");
        let seen = latch.seen();
        // What the core finds thrown is no throw of its own.
        latch.hold(Reason::Operator, "core");
        assert_eq!(latch.seen(), seen);
        latch.fire(Reason::Operator, "SIGUSR1");
        assert!(!latch.clear(seen));
        assert_eq!(latch.fired(), Some(Reason::Operator));
        assert_eq!(latch.who().who, "SIGUSR1");
        assert!(latch.clear(latch.seen()));
        assert_eq!(latch.fired(), None);
        // One that came while it was unset either.
        assert!(latch.fire(Reason::Operator, "again"));
        assert!(!latch.clear(Seen::default()));
        assert_eq!(latch.fired(), Some(Reason::Operator));
    }

    #[test]
    fn throws_beyond_what_is_counted_leave_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let latch = KillLatch::open(dir.path()).unwrap();
        for _ in 0..70_000 {
            latch.fire(Reason::LinkLost, "omsd");
        }
        assert_eq!(latch.fired(), Some(Reason::LinkLost));
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
