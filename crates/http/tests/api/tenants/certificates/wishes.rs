//! Requests, made by openssl, that wish for more than the profile gives (THREATS 14, 15, 16, 23): a wish either leaves no trace
//! in the certificate or the request is refused with the name of the field at fault.

use super::text;
use chancery_testkit::openssl::Openssl;
use chancery_testkit::{TestServer, on_both_engines};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const KEY: &str = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem";

/// Extensions that are asked for beside the name: what the certificate says is for the profile alone.
const WITHOUT_TRACE: &[&str] = &[
    "keyUsage=critical,keyCertSign,cRLSign",
    "keyUsage=nonRepudiation,dataEncipherment",
    "keyUsage=encipherOnly,keyAgreement",
    "extendedKeyUsage=anyExtendedKeyUsage",
    "extendedKeyUsage=critical,codeSigning",
    "extendedKeyUsage=OCSPSigning",
    "extendedKeyUsage=critical,timeStamping",
    "extendedKeyUsage=emailProtection,clientAuth",
    "extendedKeyUsage=1.3.6.1.4.1.311.20.2.2",
    "extendedKeyUsage=msSGC,nsSGC",
    "basicConstraints=CA:FALSE",
    "basicConstraints=critical,CA:FALSE",
    "certificatePolicies=2.5.29.32.0",
    "certificatePolicies=2.23.140.1.1,2.23.140.1.2.1",
    "nameConstraints=permitted;DNS:evil.example",
    "nameConstraints=critical,excluded;IP:0.0.0.0/0.0.0.0",
    "policyConstraints=requireExplicitPolicy:0",
    "inhibitAnyPolicy=0",
    "authorityInfoAccess=OCSP;URI:http://ocsp.evil.example/",
    "authorityInfoAccess=caIssuers;URI:http://evil.example/ca.cer",
    "subjectInfoAccess=1.3.6.1.5.5.7.48.5;URI:http://evil.example/",
    "crlDistributionPoints=URI:http://evil.example/1.crl",
    "freshestCRL=URI:http://evil.example/delta.crl",
    "subjectKeyIdentifier=hash",
    "subjectKeyIdentifier=00112233445566778899aabbccddeeff00112233",
    "2.5.29.35=DER:30168014000102030405060708090a0b0c0d0e0f10111213",
    "issuerAltName=DNS:evil.example",
    "tlsfeature=status_request",
    "noCheck=ignored",
    "nsCertType=sslCA,objCA",
    "nsComment=issued in good faith",
    "1.3.6.1.4.1.11129.2.4.2=DER:04020000",
    "1.3.6.1.4.1.11129.2.4.3=critical,DER:0500",
    "1.3.6.1.4.1.311.20.2=DER:1e0e005300750062004300410000",
    "1.3.6.1.4.1.311.21.7=DER:300a06082a0304050607080901",
    "1.3.6.1.4.1.311.25.2=DER:3000",
    "2.5.29.16=DER:3022800f32303030303130313030303030305a810f32303939303130313030303030305a",
    "2.5.29.9=DER:3000",
    "1.3.6.1.5.5.7.1.3=DER:3000",
    "1.2.3.4.5.6.7=critical,DER:0500",
];

/// Subjects that are asked for: a leaf has a common name or none, never an organisation nobody vouched for.
const SUBJECTS: &[&str] = &[
    "/O=Evil Bank Corp/CN=HOST",
    "/C=DE/ST=Berlin/L=Berlin/O=Evil/OU=Root/CN=HOST",
    "/CN=HOST/emailAddress=root@evil.example",
    "/CN=HOST/serialNumber=HRB-1/businessCategory=Private",
    "/DC=com/DC=evil/CN=HOST",
    "/CN=HOST/UID=0/title=Root",
    "/CN=HOST/GN=Root/SN=Authority",
];

/// Names that are asked for instead, and the field that the refusal names.
const NAMES: &[(&str, &str)] = &[
    ("DNS:www.evil.example", "names"),
    ("DNS:HOST,DNS:www.evil.example", "names"),
    ("DNS:HOST.evil.example", "names"),
    ("DNS:www.evilacme-bank.example", "names"),
    ("DNS:acme-bank.example", "names"),
    ("DNS:*.acme-bank.example", "names"),
    ("DNS:*", "csr"),
    ("DNS:w*.acme-bank.example", "csr"),
    ("DNS:*.*.acme-bank.example", "csr"),
    ("DNS:HOST.", "csr"),
    ("DNS:.HOST", "csr"),
    ("DNS:www..acme-bank.example", "csr"),
    ("DNS:-www.acme-bank.example", "csr"),
    ("DNS:ww w.acme-bank.example", "csr"),
    ("DNS:www/evil.acme-bank.example", "csr"),
    ("DNS:HOST:443", "csr"),
    ("DNS:192.0.2.1", "csr"),
    ("IP:192.0.2.1", "names"),
    ("IP:fe80::1", "names"),
    ("email:root@acme-bank.example", "names"),
    ("URI:spiffe://acme-bank.example/root", "names"),
    ("URI:https://user:password@HOST/", "csr"),
    ("RID:1.2.3.4", "csr"),
    ("otherName:1.3.6.1.4.1.311.20.2.3;UTF8:root@evil.example", "csr"),
    ("dirName:dir", "csr"),
];

/// The same name and an extension that no request may carry.
const REFUSED: &[&str] = &[
    "basicConstraints=CA:TRUE",
    "basicConstraints=critical,CA:TRUE,pathlen:0",
    "2.5.29.19=critical,DER:30030101ff",
    "2.5.29.19=critical,DER:3003010101",
    "2.5.29.17=DER:300f820d7777772e6576696c006578616d",
    "2.5.29.17=DER:3000",
    "2.5.29.17=DER:30078205ff6578616d",
];

/// How a request is made with another key or signature.
const OTHERWISE: &[(&str, &str)] = &[
    ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out other.pem", ""),
    ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2047 -out other.pem", ""),
    ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3 -out other.pem", ""),
    ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out other.pem", "-sha1"),
    ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out other.pem", "-md5"),
    ("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out other.pem", ""),
    ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.pem", "-sha1"),
    ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit -out other.pem", ""),
    ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out other.pem", ""),
    ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out other.pem", ""),
    ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1 -out other.pem", ""),
    ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-224 -out other.pem", ""),
    ("genpkey -algorithm ED448 -out other.pem", ""),
];

struct Requests<'a> {
    judge: Openssl,
    server: &'a TestServer,
    host: String,
}

impl<'a> Requests<'a> {
    fn new(server: &'a TestServer) -> Self {
        let judge = Openssl::new();
        judge.must(KEY, b"");
        Self { judge, server, host: server.acme.host("www") }
    }

    /// A request for these names with more settings of openssl's.
    fn request(&self, subject: &str, names: Option<&str>, extension: Option<&str>, more: &str) -> String {
        let (subject, names) = (subject.replace("HOST", &self.host), names.map(|names| names.replace("HOST", &self.host)));
        let mut extensions = names.map(|names| format!("subjectAltName={names}\n")).unwrap_or_default();
        extensions.extend(extension.map(|extension| format!("{extension}\n")));
        let settings = format!(
            "[req]\nprompt=no\ndistinguished_name=dn\nstring_mask=utf8only\n[dn]\nCN={}\n[dir]\nO=Evil\n[extensions]\n{extensions}",
            self.host
        );
        self.judge.file("req.cnf", settings);
        self.judge.file("subject", &subject);
        let words = format!("req -new -config req.cnf -reqexts extensions {more}");
        let mut arguments: Vec<&str> = words.split_whitespace().collect();
        arguments.extend(["-subj", &subject]);
        self.judge.must_with(&arguments)
    }

    fn plain(&self) -> String {
        self.request("/CN=HOST", Some("DNS:HOST"), None, "-key key.pem")
    }

    async fn send(&self, csr: &str) -> chancery_testkit::Answer {
        let body = json!({"profile": "tls-server", "csr": csr});
        self.server.as_(&self.server.acme.admin).post(&self.server.acme.path("/certificates"), body).await
    }

    /// What the certificate says, but for its number, its time and its signature.
    async fn content(&self, csr: &str) -> String {
        let issued = self.send(csr).await.ok(201);
        self.judge.file("leaf.pem", text(&issued["certificate"]));
        self.judge.must("x509 -in leaf.pem -noout -text -certopt no_serial,no_validity,no_sigdump", b"")
    }

    /// The fields that a refusal names.
    async fn blamed(&self, csr: &str) -> (BTreeSet<String>, Value) {
        let answer = self.send(csr).await;
        if answer.status != 422 {
            return (BTreeSet::new(), json!({"status": answer.status.as_u16(), "names": answer.json()["names"]}));
        }
        let problem = answer.json();
        let mut fields: BTreeSet<String> = problem["field"].as_str().map(str::to_owned).into_iter().collect();
        fields.extend(problem["reasons"].as_array().into_iter().flatten().map(|reason| text(&reason["field"]).to_owned()));
        assert!(text(&problem["detail"]).len() > 12, "a refusal says why: {problem}");
        (fields, problem)
    }
}

async fn wishes_beyond_the_profile_leave_no_trace(server: &TestServer) {
    let requests = Requests::new(server);
    let plain = requests.content(&requests.plain()).await;
    assert!(plain.contains("TLS Web Server Authentication") && plain.contains(&requests.host), "{plain}");
    for extension in WITHOUT_TRACE {
        let csr = requests.request("/CN=HOST", Some("DNS:HOST"), Some(extension), "-key key.pem");
        assert_eq!(requests.content(&csr).await, plain, "{extension}");
    }
    for subject in SUBJECTS {
        let csr = requests.request(subject, Some("DNS:HOST"), None, "-key key.pem");
        assert_eq!(requests.content(&csr).await, plain, "{subject}");
    }
    assert_eq!(WITHOUT_TRACE.len() + SUBJECTS.len(), 47);
}

async fn what_no_request_may_carry_is_refused_by_name(server: &TestServer) {
    let requests = Requests::new(server);
    let certificates = server.acme.path("/certificates");
    let (mut refused, mut by_policy, mut wrong) = (0, 0, Vec::new());
    let mut expect = async |what: &str, csr: String, field: &str| {
        let (fields, problem) = requests.blamed(&csr).await;
        if !fields.contains(field) {
            wrong.push(format!("{what}: {field} not blamed: {problem}"));
        }
        refused += 1;
        by_policy += usize::from(problem["type"] == "urn:chancery:problem:refused");
    };
    for (names, field) in NAMES {
        // The common name is not what is at fault.
        expect(names, requests.request("/", Some(names), None, "-key key.pem"), field).await;
    }
    for extension in REFUSED {
        let names = (!extension.starts_with("2.5.29.17")).then_some("DNS:HOST");
        expect(extension, requests.request("/CN=HOST", names, Some(extension), "-key key.pem"), "csr").await;
    }
    for (key, more) in OTHERWISE {
        requests.judge.must(key, b"");
        expect(key, requests.request("/CN=HOST", Some("DNS:HOST"), None, &format!("-key other.pem {more}")), "csr").await;
    }
    for (subject, field) in [("/CN=www.evil.example", "common_name"), ("/CN=HOST/CN=www.evil.example", "csr")] {
        expect(subject, requests.request(subject, Some("DNS:HOST"), None, "-key key.pem"), field).await;
    }
    let plain = requests.plain();
    for (what, csr) in damaged(&requests.judge, &plain) {
        expect(what, csr, "csr").await;
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(refused, NAMES.len() + REFUSED.len() + OTHERWISE.len() + 2 + 9);
    assert!(refused >= 50);
    let listed = server.as_(&server.acme.admin).get(&certificates).await.ok(200);
    assert_eq!(listed["items"], json!([]), "nothing was issued");
    let log = server.events(&server.acme).await;
    assert_eq!(log.iter().filter(|entry| entry["event"]["detail"]["cause"] == "policy").count(), by_policy);
}

/// The request with something wrong in its form.
fn damaged(judge: &Openssl, plain: &str) -> [(&'static str, String); 9] {
    judge.file("plain.pem", plain);
    judge.must("req -in plain.pem -outform DER -out plain.der", b"");
    let der = judge.read("plain.der");
    let pem = |label: &str, der: &[u8]| {
        judge.file("damaged.der", der);
        let body = judge.must("base64 -in damaged.der", b"");
        format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n")
    };
    let label = "CERTIFICATE REQUEST";
    let mut flipped = der.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    let mut renamed = der.clone();
    let at = renamed.windows(4).position(|window| window == b"www.").expect("it names the host");
    renamed[at] = b'x';
    let key = String::from_utf8(judge.read("key.pem")).expect("PEM is text");
    [
        ("a flipped bit of the signature", pem(label, &flipped)),
        ("a name changed after signing", pem(label, &renamed)),
        ("a byte short", pem(label, &der[..last])),
        ("a byte too many", pem(label, &[&der[..], b"\0"].concat())),
        ("two requests", format!("{plain}{plain}")),
        ("called a certificate", pem("CERTIFICATE", &der)),
        ("a private key", key),
        ("nothing", pem(label, b"")),
        ("text", "please".to_owned()),
    ]
}

on_both_engines!(wishes_beyond_the_profile_leave_no_trace, what_no_request_may_carry_is_refused_by_name);
