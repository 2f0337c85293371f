//! What anybody may fetch: CRLs and issuer certificates, at addresses that say nothing about whose they are.

use crate::{Chancery, Failure};
use chancery_domain::issuer::IssuerState;
use chancery_domain::{PublicId, enforced};
use chancery_store::{AuthorityRow, CrlRow, PublicAddressRow, TenantView};

impl Chancery {
    /// The CRL at a public address.
    pub async fn public_crl(&self, public: PublicId, shard: u32) -> Result<CrlRow, Failure> {
        let (view, address) = self.address(public).await?;
        let list = view.crl(address.issuer, shard).await?;
        self.lists_are_current().await?;
        list.ok_or(Failure::NotFound)
    }

    /// Refuses to give out the lists of a restored store: an older list than the published one would take revocations back. Asked after
    /// the list was read, for the store may be restored under a running server.
    pub(crate) async fn lists_are_current(&self) -> Result<(), Failure> {
        let restored = self.is_restored() || self.inner.store.find_replaced().await?;
        if restored && enforced!("restored.lists") { Err(Failure::Restored) } else { Ok(()) }
    }

    /// The issuer's certificate at a public address, DER.
    pub async fn public_issuer(&self, public: PublicId) -> Result<Vec<u8>, Failure> {
        let (view, address) = self.address(public).await?;
        let row = view.authority(address.issuer).await?.filter(|row| row.public == public);
        row.and_then(|row| row.certificate).ok_or(Failure::NotFound)
    }

    /// The roots of the tenant behind a public address, its own and its anchors; newest first, DER. A retired one stays while the
    /// tenant has an authority below it: what was issued there shall verify.
    pub async fn public_roots(&self, public: PublicId) -> Result<Vec<Vec<u8>>, Failure> {
        let (view, _) = self.address(public).await?;
        let all = view.authorities().await?;
        let needed = |row: &&AuthorityRow| row.state == IssuerState::Active || all.iter().any(|below| below.parent == Some(row.id));
        let mut roots: Vec<Vec<u8>> = Vec::new();
        for der in all.iter().filter(|row| row.parent.is_none()).filter(needed).filter_map(|row| row.certificate.as_ref()) {
            // An anchor that was taken out and added again is there twice.
            if !roots.contains(der) {
                roots.push(der.clone());
            }
        }
        Ok(roots)
    }

    async fn address(&self, public: PublicId) -> Result<(TenantView, PublicAddressRow), Failure> {
        let address = self.inner.store.platform().public_address(public).await?.ok_or(Failure::NotFound)?;
        Ok((self.inner.store.tenant(address.tenant), address))
    }
}
