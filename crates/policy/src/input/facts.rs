//! Facts that follow from others, so that no rule has to work them out.

use super::{CertificateFacts, Clock, DocumentType, Key, KeyFamily, KeySeen, Name};
use chancery_domain::Timestamp;
use chancery_domain::decision::KeyHistory;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::name::SubjectName;
use chancery_domain::signature::Format;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Domains that are not of the public DNS: RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476; `internal` by ICANN's resolution of 2024.
const SPECIAL_USE: [&str; 9] = ["alt", "example", "home.arpa", "internal", "invalid", "local", "localhost", "onion", "test"];

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const DAY: i64 = 86_400;

impl Clock {
    /// The parts of a time.
    pub fn of(time: Timestamp) -> Self {
        let seconds = time.seconds();
        let (day, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        // 1970-01-01 was a Thursday.
        let weekday = usize::try_from((day + 3).rem_euclid(7)).ok().and_then(|day| WEEKDAYS.get(day)).copied().unwrap_or_default();
        let text = time.to_string();
        Self {
            unix_seconds: seconds,
            date: text.split('T').next().unwrap_or_default().to_owned(),
            weekday: weekday.to_owned(),
            hour: u8::try_from(second / 3600).unwrap_or_default(),
            minute: u8::try_from(second % 3600 / 60).unwrap_or_default(),
        }
    }

    pub(super) fn said(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl CertificateFacts {
    /// Whether what follows from the names is what is said.
    pub(super) fn check(&self) -> Result<(), String> {
        for name in &self.names {
            let text = format!("{}:{}", name.kind, name.value);
            let parsed: SubjectName = text.parse().map_err(|error| format!("certificate.names: {text}: {error}"))?;
            if *name != Name::of(&parsed) {
                let right = serde_json::to_string(&Name::of(&parsed)).unwrap_or_default();
                return Err(format!("certificate.names: {text}: what follows from it is {right}"));
            }
        }
        if !self.names.is_sorted() {
            return Err("certificate.names: not sorted".to_owned());
        }
        let any = |of: fn(&Name) -> bool| self.names.iter().any(of);
        if self.wildcard != any(|name| name.wildcard) || self.public != any(|name| name.public) {
            return Err("certificate: wildcard and public say whether one of the names is so".to_owned());
        }
        match self.key {
            Some(key) if key != Key::of(key.algorithm) => Err(format!("certificate.key: not what {} is", key.algorithm.as_str())),
            _ => Ok(()),
        }
    }
}

impl Key {
    /// What a policy is told of a kind of key.
    pub const fn of(algorithm: KeyAlgorithm) -> Self {
        let (family, bits) = match algorithm {
            KeyAlgorithm::EcP256 => (KeyFamily::Ec, 256),
            KeyAlgorithm::EcP384 => (KeyFamily::Ec, 384),
            KeyAlgorithm::Ed25519 => (KeyFamily::Eddsa, 256),
            KeyAlgorithm::Rsa2048 => (KeyFamily::Rsa, 2048),
            KeyAlgorithm::Rsa3072 => (KeyFamily::Rsa, 3072),
            KeyAlgorithm::Rsa4096 => (KeyFamily::Rsa, 4096),
            // FIPS 204 table 2: 1952 octets.
            KeyAlgorithm::MlDsa65 => (KeyFamily::MlDsa, 15_616),
        };
        Self { algorithm, family, bits }
    }
}

impl KeySeen {
    /// What a policy is told of a key's history. One that is compromised never gets as far as a policy.
    pub const fn of(history: KeyHistory) -> Self {
        match history {
            KeyHistory::New => Self::New,
            KeyHistory::SameNames(_) => Self::SameNames,
            KeyHistory::OtherNames(_) | KeyHistory::Compromised(_) => Self::OtherNames,
        }
    }
}

impl DocumentType {
    /// What a form says of the document.
    pub const fn of(format: Format) -> Option<Self> {
        match format {
            Format::Pades => Some(Self::Pdf),
            Format::Jar => Some(Self::Jar),
            Format::Authenticode => Some(Self::Program),
            Format::Timestamp => Some(Self::Timestamp),
            Format::Raw | Format::Cms | Format::Jws | Format::Dsse | Format::Sigstore => None,
        }
    }
}

/// Whether a name is of the public internet.
pub(super) fn is_public(name: &SubjectName) -> bool {
    match name {
        SubjectName::Dns(host) => host_is_public(host),
        SubjectName::Ip(address) => address_is_public(*address),
        SubjectName::Email(mailbox) => mailbox.rsplit_once('@').is_some_and(|(_, host)| host_is_public(host)),
        SubjectName::Uri(uri) => host_of(uri).is_some_and(|host| match host.parse() {
            Ok(address) => address_is_public(address),
            Err(_) => host_is_public(host),
        }),
    }
}

/// Names that are URIs have no user and no port.
fn host_of(uri: &str) -> Option<&str> {
    let host = uri.split_once("://")?.1.split('/').next()?;
    Some(host.trim_start_matches('[').trim_end_matches(']'))
}

fn host_is_public(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let under = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    host.contains('.') && !SPECIAL_USE.into_iter().any(under)
}

/// By RFC 6890 and its registry, as far as certificates name such addresses.
fn address_is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => v4_is_public(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => v4_is_public(address),
            None => v6_is_public(address),
        },
    }
}

fn v4_is_public(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let benchmark = a == 198 && (b == 18 || b == 19);
    let protocol = a == 192 && b == 0 && c == 0;
    !(a == 0
        || a >= 224
        || shared
        || benchmark
        || protocol
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation())
}

fn v6_is_public(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only 2000::/3 is given out, and of that 2001:db8::/32 and 3fff::/20 are for documents (RFC 3849, RFC 9637).
    (0x2000..0x4000).contains(&first) && !(first == 0x2001 && second == 0xdb8) && !(first == 0x3fff && second < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_public_is_told_from_what_is_not() {
        for name in [
            "dns:www.acme.com",
            "dns:*.acme.com",
            "dns:mytest.com",
            "ip:8.8.8.8",
            "ip:2600::1",
            "email:ada@acme.com",
            "uri:https://acme.com/x",
            "uri:spiffe://acme.com/ns/prod",
        ] {
            assert!(is_public(&name.parse().unwrap()), "{name}");
        }
        for name in [
            "dns:a.acme.example",
            "dns:db.internal",
            "dns:printer.local",
            "dns:x.home.arpa",
            "dns:a.b.test",
            "ip:10.1.2.3",
            "ip:192.168.1.1",
            "ip:127.0.0.1",
            "ip:100.64.0.1",
            "ip:169.254.169.254",
            "ip:fd00::1",
            "ip:fe80::1",
            "ip:::1",
            "ip:2001:db8::1",
            "email:ada@mail.internal",
            "uri:https://10.0.0.1/x",
            "uri:spiffe://prod.internal/ns/a.com",
        ] {
            assert!(!is_public(&name.parse().unwrap()), "{name}");
        }
    }

    #[test]
    fn a_time_falls_into_its_parts() {
        let clock = Clock::of(Timestamp::parse("2026-11-21T22:05:09Z").unwrap());
        assert_eq!((clock.date.as_str(), clock.weekday.as_str(), clock.hour, clock.minute), ("2026-11-21", "saturday", 22, 5));
        let clock = Clock::of(Timestamp::parse("1969-12-31T23:59:59Z").unwrap());
        assert_eq!((clock.unix_seconds, clock.weekday.as_str(), clock.hour, clock.minute), (-1, "wednesday", 23, 59));
        let clock = Clock::of(Timestamp::parse("2028-02-29T00:00:00Z").unwrap());
        assert_eq!((clock.date.as_str(), clock.weekday.as_str()), ("2028-02-29", "tuesday"));
    }
}
