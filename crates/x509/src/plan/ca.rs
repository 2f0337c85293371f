//! CA certificates.
use super::*;
pub(super) fn root(_: &CaPlan<'_>) -> Result<Prepared<CaCertificate>, LintError> {
    unimplemented!()
}
pub(super) fn intermediate(
    _: &CaPlan<'_>,
    _: &[NamePattern],
    _: &IssuerCertificate,
    _: &Addresses,
) -> Result<Prepared<CaCertificate>, LintError> {
    unimplemented!()
}
