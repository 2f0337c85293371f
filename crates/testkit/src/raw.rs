//! What the server stored, from below: raw SQL, as somebody would who holds the tables and no keys.

use crate::cluster::{self, TestDatabase};
use crate::place::Place;
use rusqlite::Connection;
use std::path::PathBuf;
use std::process::Command;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls};

/// The stopped server's tables.
pub enum Raw {
    /// The directory with `platform.db` and `tenants/`.
    Sqlite(PathBuf),
    /// A connection as the superuser, whom row level security does not hold.
    Postgres(Client),
}

impl Raw {
    pub(crate) async fn open(place: &Place) -> Self {
        match &place.database {
            None => Self::Sqlite(place.data()),
            Some(database) => Self::connect(database).await,
        }
    }

    /// Over a database whose server has stopped.
    pub async fn connect(database: &TestDatabase) -> Self {
        let (client, connection) = tokio_postgres::connect(&database.superuser_url, NoTls).await.expect("the database opens");
        tokio::spawn(connection);
        client.batch_execute("SET search_path = tenant, platform").await.expect("the search path is set");
        Self::Postgres(client)
    }

    /// Runs statements without parameters in the realm's tables; on PostgreSQL the realms share them.
    pub async fn execute(&self, realm: &str, sql: &str) {
        match self {
            Self::Sqlite(_) => self.file(realm).execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}")),
            Self::Postgres(client) => client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")),
        }
    }

    /// Changes rows with binary parameters `?1`, `?2` …; how many.
    pub async fn change(&self, realm: &str, sql: &str, values: &[&[u8]]) -> u64 {
        match self {
            Self::Sqlite(_) => {
                let changed = self.file(realm).execute(sql, rusqlite::params_from_iter(values));
                changed.unwrap_or_else(|error| panic!("{sql}: {error}")) as u64
            }
            Self::Postgres(client) => {
                let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
                client.execute(&sql.replace('?', "$"), &values).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
            }
        }
    }

    /// Binary columns of the rows that a query finds, with binary parameters.
    pub async fn rows(&self, realm: &str, sql: &str, values: &[&[u8]]) -> Vec<Vec<Option<Vec<u8>>>> {
        match self {
            Self::Sqlite(_) => {
                let file = self.file(realm);
                let mut statement = file.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
                let columns = statement.column_count();
                let row = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect();
                statement.query_map(rusqlite::params_from_iter(values), row).unwrap().collect::<Result<_, _>>().unwrap()
            }
            Self::Postgres(client) => {
                let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
                let rows = client.query(&sql.replace('?', "$"), &values).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
                rows.iter().map(|row| (0..row.len()).map(|at| row.get(at)).collect()).collect()
            }
        }
    }

    /// The one number that a query finds, with the realm's id as its parameter `?1`.
    pub async fn count(&self, realm: &str, sql: &str, id: &[u8; 16]) -> i64 {
        match self {
            Self::Sqlite(_) => {
                self.file(realm).query_row(sql, [id.as_slice()], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
            }
            Self::Postgres(client) => {
                let row = client.query_one(&sql.replace("?1", "$1"), &[&id.as_slice()]).await;
                row.and_then(|row| row.try_get(0)).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
            }
        }
    }

    /// Table and column of every binary column in the realm's tables.
    pub async fn binary_columns(&self, realm: &str) -> Vec<(String, String)> {
        let sql = match self {
            Self::Sqlite(_) => {
                "SELECT CAST(m.name AS BLOB), CAST(c.name AS BLOB) FROM sqlite_master m, pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND c.type = 'BLOB' ORDER BY 1, 2"
            }
            Self::Postgres(_) => {
                "SELECT convert_to(table_name, 'UTF8'), convert_to(column_name, 'UTF8') FROM information_schema.columns
                 WHERE table_schema = 'tenant' AND data_type = 'bytea' ORDER BY 1, 2"
            }
        };
        let text = |value: Option<Vec<u8>>| String::from_utf8(value.unwrap()).unwrap();
        self.rows(realm, sql, &[])
            .await
            .into_iter()
            .map(|row| row.into_iter().map(text))
            .map(|mut row| (row.next().unwrap(), row.next().unwrap()))
            .collect()
    }

    /// Has everything written to files and says where these lie; PostgreSQL only, for SQLite's are the realm's own.
    pub async fn written_out(&self) -> Vec<PathBuf> {
        let Self::Postgres(client) = self else { return Vec::new() };
        client.batch_execute("CHECKPOINT").await.unwrap();
        let one = async |sql: &str| client.query_one(sql, &[]).await.unwrap().get::<_, String>(0);
        let root = PathBuf::from(one("SHOW data_directory").await);
        let own = one("SELECT oid::text FROM pg_database WHERE datname = current_database()").await;
        vec![root.join("base").join(own), root.join("pg_wal")]
    }

    /// The database as `pg_dump` writes it; PostgreSQL only.
    pub async fn dump(&self) -> Vec<u8> {
        let Self::Postgres(client) = self else { return Vec::new() };
        let one = async |sql: &str| client.query_one(sql, &[]).await.unwrap().get::<_, String>(0);
        let database = one("SELECT current_database()::TEXT").await;
        // The first of several.
        let socket = one("SHOW unix_socket_directories").await;
        let host = socket.split(',').next().unwrap_or_default().trim().to_owned();
        let output = Command::new(cluster::programs().join("pg_dump")).args(["-U", "postgres", "-h", &host, &database]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn file(&self, realm: &str) -> Connection {
        let Self::Sqlite(directory) = self else { panic!("only SQLite has files") };
        let platform = chancery_domain::TenantId::PLATFORM.to_string();
        let path = if realm == platform { directory.join("platform.db") } else { directory.join(format!("tenants/{realm}.db")) };
        Connection::open_with_flags_and_vfs(&path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE, "unix")
            .unwrap_or_else(|error| panic!("{error}"))
    }
}
