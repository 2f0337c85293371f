//! Addresses of the CRL and of the issuer's certificate: one each, plain http (both documents are signed), never critical.

use super::{Lint, Linted, rule};
use crate::extension::Found;
use const_oid::db::rfc5280::ID_AD_CA_ISSUERS;
use der::Decode;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{AuthorityInfoAccessSyntax, CrlDistributionPoints};

pub(super) const ADDRESSES: Lint =
    Lint { code: "addresses", source: "RFC 5280 sections 4.2.1.13 and 4.2.2.1; CA/B Baseline Requirements section 7.1.2.11.2", check };

fn check(linted: &Linted<'_>) -> Result<(), String> {
    let extensions = &linted.tbs.extensions;
    let (crl, aia) = (&extensions.crl_distribution_points, &extensions.authority_info_access);
    if linted.expected.issuer().is_none() {
        return rule(crl.is_none() && aia.is_none(), || "a root is not revoked by itself and has no issuer to fetch".to_owned());
    }
    one("cRLDistributionPoints", crl.as_ref(), distribution_point)?;
    one("authorityInfoAccess", aia.as_ref(), ca_issuers)
}

fn one(field: &str, found: Option<&Found<&[u8]>>, url: fn(&[u8]) -> Option<String>) -> Result<(), String> {
    let found = found.filter(|found| !found.critical).ok_or_else(|| format!("{field} is absent or critical"))?;
    let url = url(found.value).ok_or_else(|| format!("{field} is not one plain URL"))?;
    rule(is_http_url(&url), || format!("{field}: {url} is not an http URL with a host, without space or control characters"))
}

/// `http://host...` of visible ASCII, at most 500 octets.
pub(super) fn is_http_url(url: &str) -> bool {
    let host = url.strip_prefix("http://").and_then(|rest| rest.split('/').next());
    host.is_some_and(|host| !host.is_empty()) && url.len() <= 500 && url.bytes().all(|b| b.is_ascii_graphic())
}

fn distribution_point(value: &[u8]) -> Option<String> {
    let points = CrlDistributionPoints::from_der(value).ok()?;
    let [point] = points.0.as_slice() else { return None };
    let Some(DistributionPointName::FullName(names)) = &point.distribution_point else { return None };
    match names.as_slice() {
        [GeneralName::UniformResourceIdentifier(url)] if point.reasons.is_none() && point.crl_issuer.is_none() => Some(url.to_string()),
        _ => None,
    }
}

fn ca_issuers(value: &[u8]) -> Option<String> {
    let access = AuthorityInfoAccessSyntax::from_der(value).ok()?;
    match access.0.as_slice() {
        [only] if only.access_method == ID_AD_CA_ISSUERS => match &only.access_location {
            GeneralName::UniformResourceIdentifier(url) => Some(url.to_string()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::is_http_url;
    use crate::lint::fixture::{codes, intermediate, leaf, root};

    #[test]
    fn one_http_url_each() {
        assert!(codes(leaf()).is_empty());
        assert_eq!(codes(leaf().without(b"\x06\x03\x55\x1d\x1f")), ["addresses"]);
        assert_eq!(codes(intermediate().without(b"\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x01")), ["addresses"]);
        assert_eq!(codes(leaf().replaced(b"http://pki", b"ldap://pki")), ["addresses"]);
        assert_eq!(codes(leaf().made_critical(b"\x06\x03\x55\x1d\x1f")), ["addresses"]);
        let address = b"\x30\x18\x06\x03\x55\x1d\x1f\x04\x11\x30\x0f\x30\x0d\xa0\x0b\xa0\x09\x86\x07http://";
        assert_eq!(codes(root().with(|fields| fields.extensions_der.extend_from_slice(address))), ["addresses"]);
        for bad in ["", "http://", "http:///x", "https://a/x", "http://a/ x", "http://a/\u{fc}"] {
            assert!(!is_http_url(bad), "{bad}");
        }
    }
}
