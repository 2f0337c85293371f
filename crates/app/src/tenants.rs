//! Tenants: created, suspended and resumed by the platform as sagas whose half-way states are named and resumed.
//!
//! The platform's register says where a tenant is going; the tenant's own store says where it is. Each step may be
//! repeated, so a crash between two of them costs nothing but the repetition.

use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::jobs::{self, Kind};
use crate::places::{self, profile_row};
use crate::realm::{CERTIFICATES, Realm};
use crate::view::Receipt;
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::{RegistryRead, RegistryWrite, TenantRead};
use chancery_domain::lineage::LineageKind;
use chancery_domain::profile::Profile;
use chancery_domain::role::Role;
use chancery_domain::slug::Slug;
use chancery_domain::tenant::TenantStatus;
use chancery_domain::{JobId, TenantId, enforced, kill_point};
use chancery_keys::{Sealer, TenantKeys, Token};
use chancery_store::{CounterRow, JobRow, KekRow, Page, ProfileRow, PurposeKeyRow, RegisteredTenantRow, TenantRow};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// A tenant's enrolment token is good for this long.
const ENROLMENT: Duration = Duration::from_secs(7 * 86_400);
/// The bootstrap token is good for this long.
const BOOTSTRAP: Duration = Duration::from_secs(15 * 60);

/// A tenant just created.
pub struct CreatedTenant {
    /// The tenant.
    pub tenant: RegisteredTenantRow,
    /// The token with which its first admin enrols; absent when a request is repeated, for secrets are not kept.
    pub enrolment: Option<Token>,
    /// The platform's event.
    pub receipt: Receipt,
}

/// A tenant as its own members see it.
pub struct TenantUse {
    /// Its id.
    pub id: TenantId,
    /// Its record.
    pub record: TenantRow,
    /// Its use of the quota of live certificates.
    pub certificates: CounterRow,
}

impl Chancery {
    /// Makes the platform's own realm, and a bootstrap token while nobody belongs to it: `chancery init`.
    pub async fn initialise(&self) -> Result<Token, Failure> {
        self.settle_realm(TenantId::PLATFORM, "platform").await?;
        let realm = self.realm(TenantId::PLATFORM).await?;
        let (token, _) = self.invite_first(&realm, Role::Operator, BOOTSTRAP).await?;
        Ok(token)
    }

    /// Whether the platform's realm exists.
    pub async fn is_initialised(&self) -> Result<bool, Failure> {
        match self.inner.store.platform().tenant().await {
            Ok(row) => Ok(row.is_some()),
            Err(chancery_store::StoreError::NoRealm) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The caller's own tenant.
    pub async fn own_tenant(&self, caller: &Caller) -> Result<TenantUse, Failure> {
        self.permit::<TenantRead>(caller).await?;
        let missing = || Failure::internal("the tenant's record or counter is missing");
        let view = &caller.realm.view;
        let record = view.tenant().await?.ok_or_else(missing)?;
        let certificates = view.counter(CERTIFICATES).await?.ok_or_else(missing)?;
        Ok(TenantUse { id: caller.tenant(), record, certificates })
    }

    /// A page of the register, newest first.
    pub async fn tenants(&self, caller: &Caller, page: Page<TenantId>) -> Result<Vec<RegisteredTenantRow>, Failure> {
        self.permit::<RegistryRead>(caller).await?;
        Ok(self.inner.store.platform().register(page).await?)
    }

    /// A tenant of the register.
    pub async fn tenant(&self, caller: &Caller, id: TenantId) -> Result<RegisteredTenantRow, Failure> {
        let found = self.registered(caller, id).await?;
        Ok(self.permit_on::<RegistryRead, _>(caller, found).await?.1)
    }

    /// Registers and makes a tenant, with a token for its first admin.
    pub async fn create_tenant(&self, caller: &Caller, slug: &Slug) -> Result<CreatedTenant, Failure> {
        let (row, receipt, is_new) = deciding_anew!(self, caller => self.try_register(&caller, slug))?;
        let settled = self.settle(row.id).await?;
        let enrolment = if is_new {
            let realm = self.realm(row.id).await?;
            Some(self.invite_first(&realm, Role::TenantAdmin, ENROLMENT).await?.0)
        } else {
            None
        };
        Ok(CreatedTenant { tenant: settled, enrolment, receipt })
    }

    /// A new enrolment token for a tenant that nobody belongs to yet, for one that was lost.
    pub async fn invite_admin(&self, caller: &Caller, id: TenantId) -> Result<(Option<Token>, Receipt), Failure> {
        let (receipt, is_new) = deciding_anew!(self, caller => self.try_invite(&caller, id))?;
        if !is_new {
            return Ok((None, receipt));
        }
        kill_point!("tenant.invited");
        // A crash here leaves an invitation without a token: the operator, who has none, asks for another.
        let (token, _) = self.invite_first(&self.realm(id).await?, Role::TenantAdmin, ENROLMENT).await?;
        Ok((Some(token), receipt))
    }

    async fn try_invite(&self, caller: &Caller, id: TenantId) -> Result<(Receipt, bool), Stop> {
        let found = self.registered(caller, id).await?;
        let (permit, row) = self.permit_on::<RegistryWrite, _>(caller, found).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((done.receipt, false));
        }
        if row.status != TenantStatus::Active && enforced!("invite.status") {
            return Err(Failure::Conflict(format!("the tenant is {}", row.status.as_str())).into());
        }
        self.nobody_belongs_to(&*self.realm(id).await?).await?;
        let detail = detail! { "tenant" => id.to_string() };
        let receipt = Deed::by(&permit).commit(self.ports(), "tenant.invite", *id.as_bytes(), detail).await?;
        Ok((receipt, true))
    }

    /// Suspends a tenant: nobody acts in it, its CRLs go on.
    pub async fn suspend_tenant(&self, caller: &Caller, id: TenantId) -> Result<(RegisteredTenantRow, Receipt), Failure> {
        let receipt = deciding_anew!(self, caller => self.try_turn(&caller, id, TenantStatus::Active, TenantStatus::Suspending))?;
        Ok((self.settle(id).await?, receipt))
    }

    /// Resumes a suspended tenant.
    pub async fn resume_tenant(&self, caller: &Caller, id: TenantId) -> Result<(RegisteredTenantRow, Receipt), Failure> {
        let receipt = deciding_anew!(self, caller => self.try_turn(&caller, id, TenantStatus::Suspended, TenantStatus::Resuming))?;
        Ok((self.settle(id).await?, receipt))
    }

    /// The registered tenant, looked up only by members of the platform: for others the register does not exist (I7).
    async fn registered(&self, caller: &Caller, id: TenantId) -> Result<Option<RegisteredTenantRow>, Failure> {
        if caller.tenant() != TenantId::PLATFORM && enforced!("register.platform") {
            return Ok(None);
        }
        Ok(self.inner.store.platform().registered(id).await?)
    }

    async fn try_register(&self, caller: &Caller, slug: &Slug) -> Result<(RegisteredTenantRow, Receipt, bool), Stop> {
        let permit = self.permit::<RegistryWrite>(caller).await?;
        let platform = self.inner.store.platform();
        if let Some(done) = caller.done_before().await? {
            let row = platform.registered(TenantId::from_bytes(done.subject)).await?.ok_or(Failure::NotFound)?;
            return Ok((row, done.receipt, false));
        }
        if platform.registered_slug(slug.as_str()).await?.is_some() && enforced!("register.slug") {
            return Err(Failure::Conflict(format!("the slug {slug} is, or was, in use: slugs are never given out again")).into());
        }
        let ports = self.ports();
        let id = TenantId::new(&*ports.clock, &*ports.entropy);
        let status = TenantStatus::Creating;
        let row = RegisteredTenantRow { id, slug: slug.to_string(), status, created_at: self.now(), version: 1 };
        let mut deed = Deed::by(&permit);
        deed.changes.insert_registered(&row);
        deed.changes.insert_job(&self.settle_job(id));
        let detail = detail! { "tenant" => id.to_string(), "slug" => slug.as_str() };
        let receipt = deed.commit(ports, "tenant.create", *id.as_bytes(), detail).await?;
        Ok((row, receipt, true))
    }

    async fn try_turn(&self, caller: &Caller, id: TenantId, from: TenantStatus, to: TenantStatus) -> Result<Receipt, Stop> {
        let found = self.registered(caller, id).await?;
        let (permit, row) = self.permit_on::<RegistryWrite, _>(caller, found).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok(done.receipt);
        }
        if row.status != from && enforced!("register.status") {
            return Err(Failure::Conflict(format!("the tenant is {}, not {}", row.status.as_str(), from.as_str())).into());
        }
        let mut deed = Deed::by(&permit);
        deed.changes.move_registered(&row, to);
        deed.changes.insert_job(&self.settle_job(id));
        let act = if to == TenantStatus::Suspending { "tenant.suspend" } else { "tenant.resume" };
        let receipt = deed.commit(self.ports(), act, *id.as_bytes(), detail! { "tenant" => id.to_string() }).await?;
        self.forget_realm(TenantId::PLATFORM);
        Ok(receipt)
    }

    fn settle_job(&self, id: TenantId) -> JobRow {
        let ports = self.ports();
        // Not at once: the request that started the saga takes it to its end, the job only after a crash.
        let due_at = self.now().after(Duration::from_secs(30));
        let job = JobId::new(&*ports.clock, &*ports.entropy);
        JobRow { due_at, id: job, kind: Kind::SettleTenant.as_str().to_owned(), subject: id.as_bytes().to_vec(), attempts: 0 }
    }

    /// Takes a tenant's saga to its end from wherever it stands; a no-op at the end.
    pub(crate) async fn settle(&self, id: TenantId) -> Result<RegisteredTenantRow, Failure> {
        let platform = self.inner.store.platform();
        let mut row = platform.registered(id).await?.ok_or(Failure::NotFound)?;
        if row.status == TenantStatus::Creating {
            self.settle_realm(id, &row.slug).await?;
        } else if row.status.settles_to().is_some() {
            // The realm first, then where the register wants it: its epoch, guarded, tells if it was turned again meanwhile.
            self.forget_realm(id);
            let realm = self.realm(id).await?;
            row = platform.registered(id).await?.ok_or(Failure::NotFound)?;
            if let Some(end) = row.status.settles_to() {
                self.move_own_record(&realm, end).await?;
            }
        }
        let Some(end) = row.status.settles_to() else { return Ok(row) };
        self.forget_realm(id);
        let platform_realm = self.realm(TenantId::PLATFORM).await?;
        let mut deed = Deed::system(&platform_realm);
        deed.changes.move_registered(&row, end);
        let detail = detail! { "tenant" => id.to_string(), "status" => end.as_str() };
        match deed.commit(self.ports(), "tenant.settle", *id.as_bytes(), detail).await {
            // Another node, or the job, was faster.
            Ok(_) | Err(Stop::Again | Stop::Unexpected) => {
                kill_point!("tenant.settled");
                Ok(platform.registered(id).await?.ok_or(Failure::NotFound)?)
            }
            Err(Stop::Failure(failure)) => Err(failure),
        }
    }

    /// Makes a realm's wrapping keys, store, key hierarchy, counters, presets and record; each part once.
    async fn settle_realm(&self, id: TenantId, slug: &str) -> Result<(), Failure> {
        let ports = self.ports();
        kill_point!("tenant.registered");
        self.inner.provider.create(id).await?;
        kill_point!("tenant.keys-made");
        self.inner.store.create_realm(id).await?;
        kill_point!("tenant.store-made");
        let view = self.inner.store.tenant(id);
        if view.tenant().await?.is_some() {
            return Ok(());
        }
        let rows = TenantKeys::generate(&*self.inner.provider, id, &*ports.entropy).await?;
        let sealer = Sealer::new(TenantKeys::unlock(&*self.inner.provider, id, &rows).await?);
        let record = TenantRow { slug: slug.to_owned(), status: TenantStatus::Active, epoch: 1, created_at: self.now() };
        let realm = Arc::new(Realm::fresh(view, record.clone(), sealer));
        let mut deed = Deed::platform(&realm);
        let changes = &mut deed.changes;
        changes.insert_tenant(&record);
        for kek in rows.keks {
            changes.insert_kek(&KekRow { kind: kek.kind.as_str().to_owned(), version: kek.version, wrapped: kek.wrapped });
        }
        for key in rows.keys {
            let purpose = key.purpose.as_str().to_owned();
            changes.insert_purpose_key(&PurposeKeyRow {
                purpose,
                version: key.version,
                kek_version: key.kek_version,
                wrapped: key.wrapped,
            });
        }
        changes.insert_job(&jobs::sweep(self.now(), ports));
        let mut profiles = Vec::new();
        if id != TenantId::PLATFORM {
            changes.insert_counter(CERTIFICATES, self.inner.settings.certificate_limit);
            for profile in Profile::presets() {
                let place = profile_row(profile.name.as_str(), 1);
                let body = realm.seal(&places::PROFILE, &place, &serde_json::to_vec(&profile)?, ports)?;
                profiles.push(json!({ "profile": profile.name, "version": 1, "content": profile }));
                deed.makes(LineageKind::Profile, profile.name.as_str().as_bytes(), 1);
                deed.changes.insert_profile(&ProfileRow { name: profile.name, version: 1, body, created_at: self.now() });
            }
        }
        match deed.commit(ports, "tenant.create", *id.as_bytes(), detail! { "slug" => slug, "profiles" => profiles }).await {
            Ok(_) => {
                kill_point!("tenant.realm-made");
                Ok(())
            }
            // Made meanwhile by another node: then its keys stand, and these were never used.
            Err(_) if realm.view.tenant().await?.is_some() => Ok(()),
            Err(stop) => Err(stop.into()),
        }
    }

    /// Moves the tenant's own record, which is the authority for its status.
    pub(crate) async fn move_own_record(&self, realm: &Arc<Realm>, end: TenantStatus) -> Result<(), Failure> {
        if realm.record.status == end {
            return Ok(());
        }
        let mut deed = Deed::platform(realm);
        deed.changes.guard_epoch(realm.record.epoch);
        deed.changes.move_tenant(realm.record.status, end);
        let act = if end == TenantStatus::Suspended { "tenant.suspend" } else { "tenant.resume" };
        // Turned meanwhile, by another node or for the other way: whoever comes next looks again.
        deed.commit(self.ports(), act, *realm.id.as_bytes(), detail! {}).await?;
        Ok(())
    }
}
