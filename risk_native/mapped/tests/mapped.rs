//! Through the file system: what a mapping holds is what the file holds.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use dnalyaw_mapped::{Latch, MappedFile};

#[test]
fn a_store_is_in_the_file_at_once_and_only_where_it_belongs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let mut file = MappedFile::create_preallocated(&path, 10_000).unwrap();
    file.write_at(4090, b"across a page").unwrap();
    let mut expected = vec![0; 10_000];
    expected[4090..4103].copy_from_slice(b"across a page");
    assert_eq!(std::fs::read(&path).unwrap(), expected);
    let mut out = [0; 13];
    file.read_at(4090, &mut out).unwrap();
    assert_eq!(&out, b"across a page");
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    file.flush().unwrap();
    let syncer = file.syncer().unwrap();
    drop(file);
    syncer.sync().unwrap();
}

#[test]
fn nothing_is_stored_outside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let mut file = MappedFile::create_preallocated(&path, 100).unwrap();
    for (offset, count) in [(100, 1), (99, 2), (101, 0), (usize::MAX, 1), (0, 101)] {
        let err = file.write_at(offset, &vec![1; count]).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::InvalidInput, "{offset} {count}");
        assert!(file.read_at(offset, &mut vec![0; count]).is_err());
    }
    file.write_at(99, &[1]).unwrap();
    file.write_at(100, &[]).unwrap();
    assert_eq!(std::fs::read(&path).unwrap()[..99], [0; 99]);
}

#[test]
fn a_word_is_stored_whole_and_aligned() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let mut file = MappedFile::create_preallocated(&path, 4096).unwrap();
    file.write_word_at(64, 0x0807_0605_0403_0201).unwrap();
    assert_eq!(
        std::fs::read(&path).unwrap()[63..73],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 0]
    );
    for offset in [1, 4092, 4096, usize::MAX] {
        assert!(file.write_word_at(offset, 1).is_err(), "{offset}");
    }
}

#[test]
fn every_block_is_allocated_before_it_is_mapped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let blocks = || std::fs::metadata(&path).unwrap().blocks() * 512;
    drop(MappedFile::create_preallocated(&path, 1 << 20).unwrap());
    assert!(blocks() >= 1 << 20);
    // A file with a hole, as a copy may leave it.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"begin").unwrap();
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(1 << 19)
        .unwrap();
    assert!(blocks() < 1 << 19);
    let file = MappedFile::open_preallocated(&path, 1 << 20).unwrap();
    assert_eq!(file.len(), 1 << 20);
    assert!(blocks() >= 1 << 20);
    assert_eq!(&std::fs::read(&path).unwrap()[..6], b"begin\0");
}

#[test]
fn a_file_in_the_way_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    std::fs::write(&path, b"mine").unwrap();
    let err = MappedFile::create_preallocated(&path, 100).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    let err = MappedFile::open_preallocated(&dir.path().join("none"), 100).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::NotFound);
}

/// A process of its own, because the limit on file sizes is the process's.
#[test]
fn what_cannot_be_allocated_is_an_error_and_leaves_no_file() {
    if let Some(path) = std::env::var_os("MAPPED_TOO_LARGE") {
        let err = MappedFile::create_preallocated(Path::new(&path), 1 << 20).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::FileTooLarge, "{err}");
        assert!(!Path::new(&path).exists());
        assert!(MappedFile::create_preallocated(Path::new(&path), 4096).is_ok());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let done = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "what_cannot_be_allocated_is_an_error_and_leaves_no_file",
        ])
        .env("MAPPED_TOO_LARGE", &path)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(done.success());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 4096);
}

#[test]
fn a_latch_is_seen_by_threads_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("latch");
    let latch = Arc::new(Latch::open(&path).unwrap());
    assert_eq!(latch.get(), 0);
    let other = Arc::clone(&latch);
    std::thread::spawn(move || other.set(0x0102_0304_0506_0708))
        .join()
        .unwrap();
    assert_eq!(latch.get(), 0x0102_0304_0506_0708);
    assert!(!latch.set_if(1, 2));
    assert!(latch.set_if(0x0102_0304_0506_0708, 9));
    latch.flush().unwrap();
    drop(latch);
    assert_eq!(Latch::open(&path).unwrap().set(3), 9);
    assert_eq!(std::fs::read(&path).unwrap()[..8], 3_u64.to_ne_bytes());
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn another_file_is_no_latch_and_an_unborn_one_is_unset() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("latch");
    std::fs::write(&path, b"hello").unwrap();
    let err = Latch::open(&path).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::InvalidData);
    assert_eq!(std::fs::read(&path).unwrap(), b"hello");
    std::fs::write(&path, b"").unwrap();
    assert_eq!(Latch::open(&path).unwrap().get(), 0);
}

/// The child sets both and is killed without another instruction of its own.
#[test]
fn kill_9_takes_nothing_back() {
    if let Some(dir) = std::env::var_os("MAPPED_KILLED") {
        let dir = Path::new(&dir);
        let latch = Latch::open(&dir.join("latch")).unwrap();
        let mut file = MappedFile::create_preallocated(&dir.join("file"), 8192).unwrap();
        file.write_at(5000, b"stored").unwrap();
        latch.set(77);
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
        unreachable!("killed");
    }
    let dir = tempfile::tempdir().unwrap();
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill_9_takes_nothing_back"])
        .env("MAPPED_KILLED", dir.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(!done.success());
    assert_eq!(Latch::open(&dir.path().join("latch")).unwrap().get(), 77);
    let bytes = std::fs::read(dir.path().join("file")).unwrap();
    assert_eq!(&bytes[5000..5006], b"stored");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]

    /// Any sequence of stores leaves the file as the same stores leave a vector.
    #[test]
    fn stores_are_those_of_a_vector(
        stores in proptest::collection::vec((0_usize..9000, proptest::collection::vec(0_u8..=255, 0..300)), 0..40)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let mut file = MappedFile::create_preallocated(&path, 8500).unwrap();
        let mut model = vec![0_u8; 8500];
        for (offset, bytes) in &stores {
            let fits = offset + bytes.len() <= model.len();
            proptest::prop_assert_eq!(file.write_at(*offset, bytes).is_ok(), fits);
            if fits {
                model[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
        }
        proptest::prop_assert_eq!(std::fs::read(&path).unwrap(), model);
    }
}
