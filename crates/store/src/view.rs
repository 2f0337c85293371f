//! The doors to stored data: the store, one tenant's view, the platform's view.

use crate::engine::Engine;
use crate::platform::Lanes;
use crate::restored::{INCARNATION, MARK, ReadOnly, RestoreMark};
use crate::statement::Statement;
use crate::value::Row;
use crate::{Changes, StoreError};
use chancery_domain::TenantId;
use chancery_domain::port::Clock;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An opened database of either engine.
#[derive(Clone)]
pub struct Store {
    engine: Arc<dyn Engine>,
    pub(crate) lanes: Arc<Lanes>,
    restored: Option<Restored>,
    incarnation: Option<Vec<u8>>,
    replaced: Arc<AtomicBool>,
}

/// What is known of a store that was restored: its mark, and the engine that writes nonetheless.
#[derive(Clone)]
struct Restored {
    mark: RestoreMark,
    engine: Arc<dyn Engine>,
}

/// One tenant's data. Each call reads one snapshot; a write-set guards what was read.
#[derive(Clone)]
pub struct TenantView {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) tenant: TenantId,
}

/// The platform's own realm: everything a tenant has, and the tables that are readable without a tenant.
#[derive(Clone)]
pub struct PlatformView(TenantView);

/// A page of a listing in id order, newest first.
#[derive(Clone, Copy, Debug)]
pub struct Page<Id> {
    /// Only rows older than this one.
    pub before: Option<Id>,
    /// At most so many rows.
    pub limit: u32,
}

impl Store {
    pub(crate) fn new(engine: Arc<dyn Engine>, clock: Arc<dyn Clock>) -> Self {
        Self { engine, lanes: Arc::new(Lanes::new(clock)), restored: None, incarnation: None, replaced: Arc::default() }
    }

    /// The store over an engine; read-only where it was restored and not yet reconciled.
    pub(crate) async fn open(engine: Arc<dyn Engine>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let mut store = Self::new(engine, clock);
        store.incarnation = store.platform().setting(INCARNATION).await?;
        if let Some(mark) = store.platform().setting(MARK).await? {
            let restored = Restored { mark: RestoreMark::parse(&mark)?, engine: Arc::clone(&store.engine) };
            store.engine = Arc::new(ReadOnly(Arc::clone(&store.engine)));
            store.restored = Some(restored);
        }
        Ok(store)
    }

    /// The mark of a store that was restored and not yet reconciled; what is committed there is refused.
    pub fn restored(&self) -> Option<RestoreMark> {
        self.restored.as_ref().map(|restored| restored.mark)
    }

    /// The same store for whoever reconciles it: it is written.
    pub fn reconciling(&self) -> Self {
        let engine = self.restored.as_ref().map_or(&self.engine, |restored| &restored.engine);
        Self { engine: Arc::clone(engine), restored: None, ..self.clone() }
    }

    /// Whether it came out of a backup once, reconciled since or not.
    pub const fn was_restored(&self) -> bool {
        self.incarnation.is_some()
    }

    /// Whether a backup was found to have been restored under this process: it is not the store that was opened, which is how it stays.
    pub fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::Relaxed)
    }

    /// Looks whether it is. What is committed then is refused anyway.
    pub async fn find_replaced(&self) -> Result<bool, StoreError> {
        if !self.is_replaced() && self.platform().setting(INCARNATION).await? != self.incarnation {
            self.replaced.store(true, Ordering::Relaxed);
        }
        Ok(self.is_replaced())
    }

    /// Opens a view of one tenant's data (I1).
    pub fn tenant(&self, tenant: TenantId) -> TenantView {
        TenantView { engine: Arc::clone(&self.engine), lanes: Arc::clone(&self.lanes), tenant }
    }

    /// Opens the platform's view.
    pub fn platform(&self) -> PlatformView {
        PlatformView(self.tenant(TenantId::PLATFORM))
    }

    /// Makes the tenant's store if it does not exist.
    pub async fn create_realm(&self, tenant: TenantId) -> Result<(), StoreError> {
        self.engine.create_realm(tenant).await
    }
}

impl TenantView {
    /// Whose data this is.
    pub const fn tenant_id(&self) -> TenantId {
        self.tenant
    }

    /// Opens a write-set on this tenant's data.
    pub fn changes(&self) -> Changes {
        Changes::new(self.clone())
    }

    pub(crate) const fn id(&self) -> &[u8; 16] {
        self.tenant.as_bytes()
    }

    /// The rows of one query.
    pub(crate) async fn rows<T>(&self, query: Statement, parse: fn(&Row) -> Result<T, StoreError>) -> Result<Vec<T>, StoreError> {
        let mut results = self.engine.read(self.tenant, vec![query]).await?;
        results.pop().unwrap_or_default().iter().map(parse).collect()
    }

    /// The one row of a query, if there is any.
    pub(crate) async fn row<T>(&self, query: Statement, parse: fn(&Row) -> Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        self.rows(query, parse).await.map(|rows| rows.into_iter().next())
    }
}

impl Deref for PlatformView {
    type Target = TenantView;
    fn deref(&self) -> &TenantView {
        &self.0
    }
}
