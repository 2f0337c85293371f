//! `chancery sign --timestamp`: the timestamp of the tenant's own authority goes into files, where judges from outside look for it.

use crate::artifacts;
use crate::installation::text;
use crate::on_both;
use crate::signing::{Bench, IDENTITY, flipped};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_testkit::{Engine, judges};
use serde_json::{Value, json};

on_both!(pdfs_are_stamped, programs_are_stamped, bundles_are_stamped);

/// Each signer, and what is asked of it: one gives a timestamp without being asked.
const SIGNERS: [(&str, &[&str]); 4] =
    [("ec-p256", &["--timestamp"]), ("ec-p384", &["--timestamp"]), ("rsa-2048", &["--timestamp"]), ("strict", &[])];

/// The end of a SignedData whose header has four bytes: the last byte of the timestamp's signature, if one is in it.
fn last_of_cms(cms: &[u8]) -> usize {
    assert_eq!(cms[..2], [0x30, 0x82]);
    3 + usize::from(cms[2]) * 256 + usize::from(cms[3])
}

impl Bench {
    /// What our own verifier says to a file that has a timestamp, and to it changed; both with its authority's root.
    async fn stamped_verdicts(&self, file: &str, changed: &str, more: &[&str]) {
        let root = self.place.text("root.pem");
        let with = [more, &["--timestamp-root", &root]].concat();
        assert_eq!(self.verdict(file, &with).await, "valid", "{file}");
        assert_eq!(self.verdict(file, more).await, "invalid", "{file}: who gives the time is trusted, too");
        assert_eq!(self.verdict(changed, &with).await, "invalid", "{changed}");
    }

    /// A signer that wants a timestamp signs nothing without its authority.
    async fn without_its_authority(&self, file: &str, formats: &[&str]) {
        let (status, _) = self.server.post(&self.tenant.token, &self.tenant.path("/signers/time/disable"), json!({})).await;
        assert_eq!(status, 200);
        for format in formats {
            let (ok, said) = self.sign(&[file, "--signer", "strict", "--format", format, "--output", "none"]).await;
            assert!(!ok && said.contains("time, which gives the timestamp"), "{format}: {said}");
        }
    }
}

async fn pdfs_are_stamped(engine: Engine) {
    let bench = Bench::new(engine, &["pades"], "document-signing").await;
    bench.write("contract.pdf", artifacts::pdf());
    let pyhanko = judges::folder().join("pyhanko");
    let judge = "sign validate --trust root.pem --trust-replace --no-revocation-check --pretty-print judged.pdf";
    let accepts = async |pdf: &[u8]| {
        bench.write("judged.pdf", pdf);
        let (ok, said) = bench.judge(&pyhanko, judge).await;
        (ok && said.contains("The signature is judged VALID.") && !said.contains("INVALID"), said)
    };
    for (signer, more) in SIGNERS {
        let words = ["contract.pdf", "--signer", signer, "--format", "pades", "--output", "signed.pdf"];
        bench.signed(&[&words[..], more].concat()).await;
        let signed = bench.read("signed.pdf");
        let (accepted, said) = accepts(&signed).await;
        assert!(accepted && said.contains("The timestamp token is cryptographically sound."), "{signer}: {said}");
        assert!(said.contains("The TSA certificate is trusted."), "{signer}: {said}");
        // The last digit of the timestamp's own signature.
        let hex = memchr::memmem::find(&signed, b"/Contents<3082").unwrap() + 10;
        let cms = hex::decode(&signed[hex..hex + 8]).unwrap();
        let changed = flipped(&signed, hex + 2 * last_of_cms(&cms) + 1);
        bench.write("changed.pdf", &changed);
        let (accepted, said) = accepts(&changed).await;
        assert!(!accepted, "{signer}: {said}");
        bench.stamped_verdicts("signed.pdf", "changed.pdf", &[]).await;
    }
    // B-LT: by the lists in the PDF alone; a B-T without them is not enough.
    let words = ["contract.pdf", "--signer", "ec-p256", "--format", "pades", "--output"];
    bench.signed(&[&words[..], &["lasting.pdf", "--long-term"]].concat()).await;
    bench.signed(&[&words[..], &["stamped.pdf", "--timestamp"]].concat()).await;
    let judge = "sign adesverify --trust root.pem --trust-replace --executive-summary";
    let (accepted, said) = bench.judge(&pyhanko, &format!("{judge} lasting.pdf")).await;
    assert!(accepted && said.contains(":VALID"), "{said}");
    let (accepted, said) = bench.judge(&pyhanko, &format!("{judge} stamped.pdf")).await;
    assert!(!accepted && said.contains("no revocation information could be found"), "{said}");
    let lasting = bench.read("lasting.pdf");
    let list = memchr::memmem::find(&lasting, b"/CRLs").unwrap();
    bench.write("changed.pdf", flipped(&lasting, list + 1));
    bench.stamped_verdicts("lasting.pdf", "changed.pdf", &[]).await;
    bench.without_its_authority("contract.pdf", &["pades"]).await;
}

/// What osslsigncode says of a timestamp that holds.
const SOUND: &str = "Timestamp Server Signature verification: ok";

async fn programs_are_stamped(engine: Engine) {
    let bench = Bench::new(engine, &["authenticode", "raw"], "code-signing").await;
    bench.write("app.exe", artifacts::program());
    let judge = "verify -in judged.exe -CAfile root.pem -TSA-CAfile root.pem -ignore-cdp -CRLfile list.pem -TSA-CRLfile list.pem";
    for (signer, more) in SIGNERS {
        bench.signed(&[&["app.exe", "--signer", signer, "--format", "authenticode", "--output", "signed.exe"], more].concat()).await;
        let signed = bench.read("signed.exe");
        bench.write("judged.exe", &signed);
        let (accepted, said) = bench.judge("osslsigncode", judge).await;
        assert!(accepted && said.contains(SOUND), "{signer}: {said}");
        let cms = memchr::memmem::find(&signed, b"\x00\x02\x02\x00\x30\x82").unwrap() + 4;
        bench.write("judged.exe", flipped(&signed, cms + last_of_cms(&signed[cms..])));
        // It tells of the timestamp, and then judges the program without one.
        let (_, said) = bench.judge("osslsigncode", judge).await;
        assert!(said.contains("Timestamp Server Signature verification: failed"), "{signer}: {said}");
        bench.stamped_verdicts("signed.exe", "judged.exe", &[]).await;
    }
    // Nothing is signed where there is no room for it.
    let (ok, said) = bench.sign(&["app.exe", "--signer", "strict", "--format", "raw"]).await;
    assert!(!ok && said.contains("wants a timestamp in each signature"), "{said}");
    let (ok, said) = bench.sign(&["app.exe", "--signer", "strict", "--format", "raw", "--timestamp"]).await;
    assert!(!ok && said.contains("raw carries no timestamp"), "{said}");
    let (ok, said) = bench.sign(&["app.exe", "--signer", "ec-p256", "--format", "authenticode", "--long-term"]).await;
    assert!(!ok && said.contains("--long-term is about PDFs"), "{said}");
    bench.without_its_authority("app.exe", &["authenticode"]).await;
}

async fn bundles_are_stamped(engine: Engine) {
    let bench = Bench::new(engine, &["sigstore"], "code-signing").await;
    bench.write("app.tar", b"a release");
    bench.write("tested.json", r#"{"passed": true}"#);
    bench.trusted_root().await;
    let cosign = judges::folder().join("../../bin/cosign");
    let who = format!(
        "--trusted-root root.json --insecure-ignore-sct --insecure-ignore-tlog --use-signed-timestamps \
         --certificate-identity {IDENTITY} --certificate-oidc-issuer-regexp .*"
    );
    let (_, signer) = bench.server.get(&bench.tenant.token, &bench.tenant.path("/signers/strict")).await;
    bench.write("chain.pem", text(&signer["versions"][0]["chain"]));
    let (content, chain) = (bench.place.text("app.tar"), bench.place.text("chain.pem"));
    let kind = "https://acme.example/tested/v1";
    let about = ["--predicate-type", kind, "--predicate", "tested.json"];
    for (signer, asked) in [("ec-p256", true), ("rsa-2048", true), ("strict", false)] {
        for statement in [false, true] {
            let words = ["app.tar", "--signer", signer, "--format", "sigstore", "--output", "signed.json"];
            let more = [if asked { &["--timestamp"][..] } else { &[] }, if statement { &about } else { &[] }].concat();
            bench.signed(&[&words[..], &more].concat()).await;
            let judge = match statement {
                false => format!("verify-blob --bundle judged.json {who} app.tar"),
                true => format!("verify-blob-attestation --bundle judged.json {who} --type {kind} app.tar"),
            };
            let signed = bench.read("signed.json");
            bench.write("judged.json", &signed);
            let (accepted, said) = bench.judge(&cosign, &judge).await;
            assert!(accepted, "{signer} {statement}: {said}");
            let mut bundle: Value = serde_json::from_slice(&signed).unwrap();
            let token = &mut bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"];
            let mut reply = STANDARD.decode(text(token)).unwrap();
            *reply.last_mut().unwrap() ^= 1;
            *token = STANDARD.encode(reply).into();
            bench.write("judged.json", bundle.to_string());
            let (accepted, said) = bench.judge(&cosign, &judge).await;
            assert!(!accepted, "{signer} {statement}: {said}");
            bench.stamped_verdicts("signed.json", "judged.json", &["--content", &content, "--certificate", &chain]).await;
        }
    }
    bench.without_its_authority("app.tar", &["sigstore"]).await;
}
