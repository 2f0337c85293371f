//! Write-sets: whole or not at all, and guards that no race passes (I4).

use crate::engine::Engine;
use crate::rows::{event, idempotency};
use chancery_domain::EventId;
use chancery_store::{CommitError, Guard, Page};
use rstest::rstest;
use std::collections::HashSet;
use tokio::task::JoinHandle;

const ALL: Page<EventId> = Page { before: None, limit: 1000 };

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_guard_failing_in_the_middle_keeps_nothing(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = harness.tenant(1, 10).await;
    let mut first = view.changes();
    first.insert_event(&event(1));
    first.commit().await.unwrap();

    let mut changes = view.changes();
    changes.count_up("things");
    changes.insert_event(&event(2));
    changes.insert_event(&event(1));
    changes.insert_event(&event(3));
    let error = changes.commit().await.unwrap_err();

    assert!(matches!(error, CommitError::Guard(Guard::Unique("event"))), "{error}");
    assert_eq!(view.events(ALL).await.unwrap(), [event(1)]);
    assert_eq!(view.counter("things").await.unwrap().unwrap().value, 0);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_act_decided_under_an_old_epoch_is_refused(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = harness.tenant(1, 10).await;
    let epoch = view.epoch().await.unwrap().unwrap();
    let mut other = view.changes();
    other.next_epoch();
    other.commit().await.unwrap();

    let mut stale = view.changes();
    stale.guard_epoch(epoch);
    stale.insert_event(&event(1));
    let error = stale.commit().await.unwrap_err();
    assert!(matches!(error, CommitError::Guard(Guard::Epoch)), "{error}");
    assert_eq!(view.events(ALL).await.unwrap(), []);

    let mut fresh = view.changes();
    fresh.guard_epoch(epoch + 1);
    fresh.insert_event(&event(1));
    fresh.commit().await.unwrap();
}

/// Those that wait for one transaction are committed together, and each still stands or falls by its own guard.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn among_many_at_once_each_is_held_to_its_own_epoch(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = harness.tenant(1, 1000).await;
    let epoch = view.epoch().await.unwrap().unwrap();
    let commits: Vec<_> = (0..60)
        .map(|number| {
            let mut changes = view.changes();
            // One in five was decided under another epoch.
            changes.guard_epoch(epoch + i64::from(number % 5 == 4));
            changes.count_up("things");
            changes.insert_event(&event(number));
            tokio::spawn(changes.commit())
        })
        .collect();
    let refused = |number: u32, error: &CommitError| matches!(error, CommitError::Guard(Guard::Epoch)) && number % 5 == 4;
    let kept = kept(commits, refused).await;
    assert_eq!(kept.len(), 48);
    assert_eq!(view.counter("things").await.unwrap().unwrap().value, 48);
    assert_eq!(view.events(ALL).await.unwrap().into_iter().map(|event| event.id).collect::<HashSet<_>>(), kept);
}

/// The events of the commits that were kept; each other was refused as it may be.
async fn kept(commits: Vec<JoinHandle<Result<(), CommitError>>>, may: impl Fn(u32, &CommitError) -> bool) -> HashSet<EventId> {
    let mut kept = HashSet::new();
    for (number, commit) in (0..).zip(commits) {
        match commit.await.unwrap() {
            Ok(()) => assert!(kept.insert(event(number).id)),
            Err(error) => assert!(may(number, &error), "{number}: {error}"),
        }
    }
    kept
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_race_passes_a_ceiling(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = harness.tenant(1, 37).await;
    let commits: Vec<_> = (0..200)
        .map(|number| {
            let mut changes = view.changes();
            changes.count_up("things");
            changes.insert_event(&event(number));
            tokio::spawn(changes.commit())
        })
        .collect();
    let kept = kept(commits, |_, error| matches!(error, CommitError::Guard(Guard::Limit("things")))).await;
    assert_eq!(kept.len(), 37);
    let counter = view.counter("things").await.unwrap().unwrap();
    assert_eq!((counter.value, counter.total, counter.ceiling), (37, 37, 37));
    assert_eq!(view.events(ALL).await.unwrap().into_iter().map(|event| event.id).collect::<HashSet<_>>(), kept);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_is_won_once(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = harness.tenant(1, 1000).await;
    let commits: Vec<_> = (0..100)
        .map(|number| {
            let mut changes = view.changes();
            changes.insert_event(&event(number));
            changes.insert_idempotency(&idempotency(1, number));
            tokio::spawn(changes.commit())
        })
        .collect();
    let mut winners = Vec::new();
    for (number, commit) in (0..).zip(commits) {
        match commit.await.unwrap() {
            Ok(()) => winners.push(number),
            Err(error) => assert!(matches!(error, CommitError::Guard(Guard::Unique("idempotency"))), "{error}"),
        }
    }
    let [winner] = winners[..] else { panic!("{winners:?} won") };
    let row = idempotency(1, winner);
    assert_eq!(view.idempotency(row.principal, &row.key).await.unwrap(), Some(row));
    assert_eq!(view.events(ALL).await.unwrap(), [event(winner)]);
}
