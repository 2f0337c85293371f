//! What the catalogues of both engines tell of a schema and of what stands in it, in words that compare.

use crate::cluster::TestDatabase;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::{Client, NoTls};

/// A schema, a line for each column, key, index and further rule.
pub(crate) type Lines = BTreeSet<String>;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) table: String,
    pub(crate) name: String,
    /// `TEXT`, `BIGINT` or `BLOB`.
    pub(crate) kind: String,
    pub(crate) nullable: bool,
    pub(crate) default: Option<String>,
}

/// The rows of each table: what stands in each column, nothing where that is null.
pub(crate) type Tables = BTreeMap<String, Vec<BTreeMap<String, Option<String>>>>;

impl Column {
    fn line(&self) -> String {
        let nullable = if self.nullable { "null" } else { "not null" };
        format!("column {}.{} {} {nullable} default {:?}", self.table, self.name, self.kind, self.default)
    }
}

/// Fails with the lines that only one of them has.
#[track_caller]
pub(crate) fn are_same(one: &Lines, other: &Lines, what: &str) {
    assert!(one.len() > 1, "{what} is read");
    let only = |one: &Lines, other: &Lines| one.difference(other).cloned().collect::<Vec<_>>();
    assert_eq!(only(one, other), only(other, one), "{what}");
}

/// The columns by table, tables in order.
pub(crate) fn by_table(columns: &[Column]) -> BTreeMap<&str, Vec<&Column>> {
    let mut tables: BTreeMap<&str, Vec<&Column>> = BTreeMap::new();
    columns.iter().for_each(|column| tables.entry(&column.table).or_default().push(column));
    tables
}

pub(crate) fn sqlite_columns(file: &Connection) -> Vec<Column> {
    let sql = "SELECT m.name, c.name, c.type, c.\"notnull\", c.dflt_value FROM sqlite_schema m, pragma_table_info(m.name) c
        WHERE m.type = 'table' ORDER BY 1, c.cid";
    let mut statement = file.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| {
        let nullable = !row.get::<_, bool>(3)?;
        Ok(Column { table: row.get(0)?, name: row.get(1)?, kind: row.get(2)?, nullable, default: row.get(4)? })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// Columns and indexes, as both engines have them.
pub(crate) fn sqlite_shape(file: &Connection) -> Lines {
    let sql = "SELECT iif(i.origin = 'c', i.name, ''), m.name, i.\"unique\", (SELECT group_concat(c.name, ', ') FROM pragma_index_info(i.name) c),
        (SELECT s.sql FROM sqlite_schema s WHERE s.type = 'index' AND s.name = i.name)
        FROM sqlite_schema m, pragma_index_list(m.name) i WHERE m.type = 'table'";
    let mut statement = file.prepare(sql).unwrap();
    let indexes = statement.query_map([], |row| {
        let sql: Option<String> = row.get(4)?;
        let only = sql.and_then(|sql| Some(sql.split_once(" WHERE ")?.1.to_owned()));
        Ok(index(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, only))
    });
    let indexes = indexes.unwrap().map(Result::unwrap);
    sqlite_columns(file).iter().map(Column::line).chain(indexes).collect()
}

/// All of that, and every statement as the file keeps it, checks included.
pub(crate) fn sqlite_whole(file: &Connection) -> Lines {
    let mut statement = file.prepare("SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_schema").unwrap();
    let statements = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap);
    sqlite_shape(file).into_iter().chain(statements).collect()
}

pub(crate) fn sqlite_rows(file: &Connection) -> Tables {
    let read = |(table, columns): (&str, Vec<&Column>)| {
        let selected: Vec<_> = columns.iter().map(|column| format!("CASE WHEN {0} IS NOT NULL THEN quote({0}) END", column.name)).collect();
        let mut statement = file.prepare(&format!("SELECT {} FROM {table}", selected.join(", "))).unwrap();
        let rows = statement.query_map([], |row| {
            let value = |(at, column): (usize, &&Column)| Ok((column.name.clone(), row.get::<_, Option<String>>(at)?.map(bare)));
            columns.iter().enumerate().map(value).collect()
        });
        (table.to_owned(), rows.unwrap().map(Result::unwrap).collect())
    };
    by_table(&sqlite_columns(file)).into_iter().map(read).collect()
}

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) async fn postgres_columns(client: &Client) -> Vec<Column> {
    let sql = "SELECT c.oid::regclass::TEXT, a.attname::TEXT, upper(format_type(a.atttypid, a.atttypmod)), NOT a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relkind IN ('r', 'p')
        AND c.relnamespace::regnamespace::TEXT IN ('tenant', 'platform', 'keyring') ORDER BY 1, a.attnum";
    let rows = client.query(sql, &[]).await.unwrap();
    let column = |row: &tokio_postgres::Row| Column {
        table: row.get(0),
        name: row.get(1),
        kind: row.get::<_, String>(2).replace("BYTEA", "BLOB"),
        nullable: row.get(3),
        default: row.get::<_, Option<String>>(4).map(|text| text.replace("::text", "")),
    };
    rows.iter().map(column).collect()
}

/// Columns and indexes, as both engines have them; tables with their schema before them.
pub(crate) async fn postgres_shape(client: &Client) -> Lines {
    let sql = "SELECT CASE WHEN EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.oid) THEN '' ELSE x.relname END::TEXT,
        i.indrelid::regclass::TEXT, i.indisunique,
        (SELECT string_agg(pg_get_indexdef(x.oid, n, true), ', ' ORDER BY n) FROM generate_series(1, i.indnkeyatts) n),
        pg_get_expr(i.indpred, i.indrelid) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
        WHERE x.relnamespace::regnamespace::TEXT IN ('tenant', 'platform', 'keyring')";
    let rows = client.query(sql, &[]).await.unwrap();
    let indexes = rows.iter().map(|row| {
        let only: Option<String> = row.get(4);
        let only = only.map(|text| text.trim_start_matches('(').trim_end_matches(')').replace("::text", ""));
        index(row.get(0), row.get(1), row.get(2), row.get(3), only)
    });
    postgres_columns(client).await.iter().map(Column::line).chain(indexes).collect()
}

/// All of that, and rules, policies, rights, owners and functions.
pub(crate) async fn postgres_whole(client: &Client) -> Lines {
    let ours = "IN ('tenant', 'platform', 'keyring')";
    let sql = format!(
        "SELECT concat_ws(' ', 'rule', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace::regnamespace::TEXT {ours}
         UNION SELECT concat_ws(' ', 'policy', schemaname, tablename, policyname, permissive, roles, cmd, qual, '|', with_check) FROM pg_policies
         UNION SELECT concat_ws(' ', relkind, oid::regclass, relowner::regrole, relrowsecurity, relforcerowsecurity, relacl) FROM pg_class WHERE relnamespace::regnamespace::TEXT {ours}
         UNION SELECT concat_ws(' ', proacl, pg_get_functiondef(oid)) FROM pg_proc WHERE pronamespace::regnamespace::TEXT {ours}
         UNION SELECT concat_ws(' ', nspname, nspowner::regrole, nspacl) FROM pg_namespace WHERE nspname {ours}
         UNION SELECT pg_get_triggerdef(oid) FROM pg_trigger"
    );
    let lines = client.query(&sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect::<Lines>();
    postgres_shape(client).await.into_iter().chain(lines).collect()
}

/// As a superuser, whom no policy hides anything from.
pub(crate) async fn postgres_rows(database: &TestDatabase) -> Tables {
    let client = connect(&database.superuser_url).await;
    let mut tables = Tables::new();
    for (table, columns) in by_table(&postgres_columns(&client).await) {
        let selected: Vec<_> = columns.iter().map(|column| format!("{}::TEXT", column.name)).collect();
        let rows = client.query(&format!("SELECT {} FROM {table}", selected.join(", ")), &[]).await.unwrap();
        let row = |row: &tokio_postgres::Row| columns.iter().enumerate().map(|(at, column)| (column.name.clone(), row.get(at))).collect();
        tables.insert(table.to_owned(), rows.iter().map(row).collect());
    }
    tables
}

/// An index or key; those that come with a table have no name of their own.
fn index(name: String, table: String, unique: bool, columns: String, only: Option<String>) -> String {
    let unique = if unique { "unique" } else { "many" };
    format!("index {name} {table} ({columns}) {unique} where {only:?}")
}

/// A quoted value without its quotes.
fn bare(quoted: String) -> String {
    quoted.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).map_or(quoted.clone(), str::to_owned)
}
