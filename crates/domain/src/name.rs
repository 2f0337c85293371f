//! Names that a certificate can carry as subject alternative names (RFC 5280 section 4.2.1.6).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// One subject alternative name, in its one canonical form. Text form: `dns:host`, `ip:address`, `email:box@host`, `uri:scheme://...`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SubjectName {
    /// A host name, lower case, perhaps with `*` as its whole first label.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// A mailbox; the host part in lower case.
    Email(String),
    /// An absolute URI with a host.
    Uri(String),
}

/// Labels of the longest suffix by which names are found.
pub const LONGEST_SUFFIX: usize = 6;

/// A kind of name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NameKind {
    /// dNSName.
    Dns,
    /// iPAddress.
    Ip,
    /// rfc822Name.
    Email,
    /// uniformResourceIdentifier.
    Uri,
}

impl NameKind {
    /// The prefix in the text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Ip => "ip",
            Self::Email => "email",
            Self::Uri => "uri",
        }
    }
}

/// Why a text is no name; the message is meant for whoever wrote it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct BadName(pub &'static str);

impl SubjectName {
    /// A DNS name: 1 to 253 characters, labels of letters, digits, hyphen, at least two labels, last one not numeric.
    pub fn dns(text: &str) -> Result<Self, BadName> {
        let lower = text.to_ascii_lowercase();
        let host = lower.strip_prefix("*.").unwrap_or(&lower);
        if host.parse::<IpAddr>().is_ok() {
            return Err(BadName("an IP address is not a DNS name: write ip:ADDRESS"));
        }
        if !is_host(host) || lower.len() > 253 {
            return Err(BadName(
                "a DNS name has labels of letters, digits and inner hyphens, for example api.example.com or *.example.com",
            ));
        }
        Ok(Self::Dns(lower))
    }
    /// A mailbox `local@host` in ASCII (RFC 5321, without quoted forms).
    pub fn email(text: &str) -> Result<Self, BadName> {
        let bad = BadName("an e-mail name is local@host in ASCII without quotes");
        let (local, host) = text.split_once('@').ok_or(BadName("an e-mail name is local@host in ASCII without quotes"))?;
        let host = host.to_ascii_lowercase();
        let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
        let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
        if local.is_empty() || local.len() > 64 || dots || !local.bytes().all(atom) || !is_host(&host) {
            return Err(bad);
        }
        Ok(Self::Email(format!("{local}@{host}")))
    }
    /// A URI `scheme://host/path` in ASCII, without user information, port, query or fragment.
    pub fn uri(text: &str) -> Result<Self, BadName> {
        let bad = || BadName("a URI name is scheme://host/path in ASCII, without user, port, query or fragment");
        let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
        let path_ok = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~:@!$&'()*+,;=".contains(&b));
        let steps = path.split('/').any(|step| step == "." || step == "..");
        let plain = host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
        if !scheme_ok || !path_ok || steps || !plain || !labels_ok(host) || text.len() > 2048 {
            return Err(bad());
        }
        Ok(Self::Uri(text.to_owned()))
    }
    /// Its kind.
    pub const fn kind(&self) -> NameKind {
        match self {
            Self::Dns(_) => NameKind::Dns,
            Self::Ip(_) => NameKind::Ip,
            Self::Email(_) => NameKind::Email,
            Self::Uri(_) => NameKind::Uri,
        }
    }
    /// The name without its kind.
    pub fn value(&self) -> String {
        match self {
            Self::Dns(text) | Self::Email(text) | Self::Uri(text) => text.clone(),
            Self::Ip(ip) => ip.to_string(),
        }
    }
    /// The parents under which a host is found, nearest first: of two to [`LONGEST_SUFFIX`] labels, so at most five.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        let host = if let Self::Dns(text) = self { text.as_str() } else { "" };
        std::iter::successors(Some(host), |name| name.split_once('.').map(|(_, parent)| parent))
            .skip(1)
            .filter(|parent| (2..=LONGEST_SUFFIX).contains(&parent.split('.').count()))
    }
    /// The host below which `*.host` means every name.
    pub fn below(&self) -> Option<&str> {
        let Self::Dns(text) = self else { return None };
        text.strip_prefix("*.")
    }
    /// The host of a URI name.
    pub fn uri_host(&self) -> Option<&str> {
        let Self::Uri(text) = self else { return None };
        text.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default())
    }
}

fn is_host(host: &str) -> bool {
    let last_is_number = host.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    host.contains('.') && labels_ok(host) && !last_is_number
}

fn labels_ok(host: &str) -> bool {
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(label_ok)
}

impl FromStr for SubjectName {
    type Err = BadName;
    /// Takes the text form; without a kind, an address is an `ip`, everything else a `dns` name.
    fn from_str(text: &str) -> Result<Self, BadName> {
        let ip = |value: &str| value.parse().map(Self::Ip).map_err(|_| BadName("not an IP address"));
        match text.split_once(':') {
            Some(("dns", value)) => Self::dns(value),
            Some(("ip", value)) => ip(value),
            Some(("email", value)) => Self::email(value),
            Some(("uri", value)) => Self::uri(value),
            _ => ip(text).or_else(|_| Self::dns(text)),
        }
    }
}

impl TryFrom<String> for SubjectName {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<SubjectName> for String {
    fn from(name: SubjectName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind().as_str(), self.value())
    }
}

impl fmt::Debug for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_canonical_form() {
        for (text, canonical) in [
            ("API.Example.com", "dns:api.example.com"),
            ("*.example.com", "dns:*.example.com"),
            ("::ffff:1.2.3.4", "ip:::ffff:1.2.3.4"),
            ("email:Ann@Example.com", "email:Ann@example.com"),
            ("uri:spiffe://acme.example/web", "uri:spiffe://acme.example/web"),
        ] {
            assert_eq!(text.parse::<SubjectName>().unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn a_host_is_found_under_at_most_five_parents() {
        let parents = |text: &str| text.parse::<SubjectName>().unwrap().parents().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parents("a.b.example.com"), ["b.example.com", "example.com"]);
        assert_eq!(parents("*.example.com"), ["example.com"]);
        assert_eq!(parents("example.com"), [""; 0]);
        assert_eq!(parents("email:a@b.example.com"), [""; 0]);
        let deep = parents("a.b.c.d.e.f.g.example.com");
        assert_eq!((deep.len(), deep.first().map(String::as_str)), (5, Some("d.e.f.g.example.com")));
        assert_eq!("*.example.com".parse::<SubjectName>().unwrap().below(), Some("example.com"));
        assert_eq!("www.example.com".parse::<SubjectName>().unwrap().below(), None);
    }

    #[test]
    fn malformed_names_are_refused() {
        for bad in [
            "",
            "localhost",
            "dns:1.2.3.4",
            "a..example.com",
            "a.example.com.",
            "*.*.example.com",
            "a*.example.com",
            "exa mple.com",
            "ex\0.com",
            "bücher.example",
            "dns:*",
            "a.b.123",
            "email:a@b",
            "email:\"a b\"@c.de",
            "uri:spiffe://u@h/x",
            "uri:http://h:80/",
            "uri:spiffe://h/../x",
            "uri:spiffe:///x",
            "ip:10.0.0.0/8",
        ] {
            assert!(bad.parse::<SubjectName>().is_err(), "{bad}");
        }
    }
}
