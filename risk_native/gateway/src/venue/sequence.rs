//! FIX sequence numbers that survive a restart, and no messages at all.
//!
//! The engine asks its store for what to resend. This store answers every range with nothing but administrative
//! messages, which the engine replaces by one gap fill: an order, or anything else that was true a connection ago, is
//! never sent twice. What the venue has to know again is asked anew after each logon.
//!
//! The outgoing number is written before a message leaves. The incoming number is written by the core once what the
//! message said is in the journal, so a crash in between makes the venue send it again.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use dnalyaw_mapped::MappedFile;
use hotfix::message::generate_message;
use hotfix::message::heartbeat::Heartbeat;
use hotfix::store::{MessageStore, StoreError};

const BEGIN_STRING: &str = "FIX.4.4";
/// The numbers are in a mapped page: storing one takes no system call and no room on the disk.
const PAGE: usize = 4096;
const LOGOUT: &[u8] = b"\x0135=5\x01";

#[derive(Debug)]
struct State {
    file: MappedFile,
    sender: u64,
    target: u64,
    /// Target number whose effects are in the journal.
    committed: u64,
    /// Numbering the numbers belong to; a reset starts another.
    generation: u64,
}

impl State {
    fn save(&mut self) -> std::io::Result<()> {
        self.file.write_word_at(0, self.sender)?;
        self.file.write_word_at(8, self.committed)
    }
}

/// The numbers of one venue session, shared by the FIX engine and the core.
#[derive(Clone, Debug)]
pub struct Sequences {
    state: Arc<Mutex<State>>,
}

impl Sequences {
    /// Reads the numbers from the file, or starts at one.
    ///
    /// # Errors
    /// The system's refusal.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = match MappedFile::open_preallocated(path, PAGE) {
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => {
                MappedFile::create_preallocated(path, PAGE)?
            }
            opened => opened?,
        };
        let number = |at| {
            let mut word = [0; 8];
            file.read_at(at, &mut word)
                .map(|()| u64::from_le_bytes(word))
        };
        let (sender, target) = (number(0)?, number(8)?);
        Ok(Self {
            state: Arc::new(Mutex::new(State {
                file,
                sender,
                target,
                committed: target,
                generation: 0,
            })),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbering that incoming numbers belong to now.
    pub fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// The message at this place is dealt with for good.
    pub fn commit(&self, generation: u64, number: u64) -> std::io::Result<()> {
        let mut state = self.lock();
        if generation != state.generation || number <= state.committed {
            return Ok(());
        }
        state.committed = number;
        state.save()
    }

    /// A store for one connection's FIX engine; `on_logout` is called when the engine parts.
    pub fn store(
        &self,
        sender_comp_id: &str,
        target_comp_id: &str,
        on_logout: impl Fn() + Send + Sync + 'static,
    ) -> SequenceStore {
        SequenceStore {
            sequences: self.clone(),
            sender_comp_id: sender_comp_id.to_string(),
            target_comp_id: target_comp_id.to_string(),
            created: Utc::now(),
            on_logout: Box::new(on_logout),
        }
    }
}

/// See the module.
pub struct SequenceStore {
    sequences: Sequences,
    sender_comp_id: String,
    target_comp_id: String,
    created: DateTime<Utc>,
    on_logout: Box<dyn Fn() + Send + Sync>,
}

#[async_trait::async_trait]
impl MessageStore for SequenceStore {
    async fn add(&mut self, _number: u64, message: &[u8]) -> hotfix::store::Result<()> {
        // Nothing is kept. But the engine shows every message here on its way out, and its logout of a peer that has
        // gone silent leaves it *active*, with a logout more in every turn of its loop until the system closes the
        // socket ten seconds later: this is where its parting is seen.
        if message.windows(LOGOUT.len()).any(|part| part == LOGOUT) {
            (self.on_logout)();
        }
        Ok(())
    }

    async fn get_slice(&self, begin: usize, end: usize) -> hotfix::store::Result<Vec<Vec<u8>>> {
        // Two heartbeats that were never sent: the engine turns a run of administrative messages into one gap fill from
        // the first to the *number* of the last, so the last stands one past the range.
        [begin, end + 1]
            .into_iter()
            .map(|number| {
                generate_message(
                    BEGIN_STRING,
                    &self.sender_comp_id,
                    &self.target_comp_id,
                    number as u64,
                    Heartbeat::default(),
                )
                .map_err(|err| StoreError::RetrieveMessages {
                    begin,
                    end,
                    source: err.into(),
                })
            })
            .collect()
    }

    fn next_sender_seq_number(&self) -> u64 {
        self.sequences.lock().sender + 1
    }

    fn next_target_seq_number(&self) -> u64 {
        self.sequences.lock().target + 1
    }

    async fn increment_sender_seq_number(&mut self) -> hotfix::store::Result<()> {
        let mut state = self.sequences.lock();
        state.sender += 1;
        state
            .save()
            .map_err(|err| StoreError::UpdateSequenceNumber(err.into()))
    }

    async fn increment_target_seq_number(&mut self) -> hotfix::store::Result<()> {
        self.sequences.lock().target += 1;
        Ok(())
    }

    async fn set_target_seq_number(&mut self, number: u64) -> hotfix::store::Result<()> {
        self.sequences.lock().target = number;
        Ok(())
    }

    async fn reset(&mut self) -> hotfix::store::Result<()> {
        let mut state = self.sequences.lock();
        state.sender = 0;
        state.target = 0;
        state.committed = 0;
        state.generation += 1;
        state.save().map_err(|err| StoreError::Reset(err.into()))
    }

    fn creation_time(&self) -> DateTime<Utc> {
        self.created
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn the_incoming_number_survives_only_once_it_is_committed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seq");
        let sequences = Sequences::open(&path).unwrap();
        let mut store = sequences.store("A", "B", || {});
        run(async {
            for _ in 0..3 {
                store.increment_sender_seq_number().await.unwrap();
                store.increment_target_seq_number().await.unwrap();
            }
        });
        sequences.commit(0, 2).unwrap();
        sequences.commit(0, 1).unwrap();
        sequences.commit(7, 9).unwrap();
        let again = Sequences::open(&path).unwrap().store("A", "B", || {});
        assert_eq!(again.next_sender_seq_number(), 4);
        assert_eq!(again.next_target_seq_number(), 3);
    }

    #[test]
    fn a_reset_starts_another_numbering() {
        let dir = tempfile::tempdir().unwrap();
        let sequences = Sequences::open(&dir.path().join("seq")).unwrap();
        let mut store = sequences.store("A", "B", || {});
        sequences.commit(0, 5).unwrap();
        run(store.reset()).unwrap();
        sequences.commit(0, 6).unwrap();
        assert_eq!(sequences.lock().committed, 0);
        assert_eq!(sequences.generation(), 1);
    }

    #[test]
    fn a_logout_on_its_way_out_is_seen_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let sequences = Sequences::open(&dir.path().join("seq")).unwrap();
        let parted = Arc::new(Mutex::new(0));
        let seen = parted.clone();
        let mut store = sequences.store("A", "B", move || *seen.lock().unwrap() += 1);
        run(async {
            for (kind, times) in [("0", 0), ("D", 0), ("5", 1), ("1", 1), ("5", 2)] {
                let message = format!("8=FIX.4.4\u{1}9=5\u{1}35={kind}\u{1}58=35=5\u{1}");
                store.add(1, message.as_bytes()).await.unwrap();
                assert_eq!(*parted.lock().unwrap(), times, "{kind}");
            }
        });
    }

    #[test]
    fn a_range_asked_for_again_holds_no_application_message() {
        let dir = tempfile::tempdir().unwrap();
        let sequences = Sequences::open(&dir.path().join("seq")).unwrap();
        let mut store = sequences.store("A", "B", || {});
        run(async {
            store.add(3, b"35=D").await.unwrap();
            let slice = store.get_slice(3, 9).await.unwrap();
            let text: Vec<_> = slice.iter().map(|m| String::from_utf8_lossy(m)).collect();
            assert_eq!(text.len(), 2);
            assert!(text.iter().all(|m| m.contains("\u{1}35=0\u{1}")));
            assert!(text[0].contains("\u{1}34=3\u{1}") && text[1].contains("\u{1}34=10\u{1}"));
        });
    }
}
