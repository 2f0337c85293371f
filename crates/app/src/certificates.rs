//! Certificates and orders, as they are found and shown.

use crate::authorise::sift;
use crate::places;
use crate::realm::Realm;
use crate::view::{Certificate, Order};
use crate::{Caller, CertificateSearch, Chancery, Failure};
use chancery_domain::action::{CertificateRead, OrderRead};
use chancery_domain::{CertificateId, OrderId};
use chancery_store::{CertificateRow, OrderRow, Page};
use chancery_x509::CertificateSummary;

impl Chancery {
    /// A page of certificates and where the next begins, in the order of [`chancery_store::TenantView::certificates`].
    pub async fn certificates(
        &self,
        caller: &Caller,
        search: &CertificateSearch,
        page: Page<CertificateId>,
    ) -> Result<(Vec<Certificate>, Option<CertificateId>), Failure> {
        let within = self.permit_within::<CertificateRead>(caller).await?;
        let realm = &caller.realm;
        let filter = search.filter(realm, self.now()).await?;
        let (rows, next) = sift!(within, page, |at| realm.view.certificates(&filter, at).await?, |row| row.id);
        let mut certificates = Vec::with_capacity(rows.len());
        for row in &rows {
            certificates.push(self.certificate_of(realm, row).await?);
        }
        Ok((certificates, next))
    }

    /// A certificate.
    pub async fn certificate(&self, caller: &Caller, id: CertificateId) -> Result<Certificate, Failure> {
        let found = caller.realm.view.certificate(id).await?;
        let (_permit, row) = self.permit_on::<CertificateRead, _>(caller, found).await?;
        self.certificate_of(&caller.realm, &row).await
    }

    /// A page of orders, newest first, and where the next begins.
    pub async fn orders(&self, caller: &Caller, page: Page<OrderId>) -> Result<(Vec<Order>, Option<OrderId>), Failure> {
        let within = self.permit_within::<OrderRead>(caller).await?;
        let (rows, next) = sift!(within, page, |at| caller.realm.view.orders(at).await?, |row| row.id);
        Ok((rows.iter().map(|row| order(&caller.realm, row)).collect::<Result<_, _>>()?, next))
    }

    /// An order.
    pub async fn order(&self, caller: &Caller, id: OrderId) -> Result<Order, Failure> {
        let (_permit, row) = self.permit_on::<OrderRead, _>(caller, caller.realm.view.order(id).await?).await?;
        order(&caller.realm, &row)
    }

    /// A stored certificate with its chain.
    pub(crate) async fn certificate_of(&self, realm: &Realm, row: &CertificateRow) -> Result<Certificate, Failure> {
        let der = realm.open(&places::CERTIFICATE, row.id.as_bytes(), &row.body)?.to_vec();
        self.shown(realm, row, der).await
    }

    /// A certificate in DER with its chain, which for an external one is not known here.
    pub(crate) async fn shown(&self, realm: &Realm, row: &CertificateRow, der: Vec<u8>) -> Result<Certificate, Failure> {
        let Some(issuer) = row.origin.issuer() else { return certificate(row, der, Vec::new(), None) };
        let authority = realm.authority(issuer).await?.ok_or_else(|| Failure::internal("the issuer of a certificate is missing"))?;
        certificate(row, der, authority.chain.clone(), Some(self.addresses(authority.public, row.shard).crl_url))
    }
}

/// A certificate with its chain and the address of the list of ours that would tell of its revocation.
pub(crate) fn certificate(
    row: &CertificateRow,
    der: Vec<u8>,
    chain: Vec<Vec<u8>>,
    crl_url: Option<String>,
) -> Result<Certificate, Failure> {
    let summary = CertificateSummary::from_der(&der)?;
    Ok(certificate_of_summary(row, summary, der, chain, crl_url))
}

/// The same of one that was read already.
pub(crate) fn certificate_of_summary(
    row: &CertificateRow,
    summary: CertificateSummary,
    der: Vec<u8>,
    chain: Vec<Vec<u8>>,
    crl_url: Option<String>,
) -> Certificate {
    Certificate {
        id: row.id,
        origin: row.origin.clone(),
        crl_url: crl_url.or_else(|| summary.crl_urls.first().cloned()),
        serial: row.serial,
        status: row.status,
        renew_at: row.renew_at,
        custody: row.custody,
        summary,
        der,
        chain,
    }
}

fn order(realm: &Realm, row: &OrderRow) -> Result<Order, Failure> {
    let request = serde_json::from_slice(&realm.open(&places::ORDER, row.id.as_bytes(), &row.body)?)?;
    Ok(Order {
        id: row.id,
        state: row.state,
        profile: row.profile.clone(),
        policy_version: row.policy_version,
        requester: row.requester,
        certificate: row.certificate,
        request,
        created_at: row.created_at,
    })
}
