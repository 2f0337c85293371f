//! Signers: their names and states, the versions of their profiles, and the versions of their keys and chains.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::signing::{SignerName, SignerState};
use chancery_domain::{CertificateId, Sealed, SignerId, Timestamp};

/// A signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerRow {
    /// Its id.
    pub id: SignerId,
    /// Its name, for good.
    pub name: SignerName,
    /// Where it stands.
    pub state: SignerState,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts its changes.
    pub version: i64,
}

/// One version of a signer's profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningProfileRow {
    /// Whose it is.
    pub signer: SignerId,
    /// Its version, from 1.
    pub version: u32,
    /// The profile, sealed.
    pub body: Sealed,
    /// When this version was made.
    pub created_at: Timestamp,
}

/// One version of a signer's key and chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerVersionRow {
    /// Whose it is.
    pub signer: SignerId,
    /// Its version, from 1.
    pub version: u32,
    /// The certificate in the inventory; `None` where somebody else signed it and it is not there.
    pub certificate: Option<CertificateId>,
    /// The chain, sealed: its names tell whose it is.
    pub chain: Sealed,
    /// The private key in PKCS#8, sealed under purpose `data`; `None` when it was retired.
    pub key: Option<Sealed>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When another one took its place.
    pub retired_at: Option<Timestamp>,
}

fn signer(row: &Row) -> Result<SignerRow, StoreError> {
    Ok(SignerRow {
        id: row.id(0, SignerId::from_bytes)?,
        name: row.named(1, |text| text.parse().ok())?,
        state: row.named(2, SignerState::from_name)?,
        created_at: row.time(3)?,
        version: row.int(4)?,
    })
}

fn profile(row: &Row) -> Result<SigningProfileRow, StoreError> {
    Ok(SigningProfileRow {
        signer: row.id(0, SignerId::from_bytes)?,
        version: row.unsigned(1)?,
        body: row.sealed(2)?,
        created_at: row.time(3)?,
    })
}

fn version(row: &Row) -> Result<SignerVersionRow, StoreError> {
    Ok(SignerVersionRow {
        signer: row.id(0, SignerId::from_bytes)?,
        version: row.unsigned(1)?,
        certificate: row.id_or_null(2, CertificateId::from_bytes)?,
        chain: row.sealed(3)?,
        key: if row.is_null(4)? { None } else { Some(row.sealed(4)?) },
        created_at: row.time(5)?,
        retired_at: row.time_or_null(6)?,
    })
}

impl TenantView {
    /// The signer of this name.
    pub async fn signer(&self, name: &SignerName) -> Result<Option<SignerRow>, StoreError> {
        let query =
            sql!("SELECT id, name, state, created_at, version FROM signer WHERE tenant_id = ?1 AND name = ?2", self.id(), name.as_str());
        self.row(query, signer).await
    }

    /// All signers by name: no tenant ever has as many as are read at most.
    pub async fn signers(&self) -> Result<Vec<SignerRow>, StoreError> {
        let query =
            sql!("SELECT id, name, state, created_at, version FROM signer WHERE tenant_id = ?1 ORDER BY name LIMIT 1000", self.id());
        self.rows(query, signer).await
    }

    /// The version in force of a signer's profile.
    pub async fn signing_profile(&self, of: SignerId) -> Result<Option<SigningProfileRow>, StoreError> {
        let query = sql!(
            "SELECT signer_id, version, body, created_at FROM signing_profile WHERE tenant_id = ?1 AND signer_id = ?2
             ORDER BY version DESC LIMIT 1",
            self.id(),
            of.as_bytes()
        );
        self.row(query, profile).await
    }

    /// The versions of a signer's key and chain, newest first: no signer ever has as many as are read at most.
    pub async fn signer_versions(&self, of: SignerId) -> Result<Vec<SignerVersionRow>, StoreError> {
        let query = sql!(
            "SELECT signer_id, version, certificate_id, chain, key, created_at, retired_at FROM signer_version
             WHERE tenant_id = ?1 AND signer_id = ?2 ORDER BY version DESC LIMIT 1000",
            self.id(),
            of.as_bytes()
        );
        self.rows(query, version).await
    }

    /// The name of a signer that signs with the key of this certificate now.
    pub async fn signer_with(&self, certificate: CertificateId) -> Result<Option<SignerName>, StoreError> {
        let query = sql!(
            "SELECT s.name FROM signer_version v JOIN signer s ON s.tenant_id = v.tenant_id AND s.id = v.signer_id
             WHERE v.tenant_id = ?1 AND v.certificate_id = ?2 AND v.key IS NOT NULL ORDER BY s.name LIMIT 1",
            self.id(),
            certificate.as_bytes()
        );
        self.row(query, |row| row.named(0, |text| text.parse().ok())).await
    }
}

impl Changes {
    /// Inserts a signer, whose name must be free, and starts a new epoch.
    pub fn insert_signer(&mut self, row: &SignerRow) {
        let statement = sql!(
            "INSERT INTO signer (tenant_id, id, name, state, created_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            row.name.as_str(),
            row.state.as_str(),
            row.created_at,
            row.version
        );
        self.one(Guard::Version("signer"), statement);
        self.next_epoch();
    }

    /// Moves the signer that was read to another state, and starts a new epoch.
    pub fn move_signer(&mut self, row: &SignerRow, to: SignerState) {
        let statement = sql!(
            "UPDATE signer SET state = ?4, version = version + 1 WHERE tenant_id = ?1 AND name = ?2 AND version = ?3",
            self.id(),
            row.name.as_str(),
            row.version,
            to.as_str()
        );
        self.one(Guard::Version("signer"), statement);
        self.next_epoch();
    }

    /// Inserts a version of a signer's profile, which must not exist, and starts a new epoch.
    pub fn insert_signing_profile(&mut self, row: &SigningProfileRow) {
        let statement = sql!(
            "INSERT INTO signing_profile (tenant_id, signer_id, version, body, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
            self.id(),
            row.signer.as_bytes(),
            row.version,
            &row.body,
            row.created_at
        );
        self.one(Guard::Version("signing_profile"), statement);
        self.next_epoch();
    }

    /// Inserts a version of a signer's key and chain, which must not exist, and starts a new epoch.
    pub fn insert_signer_version(&mut self, row: &SignerVersionRow) {
        let statement = sql!(
            "INSERT INTO signer_version (tenant_id, signer_id, version, certificate_id, chain, key, created_at, retired_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            self.id(),
            row.signer.as_bytes(),
            row.version,
            row.certificate.as_ref().map(CertificateId::as_bytes),
            &row.chain,
            row.key.as_ref(),
            row.created_at,
            row.retired_at
        );
        self.one(Guard::Version("signer_version"), statement);
        self.next_epoch();
    }

    /// Retires the version that signed so far, erases its key, and starts a new epoch.
    pub fn retire_signer_version(&mut self, row: &SignerVersionRow, at: Timestamp) {
        let statement = sql!(
            "UPDATE signer_version SET key = NULL, retired_at = ?4
             WHERE tenant_id = ?1 AND signer_id = ?2 AND version = ?3 AND retired_at IS NULL",
            self.id(),
            row.signer.as_bytes(),
            row.version,
            at
        );
        self.one(Guard::Version("signer_version"), statement);
        self.next_epoch();
    }
}
