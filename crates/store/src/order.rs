//! Orders: requests for certificates and what became of them.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, Page, StoreError, TenantView};
use chancery_domain::order::OrderState;
use chancery_domain::{AccountId, CertificateId, OrderId, Sealed, Timestamp};

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// Its id.
    pub id: OrderId,
    /// Where it stands.
    pub state: OrderState,
    /// The profile's name.
    pub profile: String,
    /// The profile's version that decided.
    pub policy_version: u32,
    /// Who asked.
    pub requester: AccountId,
    /// The certificate that came of it.
    pub certificate: Option<CertificateId>,
    /// What was asked, sealed.
    pub body: Sealed,
    /// When it was asked.
    pub created_at: Timestamp,
}

fn parse(row: &Row) -> Result<OrderRow, StoreError> {
    Ok(OrderRow {
        id: row.id(0, OrderId::from_bytes)?,
        state: row.named(1, OrderState::from_name)?,
        profile: row.text(2)?.to_owned(),
        policy_version: row.unsigned(3)?,
        requester: row.id(4, AccountId::from_bytes)?,
        certificate: row.id_or_null(5, CertificateId::from_bytes)?,
        body: row.sealed(6)?,
        created_at: row.time(7)?,
    })
}

impl TenantView {
    /// The order.
    pub async fn order(&self, id: OrderId) -> Result<Option<OrderRow>, StoreError> {
        let query = sql!(
            "SELECT id, state, profile, policy_version, requester, certificate_id, body, created_at FROM certificate_order
             WHERE tenant_id = ?1 AND id = ?2",
            self.id(),
            id.as_bytes()
        );
        self.row(query, parse).await
    }

    /// A page of orders.
    pub async fn orders(&self, page: Page<OrderId>) -> Result<Vec<OrderRow>, StoreError> {
        let before = page.before.unwrap_or(OrderId::from_bytes([0xff; 16]));
        let query = sql!(
            "SELECT id, state, profile, policy_version, requester, certificate_id, body, created_at FROM certificate_order
             WHERE tenant_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            self.id(),
            before.as_bytes(),
            page.limit
        );
        self.rows(query, parse).await
    }
}

impl Changes {
    /// Inserts an order.
    pub fn insert_order(&mut self, row: &OrderRow) {
        let statement = sql!(
            "INSERT INTO certificate_order
             (tenant_id, id, state, profile, policy_version, requester, certificate_id, body, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            row.state.as_str(),
            row.profile.as_str(),
            row.policy_version,
            row.requester.as_bytes(),
            row.certificate.as_ref().map(CertificateId::as_bytes),
            &row.body,
            row.created_at
        );
        self.one(Guard::Unique("order"), statement);
    }
}
