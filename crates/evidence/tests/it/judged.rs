//! What Go's implementation makes (golang.org/x/mod/sumdb, by `tests/vectors/main.go`) is what is made here, to the last bit.

use crate::{Log, key, leaves, signed};
use aws_lc_rs::digest::{SHA256, digest};
use chancery_evidence::{Checkpoint, Hash, KeyKind, Note, Signature, TileId, VerifierKey, cosigned, verify_consistency, verify_inclusion};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Vectors {
    roots: Vec<Root>,
    inclusions: Vec<Proof>,
    consistencies: Vec<Proof>,
    tiles: Vec<TileSum>,
    checkpoint: Signed,
    cosigned: Signed,
}

#[derive(Deserialize)]
struct Root {
    size: u64,
    root: String,
}

#[derive(Deserialize)]
struct Proof {
    old: u64,
    size: u64,
    hashes: Vec<String>,
}

#[derive(Deserialize)]
struct TileSum {
    path: String,
    sha256: String,
}

#[derive(Deserialize)]
struct Signed {
    vkey: String,
    text: String,
    note: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../vectors/log.json")).unwrap()
}

fn hash(text: &str) -> Hash {
    hex::decode(text).unwrap().try_into().unwrap()
}

#[test]
fn roots_proofs_and_tiles_are_those_that_go_makes() {
    let (judge, all) = (vectors(), leaves(70_000));
    let roots: BTreeMap<u64, Hash> = judge.roots.iter().map(|root| (root.size, hash(&root.root))).collect();
    assert_eq!((roots.len(), judge.consistencies.len(), judge.tiles.len()), (15, 105, 8));
    let (mut log, mut done) = (Log::default(), 0);
    for (size, root) in &roots {
        log.append(&all[done..usize::try_from(*size).unwrap()]);
        done = usize::try_from(*size).unwrap();
        assert_eq!(log.edge.root(), *root, "{size}");
    }
    for proof in &judge.inclusions {
        let hashes: Vec<_> = proof.hashes.iter().map(|text| hash(text)).collect();
        assert_eq!(log.inclusion(proof.old, proof.size), hashes, "{} in {}", proof.old, proof.size);
        let leaf = &all[usize::try_from(proof.old).unwrap()];
        verify_inclusion(&hashes, proof.old, proof.size, leaf, &roots[&proof.size]).unwrap();
    }
    for proof in &judge.consistencies {
        let hashes: Vec<_> = proof.hashes.iter().map(|text| hash(text)).collect();
        assert_eq!(log.consistency(proof.old, proof.size), hashes, "{} before {}", proof.old, proof.size);
        verify_consistency(&hashes, proof.old, &roots[&proof.old], proof.size, &roots[&proof.size]).unwrap();
    }
    for judged in &judge.tiles {
        let (id, width) = TileId::parse(&judged.path).unwrap();
        let tile = &log.tiles[&(id.level, id.index)];
        assert_eq!((tile.hashes.len(), id.width(70_000)), (width, width), "{}", judged.path);
        assert_eq!(digest(&SHA256, &tile.hashes.concat()).as_ref(), hash(&judged.sha256), "{}", judged.path);
    }
}

#[test]
fn a_checkpoint_is_the_note_that_go_signs() {
    let judge = vectors();
    let (pair, own) = key(7, "log.example/0123456789abcdef", KeyKind::Log);
    assert_eq!(own.to_string(), judge.checkpoint.vkey);
    assert_eq!(VerifierKey::parse(&judge.checkpoint.vkey).unwrap(), own);
    let checkpoint = Checkpoint::parse(&judge.checkpoint.text).unwrap();
    assert_eq!(checkpoint.text(), judge.checkpoint.text);
    assert_eq!(signed(&checkpoint, &pair, &own).to_string(), judge.checkpoint.note);
    assert_eq!(Checkpoint::open(judge.checkpoint.note.as_bytes(), &own).unwrap(), checkpoint);
}

#[test]
fn a_witness_cosigns_the_note_as_go_does() {
    let judge = vectors();
    let (pair, log) = key(7, "log.example/0123456789abcdef", KeyKind::Log);
    let (observer, witness) = key(9, "witness.example/w1", KeyKind::Witness);
    assert_eq!(VerifierKey::parse(&judge.cosigned.vkey).unwrap(), witness);
    let mut note = signed(&Checkpoint::parse(&judge.cosigned.text).unwrap(), &pair, &log);
    let time = 1_800_000_000_u64;
    let signature = [&time.to_be_bytes(), observer.sign(cosigned(note.text(), time).as_bytes()).as_ref()].concat();
    note.add(&witness, &signature).unwrap();
    assert_eq!(note.to_string(), judge.cosigned.note);
    let known = [log.clone(), witness.clone()];
    assert_eq!(note.verify(&known).unwrap(), [(&known[0], Signature::Log), (&known[1], Signature::Witness { time })]);
    assert_eq!(note.only(&[log]).to_string(), judge.checkpoint.note);
    assert_eq!(Note::parse(judge.cosigned.note.as_bytes()).unwrap(), note);
}
