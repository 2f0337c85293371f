//! Jobs and lanes: no work is lost, and none is done by two (I4, I11).

use crate::engine::{Engine, Harness, open_postgres, tenant_id};
use crate::rows::{job, now};
use chancery_domain::Timestamp;
use chancery_domain::port::Clock;
use chancery_store::{CommitError, Guard, JobRow, LaneRow, TenantView};
use rstest::rstest;
use std::time::Duration;

async fn leave(view: &TenantView, number: u32, due_at: Timestamp) {
    let mut changes = view.changes();
    changes.insert_job(&job(number, due_at));
    changes.commit().await.unwrap();
}

async fn lanes(harness: &Harness) -> Vec<LaneRow> {
    harness.store.platform().due_lanes(harness.clock.now(), 100).await.unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_leased_by_one_and_finished_under_its_lease(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = harness.tenant(1, 1).await;
    leave(&view, 1, now()).await;
    let [read] = &view.due_jobs(now(), 10).await.unwrap()[..] else { panic!("one job is due") };

    let until = now().after(Duration::from_secs(60));
    let leases = (0..8).map(|worker| {
        let mut changes = view.changes();
        changes.lease_job(read, until.after(Duration::from_millis(worker)));
        tokio::spawn(changes.commit())
    });
    let mut won = Vec::new();
    for (worker, lease) in leases.collect::<Vec<_>>().into_iter().enumerate() {
        match lease.await.unwrap() {
            Ok(()) => won.push(worker as u64),
            Err(error) => assert!(matches!(error, CommitError::Guard(Guard::Version("job"))), "{error}"),
        }
    }
    let [worker] = won[..] else { panic!("{won:?} have the lease") };
    assert_eq!(view.due_jobs(now(), 10).await.unwrap(), []);
    let held = JobRow { due_at: until.after(Duration::from_millis(worker)), attempts: 1, ..read.clone() };
    // A lease that ran out brings the job back.
    assert_eq!(view.due_jobs(held.due_at, 10).await.unwrap(), std::slice::from_ref(&held));

    let mut stale = view.changes();
    stale.finish_job(read);
    assert!(matches!(stale.commit().await, Err(CommitError::Guard(Guard::Version("job")))));
    let mut finish = view.changes();
    finish.finish_job(&held);
    finish.commit().await.unwrap();
    assert_eq!(view.next_due().await.unwrap(), None);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_job_marks_its_tenants_lane_and_nudges(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = harness.tenant(1, 1).await;
    harness.tenant(2, 1).await;
    assert_eq!(lanes(&harness).await, []);
    leave(&view, 1, harness.clock.now()).await;
    let [lane] = lanes(&harness).await[..] else { panic!("one lane is due") };
    assert_eq!((lane.tenant, lane.due_at, lane.virtual_time), (tenant_id(1), harness.clock.now(), 0));
    assert_eq!(harness.store.nudged().await, [tenant_id(1)]);

    leave(&view, 2, harness.clock.now().after(Duration::from_secs(5))).await;
    let [still] = lanes(&harness).await[..] else { panic!("one lane is due") };
    assert_eq!(still.due_at, lane.due_at, "later work must not put off what is due");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn settling_loses_no_work(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let platform = harness.store.platform();
    let view = harness.tenant(1, 1).await;
    leave(&view, 1, harness.clock.now()).await;
    let [read] = lanes(&harness).await[..] else { panic!("one lane is due") };

    // Marked after it was read: settling what was read changes nothing.
    harness.clock.advance(Duration::from_millis(1));
    leave(&view, 2, harness.clock.now()).await;
    platform.settle_lane(&read, None, 1, harness.clock.now()).await.unwrap();
    let [marked] = lanes(&harness).await[..] else { panic!("the lane is still due") };
    assert_eq!((marked.virtual_time, marked.marked_at), (0, harness.clock.now()));

    // A commit may still be under way after its mark: the lane comes back once, when that must be over.
    platform.settle_lane(&marked, None, 3, harness.clock.now()).await.unwrap();
    assert_eq!(lanes(&harness).await, []);
    harness.clock.advance(Duration::from_secs(60));
    let [again] = lanes(&harness).await[..] else { panic!("the lane comes back") };
    assert_eq!(again.virtual_time, 3);
    platform.settle_lane(&again, None, 0, harness.clock.now()).await.unwrap();
    harness.clock.advance(Duration::from_secs(3_000_000));
    assert_eq!(lanes(&harness).await, []);

    // The tenant with less work behind it goes first; a new one starts where the least is.
    leave(&view, 3, harness.clock.now()).await;
    leave(&harness.tenant(2, 1).await, 1, harness.clock.now()).await;
    let turns: Vec<_> = lanes(&harness).await.into_iter().map(|lane| (lane.tenant, lane.virtual_time)).collect();
    assert_eq!(turns.len(), 2);
    assert!(turns.iter().all(|(_, virtual_time)| *virtual_time == 3), "{turns:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_settled_lane_is_marked_anew(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let platform = harness.store.platform();
    let view = harness.tenant(1, 1).await;
    leave(&view, 1, harness.clock.now()).await;
    let lease = harness.clock.now().after(Duration::from_secs(5));
    work(&view, harness.clock.now(), lease).await;
    let [lane] = lanes(&harness).await[..] else { panic!("one lane is due") };
    platform.settle_lane(&lane, None, 1, harness.clock.now()).await.unwrap();

    // Due after the lease would have run out, which is what this process wrote into the lane.
    leave(&view, 2, harness.clock.now().after(Duration::from_secs(10))).await;
    harness.clock.advance(Duration::from_secs(10));
    let [lane] = lanes(&harness).await[..] else { panic!("the lane is due with its job") };
    assert_eq!(lane.due_at, harness.clock.now());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_another_node_settled_is_marked_anew(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    // A node knows nothing of what another one wrote or settled; on SQLite there is one, and it is told.
    let other = match &harness.database {
        Some(database) => open_postgres(database, harness.clock.clone()).await.platform(),
        None => harness.store.platform(),
    };
    let view = harness.tenant(1, 1).await;
    leave(&view, 1, harness.clock.now()).await;
    let lease = harness.clock.now().after(Duration::from_secs(600));
    work(&view, harness.clock.now(), lease).await;
    for _ in 0..2 {
        let [lane] = lanes(&harness).await[..] else { panic!("one lane is due") };
        other.settle_lane(&lane, None, 1, harness.clock.now()).await.unwrap();
        harness.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(lanes(&harness).await, []);

    leave(&view, 2, harness.clock.now().after(Duration::from_secs(3600))).await;
    harness.clock.advance(Duration::from_secs(3600));
    let [lane] = lanes(&harness).await[..] else { panic!("the lane is due with its job") };
    assert_eq!(lane.due_at, harness.clock.now());
}

/// Leases the one job that is due, and finishes it.
async fn work(view: &TenantView, now: Timestamp, lease: Timestamp) {
    let [read] = &view.due_jobs(now, 10).await.unwrap()[..] else { panic!("one job is due") };
    let mut changes = view.changes();
    changes.lease_job(read, lease);
    changes.commit().await.unwrap();
    let [held] = &view.due_jobs(lease, 10).await.unwrap()[..] else { panic!("it is held") };
    let mut finish = view.changes();
    finish.finish_job(held);
    finish.commit().await.unwrap();
}
