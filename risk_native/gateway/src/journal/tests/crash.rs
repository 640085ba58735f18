//! What a killed process, a power cut and damage leave behind.

use super::*;

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

/// A process of its own writes as fast as it can, over many segments and with snapshots, and says after each record that it
/// is stored; `kill -9` falls after so many. What it said is there, in order, and nothing else but the one it had not said yet.
#[test]
fn what_was_said_to_be_stored_is_there_after_kill_9() {
    const NAME: &str = "journal::tests::crash::what_was_said_to_be_stored_is_there_after_kill_9";
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
    segment::numbers(path).unwrap().len()
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
