//! A JSON Schema of its own out of the API's document, for files that leave the API.

use serde_json::{Map, Value, json};

/// The schema of one of the document's components with all that it refers to (JSON Schema 2020-12, which OpenAPI 3.1 uses).
pub fn standalone(document: &Value, name: &str, title: &str) -> Value {
    let mut definitions = Map::new();
    collect(document, name, &mut definitions);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$ref": format!("#/$defs/{name}"),
        "$defs": definitions,
    })
}

fn collect(document: &Value, name: &str, definitions: &mut Map<String, Value>) {
    if definitions.contains_key(name) {
        return;
    }
    let mut schema = document["components"]["schemas"][name].clone();
    assert!(schema.is_object(), "the document has no component {name}");
    definitions.insert(name.to_owned(), Value::Null);
    let mut found = Vec::new();
    rewrite(&mut schema, &mut found);
    definitions.insert(name.to_owned(), schema);
    found.iter().for_each(|name| collect(document, name, definitions));
}

fn rewrite(schema: &mut Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix("#/components/schemas/")) {
                let name = name.to_owned();
                members.insert("$ref".to_owned(), format!("#/$defs/{name}").into());
                found.push(name);
            }
            members.values_mut().for_each(|member| rewrite(member, found));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, found)),
        _ => {}
    }
}
