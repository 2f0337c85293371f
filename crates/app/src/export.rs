//! Export of the inventory, page by page: what is held at once does not grow with what is stored.

use crate::deed::{Deed, detail};
use crate::failure::deciding_anew;
use crate::view::{Certificate, Receipt};
use crate::{Caller, CertificateSearch, Chancery, Failure, Page};
use chancery_domain::CertificateId;
use chancery_domain::action::CertificateRead;

impl Chancery {
    /// Records that the inventory leaves in this form; the pages follow by [`Chancery::export_page`].
    pub async fn begin_export(&self, caller: &Caller, search: &CertificateSearch, form: &str) -> Result<Receipt, Failure> {
        deciding_anew!(self, caller => async {
            let permit = self.permit::<CertificateRead>(&caller).await?;
            // What cannot be searched for is refused before anything leaves.
            let filter = search.filter(&caller.realm, self.now()).await?;
            let text = |value: Option<String>| value.unwrap_or_default();
            let detail = detail! {
                "form" => form, "name" => text(search.name.as_ref().map(ToString::to_string)),
                "status" => search.status.map_or("", |status| status.as_str()),
                "profile" => text(filter.profile),
                "issuer" => text(filter.issuer.map(|id| id.to_string())), "serial" => text(search.serial.map(|serial| serial.to_string())),
                "expires_before" => text(search.expires_before.map(|at| at.to_string())), "renewal_due" => search.renewal_due,
            };
            let subject = *caller.account().as_bytes();
            Deed::by(&permit).commit(self.ports(), "certificate.export", subject, detail).await
        })
    }

    /// The certificates of an export older than `before`, for a caller who may still see them: rights and keys are held
    /// no longer than their lease, however long the reader takes.
    pub async fn export_page(
        &self,
        caller: &Caller,
        search: &CertificateSearch,
        before: Option<CertificateId>,
    ) -> Result<(Caller, Vec<Certificate>), Failure> {
        let caller = self.still(caller).await?;
        let found = self.certificates(&caller, search, Page { before, limit: 200 }).await;
        // While the reader takes its time nothing is computed.
        caller.rest();
        Ok((caller, found?.0))
    }
}
