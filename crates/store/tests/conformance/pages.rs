//! Pages: each row once, newest first, whatever is added meanwhile.

use crate::engine::Engine;
use crate::rows::{BLIND, certificate, event};
use chancery_domain::{CertificateId, EventId};
use chancery_store::{CertificateFilter, Page, TenantView};
use rstest::rstest;

async fn add(view: &TenantView, numbers: impl IntoIterator<Item = u32>) {
    let mut changes = view.changes();
    for number in numbers {
        changes.insert_event(&event(number));
        changes.insert_certificate(&certificate(number, 1), &[BLIND]);
    }
    changes.commit().await.unwrap();
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_each_row_once_while_rows_are_added(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let harness = engine.start().await;
    let view = harness.tenant(1, 10).await;
    add(&view, 0..25).await;
    let (mut events, mut certificates, mut named) = (Vec::new(), Vec::new(), Vec::new());
    let by_name = CertificateFilter { name: Some(BLIND), ..CertificateFilter::default() };
    for page in 0..4 {
        let at = |seen: &Vec<EventId>| Page { before: seen.last().copied(), limit: 10 };
        events.extend(view.events(at(&events)).await.unwrap().into_iter().map(|row| row.id));
        for (seen, filter) in [(&mut certificates, &CertificateFilter::default()), (&mut named, &by_name)] {
            let page = Page { before: seen.last().copied(), limit: 10 };
            let rows = view.certificates(filter, page).await.unwrap();
            seen.extend(rows.into_iter().map(|row| row.id));
        }
        // Newer rows come before the pages that were shown.
        add(&view, [100 + page]).await;
    }
    let expected: Vec<_> = (0..25).rev().collect();
    assert_eq!(events, expected.iter().map(|number| event(*number).id).collect::<Vec<_>>());
    let ids: Vec<CertificateId> = expected.iter().map(|number| certificate(*number, 1).id).collect();
    assert_eq!(certificates, ids);
    assert_eq!(named, ids);
}
