//! The evidence bundle: one file about one act that verifies with the platform gone (I14). What a reader must check is in `chancery-verify`.

use crate::merkle::{Hash, sha256};
use chancery_domain::TenantId;
use serde::{Deserialize, Serialize};

/// The version of bundles that is written and read.
pub const BUNDLE: &str = "chancery-evidence/1";
/// The version of trust files that is written and read.
pub const TRUST: &str = "chancery-trust/1";

/// Who a bundle is for, which decides what of the record it opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum View {
    #[default]
    /// The tenant itself: the act, what came of it, and everything that it rests upon.
    Full,
    /// An auditor: the act and what it rests upon; not the signatures themselves, of which the act has the fingerprints.
    Auditor,
    /// Whoever acted for the tenant: the act and what came of it; of what it rests upon only that it stands in the log.
    Partner,
}

/// One file about one act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`BUNDLE`].
    pub format: String,
    /// Who it is for.
    pub view: View,
    /// Whose act it was.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub tenant: TenantId,
    /// The act itself.
    pub act: EventProof,
    /// What it rests upon: the version of the policy, the making of the keys and issuers, the version of the document before this one,
    /// approvals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lineage: Vec<EventProof>,
    /// What came after: a withdrawal or a revocation, which take it back, and later versions of the same document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<EventProof>,
    /// The tenant's checkpoints that the proofs lead to, the act's first: signed notes (C2SP tlog-checkpoint). There are more where the log
    /// has begun a new epoch since.
    pub checkpoints: Vec<String>,
    /// Where the act's checkpoint stands in the platform's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformProof>,
    /// The signatures that the act made, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<SignatureEvidence>,
    /// The timestamps in the signatures, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamps: Option<TimestampEvidence>,
    /// The certificates that the act is about and those above them, the leaf first: DER in base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// The revocation lists that tell of them: DER in base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation: Vec<String>,
}

/// That an event stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EventProof {
    /// Which of the bundle's checkpoints it leads to, from 0.
    #[serde(default, skip_serializing_if = "is_first")]
    pub checkpoint: usize,
    /// Its place in the log.
    pub index: u64,
    /// Its leaf hash: SHA-256 in hexadecimal.
    pub leaf: String,
    /// The hashes that lead from it to the root (RFC 9162 section 2.1.3), in hexadecimal.
    pub inclusion: Vec<String>,
    /// What it says, where the view discloses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<OpenedEvent>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_first(checkpoint: &usize) -> bool {
    *checkpoint == 0
}

/// What a leaf commits to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenedEvent {
    /// 32 bytes in hexadecimal.
    pub salt: String,
    /// The event's canonical JSON (RFC 8785), as a text.
    pub event: String,
}

/// That the tenant's checkpoint was given to the platform's log, which says nothing of whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PlatformProof {
    /// The salt that blinds the checkpoint: in hexadecimal.
    pub salt: String,
    /// The tenant's checkpoint as it was given: a signed note, of this or a later size.
    pub note: String,
    /// The hashes that lead from the bundle's checkpoint to that one (RFC 9162 section 2.1.4), in hexadecimal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consistency: Vec<String>,
    /// The platform's event that holds the blinded checkpoint.
    pub event: EventProof,
    /// The platform's checkpoint, with the cosignatures of witnesses.
    pub checkpoint: String,
}

/// What the platform's log holds of a tenant's checkpoint: SHA-256(salt ‖ note).
pub fn blinded(salt: &Hash, note: &[u8]) -> Hash {
    sha256(&[salt, note])
}

/// A signature as it was given out. What format and kind it is of, the act says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignatureEvidence {
    /// The digest of what was signed: `sha-256:` and hexadecimal.
    pub digest: String,
    /// What was given out, in base64, where the view discloses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Timestamps over the signatures, each an act of the tenant's authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TimestampEvidence {
    /// The act that gave them.
    pub act: EventProof,
    /// The tokens (RFC 3161 section 2.4.2), in the order of the signatures: DER in base64.
    pub tokens: Vec<String>,
    /// The revocation lists that tell of the authority's certificates: DER in base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocation: Vec<String>,
}

impl Bundle {
    /// The bundle as somebody may see it: an opened part that is not theirs is closed; the proofs stay.
    pub fn as_seen_by(mut self, view: View) -> Self {
        match view {
            View::Full => {}
            View::Auditor => self.signatures.iter_mut().for_each(|signature| signature.value = None),
            View::Partner => self.lineage.iter_mut().for_each(|proof| proof.opened = None),
        }
        self.view = view;
        self
    }
}

/// What a verifier is told beforehand, and nothing in a bundle can change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TrustFile {
    /// [`TRUST`].
    pub format: String,
    /// The logs of tenants.
    #[serde(default)]
    pub logs: Vec<TrustedLog>,
    /// The platform's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<TrustedPlatform>,
    /// Roots of certificates: PEM.
    #[serde(default)]
    pub roots: Vec<String>,
    /// Public keys that are trusted by themselves, for signatures that bring no certificate along: PEM.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Roots of timestamping authorities: PEM.
    #[serde(default)]
    pub timestamp_roots: Vec<String>,
}

/// A tenant's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TrustedLog {
    /// Whose it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub tenant: TenantId,
    /// The keys of its epochs, as verifier keys of C2SP signed-note: `origin+hash+key`.
    pub keys: Vec<String>,
}

/// The platform's log, and who watches it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TrustedPlatform {
    /// The keys of its epochs.
    pub keys: Vec<String>,
    /// The witnesses' keys.
    #[serde(default)]
    pub witnesses: Vec<String>,
    /// So many of them must have cosigned.
    #[serde(default)]
    pub cosignatures: usize,
}
