//! Evidence bundles.

use crate::world::{LogKey, STRANGER, TENANT, World};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::Timestamp;
use chancery_evidence::{Bundle, KeyKind, PlatformProof, TrustFile, View};
use chancery_verify::{Brand, Known, LARGEST_LOGO, Report, Verdict, completion, verify_bundle};
use serde_json::{Value, json};
use std::ops::Range;

pub(crate) fn look(bundle: &Bundle, trust: &TrustFile) -> Report {
    let known = Known::parse(&serde_json::to_vec(trust).unwrap()).unwrap();
    verify_bundle(&serde_json::to_vec(bundle).unwrap(), Some(&known), None)
}

/// The codes of what is wrong.
pub(crate) fn faults(bundle: &Bundle, trust: &TrustFile) -> Vec<&'static str> {
    let report = look(bundle, trust);
    assert_eq!(report.verdict == Verdict::Valid, report.faults.is_empty(), "{report:#?}");
    report.faults.iter().map(|fault| fault.code).collect()
}

/// What is wrong after this change of a sound bundle and of what is trusted.
fn changed(change: impl FnOnce(&mut Bundle, &mut TrustFile, &World)) -> Vec<&'static str> {
    let world = World::new(None);
    let (mut bundle, mut trust) = (world.bundle(), world.trust());
    change(&mut bundle, &mut trust, &world);
    faults(&bundle, &trust)
}

#[test]
fn a_sound_bundle_is_valid_with_trust_and_consistent_without() {
    let world = World::new(None);
    let report = look(&world.bundle(), &world.trust());
    assert_eq!((report.verdict, report.faults.as_slice()), (Verdict::Valid, [].as_slice()));
    let said = |label| report.said.iter().filter(|said| said.label == label).map(|said| said.text.as_str()).collect::<Vec<_>>();
    assert_eq!(said("tenant"), [TENANT.to_string()]);
    assert_eq!(said("act"), ["signature.create"]);
    assert_eq!(said("by"), ["ci (a-1)"]);
    assert_eq!(said("policy"), ["release, version 1, in force since 2027-01-15T08:00:00Z"]);
    assert_eq!(said("signature"), ["ecdsa-p256-sha256, holds"]);
    assert_eq!(said("witnesses"), ["witness.example"]);
    assert_eq!(said("revocation"), ["CN=Release signing not revoked before the act, by the list of 2027-03-01T00:00:00Z"]);
    assert!(said("signed")[0].starts_with("release.tar, sha-256:"), "{report:#?}");
    let alone = verify_bundle(&serde_json::to_vec(&world.bundle()).unwrap(), None, None);
    assert_eq!(alone.verdict, Verdict::Untrusted);
}

#[test]
fn every_bit_of_the_file_counts() {
    let world = World::new(None);
    let bytes = serde_json::to_vec(&world.bundle()).unwrap();
    every_flip_and_cut(&bytes, &world.trust(), 0..bytes.len());
}

/// None of the bits of these bytes can be another, and the file ends nowhere else.
pub(crate) fn every_flip_and_cut(bytes: &[u8], trust: &TrustFile, places: Range<usize>) {
    let known = Known::parse(&serde_json::to_vec(trust).unwrap()).unwrap();
    assert_eq!(verify_bundle(bytes, Some(&known), None).verdict, Verdict::Valid);
    for bit in places.start * 8..places.end * 8 {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let report = verify_bundle(&flipped, Some(&known), None);
        let around = String::from_utf8_lossy(&flipped[(bit / 8).saturating_sub(40)..(bit / 8 + 40).min(bytes.len())]).into_owned();
        assert_eq!(report.verdict, Verdict::Invalid, "bit {bit}: {around}");
    }
    for end in places {
        assert_eq!(verify_bundle(&bytes[..end], Some(&known), None).verdict, Verdict::Invalid, "cut at {end}");
    }
}

#[test]
fn each_view_shows_what_its_reader_may_see_and_verifies() {
    let world = World::new(None);
    let auditor = world.bundle().as_seen_by(View::Auditor);
    assert!(auditor.signatures.iter().all(|signature| signature.value.is_none()) && auditor.lineage[0].opened.is_some());
    assert_eq!(look(&auditor, &world.trust()).verdict, Verdict::Valid);
    let partner = world.bundle().as_seen_by(View::Partner);
    assert!(partner.signatures[0].value.is_some() && partner.lineage[0].opened.is_none());
    let report = look(&partner, &world.trust());
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
    assert!(report.said.iter().any(|said| said.label == "policy" && said.text.ends_with("not disclosed in this view")));
}

#[test]
fn what_the_trust_file_does_not_name_is_not_believed() {
    assert_eq!(changed(|_, trust, _| trust.logs[0].tenant = STRANGER), ["log"]);
    let other = LogKey::of("log.example/7f", KeyKind::Log, 77).verifier.to_string();
    assert_eq!(changed(|_, trust, _| trust.logs[0].keys = vec![other]), ["checkpoint"]);
    assert_eq!(changed(|_, trust, _| trust.roots = vec![World::new(None).root_pem]), ["chain"]);
    assert_eq!(changed(|_, trust, _| trust.roots.clear()), ["untrusted"]);
    let platform = LogKey::of("platform.example", KeyKind::Log, 78).verifier.to_string();
    assert_eq!(changed(|_, trust, _| trust.platform.as_mut().unwrap().keys = vec![platform]), ["checkpoint"]);
    let witness = LogKey::of("witness.example", KeyKind::Witness, 79).verifier.to_string();
    assert_eq!(changed(|_, trust, _| trust.platform.as_mut().unwrap().witnesses = vec![witness]), ["witnesses"]);
    assert_eq!(changed(|bundle, _, _| bundle.platform = None), ["platform"]);
}

#[test]
fn what_is_not_in_the_log_is_found() {
    // Of another place, of another act, or never in the log.
    assert_eq!(changed(|bundle, _, _| bundle.act.index = 2), ["inclusion"]);
    assert_eq!(changed(|bundle, _, world| bundle.act.opened = world.proof(2).opened), ["event"]);
    assert_eq!(changed(|bundle, _, world| bundle.lineage[0].opened = world.proof(2).opened), ["event", "policy", "key"]);
    assert_eq!(changed(|bundle, _, _| bundle.lineage.clear()), ["policy", "key"]);
    assert_eq!(changed(|bundle, _, world| bundle.lineage = vec![world.proof(2)]), ["policy", "key"]);
    assert_eq!(changed(|bundle, _, _| bundle.act.opened = None), ["event"]);
}

#[test]
fn what_the_act_rests_upon_may_stand_in_an_epoch_before() {
    let before = LogKey::of("log.example/7e", KeyKind::Log, 5);
    let change = |bundle: &mut Bundle, trust: &mut TrustFile, world: &World| {
        bundle.checkpoints.push(before.note(&world.leaves()[..world.size]).to_string());
        trust.logs[0].keys.push(before.verifier.to_string());
        bundle.lineage[0].checkpoint = 1;
    };
    assert_eq!(changed(change), [""; 0]);
    assert_eq!(changed(|bundle, _, world| bundle.checkpoints.push(before.note(&world.leaves()).to_string())), ["log"]);
    assert_eq!(changed(|bundle, _, _| bundle.act.checkpoint = 1), ["proof"]);
}

#[test]
fn the_platform_s_log_must_hold_this_log_s_checkpoint() {
    fn platform(bundle: &mut Bundle) -> &mut PlatformProof {
        bundle.platform.as_mut().unwrap()
    }
    assert_eq!(changed(|bundle, _, _| platform(bundle).salt = "0".repeat(64)), ["platform.blinded"]);
    assert_eq!(changed(|bundle, _, _| platform(bundle).event.opened = None), ["platform"]);
    // A log of the same name that forked, another epoch's, and one that is nobody's.
    assert_eq!(changed(|bundle, _, world| platform(bundle).note = world.log.note(&[[5; 32]; 6]).to_string()), ["platform.consistency"]);
    let second = LogKey::of("log.example/80", KeyKind::Log, 4);
    let change = |bundle: &mut Bundle, trust: &mut TrustFile, world: &World| {
        trust.logs[0].keys.push(second.verifier.to_string());
        platform(bundle).note = second.note(&world.leaves()).to_string();
    };
    assert_eq!(changed(change), ["platform.origin"]);
    assert_eq!(changed(|bundle, _, world| platform(bundle).note = second.note(&world.leaves()).to_string()), ["log"]);
    let mut world = World::new(None);
    world.platform_tenant = TENANT;
    assert_eq!(faults(&world.bundle(), &world.trust()), ["tenant"]);
}

#[test]
fn what_was_made_is_what_the_act_says() {
    assert_eq!(changed(|bundle, _, _| bundle.signatures.clear()), ["signature"]);
    assert_eq!(changed(|bundle, _, _| bundle.signatures[0].digest = format!("sha-256:{}", "0".repeat(64))), ["digest"]);
    assert_eq!(changed(|bundle, _, _| bundle.signatures[0].value = Some(STANDARD.encode("other"))), ["fingerprint"]);
    assert_eq!(changed(|bundle, _, _| bundle.chain = World::new(None).bundle().chain), ["chain"]);
    assert_eq!(changed(|bundle, _, _| bundle.chain.push(bundle.chain[0].clone())), ["chain"]);
    assert_eq!(changed(|bundle, _, _| bundle.revocation = World::new(None).bundle().revocation), ["revocation"]);
}

#[test]
fn a_signature_that_the_log_has_but_the_key_never_made_is_found() {
    let mut world = World::new(None);
    let other = World::new(None).signature;
    let print = chancery_x509::hash::digest(chancery_domain::signature::DigestAlgorithm::Sha256, &other).to_string();
    world.events[3]["detail"]["documents"][0]["signature"] = json!(print);
    world.signature = other;
    assert_eq!(faults(&world.bundle(), &world.trust()), ["signature"]);
}

#[test]
fn an_event_of_another_tenant_or_in_another_spelling_is_found() {
    let mut world = World::new(None);
    world.events[3]["tenant"] = json!(STRANGER);
    assert_eq!(faults(&world.bundle(), &world.trust()), ["tenant"]);
    let mut world = World::new(None);
    world.space = " ";
    assert_eq!(faults(&world.bundle(), &world.trust()), ["event", "event", "event"]);
}

#[test]
fn what_the_act_has_may_not_be_left_out() {
    assert_eq!(changed(|bundle, _, _| bundle.chain.clear()), ["chain"]);
    assert_eq!(changed(|bundle, _, _| bundle.signatures[0].value = None), ["signature"]);
    assert_eq!(changed(|bundle, _, _| bundle.revocation.clear()), ["revocation"]);
    assert_eq!(changed(|bundle, _, _| bundle.checkpoints.clear()), ["proof", "proof"]);
    // Nor may there be what it has not.
    let mut world = World::new(None);
    world.events[3]["act"] = json!("signature.look");
    assert_eq!(faults(&world.bundle(), &world.trust()), ["policy", "signature"]);
}

#[test]
fn what_it_rests_upon_stands_before_it_and_what_takes_it_back_behind() {
    let mut world = World::new(None);
    world.events.swap(1, 3);
    (world.act, world.made) = (1, 3);
    assert_eq!(faults(&world.bundle(), &world.trust()), ["policy", "key"]);
    let mut world = World::new(None);
    world.events.swap(0, 4);
    let mut bundle = world.bundle();
    bundle.later = vec![world.proof(0)];
    assert_eq!(faults(&bundle, &world.trust()), ["later"]);
    // A refused change of the policy put nothing in force, and another key's making is not this one's.
    let mut world = World::new(None);
    world.events[1]["outcome"] = json!("denied");
    assert_eq!(faults(&world.bundle(), &world.trust()), ["policy", "key"]);
    let mut world = World::new(None);
    world.events[1]["detail"]["chain"] = json!(["00"]);
    assert_eq!(faults(&world.bundle(), &world.trust()), ["key"]);
}

#[test]
fn a_log_has_one_face() {
    let add = |bundle: &mut Bundle, _: &mut TrustFile, world: &World| bundle.checkpoints.push(world.log.note(&world.leaves()).to_string());
    assert_eq!(changed(add), ["checkpoint"]);
}

#[test]
fn the_content_that_was_given_is_compared() {
    let world = World::new(None);
    let known = Known::parse(&serde_json::to_vec(&world.trust()).unwrap()).unwrap();
    let look = |content: &[u8]| verify_bundle(&serde_json::to_vec(&world.bundle()).unwrap(), Some(&known), Some(content));
    assert_eq!(look(b"release 1.0").verdict, Verdict::Valid);
    let other = look(b"release 1.1");
    assert_eq!((other.verdict, other.faults[0].code), (Verdict::Invalid, "content"));
}

#[test]
fn what_is_told_steers_no_terminal() {
    let mut world = World::new(None);
    world.events[3]["actor"]["name"] = json!("\u{1b}[2Jci\u{202e}\u{9b}");
    let report = look(&world.bundle(), &world.trust());
    assert_eq!(report.verdict, Verdict::Valid);
    assert!(report.said.iter().any(|said| said.text == "\\u{1b}[2Jci\\u{202e}\\u{9b} (a-1)"), "{report:#?}");
    let bad = verify_bundle(br#"{"format":"chancery-evidence/1","\u001b[2J":1}"#, None, None);
    assert!(!bad.faults[0].message.contains('\u{1b}'), "{bad:?}");
}

#[test]
fn a_refusal_is_proved_and_is_no_completion() {
    let mut world = World::new(None);
    world.events[3]["outcome"] = json!("denied");
    let mut bundle = world.bundle();
    bundle.signatures.clear();
    bundle.chain.clear();
    bundle.revocation.clear();
    let report = look(&bundle, &world.trust());
    assert_eq!(report.verdict, Verdict::Valid, "{report:#?}");
    assert_eq!(completion(b"", &report, None, Timestamp::from_seconds(0)), None);
}

#[test]
fn lists_that_the_reader_brings_count_and_old_ones_show_nothing() {
    let world = World::new(None);
    let look = |list: &[u8], bundled: bool| {
        let mut known = Known::parse(&serde_json::to_vec(&world.trust()).unwrap()).unwrap();
        known.add_list(list.to_vec());
        let mut bundle = world.bundle();
        if !bundled {
            bundle.revocation.clear();
        }
        let report = verify_bundle(&serde_json::to_vec(&bundle).unwrap(), Some(&known), None);
        report.faults.iter().map(|fault| fault.code).collect::<Vec<_>>()
    };
    assert_eq!(look(&world.crl, false), [""; 0]);
    assert_eq!(look(&world.list(Some(2026), 2027), true), ["revoked"], "the reader's list knows more than the bundle's");
    assert_eq!(look(&world.list(None, 2026), false), ["revocation"], "a list that ended before the act");
    assert_eq!(look(&World::new(None).crl, false), ["revocation"], "another issuer's");
}

#[test]
fn revocation_counts_from_its_time_on() {
    for (year, expected) in [(2027, vec![]), (2026, vec!["revoked"])] {
        let world = World::new(Some(year));
        assert_eq!(faults(&world.bundle(), &world.trust()), expected, "{year}");
    }
}

#[test]
fn a_withdrawn_signature_is_not_valid_and_what_is_about_something_else_does_not_count() {
    assert_eq!(changed(|bundle, _, world| bundle.later = vec![world.proof(4)]), ["withdrawn"]);
    assert_eq!(changed(|bundle, _, world| bundle.later = vec![world.proof(2)]), ["later"]);
}

#[test]
fn what_cannot_be_read_is_said() {
    let world = World::new(None);
    let mut bundle = serde_json::to_value(world.bundle()).unwrap();
    bundle["surprise"] = json!(1);
    let text =
        |value: &Value| verify_bundle(value.to_string().as_bytes(), None, None).faults.iter().map(|fault| fault.code).collect::<Vec<_>>();
    assert_eq!(text(&bundle), ["form"]);
    bundle.as_object_mut().unwrap().remove("surprise");
    bundle["format"] = json!("chancery-evidence/2");
    assert_eq!(text(&bundle), ["form"]);
    let twice = serde_json::to_string(&world.bundle()).unwrap().replacen("\"view\":", "\"view\":\"full\",\"view\":", 1);
    assert_eq!(verify_bundle(twice.as_bytes(), None, None).faults[0].code, "form");
    assert_eq!(verify_bundle(&vec![b' '; chancery_verify::LONGEST_BUNDLE + 1], None, None).faults[0].code, "bounds");
    let trust = |change: fn(&mut TrustFile)| {
        let mut trust = world.trust();
        change(&mut trust);
        Known::parse(&serde_json::to_vec(&trust).unwrap()).map(drop).map_err(|problem| problem.code)
    };
    assert_eq!(trust(|_| ()), Ok(()));
    assert_eq!(trust(|trust| trust.format.clear()), Err("trust"));
    assert_eq!(trust(|trust| trust.roots = vec!["no PEM".to_owned()]), Err("trust"));
    assert_eq!(trust(|trust| trust.logs[0].keys = vec!["no key".to_owned()]), Err("trust"));
    assert_eq!(trust(|trust| trust.platform.as_mut().unwrap().cosignatures = 2), Err("trust"));
}

#[test]
fn a_valid_bundle_has_a_page_for_people_and_no_other_has() {
    let world = World::new(None);
    let (mut bundle, at) = (world.bundle(), Timestamp::from_seconds(1_800_000_000));
    let brand = Brand::new("Acme <Bank>".to_owned(), Some(b"\x89PNG\r\n\x1a\nrest")).unwrap();
    let page = |bundle: &Bundle| {
        let bytes = serde_json::to_vec(bundle).unwrap();
        completion(&bytes, &look(bundle, &world.trust()), Some(&brand), at)
    };
    let shown = page(&bundle).unwrap();
    for part in ["release.tar", "Release signing", "release, version 1", "data:image/png;base64,iVBORw0KGgpyZXN0", "2027-01-15T08:00:00"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("<Bank>") && shown.contains("Bank&"), "what the brand says is text");
    bundle.signatures.clear();
    assert_eq!(page(&bundle), None);
    assert!(Brand::new(String::new(), Some(b"<svg>")).is_err());
    assert!(Brand::new(String::new(), Some(&[b"\x89PNG\r\n\x1a\n".as_slice(), &vec![0; LARGEST_LOGO]].concat())).is_err());
}
