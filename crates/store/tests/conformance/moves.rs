//! Guarded changes of rows: each happens once from the row that was read, and a stale one is refused.

use crate::engine::{Engine, Harness, tenant_row};
use crate::rows::{BLIND, Rows, SHARD, now};
use chancery_domain::certificate::{CertificateStatus, RevocationReason};
use chancery_domain::identity::Holder;
use chancery_domain::issuer::IssuerState;
use chancery_domain::role::Role;
use chancery_domain::signing::SignerState;
use chancery_domain::tenant::TenantStatus;
use chancery_domain::{AccountId, BindingId, DocumentId, IssuerId, PersonId, Sealed, TenantId, Timestamp, TokenId};
use chancery_store::{
    AccountRow, ArchiveRow, AuthorityRow, BindingRow, BoundRole, Changes, CommitError, CosignedRow, CrlRow, DocumentRow,
    DocumentSignatureRow, Guard, Page, PublicationRow, RegisteredTenantRow, RestoreMark, RevocationRow, SignerVersionRow,
    SigningProfileRow, SubjectKeyRow, TenantView,
};
use rstest::rstest;

async fn filled(harness: &Harness) -> (TenantView, Rows) {
    let view = harness.tenant(1, 1).await;
    let rows = Rows::of(1);
    let mut changes = view.changes();
    rows.insert(&mut changes);
    changes.commit().await.unwrap();
    (view, rows)
}

async fn commit(view: &TenantView, change: impl Fn(&mut Changes)) {
    let mut changes = view.changes();
    change(&mut changes);
    changes.commit().await.unwrap();
}

/// The change is kept once; the same again fails on its guard.
async fn once(view: &TenantView, guard: Guard, change: impl Fn(&mut Changes)) {
    commit(view, &change).await;
    refused(view, guard, change).await;
}

async fn refused(view: &TenantView, guard: Guard, change: impl Fn(&mut Changes)) {
    let mut changes = view.changes();
    change(&mut changes);
    match changes.commit().await {
        Err(CommitError::Guard(failed)) => assert_eq!(failed, guard),
        other => panic!("{guard:?}: {other:?}"),
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_row_moves_once_from_what_was_read(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let (view, rows) = filled(&harness).await;
    let epoch = view.epoch().await.unwrap().unwrap();

    once(&view, Guard::Version("account"), |changes| changes.disable_account(&rows.account)).await;
    let (before, owner) = (view.epoch().await.unwrap().unwrap(), AccountId::from_bytes([6; 16]));
    let second = AccountRow { id: owner, holder: Holder::User(PersonId::from_bytes([6; 16])), ..rows.account.clone() };
    commit(&view, |changes| changes.insert_account(&second)).await;
    commit(&view, |changes| changes.join_person(&second, rows.account.holder.person())).await;
    assert_eq!(view.account(owner).await.unwrap().unwrap().holder, rows.account.holder);
    let read = view.account(rows.account.id).await.unwrap().unwrap();
    once(&view, Guard::Version("account"), |changes| changes.own_account(&read, owner)).await;
    let owned = Holder::Service { owner, owner_enabled: true, person: rows.account.holder.person() };
    assert_eq!(view.account(rows.account.id).await.unwrap().unwrap().holder, owned);
    assert_eq!(view.owned_accounts(owner).await.unwrap(), [], "it is disabled");
    assert_eq!(view.epoch().await.unwrap().unwrap(), before + 2);
    assert!(!view.account(rows.account.id).await.unwrap().unwrap().enabled);
    let (other, body) = ([8; 16], Sealed::from_ciphertext(vec![8; 40]));
    once(&view, Guard::Version("role"), |changes| changes.change_role(&rows.role, &other, &body)).await;
    let changed = view.role(rows.role.id).await.unwrap().unwrap();
    assert_eq!((changed.blind, &changed.body, changed.version), (other, &body, 2));
    refused(&view, Guard::Version("role"), |changes| changes.remove_role(&rows.role)).await;
    once(&view, Guard::Version("role"), |changes| changes.remove_role(&changed)).await;
    assert_eq!(view.role(rows.role.id).await.unwrap(), None);
    once(&view, Guard::Version("role_binding"), |changes| changes.end_binding(rows.binding.id, now())).await;
    assert_eq!(view.binding(rows.binding.id).await.unwrap().unwrap().ended_at, Some(now()));
    assert_eq!(view.live_bindings((rows.account.id, rows.account.id), now()).await.unwrap(), [], "it was taken back");
    let lasting =
        BindingRow { id: BindingId::from_bytes([9; 16]), expires_at: None, role: BoundRole::BuiltIn(Role::Viewer), ..rows.binding.clone() };
    let short = BindingRow { id: BindingId::from_bytes([10; 16]), expires_at: Some(now()), ..rows.binding.clone() };
    commit(&view, |changes| changes.insert_binding(&lasting)).await;
    commit(&view, |changes| changes.insert_binding(&short)).await;
    assert_eq!(view.live_bindings((rows.account.id, rows.account.id), now()).await.unwrap(), [lasting], "the other has expired");
    once(&view, Guard::Version("duty_conflict"), |changes| changes.end_conflict(rows.conflict.id, now())).await;
    assert_eq!(view.conflict(rows.conflict.id).await.unwrap().unwrap().ended_at, Some(now()));
    assert_eq!(view.conflicts().await.unwrap(), [], "it is over");
    let account = view.account(rows.account.id).await.unwrap().unwrap();
    once(&view, Guard::Version("account"), |changes| changes.set_roles(&account, &[Role::Auditor])).await;
    assert_eq!(view.account(rows.account.id).await.unwrap().unwrap().roles, [Role::Auditor]);
    let later = TokenId::from_bytes([7; 16]);
    once(&view, Guard::Version("token"), |changes| changes.succeed_token(rows.token.id, later, now())).await;
    assert_eq!(view.token(rows.token.id).await.unwrap().unwrap().successor, Some(later));
    once(&view, Guard::Version("token"), |changes| changes.end_token(rows.token.id, now())).await;
    assert_eq!(view.token(rows.token.id).await.unwrap().unwrap().ended_at, Some(now()));
    once(&view, Guard::Version("account_key"), |changes| changes.end_account_key(rows.account_key.id, now())).await;
    assert_eq!(view.account_key(rows.account_key.id).await.unwrap().unwrap().ended_at, Some(now()));
    once(&view, Guard::Version("tenant"), |changes| changes.move_tenant(TenantStatus::Active, TenantStatus::Suspending)).await;
    assert_eq!(view.tenant().await.unwrap().unwrap().status, TenantStatus::Suspending);
    let plan = |at| move |changes: &mut Changes| changes.plan_retirement(rows.authority.id, at);
    commit(&view, plan(Some(now()))).await;
    assert_eq!(view.authority(rows.authority.id).await.unwrap().unwrap().retire_at, Some(now()));
    once(&view, Guard::Version("authority"), |changes| changes.move_authority(&rows.authority, IssuerState::Retired)).await;
    let retired = view.authority(rows.authority.id).await.unwrap().unwrap();
    assert_eq!((retired.state, retired.retire_at), (IssuerState::Retired, None));
    refused(&view, Guard::Version("authority"), plan(None)).await;
    let pending =
        |id: u8| AuthorityRow { id: IssuerId::from_bytes([id; 16]), state: IssuerState::Pending, certificate: None, ..retired.clone() };
    commit(&view, |changes| [7, 8].iter().for_each(|id| changes.insert_authority(&pending(*id)))).await;
    let activate = |changes: &mut Changes| changes.activate_authority(pending(7).id, retired.id, b"der", now());
    once(&view, Guard::Version("authority"), activate).await;
    let active = view.authority(pending(7).id).await.unwrap().unwrap();
    let expected = (IssuerState::Active, Some(retired.id), Some(b"der".to_vec()));
    assert_eq!((active.state, active.parent, active.certificate), expected);
    once(&view, Guard::Version("authority"), |changes| changes.abandon_authority(pending(8).id)).await;
    let abandoned = view.authority(pending(8).id).await.unwrap().unwrap();
    assert_eq!((abandoned.state, abandoned.key, abandoned.status_key), (IssuerState::Abandoned, None, None));
    // Each of these twenty, and none of the refused ones, started an epoch.
    assert_eq!(view.epoch().await.unwrap(), Some(epoch + 20));

    once(&view, Guard::Version("certificate"), |changes| changes.move_certificate(&rows.certificate, CertificateStatus::Revoked)).await;
    let moved = view.certificate(rows.certificate.id).await.unwrap().unwrap();
    assert_eq!((moved.status, moved.version), (CertificateStatus::Revoked, 2));

    let next = CrlRow { number: 2, der: vec![42], ..rows.crl.clone() };
    once(&view, Guard::Version("crl"), |changes| changes.replace_crl(&next, 1)).await;
    assert_eq!(view.crl(next.issuer, SHARD).await.unwrap(), Some(next.clone()));
    refused(&view, Guard::Version("crl"), |changes| changes.replace_crl(&CrlRow { number: 4, ..next.clone() }, 3)).await;
    // Not back, and not the same number again.
    refused(&view, Guard::Version("crl"), |changes| changes.replace_crl(&CrlRow { number: 1, ..next.clone() }, 2)).await;
    refused(&view, Guard::Version("crl"), |changes| changes.replace_crl(&next, 2)).await;
    let far = CrlRow { number: 1 << 40, ..next.clone() };
    refused(&view, Guard::Version("crl"), |changes| changes.replace_crl(&far, (1 << 40) - 1)).await;
    once(&view, Guard::Version("crl"), |changes| changes.replace_crl(&far, 2)).await;
    refused(&view, Guard::Unique("crl"), |changes| changes.insert_crl(&rows.crl)).await;
    refused(&view, Guard::Unique("lineage"), |changes| changes.insert_lineage(&rows.lineage)).await;
    let more = CosignedRow { note: vec![2], ..rows.cosigned.clone() };
    let longer = CosignedRow { size: 9, ..rows.cosigned.clone() };
    commit(&view, |changes| [&more, &longer].iter().for_each(|row| changes.put_cosigned(row))).await;
    assert_eq!(view.cosigned(1).await.unwrap(), [longer.clone(), more]);
    commit(&view, |changes| changes.forget_cosigned(1, 9)).await;
    assert_eq!(view.cosigned(1).await.unwrap(), [longer]);
    refused(&view, Guard::Unique("publication"), |changes| changes.insert_publication(&rows.publication)).await;
    let later = PublicationRow { size: 9, ..rows.publication.clone() };
    commit(&view, |changes| changes.insert_publication(&later)).await;
    let another = PublicationRow { epoch: 2, ..rows.publication.clone() };
    commit(&view, |changes| changes.insert_publication(&another)).await;
    assert_eq!(view.newest_publication(1).await.unwrap(), Some(later.clone()));
    for (index, expected) in [(0, Some(&rows.publication)), (1, Some(&later)), (8, Some(&later)), (9, None)] {
        assert_eq!(view.publication_of(1, index).await.unwrap().as_ref(), expected, "leaf {index}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_signer_moves_once_and_a_retired_version_has_no_key(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let (view, rows) = filled(&harness).await;
    let epoch = view.epoch().await.unwrap().unwrap();
    refused(&view, Guard::Version("signer"), |changes| changes.insert_signer(&rows.signer)).await;
    refused(&view, Guard::Version("signing_profile"), |changes| changes.insert_signing_profile(&rows.signing_profile)).await;
    refused(&view, Guard::Version("signer_version"), |changes| changes.insert_signer_version(&rows.signer_version)).await;
    refused(&view, Guard::Unique("signature"), |changes| changes.insert_signature(&rows.signature)).await;
    // A name has one document, and a place among its signatures is taken once.
    let other = DocumentRow { id: DocumentId::from_bytes([0xee; 16]), ..rows.document.clone() };
    refused(&view, Guard::Unique("document"), |changes| changes.insert_document(&other)).await;
    let fork = DocumentSignatureRow { version: 2, ..rows.document_signature.clone() };
    refused(&view, Guard::Unique("document_signature"), |changes| changes.insert_document_signature(&fork)).await;
    once(&view, Guard::Version("signer"), |changes| changes.move_signer(&rows.signer, SignerState::Disabled)).await;
    let disabled = view.signer(&rows.signer.name).await.unwrap().unwrap();
    assert_eq!((disabled.state, disabled.version), (SignerState::Disabled, 2));
    once(&view, Guard::Version("signer_version"), |changes| changes.retire_signer_version(&rows.signer_version, now())).await;
    let second = SignerVersionRow { version: 2, ..rows.signer_version.clone() };
    commit(&view, |changes| changes.insert_signer_version(&second)).await;
    let profile = SigningProfileRow { version: 2, ..rows.signing_profile.clone() };
    commit(&view, |changes| changes.insert_signing_profile(&profile)).await;
    assert_eq!(view.signing_profile(rows.signer.id).await.unwrap(), Some(profile), "the highest is in force");
    let retired = SignerVersionRow { key: None, retired_at: Some(now()), ..rows.signer_version.clone() };
    assert_eq!(view.signer_versions(rows.signer.id).await.unwrap(), [second, retired]);
    // Each of these four, and none of the refused ones, started an epoch.
    assert_eq!(view.epoch().await.unwrap(), Some(epoch + 4));

    commit(&view, |changes| changes.guard_certificate(rows.certificate.id, 1)).await;
    commit(&view, |changes| changes.move_certificate(&rows.certificate, CertificateStatus::Revoked)).await;
    refused(&view, Guard::Version("certificate"), |changes| changes.guard_certificate(rows.certificate.id, 1)).await;
    commit(&view, |changes| changes.guard_certificate(rows.certificate.id, 2)).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_kept_longer_and_removed_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let (view, rows) = filled(&harness).await;
    let rows = &rows;
    let signature = async || view.signature(rows.signature.id).await.unwrap().unwrap();
    let version = Guard::Version("signature");
    let later = |days: u64| Some(now().after(std::time::Duration::from_secs(days * 86_400)));
    // Longer, never as long or shorter, nor with another end than was read.
    let retain =
        |until: Option<Timestamp>, dispose| move |changes: &mut Changes| changes.retain_signature(&rows.signature, until.unwrap(), dispose);
    once(&view, version, retain(later(2), later(2))).await;
    refused(&view, version, retain(later(1), later(1))).await;
    refused(&view, version, retain(later(3), None)).await;
    let kept = signature().await;
    assert_eq!((kept.kept_until, kept.dispose_at), (later(2), later(2)));
    // Not by what was read before.
    let body = Sealed::from_ciphertext(vec![9; 40]);
    refused(&view, version, |changes| changes.dispose_of_signature(&rows.signature, &body, now())).await;
    refused(&view, version, |changes| changes.postpone_disposal(&rows.signature, now())).await;
    once(&view, version, |changes| changes.postpone_disposal(&kept, later(5).unwrap())).await;
    assert_eq!(view.disposals(later(4).unwrap(), 10).await.unwrap(), []);
    let postponed = signature().await;
    assert_eq!((postponed.kept_until, view.disposals(later(5).unwrap(), 10).await.unwrap()), (later(2), vec![postponed.clone()]));
    once(&view, version, |changes| changes.dispose_of_signature(&postponed, &body, now())).await;
    let removed = signature().await;
    assert_eq!((removed.body, removed.dispose_at, removed.disposed_at), (body.clone(), None, Some(now())));
    refused(&view, version, retain(later(9), None)).await;

    let there =
        ArchiveRow { exported: 9, failing_since: Some(now()), failures: 2, failure: Some("refused".to_owned()), ..rows.archive.clone() };
    refused(&view, Guard::Version("archive"), |changes| changes.insert_archive(&rows.archive)).await;
    once(&view, Guard::Version("archive"), |changes| changes.move_archive(&rows.archive, &there)).await;
    let moved = view.archive().await.unwrap().unwrap();
    assert_eq!(moved, ArchiveRow { version: 2, ..there });
    refused(&view, Guard::Version("archive"), |changes| changes.remove_archive(&rows.archive)).await;
    once(&view, Guard::Version("archive"), |changes| changes.remove_archive(&moved)).await;
    assert_eq!(view.archive().await.unwrap(), None);
    refused(&view, Guard::Unique("hold"), |changes| changes.insert_hold(&rows.hold)).await;
    once(&view, Guard::Version("hold"), |changes| changes.release_hold(rows.hold.id, now(), rows.event.id)).await;
    assert_eq!(view.hold(rows.hold.id).await.unwrap().unwrap().released, Some((now(), rows.event.id)));
    assert_eq!(view.hold_on(&rows.hold.subject).await.unwrap(), None);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn counters_of_a_kind_move_and_go_together(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let (view, other) = (harness.tenant(1, 1).await, harness.tenant(2, 1).await);
    let counted = async |name: &str| view.counter(name).await.unwrap().map(|counter| (counter.value, counter.ceiling));
    for name in ["signed:a", "signed:a:2026-11-20", "signed:a:2026-11-21", "signed:a:2026-11-22", "signed:b:2026-11-20"] {
        commit(&view, |changes| changes.open_counter(name, 5)).await;
        commit(&other, |changes| changes.open_counter(name, 5)).await;
    }
    commit(&view, |changes| changes.count_up_by("signed:a:2026-11-21", "signatures", 3)).await;
    refused(&view, Guard::Limit("signatures"), |changes| changes.count_up_by("signed:a:2026-11-21", "signatures", 3)).await;
    // Once more it is as it was, whatever the ceiling is now.
    commit(&view, |changes| changes.open_counter("signed:a:2026-11-21", 9)).await;
    assert_eq!(counted("signed:a:2026-11-21").await, Some((3, 5)));
    commit(&view, |changes| changes.move_ceilings("signed:a:", 6)).await;
    commit(&view, |changes| changes.count_up_by("signed:a:2026-11-21", "signatures", 3)).await;
    assert_eq!(counted("signed:a:2026-11-21").await, Some((6, 6)));
    assert_eq!((counted("signed:a:2026-11-20").await, counted("signed:a:2026-11-22").await), (Some((0, 6)), Some((0, 6))));
    commit(&view, |changes| changes.move_ceiling("signed:a:2026-11-22", 7)).await;
    commit(&view, |changes| changes.forget_counters("signed:a:", "2026-11-21")).await;
    assert_eq!(counted("signed:a:2026-11-20").await, None);
    assert_eq!((counted("signed:a:2026-11-21").await, counted("signed:a:2026-11-22").await), (Some((6, 6)), Some((0, 7))));
    // What is called otherwise stays as it is, and the other tenant's does.
    assert_eq!((counted("signed:a").await, counted("signed:b:2026-11-20").await), (Some((0, 5)), Some((0, 5))));
    assert_eq!(counted("things").await, Some((0, 1)));
    assert_eq!(other.counter("signed:a:2026-11-20").await.unwrap().map(|counter| counter.ceiling), Some(5));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_is_counted_and_erased(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let (view, rows) = filled(&harness).await;
    once(&view, Guard::Version("private_key"), |changes| changes.count_private_key_fetch(&rows.private_key)).await;
    let fetched = view.private_key(rows.certificate.id).await.unwrap().unwrap();
    assert_eq!((fetched.fetches, &fetched.key), (1, &rows.private_key.key));
    once(&view, Guard::Version("private_key"), |changes| changes.erase_private_key(&fetched)).await;
    assert_eq!(view.private_key(rows.certificate.id).await.unwrap().unwrap().key, None);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_subject_key_is_guarded_widened_and_compromised(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let (view, rows) = filled(&harness).await;
    let (key, version) = (&rows.subject_key, Guard::Version("subject_key"));
    refused(&view, Guard::Unique("subject_key"), |changes| changes.insert_subject_key(key)).await;
    for _ in 0..2 {
        let mut changes = view.changes();
        changes.guard_subject_key(key);
        changes.commit().await.unwrap();
    }
    once(&view, version, |changes| changes.widen_subject_key(key)).await;
    refused(&view, version, |changes| changes.guard_subject_key(key)).await;
    let widened = view.subject_key(&BLIND).await.unwrap().unwrap();
    assert_eq!(widened, SubjectKeyRow { scope: None, version: 2, ..key.clone() });
    // Known before or not.
    for (blind, version, known) in [(BLIND, 3, true), ([8; 16], 1, false)] {
        let mut changes = view.changes();
        changes.compromise_subject_key(&blind, key.certificate);
        changes.commit().await.unwrap();
        let row = view.subject_key(&blind).await.unwrap().unwrap();
        assert_eq!((row.compromised, row.version, row.certificate), (true, version, key.certificate), "known: {known}");
    }
    refused(&view, version, |changes| changes.guard_subject_key(&widened)).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_leaves_nothing_but_what_others_need(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    use chancery_domain::certificate::{CertificateStatus, Origin};
    let harness = engine.start().await;
    let (view, rows) = filled(&harness).await;
    let external = |number: u32| chancery_store::CertificateRow { origin: Origin::External, ..crate::rows::certificate(number, 1) };
    let (one, two, name, content) = (external(71), external(72), [7; 16], [[1; 16], [2; 16]]);
    let mut changes = view.changes();
    for (row, content) in [&one, &two].into_iter().zip(content) {
        changes.insert_certificate(row, &[name]);
        changes.insert_imported(row.id, &content);
        changes.insert_certificate_key(&BLIND, row.id);
    }
    changes.commit().await.unwrap();
    let live = async || view.live_with_key(&BLIND, rows.certificate.id, 10).await.unwrap();
    assert_eq!(live().await, [two.clone(), one.clone()], "newest first, without the one that was asked about");
    assert_eq!(view.live_with_key(&BLIND, one.id, 1).await.unwrap(), std::slice::from_ref(&two));

    // What an issuer here signed is not removed, nor what changed meanwhile.
    refused(&view, Guard::Version("certificate"), |changes| changes.remove_external(&rows.certificate, &content[0], &[])).await;
    once(&view, Guard::Version("certificate"), |changes| changes.move_certificate(&two, CertificateStatus::Expired)).await;
    refused(&view, Guard::Version("certificate"), |changes| changes.remove_external(&two, &content[1], &[name])).await;
    assert_eq!(live().await, std::slice::from_ref(&one), "what expired is not live");
    once(&view, Guard::Version("certificate"), |changes| {
        changes.remove_external(&one, &content[0], &[name]);
        changes.remove_certificate_key(&BLIND, one.id);
    })
    .await;
    let named = chancery_store::CertificateFilter { name: Some(name), ..Default::default() };
    let listed = view.certificates(&named, Page { before: None, limit: 10 }).await.unwrap();
    assert_eq!(listed.iter().map(|row| row.id).collect::<Vec<_>>(), [two.id]);
    assert_eq!((view.imported(&content[0]).await.unwrap(), view.certificate(one.id).await.unwrap()), (None, None));
    assert_eq!(live().await, []);

    // The key stays known while a certificate has it, and for good once it is compromised.
    let forget = async |id| {
        let mut changes = view.changes();
        changes.remove_certificate_key(&BLIND, id);
        changes.commit().await.unwrap();
        view.subject_key(&BLIND).await.unwrap()
    };
    assert!(forget(rows.certificate.id).await.is_some(), "two has it");
    assert_eq!(forget(two.id).await, None);
    let mut changes = view.changes();
    changes.compromise_subject_key(&BLIND, two.id);
    changes.commit().await.unwrap();
    assert!(forget(two.id).await.is_some_and(|row| row.compromised));

    // An authority with a key stays; one without leaves once.
    refused(&view, Guard::Version("authority"), |changes| changes.remove_authority(&rows.authority)).await;
    let id = IssuerId::from_bytes([0xaa; 16]);
    let public = chancery_domain::PublicId::from_bytes([0xaa; 16]);
    let anchor = AuthorityRow { id, public, line: id, key: None, status_key: None, ..rows.authority.clone() };
    let mut changes = view.changes();
    changes.insert_authority(&anchor);
    changes.commit().await.unwrap();
    once(&view, Guard::Version("authority"), |changes| changes.remove_authority(&anchor)).await;
    assert_eq!(view.authority(id).await.unwrap(), None);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_corrected_from_what_was_read(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let (view, rows) = filled(&harness).await;
    let (issuer, row, reason) = (rows.crl.issuer, &rows.revocation, RevocationReason::Superseded);
    once(&view, Guard::Version("revocation"), |changes| changes.correct_revocation(issuer, SHARD, row, reason)).await;
    let corrected = view.revocation(issuer, SHARD, &row.serial).await.unwrap().unwrap();
    assert_eq!(corrected, RevocationRow { reason, ..row.clone() });
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn counters_stay_between_zero_and_ceiling(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = harness.tenant(1, 1).await;
    refused(&view, Guard::Limit("things"), |changes| changes.count_down("things")).await;
    once(&view, Guard::Limit("things"), |changes| changes.count_up("things")).await;
    once(&view, Guard::Limit("things"), |changes| changes.count_down("things")).await;
    let counter = view.counter("things").await.unwrap().unwrap();
    assert_eq!((counter.value, counter.total), (0, 1));
    refused(&view, Guard::Unique("counter"), |changes| changes.insert_counter("things", 5)).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_is_gone(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let (view, rows) = filled(&harness).await;
    let mut changes = view.changes();
    changes.forget_idempotency(now());
    changes.remove_outbox(rows.outbox.id);
    changes.commit().await.unwrap();
    assert_eq!(view.outbox(10).await.unwrap(), []);
    let row = &rows.idempotency;
    assert_eq!(view.idempotency(row.principal, &row.key).await.unwrap().as_ref(), Some(row));
    let mut changes = view.changes();
    changes.forget_idempotency(Timestamp::from_millis(now().millis() + 1));
    changes.commit().await.unwrap();
    assert_eq!(view.idempotency(row.principal, &row.key).await.unwrap(), None);
}

fn registered(number: u8, slug: &str) -> RegisteredTenantRow {
    let id = TenantId::from_bytes([number; 16]);
    RegisteredTenantRow { id, slug: slug.to_owned(), status: TenantStatus::Creating, created_at: now(), version: 1 }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_slug_is_given_out_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let platform = harness.store.platform();
    let unique = Guard::Unique("registered_tenant");
    once(&platform, unique, |changes| changes.insert_registered(&registered(1, "acme"))).await;
    refused(&platform, unique, |changes| changes.insert_registered(&registered(2, "acme"))).await;
    refused(&platform, unique, |changes| changes.insert_registered(&registered(1, "other"))).await;
    let row = registered(1, "acme");
    assert_eq!(platform.unsettled().await.unwrap(), std::slice::from_ref(&row));
    once(&platform, Guard::Version("registered_tenant"), |changes| changes.move_registered(&row, TenantStatus::Active)).await;
    let moved = RegisteredTenantRow { status: TenantStatus::Active, version: 2, ..row };
    assert_eq!(platform.registered(moved.id).await.unwrap(), Some(moved.clone()));
    assert_eq!(platform.registered_slug("acme").await.unwrap(), Some(moved.clone()));
    assert_eq!(platform.register(Page { before: None, limit: 10 }).await.unwrap(), [moved]);
    assert_eq!(platform.unsettled().await.unwrap(), []);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_settings_stand(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let platform = harness.store.platform();
    let authority = Rows::of(1).authority;
    let address = chancery_store::PublicAddressRow { public: authority.public, tenant: crate::engine::tenant_id(1), issuer: authority.id };
    for _ in 0..2 {
        let mut changes = platform.changes();
        changes.put_public_address(&address);
        changes.commit().await.unwrap();
    }
    assert_eq!(platform.public_address(address.public).await.unwrap(), Some(address));
    assert_eq!(platform.setting("check").await.unwrap(), None);
    once(&platform, Guard::Unique("setting"), |changes| changes.insert_setting("check", &[5, 6])).await;
    assert_eq!(platform.setting("check").await.unwrap(), Some(vec![5, 6]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_row_is_inserted_twice(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let (view, rows) = filled(&harness).await;
    macro_rules! twice {
        ($($table:literal $insert:ident($($argument:expr),*))*) => {$(
            refused(&view, Guard::Unique($table), |changes| changes.$insert($($argument),*)).await;
        )*};
    }
    twice! {
        "tenant" insert_tenant(&tenant_row(1))
        "account" insert_account(&rows.account)
        "token" insert_token(&rows.token)
        "account_key" insert_account_key(&rows.account_key)
        "role" insert_role(&rows.role)
        "role_binding" insert_binding(&rows.binding)
        "duty_conflict" insert_conflict(&rows.conflict)
        "request_nonce" insert_request_nonce(rows.account_key.id, &BLIND, now())
        "kek" insert_kek(&rows.kek)
        "purpose_key" insert_purpose_key(&rows.purpose_key)
        "authority" insert_authority(&rows.authority)
        "order" insert_order(&rows.order)
        "certificate" insert_certificate(&rows.certificate, &[])
        "imported" insert_imported(rows.certificate.id, &BLIND)
        "certificate_key" insert_certificate_key(&BLIND, rows.certificate.id)
        "private_key" insert_private_key(rows.private_key.certificate, rows.private_key.key.as_ref().unwrap())
        "revocation" insert_revocation(rows.crl.issuer, SHARD, &rows.revocation)
        "crl" insert_crl(&rows.crl)
        "event" insert_event(&rows.event)
        "idempotency" insert_idempotency(&rows.idempotency)
        "outbox" insert_outbox(&rows.outbox)
        "log" insert_log(&rows.log)
    }
    refused(&view, Guard::Version("profile"), |changes| changes.insert_profile(&rows.profile)).await;
    // A serial is used once, whatever the certificate is called (I5).
    let again = chancery_store::CertificateRow { id: chancery_domain::CertificateId::from_bytes([0xee; 16]), ..rows.certificate.clone() };
    refused(&view, Guard::Unique("certificate"), |changes| changes.insert_certificate(&again, &[])).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_stores_mark_is_that_of_one_restore(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let platform = harness.store.platform();
    let mark = RestoreMark { taken_at: now(), restored_at: now(), compared: None };
    let compared = RestoreMark { compared: Some([7; 32]), ..mark };
    commit(&platform, |changes| changes.insert_setting("restored", &serde_json::to_vec(&mark).unwrap())).await;
    refused(&platform, Guard::Version("setting"), |changes| changes.remove_restore_mark(&compared)).await;
    once(&platform, Guard::Version("setting"), |changes| changes.note_compared(&mark, [7; 32])).await;
    refused(&platform, Guard::Version("setting"), |changes| changes.remove_restore_mark(&mark)).await;
    once(&platform, Guard::Version("setting"), |changes| changes.remove_restore_mark(&compared)).await;
    assert_eq!(platform.setting("restored").await.unwrap(), None);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_is_forgotten_is_not_new(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let (view, rows) = filled(&harness).await;
    let (key, second) = (rows.account_key.id, Timestamp::from_millis(now().millis() + 1));
    assert!(view.has_request_nonces().await.unwrap());
    commit(&view, |changes| changes.forget_request_nonces(now())).await;
    assert!(view.has_request_nonces().await.unwrap(), "it expires then, and not before");
    commit(&view, |changes| changes.forget_request_nonces(second)).await;
    assert!(!view.has_request_nonces().await.unwrap());
    // Whatever is forgotten again, and in whatever order.
    commit(&view, |changes| changes.forget_request_nonces(now())).await;
    refused(&view, Guard::Version("authentication"), |changes| changes.insert_request_nonce(key, &BLIND, now())).await;
    once(&view, Guard::Unique("request_nonce"), |changes| changes.insert_request_nonce(key, &BLIND, second)).await;
}
