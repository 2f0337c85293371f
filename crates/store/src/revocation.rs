//! Revocations and the CRLs that publish them, by issuer and shard.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::certificate::RevocationReason;
use chancery_domain::{IssuerId, Serial, Timestamp};

/// A revoked certificate as its CRL shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationRow {
    /// Its serial number.
    pub serial: Serial,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
    /// The last second of the certificate.
    pub not_after: Timestamp,
}

/// A published CRL. Its content is public by nature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlRow {
    /// Whose.
    pub issuer: IssuerId,
    /// Which shard.
    pub shard: u32,
    /// CRL number, greater than that of every list before.
    pub number: i64,
    /// When it was made.
    pub this_update: Timestamp,
    /// When the next is due at the latest.
    pub next_update: Timestamp,
    /// The CRL in DER.
    pub der: Vec<u8>,
}

/// A published CRL without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlHead {
    /// Whose.
    pub issuer: IssuerId,
    /// Which shard.
    pub shard: u32,
    /// CRL number.
    pub number: i64,
}

fn parse_crl(row: &Row) -> Result<CrlRow, StoreError> {
    Ok(CrlRow {
        issuer: row.id(0, IssuerId::from_bytes)?,
        shard: row.unsigned(1)?,
        number: row.int(2)?,
        this_update: row.time(3)?,
        next_update: row.time(4)?,
        der: row.blob(5)?.to_vec(),
    })
}

fn parse_revocation(row: &Row) -> Result<RevocationRow, StoreError> {
    Ok(RevocationRow {
        serial: Serial::from_slice(row.blob(0)?).map_err(|_| StoreError::Malformed("a serial number has another length"))?,
        revoked_at: row.time(1)?,
        reason: RevocationReason::from_code(row.int(2)?).ok_or(StoreError::Malformed("an unknown revocation reason"))?,
        not_after: row.time(3)?,
    })
}

impl TenantView {
    /// The revocations of a shard whose certificates had not expired before `since`.
    pub async fn revocations(&self, issuer: IssuerId, shard: u32, since: Timestamp) -> Result<Vec<RevocationRow>, StoreError> {
        let query = sql!(
            "SELECT serial, revoked_at, reason, not_after FROM revocation
             WHERE tenant_id = ?1 AND issuer_id = ?2 AND shard = ?3 AND not_after >= ?4 ORDER BY serial",
            self.id(),
            issuer.as_bytes(),
            shard,
            since
        );
        self.rows(query, parse_revocation).await
    }

    /// The revocation of a certificate.
    pub async fn revocation(&self, issuer: IssuerId, shard: u32, serial: &Serial) -> Result<Option<RevocationRow>, StoreError> {
        let query = sql!(
            "SELECT serial, revoked_at, reason, not_after FROM revocation
             WHERE tenant_id = ?1 AND issuer_id = ?2 AND shard = ?3 AND serial = ?4",
            self.id(),
            issuer.as_bytes(),
            shard,
            serial.as_bytes()
        );
        self.row(query, parse_revocation).await
    }

    /// The published CRLs of all shards, without their content.
    pub async fn crl_heads(&self) -> Result<Vec<CrlHead>, StoreError> {
        let query = sql!("SELECT issuer_id, shard, number FROM crl WHERE tenant_id = ?1 ORDER BY issuer_id, shard", self.id());
        let parse = |row: &Row| Ok(CrlHead { issuer: row.id(0, IssuerId::from_bytes)?, shard: row.unsigned(1)?, number: row.int(2)? });
        self.rows(query, parse).await
    }

    /// The published CRL of a shard.
    pub async fn crl(&self, issuer: IssuerId, shard: u32) -> Result<Option<CrlRow>, StoreError> {
        let query = sql!(
            "SELECT issuer_id, shard, number, this_update, next_update, der FROM crl
             WHERE tenant_id = ?1 AND issuer_id = ?2 AND shard = ?3",
            self.id(),
            issuer.as_bytes(),
            shard
        );
        self.row(query, parse_crl).await
    }
}

impl Changes {
    /// Records a revocation.
    pub fn insert_revocation(&mut self, issuer: IssuerId, shard: u32, row: &RevocationRow) {
        let statement = sql!(
            "INSERT INTO revocation (tenant_id, issuer_id, shard, serial, revoked_at, reason, not_after)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            self.id(),
            issuer.as_bytes(),
            shard,
            row.serial.as_bytes(),
            row.revoked_at,
            i64::from(row.reason.code()),
            row.not_after
        );
        self.one(Guard::Unique("revocation"), statement);
    }

    /// Gives a revocation another reason than the one that was read.
    pub fn correct_revocation(&mut self, issuer: IssuerId, shard: u32, row: &RevocationRow, reason: RevocationReason) {
        let statement = sql!(
            "UPDATE revocation SET reason = ?5 WHERE tenant_id = ?1 AND issuer_id = ?2 AND shard = ?3 AND serial = ?4 AND reason = ?6",
            self.id(),
            issuer.as_bytes(),
            shard,
            row.serial.as_bytes(),
            i64::from(reason.code()),
            i64::from(row.reason.code())
        );
        self.one(Guard::Version("revocation"), statement);
    }

    /// Opens a shard with its first CRL, if nobody did before.
    pub fn insert_crl(&mut self, row: &CrlRow) {
        let statement = sql!(
            "INSERT INTO crl (tenant_id, issuer_id, shard, number, this_update, next_update, der) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO NOTHING",
            self.id(),
            row.issuer.as_bytes(),
            row.shard,
            row.number,
            row.this_update,
            row.next_update,
            row.der.as_slice()
        );
        self.one(Guard::Unique("crl"), statement);
    }

    /// Publishes the CRL in place of the one with the number that was read; a number never goes back.
    pub fn replace_crl(&mut self, row: &CrlRow, before: i64) {
        let statement = sql!(
            "UPDATE crl SET number = ?4, this_update = ?5, next_update = ?6, der = ?7
             WHERE tenant_id = ?1 AND issuer_id = ?2 AND shard = ?3 AND number = ?8 AND number < ?4",
            self.id(),
            row.issuer.as_bytes(),
            row.shard,
            row.number,
            row.this_update,
            row.next_update,
            row.der.as_slice(),
            before
        );
        self.one(Guard::Version("crl"), statement);
    }
}
