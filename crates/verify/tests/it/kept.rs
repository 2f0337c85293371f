//! Bundles against checkpoints kept elsewhere.

use crate::world::{LogKey, World, growth};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::Timestamp;
use chancery_evidence::{Hash, KeyKind};
use chancery_verify::{Given, Known, Report, Verdict, verify, verify_bundle};
use serde_json::json;
use std::io::Cursor;

/// What is said of the sound bundle, whose log has 5 of 6 events, beside this checkpoint and this proof.
fn beside(world: &World, note: String, proof: Option<serde_json::Value>) -> Report {
    let mut known = Known::parse(&serde_json::to_vec(&world.trust()).unwrap()).unwrap();
    known.keep_checkpoint(note.into_bytes());
    if let Some(proof) = proof {
        known.add_consistency(&serde_json::to_vec(&proof).unwrap()).unwrap();
    }
    verify_bundle(&serde_json::to_vec(&world.bundle()).unwrap(), Some(&known), None)
}

fn is_refused(report: &Report, because: &str) {
    let codes: Vec<_> = report.faults.iter().map(|fault| fault.code).collect();
    assert_eq!((report.verdict, codes), (Verdict::Invalid, vec!["kept"]), "{report:#?}");
    assert!(report.faults[0].message.contains(because), "{report:#?}");
}

fn agrees(report: &Report, how: &str) {
    assert_eq!((report.verdict, report.faults.len()), (Verdict::Valid, 0), "{report:#?}");
    let said: Vec<_> = report.said.iter().filter(|said| said.label == "kept elsewhere").map(|said| said.text.as_str()).collect();
    assert!(said.len() == 1 && said[0].contains(how), "{report:#?}");
}

fn proof(from: usize, to: usize, hashes: &[Hash]) -> serde_json::Value {
    json!({ "from": from, "to": to, "hashes": hashes.iter().map(|hash| STANDARD.encode(hash)).collect::<Vec<_>>() })
}

#[test]
fn a_checkpoint_of_the_same_size_has_the_same_root() {
    let world = World::new(None);
    let mut leaves = world.leaves();
    agrees(&beside(&world, world.log.note(&leaves[..5]).to_string(), None), "the same 5 events");
    leaves[2] = [7; 32];
    is_refused(&beside(&world, world.log.note(&leaves[..5]).to_string(), None), "another root in the bundle");
}

#[test]
fn one_of_another_size_is_proved_to_be_of_the_same_history() {
    let world = World::new(None);
    let leaves = world.leaves();
    for size in [1, 2, 3, 4, 6] {
        let (old, new) = (size.min(5), size.max(5));
        let (note, hashes) = (world.log.note(&leaves[..size]).to_string(), growth(old, &leaves[..new], true));
        agrees(&beside(&world, note.clone(), Some(proof(old, new, &hashes))), "one grew from the other");
        is_refused(&beside(&world, note.clone(), None), &format!("chancery audit consistency --from {old} --to {new}"));
        // The proof of other sizes is no proof of these.
        is_refused(&beside(&world, note.clone(), Some(proof(old, new + 1, &hashes))), "give the proof");
        let mut other = leaves.clone();
        other[0] = [7; 32];
        let forked = growth(old, &other[..new], true);
        is_refused(&beside(&world, world.log.note(&other[..size]).to_string(), Some(proof(old, new, &hashes))), "did not grow from");
        is_refused(&beside(&world, world.log.note(&other[..size]).to_string(), Some(proof(old, new, &forked))), "did not grow from");
    }
    let note = world.log.note(&leaves[..4]).to_string();
    is_refused(&beside(&world, note, Some(json!({ "from": 4, "to": 5, "hashes": ["AA=="] }))), "not 32 bytes");
}

#[test]
fn the_platforms_is_compared_too_and_a_strangers_proves_nothing() {
    let world = World::new(None);
    let platform = world.bundle().platform.unwrap();
    agrees(&beside(&world, platform.checkpoint, None), "the same 3 events of platform.example");
    is_refused(&beside(&world, world.platform.note(&[[1; 32]; 3]).to_string(), None), "another root");
    let stranger = LogKey::of("log.example/7f", KeyKind::Log, 9);
    is_refused(&beside(&world, stranger.note(&world.leaves()[..5]).to_string(), None), "none of the known keys");
    let unknown = LogKey::of("elsewhere.example", KeyKind::Log, 9);
    is_refused(&beside(&world, unknown.note(&world.leaves()[..5]).to_string(), None), "nobody whom the trust file names");
    is_refused(&beside(&world, "no note".to_owned(), None), "nobody whom the trust file names");
}

/// Without the platform's part its checkpoint can be compared with nothing.
#[test]
fn a_checkpoint_of_a_log_that_the_bundle_does_not_show_is_refused() {
    let world = World::new(None);
    let (mut bundle, mut trust) = (world.bundle(), world.trust());
    let note = bundle.platform.take().unwrap().checkpoint;
    trust.platform.as_mut().unwrap().cosignatures = 0;
    let mut known = Known::parse(&serde_json::to_vec(&trust).unwrap()).unwrap();
    known.keep_checkpoint(note.into_bytes());
    is_refused(&verify_bundle(&serde_json::to_vec(&bundle).unwrap(), Some(&known), None), "in which nothing of this bundle stands");
}

#[test]
fn a_file_of_another_kind_is_compared_with_no_checkpoint() {
    let world = World::new(None);
    let mut known = Known::parse(&serde_json::to_vec(&world.trust()).unwrap()).unwrap();
    known.keep_checkpoint(world.log.note(&world.leaves()).to_string().into_bytes());
    let at = Timestamp::from_seconds(1_800_000_000);
    let given = Given { known: Some(&known), content: None, certificates: &[], at };
    let report = verify(&mut Cursor::new(b"a.b.c".to_vec()), &given).unwrap();
    assert!(report.faults.iter().any(|fault| fault.code == "kept"), "{report:#?}");
}
