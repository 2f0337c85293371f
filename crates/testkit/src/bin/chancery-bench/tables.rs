//! The tables of the first tenant's SQLite file, seen from outside.

use crate::ground::Ground;
use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;

/// The bytes of each table with its indexes.
pub(crate) fn bytes(ground: &Ground) -> Result<BTreeMap<String, i64>> {
    let connection = open(ground)?;
    let mut query = connection.prepare(
        "SELECT coalesce(s.tbl_name, 'schema'), sum(d.pgsize) FROM dbstat d LEFT JOIN sqlite_schema s ON s.name = d.name
         WHERE d.aggregate = TRUE GROUP BY 1",
    )?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many rows each table has.
pub(crate) fn rows(ground: &Ground) -> Result<BTreeMap<String, i64>> {
    let connection = open(ground)?;
    let mut query = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let names: Vec<String> = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let count = |name: String| {
        let rows = connection.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0))?;
        Ok((name, rows))
    };
    names.into_iter().map(count).collect()
}

fn open(ground: &Ground) -> Result<Connection> {
    let tenant = ground.tenants.first().context("no tenant")?.id;
    let path = ground.config().data_dir.join("tenants").join(format!("{tenant}.db"));
    Ok(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
}
