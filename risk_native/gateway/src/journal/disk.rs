//! The thread that waits for the disk, so that the core does not.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dnalyaw_mapped::{MappedFile, Syncer};

/// Between two syncs. What a power cut can take is what was stored in this time and one sync.
const PAUSE: Duration = Duration::from_millis(5);

/// Something that can be made durable.
pub trait Durable: Send + Sync {
    /// Waits until what was stored is on the disk.
    ///
    /// # Errors
    /// The disk's.
    fn sync(&self) -> io::Result<()>;
}

impl Durable for Syncer {
    fn sync(&self) -> io::Result<()> {
        Syncer::sync(self)
    }
}

#[derive(Default)]
struct Files {
    /// Not known to be on the disk whole, oldest first; the last is the one that is written.
    open: Vec<Arc<dyn Durable>>,
    /// Mappings that nobody writes any more: unmapping takes time that is not the core's.
    retired: Vec<MappedFile>,
    stop: bool,
}

struct Shared {
    begun: Instant,
    /// Bytes stored and bytes known to be durable, since the journal was opened.
    written: AtomicU64,
    synced: AtomicU64,
    /// Since when something is stored and not synced, and when the last whole sync began: nanoseconds after `begun`.
    dirty_at: AtomicU64,
    sync_began: AtomicU64,
    syncs: AtomicU64,
    slowest_ns: AtomicU64,
    failed: AtomicBool,
    failure: Mutex<Option<String>>,
    files: Mutex<Files>,
    /// The thread found nothing to do and sleeps until it is woken.
    idle: AtomicBool,
}

impl Shared {
    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// One pass: everything stored before it is durable after it.
    fn pass(&self) -> io::Result<()> {
        let target = self.written.load(Ordering::SeqCst);
        let began = self.now();
        let (open, retired) = {
            let mut files = self.files();
            (files.open.clone(), std::mem::take(&mut files.retired))
        };
        drop(retired);
        for file in &open {
            file.sync()?;
        }
        // All but the one that is still written are done with.
        self.files().open.drain(..open.len().saturating_sub(1));
        self.sync_began.store(began, Ordering::SeqCst);
        self.synced.fetch_max(target, Ordering::SeqCst);
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.slowest_ns
            .fetch_max(self.now().saturating_sub(began), Ordering::Relaxed);
        Ok(())
    }

    fn fail(&self, why: String) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        self.failed.store(true, Ordering::SeqCst);
    }

    fn run(&self) {
        loop {
            if self.written.load(Ordering::SeqCst) > self.synced.load(Ordering::SeqCst) {
                if let Err(err) = self.pass() {
                    // A page that could not be written is reported once: a later success would prove nothing.
                    self.fail(format!("the disk did not take the journal: {err}"));
                    return;
                }
                if self.files().stop {
                    continue;
                }
                std::thread::sleep(PAUSE);
                continue;
            }
            if self.files().stop {
                return;
            }
            self.idle.store(true, Ordering::SeqCst);
            // Written between the look above and the flag: the writer may have missed the flag.
            if self.written.load(Ordering::SeqCst) == self.synced.load(Ordering::SeqCst) {
                std::thread::park_timeout(Duration::from_secs(1));
            }
            self.idle.store(false, Ordering::SeqCst);
        }
    }
}

/// How far the disk lags behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Bytes stored and not known to be durable.
    pub bytes: u64,
    /// For how long at most.
    pub age: Duration,
}

/// The handle on the thread.
pub struct Disk {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").field("lag", &self.lag()).finish()
    }
}

impl Disk {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared {
            begun: Instant::now(),
            written: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            dirty_at: AtomicU64::new(0),
            sync_began: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            slowest_ns: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            failure: Mutex::new(None),
            files: Mutex::new(Files::default()),
            idle: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("journal-sync".into())
            .spawn(move || own.run())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// From now on this file is written; the one before it no more.
    pub fn turn(&self, next: Arc<dyn Durable>, before: Option<MappedFile>) {
        let mut files = self.shared.files();
        files.open.push(next);
        files.retired.extend(before);
    }

    /// Says that `bytes` more were stored.
    pub fn stored(&self, bytes: u64) {
        let before = self.shared.written.load(Ordering::SeqCst);
        if before == self.synced() {
            self.shared
                .dirty_at
                .store(self.shared.now(), Ordering::SeqCst);
        }
        self.shared.written.store(before + bytes, Ordering::SeqCst);
        if self.shared.idle.load(Ordering::SeqCst)
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
    }

    /// Bytes stored since the journal was opened, and of them durable.
    pub fn written(&self) -> u64 {
        self.shared.written.load(Ordering::SeqCst)
    }

    pub fn synced(&self) -> u64 {
        self.shared.synced.load(Ordering::SeqCst)
    }

    pub fn lag(&self) -> Lag {
        let bytes = self.written().saturating_sub(self.synced());
        let since = self
            .shared
            .dirty_at
            .load(Ordering::SeqCst)
            .max(self.shared.sync_began.load(Ordering::SeqCst));
        let age = if bytes == 0 {
            0
        } else {
            self.shared.now().saturating_sub(since)
        };
        Lag {
            bytes,
            age: Duration::from_nanos(age),
        }
    }

    /// Syncs done, and how long the slowest took.
    pub fn syncs(&self) -> (u64, Duration) {
        (
            self.shared.syncs.load(Ordering::Relaxed),
            Duration::from_nanos(self.shared.slowest_ns.load(Ordering::Relaxed)),
        )
    }

    /// What the disk refused, once it did; nothing is durable after it.
    pub fn failure(&self) -> Option<String> {
        if !self.shared.failed.load(Ordering::SeqCst) {
            return None;
        }
        self.shared
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until everything stored is durable, and ends the thread.
    pub fn finish(&mut self) {
        self.shared.files().stop = true;
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                self.shared.fail("the sync thread panicked".into());
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.finish();
    }
}
