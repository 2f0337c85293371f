//! Certificate profiles: what may be issued, typed and versioned.

use crate::Timestamp;
use crate::enforced;
use crate::key::{Custody, KeyAlgorithm};
use crate::pattern::NamePattern;
use crate::scope::Environment;
use serde::{Deserialize, Serialize};

mod presets;

pub use crate::short_name::{BadProfileName, ProfileName};

/// What a certificate may be used for (RFC 5280 section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ExtendedKeyUsage {
    /// TLS server authentication, 1.3.6.1.5.5.7.3.1.
    ServerAuth,
    /// TLS client authentication, 1.3.6.1.5.5.7.3.2.
    ClientAuth,
    /// Signed and encrypted e-mail, 1.3.6.1.5.5.7.3.4.
    EmailProtection,
    /// Programs, 1.3.6.1.5.5.7.3.3.
    CodeSigning,
    /// Documents, 1.3.6.1.5.5.7.3.36 (RFC 9336).
    DocumentSigning,
    /// Answers about revocation in the issuer's name, 1.3.6.1.5.5.7.3.9 (RFC 6960 section 4.2.2.2).
    OcspSigning,
    /// Timestamps, 1.3.6.1.5.5.7.3.8 (RFC 3161 section 2.3).
    TimeStamping,
}

impl ExtendedKeyUsage {
    /// The name used in profiles and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServerAuth => "server-auth",
            Self::ClientAuth => "client-auth",
            Self::EmailProtection => "email-protection",
            Self::CodeSigning => "code-signing",
            Self::DocumentSigning => "document-signing",
            Self::OcspSigning => "ocsp-signing",
            Self::TimeStamping => "time-stamping",
        }
    }
    /// Whether it stands alone: RFC 3161 section 2.3 asks it of timestamps, and who speaks for the issuer should do nothing else.
    pub const fn stands_alone(self) -> bool {
        matches!(self, Self::OcspSigning | Self::TimeStamping)
    }
}

/// A change of the longest validity that is known beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ValidityStep {
    /// From when on it holds, for certificates made then or later.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub from: Timestamp,
    /// The longest validity, in seconds.
    #[cfg_attr(feature = "openapi", schema(minimum = 300))]
    pub max_validity_seconds: u32,
}

/// Where the subject's common name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CommonName {
    /// There is none: the subject is empty and the names stand in the alternative names alone.
    Never,
    /// The requester may name one of the DNS or e-mail names of the certificate.
    OneOfTheNames,
}

/// Whether a key that was certified before may be certified again. One that is compromised never may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KeyReuse {
    /// Never: each certificate, a renewed one too, has a new key.
    Forbidden,
    /// For the same names under the same profile alone, as a renewal does.
    #[default]
    SameNames,
    /// For whatever this profile allows.
    Allowed,
}

impl KeyReuse {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What may be issued. Whatever is not said here cannot be had (THREATS 14, 15).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^[a-z][a-z0-9-]{0,38}[a-z0-9]$"))]
    pub name: ProfileName,
    /// What it is for, in a sentence.
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub description: String,
    /// A label such as `production`, by which scopes of bindings tell profiles apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, pattern = "^[a-z][a-z0-9-]{0,38}[a-z0-9]$"))]
    pub environment: Option<Environment>,
    /// Allowed kinds of subject key.
    #[cfg_attr(feature = "openapi", schema(min_items = 1))]
    pub key_algorithms: Vec<KeyAlgorithm>,
    /// Names allowed, within what the issuer's own constraints allow.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, max_items = 1000))]
    pub names: Vec<NamePattern>,
    /// Whether a DNS name may begin with `*.`.
    pub wildcards: bool,
    /// How many names at most.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1000))]
    pub max_names: u16,
    /// The extended key usages that every certificate carries.
    #[cfg_attr(feature = "openapi", schema(min_items = 1))]
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// The common name.
    pub common_name: CommonName,
    /// Validity where the requester asks for none, in seconds.
    #[cfg_attr(feature = "openapi", schema(minimum = 300))]
    pub default_validity_seconds: u32,
    /// The longest validity that the requester may ask for, in seconds.
    #[cfg_attr(feature = "openapi", schema(minimum = 300, maximum = 632_448_000))]
    pub max_validity_seconds: u32,
    /// Shorter limits to come, by date; where the default is longer than the limit in force, that limit is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 20))]
    pub validity_schedule: Vec<ValidityStep>,
    /// Who may hold the private key.
    #[cfg_attr(feature = "openapi", schema(min_items = 1))]
    pub custody: Vec<Custody>,
    /// Whether a key that was certified before may be certified again.
    #[serde(default, skip_serializing_if = "KeyReuse::is_default")]
    pub key_reuse: KeyReuse,
    /// Renewal is due when this many percent of the validity remain.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 90))]
    pub renewal_window_percent: u8,
}

/// What is wrong with a profile: the field and the rule.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{field}: {rule}")]
pub struct BadProfile {
    /// The profile's field.
    pub field: &'static str,
    /// What it must satisfy.
    pub rule: &'static str,
}

const DAY: u32 = 86_400;

impl Profile {
    /// The profiles that every new tenant begins with.
    pub fn presets() -> Vec<Self> {
        presets::all()
    }

    /// The longest validity that may be asked for at this moment, in seconds. The moment of issuance counts, which is never before
    /// notBefore: a limit that someone reads as one on notBefore is kept as well.
    pub fn max_validity_at(&self, now: Timestamp) -> u32 {
        let in_force = self.validity_schedule.iter().rev().find(|step| step.from <= now);
        in_force.map_or(self.max_validity_seconds, |step| step.max_validity_seconds)
    }

    /// Checks what the types alone do not say.
    pub fn check(&self) -> Result<(), BadProfile> {
        let rule = |holds: bool, field, rule| if holds || !enforced!("profile", field) { Ok(()) } else { Err(BadProfile { field, rule }) };
        rule(!self.key_algorithms.is_empty(), "key_algorithms", "name at least one")?;
        rule(!self.extended_key_usage.is_empty(), "extended_key_usage", "name at least one")?;
        let alone = self.extended_key_usage.len() == 1 || !self.extended_key_usage.iter().any(|usage| usage.stands_alone());
        rule(alone, "extended_key_usage", "ocsp-signing and time-stamping stand alone")?;
        rule(!self.custody.is_empty(), "custody", "name at least one")?;
        rule((1..=1000).contains(&self.max_names), "max_names", "between 1 and 1000")?;
        rule(self.names.len() <= 1000, "names", "at most 1000 patterns")?;
        rule(self.description.len() <= 500, "description", "at most 500 bytes")?;
        let longest = 20 * 366 * DAY;
        rule((300..=longest).contains(&self.max_validity_seconds), "max_validity_seconds", "between 300 and 20 years")?;
        let default = (300..=self.max_validity_seconds).contains(&self.default_validity_seconds);
        rule(default, "default_validity_seconds", "between 300 and max_validity_seconds")?;
        rule(self.validity_schedule.len() <= 20, "validity_schedule", "at most 20 steps")?;
        let steps = self.validity_schedule.iter().all(|step| (300..=self.max_validity_seconds).contains(&step.max_validity_seconds));
        rule(steps, "validity_schedule", "each between 300 and max_validity_seconds")?;
        let ordered = self.validity_schedule.is_sorted_by(|earlier, later| earlier.from < later.from);
        rule(ordered, "validity_schedule", "by date, each date once")?;
        rule((1..=90).contains(&self.renewal_window_percent), "renewal_window_percent", "between 1 and 90")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_sound_and_survive_storage() {
        for profile in Profile::presets() {
            profile.check().unwrap();
            assert!(!profile.names.is_empty());
            for usage in &profile.extended_key_usage {
                assert_eq!(serde_json::to_value(usage).unwrap(), usage.as_str());
            }
            let text = serde_json::to_string(&profile).unwrap();
            assert_eq!(serde_json::from_str::<Profile>(&text).unwrap(), profile);
        }
    }

    #[test]
    fn each_field_has_its_bounds() {
        let good = Profile::presets().remove(0);
        let field = |change: fn(&mut Profile)| {
            let mut profile = good.clone();
            change(&mut profile);
            profile.check().unwrap_err().field
        };
        assert_eq!(field(|profile| profile.key_algorithms.clear()), "key_algorithms");
        assert_eq!(field(|profile| profile.extended_key_usage.clear()), "extended_key_usage");
        assert_eq!(field(|profile| profile.custody.clear()), "custody");
        assert_eq!(field(|profile| profile.max_names = 0), "max_names");
        assert_eq!(field(|profile| profile.names = vec!["dns:*".parse().unwrap(); 1001]), "names");
        assert_eq!(field(|profile| profile.description = "x".repeat(501)), "description");
        assert_eq!(field(|profile| profile.max_validity_seconds = 299), "max_validity_seconds");
        assert_eq!(field(|profile| profile.default_validity_seconds = 299), "default_validity_seconds");
        assert_eq!(field(|profile| profile.renewal_window_percent = 91), "renewal_window_percent");
    }

    #[test]
    fn what_speaks_for_the_issuer_stands_alone() {
        use ExtendedKeyUsage::{OcspSigning, ServerAuth, TimeStamping};
        let good = Profile::presets().remove(0);
        let field = |profile: Profile| profile.check().err().map(|error| error.field);
        for (usages, sound) in [
            (vec![OcspSigning], true),
            (vec![TimeStamping], true),
            (vec![ServerAuth, OcspSigning], false),
            (vec![TimeStamping, ServerAuth], false),
        ] {
            assert_eq!(field(Profile { extended_key_usage: usages, ..good.clone() }).is_none(), sound);
        }
    }

    #[test]
    fn a_schedule_out_of_order_or_out_of_bounds_is_refused() {
        let good = Profile::presets().remove(0);
        let step = |day: i64, max: u32| ValidityStep { from: Timestamp::from_seconds(day * 86_400), max_validity_seconds: max };
        for (schedule, sound) in [
            (vec![step(1, 600), step(2, 300)], true),
            (vec![step(2, 600), step(1, 300)], false),
            (vec![step(1, 600), step(1, 300)], false),
            (vec![step(1, 299)], false),
            (vec![step(1, good.max_validity_seconds + 1)], false),
            ((0..21).map(|day| step(day, 300)).collect(), false),
        ] {
            let wrong = Profile { validity_schedule: schedule, ..good.clone() }.check().err().map(|error| error.field);
            assert_eq!(wrong, (!sound).then_some("validity_schedule"));
        }
    }

    #[test]
    fn what_says_nothing_of_schedules_and_key_reuse_is_read_and_written() {
        let text = serde_json::to_string(&Profile::presets()[0]).unwrap();
        assert!(!text.contains("schedule") && !text.contains("key_reuse"), "an older program, which knows neither, reads it");
        let read: Profile = serde_json::from_str(&text).unwrap();
        assert_eq!((read.validity_schedule.len(), read.key_reuse), (0, KeyReuse::SameNames));
    }
}
