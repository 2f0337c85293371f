//! Certificates of authorities: self-signed roots, and intermediates constrained to their tenant's names (THREATS 16).

use super::write::{self, TbsFields};
use super::{Addresses, CaPlan};
use crate::constraints::Constraints;
use crate::der_out::{BOOLEAN, DerOut, SEQUENCE};
use crate::extension::CA_KEY_USAGE;
use crate::issuer::IssuerCertificate;
use crate::lint::{self, Expected, LintError};
use crate::prepared::{CaCertificate, Prepared};
use chancery_domain::pattern::NamePattern;
use const_oid::db::rfc5280::{ID_CE_BASIC_CONSTRAINTS, ID_CE_KEY_USAGE, ID_CE_NAME_CONSTRAINTS};

pub(super) fn root(plan: &CaPlan<'_>) -> Result<Prepared<CaCertificate>, LintError> {
    let subject_der = write::authority_name(plan.subject);
    let extensions_der = DerOut::document(256, |out| {
        write::subject_key(out, plan.key.key_identifier());
        authority(out, plan.path_length);
    });
    let tbs_der = fields(plan, &subject_der, &subject_der, extensions_der).to_der();
    lint::certificate(&tbs_der, &Expected::Root { key: plan.key })?;
    Ok(Prepared::linted(tbs_der, plan.key.clone()))
}

pub(super) fn intermediate(
    plan: &CaPlan<'_>,
    names: &[NamePattern],
    issuer: &IssuerCertificate,
    addresses: &Addresses,
) -> Result<Prepared<CaCertificate>, LintError> {
    let constraints = Constraints::from_patterns(names);
    let extensions_der = DerOut::document(1024, |out| {
        write::authority_key(out, issuer.key_identifier());
        write::subject_key(out, plan.key.key_identifier());
        authority(out, plan.path_length);
        if !constraints.is_empty() {
            write::extension(out, ID_CE_NAME_CONSTRAINTS, true, |out| constraints.write(out));
        }
        write::addresses(out, addresses);
    });
    let subject_der = write::authority_name(plan.subject);
    let mut fields = fields(plan, &subject_der, issuer.subject_der(), extensions_der);
    fields.algorithm = issuer.public_key().algorithm();
    let tbs_der = fields.to_der();
    lint::certificate(&tbs_der, &Expected::Intermediate { issuer, key: plan.key, constraints: &constraints })?;
    Ok(Prepared::linted(tbs_der, issuer.public_key().clone()))
}

fn fields<'a>(plan: &CaPlan<'a>, subject_der: &'a [u8], issuer_der: &'a [u8], extensions_der: Vec<u8>) -> TbsFields<'a> {
    TbsFields {
        serial: plan.serial.der_octets(),
        algorithm: plan.key.algorithm(),
        issuer_der,
        not_before: plan.not_before,
        not_after: plan.not_after,
        subject_der,
        spki_der: plan.key.spki_der(),
        extensions_der,
    }
}

/// keyUsage and basicConstraints of an authority, both critical (RFC 5280 sections 4.2.1.3 and 4.2.1.9).
pub(super) fn authority(out: &mut DerOut, path_length: Option<u8>) {
    write::extension(out, ID_CE_KEY_USAGE, true, |out| out.raw(&CA_KEY_USAGE));
    write::extension(out, ID_CE_BASIC_CONSTRAINTS, true, |out| {
        out.nested(SEQUENCE, |out| {
            out.yes(BOOLEAN);
            if let Some(length) = path_length {
                out.unsigned(u64::from(length));
            }
        });
    });
}
