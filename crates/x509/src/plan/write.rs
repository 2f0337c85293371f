//! The encoding of to-be-signed certificates: fields and extensions in one fixed order, so that equal plans are equal bytes.

use super::{Addresses, DistinguishedName};
use crate::algorithm::signature_algorithm;
use crate::der_out::{BOOLEAN, DerOut, INTEGER, OCTET_STRING, SEQUENCE, SET, UTF8_STRING, context, context_constructed};
use crate::time;
use chancery_domain::Timestamp;
use chancery_domain::key::KeyAlgorithm;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::{COMMON_NAME, ORGANIZATION_NAME};
use const_oid::db::rfc5280::{
    ID_AD_CA_ISSUERS, ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_CRL_DISTRIBUTION_POINTS, ID_CE_SUBJECT_KEY_IDENTIFIER,
    ID_PE_AUTHORITY_INFO_ACCESS,
};

/// The fields of a `TBSCertificate` (RFC 5280 section 4.1.2).
#[derive(Clone)]
pub(crate) struct TbsFields<'a> {
    /// Content octets of the serial number.
    pub(crate) serial: Vec<u8>,
    /// The issuer's kind of key.
    pub(crate) algorithm: KeyAlgorithm,
    /// The issuer's subject, byte for byte: verifiers compare names by their encoding (RFC 5280 section 4.1.2.4).
    pub(crate) issuer_der: &'a [u8],
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) subject_der: &'a [u8],
    pub(crate) spki_der: &'a [u8],
    /// Encoded extensions, one after the other.
    pub(crate) extensions_der: Vec<u8>,
}

impl TbsFields<'_> {
    /// The encoded `TBSCertificate`.
    pub(crate) fn to_der(&self) -> Vec<u8> {
        DerOut::document(512 + self.extensions_der.len(), |out| {
            out.nested(SEQUENCE, |out| {
                out.nested(context_constructed(0), |out| out.unsigned(2));
                out.value(INTEGER, &self.serial);
                out.raw(signature_algorithm(self.algorithm));
                out.raw(self.issuer_der);
                out.nested(SEQUENCE, |out| {
                    time::write(out, self.not_before);
                    time::write(out, self.not_after);
                });
                out.raw(self.subject_der);
                out.raw(self.spki_der);
                out.nested(context_constructed(3), |out| out.nested(SEQUENCE, |out| out.raw(&self.extensions_der)));
            });
        })
    }
}

/// The encoded `Name` of an authority.
pub(crate) fn authority_name(name: &DistinguishedName) -> Vec<u8> {
    DerOut::document(160, |out| {
        out.nested(SEQUENCE, |out| {
            if let Some(organization) = &name.organization {
                attribute(out, ORGANIZATION_NAME, organization);
            }
            attribute(out, COMMON_NAME, &name.common_name);
        });
    })
}

/// The encoded `Name` of a leaf: a common name or nothing.
pub(super) fn leaf_name(common_name: Option<&str>) -> Vec<u8> {
    DerOut::document(96, |out| {
        out.nested(SEQUENCE, |out| {
            if let Some(common_name) = common_name {
                attribute(out, COMMON_NAME, common_name);
            }
        });
    })
}

/// A relative distinguished name of one attribute.
fn attribute(out: &mut DerOut, id: ObjectIdentifier, text: &str) {
    out.nested(SET, |out| {
        out.nested(SEQUENCE, |out| {
            out.oid(id);
            out.value(UTF8_STRING, text.as_bytes());
        });
    });
}

/// One extension.
pub(crate) fn extension(out: &mut DerOut, id: ObjectIdentifier, critical: bool, value: impl FnOnce(&mut DerOut)) {
    out.nested(SEQUENCE, |out| {
        out.oid(id);
        if critical {
            out.yes(BOOLEAN);
        }
        out.nested(OCTET_STRING, value);
    });
}

/// authorityKeyIdentifier, by key (RFC 5280 section 4.2.1.1).
pub(crate) fn authority_key(out: &mut DerOut, key_identifier: &[u8]) {
    extension(out, ID_CE_AUTHORITY_KEY_IDENTIFIER, false, |out| out.nested(SEQUENCE, |out| out.value(context(0), key_identifier)));
}

/// subjectKeyIdentifier (RFC 5280 section 4.2.1.2).
pub(super) fn subject_key(out: &mut DerOut, key_identifier: &[u8]) {
    extension(out, ID_CE_SUBJECT_KEY_IDENTIFIER, false, |out| out.value(OCTET_STRING, key_identifier));
}

/// cRLDistributionPoints and authorityInfoAccess, one URL each (RFC 5280 sections 4.2.1.13 and 4.2.2.1).
pub(super) fn addresses(out: &mut DerOut, addresses: &Addresses) {
    extension(out, ID_CE_CRL_DISTRIBUTION_POINTS, false, |out| {
        out.nested(SEQUENCE, |out| out.nested(SEQUENCE, |out| distribution_point(out, &addresses.crl_url)));
    });
    extension(out, ID_PE_AUTHORITY_INFO_ACCESS, false, |out| {
        out.nested(SEQUENCE, |out| {
            out.nested(SEQUENCE, |out| {
                out.oid(ID_AD_CA_ISSUERS);
                out.value(context(6), addresses.aia_url.as_bytes());
            });
        });
    });
}

/// `distributionPoint [0] EXPLICIT CHOICE { fullName [0] GeneralNames }` with one URL.
pub(crate) fn distribution_point(out: &mut DerOut, url: &str) {
    out.nested(context_constructed(0), |out| {
        out.nested(context_constructed(0), |out| out.value(context(6), url.as_bytes()));
    });
}
