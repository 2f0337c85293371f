//! Timestamps over signatures (CAdES-T), revocation at their time, and attributes that were forged with the signer's own key.

use crate::cms::{DOCUMENT, codes, detached, document_digest};
use crate::pki::{Identity, Profile, authority, signer, time_stamper};
use crate::support::{Folder, Party, crl, crl_because, damaged, flips, now, reshaped};
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::{DigestAlgorithm, SignatureAlgorithm};
use chancery_domain::{Serial, Timestamp};
use chancery_formats::{Trust, cms};
use chancery_x509::cms::{ID_TIMESTAMP_TOKEN, SignedData, with_unsigned};
use chancery_x509::tsp::{Accuracy, TimestampRequest, TokenPlan};
use const_oid::ObjectIdentifier;

const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");

/// A timestamping authority under a root of its own.
pub(crate) struct Stamper {
    pub(crate) identity: Identity,
    pub(crate) root: Identity,
}

impl Stamper {
    pub(crate) fn new() -> Self {
        Self::with(time_stamper("Acme Time"))
    }
    /// With a key of this kind.
    pub(crate) fn of_kind(kind: KeyAlgorithm) -> Self {
        Self::made(time_stamper("Acme Time"), kind)
    }
    fn with(profile: Profile<'_>) -> Self {
        Self::made(profile, KeyAlgorithm::Ed25519)
    }
    fn made(profile: Profile<'_>, kind: KeyAlgorithm) -> Self {
        let root = Identity::root(authority("Acme Time Root"), KeyAlgorithm::EcP256);
        Self { identity: root.issue(profile, kind), root }
    }
    /// A token over the signature in a CMS.
    pub(crate) fn stamp(&self, cms: &[u8], at: Timestamp) -> Vec<u8> {
        let imprint = cms::timestamp_imprint(cms, DigestAlgorithm::Sha256).unwrap();
        let request = TimestampRequest { imprint, policy: None, nonce: None, certificates: true };
        let (chain, algorithm) = ([self.identity.certificate.clone()], SignatureAlgorithm::usual(self.identity.algorithm));
        let (serial, accuracy) = (Serial::from_slice(&[0x55; 16]).unwrap(), Accuracy { seconds: 1, millis: 0 });
        let prepared = TokenPlan { request: &request, chain: &chain, algorithm, policy: POLICY, serial, at, accuracy }.prepare().unwrap();
        let signature = self.identity.sign(algorithm, prepared.to_be_signed());
        prepared.finish(&signature).unwrap()
    }
    pub(crate) fn trusted_with(&self, party: &Party) -> Trust {
        Trust { timestamp_roots: vec![self.root.certificate.clone()], ..party.trust() }
    }
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[test]
fn a_timestamp_tells_when_the_chain_is_judged() {
    let (party, stamper) = (Party::new(SignatureAlgorithm::EcdsaP256Sha256), Stamper::new());
    let (trust, digest, bare) = (stamper.trusted_with(&party), document_digest(party.algorithm), detached(&party));
    let stamped = cms::with_timestamp(&bare, &stamper.stamp(&bare, now())).unwrap();
    // 2055: every certificate has ended.
    let later = time("2055-01-01T00:00:00Z");
    assert_eq!(codes(cms::verify(&bare, Some(&digest), &trust, later)), ["chain"]);
    let verified = cms::verify(&stamped, Some(&digest), &trust, later).unwrap();
    let witness = verified.timestamp.unwrap();
    assert_eq!((witness.at, witness.subject.as_str(), witness.chain.len()), (now(), "CN=Acme Time", 2));
    assert_eq!(verified.judged_at, now());
    // Neither is trusted for the other's work, and nothing comes from the future.
    assert_eq!(codes(cms::verify(&stamped, Some(&digest), &party.trust(), later)), ["timestamp"]);
    let swapped = Trust { roots: trust.timestamp_roots.clone(), timestamp_roots: trust.roots.clone(), ..Trust::default() };
    assert_eq!(codes(cms::verify(&stamped, Some(&digest), &swapped, later)), ["timestamp"]);
    assert_eq!(codes(cms::verify(&stamped, Some(&digest), &trust, time("2026-11-21T11:59:59Z"))), ["timestamp"]);
    // Of another signature, or by what is no timestamping authority.
    let other = cms::with_timestamp(&bare, &stamper.stamp(&detached(&party), now())).unwrap();
    assert_eq!(codes(cms::verify(&other, Some(&digest), &trust, now())), ["timestamp"]);
    let mailer = Stamper::with(signer("Acme Mail", &[crate::pki::EMAIL_PROTECTION]));
    let wrong = cms::with_timestamp(&bare, &mailer.stamp(&bare, now())).unwrap();
    assert_eq!(codes(cms::verify(&wrong, Some(&digest), &mailer.trusted_with(&party), now())), ["timestamp"]);
    // A token of PKCS#7's form.
    let tst_info = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04";
    let old = cms::with_timestamp(&bare, &reshaped(&stamper.stamp(&bare, now()), tst_info, 0x30, 1)).unwrap();
    assert_eq!(codes(cms::verify(&old, Some(&digest), &trust, now())), ["timestamp"]);
    // A token with something unsigned in it.
    let loose = with_unsigned(&stamper.stamp(&bare, now()), POLICY, &[5, 0]).unwrap();
    let loose = cms::with_timestamp(&bare, &loose).unwrap();
    assert_eq!(codes(cms::verify(&loose, Some(&digest), &trust, now())), ["timestamp"]);
}

/// THREATS 34.
#[test]
fn each_of_several_timestamps_must_hold_at_its_own_time() {
    let (party, stamper) = (Party::new(SignatureAlgorithm::EcdsaP256Sha256), Stamper::new());
    let (digest, bare) = (document_digest(party.algorithm), detached(&party));
    let old = Stamper::with(Profile { validity: [b"200101000000Z", b"210101000000Z"], ..time_stamper("Acme Time") });
    let mut trust = stamper.trusted_with(&party);
    trust.timestamp_roots.push(old.root.certificate.clone());
    let both = |first: &[u8], second: &[u8]| cms::with_timestamp(&cms::with_timestamp(&bare, first).unwrap(), second).unwrap();
    let good = stamper.stamp(&bare, now());
    let earlier = stamper.stamp(&bare, time("2026-11-01T00:00:00Z"));
    let verified = cms::verify(&both(&good, &earlier), Some(&digest), &trust, now()).unwrap();
    assert_eq!(verified.judged_at, time("2026-11-01T00:00:00Z"));
    // An authority whose certificate had ended by then.
    let expired = old.stamp(&bare, time("2026-11-20T00:00:00Z"));
    assert_eq!(codes(cms::verify(&both(&good, &expired), Some(&digest), &trust, now())), ["timestamp"]);
    assert_eq!(codes(cms::verify(&both(&expired, &good), Some(&digest), &trust, now())), ["timestamp"]);
    // Backdated to before the signer's certificate.
    let party = Party::with_profile(Profile {
        validity: [b"260601000000Z", b"270101000000Z"],
        ..signer("Acme Contracts", &[crate::pki::EMAIL_PROTECTION])
    });
    let bare = detached(&party);
    let backdated = cms::with_timestamp(&bare, &old.stamp(&bare, time("2020-06-01T00:00:00Z"))).unwrap();
    let stamped = cms::with_timestamp(&backdated, &stamper.stamp(&bare, now())).unwrap();
    assert_eq!(codes(cms::verify(&stamped, Some(&digest), &trust, now())), ["chain"]);
    let mut many = bare.clone();
    for second in 0..5 {
        let token = stamper.stamp(&bare, time(&format!("2026-11-01T00:00:0{second}Z")));
        many = cms::with_timestamp(&many, &token).unwrap();
        let expected: &[&str] = if second < 4 { &[] } else { &["bounds"] };
        assert_eq!(codes(cms::verify(&many, Some(&digest), &trust, now())), expected, "{second}");
    }
}

#[test]
fn what_was_revoked_by_then_does_not_hold() {
    let (party, stamper) = (Party::new(SignatureAlgorithm::EcdsaP256Sha256), Stamper::new());
    let (digest, bare) = (document_digest(party.algorithm), detached(&party));
    let stamped = cms::with_timestamp(&bare, &stamper.stamp(&bare, now())).unwrap();
    let later = time("2027-01-01T00:00:00Z");
    let trust = |list: Vec<u8>| Trust { crls: vec![list], ..stamper.trusted_with(&party) };
    let before = trust(crl(&party.middle, &party.identity, b"261101000000Z"));
    let after = trust(crl(&party.middle, &party.identity, b"261201000000Z"));
    let verdict = |cms: &[u8], trust: &Trust| codes(cms::verify(cms, Some(&digest), trust, later));
    assert_eq!((verdict(&bare, &before), verdict(&stamped, &before)), (vec!["revoked"], vec!["revoked"]));
    // Revoked after the signature was witnessed.
    assert_eq!((verdict(&bare, &after), verdict(&stamped, &after)), (vec!["revoked"], vec![]));
    // The authority in between, the timestamping authority; and a list that somebody else signed.
    assert_eq!(verdict(&stamped, &trust(crl(&party.root, &party.middle, b"261101000000Z"))), ["revoked"]);
    assert_eq!(verdict(&stamped, &trust(crl(&stamper.root, &stamper.identity, b"261101000000Z"))), ["timestamp"]);
    let stranger = Identity::root(authority("Acme Signing"), KeyAlgorithm::EcP384);
    assert_eq!(verdict(&bare, &trust(crl(&stranger, &party.identity, b"261101000000Z"))), [""; 0]);
    assert_eq!(verdict(&bare, &trust(b"no list".to_vec())), ["crl"]);
}

/// THREATS 34; RFC 3161 section 4.
#[test]
fn a_stolen_key_of_a_timestamping_authority_backdates_nothing() {
    let (party, stamper) = (Party::new(SignatureAlgorithm::EcdsaP256Sha256), Stamper::new());
    let (digest, bare) = (document_digest(party.algorithm), detached(&party));
    let stamped = cms::with_timestamp(&bare, &stamper.stamp(&bare, now())).unwrap();
    let verdict = |list: Vec<u8>| {
        let trust = Trust { crls: vec![list], ..stamper.trusted_with(&party) };
        codes(cms::verify(&stamped, Some(&digest), &trust, time("2027-01-01T00:00:00Z")))
    };
    let because = |since: &[u8], reason| verdict(crl_because(&stamper.root, &stamper.identity, since, reason));
    // affiliationChanged, superseded, cessationOfOperation: what is older holds.
    for code in [3, 4, 5] {
        assert_eq!(because(b"261201000000Z", Some(code)), [""; 0], "{code}");
        assert_eq!(because(b"261101000000Z", Some(code)), ["timestamp"], "{code}");
    }
    // None, unspecified, keyCompromise, privilegeWithdrawn: who has the key writes any time.
    for reason in [None, Some(0), Some(1), Some(9)] {
        assert_eq!(because(b"261201000000Z", reason), ["timestamp"], "{reason:?}");
    }
    // A signer's own compromise spoils nothing that was witnessed before.
    assert_eq!(verdict(crl_because(&party.middle, &party.identity, b"261201000000Z", Some(1))), [""; 0]);
}

#[test]
fn not_one_bit_of_a_stamped_signature_can_change_unseen() {
    let (party, stamper) = (Party::new(SignatureAlgorithm::Ed25519), Stamper::new());
    let (trust, digest, bare) = (stamper.trusted_with(&party), document_digest(party.algorithm), detached(&party));
    let stamped = cms::with_timestamp(&bare, &stamper.stamp(&bare, now())).unwrap();
    assert!(cms::verify(&stamped, Some(&digest), &trust, now()).is_ok());
    for (bit, flipped) in flips(&stamped) {
        assert!(cms::verify(&flipped, Some(&digest), &trust, now()).is_err(), "bit {bit} of {} bytes", stamped.len());
    }
    for damaged in damaged(&stamped, 2) {
        assert!(cms::verify(&damaged, Some(&digest), &trust, now()).is_err());
    }
}

#[test]
fn openssl_accepts_a_signature_with_a_timestamp() {
    let (party, stamper) = (Party::new(SignatureAlgorithm::EcdsaP256Sha256), Stamper::of_kind(KeyAlgorithm::EcP256));
    let (bare, folder) = (detached(&party), Folder::new());
    let stamped = cms::with_timestamp(&bare, &stamper.stamp(&bare, now())).unwrap();
    // It looks at the signature; at the token it looks when it is taken out.
    let read = SignedData::from_der(&stamped).unwrap();
    folder.pem("time.pem", "CERTIFICATE", &[&stamper.root.certificate]);
    folder.write("token", read.unsigned(ID_TIMESTAMP_TOKEN)[0]);
    folder.write("signature", read.signature());
    folder.write("other", detached(&party));
    folder.ok("openssl", "ts -verify -token_in -in token -data signature -CAfile time.pem");
    assert!(!folder.run("openssl", "ts -verify -token_in -in token -data other -CAfile time.pem").0);
    folder.pem("root.pem", "CERTIFICATE", &[&party.root.certificate]);
    folder.write("document", DOCUMENT);
    folder.write("stamped.p7s", &stamped);
    folder.ok("openssl", "cms -verify -binary -cades -inform DER -in stamped.p7s -content document -CAfile root.pem -out out");
}

/// Signs attributes anew after an edit that leaves their length alone; Ed25519 signatures have one length, too.
fn forged(party: &Party, edit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let digest = document_digest(party.algorithm);
    let prepared = cms::prepare(&party.certified(), cms::Signed::Detached(&digest), now()).unwrap();
    let mut message = prepared.to_be_signed().to_vec();
    let old = message.clone();
    let signature = party.sign(&message);
    let mut der = prepared.finish(&signature).unwrap();
    edit(&mut message);
    assert_ne!(old, message);
    let start = der.windows(old.len() - 3).position(|window| *window == old[3..]).unwrap();
    der[start..start + old.len() - 3].copy_from_slice(&message[3..]);
    let end = der.len();
    der[end - 64..].copy_from_slice(&party.sign(&message));
    der
}

fn find(message: &[u8], needle: &[u8]) -> usize {
    message.windows(needle.len()).position(|window| window == needle).unwrap()
}

#[test]
fn signed_attributes_must_fit_whoever_signed_them() {
    let party = Party::new(SignatureAlgorithm::Ed25519);
    let digest = document_digest(party.algorithm);
    let verdict = |edit: &dyn Fn(&mut Vec<u8>)| codes(cms::verify(&forged(&party, edit), Some(&digest), &party.trust(), now()));
    // id-data becomes id-digestedData
    let content_type = |message: &mut Vec<u8>| {
        let at = find(message, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01");
        message[at + 10] = 5;
    };
    assert_eq!(verdict(&content_type), ["content-type"]);
    let bound = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f";
    let hash = |message: &mut Vec<u8>| {
        let at = find(message, bound) + 11;
        message[at + 12] ^= 1;
    };
    assert_eq!(verdict(&hash), ["certificate"]);
    let renamed = |message: &mut Vec<u8>| {
        let at = find(message, bound);
        message[at + 10] = 0x2e;
    };
    assert_eq!(verdict(&renamed), ["attributes"]);
    let protected = |message: &mut Vec<u8>| {
        let at = find(message, b"\x60\x86\x48\x01\x65\x03\x04\x02\x03");
        message[at + 8] = 1;
    };
    assert_eq!(verdict(&protected), ["algorithm"]);
    let other_digest = |message: &mut Vec<u8>| {
        let at = find(message, digest.as_bytes());
        message[at] ^= 1;
    };
    assert_eq!(verdict(&other_digest), ["digest"]);
    // Month 13
    let no_time = |message: &mut Vec<u8>| {
        let at = find(message, b"2611211200");
        message[at + 3] = b'3';
    };
    assert_eq!(verdict(&no_time), ["attributes"]);
    let twice = |message: &mut Vec<u8>| {
        let at = find(message, b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05");
        message[at + 8] = 3;
    };
    assert_eq!(verdict(&twice), ["form"]);
    let unsigned = with_unsigned(&detached(&party), POLICY, &[5, 0]).unwrap();
    assert_eq!(codes(cms::verify(&unsigned, Some(&digest), &party.trust(), now())), ["attributes"]);
}
