//! Every preset profile with every kind of key, as it comes out of the API, before judges from outside: openssl and pkilint, and for
//! ML-DSA, which openssl 3.0 does not know, Python's `cryptography`.

use chancery_domain::key::KeyAlgorithm;
use chancery_domain::profile::{CommonName, ExtendedKeyUsage, Profile};
use chancery_testkit::openssl::Openssl;
use chancery_testkit::{Engine, TestServer, pkilint, python, run};
use serde_json::{Value, json};

/// Argument pairs: a certificate and its issuer's. Verifies each signature and says of which kinds the two keys are.
const VERIFIED: &str = r#"
import sys
from cryptography import x509
load = lambda name: x509.load_pem_x509_certificate(open(name, "rb").read())
for certificate, issuer in zip(sys.argv[1::2], sys.argv[2::2]):
    certificate, issuer = load(certificate), load(issuer)
    certificate.verify_directly_issued_by(issuer)
    print(type(issuer.public_key()).__name__, type(certificate.public_key()).__name__)
"#;

/// An issuer with keys of this kind for every kind of name; its files in the judge's folder are named for the kind.
async fn issuer(server: &TestServer, judge: &Openssl, kind: KeyAlgorithm) -> Value {
    let admin = server.as_(&server.acme.admin);
    let permitted = ["dns:*.acme.example", "ip:10.0.0.0/8", "email:*@acme.example", "uri:https://acme.example/*"];
    let body = json!({"name": kind.as_str(), "permitted_names": permitted, "key_algorithm": kind.as_str()});
    let issuing = admin.post(&server.acme.path("/issuers"), body).await.ok(201);
    let root = admin.get(&server.acme.path(&format!("/issuers/{}", text(&issuing["root"])))).await.ok(200);
    judge.file(&format!("{}-root.pem", kind.as_str()), text(&root["certificate"]));
    judge.file(&format!("{}-issuing.pem", kind.as_str()), text(&issuing["certificate"]));
    issuing
}

/// A certificate of this profile over a key of this kind that is made here. It does not stay, for the sake of the quota.
async fn leaf(server: &TestServer, profile: &Profile, kind: KeyAlgorithm, issuer: &Value) -> String {
    let admin = server.as_(&server.acme.admin);
    // What every profile has a pattern for: a host, or else a mailbox.
    let (kind_of_name, name) = match profile.name.as_str() {
        "smime" => ("email:", "a@acme.example".to_owned()),
        other => ("", format!("{other}.acme.example")),
    };
    let named = format!("{kind_of_name}{name}");
    let common_name = (profile.common_name == CommonName::OneOfTheNames).then_some(name);
    let body = json!({
        "profile": profile.name, "names": [named], "common_name": common_name, "key_algorithm": kind.as_str(), "issuer": issuer["id"],
        "custody": profile.custody.last().unwrap().as_str(),
    });
    let issued = admin.post(&server.acme.path("/certificates"), body).await.ok(201);
    admin.post(&server.acme.path(&format!("/certificates/{}/revoke", text(&issued["id"]))), json!({})).await.ok(200);
    text(&issued["certificate"]).to_owned()
}

/// What openssl calls the purpose.
fn purposes(profile: &Profile) -> Vec<&'static str> {
    let purpose = |usage: &ExtendedKeyUsage| match usage {
        ExtendedKeyUsage::ServerAuth => "sslserver",
        ExtendedKeyUsage::ClientAuth => "sslclient",
        ExtendedKeyUsage::EmailProtection => "smimesign",
        ExtendedKeyUsage::OcspSigning => "ocsphelper",
        ExtendedKeyUsage::TimeStamping => "timestampsign",
        ExtendedKeyUsage::CodeSigning | ExtendedKeyUsage::DocumentSigning => "any",
    };
    profile.extended_key_usage.iter().map(purpose).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_and_pkilint_accept_every_preset_with_every_kind_of_key() {
    run(Engine::Sqlite, async |server: &TestServer| {
        let (judge, mut judged) = (Openssl::new(), Vec::new());
        let issuing = issuer(server, &judge, KeyAlgorithm::EcP256).await;
        for profile in Profile::presets() {
            for kind in &profile.key_algorithms {
                let certificate = leaf(server, &profile, *kind, &issuing).await;
                judge.file("leaf.pem", &certificate);
                for purpose in purposes(&profile) {
                    let verify =
                        "verify -attime 1800000060 -x509_strict -policy_check -CAfile ec-p256-root.pem -untrusted ec-p256-issuing.pem";
                    judge.must(&format!("{verify} -purpose {purpose} leaf.pem"), b"");
                }
                judged.push((format!("{}+{}", profile.name, kind.as_str()), certificate));
            }
        }
        // And the authorities of every other kind that pkilint is to know.
        for kind in KeyAlgorithm::CLASSICAL.into_iter().filter(|kind| kind.may_issue() && *kind != KeyAlgorithm::EcP256) {
            let issuing = issuer(server, &judge, kind).await;
            judged.push((format!("authority+{}", kind.as_str()), text(&issuing["certificate"]).to_owned()));
        }
        assert_eq!(pkilint::errors_in_each(&judged), [""; 0]);
        // Ten profiles with six kinds of key, but for Ed25519 on the public Web; and four kinds of authority.
        println!("{} cells", judged.len());
        assert_eq!(judged.len(), 10 * 6 - 1 + 4);
        server.run_jobs().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_independent_implementation_accepts_every_preset_with_ml_dsa() {
    run(Engine::Sqlite, async |server: &TestServer| {
        let (judge, ml_dsa) = (Openssl::new(), KeyAlgorithm::MlDsa65);
        let (mut pairs, mut expected, mut judged) = (Vec::new(), String::new(), Vec::new());
        let file = |name: String| judge.file(&name, judge.read(&name)).to_str().unwrap().to_owned();
        for (by, class) in [(KeyAlgorithm::EcP256, "ECPublicKey"), (ml_dsa, "MLDSA65PublicKey")] {
            let issuing = issuer(server, &judge, by).await;
            let [above, below] = ["root", "issuing"].map(|what| file(format!("{}-{what}.pem", by.as_str())));
            pairs.extend([above.clone(), above.clone(), below.clone(), above]);
            expected += &format!("{class} {class}\n{class} {class}\n");
            for mut profile in Profile::presets() {
                let path = server.acme.path(&format!("/profiles/{}", profile.name));
                let read = server.as_(&server.acme.admin).get(&path).await;
                profile.key_algorithms = vec![ml_dsa];
                let tag = read.header("etag").to_owned();
                server.as_(&server.acme.admin).with("if-match", &tag).put(&path, json!(profile)).await.ok(200);
                let name = format!("{}-{}.pem", profile.name, by.as_str());
                judge.file(&name, leaf(server, &profile, ml_dsa, &issuing).await);
                judged.push((name.clone(), String::from_utf8(judge.read(&name)).unwrap()));
                pairs.extend([file(name), below.clone()]);
                expected += &format!("{class} MLDSA65PublicKey\n");
            }
        }
        // pkilint reads those, too, though it does not verify them.
        assert_eq!(pkilint::errors_in_each(&judged), [""; 0]);
        assert_eq!(python::must(VERIFIED, &pairs).replace("EllipticCurve", "EC"), expected);
        // Two hierarchies of two, and below each ten profiles.
        println!("{} certificates", pairs.len() / 2);
        assert_eq!(pairs.len() / 2, 2 * (2 + 10));
        // One bit of a signature, and it refuses.
        let mut damaged = judge.read("mtls-ml-dsa-65.pem");
        let end = damaged.len() - 60;
        damaged[end] = if damaged[end] == b'A' { b'B' } else { b'A' };
        let damaged = judge.file("damaged.pem", damaged);
        let by = file("ml-dsa-65-issuing.pem".to_owned());
        let (accepted, said) = python::run(VERIFIED, &[damaged.to_str().unwrap(), &by]);
        assert!(!accepted && said.contains("InvalidSignature"), "{said}");
        server.run_jobs().await;
    })
    .await;
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}
