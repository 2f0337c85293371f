//! Every single bit of a small log's proofs and checkpoints counts, and keys sign for nobody else.

use crate::{Log, key, leaf, leaves, signed};
use chancery_evidence::{
    Checkpoint, CheckpointError, EMPTY_ROOT, Hash, InclusionProof, KeyKind, LONGEST_NOTE, Note, NoteError, ProofError, VerifierKey,
    verify_consistency, verify_inclusion,
};

const ORIGIN: &str = "log.example/0123456789abcdef";

fn flipped<const N: usize>(bytes: &[u8; N], bit: usize) -> [u8; N] {
    let mut changed = *bytes;
    changed[bit / 8] ^= 1 << (bit % 8);
    changed
}

/// Each of the hashes with each of its bits flipped, and with a hash more or less.
fn damaged(hashes: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all = vec![[hashes, &[EMPTY_ROOT]].concat(), [&[EMPTY_ROOT], hashes].concat()];
    for at in 0..hashes.len() {
        all.push([&hashes[..at], &hashes[at + 1..]].concat());
        for bit in 0..256 {
            let mut changed = hashes.to_vec();
            changed[at] = flipped(&changed[at], bit);
            all.push(changed);
        }
    }
    all
}

#[test]
fn every_bit_of_an_inclusion_proof_counts() {
    let all = leaves(13);
    for size in 1..=13_u64 {
        let log = Log::of(&all[..size as usize]);
        let root = log.edge.root();
        for index in 0..size {
            let (proof, leaf) = (log.inclusion(index, size), &all[index as usize]);
            let check = |proof: &[Hash], index, size, leaf: &Hash, root: &Hash| verify_inclusion(proof, index, size, leaf, root);
            check(&proof, index, size, leaf, &root).unwrap();
            for wrong in damaged(&proof) {
                assert!(check(&wrong, index, size, leaf, &root).is_err());
            }
            for bit in 0..256 {
                assert_eq!(check(&proof, index, size, &flipped(leaf, bit), &root), Err(ProofError::Root));
                assert_eq!(check(&proof, index, size, leaf, &flipped(&root, bit)), Err(ProofError::Root));
            }
            for other in (0..size).filter(|other| *other != index) {
                assert!(check(&proof, other, size, leaf, &root).is_err(), "{index} as {other} in {size}");
            }
        }
    }
}

#[test]
fn every_bit_of_a_consistency_proof_counts() {
    let all = leaves(13);
    let logs: Vec<_> = (0..=13).map(|size| Log::of(&all[..size])).collect();
    for new in 1..=13_u64 {
        for old in 1..=new {
            let [before, after] = [old, new].map(|size| logs[size as usize].edge.root());
            let proof = logs[new as usize].consistency(old, new);
            verify_consistency(&proof, old, &before, new, &after).unwrap();
            for wrong in damaged(&proof) {
                assert!(verify_consistency(&wrong, old, &before, new, &after).is_err());
            }
            for bit in 0..256 {
                assert!(verify_consistency(&proof, old, &flipped(&before, bit), new, &after).is_err());
                assert!(verify_consistency(&proof, old, &before, new, &flipped(&after, bit)).is_err());
            }
            for other in (1..=new).filter(|other| *other != old) {
                assert!(verify_consistency(&proof, other, &before, new, &after).is_err(), "{old} as {other} in {new}");
            }
        }
    }
}

fn proof() -> (InclusionProof, Hash, VerifierKey) {
    let (all, (pair, own)) = (leaves(5), key(1, ORIGIN, KeyKind::Log));
    let log = Log::of(&all);
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: 5, root: log.edge.root() };
    (InclusionProof { index: 2, hashes: log.inclusion(2, 5), checkpoint: signed(&checkpoint, &pair, &own) }, all[2], own)
}

#[test]
fn every_bit_of_a_proof_in_a_file_counts() {
    let (proof, leaf, own) = proof();
    let text = proof.to_text();
    let read = InclusionProof::parse(&text).unwrap();
    assert_eq!(read, proof);
    assert_eq!(read.verify(&leaf, &own).unwrap().size, 5);
    for bit in 0..text.len() * 8 {
        let mut changed = text.clone().into_bytes();
        changed[bit / 8] ^= 1 << (bit % 8);
        let believed = std::str::from_utf8(&changed)
            .is_ok_and(|text| InclusionProof::parse(text).is_ok_and(|proof| proof.verify(&leaf, &own).is_ok()));
        assert!(!believed, "bit {bit}: {}", String::from_utf8_lossy(&changed));
    }
    let extra = text.replacen('\n', "\nextra bm90aGluZw==\n", 1);
    assert_eq!(InclusionProof::parse(&extra).unwrap(), proof, "extra data is passed over");
}

#[test]
fn every_bit_of_a_checkpoint_and_of_its_key_counts() {
    let (proof, _, own) = proof();
    let note = proof.checkpoint.to_string();
    for bit in 0..note.len() * 8 {
        let mut changed = note.clone().into_bytes();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(Checkpoint::open(&changed, &own).is_err(), "bit {bit}");
    }
    let vkey = own.to_string();
    for bit in 0..vkey.len() * 8 {
        let mut changed = vkey.clone().into_bytes();
        changed[bit / 8] ^= 1 << (bit % 8);
        let other = std::str::from_utf8(&changed).ok().and_then(|text| VerifierKey::parse(text).ok());
        assert!(other.is_none_or(|other| Checkpoint::open(note.as_bytes(), &other).is_err()), "bit {bit}");
    }
}

#[test]
fn a_key_speaks_for_its_own_log_and_in_its_own_way() {
    let (proof, ..) = proof();
    let (pair, own) = key(1, ORIGIN, KeyKind::Log);
    let note = proof.checkpoint.to_string();
    let (_, other) = key(2, ORIGIN, KeyKind::Log);
    assert_eq!(Checkpoint::open(note.as_bytes(), &other), Err(NoteError::Unsigned.into()));
    // The same key as a witness signs something else.
    let (_, witness) = key(1, ORIGIN, KeyKind::Witness);
    assert_eq!(Checkpoint::open(note.as_bytes(), &witness), Err(NoteError::Unsigned.into()));
    // Another log's checkpoint signed by this log's key is not this log's.
    let foreign = signed(&Checkpoint { origin: "log.example/other".to_owned(), size: 0, root: EMPTY_ROOT }, &pair, &own);
    let refused = Checkpoint::open(foreign.to_string().as_bytes(), &own);
    assert_eq!(refused, Err(CheckpointError::Origin { expected: ORIGIN.to_owned(), found: "log.example/other".to_owned() }));
    // A wrong signature of a known key is not passed over because of a right one.
    let [text, line] = [note.as_str(), note.lines().last().unwrap()];
    let mut forged = pair.sign(b"another text").as_ref().to_vec();
    let mut twice = Note::parse(text.as_bytes()).unwrap();
    assert_eq!(twice.add(&own, &forged), Err(NoteError::Signature(ORIGIN.to_owned())));
    forged.truncate(63);
    assert_eq!(twice.add(&own, &forged), Err(NoteError::Signature(ORIGIN.to_owned())));
    let other_line = signed(&Checkpoint { origin: ORIGIN.to_owned(), size: 0, root: EMPTY_ROOT }, &pair, &own).to_string();
    let both = format!("{note}{}\n", other_line.lines().last().unwrap());
    assert!(both.contains(line));
    assert_eq!(Checkpoint::open(both.as_bytes(), &own), Err(NoteError::Signature(ORIGIN.to_owned()).into()));
}

#[test]
fn what_is_no_note_and_no_checkpoint_is_refused() {
    let (proof, _, own) = proof();
    let note = proof.checkpoint.to_string();
    let (text, line) = note.split_once("\n\n").unwrap();
    let with = |text: &str| format!("{text}\n\n{line}");
    let long = with(&"x".repeat(LONGEST_NOTE));
    let many = format!("{note}{}", line.repeat(64));
    for wrong in [
        "",
        "\n",
        "\n\n",
        &note[..note.len() - 1],
        &note.replace('\n', "\r\n"),
        &with("a\tb"),
        &long,
        &many,
        &note.replace("\u{2014}", "-"),
    ] {
        assert!(matches!(Note::parse(wrong.as_bytes()), Err(NoteError::Malformed(_))), "{}", &wrong[..wrong.len().min(80)]);
    }
    assert!(matches!(Note::parse(&[0xff, b'\n']), Err(NoteError::Malformed(_))));
    let root = text.lines().last().unwrap();
    for wrong in [
        "a\n05\n{}\n",
        "a\n+5\n{}\n",
        "\n5\n{}\n",
        "a\n5\n{}\nmore\n",
        "a\n5\n{}\n\n",
        "a\n5\n{}",
        "a\n5\n{}AAAA\n",
        "a\n18446744073709551616\n{}\n",
    ] {
        assert_eq!(Checkpoint::parse(&wrong.replace("{}", root)), Err(CheckpointError::Malformed), "{wrong:?}");
    }
    for wrong in ["", "a", "a+b", "a b+00000000+AA==", &own.to_string().replace("+AY", "+BY"), &own.to_string()[1..], &format!("x{own}")] {
        assert!(VerifierKey::parse(wrong).is_err(), "{wrong}");
    }
    assert_eq!(VerifierKey::new("a+b", KeyKind::Log, [0; 32]), Err(NoteError::Key));
    let head = "c2sp.org/tlog-proof@v1";
    let hash = root;
    for wrong in [
        "",
        "index 0",
        &format!("{head}\nindex 00\n\n{note}"),
        &format!("{head}\nindex 0\n{hash}x\n\n{note}"),
        &format!("{head}\n\n{note}"),
        &format!("{head}\nindex 0\n{}\n{note}", format!("{hash}\n").repeat(64)),
    ] {
        assert!(matches!(InclusionProof::parse(wrong), Err(CheckpointError::Proof(_))), "{wrong}");
    }
    assert_ne!(leaf("a"), leaf("b"));
}
