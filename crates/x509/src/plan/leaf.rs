//! End-entity certificates: what was approved, a key, a serial number and the issuer; nothing else has a way in (THREATS 15).

use super::Addresses;
use super::write::{self, TbsFields};
use crate::der_out::{DerOut, SEQUENCE};
use crate::extension::{ID_KP_DOCUMENT_SIGNING, ID_PKIX_OCSP_NOCHECK, NULL_DER, leaf_key_usage};
use crate::issuer::IssuerCertificate;
use crate::key::PublicKey;
use crate::lint::{self, Expected, LintError};
use crate::name;
use crate::prepared::{Leaf, Prepared};
use chancery_domain::Serial;
use chancery_domain::decision::Approved;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::profile::ExtendedKeyUsage;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{
    ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME, ID_KP_CLIENT_AUTH, ID_KP_CODE_SIGNING, ID_KP_EMAIL_PROTECTION,
    ID_KP_OCSP_SIGNING, ID_KP_SERVER_AUTH, ID_KP_TIME_STAMPING,
};

pub(super) fn prepare(
    approved: &Approved,
    subject_key: &PublicKey,
    serial: Serial,
    issuer: &IssuerCertificate,
    addresses: &Addresses,
) -> Result<Prepared<Leaf>, LintError> {
    lint::key_is_the_approved_kind(subject_key, approved)?;
    let fields = TbsFields {
        serial: serial.der_octets(),
        algorithm: issuer.public_key().algorithm(),
        issuer_der: issuer.subject_der(),
        not_before: approved.not_before(),
        not_after: approved.not_after(),
        subject_der: &write::leaf_name(approved.common_name()),
        spki_der: subject_key.spki_der(),
        extensions_der: extensions(approved, subject_key.key_identifier(), subject_key.algorithm(), issuer, addresses),
    };
    let tbs_der = fields.to_der();
    lint::certificate(&tbs_der, &Expected::Leaf { issuer, key: subject_key })?;
    Ok(Prepared::linted(tbs_der, issuer.public_key().clone()))
}

/// Encoded extensions, one after the other.
pub(super) fn extensions(
    approved: &Approved,
    key_identifier: &[u8],
    algorithm: KeyAlgorithm,
    issuer: &IssuerCertificate,
    addresses: &Addresses,
) -> Vec<u8> {
    DerOut::document(512 + 32 * approved.names().len(), |out| {
        write::authority_key(out, issuer.key_identifier());
        write::subject_key(out, key_identifier);
        let purposes: Vec<_> = approved.extended_key_usage().iter().map(|usage| purpose(*usage)).collect();
        write::extension(out, ID_CE_KEY_USAGE, true, |out| out.raw(&leaf_key_usage(&purposes, algorithm)));
        // RFC 3161 section 2.3: critical for timestamps.
        let critical = purposes == [ID_KP_TIME_STAMPING];
        write::extension(out, ID_CE_EXT_KEY_USAGE, critical, |out| {
            out.nested(SEQUENCE, |out| purposes.iter().for_each(|purpose| out.oid(*purpose)));
        });
        if purposes == [ID_KP_OCSP_SIGNING] {
            write::extension(out, ID_PKIX_OCSP_NOCHECK, false, |out| out.raw(NULL_DER));
        }
        // RFC 5280 section 4.2.1.6: critical if it alone names the subject.
        let critical = approved.common_name().is_none();
        write::extension(out, ID_CE_SUBJECT_ALT_NAME, critical, |out| name::write_all(out, approved.names()));
        write::addresses(out, addresses);
    })
}

const fn purpose(usage: ExtendedKeyUsage) -> ObjectIdentifier {
    match usage {
        ExtendedKeyUsage::ServerAuth => ID_KP_SERVER_AUTH,
        ExtendedKeyUsage::ClientAuth => ID_KP_CLIENT_AUTH,
        ExtendedKeyUsage::EmailProtection => ID_KP_EMAIL_PROTECTION,
        ExtendedKeyUsage::CodeSigning => ID_KP_CODE_SIGNING,
        ExtendedKeyUsage::DocumentSigning => ID_KP_DOCUMENT_SIGNING,
        ExtendedKeyUsage::OcspSigning => ID_KP_OCSP_SIGNING,
        ExtendedKeyUsage::TimeStamping => ID_KP_TIME_STAMPING,
    }
}
