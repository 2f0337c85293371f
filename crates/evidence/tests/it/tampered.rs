//! A long export tampered with at random and in every other way: all of it is found. A small share runs always; the whole by
//! `cargo test --release -p chancery-evidence --test it -- --ignored --nocapture tampered`.

use crate::exports::export;
use chancery_evidence::{Checkpoint, VerifierKey, verify_export};

/// Knuth's multiplier; the high bits are the good ones.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 16).unwrap() % end
    }
}

fn is_whole(bytes: &[u8], key: &VerifierKey, outside: &Checkpoint) -> bool {
    verify_export(bytes, key, std::slice::from_ref(outside)).is_ok()
}

/// An export of `count` events whose first half is under a checkpoint kept outside: `flips` single bits, and lines taken out, put in,
/// swapped, cut off, and an older state of the log in its place.
fn tamper(count: u64, flips: usize) {
    let (lines, key, checkpoints) = export(count);
    let outside = &checkpoints[usize::try_from(count / 2).unwrap()];
    let (mut chance, mut whole) = (Chance(7), lines.concat().into_bytes());
    assert!(is_whole(&whole, &key, outside));
    // The head's epoch is a number for people: what says which log it is, is signed.
    let head = lines[0].len();
    for _ in 0..flips {
        let (at, bit) = (head + chance.below(whole.len() - head), chance.below(8));
        whole[at] ^= 1 << bit;
        assert!(!is_whole(&whole, &key, outside), "bit {bit} of byte {at}");
        whole[at] ^= 1 << bit;
    }
    assert!(is_whole(&whole, &key, outside), "every bit was put back");
    let entries = lines.len() - 1;
    for _ in 0..(flips / 100).max(2) {
        let (one, other) = (1 + chance.below(entries), 1 + chance.below(entries));
        let mut changed = lines.clone();
        changed.remove(one);
        assert!(!is_whole(changed.concat().as_bytes(), &key, outside), "{one} was taken out");
        changed.insert(one, lines[other].clone());
        assert!(one == other || !is_whole(changed.concat().as_bytes(), &key, outside), "{other} stands for {one}");
        changed.insert(one, lines[one].clone());
        assert!(!is_whole(changed.concat().as_bytes(), &key, outside), "{other} was put in at {one}");
        let mut swapped = lines.clone();
        swapped.swap(one, other);
        assert!(one == other || !is_whole(swapped.concat().as_bytes(), &key, outside), "{one} and {other} were swapped");
        let cut = lines[..1 + chance.below(entries)].concat();
        assert!(!is_whole(cut.as_bytes(), &key, outside), "cut off");
    }
    let older = export(count / 2 - 1).0.concat();
    assert!(!is_whole(older.as_bytes(), &key, outside), "rolled back");
}

#[test]
fn a_small_share_of_it_is_found() {
    tamper(600, 300);
}

#[test]
#[ignore = "minutes: a million events"]
#[allow(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures, and says what it measured")]
fn of_a_million_events_all_of_it_is_found() {
    let (lines, key, checkpoints) = export(1_000_000);
    let whole = lines.concat();
    let began = std::time::Instant::now();
    assert!(is_whole(whole.as_bytes(), &key, &checkpoints[500_000]));
    let took = began.elapsed();
    println!("verified 1000000 events, {} bytes, in {took:?}: {:.0} events/s", whole.len(), 1e6 / took.as_secs_f64());
    tamper(1_000_000, 200);
}
