//! Full disks, failing ones, and files in the way.

use std::sync::Arc;

use super::super::disk::Durable;
use super::*;

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
    let head = segment::Head::read(&path, journal.number).unwrap();
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
