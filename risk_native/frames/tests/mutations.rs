//! Damaged golden vectors: what a codec takes, it takes for exactly the bytes that it would write.

use std::path::PathBuf;

use dnalyaw_frames::{FRAME_LEN, Frame, Kind, VERSION};
use proptest::prelude::*;
use proptest::sample::Index;

type Bytes = [u8; FRAME_LEN];

fn golden() -> Vec<Bytes> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../proto/golden");
    let vectors: Vec<Bytes> = std::fs::read_dir(folder)
        .expect("proto/golden")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "bin"))
        .map(|path| {
            let bytes = std::fs::read(&path).expect("read");
            bytes.try_into().expect("128 bytes")
        })
        .collect();
    assert!(
        vectors.len() >= Kind::ALL.len(),
        "a vector of each kind at least"
    );
    vectors
}

/// Puts a fitting checksum on it, worked bit by bit from the polynomial.
fn resealed(mut bytes: Bytes) -> Bytes {
    let mut crc = u32::MAX;
    for byte in bytes[..4].iter().chain(&bytes[8..]) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    bytes[4..8].copy_from_slice(&(!crc).to_le_bytes());
    bytes
}

/// Refused, or understood as precisely these bytes, and by the side alone that its kind is for.
fn sound(bytes: &Bytes) -> bool {
    let from_oms = Frame::decode_from_oms(bytes);
    let from_risk = Frame::decode_from_risk(bytes);
    match Frame::decode(bytes) {
        Err(_) => from_oms.is_err() && from_risk.is_err(),
        Ok(frame) => {
            frame.encode() == *bytes
                && bytes[0] == VERSION
                && from_oms.is_ok() == (bytes[1] < 64)
                && from_risk.is_ok() == (bytes[1] >= 64)
        }
    }
}

#[test]
fn every_flipped_bit_is_refused_and_with_a_fitting_checksum_understood_as_itself() {
    for bytes in golden() {
        for bit in 0..FRAME_LEN * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(
                Frame::decode(&flipped).is_err(),
                "kind {} bit {bit}",
                bytes[1]
            );
            assert!(
                sound(&resealed(flipped)),
                "kind {} bit {bit}, resealed",
                bytes[1]
            );
        }
    }
}

#[test]
fn telling_values_of_every_byte_are_understood_as_themselves_or_refused() {
    for bytes in golden() {
        for at in (0..4).chain(8..FRAME_LEN) {
            for value in [0, 1, 2, 3, 4, 5, 7, 13, 16, 17, 64, 127, 128, 255] {
                let mut changed = bytes;
                changed[at] = value;
                assert!(
                    sound(&resealed(changed)),
                    "kind {} byte {at} = {value}",
                    bytes[1]
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn damaged_vectors_are_refused_or_understood_as_themselves(
        which in any::<Index>(), changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..12), fitting in any::<bool>()
    ) {
        let vectors = golden();
        let mut bytes = vectors[which.index(vectors.len())];
        for (at, byte) in &changes {
            bytes[at.index(FRAME_LEN)] = *byte;
        }
        if fitting {
            bytes = resealed(bytes);
        }
        prop_assert!(sound(&bytes));
    }

    #[test]
    fn two_vectors_spliced_are_refused_or_understood_as_themselves(
        one in any::<Index>(), other in any::<Index>(), at in 8..FRAME_LEN
    ) {
        let vectors = golden();
        let mut bytes = vectors[one.index(vectors.len())];
        bytes[at..].copy_from_slice(&vectors[other.index(vectors.len())][at..]);
        prop_assert!(sound(&resealed(bytes)));
    }
}
