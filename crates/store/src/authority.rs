//! Certificate authorities of a tenant: a root and the issuing intermediate under it are two rows.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::issuer::{AuthorityKind, IssuerState};
use chancery_domain::{IssuerId, PublicId, Sealed, Timestamp};

/// A certificate authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityRow {
    /// Its id.
    pub id: IssuerId,
    /// The authority that signed it; `None` for a root, and for one that nobody has signed yet.
    pub parent: Option<IssuerId>,
    /// The random part of its public addresses.
    pub public: PublicId,
    /// Its certificate, DER; public by nature. `None` until somebody has signed it.
    pub certificate: Option<Vec<u8>>,
    /// Its name and permitted names, sealed.
    pub body: Sealed,
    /// Its private key for issuing, sealed under purpose `data`; `None` where the key is somewhere else, or erased.
    pub key: Option<Sealed>,
    /// Its private key for CRLs alone, sealed under purpose `status`, which survives *disable* (docs/adr/0003).
    pub status_key: Option<Sealed>,
    /// The last second of its certificate.
    pub not_after: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where it stands.
    pub state: IssuerState,
    /// The first of the line of successors that it belongs to: itself, if it succeeds nobody.
    pub line: IssuerId,
    /// Its place in that line, from 1.
    pub generation: i64,
    /// When it is to retire by itself.
    pub retire_at: Option<Timestamp>,
}

impl AuthorityRow {
    /// Whether it stands later in the same line. What was made before generations were stored is in order of its id.
    pub fn succeeds(&self, other: &Self) -> bool {
        self.line == other.line && (self.generation, self.id) > (other.generation, other.id)
    }
    /// What it is to the tenant.
    pub fn kind(&self) -> AuthorityKind {
        match (&self.certificate, self.parent, &self.key) {
            (None, ..) | (_, Some(_), Some(_)) => AuthorityKind::Issuing,
            (_, None, Some(_)) => AuthorityKind::Root,
            (_, None, None) => AuthorityKind::Anchor,
            (_, Some(_), None) => AuthorityKind::Intermediate,
        }
    }
}

fn parse(row: &Row) -> Result<AuthorityRow, StoreError> {
    Ok(AuthorityRow {
        id: row.id(0, IssuerId::from_bytes)?,
        parent: row.id_or_null(1, IssuerId::from_bytes)?,
        public: row.id(2, PublicId::from_bytes)?,
        certificate: if row.is_null(3)? { None } else { Some(row.blob(3)?.to_vec()) },
        body: row.sealed(4)?,
        key: if row.is_null(5)? { None } else { Some(row.sealed(5)?) },
        status_key: if row.is_null(6)? { None } else { Some(row.sealed(6)?) },
        not_after: row.time(7)?,
        created_at: row.time(8)?,
        state: row.named(9, IssuerState::from_name)?,
        line: row.id(10, IssuerId::from_bytes)?,
        retire_at: row.time_or_null(11)?,
        generation: row.int(12)?,
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, parent_id, public_id, certificate, body, key, status_key, not_after, created_at, state, ",
            "COALESCE(line_id, id), retire_at, generation FROM authority ",
            $rest
        )
    };
}

impl TenantView {
    /// The authority.
    pub async fn authority(&self, id: IssuerId) -> Result<Option<AuthorityRow>, StoreError> {
        let query = sql!(select!("WHERE tenant_id = ?1 AND id = ?2"), self.id(), id.as_bytes());
        self.row(query, parse).await
    }

    /// All authorities, newest first: no tenant ever has as many as are read at most.
    pub async fn authorities(&self) -> Result<Vec<AuthorityRow>, StoreError> {
        let query = sql!(select!("WHERE tenant_id = ?1 ORDER BY id DESC LIMIT 1000"), self.id());
        self.rows(query, parse).await
    }
}

impl Changes {
    /// Inserts an authority, and starts a new epoch.
    pub fn insert_authority(&mut self, row: &AuthorityRow) {
        let statement = sql!(
            "INSERT INTO authority (tenant_id, id, parent_id, public_id, certificate, body, key, status_key, not_after, created_at,
             state, line_id, retire_at, generation) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            row.parent.as_ref().map(IssuerId::as_bytes),
            row.public.as_bytes(),
            row.certificate.as_deref(),
            &row.body,
            row.key.as_ref(),
            row.status_key.as_ref(),
            row.not_after,
            row.created_at,
            row.state.as_str(),
            row.line.as_bytes(),
            row.retire_at,
            row.generation
        );
        self.one(Guard::Unique("authority"), statement);
        self.next_epoch();
    }

    /// Moves the authority that was read to another state, and starts a new epoch. What was planned for it is past.
    pub fn move_authority(&mut self, row: &AuthorityRow, to: IssuerState) {
        let statement = sql!(
            "UPDATE authority SET state = ?4, retire_at = NULL WHERE tenant_id = ?1 AND id = ?2 AND state = ?3",
            self.id(),
            row.id.as_bytes(),
            row.state.as_str(),
            to.as_str()
        );
        self.one(Guard::Version("authority"), statement);
        self.next_epoch();
    }

    /// Gives the pending authority its certificate and its issuer, and starts a new epoch.
    pub fn activate_authority(&mut self, id: IssuerId, parent: IssuerId, certificate: &[u8], not_after: Timestamp) {
        let statement = sql!(
            "UPDATE authority SET state = ?4, parent_id = ?5, certificate = ?6, not_after = ?7 WHERE tenant_id = ?1 AND id = ?2 AND state = ?3",
            self.id(),
            id.as_bytes(),
            IssuerState::Pending.as_str(),
            IssuerState::Active.as_str(),
            parent.as_bytes(),
            certificate,
            not_after
        );
        self.one(Guard::Version("authority"), statement);
        self.next_epoch();
    }

    /// Gives the pending authority up and erases its key, and starts a new epoch.
    pub fn abandon_authority(&mut self, id: IssuerId) {
        let statement = sql!(
            "UPDATE authority SET state = ?4, key = NULL, status_key = NULL WHERE tenant_id = ?1 AND id = ?2 AND state = ?3",
            self.id(),
            id.as_bytes(),
            IssuerState::Pending.as_str(),
            IssuerState::Abandoned.as_str()
        );
        self.one(Guard::Version("authority"), statement);
        self.next_epoch();
    }

    /// Removes an authority whose key is somewhere else, and starts a new epoch.
    pub fn remove_authority(&mut self, row: &AuthorityRow) {
        let statement = sql!(
            "DELETE FROM authority WHERE tenant_id = ?1 AND id = ?2 AND state = ?3 AND key IS NULL AND certificate IS NOT NULL",
            self.id(),
            row.id.as_bytes(),
            row.state.as_str()
        );
        self.one(Guard::Version("authority"), statement);
        self.next_epoch();
    }

    /// Plans the retirement of an active authority, or drops the plan, and starts a new epoch.
    pub fn plan_retirement(&mut self, id: IssuerId, at: Option<Timestamp>) {
        let active = IssuerState::Active.as_str();
        let statement = sql!(
            "UPDATE authority SET retire_at = ?4 WHERE tenant_id = ?1 AND id = ?2 AND state = ?3",
            self.id(),
            id.as_bytes(),
            active,
            at
        );
        self.one(Guard::Version("authority"), statement);
        self.next_epoch();
    }
}
