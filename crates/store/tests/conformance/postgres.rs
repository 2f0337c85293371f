//! PostgreSQL alone: what raw SQL of the restricted role can reach (I1, THREATS 6 and 7).

use crate::cluster::{Cluster, TestDatabase, cluster};
use crate::engine::{Engine, Harness, ManualClock, tenant_id};
use crate::rows::Rows;
use chancery_store::StoreError;
use chancery_store::postgres::{self, DatabaseUrl, Durability, PLATFORM_TABLES, PostgresConfig};
use tokio_postgres::{Client, NoTls};

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Tenants 1 and 2 with a row in every table, and a raw connection of the restricted role.
async fn two_tenants() -> (Harness, Client, Vec<String>) {
    let harness = Engine::Postgres.start().await;
    for number in [1, 2] {
        let mut changes = harness.tenant(number, 10).await.changes();
        Rows::of(number).insert(&mut changes);
        changes.commit().await.unwrap();
    }
    let database = harness.database.as_ref().unwrap();
    let tables = names(
        &connect(&database.superuser_url).await,
        "SELECT relname::TEXT FROM pg_class
        WHERE relnamespace = 'tenant'::regnamespace AND relkind IN ('r', 'p')",
    )
    .await;
    assert!(tables.len() >= 18, "{tables:?}");
    let superuser = connect(&database.superuser_url).await;
    for table in &tables {
        let filled = count(&superuser, &format!("SELECT count(DISTINCT tenant_id) FROM tenant.{table}")).await;
        assert_eq!(filled, 2, "{table} has no row of each tenant: fill it in Rows::insert");
    }
    let app = connect(&database.app_url).await;
    (harness, app, tables)
}

async fn names(client: &Client, sql: &str) -> Vec<String> {
    client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn count(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

async fn columns(client: &Client, table: &str) -> String {
    let columns = format!("SELECT attname::TEXT FROM pg_attribute WHERE attrelid = 'tenant.{table}'::regclass AND attnum > 0");
    names(client, &columns).await.into_iter().filter(|column| column != "tenant_id").collect::<Vec<_>>().join(", ")
}

/// An INSERT of a row of another tenant, made of a row that the policy shows or of constants.
async fn insert_foreign(client: &Client, table: &str, owner: &str) -> Result<u64, tokio_postgres::Error> {
    let typed = format!("SELECT string_agg(CASE atttypid WHEN 'bytea'::regtype THEN '''\\x01''::bytea' WHEN 'text'::regtype THEN '''x'''
        ELSE '1' END, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'tenant.{table}'::regclass AND attnum > 0 AND attname <> 'tenant_id'");
    let values: String = client.query_one(&typed, &[]).await.unwrap().get(0);
    let columns = columns(client, table).await;
    let sql = format!("INSERT INTO tenant.{table} (tenant_id, {columns}) VALUES ('\\x{owner}', {values})");
    client.execute(&sql, &[]).await
}

const ONE: &str = "01010101010101010101010101010101";
const TWO: &str = "02020202020202020202020202020202";

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tenant_nothing_is_read_or_written() {
    let (harness, app, tables) = two_tenants().await;
    let superuser = connect(&harness.database.as_ref().unwrap().superuser_url).await;
    // Also after a tenant was set and is no more: the setting is then '' instead of unset.
    for prepare in ["", "BEGIN; SELECT set_config('chancery.tenant', '01010101010101010101010101010101', true); ROLLBACK"] {
        app.batch_execute(prepare).await.unwrap();
        for table in &tables {
            let before = count(&superuser, &format!("SELECT count(*) FROM tenant.{table}")).await;
            assert_eq!(count(&app, &format!("SELECT count(*) FROM tenant.{table}")).await, 0, "{table}");
            let refused = insert_foreign(&app, table, ONE).await.unwrap_err();
            assert_eq!(refused.code().unwrap().code(), "42501", "{table}: {refused:?}");
            for sql in [format!("UPDATE tenant.{table} SET tenant_id = tenant_id"), format!("DELETE FROM tenant.{table}")] {
                assert_eq!(app.execute(&sql, &[]).await.unwrap(), 0, "{sql}");
            }
            assert!(app.batch_execute(&format!("TRUNCATE tenant.{table}")).await.is_err(), "{table}");
            assert_eq!(count(&superuser, &format!("SELECT count(*) FROM tenant.{table}")).await, before, "{table}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_tenant_set_anothers_rows_are_out_of_reach() {
    let (harness, app, tables) = two_tenants().await;
    let superuser = connect(&harness.database.as_ref().unwrap().superuser_url).await;
    let dump = async |table: &str| names(&superuser, &format!("SELECT t::TEXT FROM tenant.{table} t WHERE tenant_id = '\\x{TWO}'")).await;
    for table in &tables {
        let theirs = dump(table).await;
        app.batch_execute(&format!("SELECT set_config('chancery.tenant', '{ONE}', false)")).await.unwrap();
        assert!(count(&app, &format!("SELECT count(*) FROM tenant.{table}")).await > 0, "{table}");
        for sql in [
            format!("SELECT count(*) FROM tenant.{table} WHERE tenant_id <> '\\x{ONE}'"),
            format!("SELECT count(*) FROM tenant.{table} WHERE tenant_id = '\\x{TWO}'"),
        ] {
            assert_eq!(count(&app, &sql).await, 0, "{sql}");
        }
        let refused = insert_foreign(&app, table, TWO).await.unwrap_err();
        assert_eq!(refused.code().unwrap().code(), "42501", "{table}: {refused:?}");
        let given_away = app.execute(&format!("UPDATE tenant.{table} SET tenant_id = '\\x{TWO}'"), &[]).await.unwrap_err();
        assert_eq!(given_away.code().unwrap().code(), "42501", "{table}: {given_away:?}");
        for sql in [
            format!("UPDATE tenant.{table} SET tenant_id = '\\x{ONE}' WHERE tenant_id = '\\x{TWO}'"),
            format!("DELETE FROM tenant.{table} WHERE tenant_id <> '\\x{ONE}'"),
        ] {
            assert_eq!(app.execute(&sql, &[]).await.unwrap(), 0, "{sql}");
        }
        app.execute(&format!("DELETE FROM tenant.{table}"), &[]).await.unwrap();
        assert_eq!(dump(table).await, theirs, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_is_plain_and_the_tables_are_protected() {
    let database = cluster().await.database().await;
    let superuser = connect(&database.superuser_url).await;
    let role = "SELECT count(*) FROM pg_roles WHERE rolname = 'chancery_app' AND NOT rolsuper AND NOT rolbypassrls AND NOT rolcreaterole
        AND NOT rolcreatedb AND NOT rolreplication AND NOT EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid)
        AND NOT EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid)";
    assert_eq!(count(&superuser, role).await, 1);
    let unforced = "SELECT relname::TEXT FROM pg_class WHERE relnamespace = 'tenant'::regnamespace AND relkind IN ('r', 'p')
        AND NOT (relrowsecurity AND relforcerowsecurity)";
    assert_eq!(names(&superuser, unforced).await, Vec::<String>::new());
    let elsewhere = "SELECT table_schema || '.' || table_name FROM information_schema.columns WHERE column_name = 'tenant_id'
        AND table_schema NOT IN ('tenant', 'platform')";
    assert_eq!(names(&superuser, elsewhere).await, Vec::<String>::new());
    let platform =
        "SELECT relname::TEXT FROM pg_class WHERE relnamespace = 'platform'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
        ORDER BY 1";
    assert_eq!(names(&superuser, platform).await, PLATFORM_TABLES);
    let mut listed = golden("Tables of every realm");
    listed.sort();
    let tables = "SELECT relname::TEXT FROM pg_class WHERE relnamespace = 'tenant'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1";
    assert_eq!(names(&superuser, tables).await, listed, "docs/tables.md");
    let mut platform = golden("Tables of the platform");
    platform.sort();
    assert_eq!(platform, PLATFORM_TABLES, "docs/tables.md");
    // Whoever defines a function or view with rights of its own could look past the policies (THREATS 7).
    let definers = "SELECT proname::TEXT FROM pg_proc WHERE pronamespace IN ('tenant'::regnamespace, 'platform'::regnamespace) AND prosecdef
        UNION SELECT relname::TEXT FROM pg_class WHERE relnamespace IN ('tenant'::regnamespace, 'platform'::regnamespace) AND relkind IN ('v', 'm')";
    assert_eq!(names(&superuser, definers).await, Vec::<String>::new());
    let policies = "SELECT count(*) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = 'tenant'::regnamespace
        AND p.polcmd = '*' AND p.polroles = '{0}' AND p.polpermissive
        AND pg_get_expr(p.polqual, p.polrelid) = pg_get_expr(p.polwithcheck, p.polrelid)
        AND pg_get_expr(p.polqual, p.polrelid) LIKE '%(tenant_id = decode(NULLIF(current_setting(''chancery.tenant''%'";
    let policies = count(&superuser, policies).await;
    assert_eq!(policies, listed.len() as i64);
    println!(
        "row level security: {} tables, all forced, {policies} policies of one text, {} tables of the platform, 1 role that serves, \
         neither owner nor superuser nor BYPASSRLS, member of none",
        listed.len(),
        platform.len()
    );
    let app = connect(&database.app_url).await;
    assert!(app.execute("UPDATE platform.schema_version SET version = 9", &[]).await.is_err());
    assert!(app.batch_execute("CREATE TABLE tenant.loot (tenant_id BYTEA)").await.is_err());
    assert!(app.batch_execute("SET ROLE chancery_owner").await.is_err());
}

/// The tables that docs/tables.md lists under a heading.
fn golden(heading: &str) -> Vec<String> {
    let text = include_str!("../../../../docs/tables.md");
    let (_, rest) = text.split_once(heading).unwrap();
    let rows = rest.split("\n## ").next().unwrap().lines().filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`'));
    rows.map(str::to_owned).collect()
}

/// Opens the database as a node with these roles does; the reason when it is refused.
async fn refusal(app_url: &str) -> String {
    let config =
        PostgresConfig { app_url: DatabaseUrl::new(app_url.to_owned()), owner_url: None, connections: 1, durability: Durability::Required };
    match postgres::open(config, ManualClock::starting()).await {
        Err(StoreError::Schema(text)) => text,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("the database was opened"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_safe_is_refused() {
    let TestDatabase { owner_url, app_url, superuser_url } = cluster().await.database().await;
    assert!(refusal(&owner_url).await.contains("chancery_owner"));
    assert!(refusal(&superuser_url).await.contains("postgres"));
    let superuser = connect(&superuser_url).await;
    for (harm, repair, named) in [
        ("ALTER TABLE tenant.job NO FORCE ROW LEVEL SECURITY", "ALTER TABLE tenant.job FORCE ROW LEVEL SECURITY", "job"),
        ("CREATE POLICY more ON tenant.crl USING (true)", "DROP POLICY more ON tenant.crl", "crl"),
        ("CREATE TABLE tenant.fresh (tenant_id BYTEA)", "DROP TABLE tenant.fresh", "fresh"),
        ("CREATE VIEW platform.leak AS SELECT * FROM tenant.event", "DROP VIEW platform.leak", "platform"),
        (
            "UPDATE platform.schema_version SET version = version - 1",
            "UPDATE platform.schema_version SET version = version + 2",
            "owner's URL",
        ),
        ("SELECT 1", "UPDATE platform.schema_version SET version = version - 1", "newer program"),
    ] {
        superuser.batch_execute(harm).await.unwrap();
        let text = refusal(&app_url).await;
        assert!(text.contains(named), "{harm}: {text}");
        superuser.batch_execute(repair).await.unwrap();
    }
    let empty = cluster().await.empty_database().await;
    assert!(refusal(&empty.app_url).await.contains("owner's URL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_may_lose_what_was_acknowledged_is_refused_unless_that_is_accepted() {
    let cluster = Cluster::start().await;
    let database = cluster.database().await;
    let app_url = DatabaseUrl::new(database.app_url.clone());
    let open = async |durability| {
        let config = PostgresConfig { app_url: app_url.clone(), owner_url: None, connections: 1, durability };
        postgres::open(config, ManualClock::starting()).await.map(drop)
    };
    let own = database.superuser_url.rsplit('/').next().unwrap();
    let superuser = connect(&database.superuser_url).await;
    let server =
        |name: &str, value: &str| (format!("ALTER SYSTEM SET {name} = {value}"), format!("ALTER SYSTEM RESET {name}"), name.to_owned());
    let session = |whom: &str, value: &str| {
        let to = |act: &str| format!("ALTER {whom} {act}");
        (to(&format!("SET synchronous_commit = {value}")), to("RESET synchronous_commit"), "synchronous_commit".to_owned())
    };
    for (harm, repair, name) in [
        server("fsync", "off"),
        server("full_page_writes", "off"),
        server("synchronous_commit", "off"),
        server("synchronous_commit", "local"),
        session("ROLE chancery_app", "off"),
        session(&format!("DATABASE {own}"), "off"),
        session(&format!("ROLE chancery_app IN DATABASE {own}"), "off"),
    ] {
        superuser.batch_execute(&harm).await.unwrap();
        superuser.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        // The reload takes a moment to reach new sessions.
        let named = async || postgres::unsafe_settings(&app_url).await.unwrap().into_iter().map(|found| found.name).collect::<Vec<_>>();
        let until = async |expected: &[String]| {
            for _ in 0..500 {
                if named().await == expected {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            panic!("{harm}: {:?}", named().await);
        };
        until(std::slice::from_ref(&name)).await;
        match open(Durability::Required).await {
            Err(StoreError::Unsafe(text)) => assert!(text.contains(&name) && text.contains("database_accept_unsafe_durability"), "{text}"),
            other => panic!("{harm}: {other:?}"),
        }
        assert!(open(Durability::Waived).await.is_ok(), "{harm}");
        superuser.batch_execute(&repair).await.unwrap();
        superuser.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        until(&[]).await;
    }
    superuser.batch_execute("ALTER ROLE chancery_app SET synchronous_commit = remote_apply").await.unwrap();
    assert!(open(Durability::Required).await.is_ok(), "more than is asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_leaves_no_open_transaction() {
    let harness = Engine::Postgres.start().await;
    let database = harness.database.as_ref().unwrap();
    let config = PostgresConfig {
        app_url: DatabaseUrl::new(database.app_url.clone()),
        owner_url: None,
        connections: 1,
        durability: Durability::Required,
    };
    let store = postgres::open(config, ManualClock::starting()).await.unwrap();
    harness.tenant(1, 10).await;
    harness.tenant(2, 10).await;
    for delay in 0..50 {
        let view = store.tenant(tenant_id(1));
        let call = tokio::time::timeout(std::time::Duration::from_micros(delay * 20), async move { view.tenant().await });
        let _ = call.await;
        assert_eq!(store.tenant(tenant_id(2)).tenant().await.unwrap().unwrap().slug, "tenant-2", "delay {delay}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenants_slow_reads_leave_connections_for_the_others() {
    let harness = Engine::Postgres.start().await;
    let [slow, quiet] = [harness.tenant(1, 10).await, harness.tenant(2, 10).await];
    let superuser_url = &harness.database.as_ref().unwrap().superuser_url;
    // Whoever looks at the activity must not be in a transaction: there it stays as it was at the first look.
    let (owner, watcher) = (connect(superuser_url).await, connect(superuser_url).await);
    owner.batch_execute("BEGIN; LOCK TABLE tenant.job IN ACCESS EXCLUSIVE MODE").await.unwrap();
    // More than the pool has connections, and each waits for the lock.
    let flood: Vec<_> = (0..20)
        .map(|_| {
            let slow = slow.clone();
            tokio::spawn(async move { slow.next_due().await })
        })
        .collect();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while count(&watcher, waiting).await < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    for _ in 0..20 {
        let read = tokio::time::timeout(std::time::Duration::from_secs(2), quiet.tenant()).await;
        assert!(read.expect("another tenant's reads are in the way").unwrap().is_some());
    }
    assert_eq!(count(&watcher, waiting).await, 2, "a quarter of the pool of 8");
    owner.batch_execute("COMMIT").await.unwrap();
    for read in flood {
        read.await.unwrap().unwrap();
    }
}
