//! Exports: one that is whole verifies, and whatever is done to one is found against a checkpoint kept elsewhere.

use crate::{key, signed};
use chancery_evidence::{Checkpoint, Edge, ExportEntry, ExportError, ExportHead, Hash, KeyKind, Opening, VerifierKey, verify_export};
use std::fmt::Write;

const ORIGIN: &str = "log.example/0123456789abcdef";
const TENANT: &str = "01a3185c-5002-7a31-8b70-ee807afdbe87";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn entry(number: u64, tenant: &str) -> (ExportEntry, Hash) {
    let mut salt = [7; 32];
    salt[..8].copy_from_slice(&number.to_be_bytes());
    let event = format!(r#"{{"act":"test","number":{number},"tenant":"{tenant}"}}"#);
    let leaf = Opening { salt: &salt, canonical: event.as_bytes() }.leaf();
    (ExportEntry { leaf: hex(&leaf), salt: hex(&salt), event }, leaf)
}

/// Lines of an export, the log's key, and the checkpoints over 0, 1, 2 … entries.
pub(crate) fn export(count: u64) -> (Vec<String>, VerifierKey, Vec<Checkpoint>) {
    let (pair, own) = key(3, ORIGIN, KeyKind::Log);
    let (mut edge, mut lines, mut checkpoints) = (Edge::default(), vec![String::new()], Vec::new());
    let checkpoint = |edge: &Edge| Checkpoint { origin: ORIGIN.to_owned(), size: edge.size(), root: edge.root() };
    checkpoints.push(checkpoint(&edge));
    for number in 0..count {
        let (entry, leaf) = entry(number, TENANT);
        edge.append(&[leaf]);
        lines.push(serde_json::to_string(&entry).unwrap() + "\n");
        checkpoints.push(checkpoint(&edge));
    }
    lines[0] = head(&signed(&checkpoint(&edge), &pair, &own).to_string(), 1);
    (lines, own, checkpoints)
}

fn head(checkpoint: &str, version: u32) -> String {
    let head = ExportHead { chancery_log_export: version, tenant: TENANT.to_owned(), epoch: 1, checkpoint: checkpoint.to_owned() };
    serde_json::to_string(&head).unwrap() + "\n"
}

fn verify(lines: &[String], key: &VerifierKey, outside: &[Checkpoint]) -> Result<usize, ExportError> {
    verify_export(lines.concat().as_bytes(), key, outside).map(|verified| verified.outside)
}

#[test]
fn a_whole_export_verifies_with_every_earlier_checkpoint() {
    let (lines, key, checkpoints) = export(300);
    let verified = verify_export(lines.concat().as_bytes(), &key, &checkpoints).unwrap();
    assert_eq!((verified.tenant.as_str(), verified.epoch, verified.outside), (TENANT, 1, 301));
    assert_eq!(verified.checkpoint, checkpoints[300]);
    let other = Checkpoint { origin: "log.example/other".to_owned(), ..checkpoints[7].clone() };
    assert_eq!(verify(&lines, &key, &[other]).unwrap(), 0, "that of another log says nothing of this one");
    let (empty, key, _) = export(0);
    assert_eq!(verify(&empty, &key, &[]).unwrap(), 0);
}

#[test]
fn every_bit_of_an_export_counts() {
    let (lines, key, _) = export(3);
    let text = lines.concat();
    let mut passed = Vec::new();
    for bit in 0..text.len() * 8 {
        let mut changed = text.clone().into_bytes();
        changed[bit / 8] ^= 1 << (bit % 8);
        match verify_export(changed.as_slice(), &key, &[]) {
            Err(_) => {}
            // The head's epoch is a number for people; the checkpoint's origin says which log it is.
            Ok(verified) => passed.push((verified.epoch, bit)),
        }
    }
    assert!(passed.iter().all(|(epoch, _)| *epoch != 1) && passed.len() < 8, "{passed:?}");
}

#[test]
fn what_was_done_to_an_export_is_told() {
    let (lines, key, checkpoints) = export(20);
    let kept = &checkpoints[15..16];
    let with = |change: &dyn Fn(&mut Vec<String>)| {
        let mut changed = lines.clone();
        change(&mut changed);
        verify(&changed, &key, kept)
    };
    assert!(matches!(with(&|lines| drop(lines.pop())), Err(ExportError::Count { found: 19, signed: 20 })), "cut");
    assert!(matches!(with(&|lines| drop(lines.remove(5))), Err(ExportError::Outside(15))), "left out before the checkpoint");
    assert!(matches!(with(&|lines| drop(lines.remove(18))), Err(ExportError::Count { .. })), "left out behind it");
    assert!(matches!(with(&|lines| lines.swap(3, 4)), Err(ExportError::Outside(15))), "swapped");
    assert!(matches!(with(&|lines| lines.swap(17, 18)), Err(ExportError::Root(20))), "swapped behind it");
    assert!(matches!(with(&|lines| lines.insert(3, lines[9].clone())), Err(ExportError::Outside(15))), "put in");
    let foreign = serde_json::to_string(&entry(2, "another").0).unwrap() + "\n";
    assert!(matches!(with(&|lines| lines[3] = foreign.clone()), Err(ExportError::Entry { index: 2, .. })), "another tenant's");
    // Rolled back: a whole, signed, earlier state of the same log.
    let (earlier, ..) = export(10);
    assert!(matches!(verify(&earlier, &key, kept), Err(ExportError::Shorter { outside: 15, found: 10 })));
    assert!(verify(&earlier, &key, &checkpoints[..11]).is_ok());
    // Written anew by who holds the log's key: found by the checkpoint kept elsewhere alone.
    let forged = Checkpoint { root: checkpoints[14].root, ..checkpoints[15].clone() };
    assert!(matches!(verify(&lines, &key, &[forged]), Err(ExportError::Outside(15))));
}

#[test]
fn what_is_no_export_is_refused_in_bounded_memory() {
    let (lines, own, _) = export(1);
    let (_, other) = key(4, ORIGIN, KeyKind::Log);
    assert!(matches!(verify(&lines, &other, &[]), Err(ExportError::Checkpoint(_))), "another key");
    let (_, elsewhere) = key(3, "log.example/other", KeyKind::Log);
    assert!(matches!(verify(&lines, &elsewhere, &[]), Err(ExportError::Checkpoint(_))), "another log");
    let refused = |text: &str| verify_export(text.as_bytes(), &own, &[]).unwrap_err().to_string();
    assert!(refused("").contains("empty"));
    assert!(refused("{}\n").contains("missing field"));
    assert!(refused(&lines[0].replacen(":1,", ":2,", 1)).contains("version 2"));
    assert!(refused(lines.concat().trim_end()).contains("does not end"));
    assert!(refused(&format!("{}{}", lines[0], "x".repeat(2 * 1024 * 1024))).contains("longer than 1 MiB"));
    let upper = format!("{}{}", lines[0], lines[1].to_uppercase());
    assert!(refused(&upper).starts_with("entry 0"));
    let unknown = lines[1].replacen('{', r#"{"more":1,"#, 1);
    assert!(refused(&format!("{}{unknown}", lines[0])).contains("unknown field"));
}
