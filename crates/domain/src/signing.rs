//! Signing profiles: what a signer signs, for whom and how often; typed and versioned.

pub mod decision;

use crate::key::KeyAlgorithm;
use crate::scope::Environment;
use crate::signature::{DigestAlgorithm, Format, SignatureAlgorithm};
use crate::{AccountId, Timestamp, enforced};
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub use crate::short_name::{BadSignerName, SignerName};

/// Where a signer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignerState {
    /// It signs.
    Active,
    /// It signs nothing until it is enabled again.
    Disabled,
}

impl SignerState {
    /// All, for documents and tests.
    pub const ALL: &'static [Self] = &[Self::Active, Self::Disabled];

    /// The name used in columns, events and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
    /// The state with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str() == name)
    }
}

/// What a signer signs. Whatever is not said here cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningProfile {
    /// A label such as `production`, by which scopes of bindings tell signers apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// The forms of signature. Who may have `raw` signatures decides alone what they stand for: they also fit into every other form.
    pub formats: Vec<Format>,
    /// The kinds of signature, the preferred one first.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// The kinds of digest by which a document may be named.
    pub digests: Vec<DigestAlgorithm>,
    /// The accounts that it signs for, by id; with none named, for each that may have signatures at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountId>,
    /// How many signatures it makes in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_signatures: Option<u64>,
    /// How many signatures it makes a day, from midnight to midnight UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_signatures_a_day: Option<u64>,
    /// Whether each signature must carry a timestamp.
    #[serde(default)]
    pub timestamp_required: bool,
    /// The signer of this tenant whose timestamps go into its signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_by: Option<SignerName>,
    /// Of a timestamping authority, what its timestamps say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<TimestampTerms>,
    /// The longest document, in bytes; of one that is named by its digest the requester states the length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_artifact_bytes: Option<u64>,
    /// For so many seconds after it signs its certificate must still be valid.
    #[serde(default)]
    pub min_validity_seconds: u32,
    /// How long its signatures are kept; for ever, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
}

/// How long signatures are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// For so many days nobody removes them.
    pub days: u32,
    /// Whether they are removed then, unless a legal hold keeps them.
    pub dispose: bool,
}

impl Retention {
    /// Until when what is made at this time is kept.
    pub fn kept_until(self, made_at: Timestamp) -> Timestamp {
        made_at.after(Duration::from_secs(u64::from(self.days) * 86_400))
    }
}

/// What the timestamps of an authority say (RFC 3161 section 2.4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimestampTerms {
    /// The policy under which they are given: an object identifier, as numbers with dots.
    pub policy: String,
    /// How exact they are, in seconds.
    pub accuracy_seconds: u32,
}

/// What is wrong with a signing profile: the field and the rule.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{field}: {rule}")]
pub struct BadSigningProfile {
    /// The profile's field.
    pub field: &'static str,
    /// What it must satisfy.
    pub rule: &'static str,
}

/// More than anybody makes or sends, and less than a counter holds.
const MANY: u64 = 1_000_000_000_000;

impl SigningProfile {
    /// The kind of signature where none is asked for: the preferred one of those that the key makes.
    pub fn algorithm(&self, key: KeyAlgorithm) -> SignatureAlgorithm {
        self.algorithms.iter().copied().find(|algorithm| algorithm.fits(key)).unwrap_or(SignatureAlgorithm::usual(key))
    }

    /// Whether it is that of a timestamping authority.
    pub fn gives_timestamps(&self) -> bool {
        self.formats.contains(&Format::Timestamp)
    }

    /// Checks what the types alone do not say.
    ///
    /// # Errors
    /// [`BadSigningProfile`] for the first field that does not hold.
    pub fn check(&self) -> Result<(), BadSigningProfile> {
        let rule = |holds: bool, field, rule| match holds || !enforced!("signing-profile", field) {
            true => Ok(()),
            false => Err(BadSigningProfile { field, rule }),
        };
        let counted = |number: Option<u64>| number.is_none_or(|number| (1..=MANY).contains(&number));
        rule(!self.formats.is_empty(), "formats", "name at least one")?;
        rule(!self.algorithms.is_empty(), "algorithms", "name at least one")?;
        rule(!self.digests.is_empty(), "digests", "name at least one")?;
        rule(self.accounts.len() <= 200, "accounts", "at most 200")?;
        rule(counted(self.max_signatures), "max_signatures", "between 1 and 1,000,000,000,000")?;
        rule(counted(self.max_signatures_a_day), "max_signatures_a_day", "between 1 and 1,000,000,000,000")?;
        rule(counted(self.max_artifact_bytes), "max_artifact_bytes", "between 1 and 1,000,000,000,000")?;
        // RFC 3161 section 2.3: the key is for nothing else.
        let alone = self.formats.iter().all(|format| *format == Format::Timestamp);
        rule(!self.gives_timestamps() || alone, "formats", "timestamp stands alone: who gives the time signs nothing else")?;
        let terms = self.timestamp.is_some() == self.gives_timestamps();
        rule(terms, "timestamp", "with the format timestamp its policy and accuracy, and without it nothing")?;
        let accurate = self.timestamp.as_ref().is_none_or(|terms| (2..=3600).contains(&terms.accuracy_seconds));
        // A second is cut off of the time, and a second the clock may be off what it is watched by.
        rule(accurate, "timestamp", "an accuracy of 2 to 3600 seconds")?;
        let needs_none = self.timestamp_by.is_some() && self.gives_timestamps();
        rule(!needs_none, "timestamp_by", "a timestamp carries no other timestamp")?;
        // Whoever repeats a request is given what it made.
        let kept = self.retention.is_none_or(|retention| (7..=36_500).contains(&retention.days));
        rule(kept, "retention", "7 to 36,500 days")?;
        rule(self.min_validity_seconds <= 20 * 366 * 86_400, "min_validity_seconds", "at most 20 years")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn good() -> SigningProfile {
        SigningProfile {
            environment: None,
            formats: vec![Format::Raw],
            algorithms: vec![SignatureAlgorithm::EcdsaP256Sha256],
            digests: vec![DigestAlgorithm::Sha256],
            accounts: Vec::new(),
            max_signatures: None,
            max_signatures_a_day: None,
            timestamp_required: false,
            timestamp_by: None,
            timestamp: None,
            max_artifact_bytes: None,
            min_validity_seconds: 0,
            retention: None,
        }
    }

    #[test]
    fn each_field_has_its_bounds() {
        good().check().unwrap();
        let field = |change: fn(&mut SigningProfile)| {
            let mut profile = good();
            change(&mut profile);
            profile.check().unwrap_err().field
        };
        assert_eq!(field(|profile| profile.formats.clear()), "formats");
        assert_eq!(field(|profile| profile.algorithms.clear()), "algorithms");
        assert_eq!(field(|profile| profile.digests.clear()), "digests");
        assert_eq!(field(|profile| profile.accounts = vec![AccountId::from_bytes([1; 16]); 201]), "accounts");
        assert_eq!(field(|profile| profile.max_signatures = Some(0)), "max_signatures");
        assert_eq!(field(|profile| profile.max_signatures_a_day = Some(MANY + 1)), "max_signatures_a_day");
        assert_eq!(field(|profile| profile.max_artifact_bytes = Some(0)), "max_artifact_bytes");
        assert_eq!(field(|profile| profile.min_validity_seconds = u32::MAX), "min_validity_seconds");
        assert_eq!(field(|profile| profile.retention = Some(Retention { days: 6, dispose: true })), "retention");
        assert_eq!(field(|profile| profile.retention = Some(Retention { days: 36_501, dispose: false })), "retention");
    }

    #[test]
    fn who_gives_timestamps_says_under_which_terms_and_signs_nothing_else() {
        let terms = |accuracy_seconds| Some(TimestampTerms { policy: "1.3.6.1.4.1.99999.1".to_owned(), accuracy_seconds });
        let authority = || SigningProfile { formats: vec![Format::Timestamp], timestamp: terms(2), ..good() };
        authority().check().unwrap();
        let field = |profile: SigningProfile| profile.check().unwrap_err().field;
        assert_eq!(field(SigningProfile { formats: vec![Format::Timestamp, Format::Cms], ..authority() }), "formats");
        assert_eq!(field(SigningProfile { timestamp: None, ..authority() }), "timestamp");
        assert_eq!(field(SigningProfile { timestamp: terms(2), ..good() }), "timestamp");
        for accuracy in [0, 1, 3601] {
            assert_eq!(field(SigningProfile { timestamp: terms(accuracy), ..authority() }), "timestamp");
        }
        let by = "clock".parse().ok();
        SigningProfile { timestamp_by: by.clone(), ..good() }.check().unwrap();
        assert_eq!(field(SigningProfile { timestamp_by: by, ..authority() }), "timestamp_by");
    }

    #[test]
    fn the_first_that_the_key_makes_is_preferred() {
        use SignatureAlgorithm::{EcdsaP256Sha256, RsaPkcs1Sha256, RsaPssSha256};
        let profile = SigningProfile { algorithms: vec![EcdsaP256Sha256, RsaPssSha256, RsaPkcs1Sha256], ..good() };
        assert_eq!(profile.algorithm(KeyAlgorithm::Rsa3072), RsaPssSha256);
        assert_eq!(profile.algorithm(KeyAlgorithm::EcP256), EcdsaP256Sha256);
        assert_eq!(profile.algorithm(KeyAlgorithm::Ed25519), SignatureAlgorithm::Ed25519);
        for state in SignerState::ALL {
            assert_eq!(SignerState::from_name(state.as_str()), Some(*state));
        }
    }
}
