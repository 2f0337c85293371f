//! What anybody may fetch: CRLs and issuer certificates, at addresses that say nothing about whose they are.

use crate::{Chancery, Failure};
use chancery_domain::PublicId;
use chancery_store::{CrlRow, PublicAddressRow, TenantView};

impl Chancery {
    /// The CRL at a public address.
    pub async fn public_crl(&self, public: PublicId, shard: u32) -> Result<CrlRow, Failure> {
        let (view, address) = self.address(public).await?;
        view.crl(address.issuer, shard).await?.ok_or(Failure::NotFound)
    }

    /// The issuer's certificate at a public address, DER.
    pub async fn public_issuer(&self, public: PublicId) -> Result<Vec<u8>, Failure> {
        let (view, address) = self.address(public).await?;
        let row = view.authority(address.issuer).await?.filter(|row| row.public == public);
        Ok(row.ok_or(Failure::NotFound)?.certificate)
    }

    /// The roots of the tenant behind a public address; newest first, DER.
    pub async fn public_roots(&self, public: PublicId) -> Result<Vec<Vec<u8>>, Failure> {
        let (view, _) = self.address(public).await?;
        let roots = view.authorities().await?.into_iter().filter(|row| row.parent.is_none());
        Ok(roots.map(|row| row.certificate).collect())
    }

    async fn address(&self, public: PublicId) -> Result<(TenantView, PublicAddressRow), Failure> {
        let address = self.inner.store.platform().public_address(public).await?.ok_or(Failure::NotFound)?;
        Ok((self.inner.store.tenant(address.tenant), address))
    }
}
