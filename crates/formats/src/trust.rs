//! What a verifier trusts. It is obtained beforehand; nothing that an artifact brings along is added to it.

/// Whom to trust, and what is known to be revoked. Certificates and lists are DER.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Roots of signers.
    pub roots: Vec<Vec<u8>>,
    /// Public keys that are trusted by themselves (SubjectPublicKeyInfo, DER), for signatures that bring no certificate along.
    pub keys: Vec<Vec<u8>>,
    /// Roots of timestamping authorities (RFC 3161); those of signers do not count for them.
    pub timestamp_roots: Vec<Vec<u8>>,
    /// Certificate revocation lists. A certificate that none of them covers counts as not revoked.
    pub crls: Vec<Vec<u8>>,
}
