//! Pages: each row once, newest first, whatever is added meanwhile.

use crate::engine::{Engine, tenant_id};
use crate::rows::{BLIND, certificate, event};
use chancery_domain::certificate::CertificateStatus;
use chancery_domain::{CertificateId, EventId, IssuerId, Timestamp};
use chancery_store::{CertificateFilter, Page, TenantView};
use rstest::rstest;
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

/// 100,000 certificates of one issuer and profile, all but a few issued and far from their end; the last hundred are otherwise.
const MANY: &str = "INSERT INTO tenant.certificate SELECT $1, decode(lpad(to_hex(n), 32, '0'), 'hex'), NULL, decode(lpad(few, 32, '0'), 'hex'),
    'profile-' || few, decode(md5(n::TEXT), 'hex'), CASE few WHEN '1' THEN 'revoked' ELSE 'issued' END, 0, 0, 1000000 - 999000 * few::BIGINT,
    1000000 - 999000 * few::BIGINT, 'client', decode(repeat('07', 700), 'hex'), 1
    FROM (SELECT n, CASE WHEN n < 100 THEN '1' ELSE '0' END AS few FROM generate_series(1, 100000) n) AS numbers";

// What PostgreSQL does depends on what is in the table, so it is asked which indexes it used. SQLite's plans stand beside the query.
#[tokio::test(flavor = "multi_thread")]
async fn every_filter_uses_its_index_among_100_000_rows() {
    let harness = Engine::Postgres.start().await;
    let view = harness.tenant(1, 10).await;
    let (superuser, connection) = tokio_postgres::connect(&harness.database.as_ref().unwrap().superuser_url, NoTls).await.unwrap();
    tokio::spawn(connection);
    superuser.execute(MANY, &[&tenant_id(1).as_bytes().as_slice()]).await.unwrap();
    superuser.batch_execute("ANALYZE tenant.certificate").await.unwrap();
    let (all, few) = (CertificateFilter::default, Timestamp::from_millis(2000));
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
    let used = "SELECT indexrelname::TEXT FROM pg_stat_user_indexes WHERE schemaname = 'tenant' AND idx_scan >= 8";
    // A connection tells what it did a second later, when it has something to do again.
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        view.certificate(CertificateId::from_bytes([0; 16])).await.unwrap();
        let told: Vec<String> = superuser.query(used, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        if filters.iter().all(|(index, _)| told.iter().any(|name| name == index)) {
            return;
        }
    }
    panic!("an index is not used");
}
