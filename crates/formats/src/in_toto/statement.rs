//! The statement: made from digests of files, read strictly.

use super::provenance;
use super::resource::{self, Place};
use crate::dsse::{self, VerifiedEnvelope};
use crate::json;
use crate::{MakeError, Problem};
use chancery_domain::enforced;
use chancery_domain::signature::{Digest, DigestAlgorithm};
use serde_json::{Map, Value, json};

/// The payload type of statements in envelopes (in-toto Attestation Framework, "Envelope").
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// `_type` of a statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// Most subjects of a statement.
pub const MOST_SUBJECTS: usize = 10_000;

/// A file that something is said of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its name, as whoever made the statement calls it. Names of subjects are no proof of anything; digests are.
    pub name: String,
    /// Its digests, of the kinds that are known here; one at least.
    pub digests: Vec<Digest>,
}

/// A statement that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What it is about.
    pub subjects: Vec<Subject>,
    /// What kind of thing is said, a URI.
    pub predicate_type: String,
    /// What is said. That of SLSA provenance v1 has what that requires; of other kinds nothing was looked at.
    pub predicate: Value,
}

/// Writes a statement about these files as JSON, to be signed in an envelope with [`PAYLOAD_TYPE`].
///
/// # Errors
/// [`MakeError::Content`] if [`Statement::read`] would not read it.
pub fn statement(subjects: &[Subject], predicate_type: &str, predicate: &[u8]) -> Result<Vec<u8>, MakeError> {
    let predicate = json::parse(predicate).map_err(|error| MakeError::Content(format!("the predicate is no JSON: {error}")))?;
    let digests = |subject: &Subject| -> Map<String, Value> {
        subject.digests.iter().map(|digest| (name_of(digest.algorithm()).to_owned(), hex::encode(digest.as_bytes()).into())).collect()
    };
    let subjects: Vec<Value> = subjects.iter().map(|subject| json!({ "name": subject.name, "digest": digests(subject) })).collect();
    let statement = json!({ "_type": STATEMENT_TYPE, "subject": subjects, "predicateType": predicate_type, "predicate": predicate });
    let text = serde_json::to_vec(&statement).map_err(|_| MakeError::Header)?;
    let content =
        |problems: Vec<Problem>| MakeError::Content(problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; "));
    Statement::read(&text).map_err(content)?;
    Ok(text)
}

/// Verifies an envelope and reads the statement in it.
///
/// # Errors
/// As [`dsse::verify`], and everything that is wrong with the statement.
pub fn verify(envelope: &[u8], wish: &dsse::Wish<'_>) -> Result<(VerifiedEnvelope, Statement), Vec<Problem>> {
    let verified = dsse::verify(envelope, wish)?;
    let statement = Statement::of(&verified)?;
    Ok((verified, statement))
}

impl Statement {
    /// The statement in an envelope that holds.
    ///
    /// # Errors
    /// [`Problem`]s: it carries something else, or what is wrong with the statement.
    pub fn of(envelope: &VerifiedEnvelope) -> Result<Self, Vec<Problem>> {
        if envelope.payload_type != PAYLOAD_TYPE && enforced!("in-toto.payload-type") {
            let message = format!("the envelope carries {:?}, not {PAYLOAD_TYPE}", envelope.payload_type);
            return Err(vec![Problem::new("in-toto-type", message)]);
        }
        Self::read(&envelope.payload)
    }

    /// Reads a statement. Members that are not known are passed over, as the framework wants it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(text: &[u8]) -> Result<Self, Vec<Problem>> {
        let members =
            json::parse_object(text).map_err(|error| vec![Problem::new("in-toto-statement", format!("no statement: {error}"))])?;
        let mut place = Place::root();
        place.expect(members.get("_type").and_then(Value::as_str) == Some(STATEMENT_TYPE), "_type", STATEMENT_TYPE);
        let predicate_type = members.get("predicateType").and_then(Value::as_str).unwrap_or_default();
        place.expect(resource::is_type_uri(predicate_type), "predicateType", "a URI");
        let subjects = subjects(&mut place, members.get("subject"));
        let predicate = members.get("predicate").cloned().unwrap_or(Value::Null);
        match predicate.as_object() {
            Some(found) if predicate_type == provenance::PREDICATE_TYPE => provenance::check(&mut place.inside("predicate"), found),
            found => place.expect(found.is_some(), "predicate", "an object"),
        }
        let predicate_type = predicate_type.to_owned();
        if place.problems().is_empty() { Ok(Self { subjects, predicate_type, predicate }) } else { Err(place.into_problems()) }
    }

    /// The subject that has this digest.
    pub fn subject(&self, digest: &Digest) -> Option<&Subject> {
        self.subjects.iter().find(|subject| subject.digests.contains(digest))
    }
}

fn subjects(place: &mut Place, value: Option<&Value>) -> Vec<Subject> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    place.expect((1..=MOST_SUBJECTS).contains(&items.len()) || !enforced!("in-toto.subjects"), "subject", "an array of 1 to 10000 files");
    items
        .iter()
        .take(MOST_SUBJECTS)
        .enumerate()
        .filter_map(|(number, item)| subject(&mut place.inside(&format!("subject[{number}]")), item))
        .collect()
}

fn subject(place: &mut Place, item: &Value) -> Option<Subject> {
    let Some(members) = item.as_object() else {
        place.expect(false, "", "an object");
        return None;
    };
    resource::check(place, members);
    let found = members.get("digest").and_then(Value::as_object);
    let known = |algorithm: DigestAlgorithm| {
        let text = found?.get(name_of(algorithm))?.as_str()?;
        hex::decode(text).ok().and_then(|bytes| Digest::new(algorithm, bytes).ok())
    };
    let digests: Vec<Digest> = DigestAlgorithm::ALL.into_iter().filter_map(known).collect();
    place.expect(!digests.is_empty() || !enforced!("in-toto.subject-digest"), "digest", "an object with sha256, sha384 or sha512 in it");
    Some(Subject { name: members.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(), digests })
}

/// Names of in-toto's DigestSet.
const fn name_of(algorithm: DigestAlgorithm) -> &'static str {
    match algorithm {
        DigestAlgorithm::Sha256 => "sha256",
        DigestAlgorithm::Sha384 => "sha384",
        DigestAlgorithm::Sha512 => "sha512",
    }
}
