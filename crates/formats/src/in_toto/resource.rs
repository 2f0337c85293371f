//! Where something stands in a statement, what is wrong there, and the ResourceDescriptor that stands in many places.

use crate::Problem;
use chancery_domain::enforced;
use serde_json::{Map, Value};

/// Most problems that are told of one statement.
const MOST_PROBLEMS: usize = 20;

/// Digests whose length is known (in-toto DigestSet), in bytes.
const LENGTHS: [(&str, usize); 6] = [("sha1", 20), ("sha224", 28), ("sha256", 32), ("sha384", 48), ("sha512", 64), ("gitCommit", 20)];

/// A place in a statement, and what is wrong in it and below it.
pub(super) struct Place<'a> {
    path: String,
    problems: Problems<'a>,
}

enum Problems<'a> {
    Own(Vec<Problem>),
    Of(&'a mut Vec<Problem>),
}

impl Place<'static> {
    pub(super) fn root() -> Self {
        Self { path: String::new(), problems: Problems::Own(Vec::new()) }
    }
}

impl Place<'_> {
    pub(super) fn inside(&mut self, name: &str) -> Place<'_> {
        let path = self.path_of(name);
        Place { path, problems: Problems::Of(self.all()) }
    }

    /// Notes that this member is not what it should be, if it is not.
    pub(super) fn expect(&mut self, holds: bool, member: &str, what: &str) {
        if holds || !enforced!("in-toto.shape") {
            return;
        }
        let message = format!("{} of the statement is not {what}", self.path_of(member));
        let all = self.all();
        if all.len() < MOST_PROBLEMS {
            all.push(Problem::new("in-toto-statement", message));
        }
    }

    pub(super) fn problems(&self) -> &[Problem] {
        match &self.problems {
            Problems::Own(all) => all,
            Problems::Of(all) => all,
        }
    }

    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        std::mem::take(self.all())
    }

    fn path_of(&self, name: &str) -> String {
        match (self.path.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (false, true) => self.path.clone(),
            (false, false) => format!("{}.{name}", self.path),
        }
    }

    fn all(&mut self) -> &mut Vec<Problem> {
        match &mut self.problems {
            Problems::Own(all) => all,
            Problems::Of(all) => all,
        }
    }
}

/// TypeURI: a scheme, a colon, and something without white space.
pub(super) fn is_type_uri(text: &str) -> bool {
    let (scheme, rest) = text.split_once(':').unwrap_or_default();
    let sound = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    sound(rest) && scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && sound(scheme)
}

/// ResourceDescriptor: what is there has its type, and digests are hexadecimal of their length.
pub(super) fn check(place: &mut Place<'_>, members: &Map<String, Value>) {
    for name in ["name", "uri", "content", "downloadLocation", "mediaType"] {
        place.expect(members.get(name).is_none_or(Value::is_string), name, "a string");
    }
    place.expect(members.get("annotations").is_none_or(Value::is_object), "annotations", "an object");
    match members.get("digest") {
        None => {}
        Some(Value::Object(digests)) => {
            let mut place = place.inside("digest");
            for (name, value) in digests {
                place.expect(value.as_str().is_some_and(|text| is_digest(name, text)), name, "a digest in lower-case hexadecimal");
            }
        }
        Some(_) => place.expect(false, "digest", "an object"),
    }
}

fn is_digest(name: &str, text: &str) -> bool {
    let length = LENGTHS.iter().find(|(known, _)| *known == name).map(|(_, length)| 2 * length);
    let hexadecimal = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    // Of others only those that are hexadecimal by their definition could be judged.
    length.is_none_or(|length| hexadecimal && text.len() == length) && !text.is_empty()
}
