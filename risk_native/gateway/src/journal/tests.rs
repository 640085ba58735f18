//! The journal against crashes, damage, full disks and failing ones.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::disk::Durable;
use super::*;

const SIZE: usize = *SEGMENT_RANGE.start();
const HEADER: usize = format::HEADER;

/// A record with as many bytes as a test wants.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Note {
    n: u64,
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snapshot: Option<(char, u64)>,
}

impl Entry for Note {
    fn bound(&self) -> Bound {
        match self.snapshot {
            None => Bound::Outside,
            Some(('b', number)) => Bound::Begin(number),
            Some(('e', number)) => Bound::End(number),
            Some(_) => Bound::Part,
        }
    }
}

fn note(n: u64, length: usize) -> Note {
    Note {
        n,
        text: "x".repeat(length),
        snapshot: None,
    }
}

fn mark(kind: char, number: u64) -> Note {
    Note {
        n: 0,
        text: String::new(),
        snapshot: Some((kind, number)),
    }
}

fn open(dir: &Path) -> Result<Opened<Note>, JournalError> {
    Journal::open(dir, SIZE)
}

fn opened(dir: &Path) -> Opened<Note> {
    open(dir).unwrap_or_else(|err| panic!("{err}"))
}

fn numbers(records: &[Note]) -> Vec<u64> {
    records.iter().map(|one| one.n).collect()
}

/// A folder and the path of a journal in it; in memory where there is such a place, because thousands of syncs wait for a
/// disk and none of these tests looks at one.
fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap();
    let path = dir.path().join("journal");
    (dir, path)
}

fn segment(dir: &Path, number: u64) -> PathBuf {
    recover::segment_path(dir, number)
}

/// Waits for what the background threads do; how long is no part of any test.
fn until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "never");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The ends of the whole records in a segment's bytes.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![HEADER];
    while let Some((_, own)) = format::whole_record(bytes, *ends.last().unwrap()) {
        ends.push(own.end);
    }
    ends
}

/// Sets a segment's synced word and boot id, as they were when the machine or the process stopped.
fn stopped(bytes: &mut [u8], synced: usize, this_boot: bool) {
    let word = format::synced_word(1, synced).to_le_bytes();
    bytes[format::SYNCED_AT..][..8].copy_from_slice(&word);
    let boot = if this_boot {
        format::boot_id().expect("a boot id")
    } else {
        [9; 16]
    };
    bytes[format::BOOT_AT..][..16].copy_from_slice(&boot);
}

/// A first segment with `count` records, and where they end.
fn written(dir: &Path, count: u64) -> (Vec<u8>, Vec<usize>) {
    let mut journal = opened(dir).journal;
    for n in 1..=count {
        assert!(journal.append(&note(n, 5 * n as usize), Class::Report));
    }
    drop(journal);
    let bytes = std::fs::read(segment(dir, 1)).unwrap();
    let ends = ends(&bytes);
    assert_eq!(ends.len() as u64, count + 1);
    (bytes, ends)
}

#[test]
fn what_was_stored_is_in_the_file_at_once_and_read_back_in_order() {
    let (_dir, path) = place();
    let mut journal = opened(&path).journal;
    for n in 1..=20 {
        assert!(journal.append(&note(n, 10), Class::Report));
        let bytes = std::fs::read(segment(&path, 1)).unwrap();
        assert_eq!(ends(&bytes).len() as u64, n + 1);
    }
    let head = journal.head();
    drop(journal);
    let again = opened(&path);
    assert_eq!(numbers(&again.records), (1..=20).collect::<Vec<_>>());
    assert_eq!((again.torn_bytes, again.skipped), (0, 0));
    assert_eq!((again.journal.head(), again.journal.len()), (head, 20));
}

#[test]
fn a_process_killed_at_any_byte_keeps_exactly_its_whole_records() {
    let (_dir, path) = place();
    let (bytes, ends) = written(&path, 4);
    for this_boot in [true, false] {
        for cut in HEADER..=*ends.last().unwrap() {
            let mut file = bytes.clone();
            file[cut..].fill(0);
            stopped(&mut file, HEADER, this_boot);
            std::fs::write(segment(&path, 1), &file).unwrap();
            let found = opened(&path);
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            assert_eq!(found.records.len(), whole, "cut at {cut}");
            drop(found);
            // What was cut off is gone from the file, and new records follow the whole ones.
            let mut found = opened(&path);
            assert_eq!(found.torn_bytes, 0);
            assert!(found.journal.append(&note(99, 3), Class::Report));
            drop(found);
            assert_eq!(opened(&path).records.len(), whole + 1);
        }
    }
}

#[test]
fn what_the_disk_had_and_has_no_more_refuses_to_open() {
    let (_dir, path) = place();
    let (bytes, ends) = written(&path, 4);
    for this_boot in [true, false] {
        for cut in HEADER..*ends.last().unwrap() {
            let mut file = bytes.clone();
            file[cut..].fill(0);
            stopped(&mut file, *ends.last().unwrap(), this_boot);
            std::fs::write(segment(&path, 1), &file).unwrap();
            let err = open(&path).unwrap_err();
            assert!(matches!(err, JournalError::Broken { .. }), "{cut}: {err}");
            assert_eq!(std::fs::read(segment(&path, 1)).unwrap(), file);
        }
        // The same with a file that is really shorter.
        for cut in [HEADER + 1, ends[2], ends[4] - 1] {
            let mut file = bytes.clone();
            stopped(&mut file, *ends.last().unwrap(), this_boot);
            std::fs::write(segment(&path, 1), &file[..cut]).unwrap();
            assert!(matches!(open(&path), Err(JournalError::Broken { .. })));
        }
    }
}

#[test]
fn a_file_cut_short_behind_its_records_is_made_whole_again() {
    let (_dir, path) = place();
    let (bytes, ends) = written(&path, 4);
    std::fs::write(segment(&path, 1), &bytes[..*ends.last().unwrap()]).unwrap();
    assert_eq!(opened(&path).records.len(), 4);
    let size = std::fs::metadata(segment(&path, 1)).unwrap().len();
    assert_eq!(size, SIZE as u64);
    for cut in [1, 60, HEADER - 1] {
        std::fs::write(segment(&path, 1), &bytes[..cut]).unwrap();
        let err = open(&path).unwrap_err().to_string();
        assert!(err.contains("cut short"), "{err}");
    }
}

#[test]
fn every_flipped_bit_in_what_the_disk_had_refuses_to_open() {
    let (_dir, path) = place();
    let (bytes, ends) = written(&path, 3);
    let end = *ends.last().unwrap();
    let header = (0..64).chain(format::SYNCED_AT..format::SYNCED_AT + 8);
    for index in header.chain(HEADER..end) {
        for this_boot in [true, false] {
            let mut file = bytes.clone();
            stopped(&mut file, end, this_boot);
            file[index] ^= 1 << (index % 8);
            std::fs::write(segment(&path, 1), &file).unwrap();
            assert!(
                matches!(open(&path), Err(JournalError::Broken { .. })),
                "byte {index}"
            );
        }
    }
}

#[test]
fn a_damaged_header_is_no_segment_that_was_never_begun() {
    let (_dir, path) = place();
    let (bytes, ends) = written(&path, 3);
    // Whether the disk was known to hold it or not, as long as something says that it was begun.
    for (synced, end) in [(0, ends[3]), (ends[3], ends[0])] {
        let mut file = bytes.clone();
        stopped(&mut file, synced.max(HEADER), true);
        if synced == 0 {
            file[format::SYNCED_AT..][..8].fill(0);
        }
        file[20] ^= 1;
        file[end..].fill(0);
        std::fs::write(segment(&path, 1), &file).unwrap();
        let err = open(&path).unwrap_err().to_string();
        assert!(err.contains("header"), "{err}");
        assert_eq!(std::fs::read(segment(&path, 1)).unwrap(), file);
    }
}

#[test]
fn whole_records_behind_a_hole_are_damage_unless_the_power_went() {
    let (_dir, path) = place();
    let (bytes, ends) = written(&path, 5);
    for hole in ends[1]..ends[2] {
        let mut file = bytes.clone();
        file[hole..ends[2]].fill(0);
        stopped(&mut file, ends[1], true);
        std::fs::write(segment(&path, 1), &file).unwrap();
        let err = open(&path).unwrap_err().to_string();
        assert!(err.contains("record 2") && err.contains("follow"), "{err}");
        // Pages reach a disk in any order: after a power cut everything from the hole on was never promised.
        stopped(&mut file, ends[1], false);
        std::fs::write(segment(&path, 1), &file).unwrap();
        let found = opened(&path);
        assert_eq!(numbers(&found.records), [1]);
        assert!(found.torn_bytes > 0);
    }
}

#[test]
fn a_record_taken_out_or_moved_breaks_the_chain() {
    let (_dir, path) = place();
    let (bytes, ends) = written(&path, 4);
    let mut without = bytes.clone();
    without.copy_within(ends[2]..ends[4], ends[1]);
    let gone = ends[1] + ends[4] - ends[2];
    without[gone..].fill(0);
    stopped(&mut without, HEADER, false);
    std::fs::write(segment(&path, 1), &without).unwrap();
    let err = open(&path).unwrap_err().to_string();
    assert!(err.contains("record 2") && err.contains("chain"), "{err}");
}

#[test]
fn records_run_on_over_many_segments() {
    let (_dir, path) = place();
    let mut journal = opened(&path).journal;
    for n in 1..=600 {
        assert!(journal.append(&note(n, 1000), Class::Report));
    }
    assert!(journal.number > 9, "{}", journal.number);
    let head = journal.head();
    drop(journal);
    let again = opened(&path);
    assert_eq!(numbers(&again.records), (1..=600).collect::<Vec<_>>());
    assert_eq!(again.journal.head(), head);
    drop(again);
    let mut seen = 0;
    let summary = verify::<Note>(&path, |_| "note".into(), |_| seen += 1).unwrap();
    assert_eq!((summary.records, seen, summary.head), (600, 600, head));
    assert_eq!(summary.kinds["note"], 600);
}

#[test]
fn a_segment_that_is_missing_changed_or_another_journals_is_damage() {
    let (dir, path) = place();
    let mut journal = opened(&path).journal;
    for n in 1..=200 {
        assert!(journal.append(&note(n, 1000), Class::Report));
    }
    drop(journal);
    let other = dir.path().join("other");
    let mut journal = opened(&other).journal;
    for n in 1..=200 {
        assert!(journal.append(&note(n + 7, 1000), Class::Report));
    }
    drop(journal);
    let verified = || verify::<Note>(&path, |_| String::new(), |_| {});
    assert!(verified().unwrap().segments >= 4);
    let second = std::fs::read(segment(&path, 2)).unwrap();
    std::fs::remove_file(segment(&path, 2)).unwrap();
    assert!(verified().is_err() && open(&path).is_err());
    std::fs::copy(segment(&other, 2), segment(&path, 2)).unwrap();
    let err = verified().unwrap_err().to_string();
    assert!(err.contains("does not go on"), "{err}");
    assert!(open(&path).is_err());
    let mut bad = second.clone();
    bad[HEADER + 5000] ^= 4;
    std::fs::write(segment(&path, 2), &bad).unwrap();
    assert!(verified().is_err() && open(&path).is_err());
    std::fs::write(segment(&path, 2), &second).unwrap();
    assert_eq!(opened(&path).records.len(), 200);
}

#[test]
fn a_power_cut_that_takes_the_end_of_one_segment_takes_the_next_with_it() {
    let (_dir, path) = place();
    let mut journal = opened(&path).journal;
    let mut n = 0;
    while journal.number < 3 {
        n += 1;
        assert!(journal.append(&note(n, 1000), Class::Report));
    }
    drop(journal);
    let first = std::fs::read(segment(&path, 2)).unwrap();
    let ends_of_second = ends(&first);
    let keep = ends_of_second[ends_of_second.len() - 4];
    let torn = |path: &Path, number: u64, synced: u64, cut: Option<usize>| {
        let file = segment(path, number);
        let mut bytes = std::fs::read(&file).unwrap();
        if let Some(cut) = cut {
            bytes[cut..].fill(0);
        }
        bytes[format::SYNCED_AT..][..8].copy_from_slice(&synced.to_le_bytes());
        bytes[format::BOOT_AT..][..16].copy_from_slice(&[9; 16]);
        std::fs::write(file, bytes).unwrap();
    };
    torn(&path, 2, format::synced_word(2, keep), Some(keep));
    // The disk had all of the second before anything of the third was known to be there.
    torn(&path, 3, format::synced_word(3, HEADER + 10), None);
    assert!(open(&path).is_err());
    torn(&path, 3, 0, None);
    let found = opened(&path);
    assert_eq!(found.journal.number, 2);
    assert_eq!(found.records.len() as u64, n - 4);
    drop(found);
    assert_eq!(opened(&path).records.len() as u64, n - 4);
}

#[test]
fn a_start_reads_back_to_the_newest_whole_snapshot_only() {
    let (_dir, path) = place();
    let mut journal = opened(&path).journal;
    let mut n = 0;
    let mut whole = 0;
    // A long history: 40 segments, with a snapshot at each one's beginning.
    while journal.number < 40 {
        n += 1;
        assert!(journal.append(&note(n, 1000), Class::Report));
        // No snapshot while the room behind it is not sure.
        until(|| journal.spare.ready());
        if let Some(number) = journal.snapshot_due() {
            whole = number;
            assert!(journal.append(&mark('b', number), Class::Opening));
            assert!(journal.append(&mark('p', 0), Class::Opening));
            assert_eq!(journal.snapshot_due(), None, "one at a time");
            // Something happens meanwhile, and belongs to what is read.
            n += 1;
            assert!(journal.append(&note(n, 10), Class::Report));
            assert!(journal.append(&mark('e', number), Class::Opening));
        }
    }
    assert_eq!(journal.gauges().snapshots, 39);
    // One that a crash left unfinished.
    assert!(journal.append(&mark('b', 77_777), Class::Opening));
    assert!(journal.append(&mark('p', 0), Class::Opening));
    n += 1;
    assert!(journal.append(&note(n, 10), Class::Report));
    let total = journal.len();
    drop(journal);
    let found = opened(&path);
    assert_eq!(found.records[0].snapshot, Some(('b', whole)));
    assert_eq!(found.records[1].snapshot, Some(('p', 0)));
    assert_eq!(found.records[2].snapshot, None);
    assert_eq!(found.records[3].snapshot, Some(('e', whole)));
    assert_eq!(found.records.last().unwrap().n, n);
    assert!(found.records[4..].iter().all(|one| one.snapshot.is_none()));
    // Of thousands of records a segment's worth at most is read; the two unfinished parts are left out.
    assert!(found.records.len() < 70, "{}", found.records.len());
    assert_eq!(found.skipped + found.records.len() as u64 + 2, total);
    drop(found);
    let whole = verify::<Note>(&path, |_| String::new(), |_| {}).unwrap();
    assert_eq!((whole.records, whole.snapshots), (total, 39));
}

#[test]
fn a_snapshot_larger_than_a_segment_is_not_restated_at_every_turn() {
    let (_dir, path) = place();
    let mut journal = opened(&path).journal;
    let (mut stored, mut parts) = (0_u64, 0_u64);
    for n in 1..=3000 {
        stored += 1;
        assert!(journal.append(&note(n, 300), Class::Report));
        if let Some(number) = journal.snapshot_due() {
            assert!(journal.append(&mark('b', number), Class::Opening));
            for _ in 0..400 {
                let part = Note {
                    text: "y".repeat(300),
                    ..mark('p', 0)
                };
                parts += 1;
                assert!(journal.append(&part, Class::Opening));
            }
            assert!(journal.append(&mark('e', number), Class::Opening));
        }
    }
    assert!(parts > 0 && parts < stored, "{parts} parts of {stored}");
}

/// Something in the way of the next segment, as a disk without room is.
fn blocked(path: &Path, number: u64) -> PathBuf {
    let file = segment(path, number);
    std::fs::create_dir(&file).unwrap();
    file
}

#[test]
fn without_a_next_segment_what_opens_stops_first_and_the_switch_has_room_to_the_last() {
    let (_dir, path) = place();
    let mut journal = opened(&path).journal;
    until(|| journal.spare.ready());
    let in_the_way = blocked(&path, 3);
    while journal.number < 2 {
        assert!(journal.append(&note(1, 1000), Class::Opening));
    }
    let fill = |journal: &mut Journal, class| {
        let mut count = 0;
        while journal.append(&note(2, 1000), class) {
            count += 1;
        }
        count
    };
    assert!(fill(&mut journal, Class::Opening) > 40);
    assert!(matches!(journal.tend(), Health::Full(why) if why.contains("00000003.seg")));
    assert!(!journal.holes, "an order that was refused is no hole");
    // A reserve for the reports of what works, and one for the switch: an eighth of the segment each.
    let reports = fill(&mut journal, Class::Report);
    assert_eq!(fill(&mut journal, Class::Opening), 0);
    let reserved = fill(&mut journal, Class::Reserved);
    assert!(
        (7..=8).contains(&reports) && (7..=8).contains(&reserved),
        "{reports} {reserved}"
    );
    assert!(matches!(journal.tend(), Health::Full(_)));
    assert_eq!(journal.snapshot_due(), None);
    let count = journal.len();
    // Room again: it goes on by itself, and is well when a snapshot has made up for the reports that found none.
    std::fs::remove_dir(in_the_way).unwrap();
    until(|| journal.append(&note(3, 1000), Class::Report));
    assert_eq!(journal.number, 3);
    assert!(matches!(journal.tend(), Health::Full(why) if why.contains("snapshot")));
    until(|| journal.spare.ready());
    let number = journal.snapshot_due().expect("due at once");
    assert!(journal.append(&mark('b', number), Class::Opening));
    assert!(journal.append(&mark('e', number), Class::Opening));
    assert_eq!(journal.tend(), Health::Well);
    assert_eq!(journal.len(), count + 3);
    drop(journal);
    assert_eq!(opened(&path).records.len(), 2);
    let summary = verify::<Note>(&path, |_| String::new(), |_| {}).unwrap();
    assert_eq!(summary.records, count + 3);
}

#[test]
fn a_full_disk_at_the_start_leaves_what_is_there_readable() {
    let (_dir, path) = place();
    written(&path, 3);
    let behind = segment(&path, 2);
    let _ = std::fs::remove_file(&behind);
    let mut found = opened(&path);
    assert_eq!(found.records.len(), 3);
    assert!(found.journal.append(&note(4, 10), Class::Reserved));
}

#[test]
fn a_spare_that_was_never_begun_is_used_and_a_half_made_one_replaced() {
    let (_dir, path) = place();
    written(&path, 3);
    for spoil in [vec![], vec![0; SIZE], {
        // The header of a process that was killed while it stored it.
        let mut bytes = vec![0; SIZE];
        bytes[..30].copy_from_slice(&[b'D'; 30]);
        bytes
    }] {
        std::fs::write(segment(&path, 2), spoil).unwrap();
        let mut found = opened(&path);
        assert_eq!(found.records.len(), 3);
        assert!(found.journal.spare.wait());
        let bytes = std::fs::read(segment(&path, 2)).unwrap();
        assert!(bytes.len() == SIZE && bytes.iter().all(|byte| *byte == 0));
    }
}

/// A disk that takes nothing.
struct Dead;

impl Durable for Dead {
    fn sync(&self) -> std::io::Result<()> {
        Err(std::io::Error::from_raw_os_error(5))
    }
}

#[test]
fn after_one_failed_sync_nothing_rests_on_the_journal_again() {
    let (_dir, path) = place();
    let mut journal = opened(&path).journal;
    assert_eq!(journal.tend(), Health::Well);
    journal.disk.turn(Arc::new(Dead), None);
    assert!(journal.append(&note(1, 10), Class::Report));
    until(|| matches!(journal.tend(), Health::Failed(why) if why.contains("Input/output")));
    // It goes on storing, for the kill switch, and never calls itself well or synced again.
    assert!(journal.append(&note(2, 10), Class::Reserved));
    assert!(matches!(journal.tend(), Health::Failed(_)));
    assert!(journal.gauges().lag.bytes > 0);
    assert_eq!(journal.snapshot_due(), None);
}

#[test]
fn the_disk_catches_up_and_the_synced_word_with_it() {
    let (_dir, path) = place();
    let mut journal = opened(&path).journal;
    for n in 1..=200 {
        assert!(journal.append(&note(n, 1000), Class::Report));
    }
    until(|| journal.tend() == Health::Well && journal.gauges().lag.bytes == 0);
    journal.tend();
    let head = recover::Head::read(&path, journal.number).unwrap();
    assert_eq!(head.synced, journal.at);
    assert_eq!(journal.gauges().lag, Lag::default());
    journal.finish();
    assert_eq!(journal.tend(), Health::Well);
}

#[test]
fn what_cannot_be_written_down_fails_the_journal() {
    let (_dir, path) = place();
    let mut journal = opened(&path).journal;
    assert!(!journal.append(&note(1, SIZE), Class::Reserved));
    assert!(matches!(journal.tend(), Health::Failed(why) if why.contains("larger")));
}

#[test]
fn another_journal_or_none_is_not_taken_for_one() {
    let (dir, path) = place();
    std::fs::write(dir.path().join("journal.bin"), b"DNRJ0001").unwrap();
    let err = open(&path).unwrap_err().to_string();
    assert!(err.contains("an earlier version"), "{err}");
    std::fs::remove_file(dir.path().join("journal.bin")).unwrap();
    assert!(verify::<Note>(&path, |_| String::new(), |_| {}).is_err());
    std::fs::create_dir(&path).unwrap();
    std::fs::write(segment(&path, 1), vec![b'?'; SIZE]).unwrap();
    assert!(open(&path).is_err());
}

/// A process of its own writes as fast as it can, over many segments and with snapshots, and says after each record that it
/// is stored; `kill -9` falls after so many. What it said is there, in order, and nothing else but the one it had not said yet.
#[test]
fn what_was_said_to_be_stored_is_there_after_kill_9() {
    const NAME: &str = "journal::tests::what_was_said_to_be_stored_is_there_after_kill_9";
    if let Some(dir) = std::env::var_os("JOURNAL_KILLED") {
        write_until_killed(Path::new(&dir));
    }
    let (_dir, path) = place();
    let mut stored = 0;
    for after in [1, 2, 3, 40, 61, 120, 250, 251, 400] {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture", "--test-threads=1"])
            .env("JOURNAL_KILLED", &path)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let said = std::io::BufReader::new(child.stdout.take().unwrap());
        let last: u64 = std::io::BufRead::lines(said)
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("stored ")?.parse().ok())
            .nth(after)
            .expect("so many records");
        child.kill().unwrap();
        child.wait().unwrap();
        let mut all = Vec::new();
        let summary = verify::<Note>(
            &path,
            |_| String::new(),
            |one| {
                if one.snapshot.is_none() {
                    all.push(one.n);
                }
            },
        )
        .unwrap_or_else(|err| panic!("{err}"));
        stored = all.len() as u64;
        assert!(stored >= last, "{last} were said, {stored} are there");
        assert_eq!(all, (1..=stored).collect::<Vec<_>>());
        let found = opened(&path);
        assert_eq!(found.records.last().unwrap().n, stored);
        assert_eq!(found.journal.len(), summary.records);
    }
    assert!(stored > 1100 && numbers_of(&path) > 4);
}

fn numbers_of(path: &Path) -> usize {
    recover::numbers(path).unwrap().len()
}

fn write_until_killed(dir: &Path) -> ! {
    let found = opened(dir);
    let mut n = found.records.iter().map(|one| one.n).max().unwrap_or(0);
    let mut journal = found.journal;
    loop {
        n += 1;
        assert!(journal.append(&note(n, (n * 37 % 500) as usize), Class::Report));
        println!("stored {n}");
        journal.tend();
        if let Some(number) = journal.snapshot_due() {
            let restated = Note {
                n,
                ..mark('b', number)
            };
            assert!(journal.append(&restated, Class::Opening));
            assert!(journal.append(&mark('p', 0), Class::Opening));
            assert!(journal.append(&mark('e', number), Class::Opening));
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// Whatever a crash leaves behind what the disk had, that much is kept; whatever it leaves, no record is made up.
    #[test]
    fn garbage_at_the_end_costs_no_record(
        tail in proptest::collection::vec(0_u8..=255, 0..400), this_boot in proptest::bool::ANY
    ) {
        let (_dir, path) = place();
        let (mut bytes, ends) = written(&path, 5);
        let end = *ends.last().unwrap();
        bytes[end..end + tail.len()].copy_from_slice(&tail);
        stopped(&mut bytes, end, this_boot);
        std::fs::write(segment(&path, 1), &bytes).unwrap();
        proptest::prop_assert_eq!(numbers(&opened(&path).records), [1, 2, 3, 4, 5]);
    }
}
