//! Legal holds: what must not be removed, whatever its retention says, until the hold is released.

use crate::{CertificateId, DocumentId, SignatureId};

/// What a hold keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoldSubject {
    /// Everything of the tenant.
    Tenant,
    /// A document with the signatures of all its versions.
    Document(DocumentId),
    /// The signatures of a request.
    Signature(SignatureId),
    /// A certificate, and the signatures made with it.
    Certificate(CertificateId),
}

impl HoldSubject {
    /// The name used in columns, events and answers.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Document(_) => "document",
            Self::Signature(_) => "signature",
            Self::Certificate(_) => "certificate",
        }
    }

    /// The id as it is stored; all zero for the tenant, whose rows say whose they are.
    pub const fn id(&self) -> [u8; 16] {
        match self {
            Self::Tenant => [0; 16],
            Self::Document(id) => *id.as_bytes(),
            Self::Signature(id) => *id.as_bytes(),
            Self::Certificate(id) => *id.as_bytes(),
        }
    }

    /// What is stored so.
    pub fn from_stored(kind: &str, id: [u8; 16]) -> Option<Self> {
        Some(match kind {
            "tenant" => Self::Tenant,
            "document" => Self::Document(DocumentId::from_bytes(id)),
            "signature" => Self::Signature(SignatureId::from_bytes(id)),
            "certificate" => Self::Certificate(CertificateId::from_bytes(id)),
            _ => return None,
        })
    }

    /// The id as a text; none for the tenant.
    pub fn id_text(&self) -> Option<String> {
        match self {
            Self::Tenant => None,
            Self::Document(id) => Some(id.to_string()),
            Self::Signature(id) => Some(id.to_string()),
            Self::Certificate(id) => Some(id.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_what_is_read() {
        let id = [7; 16];
        let subjects = [
            HoldSubject::Tenant,
            HoldSubject::Document(DocumentId::from_bytes(id)),
            HoldSubject::Signature(SignatureId::from_bytes(id)),
            HoldSubject::Certificate(CertificateId::from_bytes(id)),
        ];
        for subject in subjects {
            assert_eq!(HoldSubject::from_stored(subject.kind(), subject.id()), Some(subject));
        }
        assert_eq!(HoldSubject::from_stored("account", id), None);
    }
}
