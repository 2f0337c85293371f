//! End-entity certificates.
use super::*;
pub(super) fn prepare(_: &Approved, _: &PublicKey, _: Serial, _: &IssuerCertificate, _: &Addresses) -> Result<Prepared<Leaf>, LintError> {
    unimplemented!()
}
