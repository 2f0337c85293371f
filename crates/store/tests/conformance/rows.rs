//! Example rows: the same ids for every tenant, so that only the tenant tells them apart.

use chancery_domain::account_key::KeyPurpose;
use chancery_domain::certificate::{CertificateStatus, Origin, RevocationReason};
use chancery_domain::hold::HoldSubject;
use chancery_domain::identity::Holder;
use chancery_domain::issuer::IssuerState;
use chancery_domain::key::{Custody, KeyAlgorithm};
use chancery_domain::lineage::LineageKind;
use chancery_domain::order::OrderState;
use chancery_domain::role::Role;
use chancery_domain::signing::SignerState;
use chancery_domain::{
    AccountId, AccountKeyId, BindingId, CertificateId, ConflictId, DocumentId, EventId, HoldId, IssuerId, JobId, OrderId, PersonId,
    PublicId, RoleId, Sealed, Serial, SignatureId, SignerId, Timestamp, TokenId,
};
use chancery_store::*;

pub(crate) const BLIND: [u8; 16] = [9; 16];
/// The blind index value of a suffix of the same name.
pub(crate) const SUFFIX: [u8; 16] = [10; 16];
pub(crate) const SHARD: u32 = 3;

/// One row of every table of a tenant but `tenant` and `counter`, which the harness makes.
pub(crate) struct Rows {
    pub(crate) account: AccountRow,
    pub(crate) role: RoleRow,
    pub(crate) binding: BindingRow,
    pub(crate) conflict: ConflictRow,
    pub(crate) archive: ArchiveRow,
    pub(crate) token: TokenRow,
    pub(crate) account_key: AccountKeyRow,
    pub(crate) kek: KekRow,
    pub(crate) purpose_key: PurposeKeyRow,
    pub(crate) profile: ProfileRow,
    pub(crate) authority: AuthorityRow,
    pub(crate) order: OrderRow,
    pub(crate) certificate: CertificateRow,
    /// Another, whose name shares the suffix, of another issuer and profile.
    pub(crate) revoked: CertificateRow,
    pub(crate) private_key: PrivateKeyRow,
    pub(crate) subject_key: SubjectKeyRow,
    pub(crate) revocation: RevocationRow,
    pub(crate) crl: CrlRow,
    pub(crate) lineage: LineageRow,
    pub(crate) publication: PublicationRow,
    pub(crate) cosigned: CosignedRow,
    pub(crate) signer: SignerRow,
    pub(crate) signing_profile: SigningProfileRow,
    pub(crate) signer_version: SignerVersionRow,
    pub(crate) signature: SignatureRow,
    pub(crate) document: DocumentRow,
    pub(crate) hold: HoldRow,
    pub(crate) document_signature: DocumentSignatureRow,
    pub(crate) event: EventRow,
    pub(crate) idempotency: IdempotencyRow,
    pub(crate) job: JobRow,
    pub(crate) outbox: OutboxRow,
    pub(crate) log: LogRow,
    pub(crate) log_tile: LogTileRow,
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

/// 16 bytes that order like the number.
pub(crate) fn bytes(number: u32) -> [u8; 16] {
    u128::from(number).to_be_bytes()
}

pub(crate) fn event(number: u32) -> EventRow {
    EventRow { id: EventId::from_bytes(bytes(number)), body: Sealed::from_ciphertext(vec![7; 40]), leaf: [1; 32], place: None }
}

pub(crate) fn job(number: u32, due_at: Timestamp) -> JobRow {
    JobRow { due_at, id: JobId::from_bytes(bytes(number)), kind: "renew".to_owned(), subject: vec![1, 2], attempts: 0 }
}

pub(crate) fn idempotency(principal: u32, event: u32) -> IdempotencyRow {
    IdempotencyRow {
        principal: AccountId::from_bytes(bytes(principal)),
        key: [2; 32],
        body: [3; 32],
        subject: bytes(event),
        event: EventId::from_bytes(bytes(event)),
        created_at: now(),
    }
}

pub(crate) fn certificate(number: u32, tenant: u8) -> CertificateRow {
    CertificateRow {
        id: CertificateId::from_bytes(bytes(number)),
        origin: Origin::Issued {
            order: OrderId::from_bytes(bytes(5)),
            issuer: IssuerId::from_bytes(bytes(4)),
            profile: "server".to_owned(),
        },
        serial: Serial::from_slice(&bytes(number)).unwrap(),
        status: CertificateStatus::Issued,
        shard: SHARD,
        not_before: now(),
        not_after: Timestamp::from_seconds(1_900_000_000),
        renew_at: now(),
        custody: Custody::Client,
        body: Sealed::from_ciphertext(vec![tenant; 500]),
        version: 1,
    }
}

impl Rows {
    /// The rows of a tenant: what is sealed says whose they are.
    #[rustfmt::skip]
    pub(crate) fn of(tenant: u8) -> Self {
        let sealed = || Sealed::from_ciphertext(vec![tenant; 40]);
        let (account, issuer) = (AccountId::from_bytes(bytes(1)), IssuerId::from_bytes(bytes(4)));
        let (certificate, other) = (certificate(6, tenant), certificate(11, tenant));
        let signer = SignerId::from_bytes(bytes(14));
        Self {
            revoked: CertificateRow {
                origin: Origin::Issued { order: OrderId::from_bytes(bytes(12)), issuer: IssuerId::from_bytes(bytes(13)), profile: "mail".to_owned() },
                status: CertificateStatus::Revoked, not_after: Timestamp::from_seconds(1_850_000_000), ..other
            },
            account: AccountRow { id: account, name: sealed(), roles: vec![Role::Issuer, Role::Viewer], enabled: true, created_at: now(), version: 1, holder: Holder::User(PersonId::from_bytes(bytes(1))) },
            role: RoleRow {
                id: RoleId::from_bytes(bytes(16)), blind: BLIND, body: sealed(), made_by: account, created_at: now(), version: 1,
            },
            binding: BindingRow {
                id: BindingId::from_bytes(bytes(17)), account, role: BoundRole::Own(RoleId::from_bytes(bytes(16))), body: sealed(),
                granted_by: account, created_at: now(), expires_at: Some(Timestamp::from_seconds(1_900_000_000)), ended_at: None,
            },
            conflict: ConflictRow { id: ConflictId::from_bytes(bytes(18)), body: sealed(), made_by: account, created_at: now(), ended_at: None },
            token: TokenRow {
                id: TokenId::from_bytes(bytes(2)), account: Some(account), roles: vec![], hash: [tenant; 32],
                created_at: now(), expires_at: now(), ended_at: None, used_at: None, successor: None,
            },
            account_key: AccountKeyRow {
                id: AccountKeyId::from_bytes(bytes(16)), account, purpose: KeyPurpose::Request, algorithm: KeyAlgorithm::Ed25519, spki: vec![tenant; 44],
                label: sealed(), created_at: now(), expires_at: now(), ended_at: None,
            },
            kek: KekRow { kind: "main".to_owned(), version: 1, wrapped: sealed() },
            purpose_key: PurposeKeyRow { purpose: "data".to_owned(), version: 1, kek_version: 1, wrapped: sealed() },
            profile: ProfileRow { name: "server".parse().unwrap(), version: 1, body: sealed(), created_at: now() },
            authority: AuthorityRow {
                id: issuer, parent: None, public: PublicId::from_bytes(bytes(8)), certificate: Some(vec![tenant]), body: sealed(),
                key: Some(sealed()), status_key: Some(sealed()), not_after: now(), created_at: now(), state: IssuerState::Active, line: issuer,
                generation: 3, retire_at: None,
            },
            order: OrderRow {
                id: OrderId::from_bytes(bytes(5)), state: OrderState::Issued, profile: "server".to_owned(), policy_version: 1,
                requester: account, certificate: Some(certificate.id), body: sealed(), created_at: now(),
            },
            subject_key: SubjectKeyRow {
                blind: BLIND, scope: Some([tenant; 16]), certificate: certificate.id, compromised: false, version: 1,
            },
            private_key: PrivateKeyRow { certificate: certificate.id, key: Some(sealed()), fetches: 0 },
            revocation: RevocationRow {
                serial: certificate.serial, revoked_at: now(), reason: RevocationReason::from_code(1).unwrap(),
                not_after: Timestamp::from_seconds(1_800_000_000 + i64::from(tenant)),
            },
            crl: CrlRow { issuer, shard: SHARD, number: 1, this_update: now(), next_update: now(), der: vec![tenant] },
            lineage: LineageRow { kind: LineageKind::Profile, subject: vec![tenant; 3], version: 1, event: EventId::from_bytes(bytes(7)) },
            cosigned: CosignedRow { epoch: 1, size: 1, note: vec![tenant] },
            publication: PublicationRow { epoch: 1, size: 1, note: vec![tenant], salt: sealed(), event: EventId::from_bytes(bytes(7)) },
            signer: SignerRow { id: signer, name: "release".parse().unwrap(), state: SignerState::Active, created_at: now(), version: 1 },
            signing_profile: SigningProfileRow { signer, version: 1, body: sealed(), created_at: now() },
            signer_version: SignerVersionRow {
                signer, version: 1, certificate: Some(certificate.id), chain: sealed(), key: Some(sealed()), created_at: now(), retired_at: None,
            },
            signature: SignatureRow {
                id: SignatureId::from_bytes(bytes(15)), signer, event: EventId::from_bytes(bytes(7)), body: sealed(), created_at: now(),
                kept_until: Some(now()), dispose_at: Some(now()), disposed_at: None,
            },
            archive: ArchiveRow {
                destination: sealed(), epoch: 1, exported: 0, exported_at: None, failing_since: None, failures: 0, failure: None, began_at: now(), version: 1,
            },
            hold: HoldRow {
                id: HoldId::from_bytes(bytes(17)), subject: HoldSubject::Document(DocumentId::from_bytes(bytes(16))), body: sealed(),
                placed_at: now(), placed_by: EventId::from_bytes(bytes(7)), released: None,
            },
            document: DocumentRow { id: DocumentId::from_bytes(bytes(16)), blind: BLIND, name: sealed(), created_at: now() },
            document_signature: DocumentSignatureRow {
                document: DocumentId::from_bytes(bytes(16)), place: 1, version: 1, signature: SignatureId::from_bytes(bytes(15)), digest: sealed(),
            },
            event: EventRow { body: sealed(), ..event(7) },
            idempotency: IdempotencyRow { body: [tenant; 32], ..idempotency(1, 7) },
            job: JobRow { subject: vec![tenant], ..job(9, now()) },
            outbox: OutboxRow { id: JobId::from_bytes(bytes(10)), kind: "status".to_owned(), payload: vec![tenant] },
            log: LogRow {
                epoch: 1, origin: format!("log.example/{tenant}"), public_key: [tenant; 32], key: sealed(), size: 1, checkpoint: vec![tenant], signed_at: now(),
            },
            log_tile: LogTileRow { level: 0, index: 0, hashes: vec![tenant; 32], events: bytes(7).to_vec() },
            certificate,
        }
    }

    pub(crate) fn insert(&self, changes: &mut Changes) {
        changes.insert_account(&self.account);
        changes.insert_role(&self.role);
        changes.insert_binding(&self.binding);
        changes.insert_conflict(&self.conflict);
        changes.insert_token(&self.token);
        changes.insert_account_key(&self.account_key);
        changes.insert_request_nonce(self.account_key.id, &BLIND, now());
        changes.forget_request_nonces(Timestamp::from_millis(0));
        changes.insert_kek(&self.kek);
        changes.insert_purpose_key(&self.purpose_key);
        changes.insert_profile(&self.profile);
        changes.insert_authority(&self.authority);
        changes.insert_order(&self.order);
        changes.insert_certificate(&self.certificate, &[BLIND, SUFFIX]);
        changes.insert_certificate(&self.revoked, &[SUFFIX]);
        changes.insert_imported(self.certificate.id, &BLIND);
        changes.insert_private_key(self.private_key.certificate, self.private_key.key.as_ref().unwrap());
        changes.insert_subject_key(&self.subject_key);
        changes.insert_certificate_key(&BLIND, self.certificate.id);
        changes.insert_revocation(self.crl.issuer, SHARD, &self.revocation);
        changes.insert_crl(&self.crl);
        changes.insert_lineage(&self.lineage);
        changes.insert_publication(&self.publication);
        changes.put_cosigned(&self.cosigned);
        changes.insert_signer(&self.signer);
        changes.insert_signing_profile(&self.signing_profile);
        changes.insert_signer_version(&self.signer_version);
        changes.insert_signature(&self.signature);
        changes.insert_hold(&self.hold);
        changes.insert_archive(&self.archive);
        changes.insert_document(&self.document);
        changes.insert_document_signature(&self.document_signature);
        changes.insert_event(&self.event);
        changes.insert_idempotency(&self.idempotency);
        changes.insert_job(&self.job);
        changes.insert_outbox(&self.outbox);
        changes.insert_log(&self.log);
        changes.put_log_tile(1, &self.log_tile);
    }
}
