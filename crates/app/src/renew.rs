//! Renewal: a successor of a certificate, decided anew under today's policy (I3, THREATS 19).

use crate::admission::Cost;
use crate::failure::{Stop, deciding_anew};
use crate::issue::{Asked, SubjectKey, Wish};
use crate::places;
use crate::view::{Certificate, Receipt};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::CertificateRenew;
use chancery_domain::certificate::{CertificateStatus, Origin};
use chancery_domain::decision::{Operation, Request};
use chancery_domain::key::Custody;
use chancery_domain::{CertificateId, IssuerId, enforced};
use chancery_store::CertificateRow;
use chancery_x509::{CertificateSummary, CertificationRequest, PublicKey};

/// How to renew.
#[derive(Clone, Debug, Default)]
pub struct RenewRequest {
    /// A new certification request, for its key alone; without one a client's key is certified again, and one made here is made anew.
    pub csr: Option<Vec<u8>>,
    /// The validity; by default the profile's of today.
    pub validity_seconds: Option<u32>,
}

impl Chancery {
    /// Renews a certificate: same names, same profile, today's policy.
    pub async fn renew(&self, caller: &Caller, id: CertificateId, request: &RenewRequest) -> Result<(Certificate, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_renew(&caller, id, request))
    }

    async fn try_renew(&self, caller: &Caller, id: CertificateId, request: &RenewRequest) -> Result<(Certificate, Receipt), Stop> {
        let found = caller.realm.view.certificate(id).await?;
        let (permit, old) = self.permit_on::<CertificateRenew, _>(caller, found).await?;
        if let Some(answer) = self.issued_before(caller).await? {
            return Ok(answer);
        }
        let Origin::Issued { issuer, profile, .. } = old.origin.clone() else {
            return Err(Failure::Conflict("the certificate was taken in and has no profile: ask for a new one instead".to_owned()).into());
        };
        if old.status != CertificateStatus::Issued && enforced!("renew.status") {
            return Err(Failure::Conflict(format!("the certificate is {}: only an issued one can be renewed", old.status.as_str())).into());
        }
        // Its successor would be for a new key, which the signer has not.
        if old.custody == Custody::SoftwareNeverReleased
            && let Some(signer) = caller.realm.view.signer_with(old.id).await?
            && enforced!("renew.signer")
        {
            return Err(Failure::Conflict(format!("it is a signer's: roll the signer {signer}, which makes its next certificate")).into());
        }
        let cost = if request.csr.is_some() { Cost::VERIFICATION } else { Cost::NONE };
        let wish = self.in_turn(caller.tenant(), cost, || successor(caller, old, (issuer, &profile), request)).await??;
        self.certify(permit.again(), wish).await
    }
}

fn successor(caller: &Caller, old: CertificateRow, origin: (IssuerId, &str), request: &RenewRequest) -> Result<Wish, Failure> {
    let der = caller.realm.open(&places::CERTIFICATE, old.id.as_bytes(), &old.body)?;
    let summary = CertificateSummary::from_der(&der)?;
    let subject = match (&request.csr, old.custody) {
        (Some(bytes), Custody::Client) => {
            let csr = CertificationRequest::from_pem_or_der(bytes).map_err(|error| Failure::invalid("csr", error))?;
            SubjectKey::Given(csr.public_key)
        }
        (Some(_), _) => {
            return Err(Failure::invalid("csr", "the key of this certificate is made here: renew without a certification request"));
        }
        (None, Custody::Client) => SubjectKey::Given(PublicKey::from_spki_der(&summary.spki_der)?),
        // A new key of the same kind: today's policy decides whether that may still be had.
        (None, _) => SubjectKey::ToMake(PublicKey::from_spki_der(&summary.spki_der)?.algorithm()),
    };
    let asked = Request {
        operation: Operation::Renew,
        names: summary.names,
        common_name: summary.common_name,
        key_algorithm: subject.algorithm(),
        custody: old.custody,
        validity_seconds: request.validity_seconds,
    };
    let (issuer, profile) = (origin.0, origin.1.parse().map_err(Failure::internal)?);
    Ok(Wish { profile, issuer: Asked::InPlaceOf(issuer), request: asked, subject, csr: request.csr.clone(), renews: Some(old) })
}
