//! Evidence of signatures with a timestamp in them, and of timestamps.

use crate::bundle::{every_flip_and_cut, faults, look};
use crate::time::{Time, print, then};
use crate::world::World;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::signature::{Digest, DigestAlgorithm};
use chancery_evidence::{Bundle, SignatureEvidence, TimestampEvidence, TrustFile, View};
use chancery_formats::cms;
use chancery_verify::{Known, Verdict, verify_bundle};
use serde_json::json;
use std::time::Duration;

/// What is wrong after this change of a sound bundle and of what is trusted.
fn changed(change: impl FnOnce(&mut Bundle, &mut TrustFile, &World)) -> Vec<&'static str> {
    let world = World::stamped();
    let (mut bundle, mut trust) = (world.bundle(), world.trust());
    change(&mut bundle, &mut trust, &world);
    faults(&bundle, &trust)
}

fn timestamps(bundle: &mut Bundle) -> &mut TimestampEvidence {
    bundle.timestamps.as_mut().unwrap()
}

#[test]
fn a_timestamp_is_told_by_whom_the_trust_file_names() {
    let world = World::stamped();
    for view in [View::Full, View::Auditor, View::Partner] {
        let report = look(&world.bundle().as_seen_by(view), &world.trust());
        assert_eq!((report.verdict, report.faults.as_slice()), (Verdict::Valid, [].as_slice()), "{view:?}");
        let said: Vec<_> = report.said.iter().filter(|said| said.label == "timestamp").map(|said| said.text.as_str()).collect();
        assert_eq!(said, ["2027-01-15T08:00:00Z by CN=Acme Time"], "{view:?}");
    }
    let alone = verify_bundle(&serde_json::to_vec(&world.bundle()).unwrap(), None, None);
    assert_eq!(alone.verdict, Verdict::Untrusted, "{alone:#?}");
    // Nobody becomes an authority by the bundle, and no root of signers is one of timestamps.
    assert_eq!(changed(|_, trust, _| trust.timestamp_roots.clear()), ["timestamp"]);
    assert_eq!(changed(|_, trust, _| trust.timestamp_roots = vec![Time::new().root_pem]), ["timestamp"]);
    assert_eq!(changed(|_, trust, _| trust.timestamp_roots.clone_from(&trust.roots)), ["timestamp"]);
    let both = |_: &mut Bundle, trust: &mut TrustFile, _: &World| {
        trust.roots.append(&mut trust.timestamp_roots);
        trust.timestamp_roots = vec![World::new(None).root_pem];
    };
    assert_eq!(changed(both), ["timestamp"]);
}

#[test]
fn every_bit_of_a_bundle_with_a_timestamp_counts() {
    let world = World::stamped();
    let bytes = serde_json::to_vec(&world.bundle()).unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let (start, end) = (text.find("\"timestamps\"").unwrap(), text.find("\"chain\":[\"").unwrap());
    every_flip_and_cut(&bytes, &world.trust(), start..end);
}

#[test]
fn nothing_of_a_timestamp_may_be_left_out() {
    assert_eq!(changed(|bundle, _, _| bundle.timestamps = None), ["timestamp"]);
    assert_eq!(changed(|bundle, _, _| timestamps(bundle).tokens.clear()), ["timestamp"]);
    assert_eq!(changed(|bundle, _, _| timestamps(bundle).act.opened = None), ["timestamp"]);
    assert_eq!(changed(|bundle, _, _| timestamps(bundle).revocation.clear()), ["revocation"]);
    assert_eq!(
        changed(|bundle, _, _| {
            let signers = bundle.revocation.clone();
            timestamps(bundle).revocation.extend(signers)
        }),
        ["revocation"]
    );
    assert_eq!(changed(|bundle, _, _| timestamps(bundle).act.index = 3), ["inclusion"]);
    // Nor is there one that the act does not name.
    let with = World::stamped();
    let mut without = World::new(None);
    without.events[2] = with.events[2].clone();
    without.time = with.time;
    assert_eq!(faults(&without.bundle(), &without.trust()), ["timestamp"]);
}

#[test]
fn a_timestamp_is_the_one_that_was_given_before_over_this_signature() {
    assert_eq!(changed(|bundle, _, _| timestamps(bundle).tokens[0] = STANDARD.encode("other")), ["timestamp"]);
    // One that holds and was never recorded, as who stole the key makes it.
    let unrecorded = |bundle: &mut Bundle, _: &mut TrustFile, world: &World| {
        let imprint = cms::timestamp_imprint(&world.signature, DigestAlgorithm::Sha256).unwrap();
        let token = world.time.as_ref().unwrap().stamp(imprint, then().before(Duration::from_secs(86_400)));
        timestamps(bundle).tokens[0] = STANDARD.encode(token);
    };
    assert_eq!(changed(unrecorded), ["timestamp"]);
    let other = |change: fn(&mut World)| {
        let mut world = World::stamped();
        change(&mut world);
        faults(&world.bundle(), &world.trust())
    };
    assert_eq!(other(|world| world.events[3]["detail"]["timestamps"] = json!("t-2")), ["timestamp"]);
    assert_eq!(other(|world| world.events[2]["detail"]["format"] = json!("raw")), ["timestamp"]);
    assert_eq!(other(|world| world.events[2]["outcome"] = json!("denied")), ["timestamp"]);
    let two = |world: &mut World| {
        let document = world.events[2]["detail"]["documents"][0].clone();
        world.events[2]["detail"]["documents"].as_array_mut().unwrap().push(document);
    };
    assert_eq!(other(two), ["timestamp"]);
    // Of another signature, whatever the log says; and one that says another time than the log can have.
    fn stamped_anew(world: &mut World, imprint: Digest, later: Duration) {
        let time = world.time.as_mut().unwrap();
        time.token = time.stamp(imprint.clone(), then().after(later));
        world.events[2]["detail"]["documents"][0] = json!({ "digest": imprint.to_string(), "signature": print(&time.token) });
    }
    let own = |world: &World| cms::timestamp_imprint(&world.signature, DigestAlgorithm::Sha256).unwrap();
    assert_eq!(
        other(|world| stamped_anew(world, Digest::new(DigestAlgorithm::Sha256, vec![1; 32]).unwrap(), Duration::ZERO)),
        ["timestamp"]
    );
    let mut world = World::stamped();
    let imprint = own(&world);
    stamped_anew(&mut world, imprint.clone(), Duration::from_secs(1));
    assert_eq!(faults(&world.bundle(), &world.trust()), [""; 0]);
    stamped_anew(&mut world, imprint, Duration::from_secs(2));
    assert_eq!(faults(&world.bundle(), &world.trust()), ["timestamp"]);
    // What was given after the act is in no signature of it; of one moment the log has either order.
    let given = |at: &str, index: usize| {
        let mut world = World::stamped();
        world.events[2]["at"] = json!(at);
        world.events.swap(2, index);
        world.time.as_mut().unwrap().act = index;
        faults(&world.bundle(), &world.trust())
    };
    assert_eq!(given("2027-01-15T08:00:01Z", 4), [""; 0]);
    assert_eq!(given("2027-01-15T08:00:01.001Z", 2), ["timestamp"]);
    assert_eq!(given("whenever", 2), ["event"]);
}

/// THREATS 34: a stolen key writes any time.
#[test]
fn a_revoked_authority_undoes_its_timestamps() {
    let world = World::stamped();
    let time = world.time.as_ref().unwrap();
    for (list, expected) in [
        (time.list(None, 2027), vec![]),
        (time.list(Some(2027), 2027), vec!["timestamp"]),
        (time.list(Some(2026), 2027), vec!["timestamp"]),
    ] {
        let mut known = Known::parse(&serde_json::to_vec(&world.trust()).unwrap()).unwrap();
        known.add_list(list.clone());
        let codes = |bundle: &Bundle| {
            let report = verify_bundle(&serde_json::to_vec(bundle).unwrap(), Some(&known), None);
            report.faults.iter().map(|fault| fault.code).collect::<Vec<_>>()
        };
        assert_eq!(codes(&world.bundle()), expected, "the reader's list");
        let own = |bundle: &mut Bundle, _: &mut TrustFile, _: &World| timestamps(bundle).revocation = vec![STANDARD.encode(&list)];
        let mut bundle = world.bundle();
        own(&mut bundle, &mut world.trust(), &world);
        assert_eq!(faults(&bundle, &world.trust()), expected, "the bundle's list");
    }
    // An old list shows nothing.
    assert_eq!(
        changed(|bundle, _, world| timestamps(bundle).revocation = vec![STANDARD.encode(world.time.as_ref().unwrap().list(None, 2026))]),
        ["revocation"]
    );
}

#[test]
fn a_timestamp_by_itself_has_evidence_too() {
    let mut world = World::stamped();
    let time = world.time.take().unwrap();
    world.act = 2;
    world.events[1] = json!(null);
    world.events[1] = crate::world::event(
        "signer.create",
        json!({ "signer": "time", "signer_id": "g-2", "version": 1, "content": { "formats": ["timestamp"] }, "chain": [time.print()] }),
    );
    world.chain = time.chain();
    let mut bundle = world.bundle();
    let digest = world.events[2]["detail"]["documents"][0]["digest"].as_str().unwrap().to_owned();
    bundle.signatures = vec![SignatureEvidence { digest, value: Some(STANDARD.encode(&time.token)) }];
    bundle.revocation = vec![STANDARD.encode(&time.crl)];
    let trust = TrustFile { timestamp_roots: vec![time.root_pem.clone()], ..world.trust() };
    let report = look(&bundle, &trust);
    assert_eq!((report.verdict, report.faults.as_slice()), (Verdict::Valid, [].as_slice()), "{report:#?}");
    assert!(report.said.iter().any(|said| said.label == "timestamp"), "{report:#?}");
    assert_eq!(faults(&bundle, &TrustFile { roots: trust.timestamp_roots.clone(), timestamp_roots: Vec::new(), ..trust }), ["untrusted"]);
}
