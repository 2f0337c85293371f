//! A tenant's view shows its own rows, and none of another's, through every reader (I1).

use crate::engine::{Engine, ManualClock, open_sqlite, tenant_id, tenant_row};
use crate::rows::{BLIND, Rows, SHARD, SUFFIX, now};
use chancery_domain::certificate::CertificateStatus;
use chancery_domain::lineage::LineageKind;
use chancery_domain::signing::SignerState;
use chancery_domain::tenant::TenantStatus;
use chancery_domain::{AccountId, IssuerId, Serial, Timestamp, TokenId};
use chancery_store::{
    ArchiveRow, CertificateFilter, CertificateRow, CrlRow, JobRow, Page, PrivateKeyRow, SignatureRow, TenantRow, TenantView,
};
use rstest::rstest;
use std::fs;
use std::path::Path;

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_reader_shows_only_the_views_own_rows(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let mut filled = Vec::new();
    for number in [1, 2] {
        let view = harness.tenant(number, 10 + i64::from(number)).await;
        let mut changes = view.changes();
        Rows::of(number).insert(&mut changes);
        changes.commit().await.unwrap();
        filled.push((view, number));
    }
    // Role, binding, conflict, profile, authority, the signer's three and the hold each started an epoch.
    for (view, number) in &filled {
        every_reader(view, &Rows::of(*number), Some(&TenantRow { epoch: 10, ..tenant_row(*number) })).await;
        assert_eq!(view.counter("things").await.unwrap().unwrap().ceiling, 10 + i64::from(*number));
        assert_eq!(view.epoch().await.unwrap(), Some(10));
    }
    harness.store.create_realm(tenant_id(3)).await.unwrap();
    let empty = harness.store.tenant(tenant_id(3));
    every_reader(&empty, &Rows::of(1), None).await;
    assert_eq!(empty.counter("things").await.unwrap(), None);
    assert_eq!(empty.epoch().await.unwrap(), None);
}

/// Asserts that each reader shows just the row of the tenant, or nothing.
async fn every_reader(view: &TenantView, rows: &Rows, tenant: Option<&TenantRow>) {
    let sees = tenant.is_some();
    macro_rules! shows {
        ($row:expr, $($reader:ident($($argument:expr),*))*) => {$(
            let shown: Vec<_> = view.$reader($($argument),*).await.unwrap().into_iter().collect();
            assert!(shown.iter().eq(Some(&$row).into_iter().filter(|_| sees)), concat!(stringify!($reader), " shows {} rows"), shown.len());
        )*};
    }
    assert_eq!(view.tenant().await.unwrap().as_ref(), tenant);
    shows!(rows.account, account(rows.account.id) accounts(Page { before: None, limit: 10 }));
    shows!(rows.role, role(rows.role.id) roles());
    let all = (AccountId::from_bytes([0; 16]), AccountId::from_bytes([0xff; 16]));
    shows!(rows.binding, binding(rows.binding.id) bindings(Page { before: None, limit: 10 }) live_bindings(all, now()));
    shows!(rows.conflict, conflict(rows.conflict.id) conflicts());
    shows!(rows.token, token(rows.token.id) tokens(rows.account.id));
    shows!(rows.account_key, account_key(rows.account_key.id) account_keys(rows.account.id));
    assert_eq!(view.has_request_nonces().await.unwrap(), sees);
    shows!(rows.kek, keks());
    shows!(rows.purpose_key, purpose_keys());
    shows!(rows.profile, profile(&rows.profile.name) profiles());
    shows!(rows.authority, authority(rows.authority.id) authorities());
    shows!(rows.order, order(rows.order.id) orders(Page { before: None, limit: 10 }));
    shows!(rows.private_key, private_key(rows.certificate.id));
    shows!(rows.subject_key, subject_key(&BLIND));
    let serial = rows.revocation.serial;
    shows!(rows.revocation, revocations(rows.crl.issuer, SHARD, Timestamp::from_seconds(0)) revocation(rows.crl.issuer, SHARD, &serial));
    shows!(rows.crl, crl(rows.crl.issuer, SHARD));
    shows!(rows.lineage, lineage(LineageKind::Profile, &rows.lineage.subject, 1));
    shows!(rows.cosigned, cosigned(1));
    shows!(rows.publication, newest_publication(1) publication_of(1, 0));
    shows!(rows.signer, signer(&rows.signer.name) signers());
    shows!(rows.signing_profile, signing_profile(rows.signer.id));
    shows!(rows.signer_version, signer_versions(rows.signer.id));
    shows!(rows.signer.name, signer_with(rows.certificate.id));
    shows!(rows.signature, signature(rows.signature.id) signatures(Page { before: None, limit: 10 }));
    shows!(rows.signature, disposals(now(), 10));
    shows!(rows.archive, archive());
    shows!(rows.hold, hold(rows.hold.id) holds(Page { before: None, limit: 10 }) hold_on(&rows.hold.subject));
    shows!(rows.document, document(rows.document.id) document_named(&BLIND) documents(Page { before: None, limit: 10 }));
    shows!(rows.document_signature, document_signatures(rows.document.id, Page { before: None, limit: 10 }));
    shows!(rows.event, events(Page { before: None, limit: 10 }));
    shows!((rows.event.id, rows.event.leaf), unsequenced(10));
    shows!(rows.event, log_events(1, 0));
    shows!(rows.log, log() log_epochs());
    shows!((rows.log.clone(), vec![rows.log_tile.clone()]), log_tiles(1, &[(0, 0), (0, 1), (1, 0)]));
    shows!(rows.idempotency, idempotency(rows.idempotency.principal, &rows.idempotency.key));
    shows!(rows.job, due_jobs(now(), 10));
    shows!(rows.job.due_at, next_due());
    shows!(rows.outbox, outbox(10));
    let (issuer, serial) = (rows.certificate.origin.issuer().unwrap(), rows.certificate.serial);
    shows!(rows.certificate, certificate(rows.certificate.id) certificate_of(issuer, &serial) imported(&BLIND));
    let another = chancery_domain::CertificateId::from_bytes([0xee; 16]);
    shows!(rows.certificate, live_with_key(&BLIND, another, 10));
    for filter in filters() {
        let shown = view.certificates(&filter, Page { before: None, limit: 10 }).await.unwrap();
        let expected: Vec<_> = matching(rows, &filter).into_iter().filter(|_| sees).collect();
        assert_eq!(sorted(&shown), expected, "{filter:?}");
    }
}

fn sorted(shown: &[CertificateRow]) -> Vec<&CertificateRow> {
    let mut rows: Vec<_> = shown.iter().collect();
    rows.sort_unstable_by_key(|row| row.id);
    rows
}

/// Every way to ask for certificates by one or two conditions; some are met by one, some by the other, some by both or none.
fn filters() -> Vec<CertificateFilter> {
    type Condition = fn(CertificateFilter) -> CertificateFilter;
    let conditions: [Condition; 18] = [
        |filter| filter,
        |filter| CertificateFilter { status: Some(CertificateStatus::Issued), ..filter },
        |filter| CertificateFilter { status: Some(CertificateStatus::Revoked), ..filter },
        |filter| CertificateFilter { status: Some(CertificateStatus::Expired), ..filter },
        |filter| CertificateFilter { name: Some(BLIND), ..filter },
        |filter| CertificateFilter { name: Some(SUFFIX), ..filter },
        |filter| CertificateFilter { name: Some([0xee; 16]), ..filter },
        |filter| CertificateFilter { serial: Some(Rows::of(1).certificate.serial), ..filter },
        |filter| CertificateFilter { serial: Some(Rows::of(1).revoked.serial), ..filter },
        |filter| CertificateFilter { serial: Some(Serial::from_slice(&[0xee; 16]).unwrap()), ..filter },
        |filter| CertificateFilter { profile: Some("server".to_owned()), ..filter },
        |filter| CertificateFilter { profile: Some("another".to_owned()), ..filter },
        |filter| CertificateFilter { issuer: Rows::of(1).certificate.origin.issuer(), ..filter },
        |filter| CertificateFilter { issuer: Some(IssuerId::from_bytes([0xee; 16])), ..filter },
        |filter| CertificateFilter { expires_before: Some(Timestamp::from_seconds(1_900_000_001)), ..filter },
        |filter| CertificateFilter { expires_before: Some(Timestamp::from_seconds(1_850_000_001)), ..filter },
        |filter| CertificateFilter { renewal_due: Some(now()), ..filter },
        |filter| CertificateFilter { renewal_due: Some(Timestamp::from_millis(0)), ..filter },
    ];
    conditions.iter().flat_map(|one| conditions.iter().map(|other| other(one(CertificateFilter::default())))).collect()
}

/// Those of the tenant's certificates that a filter means.
fn matching<'a>(rows: &'a Rows, filter: &CertificateFilter) -> Vec<&'a CertificateRow> {
    let is_meant = |row: &&CertificateRow| {
        filter.status.is_none_or(|status| row.status == status)
            && filter.name.is_none_or(|name| name == SUFFIX || name == BLIND && row.id == rows.certificate.id)
            && filter.serial.is_none_or(|serial| row.serial == serial)
            && filter.profile.as_ref().is_none_or(|profile| row.origin.profile() == Some(profile.as_str()))
            && filter.issuer.is_none_or(|issuer| row.origin.issuer() == Some(issuer))
            && filter.expires_before.is_none_or(|end| row.not_after < end)
            && filter.renewal_due.is_none_or(|due| row.status == CertificateStatus::Issued && row.renew_at <= due)
    };
    [&rows.certificate, &rows.revoked].into_iter().filter(is_meant).collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_does_not_match_shows_nothing(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = harness.tenant(1, 10).await;
    let (mut changes, rows) = (view.changes(), Rows::of(1));
    rows.insert(&mut changes);
    changes.commit().await.unwrap();
    let other = Serial::from_slice(&[0xee; 16]).unwrap();
    for filter in filters().into_iter().filter(|filter| !matching(&rows, filter).is_empty()) {
        let wrong = [
            CertificateFilter { status: Some(CertificateStatus::Expired), ..filter.clone() },
            CertificateFilter { name: Some([0xee; 16]), ..filter.clone() },
            CertificateFilter { serial: Some(other), ..filter.clone() },
            CertificateFilter { profile: Some("another".to_owned()), ..filter.clone() },
            CertificateFilter { issuer: Some(IssuerId::from_bytes([0xee; 16])), ..filter.clone() },
            CertificateFilter { expires_before: Some(Timestamp::from_millis(0)), ..filter.clone() },
            CertificateFilter { renewal_due: Some(Timestamp::from_millis(0)), ..filter },
        ];
        for filter in wrong {
            let shown = view.certificates(&filter, Page { before: None, limit: 10 }).await.unwrap();
            assert!(shown.is_empty(), "{filter:?}");
        }
    }
}

/// Puts every row of one tenant's file into another's as well; the primary keys begin with the tenant, so nothing is in the way.
fn merge(into: &Path, from: &Path) {
    let connection = rusqlite::Connection::open(into).unwrap();
    connection.execute("ATTACH ?1 AS other", [from.to_str().unwrap()]).unwrap();
    let tables: Vec<String> = {
        let mut found = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
        found.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for table in &tables {
        let copied = connection.execute(&format!("INSERT OR IGNORE INTO main.{table} SELECT * FROM other.{table}"), []).unwrap();
        assert!(copied > 0, "{table} has no row: fill it in Rows::insert");
    }
}

// Files and row level security stand in front of it, so the condition itself is tried where both tenants lie in one file.
#[tokio::test(flavor = "multi_thread")]
async fn the_condition_on_the_tenant_holds_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let files = [1, 2].map(|number| directory.path().join("tenants").join(format!("{}.db", tenant_id(number))));
    let store = open_sqlite(directory.path(), ManualClock::starting()).await;
    for number in [1, 2] {
        store.create_realm(tenant_id(number)).await.unwrap();
        let mut changes = store.tenant(tenant_id(number)).changes();
        changes.insert_tenant(&tenant_row(number));
        changes.insert_counter("things", 10 + i64::from(number));
        Rows::of(number).insert(&mut changes);
        changes.commit().await.unwrap();
    }
    drop(store);
    merge(&files[0], &files[1]);
    merge(&files[1], &files[0]);

    let store = open_sqlite(directory.path(), ManualClock::starting()).await;
    for number in [1, 2] {
        let (view, rows) = (store.tenant(tenant_id(number)), Rows::of(number));
        every_reader(&view, &rows, Some(&TenantRow { epoch: 10, ..tenant_row(number) })).await;
        assert_eq!(view.counter("things").await.unwrap().unwrap().ceiling, 10 + i64::from(number));
        every_change(&view, &rows).await;
    }
    drop(store);
    // In each file the other tenant's rows are what they were.
    fs::rename(&files[0], directory.path().join("changed")).unwrap();
    fs::rename(&files[1], &files[0]).unwrap();
    fs::rename(directory.path().join("changed"), &files[1]).unwrap();
    let store = open_sqlite(directory.path(), ManualClock::starting()).await;
    for number in [1, 2] {
        let (view, rows) = (store.tenant(tenant_id(number)), Rows::of(number));
        every_reader(&view, &rows, Some(&TenantRow { epoch: 10, ..tenant_row(number) })).await;
        // Which nonces the other has forgotten is nothing to it.
        let mut changes = view.changes();
        changes.insert_request_nonce(rows.account_key.id, &SUFFIX, now());
        changes.commit().await.unwrap();
    }
}

/// Changes, or removes, every row of the tenant that can be.
async fn every_change(view: &TenantView, rows: &Rows) {
    let mut changes = view.changes();
    changes.next_epoch();
    changes.count_up("things");
    changes.disable_account(&rows.account);
    changes.note_token_use(rows.token.id, now());
    changes.succeed_token(rows.token.id, TokenId::from_bytes([7; 16]), now());
    changes.end_token(rows.token.id, now());
    changes.end_account_key(rows.account_key.id, now());
    changes.insert_request_nonce(rows.account_key.id, &SUFFIX, now());
    changes.forget_request_nonces(Timestamp::from_millis(now().millis() + 1));
    changes.move_tenant(TenantStatus::Active, TenantStatus::Suspending);
    changes.move_certificate(&rows.certificate, CertificateStatus::Revoked);
    changes.count_private_key_fetch(&rows.private_key);
    changes.replace_crl(&CrlRow { number: 2, ..rows.crl.clone() }, 1);
    changes.move_signer(&rows.signer, SignerState::Disabled);
    changes.retire_signer_version(&rows.signer_version, now());
    changes.move_ceiling("things", 5);
    changes.move_ceilings("thing", 6);
    changes.open_counter("other", 7);
    changes.forget_counters("other", "t");
    changes.lease_job(&rows.job, Timestamp::from_seconds(1_800_000_009));
    changes.forget_idempotency(Timestamp::from_millis(i64::MAX));
    changes.remove_outbox(rows.outbox.id);
    changes.move_log(&chancery_store::LogRow { size: 2, ..rows.log.clone() }, 1);
    changes.place_events(1, 0, 0);
    changes.release_hold(rows.hold.id, now(), rows.event.id);
    changes.move_archive(&rows.archive, &ArchiveRow { exported: 9, ..rows.archive.clone() });
    let later = now().after(std::time::Duration::from_secs(1));
    changes.retain_signature(&rows.signature, later, Some(later));
    changes.commit().await.unwrap();
    let mut changes = view.changes();
    changes.erase_private_key(&PrivateKeyRow { fetches: 1, ..rows.private_key.clone() });
    changes.finish_job(&JobRow { due_at: Timestamp::from_seconds(1_800_000_009), ..rows.job.clone() });
    let retained = SignatureRow { dispose_at: Some(later), ..rows.signature.clone() };
    changes.remove_archive(&ArchiveRow { version: 2, ..rows.archive.clone() });
    changes.postpone_disposal(&retained, now());
    changes.dispose_of_signature(&rows.signature, &rows.signature.body, now());
    changes.commit().await.unwrap();
}
