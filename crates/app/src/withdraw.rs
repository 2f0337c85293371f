//! Withdrawal: a single signature is taken back. It verifies as before; its evidence says that it no longer counts.

use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::signatures;
use crate::view::{Receipt, Signature};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::SignatureWithdraw;
use chancery_domain::lineage::LineageKind;
use chancery_domain::{SignatureId, enforced};

/// Longest reason, in characters.
const LONGEST_REASON: usize = 500;

impl Chancery {
    /// Takes the signatures of a request back, once and for good, for a reason that its evidence will tell.
    pub async fn withdraw_signature(&self, caller: &Caller, id: SignatureId, reason: &str) -> Result<(Signature, Receipt), Failure> {
        let length = reason.chars().count();
        if !(1..=LONGEST_REASON).contains(&length) || reason.chars().any(char::is_control) {
            return Err(Failure::invalid("reason", format!("1 to {LONGEST_REASON} characters without control characters")));
        }
        deciding_anew!(self, caller => self.try_withdraw(&caller, id, reason))
    }

    async fn try_withdraw(&self, caller: &Caller, id: SignatureId, reason: &str) -> Result<(Signature, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, row) = self.permit_on::<SignatureWithdraw, _>(caller, realm.view.signature(id).await?).await?;
        let signature = signatures::read(realm, &row).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((signature, done.receipt));
        }
        if signature.withdrawn_by.is_some() && enforced!("withdraw.once") {
            return Err(Failure::Conflict("the signature is withdrawn already".to_owned()).into());
        }
        let mut deed = Deed::by(&permit);
        deed.makes(LineageKind::Withdrawal, id.as_bytes(), 1);
        let detail = detail! { "signature" => id.to_string(), "signer" => signature.signer.as_str(), "reason" => reason };
        let receipt = deed.commit(self.ports(), "signature.withdraw", *id.as_bytes(), detail).await?;
        Ok((Signature { withdrawn_by: Some(receipt.event), ..signature }, receipt))
    }
}
