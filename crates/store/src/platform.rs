//! The platform's own tables, readable without a tenant: register, public addresses, lanes. Only the platform's view has them.

use crate::engine::{Engine, Step};
use crate::restored::{MARK, RestoreMark};
use crate::statement::sql;
use crate::value::Row;
use crate::{Changes, Guard, Page, PlatformView, Store, StoreError};
use chancery_domain::port::Clock;
use chancery_domain::tenant::TenantStatus;
use chancery_domain::{IssuerId, PublicId, TenantId, Timestamp, broken, kill_point};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// A tenant as the platform knows it: a projection, but for its slug, which is given out here and never again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredTenantRow {
    /// Its id.
    pub id: TenantId,
    /// Its short name.
    pub slug: String,
    /// Where it stands, or which way it is going.
    pub status: TenantStatus,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Counts its changes.
    pub version: i64,
}

/// Whose public address this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicAddressRow {
    /// The random part of the address.
    pub public: PublicId,
    /// The tenant.
    pub tenant: TenantId,
    /// Its authority.
    pub issuer: IssuerId,
}

/// Whose turn it is: when the tenant's next job is due, and how much work it has had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneRow {
    /// The tenant.
    pub tenant: TenantId,
    /// When its next job may be due; early is harmless, late is not.
    pub due_at: Timestamp,
    /// Jobs done for it: the tenant with the least goes first (I11).
    pub virtual_time: i64,
    /// When a commit last announced work for it.
    pub marked_at: Timestamp,
}

/// No commit takes longer than this: engines give up before. Neither does a mark, and it is trusted for as long.
const COMMIT_GRACE: Duration = Duration::from_secs(30);
/// A commit that trusts a mark begins within `COMMIT_GRACE` of it, and is over this long after it.
const MARK_GRACE: Duration = Duration::from_secs(60);
/// An event has its place in the log within a second; if the process ends before, another one looks after this time.
pub(crate) const SEQUENCED_BY: Duration = Duration::from_secs(60);
/// The due time of a lane without work: the year 9999.
const NEVER: Timestamp = Timestamp::from_seconds(253_370_764_800);

fn parse_tenant(row: &Row) -> Result<RegisteredTenantRow, StoreError> {
    Ok(RegisteredTenantRow {
        id: row.id(0, TenantId::from_bytes)?,
        slug: row.text(1)?.to_owned(),
        status: row.named(2, TenantStatus::from_name)?,
        created_at: row.time(3)?,
        version: row.int(4)?,
    })
}

impl PlatformView {
    /// The registered tenant.
    pub async fn registered(&self, id: TenantId) -> Result<Option<RegisteredTenantRow>, StoreError> {
        let query = sql!("SELECT tenant_id, slug, status, created_at, version FROM registered_tenant WHERE tenant_id = ?1", id.as_bytes());
        self.row(query, parse_tenant).await
    }

    /// The registered tenant with this slug.
    pub async fn registered_slug(&self, slug: &str) -> Result<Option<RegisteredTenantRow>, StoreError> {
        let query = sql!("SELECT tenant_id, slug, status, created_at, version FROM registered_tenant WHERE slug = ?1", slug);
        self.row(query, parse_tenant).await
    }

    /// A page of registered tenants.
    pub async fn register(&self, page: Page<TenantId>) -> Result<Vec<RegisteredTenantRow>, StoreError> {
        let before = page.before.unwrap_or(TenantId::from_bytes([0xff; 16]));
        let query = sql!(
            "SELECT tenant_id, slug, status, created_at, version FROM registered_tenant
             WHERE tenant_id < ?1 ORDER BY tenant_id DESC LIMIT ?2",
            before.as_bytes(),
            page.limit
        );
        self.rows(query, parse_tenant).await
    }

    /// The tenants in a half-way state, whose sagas must be resumed.
    pub async fn unsettled(&self) -> Result<Vec<RegisteredTenantRow>, StoreError> {
        let query = sql!(
            "SELECT tenant_id, slug, status, created_at, version FROM registered_tenant
             WHERE status IN ('creating', 'suspending', 'resuming') ORDER BY tenant_id"
        );
        self.rows(query, parse_tenant).await
    }

    /// Whose public address this is.
    pub async fn public_address(&self, public: PublicId) -> Result<Option<PublicAddressRow>, StoreError> {
        let query = sql!("SELECT public_id, tenant_id, issuer_id FROM public_address WHERE public_id = ?1", public.as_bytes());
        let parse = |row: &Row| {
            Ok(PublicAddressRow {
                public: row.id(0, PublicId::from_bytes)?,
                tenant: row.id(1, TenantId::from_bytes)?,
                issuer: row.id(2, IssuerId::from_bytes)?,
            })
        };
        self.row(query, parse).await
    }

    /// The lanes that may have work at `now`, the fairest first.
    pub async fn due_lanes(&self, now: Timestamp, limit: u32) -> Result<Vec<LaneRow>, StoreError> {
        let query = sql!(
            "SELECT tenant_id, due_at, virtual_time, marked_at FROM lane WHERE due_at <= ?1 ORDER BY virtual_time, due_at LIMIT ?2",
            now,
            limit
        );
        let parse = |row: &Row| {
            Ok(LaneRow {
                tenant: row.id(0, TenantId::from_bytes)?,
                due_at: row.time(1)?,
                virtual_time: row.int(2)?,
                marked_at: row.time(3)?,
            })
        };
        self.rows(query, parse).await
    }

    /// Settles a lane after `work` jobs were done in it; `next` is when its next job is due. Whoever marked it since wins.
    pub async fn settle_lane(&self, lane: &LaneRow, next: Option<Timestamp>, work: i64, now: Timestamp) -> Result<(), StoreError> {
        // A lane is marked before its tenant's commit, which may still be under way: look once more when it must be over.
        let again = lane.marked_at.after(MARK_GRACE);
        let next = next.unwrap_or(NEVER);
        let due = if again > now && !broken!("lane-settled-early") { next.min(again) } else { next };
        let statement = sql!(
            "UPDATE lane SET due_at = ?4, virtual_time = virtual_time + ?5 WHERE tenant_id = ?1 AND due_at = ?2 AND marked_at = ?3",
            lane.tenant.as_bytes(),
            lane.due_at,
            lane.marked_at,
            due,
            work
        );
        // What this process wrote is about to be overwritten. Forgotten before: whoever marks from here on does so for the
        // database to see, before the lane is settled (which then changes nothing) or after.
        self.lanes.forget(lane.tenant);
        kill_point!("lane.settle.before");
        commit_one(&*self.engine, Step::plain(statement)).await?;
        kill_point!("lane.settle.after");
        Ok(())
    }

    /// A platform-wide setting, for example the check value of the root key.
    pub async fn setting(&self, name: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        self.row(sql!("SELECT value FROM setting WHERE name = ?1", name), |row| row.blob(0).map(<[u8]>::to_vec)).await
    }
}

/// Writers of the platform's tables; only a write-set of the platform's realm commits them.
impl Changes {
    /// Registers a tenant; its slug must never have been used.
    pub fn insert_registered(&mut self, row: &RegisteredTenantRow) {
        let statement = sql!(
            "INSERT INTO registered_tenant (tenant_id, slug, status, created_at, version) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
            row.id.as_bytes(),
            row.slug.as_str(),
            row.status.as_str(),
            row.created_at,
            row.version
        );
        self.one(Guard::Unique("registered_tenant"), statement);
    }

    /// Moves the registered tenant that was read.
    pub fn move_registered(&mut self, row: &RegisteredTenantRow, to: TenantStatus) {
        let statement = sql!(
            "UPDATE registered_tenant SET status = ?3, version = version + 1 WHERE tenant_id = ?1 AND version = ?2",
            row.id.as_bytes(),
            row.version,
            to.as_str()
        );
        self.one(Guard::Version("registered_tenant"), statement);
    }

    /// Publishes an address; doing it again changes nothing.
    pub fn put_public_address(&mut self, row: &PublicAddressRow) {
        self.run(sql!(
            "INSERT INTO public_address (public_id, tenant_id, issuer_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            row.public.as_bytes(),
            row.tenant.as_bytes(),
            row.issuer.as_bytes()
        ));
    }

    /// Keeps a platform-wide setting, once.
    pub fn insert_setting(&mut self, name: &'static str, value: &[u8]) {
        let statement = sql!("INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING", name, value);
        self.one(Guard::Unique("setting"), statement);
    }

    /// Notes in the mark of a restored store which published lists it was compared with.
    pub fn note_compared(&mut self, mark: &RestoreMark, lists: [u8; 32]) {
        let compared = RestoreMark { compared: Some(lists), ..*mark }.to_bytes();
        let statement =
            sql!("UPDATE setting SET value = ?3 WHERE name = ?1 AND value = ?2", MARK, mark.to_bytes().as_slice(), compared.as_slice());
        self.one(Guard::Version("setting"), statement);
    }

    /// Takes the mark off a restored store, unless it was restored once more meanwhile.
    pub fn remove_restore_mark(&mut self, mark: &RestoreMark) {
        let statement = sql!("DELETE FROM setting WHERE name = ?1 AND value = ?2", MARK, mark.to_bytes().as_slice());
        self.one(Guard::Version("setting"), statement);
    }
}

async fn commit_one(engine: &dyn Engine, step: Step) -> Result<(), StoreError> {
    engine.commit(TenantId::PLATFORM, vec![step]).await.map_err(|error| match error {
        crate::CommitError::Store(error) => error,
        crate::CommitError::Guard(_) => StoreError::Malformed("an unguarded step failed on a guard"),
    })
}

/// What this process knows of lanes.
pub(crate) struct Lanes {
    clock: Arc<dyn Clock>,
    /// What this process wrote. The lane may have been due before, and another node may have settled it since.
    written: Mutex<HashMap<TenantId, Mark>>,
    nudged: Mutex<BTreeSet<TenantId>>,
    nudge: Notify,
    /// The tenants in whose logs this process left events without a place.
    unsequenced: Mutex<BTreeSet<TenantId>>,
}

/// A due time that was written into a lane, and when.
#[derive(Clone, Copy)]
struct Mark {
    due: Timestamp,
    at: Timestamp,
}

impl Lanes {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, written: Mutex::default(), nudged: Mutex::default(), nudge: Notify::new(), unsequenced: Mutex::default() }
    }

    /// Makes sure that the lane is due at `due` or before.
    pub(crate) async fn mark(&self, engine: &dyn Engine, tenant: TenantId, due: Timestamp) -> Result<(), StoreError> {
        let now = self.clock.now();
        // Whoever settles the lane looks at it again when a commit begun within the grace of its mark must be over.
        let stands = |mark: &Mark| mark.due > now && mark.due <= due && mark.at.after(COMMIT_GRACE) > now;
        if locked(&self.written).get(&tenant).is_some_and(stands) {
            return Ok(());
        }
        let statement = sql!(
            "INSERT INTO lane (tenant_id, due_at, virtual_time, marked_at)
             VALUES (?1, ?2, (SELECT coalesce(min(virtual_time), 0) FROM lane), ?3)
             ON CONFLICT (tenant_id) DO UPDATE SET
             due_at = CASE WHEN excluded.due_at < lane.due_at THEN excluded.due_at ELSE lane.due_at END,
             marked_at = CASE WHEN excluded.marked_at > lane.marked_at THEN excluded.marked_at ELSE lane.marked_at END",
            tenant.as_bytes(),
            due,
            now
        );
        kill_point!("lane.mark.before");
        commit_one(engine, Step::plain(statement)).await?;
        kill_point!("lane.mark.after");
        locked(&self.written).insert(tenant, Mark { due, at: now });
        Ok(())
    }

    /// Trusts nothing written into this lane any more.
    pub(crate) fn forget(&self, tenant: TenantId) {
        locked(&self.written).remove(&tenant);
    }

    /// When another process looks for events that this one leaves now.
    pub(crate) fn sequenced_by(&self) -> Timestamp {
        self.clock.now().after(SEQUENCED_BY)
    }

    /// Remembers that the tenant has, or may have, an event without a place in its log.
    pub(crate) fn note_unsequenced(&self, tenant: TenantId) {
        locked(&self.unsequenced).insert(tenant);
    }

    /// Tells this process's worker of work that is due now, so that it need not wait for the lane.
    pub(crate) fn nudge(&self, tenant: TenantId, due: Timestamp) {
        if due <= self.clock.now() {
            locked(&self.nudged).insert(tenant);
            self.nudge.notify_one();
        }
    }
}

impl Store {
    /// Takes the tenants in whose logs commits of this process left events without a place.
    pub fn take_unsequenced(&self) -> Vec<TenantId> {
        std::mem::take(&mut *locked(&self.lanes.unsequenced)).into_iter().collect()
    }

    /// The tenant has events without a place yet.
    pub fn note_unsequenced(&self, tenant: TenantId) {
        self.lanes.note_unsequenced(tenant);
    }

    /// Waits until a commit of this process left work that is due now; the tenants it is for.
    pub async fn nudged(&self) -> Vec<TenantId> {
        loop {
            let tenants: Vec<_> = std::mem::take(&mut *locked(&self.lanes.nudged)).into_iter().collect();
            if !tenants.is_empty() {
                return tenants;
            }
            self.lanes.nudge.notified().await;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
