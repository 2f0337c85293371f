//! Pages: each row once, newest first, whatever is added meanwhile.

use crate::engine::{Engine, tenant_id};
use crate::rows::{BLIND, certificate, event};
use chancery_domain::certificate::CertificateStatus;
use chancery_domain::{CertificateId, EventId, IssuerId, Timestamp};
use chancery_store::{CertificateFilter, CertificateRow, Page, TenantView};
use rstest::rstest;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_postgres::NoTls;

async fn add(view: &TenantView, numbers: impl IntoIterator<Item = u32>) {
    let mut changes = view.changes();
    for number in numbers {
        changes.insert_event(&event(number));
        changes.insert_certificate(&certificate(number, 1), &[BLIND]);
    }
    changes.commit().await.unwrap();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_each_row_once_while_rows_are_added(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = harness.tenant(1, 10).await;
    add(&view, 0..25).await;
    let (mut events, mut certificates, mut named) = (Vec::new(), Vec::new(), Vec::new());
    let by_name = CertificateFilter { name: Some(BLIND), ..CertificateFilter::default() };
    for page in 0..4 {
        let at = |seen: &Vec<EventId>| Page { before: seen.last().copied(), limit: 10 };
        events.extend(view.events(at(&events)).await.unwrap().into_iter().map(|row| row.id));
        for (seen, filter) in [(&mut certificates, &CertificateFilter::default()), (&mut named, &by_name)] {
            let page = Page { before: seen.last().copied(), limit: 10 };
            let rows = view.certificates(filter, page).await.unwrap();
            seen.extend(rows.into_iter().map(|row| row.id));
        }
        // Newer rows come before the pages that were shown.
        add(&view, [100 + page]).await;
    }
    let expected: Vec<_> = (0..25).rev().collect();
    assert_eq!(events, expected.iter().map(|number| event(*number).id).collect::<Vec<_>>());
    let ids: Vec<CertificateId> = expected.iter().map(|number| certificate(*number, 1).id).collect();
    assert_eq!(certificates, ids);
    assert_eq!(named, ids);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn pages_by_end_or_renewal_go_on_where_they_ended(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = harness.tenant(1, 10).await;
    // Out of the order of ids, many of one time, one at the bound itself and one past it.
    let time = |number: u32| Timestamp::from_millis(i64::from(number * 7 % 10));
    let rows: Vec<_> =
        (0..30).map(|number| CertificateRow { not_after: time(number), renew_at: time(number), ..certificate(number, 1) }).collect();
    let mut changes = view.changes();
    rows.iter().for_each(|row| changes.insert_certificate(row, &[]));
    changes.commit().await.unwrap();
    let bound = Timestamp::from_millis(7);
    for (filter, last) in [
        (CertificateFilter { renewal_due: Some(bound), ..CertificateFilter::default() }, 7),
        (CertificateFilter { expires_before: Some(bound), ..CertificateFilter::default() }, 6),
    ] {
        let mut expected: Vec<_> = rows.iter().filter(|row| row.not_after.millis() <= last).map(|row| (row.not_after, row.id)).collect();
        expected.sort_unstable_by(|one, other| other.cmp(one));
        let mut told = Vec::<(Timestamp, CertificateId)>::new();
        loop {
            let page = Page { before: told.last().map(|(_, id)| *id), limit: 4 };
            let shown = view.certificates(&filter, page).await.unwrap();
            let Some(row) = shown.last() else { break };
            // The page goes on below a row that is no longer among those that are meant.
            let mut changes = view.changes();
            changes.move_certificate(row, CertificateStatus::Revoked);
            changes.commit().await.unwrap();
            told.extend(shown.iter().map(|row| (row.not_after, row.id)));
        }
        assert_eq!(told, expected, "{filter:?}");
    }
}

/// 100,000 certificates of one issuer and profile, all but a few issued, far from their end and not due; 99 are otherwise, 99 due.
const MANY: &str = "INSERT INTO tenant.certificate SELECT $1, decode(lpad(to_hex(n), 32, '0'), 'hex'), NULL, decode(lpad(few, 32, '0'), 'hex'),
    'profile-' || few, decode(md5(n::TEXT), 'hex'), CASE few WHEN '1' THEN 'revoked' ELSE 'issued' END, 0, 0, 1000000 - 999000 * few::BIGINT,
    CASE WHEN n BETWEEN 101 AND 199 THEN 1000 ELSE 1000000 END, 'client', decode(repeat('07', 700), 'hex'), 1
    FROM (SELECT n, CASE WHEN n < 100 THEN '1' ELSE '0' END AS few FROM generate_series(1, 100000) n) AS numbers";

// What PostgreSQL does depends on what is in the table, so it is asked which indexes it used, and how many of their entries it
// read. SQLite's plans stand beside the query.
#[tokio::test(flavor = "multi_thread")]
async fn every_filter_uses_its_index_among_100_000_rows() {
    let harness = Engine::Postgres.start().await;
    let view = harness.tenant(1, 10).await;
    let (superuser, connection) = tokio_postgres::connect(&harness.database.as_ref().unwrap().superuser_url, NoTls).await.unwrap();
    tokio::spawn(connection);
    superuser.execute(MANY, &[&tenant_id(1).as_bytes().as_slice()]).await.unwrap();
    superuser.batch_execute("ANALYZE tenant.certificate").await.unwrap();
    let (all, few, far) = (CertificateFilter::default, Timestamp::from_millis(2000), Timestamp::from_millis(2_000_000));
    let filters = [
        ("certificate_by_status", CertificateFilter { status: Some(CertificateStatus::Revoked), ..all() }),
        ("certificate_by_issuer", CertificateFilter { issuer: Some(IssuerId::from_bytes(1_u128.to_be_bytes())), ..all() }),
        ("certificate_by_profile", CertificateFilter { profile: Some("profile-1".to_owned()), ..all() }),
        ("certificate_by_end", CertificateFilter { expires_before: Some(few), ..all() }),
        ("certificate_by_renewal", CertificateFilter { renewal_due: Some(few), ..all() }),
        ("certificate_by_serial", CertificateFilter { serial: Some(certificate(0x77, 1).serial), ..all() }),
    ];
    for (index, filter) in &filters {
        for _ in 0..8 {
            let found = view.certificates(filter, Page { before: None, limit: 200 }).await.unwrap();
            assert_eq!(found.len(), if filter.serial.is_some() { 0 } else { 99 }, "{index}");
        }
    }
    let unselective = [
        CertificateFilter { status: Some(CertificateStatus::Issued), ..all() },
        CertificateFilter { issuer: Some(IssuerId::from_bytes([0; 16])), ..all() },
        CertificateFilter { profile: Some("profile-0".to_owned()), ..all() },
        CertificateFilter { expires_before: Some(far), ..all() },
        CertificateFilter { renewal_due: Some(far), ..all() },
    ];
    for filter in &unselective {
        let mut told = Vec::new();
        for _ in 0..8 {
            let found = view.certificates(filter, Page { before: told.last().copied(), limit: 200 }).await.unwrap();
            assert_eq!(found.len(), 200, "{filter:?}");
            told.extend(found.into_iter().map(|row| row.id));
        }
        assert_eq!(BTreeSet::from_iter(&told).len(), told.len(), "{filter:?}");
    }
    let used = "SELECT indexrelname::TEXT, idx_tup_read FROM pg_stat_user_indexes WHERE relname = 'certificate' AND idx_scan >= 8";
    // A connection tells what it did a second later, when it has something to do again.
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        view.certificate(CertificateId::from_bytes([0; 16])).await.unwrap();
        let told: Vec<(String, i64)> = superuser.query(used, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
        if filters.iter().all(|(index, _)| told.iter().any(|(name, _)| name == index)) {
            // At most 8 pages of 99 and 24 of 200 rows each, and what each page starts below.
            assert!(told.iter().all(|(_, read)| *read < 6000), "more is read than is shown: {told:?}");
            return;
        }
    }
    panic!("an index is not used");
}
