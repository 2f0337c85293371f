//! Signed requests (RFC 9421): from the fields of a request to what its signature says, and was made over.

use axum::http::HeaderMap;
use axum::http::header::{HOST, HeaderName, IF_MATCH};
use axum::http::request::Parts;
use chancery_app::{ContentDigest, SignedRequest};
use sfv::{BareItem, Dictionary, FieldType, InnerList, Item, ListEntry, Parser};
use std::collections::HashSet;
use std::fmt::Write;

const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The label of the signature that is meant for this server, where there are several.
const LABEL: &str = "chancery";

/// What every answer with status 401 asks for (RFC 9421 section 5.1).
pub(crate) const ACCEPT_SIGNATURE: &str = "chancery=(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\" \"idempotency-key\" \
     \"if-match\");created;expires;nonce;keyid";

/// Schemes, and the port that does not stand in an authority of theirs.
const SCHEMES: [(&str, &str); 2] = [("https", ":443"), ("http", ":80")];

/// A signed request, and what its body must be.
pub(crate) struct Signed {
    pub(crate) request: SignedRequest,
    pub(crate) body: CoveredBody,
}

/// What a signed request's body must be; without a digest there must be none.
#[derive(Clone, Default)]
pub(crate) struct CoveredBody(pub(crate) Option<ContentDigest>);

/// Whether a signature was made with the request, by whomever.
pub(crate) fn is_signed(headers: &HeaderMap) -> bool {
    headers.contains_key(SIGNATURE_INPUT)
}

/// The one signature that counts: the one labelled `chancery`, or else the only one. `None` if there is none that can be read.
pub(crate) fn read(parts: &Parts) -> Option<Signed> {
    let (inputs, signatures) = (dictionary(&parts.headers, &SIGNATURE_INPUT)?, dictionary(&parts.headers, &SIGNATURE)?);
    let label = match inputs.keys().collect::<Vec<_>>()[..] {
        [only] => only,
        _ => inputs.keys().find(|label| label.as_str() == LABEL)?,
    };
    let (ListEntry::InnerList(input), ListEntry::Item(Item { bare_item: BareItem::ByteSequence(signature), .. })) =
        (inputs.get(label)?, signatures.get(label)?)
    else {
        return None;
    };
    let covered = covered(input)?;
    let text = |name: &str| parameter(input, name).and_then(BareItem::as_string).map(|text| text.as_str().to_owned());
    let seconds = |name: &str| parameter(input, name).and_then(BareItem::as_integer).map(i64::from);
    let (tenant, key) = text("keyid").and_then(|id| id.split_once('/').map(|(tenant, key)| (tenant.to_owned(), key.to_owned())))?;
    let request = SignedRequest {
        tenant: tenant.parse().ok()?,
        key: key.parse().ok()?,
        algorithm: text("alg"),
        bases: bases(parts, input, &covered)?,
        signature: signature.clone(),
        created: seconds("created"),
        expires: seconds("expires"),
        nonce: text("nonce"),
        uncovered: uncovered(parts, &covered),
    };
    // One that is not covered says nothing.
    let digest = covered.contains(&CONTENT_DIGEST.as_str()).then(|| content_digest(&parts.headers)).flatten();
    Some(Signed { request, body: CoveredBody(digest) })
}

/// The names of the covered components, none of them twice (section 2). None has parameters: what they change, nothing here needs.
fn covered(input: &InnerList) -> Option<Vec<&str>> {
    fn name(item: &Item) -> Option<&str> {
        match &item.bare_item {
            BareItem::String(name) if item.params.is_empty() => Some(name.as_str()),
            _ => None,
        }
    }
    let names = input.items.iter().map(name).collect::<Option<Vec<_>>>()?;
    let different: HashSet<_> = names.iter().collect();
    (different.len() == names.len()).then_some(names)
}

fn parameter<'a>(input: &'a InnerList, name: &str) -> Option<&'a BareItem> {
    input.params.iter().find(|(key, _)| key.as_str() == name).map(|(_, value)| value)
}

/// What this request must cover and does not: all of its address, and every field that changes what it does. Whether there is a body that
/// needs a digest shows when it is read.
fn uncovered(parts: &Parts, covered: &[&str]) -> Vec<&'static str> {
    let whole = covered.contains(&"@target-uri");
    let mut required =
        vec![("@method", true), ("@authority", !whole), ("@path", !whole), ("@query", !whole && parts.uri.query().is_some())];
    required.push(("idempotency-key", parts.headers.contains_key(IDEMPOTENCY_KEY)));
    required.push(("if-match", parts.headers.contains_key(IF_MATCH)));
    required.into_iter().filter(|(name, needed)| *needed && !covered.contains(name)).map(|(name, _)| name).collect()
}

/// The signature base under each scheme, each once (section 2.5).
fn bases(parts: &Parts, input: &InnerList, covered: &[&str]) -> Option<Vec<String>> {
    let parameters = vec![ListEntry::InnerList(input.clone())].serialize()?;
    let mut bases = Vec::new();
    for (scheme, port) in SCHEMES {
        let mut base = String::new();
        for name in covered {
            writeln!(base, "\"{name}\": {}", component(parts, scheme, port, name)?).ok()?;
        }
        write!(base, "\"@signature-params\": {parameters}").ok()?;
        if !bases.contains(&base) {
            bases.push(base);
        }
    }
    Some(bases)
}

/// The value of a component (sections 2.1 and 2.2); `None` of one that the request does not have, or that is not known here.
fn component(parts: &Parts, scheme: &str, port: &str, name: &str) -> Option<String> {
    let path = || if parts.uri.path().is_empty() { "/" } else { parts.uri.path() };
    let target = || parts.uri.path_and_query().map_or_else(|| path().to_owned(), ToString::to_string);
    Some(match name {
        "@method" => parts.method.as_str().to_owned(),
        "@authority" => authority(parts, port)?,
        "@path" => path().to_owned(),
        "@query" => format!("?{}", parts.uri.query().unwrap_or_default()),
        "@request-target" => target(),
        "@target-uri" => format!("{scheme}://{}{}", authority(parts, port)?, target()),
        derived if derived.starts_with('@') => return None,
        field => joined(&parts.headers, &HeaderName::from_lowercase(field.as_bytes()).ok()?)?,
    })
}

/// Of HTTP/2 it stands in the request's target, of HTTP/1.1 in the field Host.
fn authority(parts: &Parts, port: &str) -> Option<String> {
    let text = match parts.uri.authority() {
        Some(authority) => authority.as_str(),
        None => parts.headers.get(HOST)?.to_str().ok()?,
    };
    let text = text.to_ascii_lowercase();
    Some(text.strip_suffix(port).unwrap_or(&text).to_owned())
}

/// A field's lines as one value (section 2.1).
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().map(str::trim)).collect::<Result<Vec<_>, _>>().ok()?;
    if lines.is_empty() { None } else { Some(lines.join(", ")) }
}

fn dictionary(headers: &HeaderMap, name: &HeaderName) -> Option<Dictionary> {
    Parser::new(&joined(headers, name)?).parse().ok()
}

fn content_digest(headers: &HeaderMap) -> Option<ContentDigest> {
    let said = dictionary(headers, &CONTENT_DIGEST)?;
    let value = |name: &str| match said.iter().find(|(key, _)| key.as_str() == name)?.1 {
        ListEntry::Item(Item { bare_item: BareItem::ByteSequence(bytes), .. }) => Some(bytes.clone()),
        _ => None,
    };
    Some(ContentDigest { sha_256: value("sha-256"), sha_512: value("sha-512") })
}
