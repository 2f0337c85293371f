//! Patterns over names: what a profile allows and what an issuer is constrained to.

use crate::name::{BadName, NameKind, SubjectName};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Which names are meant. An empty list of patterns allows nothing (THREATS 14).
///
/// | text | matches |
/// | --- | --- |
/// | `dns:*` | every DNS name |
/// | `dns:example.com` | this name alone |
/// | `dns:*.example.com` | every name below it, at any depth, wildcards included, not itself |
/// | `ip:10.0.0.0/8` | the network's addresses |
/// | `email:*@example.com` | every mailbox at this host |
/// | `uri:spiffe://example.com/*` | every URI with this scheme and host whose path begins so |
/// | `email:*`, `uri:*` | every name of that kind |
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum NamePattern {
    /// Every name of this kind: `dns`, `email` or `uri`.
    Any(NameKind),
    /// This name alone.
    Exactly(SubjectName),
    /// Names below this host.
    DnsBelow(String),
    /// Addresses with this prefix of this many bits.
    IpNetwork(IpAddr, u8),
    /// Mailboxes at this host.
    EmailAt(String),
    /// URIs that begin with this text, which ends in `/`.
    UriBelow(String),
}

impl NamePattern {
    /// Whether the name is meant.
    pub fn matches(&self, name: &SubjectName) -> bool {
        match (self, name) {
            (Self::Any(kind), name) => *kind == name.kind(),
            (Self::Exactly(exact), name) => exact == name,
            (Self::DnsBelow(parent), SubjectName::Dns(host)) => is_below(host, parent),
            (Self::IpNetwork(network, bits), SubjectName::Ip(ip)) => same_prefix(*network, *ip, *bits),
            (Self::EmailAt(host), SubjectName::Email(mailbox)) => mailbox.rsplit('@').next() == Some(host),
            (Self::UriBelow(prefix), SubjectName::Uri(uri)) => uri.starts_with(prefix.as_str()),
            _ => false,
        }
    }

    /// Whether it matches all that the other matches.
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any(kind), other) => *kind == other.kind(),
            (outer, Self::Exactly(name)) => outer.matches(name),
            (Self::DnsBelow(outer), Self::DnsBelow(inner)) => inner == outer || is_below(inner, outer),
            (Self::IpNetwork(outer, bits), Self::IpNetwork(inner, more)) => bits <= more && same_prefix(*outer, *inner, *bits),
            (Self::UriBelow(outer), Self::UriBelow(inner)) => inner.starts_with(outer.as_str()),
            (outer, inner) => outer == inner,
        }
    }

    /// The one kind of names that it matches.
    fn kind(&self) -> NameKind {
        match self {
            Self::Any(kind) => *kind,
            Self::Exactly(name) => name.kind(),
            Self::DnsBelow(_) => NameKind::Dns,
            Self::IpNetwork(..) => NameKind::Ip,
            Self::EmailAt(_) => NameKind::Email,
            Self::UriBelow(_) => NameKind::Uri,
        }
    }
}

fn is_below(host: &str, parent: &str) -> bool {
    host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
}

fn same_prefix(network: IpAddr, ip: IpAddr, bits: u8) -> bool {
    let mask = |width: u32| if bits == 0 { 0 } else { u128::MAX << (width - u32::from(bits)) };
    match (network, ip) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()) ^ u128::from(b.to_bits())) & mask(32) == 0,
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()) & mask(128) == 0,
        _ => false,
    }
}

impl FromStr for NamePattern {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let (kind, value) = text.split_once(':').ok_or(BadName("a pattern begins with dns:, ip:, email: or uri:"))?;
        match kind {
            "dns" if value == "*" => Ok(Self::Any(NameKind::Dns)),
            "email" if value == "*" => Ok(Self::Any(NameKind::Email)),
            "uri" if value == "*" => Ok(Self::Any(NameKind::Uri)),
            "dns" => match value.strip_prefix("*.") {
                Some(parent) => SubjectName::dns(parent).map(|name| Self::DnsBelow(name.value())),
                None => SubjectName::dns(value).map(Self::Exactly),
            },
            "ip" => network(value),
            "email" => match value.strip_prefix("*@") {
                Some(host) => SubjectName::dns(host).map(|name| Self::EmailAt(name.value())),
                None => SubjectName::email(value).map(Self::Exactly),
            },
            "uri" => match value.strip_suffix('*') {
                Some(prefix) if prefix.ends_with('/') => SubjectName::uri(prefix).map(|_| Self::UriBelow(prefix.to_owned())),
                Some(_) => Err(BadName("a URI pattern ends in /* or names one URI")),
                None => SubjectName::uri(value).map(Self::Exactly),
            },
            _ => Err(BadName("a pattern begins with dns:, ip:, email: or uri:")),
        }
    }
}

fn network(value: &str) -> Result<NamePattern, BadName> {
    let bad = || BadName("an IP pattern is an address or ADDRESS/BITS with no bits set past the prefix");
    let Some((address, bits)) = value.split_once('/') else {
        return value.parse().map(|ip| NamePattern::Exactly(SubjectName::Ip(ip))).map_err(|_| bad());
    };
    let ip: IpAddr = address.parse().map_err(|_| bad())?;
    let bits: u8 = bits.parse().map_err(|_| bad())?;
    let (width, host_bits) = match ip {
        IpAddr::V4(v4) => (32, u128::from(v4.to_bits())),
        IpAddr::V6(v6) => (128, v6.to_bits()),
    };
    let free = u32::from(width) - u32::from(bits.min(width));
    let past = if free == 128 { u128::MAX } else { (1_u128 << free) - 1 };
    if bits > width || host_bits & past != 0 { Err(bad()) } else { Ok(NamePattern::IpNetwork(ip, bits)) }
}

impl TryFrom<String> for NamePattern {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any(kind) => write!(f, "{}:*", kind.as_str()),
            Self::Exactly(name) => name.fmt(f),
            Self::DnsBelow(parent) => write!(f, "dns:*.{parent}"),
            Self::IpNetwork(ip, bits) => write!(f, "ip:{ip}/{bits}"),
            Self::EmailAt(host) => write!(f, "email:*@{host}"),
            Self::UriBelow(prefix) => write!(f, "uri:{prefix}*"),
        }
    }
}

impl fmt::Debug for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_what_the_table_says() {
        for (pattern, name, expected) in [
            ("dns:*", "a.b.c", true),
            ("dns:*", "1.2.3.4", false),
            ("dns:example.com", "example.com", true),
            ("dns:example.com", "a.example.com", false),
            ("dns:*.example.com", "a.b.example.com", true),
            ("dns:*.example.com", "*.example.com", true),
            ("dns:*.example.com", "example.com", false),
            ("dns:*.example.com", "badexample.com", false),
            ("ip:10.0.0.0/8", "10.255.0.1", true),
            ("ip:10.0.0.0/8", "11.0.0.1", false),
            ("ip:0.0.0.0/0", "11.0.0.1", true),
            ("ip:0.0.0.0/0", "::1", false),
            ("ip:::/0", "::1", true),
            ("email:*@example.com", "email:a@example.com", true),
            ("email:*@example.com", "email:a@sub.example.com", false),
            ("uri:spiffe://acme.example/*", "uri:spiffe://acme.example/web", true),
            ("uri:spiffe://acme.example/*", "uri:spiffe://acme.example.evil.example/web", false),
        ] {
            let (pattern, name): (NamePattern, SubjectName) = (pattern.parse().unwrap(), name.parse().unwrap());
            assert_eq!(pattern.matches(&name), expected, "{pattern} {name}");
            assert_eq!(pattern.to_string().parse::<NamePattern>().unwrap(), pattern);
        }
    }

    #[test]
    fn vague_patterns_are_refused() {
        for bad in
            ["", "*", "dns:", "dns:*.*", "dns:a.*.com", "ip:10.0.0.1/8", "ip:10.0.0.0/33", "ip:*", "uri:spiffe://acme*", "email:@x.de"]
        {
            assert!(bad.parse::<NamePattern>().is_err(), "{bad}");
        }
    }
}
