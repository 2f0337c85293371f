//! The certification request of an authority (PKCS#10, RFC 2986) that a customer's own authority is to sign.

use super::ca::authority;
use super::write;
use super::{DistinguishedName, NamePattern};
use crate::constraints::Constraints;
use crate::der_out::{DerOut, SEQUENCE, SET, context_constructed};
use crate::key::PublicKey;
use crate::prepared::{AuthorityRequest, Prepared};
use const_oid::db::rfc5280::ID_CE_NAME_CONSTRAINTS;
use const_oid::db::rfc5912::ID_EXTENSION_REQ;

/// It asks for what an authority of ours would have: the extensions are wishes, which whoever signs may copy.
pub(super) fn prepare(subject: &DistinguishedName, key: &PublicKey, names: &[NamePattern]) -> Prepared<AuthorityRequest> {
    let constraints = Constraints::from_patterns(names);
    let info_der = DerOut::document(1024, |out| {
        out.nested(SEQUENCE, |out| {
            out.unsigned(0);
            out.raw(&write::authority_name(subject));
            out.raw(key.spki_der());
            out.nested(context_constructed(0), |out| {
                out.nested(SEQUENCE, |out| {
                    out.oid(ID_EXTENSION_REQ);
                    out.nested(SET, |out| {
                        out.nested(SEQUENCE, |out| {
                            write::subject_key(out, key.key_identifier());
                            authority(out, Some(0));
                            if !constraints.is_empty() {
                                write::extension(out, ID_CE_NAME_CONSTRAINTS, true, |out| constraints.write(out));
                            }
                        });
                    });
                });
            });
        });
    });
    Prepared::linted(info_der, key.clone())
}
