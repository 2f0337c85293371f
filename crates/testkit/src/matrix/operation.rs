//! Operations as the OpenAPI document describes them, with every id that they take.

use serde_json::Value;

/// An operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `GET`, `POST`, …
    pub method: String,
    /// The address, with names in braces.
    pub path: String,
    /// The action that it needs. Enrolment needs none, and neither do addresses that the document does not have.
    pub action: Option<String>,
    /// The name of its body's schema; empty where the document has none.
    pub body: Option<String>,
    /// The ids that it takes, in path, query and body.
    pub ids: Vec<Id>,
}

/// Where an id stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the address.
    Path,
    /// In the query.
    Query,
    /// In the body; in a list of them or alone.
    Body {
        /// Whether there may be several.
        list: bool,
    },
}

/// An id that an operation takes.
#[derive(Clone, Debug)]
pub struct Id {
    /// Where it stands.
    pub place: Place,
    /// The parameter's name, or where the field stands in the body: `issuer`, `request.issuer`, `items.0.issuer`.
    pub name: String,
    /// Of what it is one.
    pub kind: Kind,
}

/// What an id can be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The tenant in whose realm one acts.
    Tenant,
    /// A tenant in the operator's register.
    Registered,
    /// An account.
    Account,
    /// A token.
    Token,
    /// A key of an account.
    AccountKey,
    /// A certificate.
    Certificate,
    /// An order.
    Order,
    /// An issuer.
    Issuer,
    /// An event.
    Event,
    /// A shard of an issuer's CRL.
    Shard,
    /// A profile, by name.
    Profile,
    /// A signer, by name.
    Signer,
    /// The signatures of a request.
    Signature,
    /// A document.
    Document,
    /// A legal hold.
    Hold,
    /// The random part of a public address.
    Public,
    /// What stands under a public address.
    File,
    /// A serial number that is searched for.
    Serial,
    /// A role of the tenant's own.
    Role,
    /// What an account holds of a role.
    Binding,
    /// Duties kept apart.
    Conflict,
    /// A place in a listing.
    Cursor,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "tenant" => Self::Tenant,
            "registered" => Self::Registered,
            "account" | "accounts" | "owner" | "same_person_as" => Self::Account,
            "token" => Self::Token,
            "key" => Self::AccountKey,
            "certificate" | "certificates" => Self::Certificate,
            "order" => Self::Order,
            "issuer" | "issuers" => Self::Issuer,
            "event" => Self::Event,
            "shard" => Self::Shard,
            "profile" | "profiles" => Self::Profile,
            "signer" | "signers" | "timestamp_by" => Self::Signer,
            "role" => Self::Role,
            "binding" => Self::Binding,
            "conflict" => Self::Conflict,
            "signature" => Self::Signature,
            "document" => Self::Document,
            "hold" => Self::Hold,
            "public" => Self::Public,
            "file" => Self::File,
            "serial" => Self::Serial,
            "cursor" => Self::Cursor,
            _ => return None,
        })
    }

    /// Whether it names an object, which then is there or not; a serial number and a cursor are sought among what is there.
    pub const fn names_an_object(self) -> bool {
        !matches!(self, Self::Serial | Self::Cursor)
    }
}

impl Operation {
    /// Its name.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Whether it is of the operator's register, which does not exist for tenants.
    pub fn is_of_the_platform(&self) -> bool {
        self.path.starts_with("/v1/platform/")
    }

    /// Whether it happens inside the realm that its path names.
    pub fn is_in_a_realm(&self) -> bool {
        self.path.starts_with("/v1/tenants/{tenant}")
    }
}

/// The operations of the document in its order, and then the addresses that it does not have, which answer to `GET`.
///
/// # Panics
/// On an id of a kind that is not known here, which is how a test learns of it.
pub fn operations<'a>(document: &Value, undocumented: impl IntoIterator<Item = &'a str>) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("a document with paths") {
        for (method, operation) in methods.as_object().expect("methods of a path") {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let body = schema.is_object().then(|| schema["$ref"].as_str().unwrap_or("").rsplit('/').next().unwrap_or("").to_owned());
            let mut ids = in_path(path);
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            ids.extend(parameters.filter(|it| it["in"] == "query").filter_map(|it| id(Place::Query, &text(&it["name"]), it)));
            in_body(document, schema, "", &mut ids);
            let action = operation["x-action"].as_str().map(str::to_owned);
            found.push(Operation { method: method.to_uppercase(), path: path.clone(), action, body, ids });
        }
    }
    assert!(found.len() > 30, "the document is read");
    found.extend(undocumented.into_iter().map(|path| {
        let ids = in_path(path);
        Operation { method: "GET".to_owned(), path: path.to_owned(), action: None, body: None, ids }
    }));
    found
}

/// Every name in braces is an id.
fn in_path(path: &str) -> Vec<Id> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let id = |name: &str| {
        let kind = Kind::of(name).unwrap_or_else(|| panic!("{path}: say in matrix/operation.rs what a {name} is"));
        Id { place: Place::Path, name: name.to_owned(), kind }
    };
    names.map(id).collect()
}

/// A parameter or field that is an id: by its name, or because it says of itself that it is one.
fn id(place: Place, name: &str, described: &Value) -> Option<Id> {
    if let Some(kind) = Kind::of(name.rsplit('.').next().unwrap_or_default()) {
        return Some(Id { place, name: name.to_owned(), kind });
    }
    let schema = described.get("schema").unwrap_or(described);
    let words = text(&described["description"]).to_lowercase();
    let told = words.split(|c: char| !c.is_alphanumeric()).any(|word| ["id", "ids", "uuid", "identifier"].contains(&word));
    assert!(!told && schema["format"] != "uuid", "say in matrix/operation.rs what a {name} is: {described}");
    None
}

/// The ids of a body, however deep; `within` is where the schema's value stands, ending in a dot.
fn in_body(document: &Value, schema: &Value, within: &str, ids: &mut Vec<Id>) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => &document["components"]["schemas"][name.rsplit('/').next().unwrap_or_default()],
        None => schema,
    };
    let hides = schema["type"] == "object" && !schema["properties"].is_object() && schema["additionalProperties"] != false;
    assert!(!hides, "an object without a schema hides the ids in it: say what {within} holds: {schema}");
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let list = field["items"].is_object();
        let (name, item) = (format!("{within}{name}"), if list { "0." } else { "" });
        ids.extend(id(Place::Body { list }, &name, field));
        in_body(document, if list { &field["items"] } else { field }, &format!("{name}.{item}"), ids);
    }
    for part in ["oneOf", "anyOf", "allOf"].iter().filter_map(|several| schema[several].as_array()).flatten() {
        in_body(document, part, within, ids);
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ids_of(properties: Value) -> Vec<(bool, String, Kind)> {
        let document = json!({"components": {"schemas": {"Body": {"properties": properties}, "Inner": {"properties": {"order": {}}}}}});
        let mut ids = Vec::new();
        in_body(&document, &json!({"$ref": "#/components/schemas/Body"}), "", &mut ids);
        ids.into_iter().map(|id| (id.place == Place::Body { list: true }, id.name, id.kind)).collect()
    }

    #[test]
    fn ids_are_found_wherever_they_stand() {
        let found = |list, name: &str, kind| [(list, name.to_owned(), kind)];
        assert_eq!(ids_of(json!({"issuer": {"type": "string"}, "name": {}})), found(false, "issuer", Kind::Issuer));
        assert_eq!(ids_of(json!({"certificates": {"items": {}}})), found(true, "certificates", Kind::Certificate));
        assert_eq!(ids_of(json!({"what": {"oneOf": [{}, {"$ref": "x/Inner"}]}})), found(false, "what.order", Kind::Order));
        assert_eq!(ids_of(json!({"what": {"items": {"$ref": "x/Inner"}}})), found(false, "what.0.order", Kind::Order));
    }

    #[test]
    #[should_panic(expected = "hides the ids in it")]
    fn an_object_without_a_schema_stops_the_plan() {
        ids_of(json!({"draft": {"oneOf": [{"type": "null"}, {"type": "object"}]}}));
    }

    #[test]
    #[should_panic(expected = "say in matrix/operation.rs what a witness is")]
    fn a_kind_that_is_new_by_description_stops_the_plan() {
        ids_of(json!({"witness": {"description": "The witness's id."}}));
    }

    #[test]
    #[should_panic(expected = "say in matrix/operation.rs what a witness is")]
    fn a_kind_that_is_new_by_format_stops_the_plan() {
        ids_of(json!({"witness": {"format": "uuid"}}));
    }

    #[test]
    #[should_panic(expected = "say in matrix/operation.rs what a witness is")]
    fn a_kind_that_is_new_by_its_place_stops_the_plan() {
        in_path("/v1/tenants/{tenant}/witnesses/{witness}");
    }
}
