//! SLSA provenance v1: how files came to be. What it requires must be there, and what it defines has its type.

use super::resource::{self, Place, is_type_uri};
use chancery_domain::Timestamp;
use serde_json::{Map, Value};

/// `predicateType` of SLSA provenance v1.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v1";

/// Notes what is wrong with the predicate.
pub(super) fn check(place: &mut Place<'_>, predicate: &Map<String, Value>) {
    object(place, predicate, "buildDefinition", |place, definition| {
        type_uri(place, definition, "buildType");
        place.expect(definition.get("externalParameters").is_some_and(Value::is_object), "externalParameters", "an object");
        place.expect(definition.get("internalParameters").is_none_or(Value::is_object), "internalParameters", "an object");
        resources(place, definition, "resolvedDependencies", true);
    });
    object(place, predicate, "runDetails", |place, details| {
        object(place, details, "builder", |place, builder| {
            type_uri(place, builder, "id");
            let version =
                builder.get("version").map(|version| version.as_object().is_some_and(|found| found.values().all(Value::is_string)));
            place.expect(version.unwrap_or(true), "version", "an object of strings");
            resources(place, builder, "builderDependencies", true);
        });
        if details.contains_key("metadata") {
            object(place, details, "metadata", metadata);
        }
        resources(place, details, "byproducts", false);
    });
}

fn metadata(place: &mut Place<'_>, metadata: &Map<String, Value>) {
    place.expect(metadata.get("invocationId").is_none_or(Value::is_string), "invocationId", "a string");
    for name in ["startedOn", "finishedOn"] {
        let sound = |value: &Value| value.as_str().is_some_and(|text| text.ends_with('Z') && Timestamp::parse(text).is_ok());
        place.expect(metadata.get(name).is_none_or(sound), name, "a time in UTC (RFC 3339)");
    }
}

fn object(place: &mut Place<'_>, members: &Map<String, Value>, name: &str, check: impl FnOnce(&mut Place<'_>, &Map<String, Value>)) {
    match members.get(name).and_then(Value::as_object) {
        Some(found) => check(&mut place.inside(name), found),
        None => place.expect(false, name, "an object"),
    }
}

fn type_uri(place: &mut Place<'_>, members: &Map<String, Value>, name: &str) {
    place.expect(members.get(name).and_then(Value::as_str).is_some_and(is_type_uri), name, "a URI");
}

/// An array of ResourceDescriptors; each that is to be found again says how: by `uri`, `digest` or `content`.
fn resources(place: &mut Place<'_>, members: &Map<String, Value>, name: &str, found_again: bool) {
    let Some(value) = members.get(name) else { return };
    let Some(items) = value.as_array() else { return place.expect(false, name, "an array") };
    for (number, item) in items.iter().enumerate() {
        let mut place = place.inside(&format!("{name}[{number}]"));
        match item.as_object() {
            Some(found) => {
                resource::check(&mut place, found);
                let says = ["uri", "digest", "content"].iter().any(|name| found.contains_key(*name));
                place.expect(says || !found_again, "", "found by uri, digest or content");
            }
            None => place.expect(false, "", "an object"),
        }
    }
}
