//! Signed PDFs against pyHanko, and the attacks of THREATS 31.

use crate::cms::codes as codes_of_one;
use crate::pki::{CODE_SIGNING, DOCUMENT_SIGNING, Profile, signer};
use crate::support::{Folder, Party, Seeded, crl, now, python_judge};
use crate::timestamps::Stamper;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::SignatureAlgorithm;
use chancery_formats::pades::{self, Package, SecurityStore, SignedRevision, room};
use chancery_formats::{Problem, Trust, cms};
use lopdf::Document;
use std::io::Cursor;

const EC: SignatureAlgorithm = SignatureAlgorithm::EcdsaP256Sha256;

/// digitalSignature and contentCommitment, which pyHanko asks for.
fn party(algorithm: SignatureAlgorithm) -> Party {
    let kinds = [KeyAlgorithm::EcP256, KeyAlgorithm::EcP384, KeyAlgorithm::Ed25519, KeyAlgorithm::Rsa2048, KeyAlgorithm::MlDsa65];
    let kind = kinds.into_iter().find(|kind| algorithm.fits(*kind)).unwrap();
    let profile = Profile { usage: &[3, 2, 6, 0xc0], ..signer("Acme Contracts", &[DOCUMENT_SIGNING]) };
    Party { algorithm, ..Party::of_kind(profile, kind) }
}

/// One page, a classic cross-reference table.
fn classic() -> Vec<u8> {
    let text = "BT /F 12 Tf 10 50 Td (I owe you 100 EUR.) Tj ET";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let (mut pdf, mut offsets) = (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec(), Vec::new());
    for (number, object) in (1..).zip(&objects) {
        offsets.push(pdf.len());
        pdf.extend(format!("{number} 0 obj\n{object}\nendobj\n").into_bytes());
    }
    let start = pdf.len();
    let table: String = offsets.iter().map(|offset| format!("{offset:010} 00000 n \n")).collect();
    pdf.extend(
        format!("xref\n0 6\n0000000000 65535 f \n{table}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n").into_bytes(),
    );
    pdf
}

/// The same with object streams and a cross-reference stream, and with forms and annotations in objects of their own.
fn modern() -> Vec<u8> {
    let mut document = Document::load_mem(&classic()).unwrap();
    let note = document
        .add_object(lopdf::dictionary! { "Type" => "Annot", "Subtype" => "Text", "Rect" => vec![0.into(), 0.into(), 9.into(), 9.into()] });
    let annotations = document.add_object(vec![note.into()]);
    let fields = document.add_object(Vec::<lopdf::Object>::new());
    let form = document.add_object(lopdf::dictionary! { "Fields" => fields });
    document.get_dictionary_mut((3, 0)).unwrap().set("Annots", annotations);
    document.get_dictionary_mut((1, 0)).unwrap().set("AcroForm", form);
    let mut bytes = Vec::new();
    document.save_modern(&mut bytes).unwrap();
    bytes
}

fn sign(party: &Party, pdf: &[u8], stamper: Option<&Stamper>) -> Vec<u8> {
    sign_with(party, pdf, stamper, &SecurityStore::default())
}

fn sign_with(party: &Party, pdf: &[u8], stamper: Option<&Stamper>, store: &SecurityStore<'_>) -> Vec<u8> {
    let package = Package::of(
        pdf,
        room(&party.certified(), stamper.map(|stamper| std::slice::from_ref(&stamper.identity.certificate))),
        now(),
        store,
    )
    .unwrap();
    let prepared = pades::prepare(&party.certified(), &package.digest(party.algorithm)).unwrap();
    let signature = party.sign(prepared.to_be_signed());
    let mut made = prepared.finish(&signature).unwrap();
    if let Some(stamper) = stamper {
        made = cms::with_timestamp(&made, &stamper.stamp(&made, now())).unwrap();
    }
    package.finish(&made).unwrap()
}

fn verify(pdf: &[u8], trust: &Trust) -> Result<Vec<SignedRevision>, Vec<Problem>> {
    pades::verify(&mut Cursor::new(pdf), trust, now())
}

fn codes(verdict: Result<Vec<SignedRevision>, Vec<Problem>>) -> Vec<&'static str> {
    codes_of_one(verdict.map(|mut revisions| revisions.remove(0).verified))
}

fn pyhanko(folder: &Folder, pdf: &[u8]) -> (bool, String) {
    folder.write("signed.pdf", pdf);
    let (good, said) = folder.run(
        &python_judge("pyhanko"),
        "sign validate --trust root.pem --trust time.pem --trust-replace --no-revocation-check --pretty-print signed.pdf",
    );
    (good && said.contains("The signature is judged VALID.") && !said.contains("INVALID"), said)
}

fn judged_by_pyhanko(party: &Party, stamper: &Stamper) -> Folder {
    let folder = Folder::new();
    folder.pem("root.pem", "CERTIFICATE", &[&party.root.certificate]);
    folder.pem("time.pem", "CERTIFICATE", &[&stamper.root.certificate]);
    folder
}

#[test]
fn pyhanko_accepts_it_and_refuses_it_changed() {
    for algorithm in SignatureAlgorithm::ALL {
        // pyHanko knows no ML-DSA.
        if algorithm == SignatureAlgorithm::MlDsa65 {
            continue;
        }
        let (party, stamper) = (party(algorithm), Stamper::new());
        let folder = judged_by_pyhanko(&party, &stamper);
        let trust = stamper.trusted_with(&party);
        for (pdf, stamper) in [(classic(), None), (modern(), Some(&stamper))] {
            let signed = sign(&party, &pdf, stamper);
            assert!(signed.starts_with(&pdf));
            let (accepted, said) = pyhanko(&folder, &signed);
            assert!(accepted, "{algorithm:?}: {said}");
            let revisions = verify(&signed, &trust).unwrap();
            assert_eq!((revisions.len(), revisions[0].length), (1, signed.len() as u64));
            assert_eq!(revisions[0].verified.timestamp.is_some(), stamper.is_some());
            // In what was there, in what was appended, in the signature.
            let places = [20, pdf.len() + 30, memchr::memmem::find(&signed, b"/Contents<3082").unwrap() + 700];
            for at in places {
                let mut flipped = signed.clone();
                flipped[at] ^= 1;
                assert!(verify(&flipped, &trust).is_err(), "{at}");
                // It takes a second to start: all places of one kind of signature, one of each other.
                if algorithm != EC && at != places[2] {
                    continue;
                }
                let (accepted, said) = pyhanko(&folder, &flipped);
                assert!(!accepted, "{algorithm:?} {at}: {said}");
            }
        }
    }
}

/// With the lists of every authority pyHanko can tell that nothing was revoked; without, or with one that says so, it cannot.
#[test]
fn pyhanko_finds_what_it_needs_for_b_lt() {
    let (party, stamper) = (party(EC), Stamper::of_kind(KeyAlgorithm::EcP256));
    let folder = judged_by_pyhanko(&party, &stamper);
    let certificates = [party.chain.clone(), vec![stamper.identity.certificate.clone()]].concat();
    let judge = |pdf: &[u8]| {
        folder.write("signed.pdf", pdf);
        let options = "sign adesverify --trust root.pem --trust time.pem --trust-replace --executive-summary signed.pdf";
        folder.run(&python_judge("pyhanko"), options)
    };
    let other = party.root.issue(signer("Other", &[]), KeyAlgorithm::EcP256);
    let lists = |revoked: &crate::pki::Identity| {
        let lists = [(&party.root, &other), (&party.middle, revoked), (&stamper.root, &other)];
        lists.map(|(authority, revoked)| crl(authority, revoked, b"261101000000Z")).to_vec()
    };
    for pdf in [classic(), modern()] {
        let good = lists(&other);
        let store = SecurityStore { certificates: &certificates, crls: &good };
        let signed = sign_with(&party, &pdf, Some(&stamper), &store);
        assert_eq!(verify(&signed, &stamper.trusted_with(&party)).unwrap().len(), 1);
        let (accepted, said) = judge(&signed);
        assert!(accepted && said.contains(":VALID"), "{said}");
        let (accepted, said) = judge(&sign(&party, &pdf, Some(&stamper)));
        assert!(!accepted && said.contains("no revocation information could be found"), "{said}");
        let bad = lists(&party.identity);
        let store = SecurityStore { certificates: &certificates, crls: &bad };
        let (accepted, said) = judge(&sign_with(&party, &pdf, Some(&stamper), &store));
        assert!(!accepted && said.contains("was revoked"), "{said}");
        // A second signature adds to the store of the first.
        let again = sign_with(&party, &signed, Some(&stamper), &SecurityStore { certificates: &[], crls: &good });
        assert_eq!(verify(&again, &stamper.trusted_with(&party)).unwrap().len(), 2);
    }
}

#[test]
fn a_second_signature_leaves_the_first_its_revision() {
    let (first, stamper) = (party(EC), Stamper::new());
    let mut second = party(SignatureAlgorithm::RsaPssSha256);
    second.root = crate::pki::Identity::root(crate::pki::authority("Acme Root"), KeyAlgorithm::EcP256);
    let folder = judged_by_pyhanko(&first, &stamper);
    for pdf in [classic(), modern()] {
        let once = sign(&first, &pdf, None);
        let twice = sign(&second, &once, Some(&stamper));
        let revisions = verify(&twice, &stamper.trusted_with(&first)).unwrap();
        let lengths: Vec<_> = revisions.iter().map(|revision| revision.length).collect();
        assert_eq!(lengths, [once.len() as u64, twice.len() as u64]);
        assert_eq!((revisions[0].verified.algorithm, revisions[1].verified.algorithm), (EC, SignatureAlgorithm::RsaPssSha256));
        let (accepted, said) = pyhanko(&folder, &twice);
        assert!(accepted, "{said}");
        // Cut back to the first signature it is whole; with the first one changed it is not.
        assert!(verify(&once, &first.trust()).is_ok());
        let mut flipped = twice.clone();
        flipped[once.len() - 40] ^= 1;
        assert!(verify(&flipped, &stamper.trusted_with(&first)).is_err());
    }
}

/// THREATS 31.
#[test]
fn later_changes_and_other_holes_are_refused() {
    let party = party(EC);
    let trust = party.trust();
    let signed = sign(&party, &classic(), None);
    let verdict = |pdf: &[u8]| codes(verify(pdf, &trust));
    assert_eq!(verdict(&signed), [""; 0]);
    assert_eq!(verdict(&classic()), ["unsigned"]);
    // Incremental saving: an update that replaces the page, hides a shadow or adds an annotation is bytes behind the last signature.
    let mut update = Document::load_mem(&signed).map(|document| lopdf::IncrementalDocument::create_from(signed.clone(), document)).unwrap();
    update.opt_clone_object_to_new_document((4, 0)).unwrap();
    let mut shadow = Vec::new();
    update.save_to(&mut shadow).unwrap();
    assert_eq!(verdict(&shadow), ["covered"]);
    assert_eq!(verdict(&[&signed[..], b"\n"].concat()), ["covered"]);
    assert_eq!(verdict(&[&signed[..], b"\n%%EOF\n"].concat()), ["covered"]);
    for end in (0..signed.len()).step_by(7) {
        assert!(verify(&signed[..end], &trust).is_err(), "{end}");
    }
    // A byte range that says something else, of the same length.
    let at = memchr::memmem::find(&signed, b"/ByteRange[").unwrap() + 11;
    let end = at + memchr::memchr(b']', &signed[at..]).unwrap();
    let text = std::str::from_utf8(&signed[at..end]).unwrap().to_owned();
    let old: Vec<usize> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let ranged = |numbers: [usize; 4]| {
        let mut changed = signed.clone();
        let written = format!("{} {:<10} {:<10} {:<10}", numbers[0], numbers[1], numbers[2], numbers[3]);
        changed[at..end].copy_from_slice(format!("{written:<width$}", width = end - at).as_bytes());
        verdict(&changed)
    };
    let [_, hole, resumes, rest] = old[..] else { panic!("{text}") };
    assert_eq!(ranged([0, hole, resumes, rest]), [""; 0]);
    assert_eq!(ranged([1, hole, resumes, rest]), ["unsigned"]);
    for numbers in [
        [0, hole - 1, resumes, rest],
        [0, hole, resumes + 1, rest - 1],
        [0, hole + 1, resumes, rest],
        [0, hole, resumes, rest - 1],
        [0, hole, resumes, rest + 1],
        [0, hole - 100, resumes, rest],
        [0, resumes, hole, rest],
        [0, hole, resumes, 9_999_999_999],
    ] {
        assert_eq!(ranged(numbers), ["covered"], "{numbers:?}");
    }
    assert_eq!(ranged([0, 10, resumes, rest]), ["covered"]);
    let bounds = [&vec![b' '; 600_000][..], b"/ByteRange [0 0 600000 26]"].concat();
    assert_eq!(verdict(&bounds), ["bounds"]);
    assert_eq!(verdict(&b"/ByteRange [0 1 2 3]".repeat(17)), ["bounds"]);
    assert_eq!(verdict(&b"/ByteRange [0 1".repeat(100)), ["bounds"]);
    // Something else hidden behind the CMS in the hole.
    let mut padded = signed.clone();
    padded[resumes - 2] = b'1';
    assert_eq!(verdict(&padded), ["form"]);
    // The hole is no longer called Contents, and the CMS is that of other bytes.
    let mut renamed = signed.clone();
    let name = memchr::memmem::find(&renamed, b"/Contents<").unwrap();
    renamed[name + 1] = b'K';
    assert_eq!(verdict(&renamed), ["covered"]);
    let mut other = signed.clone();
    let name = memchr::memmem::find(&other, b"ETSI.CAdES.detached").unwrap();
    other[name] = b'X';
    assert_eq!(verdict(&other), ["form"]);
    let foreign = Party::with_purposes(EC, &[CODE_SIGNING]);
    assert_eq!(codes(verify(&sign(&foreign, &classic(), None), &foreign.trust())), ["purpose"]);
}

#[test]
fn a_byte_range_belongs_to_the_object_of_its_hole() {
    let party = party(EC);
    // The signer's own signature over a range that stands in another object than the hole.
    let body = |hole: &str, range: &str| {
        format!(
            "%PDF-1.7\n1 0 obj\n<< /ByteRange {range} >>\nendobj\n2 0 obj\n<< /SubFilter /ETSI.CAdES.detached /Contents {hole} >>\nendobj\n"
        )
    };
    let room = room(&party.certified(), None);
    let zeros = format!("<{}>", "0".repeat(2 * room));
    let draft = body(&zeros, "[0 0000000000 0000000000 0000000000]");
    let (start, end) = (draft.find('<').map(|_| draft.find(&zeros).unwrap()).unwrap(), draft.find(&zeros).unwrap() + zeros.len());
    let final_text = body(&zeros, &format!("[0 {start:010} {end:010} {:010}]", draft.len() - end));
    let covered = [&final_text.as_bytes()[..start], &final_text.as_bytes()[end..]].concat();
    let digest = chancery_x509::hash::digest(cms::content_digest(EC), &covered);
    let prepared = pades::prepare(&party.certified(), &digest).unwrap();
    let signature = party.sign(prepared.to_be_signed());
    let made = hex::encode(prepared.finish(&signature).unwrap());
    let signed = final_text.replace(&zeros, &format!("<{made:0<width$}>", width = 2 * room));
    assert_eq!(codes(verify(signed.as_bytes(), &party.trust())), ["covered"]);
}

#[test]
fn not_one_of_many_flips_goes_unseen() {
    let party = party(SignatureAlgorithm::Ed25519);
    let trust = party.trust();
    let signed = sign(&party, &modern(), None);
    let mut random = Seeded(31);
    for round in 0..4000 {
        let mut flipped = signed.clone();
        let at = random.below(signed.len());
        flipped[at] ^= 1 << random.below(8);
        assert!(verify(&flipped, &trust).is_err(), "round {round}, byte {at}");
    }
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let refusal =
        |pdf: &[u8], room: usize| Package::of(pdf, room, now(), &SecurityStore::default()).err().map_or("", |problem| problem.code);
    assert_eq!(refusal(&classic(), 4096), "");
    assert_eq!(refusal(&classic(), pades::LARGEST_CMS + 1), "bounds");
    assert_eq!(refusal(b"no PDF", 4096), "form");
    let mut certified = Document::load_mem(&classic()).unwrap();
    certified.get_dictionary_mut((1, 0)).unwrap().set("Perms", lopdf::dictionary! { "DocMDP" => lopdf::Object::Reference((9, 0)) });
    let mut bytes = Vec::new();
    certified.save_to(&mut bytes).unwrap();
    assert_eq!(refusal(&bytes, 4096), "certified");
    let party = party(EC);
    let package = Package::of(&classic(), 100, now(), &SecurityStore::default()).unwrap();
    let prepared = pades::prepare(&party.certified(), &package.digest(EC)).unwrap();
    let signature = party.sign(prepared.to_be_signed());
    assert_eq!(package.finish(&prepared.finish(&signature).unwrap()).unwrap_err().code, "bounds");
    // Whatever is wrong with a PDF, it is refused or signed, and nothing else happens.
    for (seed, pdf) in [classic(), modern()].iter().enumerate() {
        let mut random = Seeded(seed as u64);
        for _ in 0..500 {
            let mut damaged = pdf.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(damaged.len());
                damaged[at] ^= 1 << random.below(8);
            }
            damaged.truncate(pdf.len() - if random.below(3) == 0 { random.below(pdf.len()) } else { 0 });
            refusal(&damaged, 2048);
        }
    }
}
