//! Statements and SLSA provenance before in-toto's own library.

use crate::dsse::{PURPOSES, made};
use crate::support::*;
use chancery_domain::signature::{Digest, DigestAlgorithm, SignatureAlgorithm};
use chancery_formats::MakeError;
use chancery_formats::dsse::Wish;
use chancery_formats::in_toto::{self, PAYLOAD_TYPE, PROVENANCE, Statement, Subject, statement};
use chancery_x509::hash::digest;
use serde_json::{Value, json};

fn subjects() -> Vec<Subject> {
    let of = |name: &str, kinds: &[DigestAlgorithm]| Subject {
        name: name.to_owned(),
        digests: kinds.iter().map(|kind| digest(*kind, name.as_bytes())).collect(),
    };
    vec![of("dist/app.tar.gz", &[DigestAlgorithm::Sha256]), of("dist/app.jar", &DigestAlgorithm::ALL)]
}

fn provenance() -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://acme.example/build/v1",
            "externalParameters": { "repository": "https://git.acme.example/app", "ref": "refs/tags/v1" },
            "internalParameters": {},
            "resolvedDependencies": [
                { "uri": "git+https://git.acme.example/app", "digest": { "gitCommit": "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d" } },
            ],
        },
        "runDetails": {
            "builder": { "id": "https://acme.example/builder", "version": { "runner": "2" }, "builderDependencies": [] },
            "metadata": { "invocationId": "1", "startedOn": "2027-01-15T08:00:00Z", "finishedOn": "2027-01-15T08:01:00Z" },
            "byproducts": [{ "name": "log", "mediaType": "text/plain" }],
        },
    })
}

fn whole() -> Value {
    let text = statement(&subjects(), PROVENANCE, provenance().to_string().as_bytes()).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// What in-toto's library says of each statement.
fn judged(statements: &[Value]) -> Vec<bool> {
    let folder = Folder::new();
    folder.file("cases.json", Value::from(statements.to_vec()).to_string());
    let script = r#"
import json
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
def judge(case):
    try:
        Statement.copy_from_pb(json_format.ParseDict(case, statement_pb2.Statement())).validate()
        json_format.ParseDict(case["predicate"], provenance_pb2.Provenance())
        return True
    except Exception as error:
        return False
print(json.dumps([judge(case) for case in json.load(open("cases.json"))]))
"#;
    let (ok, said) = folder.python(script, &[]);
    assert!(ok, "{said}");
    serde_json::from_str(&said).unwrap()
}

fn problems(statement: &Value) -> Vec<String> {
    let problems = Statement::read(statement.to_string().as_bytes()).expect_err(&statement.to_string());
    assert!(problems.iter().all(|problem| problem.code == "in-toto-statement"), "{problems:?}");
    problems.into_iter().map(|problem| problem.message).collect()
}

#[test]
fn a_statement_says_which_files_and_is_read_back() {
    let algorithm = SignatureAlgorithm::EcdsaP384Sha384;
    let signer = member(algorithm);
    let text = statement(&subjects(), PROVENANCE, provenance().to_string().as_bytes()).unwrap();
    let envelope = made(&signer, algorithm, PAYLOAD_TYPE, &text);
    let (trust, certificates) = (HOUSE.trust(), &signer.chain);
    let wish = Wish { trust: &trust, certificates, purposes: PURPOSES, threshold: 1, at: now() };
    let (verified, found) = in_toto::verify(envelope.as_bytes(), &wish).unwrap();
    assert_eq!(verified.payload, text);
    assert_eq!((found.subjects.clone(), found.predicate_type.as_str(), &found.predicate), (subjects(), PROVENANCE, &provenance()));
    let of = |name: &str| digest(DigestAlgorithm::Sha512, name.as_bytes());
    assert_eq!(found.subject(&of("dist/app.jar")).unwrap().name, "dist/app.jar");
    assert_eq!(found.subject(&of("dist/app.tar.gz")), None);
    assert_eq!(found.subject(&of("else")), None);
    // The same bytes as something else.
    let other = made(&signer, algorithm, "application/json", &text);
    assert_eq!(codes(in_toto::verify(other.as_bytes(), &wish)), ["in-toto-type"]);
    let nonsense = made(&signer, algorithm, PAYLOAD_TYPE, b"{}");
    assert_eq!(codes(in_toto::verify(nonsense.as_bytes(), &wish)).len(), 4);
}

type Change = fn(&mut Value);

/// What is wrong in the eyes of in-toto's library, too, and where.
const BY_BOTH: &[(&str, Change)] = &[
    ("_type", |it| it["_type"] = "https://in-toto.io/Statement/v0.1".into()),
    ("subject", |it| it["subject"] = json!([])),
    ("subject", |it| drop(it.as_object_mut().unwrap().remove("subject"))),
    ("subject[1].digest", |it| it["subject"][1]["digest"] = json!({})),
    ("subject[1].digest", |it| it["subject"][1]["digest"] = json!("sha256")),
    ("subject[0].name", |it| it["subject"][0]["name"] = json!(7)),
    ("predicateType", |it| it["predicateType"] = "".into()),
    ("predicate", |it| it["predicate"] = json!({})),
    ("predicate.buildDefinition", |it| it["predicate"]["buildDefinition"] = json!("x")),
    ("predicate.buildDefinition.externalParameters", |it| it["predicate"]["buildDefinition"]["externalParameters"] = json!("x")),
    ("predicate.buildDefinition.resolvedDependencies", |it| it["predicate"]["buildDefinition"]["resolvedDependencies"] = json!(7)),
    ("predicate.runDetails.builder.version", |it| it["predicate"]["runDetails"]["builder"]["version"] = json!({ "a": 1 })),
    ("predicate.runDetails.metadata.startedOn", |it| it["predicate"]["runDetails"]["metadata"]["startedOn"] = "yesterday".into()),
    ("predicate.runDetails.metadata.invocationId", |it| it["predicate"]["runDetails"]["metadata"]["invocationId"] = json!(1)),
];

/// What the library lets pass, for a protobuf message has no required members.
const BY_US: &[(&str, Change)] = &[
    ("subject[0].digest.sha256", |it| it["subject"][0]["digest"]["sha256"] = "ABCD".into()),
    ("subject[0].digest", |it| it["subject"][0]["digest"] = json!({ "sha1": "da39a3ee5e6b4b0d3255bfef95601890afd80709" })),
    ("predicateType", |it| it["predicateType"] = "no uri".into()),
    ("predicate.buildDefinition.buildType", |it| it["predicate"]["buildDefinition"]["buildType"] = "".into()),
    ("predicate.buildDefinition.externalParameters", |it| {
        drop(it["predicate"]["buildDefinition"].as_object_mut().unwrap().remove("externalParameters"));
    }),
    ("predicate.buildDefinition.resolvedDependencies[0]", |it| {
        it["predicate"]["buildDefinition"]["resolvedDependencies"][0] = json!({ "name": "x" });
    }),
    ("predicate.runDetails", |it| drop(it["predicate"].as_object_mut().unwrap().remove("runDetails"))),
    ("predicate.runDetails.builder", |it| it["predicate"]["runDetails"] = json!({})),
    ("predicate.runDetails.builder.id", |it| it["predicate"]["runDetails"]["builder"]["id"] = "".into()),
];

#[test]
fn what_is_missing_or_misshapen_is_named() {
    let mut cases = vec![whole()];
    let mut expected = vec![true];
    for (changes, by_library) in [(BY_BOTH, false), (BY_US, true)] {
        for (place, change) in changes {
            let mut statement = whole();
            change(&mut statement);
            let said = problems(&statement);
            assert!(said.iter().any(|message| message.starts_with(place)), "{place}: {said:?}");
            expected.push(by_library);
            cases.push(statement);
        }
    }
    assert_eq!(judged(&cases), expected);
}

#[test]
fn it_is_bounded_and_each_member_stands_once() {
    let text = whole().to_string();
    let doubled = text.replacen('{', "{\"subject\":[],", 1);
    assert!(Statement::read(doubled.as_bytes()).unwrap_err()[0].message.contains("twice"));
    let mut many = whole();
    many["subject"] = std::iter::repeat_n(many["subject"][0].clone(), in_toto::MOST_SUBJECTS + 1).collect();
    assert!(problems(&many)[0].starts_with("subject of"));
    many["subject"] = std::iter::repeat_n(json!({}), in_toto::MOST_SUBJECTS).collect();
    assert_eq!(problems(&many).len(), 20);
    for length in 0..text.len() {
        assert!(Statement::read(&text.as_bytes()[..length]).is_err());
    }
}

#[test]
fn no_statement_is_written_that_would_not_be_read() {
    let refused = |subjects: &[Subject], kind: &str, predicate: &str| match statement(subjects, kind, predicate.as_bytes()) {
        Err(MakeError::Content(message)) => message,
        other => panic!("{other:?}"),
    };
    assert!(refused(&[], "https://acme.example/x", "{}").contains("subject"));
    let none = Subject { name: "x".to_owned(), digests: Vec::<Digest>::new() };
    assert!(refused(&[none], "https://acme.example/x", "{}").contains("subject[0].digest"));
    assert!(refused(&subjects(), PROVENANCE, "{}").contains("predicate.buildDefinition"));
    assert!(refused(&subjects(), "x", "{}").contains("predicateType"));
    assert!(refused(&subjects(), "https://acme.example/x", "{\"a\":1,\"a\":2}").contains("twice"));
    assert!(refused(&subjects(), "https://acme.example/x", "[]").contains("predicate"));
    assert!(statement(&subjects(), "https://acme.example/x", b"{\"anything\":1}").is_ok());
}
