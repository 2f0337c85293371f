//! Subject keys, each once: found by a blind index of the key, so that one certified before is known again.

use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, StoreError, TenantView};
use chancery_domain::CertificateId;

/// A key that was certified in this tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectKeyRow {
    /// The blind index value of the key.
    pub blind: [u8; 16],
    /// The blind index value of the one profile and set of names that it was certified for; `None` if there were others since.
    pub scope: Option<[u8; 16]>,
    /// The first certificate with it.
    pub certificate: CertificateId,
    /// Whether a certificate with it was revoked because the key was compromised.
    pub compromised: bool,
    /// Counts its changes.
    pub version: i64,
}

fn blind(bytes: &[u8]) -> Result<[u8; 16], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Malformed("a blind index value has another length"))
}

fn parse(row: &Row) -> Result<SubjectKeyRow, StoreError> {
    Ok(SubjectKeyRow {
        blind: blind(row.blob(0)?)?,
        scope: if row.is_null(1)? { None } else { Some(blind(row.blob(1)?)?) },
        certificate: row.id(2, CertificateId::from_bytes)?,
        compromised: row.int(3)? != 0,
        version: row.int(4)?,
    })
}

impl TenantView {
    /// The key with this blind index value, if it was ever certified here.
    pub async fn subject_key(&self, blind: &[u8; 16]) -> Result<Option<SubjectKeyRow>, StoreError> {
        let query = sql!(
            "SELECT blind, scope, certificate_id, compromised, version FROM subject_key WHERE tenant_id = ?1 AND blind = ?2",
            self.id(),
            blind
        );
        self.row(query, parse).await
    }
}

impl Changes {
    /// Keeps a key that is certified for the first time, if nobody did before.
    pub fn insert_subject_key(&mut self, row: &SubjectKeyRow) {
        let statement = sql!(
            "INSERT INTO subject_key (tenant_id, blind, scope, certificate_id, compromised, version) VALUES (?1, ?2, ?3, ?4, 0, 1)
             ON CONFLICT DO NOTHING",
            self.id(),
            &row.blind,
            row.scope.as_ref(),
            row.certificate.as_bytes()
        );
        self.one(Guard::Unique("subject_key"), statement);
    }

    /// Makes the write-set depend on what was read of the key.
    pub fn guard_subject_key(&mut self, row: &SubjectKeyRow) {
        let statement =
            sql!("SELECT 1 FROM subject_key WHERE tenant_id = ?1 AND blind = ?2 AND version = ?3", self.id(), &row.blind, row.version);
        self.found(Guard::Version("subject_key"), statement);
    }

    /// Notes that the key that was read is certified for other names or under another profile than before.
    pub fn widen_subject_key(&mut self, row: &SubjectKeyRow) {
        let statement = sql!(
            "UPDATE subject_key SET scope = NULL, version = version + 1 WHERE tenant_id = ?1 AND blind = ?2 AND version = ?3",
            self.id(),
            &row.blind,
            row.version
        );
        self.one(Guard::Version("subject_key"), statement);
    }

    /// Notes that the certificate has the key.
    pub fn insert_certificate_key(&mut self, blind: &[u8; 16], certificate: CertificateId) {
        let statement = sql!(
            "INSERT INTO certificate_key (tenant_id, blind, certificate_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            self.id(),
            blind,
            certificate.as_bytes()
        );
        self.one(Guard::Unique("certificate_key"), statement);
    }

    /// Forgets that the certificate has the key, and the key itself, if no other certificate has it and it is not compromised.
    pub fn remove_certificate_key(&mut self, blind: &[u8; 16], certificate: CertificateId) {
        self.run(sql!(
            "DELETE FROM certificate_key WHERE tenant_id = ?1 AND blind = ?2 AND certificate_id = ?3",
            self.id(),
            blind,
            certificate.as_bytes()
        ));
        self.run(sql!(
            "DELETE FROM subject_key WHERE tenant_id = ?1 AND blind = ?2 AND compromised = 0
             AND NOT EXISTS (SELECT 1 FROM certificate_key k WHERE k.tenant_id = ?1 AND k.blind = ?2)",
            self.id(),
            blind
        ));
    }

    /// Notes that the key is compromised, whether or not it was known: it is never certified again. Starts a new epoch, for signers may
    /// have it.
    pub fn compromise_subject_key(&mut self, blind: &[u8; 16], certificate: CertificateId) {
        self.run(sql!(
            "INSERT INTO subject_key (tenant_id, blind, scope, certificate_id, compromised, version) VALUES (?1, ?2, NULL, ?3, 1, 1)
             ON CONFLICT (tenant_id, blind) DO UPDATE SET compromised = 1, version = subject_key.version + 1",
            self.id(),
            blind,
            certificate.as_bytes()
        ));
        self.next_epoch();
    }
}
