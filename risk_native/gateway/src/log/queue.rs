//! A bounded queue of lines in front of a writer that may stop reading.
//!
//! A pipe that nobody reads blocks whoever writes to it. Here that is a thread of the queue's own: everyone else hands a
//! line over or drops it, and what was dropped is counted and said once the writer goes on.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

enum Entry {
    Line(String),
    /// Answered when everything before it is written.
    Flush(SyncSender<()>),
}

/// See the module.
pub struct Queue {
    entries: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

impl Queue {
    /// Starts the thread. Where the system gives none, every line counts as dropped.
    ///
    /// `lost` makes the line that says how many are missing.
    pub fn start(to: impl Write + Send + 'static, size: usize, lost: fn(u64) -> String) -> Self {
        let (entries, waiting) = sync_channel(size);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = dropped.clone();
        let _ = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || write_lines(to, &waiting, &counted, lost));
        Self { entries, dropped }
    }

    /// Hands a line over, or drops it. Never waits.
    pub fn push(&self, line: String) {
        if self.entries.try_send(Entry::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything handed over is written, no longer than `limit`; whether it is.
    pub fn flush(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let (done, written) = sync_channel(1);
        loop {
            match self.entries.try_send(Entry::Flush(done.clone())) {
                Ok(()) => break,
                Err(TrySendError::Full(_)) if Instant::now() < end => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(_) => return false,
            }
        }
        written
            .recv_timeout(end.saturating_duration_since(Instant::now()))
            .is_ok()
    }

    /// Lines that found no room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// For how long lines are collected after some were written: a stream of orders has a line every few microseconds, and each
/// would wake this thread.
const PAUSE: Duration = Duration::from_millis(2);
/// Bytes from which on what was collected is written.
const CHUNK: usize = 64 << 10;

fn write_lines(
    mut to: impl Write,
    waiting: &Receiver<Entry>,
    dropped: &AtomicU64,
    lost: fn(u64) -> String,
) {
    let mut said = 0;
    let mut lines = String::with_capacity(2 * CHUNK);
    while let Ok(first) = waiting.recv() {
        let mut next = Some(first);
        let mut flushes = Vec::new();
        while let Some(entry) = next {
            match entry {
                Entry::Line(line) => lines.push_str(&line),
                Entry::Flush(done) => flushes.push(done),
            }
            next = (lines.len() < CHUNK)
                .then(|| waiting.try_recv().ok())
                .flatten();
        }
        let now = dropped.load(Ordering::Relaxed);
        // A log that cannot be written must not stop the gateway.
        drop(to.write_all(lines.as_bytes()));
        if now > said {
            drop(to.write_all(lost(now - said).as_bytes()));
            said = now;
        }
        lines.clear();
        let asked = !flushes.is_empty();
        for done in flushes {
            // Nobody waits any more where it fails.
            let _ = done.try_send(());
        }
        if !asked {
            std::thread::sleep(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_writer_that_is_stuck_keeps_nobody_waiting_and_what_is_lost_is_counted_and_said() {
        let (to, mut from) = UnixStream::pair().unwrap();
        let queue = Queue::start(to, 4, |lines| format!("lost {lines}\n"));
        let begun = Instant::now();
        // Far more than a socket takes: the thread is stuck in the writing.
        let big = format!("{}\n", "x".repeat(1 << 20));
        for _ in 0..100 {
            queue.push(big.clone());
        }
        let dropped = queue.dropped();
        assert!(dropped >= 95, "{dropped}");
        assert!(!queue.flush(Duration::from_millis(50)));
        assert!(begun.elapsed() < Duration::from_secs(5));
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            from.read_to_string(&mut text).unwrap();
            text
        });
        assert!(queue.flush(Duration::from_secs(10)));
        queue.push("last\n".into());
        drop(queue);
        let text = reading.join().unwrap();
        assert!(text.ends_with("last\n"));
        // In one line or in several: the thread may have looked while lines were still being dropped.
        let said = text.lines().filter_map(|line| line.strip_prefix("lost "));
        let said: u64 = said.map(|lines| lines.parse::<u64>().unwrap()).sum();
        assert_eq!(said, dropped);
        assert_eq!(text.matches('x').count() as u64, (100 - dropped) << 20);
    }
}
