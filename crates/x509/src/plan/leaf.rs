//! End-entity certificates: what was approved, a key, a serial number and the issuer; nothing else has a way in (THREATS 15).

use super::Addresses;
use super::write::{self, TbsFields};
use crate::der_out::{DerOut, SEQUENCE};
use crate::extension::LEAF_KEY_USAGE;
use crate::issuer::IssuerCertificate;
use crate::key::PublicKey;
use crate::lint::{self, Expected, LintError};
use crate::name;
use crate::prepared::{Leaf, Prepared};
use chancery_domain::Serial;
use chancery_domain::decision::Approved;
use chancery_domain::profile::ExtendedKeyUsage;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME, ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};

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
        extensions_der: extensions(approved, subject_key, issuer, addresses),
    };
    let tbs_der = fields.to_der();
    lint::certificate(&tbs_der, &Expected::Leaf { issuer, key: subject_key })?;
    Ok(Prepared::linted(tbs_der, issuer.public_key().clone()))
}

fn extensions(approved: &Approved, subject_key: &PublicKey, issuer: &IssuerCertificate, addresses: &Addresses) -> Vec<u8> {
    DerOut::document(512 + 32 * approved.names().len(), |out| {
        write::authority_key(out, issuer.key_identifier());
        write::subject_key(out, subject_key.key_identifier());
        write::extension(out, ID_CE_KEY_USAGE, true, |out| out.raw(&LEAF_KEY_USAGE));
        write::extension(out, ID_CE_EXT_KEY_USAGE, false, |out| {
            out.nested(SEQUENCE, |out| approved.extended_key_usage().iter().for_each(|usage| out.oid(purpose(*usage))));
        });
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
    }
}
