//! The log: events get their places once, whoever else tries, and what has none is known.

use crate::engine::{Engine, Harness};
use crate::rows::{Rows, bytes, event, now};
use chancery_domain::EventId;
use chancery_store::{Changes, CommitError, Guard, LogHead, LogPlace, LogRow, LogStrays, LogTileRow, TenantView};
use rstest::rstest;

async fn commit(view: &TenantView, change: impl FnOnce(&mut Changes)) -> Result<(), CommitError> {
    let mut changes = view.changes();
    change(&mut changes);
    changes.commit().await
}

async fn refused(view: &TenantView, guard: Guard, change: impl FnOnce(&mut Changes)) {
    match commit(view, change).await {
        Err(CommitError::Guard(failed)) => assert_eq!(failed, guard),
        other => panic!("{guard:?}: {other:?}"),
    }
}

async fn with_events(harness: &Harness, tenant: u8, numbers: std::ops::Range<u32>) -> TenantView {
    let view = harness.tenant(tenant, 1).await;
    commit(&view, |changes| numbers.for_each(|number| changes.insert_event(&event(number)))).await.unwrap();
    view
}

fn tile(index: u64, events: std::ops::Range<u32>) -> LogTileRow {
    let ids: Vec<u8> = events.flat_map(bytes).collect();
    LogTileRow { level: 0, index, hashes: vec![1; ids.len() * 2], events: ids }
}

fn log(epoch: u32, size: u64) -> LogRow {
    LogRow { epoch, size, ..Rows::of(1).log }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn events_get_the_places_where_they_stand_in_their_tiles(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = with_events(&harness, 1, 0..300).await;
    let other = with_events(&harness, 2, 0..300).await;
    assert_eq!(view.unsequenced(1000).await.unwrap().len(), 300);
    assert_eq!(view.unsequenced(2).await.unwrap(), [0, 1].map(|number| (EventId::from_bytes(bytes(number)), [1; 32])));

    commit(&view, |changes| {
        changes.insert_log(&log(1, 200));
        changes.put_log_tile(1, &tile(0, 0..200));
        changes.place_events(1, 0, 0);
    })
    .await
    .unwrap();
    let grow = |changes: &mut Changes| {
        changes.move_log(&log(1, 300), 200);
        changes.put_log_tile(1, &tile(0, 0..256));
        changes.put_log_tile(1, &tile(1, 256..300));
        changes.place_events(1, 0, 200);
        changes.place_events(1, 1, 0);
    };
    commit(&view, grow).await.unwrap();
    assert_eq!(view.unsequenced(1000).await.unwrap(), []);
    for number in [0, 199, 200, 255, 256, 299] {
        let place = LogPlace { epoch: 1, index: u64::from(number) };
        let id = EventId::from_bytes(bytes(number));
        assert_eq!(view.event(id).await.unwrap().unwrap().place, Some(place));
    }
    let ids: Vec<_> = view.log_events(1, 1).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(ids, (256..300).map(|number| EventId::from_bytes(bytes(number))).collect::<Vec<_>>());
    assert_eq!(
        (view.count_placed(1, 300).await.unwrap(), view.count_placed(1, 299).await.unwrap(), view.count_placed(2, 300).await.unwrap()),
        (300, 299, 0)
    );
    assert_eq!(other.unsequenced(1000).await.unwrap().len(), 300, "another tenant's have none");
    let last = EventId::from_bytes([0xff; 16]);
    assert_eq!(view.log_head(last).await.unwrap(), LogHead { row: Some(log(1, 300)), told: Some(1) });
    assert_eq!(other.log_head(last).await.unwrap(), LogHead { row: None, told: None });
    assert_eq!(view.log_strays(last).await.unwrap(), LogStrays::default());
    assert_eq!(other.log_strays(last).await.unwrap(), LogStrays { waiting: 300, ..LogStrays::default() });
    let (kept, tiles) = view.log_tiles(1, &[(0, 1), (1, 0), (0, 0)]).await.unwrap().unwrap();
    assert_eq!((kept, tiles), (log(1, 300), vec![tile(1, 256..300), tile(0, 0..256)]));
    assert_eq!(view.log_tiles(2, &[(0, 0)]).await.unwrap(), None);
    // Whoever read the log as it was before is late.
    refused(&view, Guard::Version("log"), grow).await;
    // Tile and places of an epoch that has no row.
    commit(&view, |changes| changes.insert_event(&event(300))).await.unwrap();
    let last = EventId::from_bytes([0xff; 16]);
    commit(&view, |changes| {
        changes.put_log_tile(2, &tile(0, 300..301));
        changes.place_events(2, 0, 0);
    })
    .await
    .unwrap();
    assert_eq!(view.log_strays(last).await.unwrap(), LogStrays { placed: 1, tiles: 1, waiting: 0 });
    assert_eq!(view.log_head(last).await.unwrap().told, Some(2));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_event_gets_a_second_place_and_none_that_is_not_there(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = with_events(&harness, 1, 0..10).await;
    let place = |epoch, events: std::ops::Range<u32>| {
        move |changes: &mut Changes| {
            changes.put_log_tile(epoch, &tile(0, events));
            changes.place_events(epoch, 0, 0);
        }
    };
    commit(&view, place(1, 0..5)).await.unwrap();
    refused(&view, Guard::Version("event"), place(1, 3..8)).await;
    refused(&view, Guard::Version("event"), place(2, 4..6)).await;
    refused(&view, Guard::Version("event"), place(2, 8..11)).await;
    let twice = |changes: &mut Changes| {
        changes.put_log_tile(2, &LogTileRow { events: [bytes(7), bytes(7)].concat(), ..tile(0, 0..2) });
        changes.place_events(2, 0, 0);
    };
    refused(&view, Guard::Version("event"), twice).await;
    assert_eq!(view.unsequenced(10).await.unwrap().len(), 5, "nothing of what was refused was kept");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_ended_does_not_go_on(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = with_events(&harness, 1, 0..1).await;
    commit(&view, |changes| changes.insert_log(&log(1, 5))).await.unwrap();
    refused(&view, Guard::Version("log"), |changes| changes.move_log(&log(1, 9), 4)).await;
    commit(&view, |changes| changes.insert_log(&log(2, 1))).await.unwrap();
    refused(&view, Guard::Version("log"), |changes| changes.move_log(&log(1, 9), 5)).await;
    commit(&view, |changes| changes.move_log(&log(2, 9), 1)).await.unwrap();
    assert_eq!(view.log().await.unwrap(), Some(log(2, 9)));
    assert_eq!(view.log_epochs().await.unwrap(), [log(1, 5), log(2, 9)]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_place_yet_is_known_here_and_to_others(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = harness.tenant(1, 1).await;
    assert_eq!(harness.store.take_unsequenced(), []);
    commit(&view, |changes| changes.insert_event(&event(1))).await.unwrap();
    refused(&view, Guard::Unique("event"), |changes| changes.insert_event(&event(1))).await;
    assert_eq!(harness.store.take_unsequenced(), [view.tenant_id()]);
    assert_eq!(harness.store.take_unsequenced(), []);
    let platform = harness.store.platform();
    assert_eq!(platform.due_lanes(now(), 10).await.unwrap(), [], "there is time");
    let minute = std::time::Duration::from_secs(60);
    let lanes = platform.due_lanes(now().after(minute), 10).await.unwrap();
    assert_eq!(lanes.iter().map(|lane| lane.tenant).collect::<Vec<_>>(), [view.tenant_id()], "if this process ends");
}
