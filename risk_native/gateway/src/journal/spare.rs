//! The next segment, allocated before it is needed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use dnalyaw_mapped::MappedFile;

/// A disk that was full is asked again this often.
const RETRY: Duration = Duration::from_secs(1);
/// The longest that the core waits for a disk that is slow to allocate, before it counts as full.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum State {
    Asked(Receiver<io::Result<MappedFile>>),
    Ready(MappedFile),
    Failed {
        at: Instant,
        why: String,
    },
    /// Only within `take`.
    Taken,
}

/// See the module.
#[derive(Debug)]
pub struct Spare {
    path: PathBuf,
    size: usize,
    state: State,
    /// The allocation under way was waited for once, in vain: it is not waited for again.
    slow: bool,
}

impl Spare {
    /// Begins to allocate the file, on a thread of its own.
    pub fn ask(path: PathBuf, size: usize) -> Self {
        let state = begin(&path, size);
        Self {
            path,
            size,
            state,
            slow: false,
        }
    }

    /// A file that an earlier process allocated.
    pub fn found(path: PathBuf, size: usize, file: MappedFile) -> Self {
        Self {
            path,
            size,
            state: State::Ready(file),
            slow: false,
        }
    }

    /// Whether the file is there, as far as is known without waiting.
    pub fn ready(&mut self) -> bool {
        self.poll(None);
        matches!(self.state, State::Ready(_))
    }

    /// The same, waiting for an allocation that is under way.
    pub fn wait(&mut self) -> bool {
        let patience = (!self.slow).then_some(PATIENCE);
        self.poll(patience);
        self.slow = matches!(self.state, State::Asked(_));
        matches!(self.state, State::Ready(_))
    }

    /// Why there is none.
    pub fn failure(&self) -> Option<&str> {
        match &self.state {
            State::Failed { why, .. } => Some(why),
            _ => None,
        }
    }

    /// The file, if it is there, and then the next is asked for.
    pub fn take(&mut self, next: PathBuf) -> Option<MappedFile> {
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Ready(file) => {
                self.state = begin(&next, self.size);
                self.path = next;
                self.slow = false;
                Some(file)
            }
            other => {
                self.state = other;
                None
            }
        }
    }

    fn poll(&mut self, patience: Option<Duration>) {
        let answer = match &self.state {
            State::Asked(answer) => match patience {
                None => answer.try_recv().map_err(|err| match err {
                    TryRecvError::Empty => None,
                    TryRecvError::Disconnected => Some("its thread panicked"),
                }),
                Some(limit) => answer.recv_timeout(limit).map_err(|err| match err {
                    RecvTimeoutError::Timeout => None,
                    RecvTimeoutError::Disconnected => Some("its thread panicked"),
                }),
            },
            State::Failed { at, .. } if at.elapsed() >= RETRY => {
                self.state = begin(&self.path, self.size);
                return;
            }
            _ => return,
        };
        let failed = |why: String| State::Failed {
            at: Instant::now(),
            why,
        };
        match answer {
            Ok(Ok(file)) => self.state = State::Ready(file),
            Ok(Err(err)) => self.state = failed(format!("{}: {err}", self.path.display())),
            Err(Some(why)) => self.state = failed(why.into()),
            Err(None) => {}
        }
    }
}

impl Drop for Spare {
    /// A file must not appear in the folder after its journal is gone.
    fn drop(&mut self) {
        if let State::Asked(answer) = &self.state {
            let _ = answer.recv();
        }
    }
}

fn begin(path: &Path, size: usize) -> State {
    let (answer, answered) = sync_channel(1);
    let own = path.to_path_buf();
    let thread = std::thread::Builder::new()
        .name("journal-allocate".into())
        .spawn(move || {
            // The journal may be gone by now; the file is then found at the next start.
            let _ = answer.send(MappedFile::create_preallocated(&own, size));
        });
    match thread {
        Ok(_) => State::Asked(answered),
        Err(err) => State::Failed {
            at: Instant::now(),
            why: format!("no thread to allocate {}: {err}", path.display()),
        },
    }
}
