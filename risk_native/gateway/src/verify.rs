//! `riskd --verify`: the whole journal, checked from its first record.

use std::path::Path;

use serde_json::{Value, json};

use crate::core::Replayed;
use crate::journal::{self, Bound, Entry};
use crate::log::hex;
use crate::record::Record;

/// The state by two ways: from the first record on, and from the newest whole snapshot on.
#[derive(Default)]
struct States {
    session: u32,
    replayed: Replayed,
    restated: Option<Replayed>,
    /// A snapshot that is not whole yet, and its number.
    open: Option<(u64, Replayed)>,
}

impl States {
    fn take(&mut self, record: Record) {
        match record.bound() {
            Bound::Begin(number) => {
                let mut state = Replayed::default();
                state.apply(record);
                self.open = Some((number, state));
            }
            Bound::Part => {
                if let Some((_, state)) = &mut self.open {
                    state.apply(record);
                }
            }
            Bound::End(number) => {
                if let Some((_, state)) = self.open.take_if(|(begun, _)| *begun == number) {
                    self.restated = Some(state);
                }
            }
            Bound::Outside => {
                if let Record::Start { session, .. } = &record {
                    self.session = *session;
                }
                for state in self
                    .restated
                    .iter_mut()
                    .chain(self.open.as_mut().map(|(_, s)| s))
                {
                    state.apply(record.clone());
                }
                self.replayed.apply(record);
            }
        }
    }
}

/// Checks the journal under a runtime directory and says what it holds, as one line of JSON. It changes nothing and needs
/// no lock; beside a riskd that runs the last record may count as unfinished.
///
/// # Errors
/// One line naming the damage.
pub fn run(dir: &Path) -> Result<String, String> {
    let mut states = States::default();
    let summary = journal::verify(&dir.join("journal"), kind, |record| states.take(record))
        .map_err(|err| err.to_string())?;
    let hash = |state: &Replayed| hex(&state.state_hash(states.session));
    let replayed = hash(&states.replayed);
    let restated = states.restated.as_ref().map(hash);
    Ok(
        json!({"segments": summary.segments, "records": summary.records, "kinds": summary.kinds,
        "snapshots": summary.snapshots, "head": summary.head, "torn_bytes": summary.torn_bytes,
        "session": states.session, "state_hash": replayed, "snapshot_hash": restated,
        // False where a full disk kept reports out of the journal: the snapshot behind it made up for them.
        "snapshot_agrees": restated.is_none_or(|hash| hash == replayed)})
        .to_string(),
    )
}

/// The record's kind, as it stands in the journal.
fn kind(record: &Record) -> String {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_string(),
        _ => String::new(),
    }
}
