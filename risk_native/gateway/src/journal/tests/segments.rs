//! Many segments, and snapshots among them.

use super::*;

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
