//! The service: the store, the key provider and the ports, and what is cached of the tenants under leases.

use crate::Failure;
use crate::admission::Admission;
use crate::archive::Archives;
use crate::clock_watch::ClockWatch;
use crate::deed::record_unwrap;
use crate::realm::Realm;
use crate::tally::Tally;
use crate::turns::Turns;
use crate::uses::Uses;
use crate::witness::Witnesses;
use chancery_domain::port::{Clock, Entropy};
use chancery_domain::{AccountId, EventId, TenantId, Timestamp, enforced};
use chancery_keys::{KeyProvider, LeaseError, LeasedCache};
use chancery_store::Store;
use std::sync::Arc;
use std::time::Duration;

/// Clock, randomness, and where archives are put (I10).
#[derive(Clone)]
pub struct Ports {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The archives that the operator offers.
    pub archives: Arc<dyn Archives>,
}

/// What the operator sets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The base of the public addresses in certificates, `http://host[:port]`, without a slash at its end.
    pub public_url: String,
    /// How many live certificates a new tenant may have.
    pub certificate_limit: i64,
    /// Who watches the platform's log, if anybody does.
    pub witnesses: Option<Witnesses>,
}

/// The service. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Chancery {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) provider: Arc<dyn KeyProvider>,
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) realms: LeasedCache<Realm, Failure>,
    /// Denials by account.
    pub(crate) denials: Tally<(TenantId, AccountId)>,
    /// Unwraps by tenant, and whether all of its keys were meant.
    pub(crate) unwraps: Tally<(TenantId, bool)>,
    /// Requests without a valid credential.
    pub(crate) anonymous: Tally<()>,
    /// Logs that were found to be changed.
    pub(crate) alarms: Tally<TenantId>,
    pub(crate) turns: Turns,
    pub(crate) admission: Admission,
    pub(crate) uses: Uses,
    /// Whether the clock is to be trusted with timestamps.
    pub(crate) watch: ClockWatch,
}

/// How many tenants' unwrapped keys and policies are held at once.
const REALMS: usize = 10_000;

impl Chancery {
    /// The service over an opened store and a key provider.
    pub fn new(store: Store, provider: Arc<dyn KeyProvider>, ports: Ports, settings: Settings) -> Self {
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        let watch = ClockWatch::beginning(&*ports.clock);
        let inner = Inner {
            store,
            provider,
            ports,
            settings,
            realms: LeasedCache::new(REALMS),
            denials: Tally::new(20, minute),
            unwraps: Tally::new(1, hour),
            anonymous: Tally::new(0, minute),
            alarms: Tally::new(1, hour),
            turns: Turns::of_this_machine(),
            admission: Admission::of_this_machine(),
            uses: Uses::default(),
            watch,
        };
        Self { inner: Arc::new(inner) }
    }

    /// A new id for a request, kept in the events of what it does.
    pub fn request_id(&self) -> String {
        EventId::new(&*self.inner.ports.clock, &*self.inner.ports.entropy).to_string()
    }

    /// Monotonic time, for measuring how long something took.
    pub fn elapsed(&self) -> Duration {
        self.inner.ports.clock.monotonic()
    }

    /// Whether the store was restored and not yet reconciled, or under this process: nothing is written, no job is done, no list is given out.
    pub fn is_restored(&self) -> bool {
        self.inner.store.restored().is_some() || self.inner.store.is_replaced()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.ports.clock.now()
    }

    pub(crate) fn ports(&self) -> &Ports {
        &self.inner.ports
    }

    /// The tenant's realm as of at most one lease ago; every write-set guards the epoch besides.
    pub(crate) async fn realm(&self, tenant: TenantId) -> Result<Arc<Realm>, Failure> {
        let view = self.inner.store.tenant(tenant);
        let epoch = async || Realm::epoch(&view).await;
        let load = async || {
            let realm = Realm::load(&view, &*self.inner.provider).await?;
            if self.is_restored() {
                // Its logs are closed, and without keys it could not even be read: the process's log tells, and the realm's
                // when it is reconciled.
                tracing::info!(%tenant, "keys unwrapped in a restored store");
            } else if enforced!("unwrap.recorded") {
                record_unwrap(&realm, &self.inner.unwraps, &self.inner.ports).await?;
            }
            Ok(realm)
        };
        self.inner.realms.fetch(tenant, &*self.inner.ports.clock, epoch, load).await.map_err(|error| match error {
            LeaseError::Read(failure) => failure.shared(),
            LeaseError::TooSlow => Failure::Unavailable("reading the tenant took too long".to_owned()),
        })
    }

    pub(crate) fn forget_realm(&self, tenant: TenantId) {
        if enforced!("lease.forget") {
            self.inner.realms.invalidate(tenant);
        }
    }
}
