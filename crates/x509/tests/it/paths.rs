//! Signatures by their named kind, and paths for a purpose, found within bounds.

use crate::pki::{
    ALWAYS, CODE_SIGNING, DOCUMENT_SIGNING, EMAIL_PROTECTION, Identity, Profile, TIME_STAMPING, authority, signer, time_stamper,
};
use chancery_domain::Timestamp;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::{DigestAlgorithm, SignatureAlgorithm};
use chancery_x509::hash::digest;
use chancery_x509::{CertificateSummary, PathWish, PublicKey, Purpose, Unverified, find_path};

const EC: KeyAlgorithm = KeyAlgorithm::EcP256;

fn key(identity: &Identity) -> PublicKey {
    PublicKey::from_spki_der(&CertificateSummary::from_der(&identity.certificate).unwrap().spki_der).unwrap()
}

#[test]
fn each_kind_of_signature_holds_as_itself_and_as_no_other() {
    for kind in [EC, KeyAlgorithm::EcP384, KeyAlgorithm::Ed25519, KeyAlgorithm::Rsa2048, KeyAlgorithm::MlDsa65] {
        let identity = Identity::root(authority("Root"), kind);
        let key = key(&identity);
        for made in SignatureAlgorithm::ALL.into_iter().filter(|made| made.fits(kind)) {
            let signature = identity.sign(made, b"message");
            for said in SignatureAlgorithm::ALL {
                let verdict = key.verify_as(said, b"message", &signature);
                match (said.fits(kind), said == made) {
                    (_, true) => assert_eq!(verdict, Ok(()), "{made:?}"),
                    (true, false) => assert!(matches!(verdict, Err(Unverified::Signature(_))), "{made:?} as {said:?}"),
                    (false, false) => assert!(matches!(verdict, Err(Unverified::Kind { .. })), "{made:?} as {said:?}"),
                }
                for of in DigestAlgorithm::ALL {
                    let verdict = key.verify_digest_as(said, &digest(of, b"message"), &signature);
                    assert_eq!(verdict.is_ok(), said == made && made.digest() == Some(of), "{made:?} as {said:?} over {of:?}");
                }
            }
            assert!(key.verify_as(made, b"massage", &signature).is_err());
        }
    }
}

fn search(leaf: &Identity, pool: &[&Identity], roots: &[&Identity], purposes: &[Purpose]) -> Result<usize, &'static str> {
    let pool: Vec<&[u8]> = pool.iter().map(|found| found.certificate.as_slice()).collect();
    let roots: Vec<&[u8]> = roots.iter().map(|found| found.certificate.as_slice()).collect();
    let at = Timestamp::parse("2027-01-01T00:00:00Z").unwrap();
    let found = find_path(&PathWish { leaf: &leaf.certificate, pool: &pool, roots: &roots, at, purposes });
    found.map(|path| path.len()).map_err(|problem| problem.code)
}

#[test]
fn a_path_is_found_among_others_and_only_to_a_trusted_root() {
    let root = Identity::root(authority("Root"), EC);
    let stranger = Identity::root(authority("Stranger"), EC);
    // Another authority of the same name with another key.
    let double = Identity::root(authority("Root"), KeyAlgorithm::EcP384);
    let middle = root.issue(authority("Middle"), EC);
    let other_middle = stranger.issue(authority("Middle"), KeyAlgorithm::EcP384);
    let leaf = middle.issue(signer("Leaf", &[CODE_SIGNING]), EC);
    let code = [Purpose::CodeSigning];
    assert_eq!(search(&leaf, &[&stranger, &other_middle, &middle], &[&double, &root], &code), Ok(3));
    assert_eq!(search(&leaf, &[&middle], &[&stranger, &root], &code), Ok(3));
    assert_eq!(search(&leaf, &[&root, &middle], &[&stranger], &code), Err("untrusted"));
    assert_eq!(search(&leaf, &[], &[&root], &code), Err("untrusted"));
    assert_eq!(search(&leaf, &[&middle], &[&double], &code), Err("chain"));
    assert_eq!(search(&leaf, &[&middle], &[], &code), Err("untrusted"));
    let old = middle.issue(Profile { validity: [ALWAYS[0], b"210101000000Z"], ..signer("Leaf", &[CODE_SIGNING]) }, EC);
    assert_eq!(search(&old, &[&middle], &[&root], &code), Err("chain"));
}

#[test]
fn a_certificate_is_good_for_what_it_says() {
    let root = Identity::root(authority("Root"), EC);
    let verdict = |profile: Profile<'_>, purposes: &[Purpose]| search(&root.issue(profile, EC), &[], &[&root], purposes);
    let all: &[(Purpose, &[u8])] = &[
        (Purpose::CodeSigning, CODE_SIGNING),
        (Purpose::EmailProtection, EMAIL_PROTECTION),
        (Purpose::DocumentSigning, DOCUMENT_SIGNING),
        (Purpose::TimeStamping, TIME_STAMPING),
    ];
    for (purpose, _) in all {
        for (_, id) in all {
            let ids = [*id];
            let profile = Profile { critical: true, ..signer("Leaf", &ids) };
            let expected = if all.contains(&(*purpose, *id)) { Ok(2) } else { Err("purpose") };
            assert_eq!(verdict(profile, &[*purpose]), expected, "{purpose:?}");
        }
        assert_eq!(verdict(signer("Leaf", &[]), &[*purpose]), Err("purpose"));
    }
    let either = [Purpose::DocumentSigning, Purpose::EmailProtection];
    assert_eq!(verdict(signer("Leaf", &[EMAIL_PROTECTION]), &either), Ok(2));
    // keyAgreement alone
    assert_eq!(verdict(Profile { usage: &[3, 2, 3, 8], ..signer("Leaf", &[EMAIL_PROTECTION]) }, &either), Err("purpose"));
    let stamping = [Purpose::TimeStamping];
    assert_eq!(verdict(time_stamper("Leaf"), &stamping), Ok(2));
    assert_eq!(verdict(Profile { critical: false, ..time_stamper("Leaf") }, &stamping), Err("purpose"));
    assert_eq!(verdict(Profile { purposes: &[TIME_STAMPING, CODE_SIGNING], ..time_stamper("Leaf") }, &stamping), Err("purpose"));
    // An authority for e-mail has no signer of code below it.
    let narrow = root.issue(Profile { purposes: &[EMAIL_PROTECTION], ..authority("Narrow") }, EC);
    let below = |purpose| search(&narrow.issue(signer("Leaf", &[CODE_SIGNING, EMAIL_PROTECTION]), EC), &[&narrow], &[&root], &[purpose]);
    assert_eq!((below(Purpose::EmailProtection), below(Purpose::CodeSigning)), (Ok(3), Err("purpose")));
}

#[test]
fn the_search_is_bounded() {
    let code = [Purpose::CodeSigning];
    let root = Identity::root(authority("Root"), EC);
    // Each of these could be the issuer of each other.
    let first = root.issue(authority("Loop"), EC);
    let loops: Vec<Identity> = (0..17).map(|_| first.issue(authority("Loop"), EC)).collect();
    let leaf = first.issue(signer("Leaf", &[CODE_SIGNING]), EC);
    let pool: Vec<&Identity> = loops.iter().collect();
    let beside = [&first; 17];
    assert_eq!(search(&leaf, &beside, &[&root], &code), Err("bounds"));
    assert_eq!(search(&leaf, &beside[..16], &[&root], &code), Ok(3));
    assert_eq!(search(&leaf, &pool[..16], &[&root], &code), Err("bounds"));
    let doubles: Vec<Identity> =
        (0..9).map(|n| Identity::root(authority("Root"), if n == 8 { EC } else { KeyAlgorithm::EcP384 })).collect();
    let roots: Vec<&Identity> = doubles.iter().collect();
    assert_eq!(search(&leaf, &[&first], &roots, &code), Err("bounds"));
    assert_eq!(search(&leaf, &[&first], &roots[1..], &code), Ok(3));
    // Seven certificates and a root are the longest path.
    let mut chain = vec![root.issue(authority("Above 0"), EC)];
    for depth in 1..7 {
        let next = chain[depth - 1].issue(authority(&format!("Above {depth}")), EC);
        chain.push(next);
    }
    let below = |depth: usize| {
        let pool: Vec<&Identity> = chain[..depth].iter().collect();
        search(&chain[depth - 1].issue(signer("Leaf", &[CODE_SIGNING]), EC), &pool, &[&root], &code)
    };
    assert_eq!((below(6), below(7)), (Ok(8), Err("untrusted")));
}
