//! Many certificates at once: each is an act of its own, with its own event and its own idempotency record.

use crate::renew::RenewRequest;
use crate::view::{Certificate, Receipt};
use crate::{Caller, Chancery, Failure, Given};
use chancery_domain::CertificateId;
use chancery_domain::action::{CertificateRenew, CertificateRevoke};
use chancery_domain::certificate::RevocationReason;
use std::collections::BTreeSet;

/// So many at once.
const MOST: usize = 100;

/// What became of one of many.
pub type Each = Result<(Certificate, Receipt), Failure>;

impl Chancery {
    /// Revokes certificates one by one, whatever becomes of the others.
    pub async fn revoke_each(&self, caller: &Caller, ids: &[Given<CertificateId>], reason: RevocationReason) -> Result<Vec<Each>, Failure> {
        check(ids)?;
        self.permit_within::<CertificateRevoke>(caller).await?;
        let mut results = Vec::with_capacity(ids.len());
        for id in ids {
            results.push(match id {
                Some(id) => self.revoke(&caller.for_item(id.as_bytes()), *id, reason).await,
                None => Err(Failure::NotFound),
            });
        }
        Ok(results)
    }

    /// Renews certificates one by one, each decided anew (I3): with the client's key as it is, or with one made anew here.
    pub async fn renew_each(&self, caller: &Caller, ids: &[Given<CertificateId>]) -> Result<Vec<Each>, Failure> {
        check(ids)?;
        self.permit_within::<CertificateRenew>(caller).await?;
        let mut results = Vec::with_capacity(ids.len());
        for id in ids {
            results.push(match id {
                Some(id) => self.renew(&caller.for_item(id.as_bytes()), *id, &RenewRequest::default()).await,
                None => Err(Failure::NotFound),
            });
        }
        Ok(results)
    }
}

fn check(ids: &[Given<CertificateId>]) -> Result<(), Failure> {
    if !(1..=MOST).contains(&ids.len()) {
        return Err(Failure::invalid("certificates", format!("1 to {MOST} ids")));
    }
    let named: Vec<_> = ids.iter().flatten().collect();
    if named.iter().collect::<BTreeSet<_>>().len() < named.len() {
        return Err(Failure::invalid("certificates", "an id stands there twice"));
    }
    Ok(())
}
