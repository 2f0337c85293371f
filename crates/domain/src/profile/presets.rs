//! The profiles that every new tenant begins with; each is the tenant's own to change.

use super::ExtendedKeyUsage::{self, ClientAuth, CodeSigning, DocumentSigning, EmailProtection, OcspSigning, ServerAuth, TimeStamping};
use super::{CommonName, DAY, KeyReuse, Profile, ProfileName, ValidityStep};
use crate::Timestamp;
use crate::key::{Custody, KeyAlgorithm};

const HOSTS: &[&str] = &["dns:*", "ip:0.0.0.0/0", "ip:::/0"];
const SERVICES: &[&str] = &["dns:*", "ip:0.0.0.0/0", "ip:::/0", "uri:*"];
const ANYBODY: &[&str] = &["dns:*", "email:*", "uri:*"];

pub(super) fn all() -> Vec<Profile> {
    vec![
        preset("tls-server", "TLS servers inside the tenant's own names", HOSTS, &[ServerAuth], 90),
        preset("tls-client", "TLS clients: hosts, people and workloads", ANYBODY, &[ClientAuth], 90),
        preset("mtls", "Services that are both server and client", SERVICES, &[ClientAuth, ServerAuth], 30),
        public_web(),
        preset("device", "Devices that prove who they are", &["dns:*", "uri:*"], &[ClientAuth], 365),
        or_kept(preset("smime", "Signed and encrypted e-mail", &["email:*"], &[EmailProtection], 365)),
        or_kept(preset("code-signing", "Signatures on programs", ANYBODY, &[CodeSigning], 365)),
        or_kept(preset("document-signing", "Signatures on documents (RFC 9336)", ANYBODY, &[DocumentSigning], 365)),
        kept(preset("ocsp-signer", "Answers about revocation in the issuer's name", &["dns:*", "uri:*"], &[OcspSigning], 30)),
        kept(preset("tsa-signer", "Timestamps (RFC 3161)", &["dns:*", "uri:*"], &[TimeStamping], 365)),
    ]
}

fn preset(name: &str, description: &str, names: &[&str], usage: &[ExtendedKeyUsage], days: u32) -> Profile {
    Profile {
        name: ProfileName(name.to_owned()),
        description: description.to_owned(),
        environment: None,
        key_algorithms: KeyAlgorithm::CLASSICAL.to_vec(),
        names: names.iter().filter_map(|text| text.parse().ok()).collect(),
        wildcards: false,
        max_names: 100,
        extended_key_usage: usage.to_vec(),
        common_name: CommonName::OneOfTheNames,
        default_validity_seconds: days * DAY,
        max_validity_seconds: days * DAY,
        validity_schedule: Vec::new(),
        custody: vec![Custody::Client, Custody::SoftwareReleaseOnce],
        key_reuse: KeyReuse::SameNames,
        renewal_window_percent: 33,
    }
}

/// The public Web's validity (CA/Browser Forum ballot SC-081v3; TLS Baseline Requirements section 6.3.2, where a day is 86,400 s)
/// and kinds of key (section 6.1.1.5).
fn public_web() -> Profile {
    use KeyAlgorithm::{EcP256, EcP384, Rsa2048, Rsa3072, Rsa4096};
    // Midnight UTC of 2027-03-15 and 2029-03-15.
    let steps = [(1_805_068_800, 100), (1_868_227_200, 47)];
    let step = |(from, days): (i64, u32)| ValidityStep { from: Timestamp::from_seconds(from), max_validity_seconds: days * DAY };
    Profile {
        key_algorithms: vec![EcP256, EcP384, Rsa2048, Rsa3072, Rsa4096],
        default_validity_seconds: 90 * DAY,
        validity_schedule: steps.map(step).to_vec(),
        ..preset("tls-server-public", "TLS servers with the validity of the public Web (SC-081v3)", HOSTS, &[ServerAuth], 200)
    }
}

/// What a signer here signs with never leaves.
fn or_kept(profile: Profile) -> Profile {
    Profile { custody: vec![Custody::Client, Custody::SoftwareReleaseOnce, Custody::SoftwareNeverReleased], ..profile }
}

/// Who speaks for the issuer, of revocation or of time, has no key outside: it would make revocation void.
fn kept(profile: Profile) -> Profile {
    Profile { custody: vec![Custody::SoftwareNeverReleased], ..profile }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_validity_shrinks_by_date() {
        let profile = public_web();
        for (now, days) in [
            ("2027-03-14T23:59:59.999Z", 200),
            ("2027-03-15T00:00:00Z", 100),
            ("2029-03-14T23:59:59.999Z", 100),
            ("2029-03-15T00:00:00Z", 47),
            ("2040-01-01T00:00:00Z", 47),
        ] {
            assert_eq!(profile.max_validity_at(Timestamp::parse(now).unwrap()), days * DAY, "{now}");
        }
        assert_eq!(preset("x", "", HOSTS, &[ServerAuth], 5).max_validity_at(Timestamp::from_seconds(0)), 5 * DAY);
    }

    #[test]
    fn keys_that_speak_for_the_issuer_stay_here() {
        for profile in all() {
            let speaks = profile.extended_key_usage.iter().any(|usage| usage.stands_alone());
            assert_eq!(speaks, profile.custody == [Custody::SoftwareNeverReleased], "{}", profile.name);
        }
    }
}
