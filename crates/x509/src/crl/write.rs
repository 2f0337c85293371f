//! The encoding of a `TBSCertList` (RFC 5280 section 5.1.2).

use super::{CrlEntry, CrlPlan};
use crate::algorithm::signature_algorithm;
use crate::der_out::{DerOut, ENUMERATED, INTEGER, SEQUENCE, context, context_constructed};
use crate::plan::write::{authority_key, distribution_point, extension};
use crate::time;
use chancery_domain::certificate::RevocationReason;
use const_oid::db::rfc5280::{ID_CE_CRL_NUMBER, ID_CE_CRL_REASONS, ID_CE_ISSUING_DISTRIBUTION_POINT};

pub(super) fn tbs(plan: &CrlPlan<'_>) -> Vec<u8> {
    DerOut::document(512 + 64 * plan.entries.len(), |out| {
        out.nested(SEQUENCE, |out| {
            out.unsigned(1);
            out.raw(signature_algorithm(plan.issuer.public_key().algorithm()));
            out.raw(plan.issuer.subject_der());
            time::write(out, plan.this_update);
            time::write(out, plan.next_update);
            // RFC 5280 section 5.1.2.6: absent, not empty, when nothing is revoked.
            if !plan.entries.is_empty() {
                out.nested(SEQUENCE, |out| plan.entries.iter().for_each(|revoked| entry(out, revoked)));
            }
            out.nested(context_constructed(0), |out| out.nested(SEQUENCE, |out| extensions(out, plan)));
        });
    })
}

fn entry(out: &mut DerOut, entry: &CrlEntry) {
    out.nested(SEQUENCE, |out| {
        out.value(INTEGER, &entry.serial.der_octets());
        time::write(out, entry.revoked_at);
        // RFC 5280 section 5.3.1: absent instead of unspecified.
        if entry.reason != RevocationReason::Unspecified {
            out.nested(SEQUENCE, |out| {
                extension(out, ID_CE_CRL_REASONS, false, |out| out.value(ENUMERATED, &[entry.reason.code()]));
            });
        }
    });
}

fn extensions(out: &mut DerOut, plan: &CrlPlan<'_>) {
    authority_key(out, plan.issuer.key_identifier());
    extension(out, ID_CE_CRL_NUMBER, false, |out| out.unsigned(plan.number));
    if let Some(url) = &plan.distribution_point_url {
        extension(out, ID_CE_ISSUING_DISTRIBUTION_POINT, true, |out| {
            out.nested(SEQUENCE, |out| {
                distribution_point(out, url);
                // onlyContainsUserCerts
                out.yes(context(1));
            });
        });
    }
}
