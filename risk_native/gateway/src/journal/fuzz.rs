//! A segment's bytes damaged anywhere: what is read from it is a beginning of what was written, or nothing.

use proptest::prelude::*;
use proptest::sample::Index;

use super::format::{Chain, HEADER, Header, Tail, frame, scan, synced_end, synced_word};

const SIZE: usize = HEADER + 2048;

fn header(chain: Chain) -> Header {
    Header {
        number: 3,
        before: 11,
        chain,
        size: SIZE as u32,
    }
}

/// A segment with these records, and its payloads.
fn segment(lengths: &[usize]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let own = header([7; 32]);
    let mut bytes = own.encode().to_vec();
    bytes.resize(HEADER, 0);
    let mut chain = own.chain;
    let mut payloads = Vec::new();
    for (number, length) in lengths.iter().enumerate() {
        let payload =
            format!("{{\"n\":{number},\"text\":\"{}\"}}", "x".repeat(*length)).into_bytes();
        chain = frame(&chain, &payload, &mut bytes);
        payloads.push(payload);
    }
    bytes.resize(SIZE, 0);
    (bytes, payloads)
}

fn tail() -> impl Strategy<Value = Tail> {
    proptest::sample::select(vec![Tail::Sealed, Tail::Killed, Tail::PowerCut])
}

proptest! {
    #[test]
    fn damage_never_makes_a_record_of_its_own(
        lengths in proptest::collection::vec(0_usize..120, 1..9),
        changes in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..6),
        synced in 0_usize..SIZE, tail in tail(), cut in proptest::option::of(any::<Index>())
    ) {
        let (mut bytes, written) = segment(&lengths);
        for (at, byte) in &changes {
            let at = HEADER + at.index(SIZE - HEADER);
            bytes[at] = *byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(SIZE));
        }
        if let Ok(found) = scan(&bytes, &header([7; 32]), synced, tail) {
            let read: Vec<&[u8]> = found.payloads.iter().map(|at| &bytes[at.clone()]).collect();
            prop_assert!(read.len() <= written.len());
            for (one, other) in read.iter().zip(&written) {
                prop_assert_eq!(*one, &other[..]);
            }
            // What the disk was known to hold is there, or nothing is read at all.
            prop_assert!(found.end >= synced);
        }
    }

    #[test]
    fn a_header_is_taken_for_itself_alone(at in 0_usize..64, byte in any::<u8>()) {
        let whole = header([9; 32]);
        let mut bytes = whole.encode();
        let same = bytes[at] == byte;
        bytes[at] = byte;
        prop_assert_eq!(Header::decode(&bytes), same.then_some(whole));
    }

    #[test]
    fn the_synced_word_of_another_segment_or_with_other_bits_says_nothing(
        number in 1_u64..1000, end in 0_usize..1 << 30, bit in 0_u32..64, other in 1_u64..1000
    ) {
        let word = synced_word(number, end);
        prop_assert_eq!(synced_end(number, word), Some(end));
        prop_assert_eq!(synced_end(number, word ^ (1 << bit)), None);
        if other != number {
            prop_assert_eq!(synced_end(other, word), None);
        }
    }
}
