//! Certificates, the blind index of their names, and private keys made here.

use crate::statement::sql;
use crate::value::{Row, Value};
use crate::{Changes, Guard, Page, StoreError, TenantView};
use chancery_domain::certificate::{CertificateStatus, Origin};
use chancery_domain::key::Custody;
use chancery_domain::{CertificateId, IssuerId, OrderId, Sealed, Serial, Timestamp};

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRow {
    /// Its id.
    pub id: CertificateId,
    /// Where it came from.
    pub origin: Origin,
    /// Its serial number.
    pub serial: Serial,
    /// Where it stands.
    pub status: CertificateStatus,
    /// The CRL shard whose address it carries.
    pub shard: u32,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// When renewal becomes due.
    pub renew_at: Timestamp,
    /// Who holds the private key.
    pub custody: Custody,
    /// The certificate in DER, sealed: its names tell whose it is.
    pub body: Sealed,
    /// Counts its changes.
    pub version: i64,
}

/// A private key made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateKeyRow {
    /// The certificate that it belongs to.
    pub certificate: CertificateId,
    /// The key in PKCS#8, sealed; `None` after its receipt was acknowledged.
    pub key: Option<Sealed>,
    /// How often it was fetched.
    pub fetches: i64,
}

/// Which certificates a listing shows.
#[derive(Clone, Debug, Default)]
pub struct CertificateFilter {
    /// Only those with this status.
    pub status: Option<CertificateStatus>,
    /// Only those with one of these blind index values of a name.
    pub name: Option<[u8; 16]>,
    /// Only the one with this serial number.
    pub serial: Option<Serial>,
    /// Only those of this profile.
    pub profile: Option<String>,
    /// Only those of this issuer.
    pub issuer: Option<IssuerId>,
    /// Only those whose validity ends before this time.
    pub expires_before: Option<Timestamp>,
    /// Only those whose renewal was due at this time.
    pub renewal_due: Option<Timestamp>,
}

fn parse(row: &Row) -> Result<CertificateRow, StoreError> {
    Ok(CertificateRow {
        id: row.id(0, CertificateId::from_bytes)?,
        origin: origin(row)?,
        serial: Serial::from_slice(row.blob(4)?).map_err(|_| StoreError::Malformed("a serial number has another length"))?,
        status: row.named(5, CertificateStatus::from_name)?,
        shard: row.unsigned(6)?,
        not_before: row.time(7)?,
        not_after: row.time(8)?,
        renew_at: row.time(9)?,
        custody: row.named(10, Custody::from_name)?,
        body: row.sealed(11)?,
        version: row.int(12)?,
    })
}

fn origin(row: &Row) -> Result<Origin, StoreError> {
    let issuer = row.id_or_null(2, IssuerId::from_bytes)?;
    Ok(match (row.id_or_null(1, OrderId::from_bytes)?, issuer) {
        (Some(order), Some(issuer)) => Origin::Issued { order, issuer, profile: row.text(3)?.to_owned() },
        (None, Some(issuer)) => Origin::Imported { issuer },
        (None, None) => Origin::External,
        (Some(_), None) => return Err(StoreError::Malformed("a certificate was issued by nobody")),
    })
}

macro_rules! select {
    ($($rest:tt)*) => {
        concat!(
            "SELECT c.id, c.order_id, c.issuer_id, c.profile, c.serial, c.status, c.shard, c.not_before, c.not_after, c.renew_at, ",
            "c.custody, c.body, c.version FROM certificate c ",
            $($rest)*
        )
    };
}

/// The conditions that any listing may have besides.
macro_rules! besides {
    () => {
        " AND (?4 = '' OR c.status = ?4) AND (?5 = '' OR c.profile = ?5) AND (c.issuer_id = ?6 OR ?6 IS NULL)
          AND c.not_after < ?7 AND c.renew_at <= ?8 "
    };
}

impl TenantView {
    /// The certificate.
    pub async fn certificate(&self, id: CertificateId) -> Result<Option<CertificateRow>, StoreError> {
        self.row(sql!(select!("WHERE c.tenant_id = ?1 AND c.id = ?2"), self.id(), id.as_bytes()), parse).await
    }

    /// The certificate with this serial number of this issuer.
    pub async fn certificate_of(&self, issuer: IssuerId, serial: &Serial) -> Result<Option<CertificateRow>, StoreError> {
        let text = select!("WHERE c.tenant_id = ?1 AND c.serial = ?2 AND c.issuer_id = ?3");
        self.row(sql!(text, self.id(), serial.as_bytes(), issuer.as_bytes()), parse).await
    }

    /// The certificate that was taken in with this blind index value of its content.
    pub async fn imported(&self, blind: &[u8; 16]) -> Result<Option<CertificateRow>, StoreError> {
        let text =
            select!("JOIN imported i ON i.tenant_id = c.tenant_id AND i.certificate_id = c.id WHERE i.tenant_id = ?1 AND i.blind = ?2");
        self.row(sql!(text, self.id(), blind), parse).await
    }

    /// A page of certificates.
    pub async fn certificates(&self, filter: &CertificateFilter, page: Page<CertificateId>) -> Result<Vec<CertificateRow>, StoreError> {
        let before = page.before.unwrap_or(CertificateId::from_bytes([0xff; 16]));
        let never = Timestamp::from_millis(i64::MAX);
        let mut query = match (filter.name, filter.serial) {
            (Some(_), _) => sql!(select!(
                "JOIN certificate_name n ON n.tenant_id = c.tenant_id AND n.certificate_id = c.id
                 WHERE n.tenant_id = ?1 AND n.certificate_id < ?2",
                besides!(),
                "AND n.blind = ?9 AND (c.serial = ?10 OR ?10 IS NULL) ORDER BY n.certificate_id DESC LIMIT ?3"
            )),
            (None, Some(_)) => sql!(select!("WHERE c.tenant_id = ?1 AND c.id < ?2", besides!(), "AND c.serial = ?9 LIMIT ?3")),
            (None, None) => sql!(select!("WHERE c.tenant_id = ?1 AND c.id < ?2", besides!(), "ORDER BY c.id DESC LIMIT ?3")),
        };
        query.values = vec![
            self.id().into(),
            before.as_bytes().into(),
            page.limit.into(),
            filter.status.map_or("", CertificateStatus::as_str).into(),
            filter.profile.as_deref().unwrap_or_default().into(),
            filter.issuer.as_ref().map(IssuerId::as_bytes).into(),
            filter.expires_before.unwrap_or(never).into(),
            filter.renewal_due.unwrap_or(never).into(),
        ];
        query.values.extend(filter.name.as_ref().map(Value::from));
        if filter.name.is_some() || filter.serial.is_some() {
            query.values.push(filter.serial.as_ref().map(Serial::as_bytes).into());
        }
        self.rows(query, parse).await
    }

    /// The private key made here for the certificate.
    pub async fn private_key(&self, certificate: CertificateId) -> Result<Option<PrivateKeyRow>, StoreError> {
        let query = sql!(
            "SELECT certificate_id, key, fetches FROM private_key WHERE tenant_id = ?1 AND certificate_id = ?2",
            self.id(),
            certificate.as_bytes()
        );
        let parse = |row: &Row| {
            let key = if row.is_null(1)? { None } else { Some(row.sealed(1)?) };
            Ok(PrivateKeyRow { certificate: row.id(0, CertificateId::from_bytes)?, key, fetches: row.int(2)? })
        };
        self.row(query, parse).await
    }
}

impl Changes {
    /// Inserts a certificate with the blind index values of its names.
    pub fn insert_certificate(&mut self, row: &CertificateRow, names: &[[u8; 16]]) {
        let statement = sql!(
            "INSERT INTO certificate (tenant_id, id, order_id, issuer_id, profile, serial, status, shard, not_before, not_after,
             renew_at, custody, body, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
             ON CONFLICT DO NOTHING",
            self.id(),
            row.id.as_bytes(),
            row.origin.order().as_ref().map(OrderId::as_bytes),
            row.origin.issuer().as_ref().map(IssuerId::as_bytes),
            row.origin.profile(),
            row.serial.as_bytes(),
            row.status.as_str(),
            row.shard,
            row.not_before,
            row.not_after,
            row.renew_at,
            row.custody.as_str(),
            &row.body,
            row.version
        );
        // I5: a serial is used once; the unique index on it is the last guard.
        self.one(Guard::Unique("certificate"), statement);
        for name in names {
            self.run(sql!(
                "INSERT INTO certificate_name (tenant_id, blind, certificate_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                self.id(),
                name,
                row.id.as_bytes()
            ));
        }
    }

    /// Notes what was taken in by a blind index value of its content, once.
    pub fn insert_imported(&mut self, id: CertificateId, blind: &[u8; 16]) {
        let statement = sql!(
            "INSERT INTO imported (tenant_id, blind, certificate_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            self.id(),
            blind,
            id.as_bytes()
        );
        self.one(Guard::Unique("imported"), statement);
    }

    /// Moves the certificate that was read to another status.
    pub fn move_certificate(&mut self, row: &CertificateRow, to: CertificateStatus) {
        let statement = sql!(
            "UPDATE certificate SET status = ?4, version = version + 1 WHERE tenant_id = ?1 AND id = ?2 AND version = ?3",
            self.id(),
            row.id.as_bytes(),
            row.version,
            to.as_str()
        );
        self.one(Guard::Version("certificate"), statement);
    }

    /// Keeps a private key made here.
    pub fn insert_private_key(&mut self, certificate: CertificateId, key: &Sealed) {
        let statement = sql!(
            "INSERT INTO private_key (tenant_id, certificate_id, key, fetches) VALUES (?1, ?2, ?3, 0) ON CONFLICT DO NOTHING",
            self.id(),
            certificate.as_bytes(),
            key
        );
        self.one(Guard::Unique("private_key"), statement);
    }

    /// Notes that a private key was fetched.
    pub fn count_private_key_fetch(&mut self, row: &PrivateKeyRow) {
        let statement = sql!(
            "UPDATE private_key SET fetches = fetches + 1
             WHERE tenant_id = ?1 AND certificate_id = ?2 AND fetches = ?3 AND key IS NOT NULL",
            self.id(),
            row.certificate.as_bytes(),
            row.fetches
        );
        self.one(Guard::Version("private_key"), statement);
    }

    /// Erases a private key whose receipt was acknowledged.
    pub fn erase_private_key(&mut self, row: &PrivateKeyRow) {
        let statement = sql!(
            "UPDATE private_key SET key = NULL WHERE tenant_id = ?1 AND certificate_id = ?2 AND fetches = ?3 AND key IS NOT NULL",
            self.id(),
            row.certificate.as_bytes(),
            row.fetches
        );
        self.one(Guard::Version("private_key"), statement);
    }
}
