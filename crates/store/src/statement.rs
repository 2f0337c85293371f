//! One SQL text for both engines, with its values.

use crate::value::Value;
use chancery_domain::enforced;
use chancery_domain::enforced::SWITCHABLE;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A statement with `?1`, `?2` … places. The text is a constant of this crate: no SQL is put together at run time.
#[derive(Clone)]
pub(crate) struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
}

impl Statement {
    pub(crate) fn new<const N: usize>(sql: &'static str, values: [Value; N]) -> Self {
        Self { sql: if SWITCHABLE { switched(sql) } else { sql }, values: values.into() }
    }
}

/// For tests of the one layer: the statement without its condition on the tenant, if that of its first table is switched off.
fn switched(sql: &'static str) -> &'static str {
    let after = |word: &str| sql.split_once(word).and_then(|(_, rest)| rest.split_whitespace().next());
    let table = after("FROM ").or_else(|| after("UPDATE ")).unwrap_or_default();
    if enforced!("where", table) {
        return sql;
    }
    static TEXTS: Mutex<BTreeMap<&'static str, &'static str>> = Mutex::new(BTreeMap::new());
    let without = |sql: &str| {
        ["", "c.", "n.", "p.", "q."].iter().fold(sql.to_owned(), |sql, alias| {
            sql.replace(&format!(" {alias}tenant_id = ?1"), &format!(" ({alias}tenant_id = ?1 OR 1 = 1)"))
        })
    };
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    // A text is known by where it stands, so each is made once.
    texts.entry(sql).or_insert_with(|| without(sql).leak())
}

/// A statement from a text and whatever turns into values.
macro_rules! sql {
    ($sql:expr $(, $value:expr)* $(,)?) => {
        $crate::statement::Statement::new($sql, [$($crate::value::Value::from($value)),*])
    };
}
pub(crate) use sql;
