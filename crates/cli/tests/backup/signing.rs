//! `chancery sign` as a build runs it: files stay where they are, the server signs what stands for them, and judges from outside take
//! what comes of it and refuse it changed. So does `chancery verify`.

use crate::artifacts;
use crate::installation::{Installation, Server, text};
use crate::on_both;
use crate::world::{self, Tenant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_testkit::{Engine, judges};
use chancery_x509::pem;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

on_both!(
    a_pdf_is_signed_where_it_is,
    a_program_is_signed_where_it_is,
    an_archive_is_signed_where_it_is,
    a_statement_is_made_of_files_where_they_are
);

/// What cosign knows a signer by: it looks for no DNS name.
pub(crate) const IDENTITY: &str = "https://builds.acme-bank.example/release";

/// Kinds of keys, and the signers that are called so.
const KEYS: [&str; 4] = ["ec-p256", "ec-p384", "rsa-2048", "ed25519"];

/// A tenant with signers of four kinds, one that signs nothing without a timestamp, the authority that gives it, and what judges need.
pub(crate) struct Bench {
    pub(crate) place: Installation,
    pub(crate) server: Server,
    pub(crate) tenant: Tenant,
}

impl Bench {
    pub(crate) async fn new(engine: Engine, formats: &[&str], profile: &str) -> Self {
        let place = Installation::new(engine).await;
        let (server, _, [tenant, other]) = world::begin(&place).await;
        let algorithms = ["ecdsa-p256-sha256", "ecdsa-p384-sha384", "rsa-pkcs1-sha256", "ed25519"];
        let digests = ["sha-256", "sha-384", "sha-512"];
        let terms = json!({"policy": "1.3.6.1.4.1.99999.1", "accuracy_seconds": 2});
        let stamps = json!({"formats": ["timestamp"], "algorithms": algorithms, "digests": digests, "timestamp": terms});
        let signing = |required: bool| json!({"formats": formats, "algorithms": algorithms, "digests": digests, "timestamp_by": "time", "timestamp_required": required});
        let body = json!({"name": "builds", "permitted_names": ["dns:*.acme-bank.example", "uri:https://builds.acme-bank.example/*"]});
        let (status, issuer) = server.post(&tenant.token, &tenant.path("/issuers"), body).await;
        assert_eq!(status, 201, "{issuer}");
        let uri = format!("uri:{IDENTITY}");
        let signers = KEYS.map(|key| (key, signing(false), profile, key, uri.as_str()));
        let strict = ("strict", signing(true), profile, "ec-p256", uri.as_str());
        let time = ("time", stamps, "tsa-signer", "ec-p256", "time.acme-bank.example");
        for (name, signing, profile, key, of) in [vec![time], signers.to_vec(), vec![strict]].concat() {
            let certify = json!({"profile": profile, "issuer": issuer["id"], "names": [of], "key_algorithm": key});
            let body = json!({"name": name, "signing_profile": signing, "certify": certify});
            let (status, made) = server.post(&tenant.token, &tenant.path("/signers"), body).await;
            assert_eq!(status, 201, "{made}");
            // Of the other tenant's files it signs none: there it is not known.
            let (status, _) = server.get(&other.token, &other.path(&format!("/signers/{name}"))).await;
            assert_eq!(status, 404);
        }
        let public = |file: &str| format!("/pki/{}/{file}", text(&issuer["public_id"]));
        let (_, root) = server.get(&tenant.token, &tenant.path(&format!("/issuers/{}", text(&issuer["root"])))).await;
        fs::write(place.path("root.pem"), text(&root["certificate"])).unwrap();
        let list = server.until("a first CRL", async || Some(server.public(&public("0.crl")).await).filter(|(status, _)| *status == 200));
        fs::write(place.path("list.pem"), pem::encode(pem::X509_CRL, &list.await.1)).unwrap();
        Self { place, server, tenant }
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.place.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.place.path(name)).unwrap()
    }

    /// `chancery sign` in the folder: whether it signed, and what it said.
    pub(crate) async fn sign(&self, words: &[&str]) -> (bool, String) {
        let mut command = self.place.command(&[&["sign"], words].concat());
        command.current_dir(self.place.folder.path()).env("CHANCERY_URL", &self.server.url).env("CHANCERY_TOKEN", &self.tenant.token);
        let output = command.output().await.unwrap();
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    pub(crate) async fn signed(&self, words: &[&str]) {
        let (ok, said) = self.sign(words).await;
        assert!(ok, "{words:?}: {said}");
    }

    /// A judge in the folder: whether it ended well, and what it said.
    pub(crate) async fn judge(&self, program: impl AsRef<Path>, arguments: &str) -> (bool, String) {
        let mut command = tokio::process::Command::new(program.as_ref());
        let output = command.current_dir(self.place.folder.path()).args(arguments.split_whitespace()).output().await;
        let output = output.unwrap_or_else(|error| panic!("{}: {error}; run cargo xtask setup", program.as_ref().display()));
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    /// The verdict of `chancery verify`, by the root alone.
    pub(crate) async fn verdict(&self, file: &str, more: &[&str]) -> String {
        let (file, root) = (self.place.text(file), self.place.text("root.pem"));
        text(&self.place.run(&[&["verify", &file, "--root", &root], more].concat()).await.out[0]["verdict"])
    }

    /// The documents that the last request had signed, as the log tells of them.
    async fn recorded(&self) -> Value {
        let events = self.tenant.events(&self.server).await;
        let event = events.into_iter().find(|event| event["act"] == "signature.create").unwrap();
        event["detail"]["documents"].clone()
    }
}

/// With one bit changed.
pub(crate) fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[at] ^= 1;
    flipped
}

async fn a_pdf_is_signed_where_it_is(engine: Engine) {
    let bench = Bench::new(engine, &["pades"], "document-signing").await;
    bench.write("contract.pdf", artifacts::pdf());
    let pyhanko = judges::folder().join("pyhanko");
    let judge = "sign validate --trust root.pem --trust-replace --no-revocation-check --pretty-print judged.pdf";
    for key in ["ec-p256", "ec-p384", "rsa-2048", "ed25519"] {
        bench.signed(&["contract.pdf", "--signer", key, "--format", "pades", "--output", "signed.pdf"]).await;
        let signed = bench.read("signed.pdf");
        assert!(signed.starts_with(&artifacts::pdf()));
        bench.write("judged.pdf", &signed);
        let (accepted, said) = bench.judge(&pyhanko, judge).await;
        assert!(accepted && said.contains("The signature is judged VALID."), "{key}: {said}");
        assert_eq!(bench.verdict("signed.pdf", &[]).await, "valid");
        // In what was there, and in the page.
        let changed = flipped(&signed, memchr::memmem::find(&signed, b"100 EUR").unwrap());
        bench.write("judged.pdf", &changed);
        let (accepted, said) = bench.judge(&pyhanko, judge).await;
        assert!(!accepted || said.contains("INVALID"), "{key}: {said}");
        assert_eq!(bench.verdict("judged.pdf", &[]).await, "invalid");
    }
    // The file stayed here: what was signed has a digest that is not the file's, and its length is stated.
    let recorded = bench.recorded().await;
    assert_eq!((&recorded[0]["name"], &recorded[0]["size"]), (&json!("contract.pdf"), &json!(artifacts::pdf().len())));
    bench.write("text.pdf", "no PDF");
    let (ok, said) = bench.sign(&["text.pdf", "--signer", "ec-p256", "--format", "pades"]).await;
    assert!(!ok && said.contains("not a PDF that can be signed"), "{said}");
    let (ok, said) = bench.sign(&["contract.pdf", "--signer", "ec-p256", "--format", "pades", "--output", "./contract.pdf"]).await;
    assert!(!ok && said.contains("is what was signed, and is not written over"), "{said}");
    assert_eq!(bench.read("contract.pdf"), artifacts::pdf());
}

async fn a_program_is_signed_where_it_is(engine: Engine) {
    let bench = Bench::new(engine, &["authenticode"], "code-signing").await;
    bench.write("app.exe", artifacts::program());
    let judge = "verify -in judged.exe -CAfile root.pem -ignore-cdp -CRLfile list.pem";
    for key in ["ec-p256", "ec-p384", "rsa-2048"] {
        bench.signed(&["app.exe", "--signer", key, "--format", "authenticode"]).await;
        let signed = bench.read("app.exe.signed.exe");
        bench.write("judged.exe", &signed);
        let (accepted, said) = bench.judge("osslsigncode", judge).await;
        assert!(accepted && said.contains("Signature verification: ok"), "{key}: {said}");
        assert_eq!(bench.verdict("app.exe.signed.exe", &[]).await, "valid");
        bench.write("judged.exe", flipped(&signed, 0x201));
        let (accepted, said) = bench.judge("osslsigncode", judge).await;
        assert!(!accepted, "{key}: {said}");
        assert_eq!(bench.verdict("judged.exe", &[]).await, "invalid");
    }
    // Windows knows no such signatures, and one that is signed is not signed again.
    let (ok, said) = bench.sign(&["app.exe", "--signer", "ed25519", "--format", "authenticode"]).await;
    assert!(!ok && said.contains("Windows knows no ed25519 signatures"), "{said}");
    let (ok, said) = bench.sign(&["app.exe.signed.exe", "--signer", "ec-p256", "--format", "authenticode"]).await;
    assert!(!ok && said.contains("it is signed already"), "{said}");
}

async fn an_archive_is_signed_where_it_is(engine: Engine) {
    let bench = Bench::new(engine, &["jar"], "code-signing").await;
    bench.write("app.jar", artifacts::archive());
    for key in ["ec-p256", "rsa-2048"] {
        bench.signed(&["app.jar", "--signer", key, "--format", "jar"]).await;
        let (accepted, said) = bench.judge("jarsigner", "-verify app.jar.signed.jar").await;
        assert!(accepted && said.contains("jar verified"), "{key}: {said}");
        assert_eq!(bench.verdict("app.jar.signed.jar", &[]).await, "valid");
        let signed = bench.read("app.jar.signed.jar");
        bench.write("judged.jar", flipped(&signed, memchr::memmem::find(&signed, b"EUR 1.00").unwrap()));
        let (accepted, said) = bench.judge("jarsigner", "-verify judged.jar").await;
        assert!(!accepted || !said.contains("jar verified"), "{key}: {said}");
        assert_eq!(bench.verdict("judged.jar", &[]).await, "invalid");
    }
}

async fn a_statement_is_made_of_files_where_they_are(engine: Engine) {
    let bench = Bench::new(engine, &["dsse", "sigstore"], "code-signing").await;
    bench.write("app.tar", b"a release");
    bench.write("app.zip", b"the same as a ZIP");
    bench.write("tested.json", r#"{"passed": true}"#);
    let about = ["--predicate-type", "https://acme.example/tested/v1", "--predicate", "tested.json"];
    // A bundle over a file, and one around a statement.
    let (_, root) = (bench.trusted_root().await, "--trusted-root root.json --insecure-ignore-sct --insecure-ignore-tlog");
    let who = format!("{root} --certificate-identity {IDENTITY} --certificate-oidc-issuer-regexp .*");
    let cosign = judges::folder().join("../../bin/cosign");
    for key in ["ec-p256", "ec-p384", "rsa-2048"] {
        bench.signed(&["app.tar", "--signer", key, "--format", "sigstore"]).await;
        bench
            .signed(&[&["app.tar", "--signer", key, "--format", "sigstore", "--output", "tested.sigstore.json"], &about[..]].concat())
            .await;
        let blob = format!("verify-blob --bundle app.tar.sigstore.json {who}");
        let attestation = format!("verify-blob-attestation --bundle tested.sigstore.json {who} --type https://acme.example/tested/v1");
        for judge in [blob, attestation] {
            let (accepted, said) = bench.judge(&cosign, &format!("{judge} app.tar")).await;
            assert!(accepted, "{key} {judge}: {said}");
            let (accepted, said) = bench.judge(&cosign, &format!("{judge} app.zip")).await;
            assert!(!accepted, "{key} {judge}: {said}");
        }
    }
    // An envelope around one statement about both.
    let words = ["app.tar", "app.zip", "--signer", "ed25519", "--format", "dsse", "--output", "release.dsse.json"];
    bench.signed(&[&words[..], &about].concat()).await;
    let envelope: Value = serde_json::from_slice(&bench.read("release.dsse.json")).unwrap();
    let statement: Value = serde_json::from_slice(&STANDARD.decode(text(&envelope["payload"])).unwrap()).unwrap();
    assert_eq!((&statement["predicate"], &statement["subject"][1]["name"]), (&json!({"passed": true}), &json!("app.zip")));
    for (number, name) in ["app.tar", "app.zip"].into_iter().enumerate() {
        let digest = bench.judge("sha256sum", name).await.1;
        assert!(digest.starts_with(&text(&statement["subject"][number]["digest"]["sha256"])), "{digest}");
    }
    let refusals: [(&[&str], &str); 4] = [
        (&["app.tar", "--signer", "ec-p256", "--format", "raw"], "--format dsse or sigstore"),
        (&["app.tar", "app.zip", "--signer", "ec-p256", "--format", "dsse"], "--output says where"),
        (&["app.tar", "--signer", "ec-p256", "--format", "dsse", "--predicate-type", "tested", "--predicate", "tested.json"], "a URI"),
        (&["app.tar", "--signer", "ed25519", "--format", "sigstore"], "sign a statement about the file instead"),
    ];
    for (words, expected) in refusals {
        let more = if words.contains(&"--predicate") || words.contains(&"ed25519") { &[][..] } else { &about[..] };
        let (ok, said) = bench.sign(&[words, more].concat()).await;
        assert!(!ok && said.contains(expected), "{words:?}: {said}");
    }
}

impl Bench {
    /// The tenant's authorities as cosign wants to be told of them.
    pub(crate) async fn trusted_root(&self) {
        let (_, signer) = self.server.get(&self.tenant.token, &self.tenant.path("/signers/ec-p256")).await;
        let (_, time) = self.server.get(&self.tenant.token, &self.tenant.path("/signers/time")).await;
        let authority = |signer: &Value, leave: usize| {
            let chain = [text(&signer["versions"][0]["chain"]), String::from_utf8(self.read("root.pem")).unwrap()].concat();
            let blocks = pem::decode(&chain).unwrap();
            let chain: Value = blocks[leave..].iter().map(|block| json!({"rawBytes": STANDARD.encode(&block.der)})).collect();
            json!([{
                "subject": {"organization": "Acme", "commonName": "Acme"}, "uri": "https://acme.example",
                "certChain": {"certificates": chain}, "validFor": {"start": "2020-01-01T00:00:00Z"}
            }])
        };
        let root = json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1", "tlogs": [], "ctlogs": [],
            "timestampAuthorities": authority(&time, 0), "certificateAuthorities": authority(&signer, 1),
        });
        self.write("root.json", root.to_string());
    }
}
