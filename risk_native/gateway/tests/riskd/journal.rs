//! The journal of a riskd that runs: many segments, restarts, a full disk, and the check of it all.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use dnalyaw_engine::Reason;
use dnalyaw_frames::{Body, Cancel, DecisionKind};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::support::fix::{OnCancel, OnOrder};
use crate::support::{BUY, Client, Rig, eventually, limit};

/// Segments as small as they may be, so that a few hundred records fill several.
fn small() -> Rig {
    let mut rig = Rig::new();
    rig.options = vec!["--journal-segment-kib", "64"];
    rig
}

/// Orders from `first` on, each of another size than its neighbours, until one decision satisfies.
fn orders_until(
    client: &mut Client,
    first: u64,
    mut done: impl FnMut(u64, DecisionKind, u16) -> bool,
) -> u64 {
    for id in first..first + 2000 {
        let quantity = 1 + i64::try_from(id % 9).expect("small");
        let decision = client.order(limit(id, 1 + id % 2, BUY, quantity, 50));
        if done(id, decision.decision, decision.reason) {
            return id;
        }
    }
    panic!("none of 2000 orders");
}

/// `riskd --verify`: its exit status, and the answer or the line on stderr.
fn verify(rig: &Rig) -> (Option<i32>, serde_json::Value) {
    let done = Command::new(env!("CARGO_BIN_EXE_riskd"))
        .arg("--verify")
        .arg("--dir")
        .arg(rig.dir.path().join("risk"))
        .output()
        .expect("riskd runs");
    let answer = if done.status.success() {
        serde_json::from_slice(&done.stdout).expect("JSON")
    } else {
        String::from_utf8_lossy(&done.stderr).trim().into()
    };
    (done.status.code(), answer)
}

/// The largest file that the riskd of this rig may make from now on: what is beyond it finds no room.
fn room(rig: &Rig, bytes: Option<u64>) {
    let pid = Pid::from_raw(rig.pid()).expect("a pid");
    let limit = Rlimit {
        current: bytes,
        maximum: None,
    };
    prlimit(Some(pid), Resource::Fsize, limit).expect("set");
}

fn failed(rig: &Rig) -> bool {
    rig.status()["journal"]["failed"] == true
}

#[test]
fn a_restart_reads_the_newest_snapshot_and_comes_to_the_state_of_a_full_replay() {
    let mut rig = small();
    rig.start();
    let mut client = rig.trading();
    let last = orders_until(&mut client, 1, |id, _, _| id >= 300);
    eventually("a snapshot", || {
        rig.status()["counters"]["journal_snapshots"].as_u64() >= Some(1)
    });
    drop(client);
    rig.venue.cut(true);
    rig.crash();
    let (code, whole) = verify(&rig);
    assert_eq!(code, Some(0), "{whole}");
    assert!(whole["segments"].as_u64() > Some(5), "{whole}");
    assert!(whole["snapshots"].as_u64() >= Some(1), "{whole}");
    assert_eq!(whole["snapshot_agrees"], true, "{whole}");
    assert_eq!(whole["kinds"]["decision"], 300, "{whole}");
    let ready = rig.start();
    assert_eq!(ready["state_hash"], whole["state_hash"]);
    assert_eq!(ready["last_order_id"], last);
    assert_eq!(ready["orders"], 300);
    // A start of its own is one more record; what was read is the end of the journal alone.
    let records = whole["records"].as_u64().expect("a number");
    assert_eq!(ready["journal_records"].as_u64(), Some(records + 1));
    assert!(
        ready["journal_replayed"].as_u64() < Some(records),
        "{ready}"
    );
}

#[test]
fn damage_is_named_by_the_check_and_by_the_start() {
    let mut rig = small();
    rig.start();
    let mut client = rig.trading();
    orders_until(&mut client, 1, |id, _, _| id >= 100);
    assert_eq!(rig.stop(), Some(0));
    let (code, whole) = verify(&rig);
    assert_eq!((code, &whole["torn_bytes"]), (Some(0), &0.into()));
    let file = rig.journal();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[9000] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let (code, said) = verify(&rig);
    assert_eq!(code, Some(1));
    let said = said.as_str().expect("a line");
    assert!(
        said.contains("00000001.seg") && said.contains("record") && said.lines().count() == 1,
        "{said}"
    );
}

/// What a full disk must not keep riskd from, and what it must. `fill` leaves no room for another segment, `free` does.
fn on_a_full_disk(mut rig: Rig, fill: impl Fn(&Rig), free: impl Fn(&Rig)) {
    {
        let mut book = rig.venue.book();
        book.positions = vec![(1, "AAA", 300, "100")];
        book.on_cancel = OnCancel::Cancel;
        book.keeps_account = true;
    }
    rig.start();
    let mut client = rig.trading();
    assert_eq!(
        client.order(limit(1, 1, BUY, 10, 99)).decision,
        DecisionKind::Approve
    );
    assert_eq!(
        client.order(limit(2, 2, BUY, 10, 49)).decision,
        DecisionKind::Approve
    );
    rig.venue.expect("D", 2);
    fill(&rig);
    let full = orders_until(&mut client, 3, |_, decision, reason| {
        decision == DecisionKind::Reject && reason == Reason::JournalFailed.code()
    });
    assert!(failed(&rig));
    let again = client.order(limit(full + 1, 1, BUY, 1, 100));
    assert_eq!(again.reason, Reason::JournalFailed.code());
    let cancels = rig.venue.received("F").len();
    client.send(Body::Cancel(Cancel {
        order_id: 1,
        correlation: [3; 16],
    }));
    assert_eq!(rig.venue.expect("F", cancels + 1).text(41), "US-1");
    // The cancel came on the same line after whatever left before it.
    for id in [full, full + 1] {
        let name = format!("US-{id}");
        let left = rig.venue.received("D");
        assert!(left.iter().all(|m| m.text(11) != name), "{name} left");
    }
    rig.venue.book().on_order = OnOrder::Fill;
    rig.signal("USR1");
    eventually("flat", || rig.status()["kill"]["phase"] == "flat");
    let closes: Vec<_> = rig
        .venue
        .received("D")
        .iter()
        .map(|m| m.text(11).to_string())
        .filter(|id| id.starts_with("US-K"))
        .collect();
    assert!(!closes.is_empty());
    assert!(failed(&rig));
    let (code, whole) = verify(&rig);
    assert_eq!(code, Some(0), "{whole}");
    assert_eq!(whole["kinds"]["kill"], 1, "{whole}");
    // Room again: it goes on by itself, with a snapshot for what was not written down meanwhile.
    free(&rig);
    eventually("well", || !failed(&rig));
    drop(client);
    rig.crash();
    let (_, whole) = verify(&rig);
    let journal: String = (1..=whole["segments"].as_u64().expect("a number"))
        .map(|number| {
            let name = format!("risk/journal/{number:08}.seg");
            let bytes = std::fs::read(rig.dir.path().join(name)).expect("a segment");
            String::from_utf8_lossy(&bytes).into_owned()
        })
        .collect();
    // Decision 4 is FLATTEN.
    assert!(journal.contains("\"decision\":4"));
    rig.venue.cut(true);
    let ready = rig.start();
    assert_eq!(ready["killed"], "OPERATOR");
    assert!(ready["last_order_id"].as_u64() >= Some(full - 1));
}

#[test]
fn where_files_may_not_grow_nothing_opens_cancels_leave_and_the_switch_closes() {
    on_a_full_disk(
        small(),
        |rig| room(rig, Some(60_000)),
        |rig| room(rig, None),
    );
}

/// A disk of a megabyte under riskd's directory, for as long as it lives.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Nothing where this user may not mount.
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&at).expect("made");
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"])
            .arg(&at)
            .output();
        done.is_ok_and(|done| done.status.success())
            .then_some(Self(at))
    }

    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).expect("made");
        while file.write_all(&[1; 4096]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).expect("removed");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // riskd may still have files in it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        // The rig could not remove its folder while this was mounted in it.
        let _ = self.0.parent().map(std::fs::remove_dir_all);
    }
}

#[test]
fn on_a_disk_without_a_block_left_the_same_holds() {
    let rig = small();
    let Some(disk) = SmallDisk::mount(rig.dir.path().join("risk")) else {
        // Not by `eprintln`, which a test that passes keeps to itself.
        let why = b"SKIPPED on_a_disk_without_a_block_left: it needs root to mount a small disk\n";
        std::io::stderr().write_all(why).expect("written");
        return;
    };
    on_a_full_disk(rig, |_| disk.fill(), |_| disk.free());
}

#[test]
fn without_room_at_the_start_riskd_says_so_and_does_not_serve() {
    let rig = small();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 8; trap '' XFSZ; exec \"$@\"", "sh"]);
    let riskd = rig.command();
    command.arg(riskd.get_program()).args(riskd.get_args());
    let done = command.output().expect("sh runs");
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(
        said.contains("00000001.seg") && said.contains("large"),
        "{said}"
    );
}
