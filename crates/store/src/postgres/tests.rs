//! Pooled connections alternate between tenants: whatever ended the transaction before, the next sees its own rows alone, and
//! the tenant is set for no longer than a transaction (I1, THREATS 6).
//!
//! Here and not among the conformance tests, because the connection itself is looked at between the transactions.

use super::*;
use crate::statement::sql;
use crate::value::Value;
use crate::{EventRow, Guard, Page};
use chancery_domain::{EventId, Sealed, Timestamp};
use futures_util::FutureExt;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_postgres::{Client, NoTls};

/// The testkit's cluster as source.
#[allow(unreachable_pub, dead_code, reason = "it is a library there")]
#[path = "../../../testkit/src/cluster.rs"]
mod cluster;

const ROUNDS: u32 = 10_000;
const TENANTS: u8 = 4;

struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000)
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

fn tenant(number: u8) -> TenantId {
    TenantId::from_bytes([number; 16])
}

fn event(number: u8) -> EventRow {
    EventRow { id: EventId::from_bytes([7; 16]), body: Sealed::from_ciphertext(vec![number; 40]), leaf: [number; 32], place: None }
}

async fn superuser(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// What a raw statement on the connection finds between two transactions: the tenant that is set, and rows.
async fn between(pool: &Pool) -> (i32, String, i64) {
    let lease = loop {
        if let Ok(lease) = pool.lease().await {
            break lease;
        }
    };
    let sql = "SELECT pg_backend_pid(), coalesce(current_setting('chancery.tenant', true), ''), (SELECT count(*) FROM tenant.event)";
    let statement = lease.prepare_cached(sql).await.unwrap();
    let row = lease.query_one(&statement, &[]).await.unwrap();
    lease.give_back();
    (row.get(0), row.get(1), row.get(2))
}

/// Opens the store over a pool of one connection, with an event in each tenant.
async fn opened(database: &cluster::TestDatabase) -> (Store, Arc<Pool>) {
    let pool = Pool::new(&DatabaseUrl::new(database.app_url.clone()).parse().unwrap(), 1).unwrap();
    let engine = PostgresEngine {
        committer: Committer::new(Arc::new(Opened { pool: Arc::clone(&pool), incarnation: Vec::new() })),
        pool: Arc::clone(&pool),
    };
    let store = Store::new(Arc::new(engine), Arc::new(StoppedClock));
    for number in 1..=TENANTS {
        let mut changes = store.tenant(tenant(number)).changes();
        changes.insert_counter("rounds", i64::from(ROUNDS));
        changes.insert_event(&event(number));
        changes.commit().await.unwrap();
    }
    (store, pool)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_alternations_show_no_foreign_row_and_leave_no_tenant_set() {
    let database = cluster::cluster().await.database().await;
    let (store, pool) = opened(&database).await;
    let superuser = superuser(&database.superuser_url).await;
    let page = Page { before: None, limit: 10 };
    let (mut connections, mut ended) = (BTreeSet::new(), [0_u32; 6]);
    for round in 0..ROUNDS {
        let number = u8::try_from(round % u32::from(TENANTS)).unwrap() + 1;
        let view = store.tenant(tenant(number));
        let way = match round {
            // Each of these costs a connection.
            _ if round % 2000 == 1999 => 5,
            _ if round % 100 == 33 => 4,
            _ if round % 50 == 7 => 3,
            // Scattered (Knuth's multiplier), so that each way follows each other one in each pair of tenants.
            _ => usize::try_from((round.wrapping_mul(2_654_435_761) >> 16) % 3).unwrap(),
        };
        ended[way] += 1;
        match way {
            // A read, by statements prepared for whoever came first.
            0 => assert!(view.events(page).await.is_ok_and(|found| found == [event(number)]), "round {round}"),
            1 => {
                let mut changes = view.changes();
                changes.count_up("rounds");
                changes.commit().await.unwrap();
            }
            // Aborted by a guard, after a statement that changed something.
            2 => {
                let mut changes = view.changes();
                changes.count_up("rounds");
                changes.insert_event(&event(number));
                assert!(matches!(changes.commit().await, Err(CommitError::Guard(Guard::Unique("event")))), "round {round}");
            }
            // Given up at some point of the way.
            3 => {
                let read = view.events(page);
                if round % 100 == 7 {
                    assert!(read.now_or_never().is_none_or(|found| found.unwrap() == [event(number)]), "round {round}");
                } else {
                    let _ = tokio::time::timeout(Duration::from_micros(u64::from(round % 400)), read).await;
                }
            }
            // Refused by the driver, so that COMMIT is never sent.
            4 => {
                let bad = sql!("UPDATE counter SET value = value WHERE tenant_id = ?1 AND name = ?2", tenant(number).as_bytes(), 5_i64);
                let mut changes = view.changes();
                changes.count_up("rounds");
                changes.run(bad);
                assert!(matches!(changes.commit().await, Err(CommitError::Store(StoreError::Statement(_)))), "round {round}");
            }
            // The backend is gone.
            _ => {
                let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'chancery_app' AND datname = current_database()";
                superuser.query(kill, &[]).await.unwrap();
                while view.events(page).await.is_err() {}
            }
        }
        let (connection, set, rows) = between(&pool).await;
        assert_eq!((set.as_str(), rows), ("", 0), "round {round}: a tenant is left set after way {way}");
        connections.insert(connection);
    }
    let counted: i64 = superuser.query_one("SELECT sum(value)::BIGINT FROM tenant.counter", &[]).await.unwrap().get(0);
    assert_eq!(counted, i64::from(ended[1]), "what was aborted or refused is not counted");
    let [read, committed, aborted, given_up, refused, killed] = ended;
    // Whoever comes next is served by the same session, unless it was in doubt.
    assert!(connections.len() <= (1 + given_up + refused + killed) as usize, "{} connections", connections.len());
    println!(
        "{ROUNDS} alternations of {TENANTS} tenants over {} connections: {read} reads, {committed} commits, {aborted} aborts, \
         {given_up} given up, {refused} refused by the driver, {killed} backends killed; no foreign row, no tenant left set",
        connections.len()
    );
}

// The driver prints parameters when it traces (I9).
#[test]
fn a_parameter_does_not_print_what_it_holds() {
    let values = [Value::Text("canary".to_owned()), Value::Blob(b"canary".as_slice().into())];
    let printed = format!("{values:?}");
    assert_eq!(printed, "[Text(..), Blob(..)]");
}
