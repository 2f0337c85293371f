//! The input of a policy, version 1: every fact that a rule can ask about. Unknown fields are errors.
//!
//! Texts that a tenant chooses freely (display names, file names, reasons) are not in it.

use chancery_domain::enforced;
use chancery_domain::key::{Custody, KeyAlgorithm};
use chancery_domain::name::SubjectName;
use chancery_domain::profile::{ExtendedKeyUsage, ProfileName};
use chancery_domain::role::RoleName;
use chancery_domain::signature::{DigestAlgorithm, Format, SignatureAlgorithm};
use chancery_domain::signing::SignerName;
use chancery_domain::{AccountId, IssuerId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

mod facts;

/// The version of this input. A field that is added leaves it; one that changes or goes counts it on.
pub const INPUT_SCHEMA: u32 = 1;

/// What a policy is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The version of the input: 1.
    pub schema: u32,
    /// What is being done.
    pub action: Act,
    /// When, RFC 3339 in UTC with whole seconds. The only time that a policy knows; such texts compare as times do.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub time: Timestamp,
    /// The same time in its parts.
    pub clock: Clock,
    /// The tenant.
    pub tenant: TenantFacts,
    /// Who asks.
    pub principal: Principal,
    /// The profile that allowed the act already; for an import there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// The certificate that is asked for; absent where nothing of the kind is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateFacts>,
    /// The signature that is asked for; absent where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// What the tenant has already.
    pub inventory: Inventory,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Act {
    /// A first certificate.
    #[serde(rename = "certificate.issue")]
    Issue,
    /// A successor of a certificate.
    #[serde(rename = "certificate.renew")]
    Renew,
    /// A certificate that somebody else issued is taken into the inventory.
    #[serde(rename = "certificate.import")]
    Import,
    /// Documents are signed.
    #[serde(rename = "signature.create")]
    Sign,
}

/// A point in time in its parts, UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix_seconds: i64,
    /// The date, as in 2026-11-21.
    pub date: String,
    /// The day of the week, English, lower case.
    pub weekday: String,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
}

/// The tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TenantFacts {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: TenantId,
    /// Its tier, where the operator gave it one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// Its environment, as `production`, where the operator gave it one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Of which kind.
    pub kind: PrincipalKind,
    /// The account.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: AccountId,
    /// Its roles, sorted.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub roles: Vec<RoleName>,
}

/// A kind of principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalKind {
    /// An account of the tenant.
    Account,
}

/// The profile in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name; of a signature, that of the signer whose profile it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: ProfileName,
    /// Its version.
    pub version: u32,
}

/// A certificate that is asked for, or that is to be taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CertificateFacts {
    /// How it is asked for.
    pub source: Source,
    /// Its names, sorted.
    pub names: Vec<Name>,
    /// Whether one of the names is a wildcard.
    pub wildcard: bool,
    /// Whether one of the names is public.
    pub public: bool,
    /// The subject's key; absent where it is of no kind that is known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Who holds the private key.
    pub custody: Custody,
    /// For how long it would hold, in seconds.
    pub validity_seconds: i64,
    /// Its extended key usages, sorted.
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// The tenant's issuer; absent where it is somebody else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Uuid))]
    pub issuer: Option<IssuerId>,
}

/// How a certificate is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// By a certification request: the requester has the key.
    Csr,
    /// With a key that is made here.
    Generated,
    /// By ACME.
    Acme,
    /// As it is: it is taken in.
    Import,
}

/// A name of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Name {
    /// `dns`, `ip`, `email` or `uri`.
    pub kind: String,
    /// The name without its kind: `*.example.com`.
    pub value: String,
    /// Whether it begins with `*.`.
    pub wildcard: bool,
    /// Whether it is of the public internet: a host under no special-use domain, a globally reachable address, or something at such a
    /// host (RFC 6761, RFC 6762, RFC 8375, RFC 6890; `internal`).
    pub public: bool,
}

/// A public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its kind.
    pub algorithm: KeyAlgorithm,
    /// Its family.
    pub family: KeyFamily,
    /// The size by which its family is measured, in bits: of the modulus, of the curve's field; of ML-DSA-65 the public key's.
    pub bits: u32,
}

/// A family of public keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KeyFamily {
    /// Elliptic curves of NIST.
    Ec,
    /// Edwards curves.
    Eddsa,
    /// RSA.
    Rsa,
    /// Lattices.
    MlDsa,
}

/// A signature that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Its form.
    pub format: Format,
    /// Its kind.
    pub algorithm: SignatureAlgorithm,
    /// What the form says of the document; absent where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_type: Option<DocumentType>,
    /// Whether the document goes into the signature.
    pub attached: bool,
    /// Whether it is to carry a timestamp.
    pub timestamp: bool,
    /// What is to be signed.
    pub artifacts: Vec<Artifact>,
    /// Who signs.
    pub signer: Signer,
}

/// What the form of a signature says of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum DocumentType {
    /// PDF.
    Pdf,
    /// A Java archive.
    Jar,
    /// A Windows program or installer.
    Program,
    /// A time that is attested.
    Timestamp,
}

/// Something to be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Which digest.
    pub digest_algorithm: DigestAlgorithm,
    /// The digest, lower-case hexadecimal.
    pub digest: String,
    /// Its length in bytes, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// Who signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: SignerName,
    /// What its certificate is for, sorted.
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// Where its key is: `software`, `hsm` or `kms`.
    pub custody: String,
}

/// What the tenant has already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// How many certificates the tenant has that count against its quota.
    pub certificates: u64,
    /// What is known of the key that is to be certified; absent where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeySeen>,
}

/// What is known in this tenant of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KeySeen {
    /// It was never certified.
    New,
    /// It was certified for the same names under the same profile alone.
    SameNames,
    /// It was certified for other names, or under another profile.
    OtherNames,
}

impl Input {
    /// The bytes that are evaluated and kept: fields in their order, nothing between them.
    pub fn canonical(&self) -> Vec<u8> {
        // Texts, numbers and lists of them: nothing that JSON could not say.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// An input from its text.
    ///
    /// # Errors
    /// What field is unknown, missing or wrong, with its line.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let input: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        match input.schema {
            INPUT_SCHEMA => {}
            other if enforced!("policy.input.schema") => {
                return Err(format!("schema {other}: this version of Chancery has {INPUT_SCHEMA}"));
            }
            _ => {}
        }
        let told = input.clock == Clock::of(input.time) && input.time == input.time.whole_second();
        if !told && enforced!("policy.input.clock") {
            return Err(format!("clock: not the parts of {}: they are {}", input.time, Clock::of(input.time).said()));
        }
        if let Some(certificate) = &input.certificate
            && enforced!("policy.input.facts")
        {
            certificate.check()?;
        }
        Ok(input)
    }
}

impl Name {
    /// What a policy is told of a name.
    pub fn of(name: &SubjectName) -> Self {
        let text = name.to_string();
        let (kind, value) = text.split_once(':').unwrap_or(("", &text));
        Self { kind: kind.to_owned(), value: value.to_owned(), wildcard: value.starts_with("*."), public: facts::is_public(name) }
    }
}
