//! What is done on one connection: reads in one snapshot, and write-sets of one tenant in one transaction.

use super::file::store_error;
use super::queue::{Commit, Read};
use crate::engine::{Expect, Step};
use crate::statement::Statement;
use crate::value::{Row, Value};
use crate::{CommitError, StoreError};
use chancery_domain::{broken, kill_point};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

/// Answers the reads out of one snapshot, for each transaction asks the system for its locks; false when the connection must not
/// be used again.
pub(super) fn read(connection: &Connection, reads: Vec<Read>) -> bool {
    // One query is a snapshot by itself.
    let several = reads.iter().map(|(queries, _)| queries.len()).sum::<usize>() > 1;
    let begun = if several { run(connection, "BEGIN") } else { Ok(()) };
    let mut sound = true;
    for (queries, reply) in reads {
        let found = match &begun {
            Err(error) => Err(error.again()),
            Ok(()) if several && connection.is_autocommit() => Err(StoreError::Unavailable("the snapshot ended with an error".to_owned())),
            Ok(()) => queries.iter().map(|query| rows(connection, query)).collect(),
        };
        sound &= !matches!(found, Err(StoreError::Medium(_)));
        // An error to send means that nobody waits any more.
        let _ = reply.send(found);
    }
    sound && (connection.is_autocommit() || run(connection, "ROLLBACK").is_ok())
}

/// Commits the write-sets in one transaction and answers each; false when the connection must not be used again.
pub(super) fn commit(connection: &Connection, sets: Vec<Commit>) -> bool {
    if sets.is_empty() {
        return true;
    }
    let mut answers = Vec::with_capacity(sets.len());
    kill_point!("sqlite.commit.begin");
    let late = broken!("sqlite.answer-before-commit");
    let outcome = take_sets(connection, &sets, &mut answers).and_then(|()| if late { Ok(()) } else { end(connection) });
    // A transaction that did not end well must not outlive this call.
    let ended = late || connection.is_autocommit() || run(connection, "ROLLBACK").is_ok();
    match &outcome {
        Ok(()) => {
            kill_point!("sqlite.commit.after");
            sets.into_iter().zip(answers).for_each(|((_, reply), answer)| drop(reply.send(answer)));
            kill_point!("sqlite.commit.answered");
        }
        // Nothing was acknowledged yet, so nothing needs to be taken back.
        Err(error) => sets.into_iter().for_each(|(_, reply)| drop(reply.send(Err(CommitError::Store(error.again()))))),
    }
    if late {
        // As long as a disk takes: in memory nobody would hear the answer before the end.
        std::thread::sleep(std::time::Duration::from_millis(5));
        return end(connection).is_ok();
    }
    ended && !matches!(outcome, Err(StoreError::Medium(_)))
}

fn take_sets(connection: &Connection, sets: &[Commit], answers: &mut Vec<Result<(), CommitError>>) -> Result<(), StoreError> {
    // A savepoint copies each page that is changed after it, and nearly always every set stands: so first without.
    match (take_all(connection, sets)?, sets.len()) {
        (Ok(()), _) => answers.extend(sets.iter().map(|_| Ok(()))),
        (Err(refused), 1) => answers.push(Err(refused)),
        (Err(_), _) => take_each(connection, sets, answers)?,
    }
    Ok(())
}

/// Takes all sets in a transaction that is left open; if one is refused, nothing is left of it.
fn take_all(connection: &Connection, sets: &[Commit]) -> Result<Result<(), CommitError>, StoreError> {
    run(connection, "BEGIN IMMEDIATE")?;
    for (steps, _) in sets {
        match take_steps(connection, steps) {
            Ok(()) => {}
            Err(CommitError::Store(error @ (StoreError::Full(_) | StoreError::Medium(_)))) => return Err(error),
            Err(refused) if connection.is_autocommit() => return Ok(Err(refused)),
            Err(refused) => return run(connection, "ROLLBACK").map(|()| Err(refused)),
        }
    }
    Ok(Ok(()))
}

/// Takes each set or leaves it, in a transaction that is left open.
fn take_each(connection: &Connection, sets: &[Commit], answers: &mut Vec<Result<(), CommitError>>) -> Result<(), StoreError> {
    run(connection, "BEGIN IMMEDIATE")?;
    for (steps, _) in sets {
        run(connection, "SAVEPOINT write_set")?;
        let answer = take_steps(connection, steps);
        match &answer {
            Err(CommitError::Store(error @ (StoreError::Full(_) | StoreError::Medium(_)))) => return Err(error.again()),
            // SQLite ended the transaction by itself: the sets before this one are gone too.
            Err(_) if connection.is_autocommit() => return Err(StoreError::Unavailable("the transaction was rolled back".to_owned())),
            Err(_) => run(connection, "ROLLBACK TO write_set")?,
            Ok(()) => {}
        }
        run(connection, "RELEASE write_set")?;
        answers.push(answer);
    }
    Ok(())
}

/// A crash before this returns leaves nothing of the sets, one after it leaves those that were kept whole (I4).
fn end(connection: &Connection) -> Result<(), StoreError> {
    kill_point!("sqlite.commit.before");
    if connection.is_autocommit() { Ok(()) } else { run(connection, "COMMIT") }
}

fn take_steps(connection: &Connection, steps: &[Step]) -> Result<(), CommitError> {
    for step in steps {
        let mut statement = bound(connection, &step.statement)?;
        match step.expect {
            Expect::Anything => drop(statement.raw_execute().map_err(|error| store_error(&error))?),
            Expect::OneChanged(guard) => {
                if statement.raw_execute().map_err(|error| store_error(&error))? != 1 {
                    return Err(CommitError::Guard(guard));
                }
            }
            Expect::OneFound(guard) => {
                let mut found = statement.raw_query();
                let mut next = || found.next().map(|row| row.is_some()).map_err(|error| store_error(&error));
                if !next()? || next()? {
                    return Err(CommitError::Guard(guard));
                }
            }
        }
    }
    Ok(())
}

fn rows(connection: &Connection, query: &Statement) -> Result<Vec<Row>, StoreError> {
    let mut statement = bound(connection, query)?;
    let columns = statement.column_count();
    let mut found = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(|error| store_error(&error))? {
        let values =
            (0..columns).map(|at| row.get_ref(at).map_err(|error| store_error(&error)).and_then(value)).collect::<Result<_, _>>()?;
        rows.push(Row(values));
    }
    Ok(rows)
}

fn bound<'c>(connection: &'c Connection, statement: &Statement) -> Result<CachedStatement<'c>, StoreError> {
    let mut prepared = connection.prepare_cached(statement.sql()).map_err(|error| store_error(&error))?;
    for (at, value) in (1..).zip(statement.values()) {
        prepared.raw_bind_parameter(at, value).map_err(|error| store_error(&error))?;
    }
    Ok(prepared)
}

fn run(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.raw_execute()).map(drop).map_err(|error| store_error(&error))
}

fn value(column: ValueRef<'_>) -> Result<Value, StoreError> {
    Ok(match column {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Int(n),
        ValueRef::Text(text) => Value::Text(str::from_utf8(text).map_err(|_| StoreError::Malformed("a text is not UTF-8"))?.to_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.into()),
        ValueRef::Real(_) => return Err(StoreError::Malformed("a column holds a fraction")),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(n) => ValueRef::Integer(*n),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
