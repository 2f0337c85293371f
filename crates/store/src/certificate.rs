//! Certificates, the blind index of their names, and private keys made here.

use crate::statement::{Statement, sql};
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
    /// Only issued ones whose renewal was due at this time.
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

/// The conditions that any listing may have besides; written so that none of them leads the planner to its index.
macro_rules! besides {
    () => {
        " AND (?4 = '' OR c.status = ?4) AND (?5 = '' OR c.profile = ?5) AND (c.issuer_id = ?6 OR ?6 IS NULL)
          AND c.not_after + 0 < ?7 AND c.renew_at + 0 <= ?8 "
    };
}

/// What is due for renewal is issued, where the index of renewals does not say so.
macro_rules! due_is_issued {
    () => {
        "AND (c.status = 'issued' OR ?8 = 9223372036854775807) "
    };
}

/// Rows below a bound of a column, the last of them first, as the index lies: what is read is what is shown, however many
/// rows are below. The page goes on below the row shown last; the bound itself, ?9, belongs to them. `coalesce` stands inside, for
/// outside PostgreSQL takes it for what might tell of rows that the policy hides, and looks at each row before it looks at the bound.
macro_rules! up_to {
    ($column:literal, $besides:expr) => {
        select!(
            "WHERE c.tenant_id = ?1 AND (c.",
            $column,
            ", c.id) < ((SELECT coalesce(max(p.",
            $column,
            "), ?9) FROM certificate p WHERE p.tenant_id = ?1 AND p.id = ?2), ?2)",
            $besides,
            "ORDER BY c.",
            $column,
            " DESC, c.id DESC LIMIT ?3"
        )
    };
}

/// Rows with one value of a column whose index ends in the id.
macro_rules! with {
    ($condition:literal) => {
        select!("WHERE c.tenant_id = ?1 AND c.id < ?2 AND ", $condition, besides!(), "ORDER BY c.id DESC LIMIT ?3")
    };
}

/// A page of a listing: the filter that leaves the fewest rows, as far as that can be known here, leads; each has its index.
fn listing(tenant: &[u8; 16], filter: &CertificateFilter, page: Page<CertificateId>) -> Statement {
    let before = page.before.unwrap_or(CertificateId::from_bytes([0xff; 16]));
    let never = Timestamp::from_millis(i64::MAX);
    let (serial, name) = (filter.serial.as_ref().map(Serial::as_bytes), filter.name.as_ref().map(Value::from));
    // What leads stands at ?9, a serial beside a name at ?10.
    let (sql, leading): (_, Vec<Value>) = match (name, serial, filter) {
        (Some(name), serial, _) => (
            select!(
                "JOIN certificate_name n ON n.tenant_id = c.tenant_id AND n.certificate_id = c.id
                 WHERE n.tenant_id = ?1 AND n.certificate_id < ?2",
                besides!(),
                due_is_issued!(),
                "AND n.blind = ?9 AND (c.serial = ?10 OR ?10 IS NULL) ORDER BY n.certificate_id DESC LIMIT ?3"
            ),
            vec![name, serial.into()],
        ),
        (None, Some(serial), _) => (
            // `substr` of the whole id keeps the primary key out of it, which would look at every row for the few that are meant.
            select!(
                "WHERE c.tenant_id = ?1 AND c.serial = ?9 AND substr(c.id, 1) < ?2",
                besides!(),
                due_is_issued!(),
                "ORDER BY substr(c.id, 1) DESC LIMIT ?3"
            ),
            vec![serial.into()],
        ),
        (None, None, CertificateFilter { renewal_due: Some(due), .. }) => {
            (up_to!("renew_at", concat!(besides!(), "AND c.status = 'issued' ")), vec![(*due).into()])
        }
        // Few are in any other state than issued; the planner knows the index by the literal.
        (None, None, CertificateFilter { status: Some(status), expires_before: None, .. }) if *status != CertificateStatus::Issued => {
            (with!("c.status = ?9 AND c.status <> 'issued'"), vec![status.as_str().into()])
        }
        (None, None, CertificateFilter { expires_before: Some(end), .. }) => {
            (up_to!("not_after", besides!()), vec![end.millis().saturating_sub(1).into()])
        }
        (None, None, CertificateFilter { issuer: Some(issuer), .. }) => (with!("c.issuer_id = ?9"), vec![issuer.as_bytes().into()]),
        (None, None, CertificateFilter { profile: Some(profile), .. }) => (with!("c.profile = ?9"), vec![profile.as_str().into()]),
        // Most are issued, and the newest are.
        (None, None, _) => (select!("WHERE c.tenant_id = ?1 AND c.id < ?2", besides!(), "ORDER BY c.id DESC LIMIT ?3"), vec![]),
    };
    let mut values = vec![
        tenant.into(),
        before.as_bytes().into(),
        page.limit.into(),
        filter.status.map_or("", CertificateStatus::as_str).into(),
        filter.profile.as_deref().unwrap_or_default().into(),
        filter.issuer.as_ref().map(IssuerId::as_bytes).into(),
        filter.expires_before.unwrap_or(never).into(),
        filter.renewal_due.unwrap_or(never).into(),
    ];
    values.extend(leading);
    Statement::new(sql, values)
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

    /// The live certificates with this blind index value of the subject's key besides this one, newest first.
    pub async fn live_with_key(&self, blind: &[u8; 16], besides: CertificateId, limit: u32) -> Result<Vec<CertificateRow>, StoreError> {
        let text = select!(
            "JOIN certificate_key k ON k.tenant_id = c.tenant_id AND k.certificate_id = c.id
             WHERE k.tenant_id = ?1 AND k.blind = ?2 AND k.certificate_id <> ?3 AND c.status IN ('issued', 'renewed')
             ORDER BY k.certificate_id DESC LIMIT ?4"
        );
        self.rows(sql!(text, self.id(), blind, besides.as_bytes(), limit), parse).await
    }

    /// A page of certificates, newest first; without a name or serial, those whose renewal came due or else whose validity ends
    /// last are first, where the filter bounds these.
    pub async fn certificates(&self, filter: &CertificateFilter, page: Page<CertificateId>) -> Result<Vec<CertificateRow>, StoreError> {
        self.rows(listing(self.id(), filter, page), parse).await
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

    /// Removes the external certificate that was read, which was taken in with these blind index values of its content and names.
    pub fn remove_external(&mut self, row: &CertificateRow, content: &[u8; 16], names: &[[u8; 16]]) {
        let id = row.id.as_bytes();
        let statement = sql!(
            "DELETE FROM certificate WHERE tenant_id = ?1 AND id = ?2 AND version = ?3 AND issuer_id IS NULL",
            self.id(),
            id,
            row.version
        );
        self.one(Guard::Version("certificate"), statement);
        self.run(sql!("DELETE FROM imported WHERE tenant_id = ?1 AND blind = ?2 AND certificate_id = ?3", self.id(), content, id));
        for name in names {
            let text = "DELETE FROM certificate_name WHERE tenant_id = ?1 AND blind = ?2 AND certificate_id = ?3";
            self.run(sql!(text, self.id(), name, id));
        }
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

    /// Makes the write-set depend on the certificate as it was read.
    pub fn guard_certificate(&mut self, id: CertificateId, version: i64) {
        let statement =
            sql!("SELECT 1 FROM certificate WHERE tenant_id = ?1 AND id = ?2 AND version = ?3", self.id(), id.as_bytes(), version);
        self.found(Guard::Version("certificate"), statement);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::SQLITE;

    /// How SQLite goes about a listing.
    fn plan(filter: &CertificateFilter) -> String {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        SQLITE.iter().for_each(|migration| connection.execute_batch(migration.tenant).unwrap());
        let query = listing(&[1; 16], filter, Page { before: None, limit: 50 });
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", query.sql())).unwrap();
        assert_eq!(explain.parameter_count(), query.values().len());
        let steps = explain.raw_query().mapped(|row| row.get::<_, String>(3)).map(Result::unwrap).collect::<Vec<_>>();
        steps.join("; ")
    }

    #[test]
    fn every_filter_has_its_index() {
        let (all, id, at) = (CertificateFilter::default, IssuerId::from_bytes([1; 16]), Timestamp::from_millis(1));
        let (revoked, issued) = (Some(CertificateStatus::Revoked), Some(CertificateStatus::Issued));
        for (index, filter) in [
            ("sqlite_autoindex_certificate_1 (tenant_id=? AND id<?)", all()),
            ("PRIMARY KEY (tenant_id=? AND blind=? AND certificate_id<?)", CertificateFilter { name: Some([1; 16]), ..all() }),
            (
                "certificate_by_serial (tenant_id=? AND serial=?)",
                CertificateFilter { serial: Some(Serial::from_slice(&[1; 16]).unwrap()), ..all() },
            ),
            ("certificate_by_status (tenant_id=? AND status=? AND id<?)", CertificateFilter { status: revoked, issuer: Some(id), ..all() }),
            ("sqlite_autoindex_certificate_1 (tenant_id=? AND id<?)", CertificateFilter { status: issued, ..all() }),
            (
                "certificate_by_issuer (tenant_id=? AND issuer_id=? AND id<?)",
                CertificateFilter { status: issued, issuer: Some(id), ..all() },
            ),
            ("certificate_by_profile (tenant_id=? AND profile=? AND id<?)", CertificateFilter { profile: Some("x".to_owned()), ..all() }),
            (
                "certificate_by_end (tenant_id=? AND (not_after,id)<(?,?))",
                CertificateFilter { status: revoked, expires_before: Some(at), ..all() },
            ),
            (
                "certificate_by_renewal (tenant_id=? AND (renew_at,id)<(?,?))",
                CertificateFilter { status: issued, renewal_due: Some(at), ..all() },
            ),
        ] {
            let plan = plan(&filter);
            assert!(plan.contains(index), "{filter:?}: {plan}");
            assert!(!plan.contains("SCAN certificate") && !plan.contains("SCAN c"), "{filter:?}: {plan}");
            // Rows that are sorted are all read first, however many; only those of one serial are few by themselves.
            assert_eq!(plan.contains("TEMP B-TREE"), filter.serial.is_some(), "{filter:?}: {plan}");
        }
    }
}
