//! Reconciliation: what a restored store must learn before it is written again.
//!
//! A backup ends at some moment, and what was published later stands: revocations and their corrected reasons come back from the published
//! CRLs, CRL numbers move past every list that may be out there, invitations end, and each tenant's status follows the register. Serial
//! numbers need no move: they are 128 random bits, so none comes twice whatever is forgotten. Each step may be repeated, and what is done is
//! not done again.

use crate::crl;
use crate::deed::{Deed, Detail, detail};
use crate::epoch::{Epoch, signed_head};
use crate::failure::Stop;
use crate::places;
use crate::realm::Realm;
use crate::{Chancery, Failure};
use chancery_domain::tenant::TenantStatus;
use chancery_domain::{CertificateId, EventId, IssuerId, TenantId, enforced, kill_point};
use chancery_evidence::Record;
use chancery_store::{Page, RegisteredTenantRow, RestoreMark};
use chancery_x509::Crl;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;

mod lists;
mod replay;

use lists::{Compared, Known};
pub use lists::{MissingList, PublishedList};

/// What reconciliation did.
#[derive(Debug, Default, Serialize)]
pub struct Reconciled {
    /// Every tenant of the register.
    pub tenants: Vec<ReconciledTenant>,
    /// Lists by authorities that this store does not know: they were made after the backup.
    pub unknown: Vec<String>,
    /// Lists that may have been published and were not given.
    pub missing: Vec<MissingList>,
}

/// What it did in one tenant.
#[derive(Debug, Serialize)]
pub struct ReconciledTenant {
    /// The tenant.
    pub tenant: TenantId,
    /// Revocations that the backup did not have, or had with another reason.
    pub revocations: usize,
    /// Certificates revoked for key compromise whose keys are not blocked, because what names them is locked while the tenant is suspended:
    /// to be revoked once more when it is resumed.
    pub keys_left: Vec<CertificateId>,
    /// Lists published anew, past every number that may be out there.
    pub lists: usize,
}

impl Chancery {
    /// Reconciles a restored store with the lists that were published since its backup, and takes its mark off. The service must be over
    /// [`chancery_store::Store::reconciling`]. Nothing is changed unless every list is genuine and, but for `incomplete`, none is missing.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for the lists.
    pub async fn reconcile(&self, mark: RestoreMark, published: &[PublishedList], incomplete: bool) -> Result<Reconciled, Failure> {
        let register = self.whole_register().await?;
        let known = self.known_authorities(&register).await?;
        let Compared { by_tenant, unknown, mut missing } = known.compare(published, self.now())?;
        let given = lists::digest(published);
        let mark = match mark.compared {
            Some(before) if before != given && enforced!("reconcile.same-lists") => {
                let message = "a reconciliation was begun with other lists and not finished: give the same lists again";
                return Err(Failure::invalid("lists", message));
            }
            // Numbers may have moved since, so that now every given list is too old.
            Some(_) => {
                missing.clear();
                mark
            }
            None => {
                if let Some(first) = missing.first().filter(|_| !incomplete && enforced!("reconcile.missing")) {
                    return Err(Failure::invalid("lists", format!("{} published lists are missing, for example {first}", missing.len())));
                }
                self.begin_reconciliation(mark, given, published.len(), &missing).await?
            }
        };
        self.resume_sagas().await?;
        let mut done = Reconciled { tenants: Vec::new(), unknown, missing };
        for row in self.whole_register().await? {
            let lists = by_tenant.get(&row.id).map(Vec::as_slice).unwrap_or_default();
            done.tenants.push(self.reconcile_tenant(&row, mark, lists).await?);
        }
        self.end_reconciliation(mark, &done).await?;
        Ok(done)
    }

    async fn begin_reconciliation(
        &self,
        mark: RestoreMark,
        lists: [u8; 32],
        given: usize,
        missing: &[MissingList],
    ) -> Result<RestoreMark, Failure> {
        let realm = self.realm(TenantId::PLATFORM).await?;
        let mut deed = Deed::system(&realm);
        deed.changes.note_compared(&mark, lists);
        let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
        let detail = detail! {
            "backup" => mark.taken_at.to_string(), "restored_at" => mark.restored_at.to_string(), "lists" => given, "missing_lists" => missing
        };
        kill_point!("reconcile.begun.before");
        deed.commit(self.ports(), "store.reconcile.begin", *TenantId::PLATFORM.as_bytes(), detail).await?;
        kill_point!("reconcile.begun.after");
        Ok(RestoreMark { compared: Some(lists), ..mark })
    }

    async fn whole_register(&self) -> Result<Vec<RegisteredTenantRow>, Failure> {
        const LIMIT: u32 = 500;
        let platform = self.inner.store.platform();
        let mut register: Vec<RegisteredTenantRow> = Vec::new();
        loop {
            let before = register.last().map(|row| row.id);
            let page = platform.register(Page { before, limit: LIMIT }).await?;
            let last = page.len() < LIMIT as usize;
            register.extend(page);
            if last {
                return Ok(register);
            }
        }
    }

    async fn known_authorities(&self, register: &[RegisteredTenantRow]) -> Result<Known, Failure> {
        let mut known = Known::default();
        for row in register.iter().filter(|row| row.status != TenantStatus::Creating) {
            let view = self.inner.store.tenant(row.id);
            let heads = view.crl_heads().await?;
            for authority in view.authorities().await? {
                let address = |shard| self.addresses(authority.public, shard).crl_url;
                known.add(row.id, &authority, heads.iter().filter(|head| head.issuer == authority.id), address)?;
            }
        }
        Ok(known)
    }

    async fn reconcile_tenant(
        &self,
        row: &RegisteredTenantRow,
        mark: RestoreMark,
        lists: &[(IssuerId, u32, Crl)],
    ) -> Result<ReconciledTenant, Failure> {
        let named = |failure: Failure| Failure::Internal(format!("tenant {} cannot be reconciled: {failure}", row.id));
        let mut done = ReconciledTenant { tenant: row.id, revocations: 0, keys_left: Vec::new(), lists: 0 };
        let mut realm = self.realm(row.id).await.map_err(named)?;
        if row.status != realm.record.status && row.status.settles_to().is_none() && enforced!("reconcile.status") {
            // The register was copied after the tenant: it is the newer one.
            self.move_own_record(&realm, row.status).await.map_err(named)?;
            self.forget_realm(row.id);
            realm = self.realm(row.id).await.map_err(named)?;
        }
        if recorded(&realm, mark).await? {
            for (issuer, entry) in lists.iter().flat_map(|(issuer, _, list)| list.entries().iter().map(|entry| (*issuer, entry))) {
                self.note_key_left(&realm, issuer, entry, &mut done.keys_left).await.map_err(named)?;
            }
            return Ok(done);
        }
        for (issuer, shard, list) in lists {
            for entry in list.entries() {
                let replayed = self.replay(&realm, *issuer, *shard, entry, list.number(), &mut done.keys_left).await;
                done.revocations += usize::from(replayed.map_err(|stop| named(stop.into()))?);
            }
        }
        let mut shards: Vec<_> = realm.view.crl_heads().await?.iter().map(|head| (head.issuer, head.shard)).collect();
        shards.extend(lists.iter().map(|(issuer, shard, _)| (*issuer, *shard)));
        shards.sort_unstable();
        shards.dedup();
        for (issuer, shard) in shards {
            let same = lists.iter().filter(|list| (list.0, list.1) == (issuer, shard));
            let highest = same.map(|(_, _, list)| i64::try_from(list.number()).unwrap_or(i64::MAX)).max().unwrap_or(0);
            let moved = self.move_list(&realm, issuer, shard, highest).await;
            done.lists += usize::from(moved.map_err(|stop| named(stop.into()))?);
        }
        self.record_reconciliation(&realm, mark, &done).await.map_err(named)?;
        Ok(done)
    }

    /// Publishes a list under a number past every one that may be out there; false where nothing that is signed counts any more.
    /// A crash before the tenant is recorded as reconciled makes it move once more, which is as good.
    async fn move_list(&self, realm: &Arc<Realm>, issuer: IssuerId, shard: u32, highest: i64) -> Result<bool, Stop> {
        let now = self.now().whole_second();
        let Some(authority) = realm.authority(issuer).await?.filter(|authority| now <= authority.certificate.not_after()) else {
            return Ok(false);
        };
        let old = realm.view.crl(issuer, shard).await?;
        let number = old.as_ref().map_or(0, |crl| crl.number);
        let past = if enforced!("reconcile.number") { crl::number_past_all(number.max(highest), now) } else { number + 1 };
        let (row, entries) = self.signed_list(realm, &authority, shard, past, now).await?;
        let mut deed = Deed::system(realm);
        match old {
            Some(_) => deed.changes.replace_crl(&row, number),
            None => {
                deed.changes.insert_crl(&row);
                deed.changes.insert_job(&crl::refresh_job(issuer, shard, now.after(crl::REFRESH)));
            }
        }
        let detail = detail! {
            "issuer" => issuer.to_string(), "shard" => shard, "number" => row.number, "entries" => entries,
            "number_before" => number, "number_published" => highest
        };
        kill_point!("reconcile.list.before");
        deed.commit(self.ports(), "crl.publish", *issuer.as_bytes(), detail).await?;
        kill_point!("reconcile.list.after");
        Ok(true)
    }

    /// Ends the tenant's open invitations and records in its log that it was restored.
    async fn record_reconciliation(&self, realm: &Arc<Realm>, mark: RestoreMark, done: &ReconciledTenant) -> Result<(), Failure> {
        let mut deed = Deed::platform(realm);
        let open = realm.view.open_enrolments().await?;
        for enrolment in open.iter().filter(|_| enforced!("reconcile.enrolments")) {
            // It may have been used, or taken back, after the backup.
            deed.changes.end_token(*enrolment, self.now());
        }
        let mut detail = detail! {
            "backup" => mark.taken_at.to_string(), "restored_at" => mark.restored_at.to_string(), "revocations" => done.revocations,
            "lists" => done.lists, "enrolments_ended" => open.len()
        };
        let deed = self.next_epoch(realm, deed, &mut detail).await?;
        kill_point!("reconcile.tenant.before");
        deed.commit(self.ports(), RECONCILED, *realm.id.as_bytes(), detail).await?;
        kill_point!("reconcile.tenant.after");
        self.forget_realm(realm.id);
        Ok(())
    }

    /// Lets the deed open the next epoch of the realm's log, whose first entry says where the former one ended here. What that one had
    /// after the backup is known outside alone: a log that went on with it would contradict the checkpoints that were given out.
    async fn next_epoch(&self, realm: &Realm, deed: Deed, detail: &mut Detail) -> Result<Deed, Failure> {
        let Some(former) = realm.view.log().await?.filter(|_| enforced!("reconcile.epoch")) else { return Ok(deed) };
        let next = Epoch::new(realm, former.epoch.saturating_add(1), self.ports())?;
        let ended = match signed_head(&former) {
            Ok(head) => json!({"epoch": former.epoch, "origin": head.origin, "size": head.size, "root": hex::encode(head.root)}),
            Err(unsound) => json!({"epoch": former.epoch, "origin": former.origin, "unsound": unsound.to_string()}),
        };
        let (epoch, origin) = next.name();
        detail.insert("log".to_owned(), json!({"epoch": epoch, "origin": origin, "former": ended}));
        Ok(deed.opening(next))
    }

    /// Takes the mark off, with the platform's own event.
    async fn end_reconciliation(&self, mark: RestoreMark, done: &Reconciled) -> Result<(), Failure> {
        let realm = self.realm(TenantId::PLATFORM).await?;
        let mut deed = Deed::system(&realm);
        deed.changes.remove_restore_mark(&mark);
        for enrolment in realm.view.open_enrolments().await? {
            deed.changes.end_token(enrolment, self.now());
        }
        let mut detail = detail! {
            "backup" => mark.taken_at.to_string(), "restored_at" => mark.restored_at.to_string(), "tenants" => done.tenants.len(),
            "unknown_lists" => done.unknown.clone()
        };
        let deed = self.next_epoch(&realm, deed, &mut detail).await?;
        kill_point!("reconcile.unmark.before");
        deed.commit(self.ports(), RECONCILED, *TenantId::PLATFORM.as_bytes(), detail).await?;
        kill_point!("reconcile.unmark.after");
        Ok(())
    }
}

const RECONCILED: &str = "store.reconcile";

/// Whether the realm's log says that it was reconciled after this restore.
async fn recorded(realm: &Realm, mark: RestoreMark) -> Result<bool, Failure> {
    let mut oldest = [0; 16];
    // An event's id begins with its milliseconds (RFC 9562 section 5.7).
    let [_, _, millis @ ..] = mark.restored_at.millis().to_be_bytes();
    oldest.iter_mut().zip(millis).for_each(|(to, from)| *to = from);
    let mut before = None;
    loop {
        let page = realm.view.events(Page { before, limit: 200 }).await?;
        let Some(last) = page.last() else { return Ok(false) };
        before = Some(last.id);
        for row in &page {
            if row.id < EventId::from_bytes(oldest) {
                return Ok(false);
            }
            let stored = realm.open(&places::EVENT, row.id.as_bytes(), &row.body)?;
            let canonical = Record::open(&stored, &row.leaf).ok_or_else(|| Failure::internal("an event does not match its leaf hash"))?;
            let event: serde_json::Value = serde_json::from_slice(canonical)?;
            let text = |pointer: &str| event.pointer(pointer).and_then(|text| text.as_str()).unwrap_or_default();
            if text("/act") == RECONCILED && text("/detail/restored_at") == mark.restored_at.to_string() {
                return Ok(true);
            }
        }
    }
}
