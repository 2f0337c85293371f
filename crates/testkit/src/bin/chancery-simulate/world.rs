//! A world: from an empty directory through trouble to rest.

use crate::act::Act;
use crate::check::Checker;
use crate::client::{Client, World};
use crate::end;
use crate::keyring::MemoryKeyring;
use crate::node::{Ground, Node};
use crate::schedule::{self, Spawner};
use crate::sim::Sim;
use crate::workload::{member, operator, trouble, wrong};
use chancery_app::Failure;
use chancery_domain::{IssuerId, TenantId};
use chancery_store::sqlite::simulation::SimulatedFiles;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tempfile::TempDir;

/// What a world came to.
pub(crate) struct Ended {
    pub(crate) found: Option<String>,
    pub(crate) trace: Vec<String>,
    /// SHA-256 of the trace.
    pub(crate) digest: String,
    pub(crate) acts: usize,
    pub(crate) checks: u64,
    pub(crate) faults: u64,
    pub(crate) lives: u32,
}

/// Runs the world of this seed.
pub(crate) fn run(seed: u64) -> anyhow::Result<Ended> {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { TempDir::with_prefix_in("chancery-sim-", memory) } else { TempDir::with_prefix("chancery-sim-") }?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(within(seed, place.path()))
}

async fn within(seed: u64, place: &Path) -> anyhow::Result<Ended> {
    let sim = Arc::new(Sim::of(seed));
    let files = SimulatedFiles::open(&place.join("data"), sim.clone())?;
    let keyring = Arc::new(MemoryKeyring::new(Arc::clone(&sim)));
    let spawner = Spawner::default();
    let ground =
        Ground { sim: Arc::clone(&sim), files: Arc::clone(&files), keyring, spawner: spawner.clone(), lives: Rc::new(Cell::new(0)) };
    let nodes = [
        Node::new('A', ground.clone(), wrong(sim.below(10_000)), 1_000_000),
        Node::new('B', ground.clone(), wrong(sim.below(10_000)), 7_000),
    ];
    let world = Rc::new(World { sim: Arc::clone(&sim), nodes, journal: RefCell::default(), found: RefCell::default() });
    let mut checker = Checker::default();
    let result = {
        let (files, sim, own) = (Arc::clone(&files), Arc::clone(&sim), Rc::clone(&world));
        let main = live(Rc::clone(&world), ground.clone());
        let checker = &mut checker;
        schedule::run(&ground.sim, &spawner, main, move || {
            checker.look(&files, &sim)?;
            own.found.borrow_mut().take().map_or(Ok(()), Err)
        })
        .await
    };
    let found = result.and_then(|ended| ended).err();
    sim.note(|| format!("the end: {found:?}"));
    let acts = world.journal.borrow().len();
    let faults = sim.faults_made.load(Ordering::Relaxed);
    Ok(Ended { found, trace: sim.trace(), digest: sim.digest(), acts, checks: checker.looked, faults, lives: ground.lives.get() })
}

/// The story: a platform and two tenants in peace, clients in trouble, then peace again, in which everything settles.
async fn live(world: Rc<World>, ground: Ground) -> Result<(), String> {
    let sim = Arc::clone(&world.sim);
    for node in &world.nodes {
        node.start().await;
    }
    let [first, _] = &world.nodes;
    let failed = |failure: Failure| format!("the set-up failed: {failure}");
    let service = first.service().ok_or("the set-up failed: no node")?;
    let bootstrap = service.initialise().await.map_err(failed)?;
    let (_, operator_token) = enrol(&world, &bootstrap.expose()).await?;
    let operator_client = Client { world: Rc::clone(&world), name: "op".to_owned(), realm: TenantId::PLATFORM, token: operator_token };
    let mut tenants = Vec::new();
    for slug in ["acme-bank", "brava-labs"] {
        let made = operator_client.perform(Act::Tenant(slug.to_owned()), &format!("setup-{slug}")).await;
        let invitation = made.first().and_then(|done| done.secret.clone()).ok_or("the set-up failed: no invitation")?;
        let (realm, token) = enrol(&world, &invitation).await?;
        let admin = Client { world: Rc::clone(&world), name: slug.to_owned(), realm, token };
        let issuer = admin.perform(Act::Issuer { name: slug.to_owned(), slug: slug.to_owned() }, &format!("setup-issuer-{slug}")).await;
        let issuer: IssuerId = issuer.first().and_then(|done| done.subject.parse().ok()).ok_or("the set-up failed: no issuer")?;
        tenants.push((admin, slug.to_owned(), issuer));
    }
    let before = end::events(&world, &operator_client, &tenants).await?;
    world.nodes.iter().for_each(Node::work);

    sim.set_faults(true);
    sim.note(|| "trouble begins".to_owned());
    ground.spawner.spawn(None, trouble(Rc::clone(&world), ground.clone()));
    let left = Rc::new(Cell::new(0));
    let join = |work: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
        left.set(left.get() + 1);
        let left = Rc::clone(&left);
        ground.spawner.spawn(None, async move {
            work.await;
            left.set(left.get() - 1);
        });
    };
    let suspendable = tenants.iter().map(|(admin, ..)| (admin.realm, admin.token.clone())).collect();
    join(Box::pin(operator(operator_client.clone(), suspendable, 2 + u32::try_from(sim.below(3)).unwrap_or(0))));
    for (admin, slug, issuer) in &tenants {
        for number in 0..2 {
            let client = Client { name: format!("{}{number}", slug.get(..1).unwrap_or_default()), ..admin.clone() };
            join(Box::pin(member(client, slug.clone(), *issuer, 4 + u32::try_from(sim.below(10)).unwrap_or(0))));
        }
    }
    // Trouble ends before everything is answered: the rest must come by itself.
    let trouble_lasts = Duration::from_millis(20_000 + u64::try_from(sim.below(60_000)).unwrap_or(0));
    let began = sim.millis();
    while left.get() > 0 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let lasted = Duration::from_millis((sim.millis() - began).unsigned_abs());
        if lasted > trouble_lasts && sim.faulty() {
            sim.set_faults(false);
            sim.note(|| "trouble ends".to_owned());
        }
        if lasted > Duration::from_secs(1200) {
            return Err("clients are not answered although nothing fails any more".to_owned());
        }
    }
    sim.set_faults(false);
    // Whoever makes trouble may still have a node down.
    tokio::time::sleep(Duration::from_secs(20)).await;
    end::settle(&world, &ground, &tenants).await?;
    end::compare(&world, &ground, &operator_client, &tenants, &before).await
}

async fn enrol(world: &Rc<World>, token: &str) -> Result<(TenantId, String), String> {
    let [first, _] = &world.nodes;
    let service = first.service().ok_or("the set-up failed: no node")?;
    let year = Duration::from_secs(366 * 86_400);
    let enrolled =
        service.enrol(token, "admin", year, service.request_id()).await.map_err(|failure| format!("the set-up failed: {failure}"))?;
    let token = enrolled.token.token.ok_or("the set-up failed: no token")?;
    let caller = service.authenticate(&token.expose(), service.request_id()).await.map_err(|failure| failure.to_string())?;
    Ok((caller.tenant(), token.expose().to_string()))
}
