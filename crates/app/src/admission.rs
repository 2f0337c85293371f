//! Admission: how many of a tenant's requests are worked on at once, and whose turn it is at the cores (I11).
//!
//! A request waits for its place before its body is read, and for a core before each signature is verified or made. So what a
//! flood costs is a queue of its own: others meet at most one computation of it, whoever came first.

use crate::{Caller, Chancery, Failure};
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::{TenantId, enforced};
use chancery_store::{Place, Shares};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Requests of one tenant that are under way at once, most of them until their write-sets are durable: the more of these, the fewer
/// pages each costs.
const AT_WORK: usize = 128;
/// So many of them are computed: enough to keep the cores busy, few enough that another tenant's request, which the runtime takes
/// behind them, is not late.
const COMPUTED: usize = 16;
/// So many more of it wait; the next one is refused.
const WAITING: usize = 1024;
/// Answers of one tenant that are sent as slowly as they are read, and may last: exports.
const STREAMS: usize = 8;
/// What a lane may use of the cores in one round: a verification and a signature of the usual kind.
const QUANTUM: u32 = Cost::VERIFICATION.0 + Cost::signature(KeyAlgorithm::EcP256).0;

/// What a computation takes of a core, in tens of microseconds, roughly.
#[derive(Clone, Copy)]
pub(crate) struct Cost(u32);

impl Cost {
    /// Nothing that counts.
    pub(crate) const NONE: Self = Self(0);
    /// The signature of a certification request is verified.
    pub(crate) const VERIFICATION: Self = Self(7);

    /// So many of one kind that together they cost no more than a few usual computations, and one at least.
    pub(crate) const fn at_once(self) -> usize {
        let many = 3 * QUANTUM / self.0;
        if many == 0 { 1 } else { many as usize }
    }

    /// Both, one after the other.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// The same so many times.
    pub(crate) fn times(self, count: usize) -> Self {
        Self(self.0.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX)))
    }

    /// A signature is made.
    pub(crate) const fn signature(algorithm: KeyAlgorithm) -> Self {
        Self(match algorithm {
            KeyAlgorithm::EcP256 | KeyAlgorithm::Ed25519 => 2,
            KeyAlgorithm::EcP384 | KeyAlgorithm::MlDsa65 => 20,
            KeyAlgorithm::Rsa2048 => 70,
            KeyAlgorithm::Rsa3072 => 200,
            KeyAlgorithm::Rsa4096 => 450,
        })
    }
}

/// The places of all tenants.
pub(crate) struct Admission {
    places: Shares,
    computed: Shares,
    waiting: usize,
    streams: Shares,
    cores: Arc<Cores>,
}

impl Admission {
    pub(crate) fn of_this_machine() -> Self {
        Self::of(AT_WORK, COMPUTED, WAITING, std::thread::available_parallelism().map_or(1, usize::from))
    }

    fn of(at_work: usize, computed: usize, waiting: usize, cores: usize) -> Self {
        let (places, computed) = (Shares::of_each(at_work), Shares::of_each(computed));
        Self { places, computed, waiting, streams: Shares::of_each(STREAMS), cores: Arc::new(Cores::of(cores)) }
    }

    async fn place(&self, tenant: TenantId) -> Result<Admitted, Failure> {
        let waiting = if enforced!("admission.waiting") { self.waiting } else { usize::MAX };
        let place = self.places.place_in_queue(tenant, waiting).await.ok_or(Failure::Crowded)?;
        Ok(self.admitted(tenant, place))
    }

    fn admitted(&self, tenant: TenantId, place: Place) -> Admitted {
        Admitted { tenant, _place: place, shares: self.computed.clone(), computed: Mutex::default() }
    }
}

/// A request's place among those of its tenant that are under way, and while it is computed, among those too.
pub(crate) struct Admitted {
    tenant: TenantId,
    _place: Place,
    shares: Shares,
    computed: Mutex<Option<Place>>,
}

impl Admitted {
    /// Waits until it may be computed, unless it is already.
    pub(crate) async fn go_on(&self) {
        if self.computed().is_none() {
            let place = self.shares.place(self.tenant).await;
            *self.computed() = Some(place);
        }
    }

    /// It waits for something else now.
    pub(crate) fn rest(&self) {
        drop(self.computed().take());
    }

    fn computed(&self) -> MutexGuard<'_, Option<Place>> {
        self.computed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Caller {
    /// Waits until it may be computed.
    pub(crate) async fn go_on(&self) {
        if let Some(place) = &self.place {
            place.go_on().await;
        }
    }

    /// It waits for something else than a core now: others of its tenant are computed meanwhile.
    pub(crate) fn rest(&self) {
        if let Some(place) = &self.place {
            place.rest();
        }
    }

    /// Waits for a long computation, which has a queue of its own, without keeping others of the tenant from being computed.
    pub(crate) async fn apart<T>(&self, long: impl Future<Output = T>) -> T {
        self.rest();
        let done = long.await;
        self.go_on().await;
        done
    }
}

impl Chancery {
    /// The same caller with a place at work, which it keeps until the last copy of it is gone.
    ///
    /// # Errors
    /// [`Failure::Crowded`] at once, if too many requests of the tenant wait.
    pub async fn admit(&self, caller: Caller) -> Result<Caller, Failure> {
        let place = self.inner.admission.place(caller.tenant()).await?;
        Ok(Caller { place: Some(Arc::new(place)), ..caller })
    }

    /// The same caller with one of its tenant's places for streams instead of that at work: those are not held up by whoever reads slowly.
    ///
    /// # Errors
    /// [`Failure::Crowded`] at once, if all are taken: how long others take to read, nobody knows.
    pub async fn admit_stream(&self, caller: &Caller) -> Result<Caller, Failure> {
        let (admission, tenant) = (&self.inner.admission, caller.tenant());
        let place = admission.streams.place_in_queue(tenant, 0).await;
        if place.is_none() && enforced!("admission.streams") {
            return Err(Failure::Crowded);
        }
        Ok(Caller { place: place.map(|place| Arc::new(admission.admitted(tenant, place))), ..caller.clone() })
    }

    /// Verifies or signs when it is the tenant's turn.
    pub(crate) async fn in_turn<T>(&self, tenant: TenantId, cost: Cost, work: impl FnOnce() -> T) -> Result<T, Failure> {
        let _core = self.inner.admission.cores.turn(tenant, cost).await?;
        Ok(work())
    }
}

/// The cores, for computations of some ten microseconds: one each, and tenants take turns by deficit round robin
/// (Shreedhar and Varghese 1995), so that one with costly keys gets no more of them than the others.
pub(crate) struct Cores(Mutex<Queue>);

struct Queue {
    free: usize,
    /// The tenants that wait, in the order of their turns.
    order: VecDeque<TenantId>,
    lanes: HashMap<TenantId, Lane>,
}

#[derive(Default)]
struct Lane {
    credit: u32,
    waiting: VecDeque<(u32, oneshot::Sender<Core>)>,
}

/// A core, until this is dropped.
pub(crate) struct Core(Option<Arc<Cores>>);

impl Cores {
    fn of(count: usize) -> Self {
        Self(Mutex::new(Queue { free: count, order: VecDeque::new(), lanes: HashMap::new() }))
    }

    async fn turn(self: &Arc<Self>, tenant: TenantId, Cost(cost): Cost) -> Result<Core, Failure> {
        let turn = {
            let mut queue = self.queue();
            if queue.free > 0 && queue.order.is_empty() {
                queue.free -= 1;
                return Ok(Core(Some(Arc::clone(self))));
            }
            queue.push(tenant, cost)
        };
        turn.await.map_err(Failure::internal)
    }

    /// Hands a core to whoever is next, or puts it by.
    fn pass_on(self: &Arc<Self>) {
        loop {
            let Some(next) = self.queue().next() else { return };
            match next.send(Core(Some(Arc::clone(self)))) {
                Ok(()) => return,
                // It gave up waiting: the core is still to be given.
                Err(mut core) => drop(core.0.take()),
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if let Some(cores) = self.0.take() {
            cores.pass_on();
        }
    }
}

impl Queue {
    fn push(&mut self, tenant: TenantId, cost: u32) -> oneshot::Receiver<Core> {
        let (sender, turn) = oneshot::channel();
        let lane = match self.lanes.entry(tenant) {
            Entry::Occupied(lane) => lane.into_mut(),
            Entry::Vacant(none) => {
                self.order.push_back(tenant);
                none.insert(Lane::default())
            }
        };
        lane.waiting.push_back((cost, sender));
        turn
    }

    /// Who is next; with nobody waiting the core is free.
    fn next(&mut self) -> Option<oneshot::Sender<Core>> {
        loop {
            let Some(tenant) = self.order.pop_front() else {
                self.free += 1;
                return None;
            };
            let Some(lane) = self.lanes.get_mut(&tenant) else { continue };
            match lane.waiting.front() {
                // What was saved is lost with the queue: an idle tenant saves nothing.
                None => drop(self.lanes.remove(&tenant)),
                Some((cost, _)) if *cost > lane.credit && enforced!("core.credit") => {
                    lane.credit += QUANTUM;
                    self.order.push_back(tenant);
                }
                Some(_) => {
                    let next = lane.waiting.pop_front();
                    lane.credit = lane.credit.saturating_sub(next.as_ref().map_or(0, |(cost, _)| *cost));
                    self.order.push_front(tenant);
                    return next.map(|(_, turn)| turn);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const FLOOD: TenantId = TenantId::from_bytes([1; 16]);
    const QUIET: TenantId = TenantId::from_bytes([2; 16]);

    /// Who gets the core one after the other, when these ask for it while it is taken.
    fn order(asked: &[(TenantId, u32)]) -> Vec<TenantId> {
        let cores = Arc::new(Cores::of(1));
        let first = cores.turn(FLOOD, Cost(1)).now_or_never().unwrap().unwrap();
        let mut waiting: Vec<_> = asked.iter().map(|(tenant, cost)| (*tenant, Box::pin(cores.turn(*tenant, Cost(*cost))))).collect();
        waiting.iter_mut().for_each(|(_, turn)| assert!(turn.now_or_never().is_none(), "the core is taken"));
        drop(first);
        let mut order = Vec::new();
        while let Some(at) = waiting.iter_mut().position(|(tenant, turn)| {
            let core = turn.now_or_never();
            order.extend(core.is_some().then_some(*tenant));
            core.is_some()
        }) {
            drop(waiting.remove(at));
        }
        let queue = cores.queue();
        assert!(queue.free == 1 && queue.order.is_empty() && queue.lanes.is_empty(), "nobody waits, nobody is remembered");
        order
    }

    #[tokio::test]
    async fn a_tenant_has_places_and_a_queue_and_no_more() {
        let admission = Admission::of(1, 1, 1, 1);
        let first = admission.place(FLOOD).await.unwrap();
        let mut second = Box::pin(admission.place(FLOOD));
        assert!(second.as_mut().now_or_never().is_none(), "it waits");
        assert!(matches!(admission.place(FLOOD).now_or_never(), Some(Err(Failure::Crowded))), "one waits already");
        assert!(admission.place(QUIET).now_or_never().is_some_and(|place| place.is_ok()), "others have their own");
        drop(first);
        assert!(second.now_or_never().is_some_and(|place| place.is_ok()));
    }

    #[tokio::test]
    async fn who_waits_for_the_store_is_not_in_the_way_of_what_is_computed() {
        let admission = Admission::of(3, 1, 1, 1);
        let [first, second] = [admission.place(FLOOD).await.unwrap(), admission.place(FLOOD).await.unwrap()];
        let other = admission.place(QUIET).await.unwrap();
        first.go_on().await;
        first.go_on().now_or_never().expect("it has its place already");
        let mut next = Box::pin(second.go_on());
        assert!(next.as_mut().now_or_never().is_none(), "one is computed");
        other.go_on().now_or_never().expect("others have their own");
        first.rest();
        next.now_or_never().expect("the first waits for the store");
        assert!(first.go_on().now_or_never().is_none(), "its next act waits like any other");
        drop(second);
        first.go_on().now_or_never().expect("a request that ended leaves its place");
    }

    #[test]
    fn whoever_comes_behind_a_flood_waits_for_one_of_it() {
        let mut asked = vec![(FLOOD, QUANTUM); 20];
        asked.push((QUIET, QUANTUM));
        let order = order(&asked);
        assert_eq!(order.len(), 21);
        assert!(order[..2].contains(&QUIET), "{order:?}");
    }

    #[test]
    fn who_costs_more_has_fewer_turns() {
        let asked: Vec<_> = (0..40).flat_map(|_| [(FLOOD, QUANTUM * 4), (QUIET, QUANTUM)]).collect();
        let order = order(&asked);
        let costly = order[..40].iter().filter(|tenant| **tenant == FLOOD).count();
        assert!((6..=10).contains(&costly), "{costly} of the first 40 cost four times as much");
    }

    #[test]
    fn who_gives_up_leaves_the_core_to_the_next() {
        let cores = Arc::new(Cores::of(1));
        let first = cores.turn(FLOOD, Cost(1)).now_or_never().unwrap().unwrap();
        let [mut gone, mut told_and_gone, mut last] = [(); 3].map(|()| Box::pin(cores.turn(QUIET, Cost(1))));
        assert!(gone.as_mut().now_or_never().is_none() && told_and_gone.as_mut().now_or_never().is_none());
        assert!(last.as_mut().now_or_never().is_none());
        drop(gone);
        drop(first);
        // It has been given the core and does not look.
        drop(told_and_gone);
        assert!(last.as_mut().now_or_never().unwrap().is_ok());
    }
}
