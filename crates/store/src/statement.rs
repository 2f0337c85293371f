//! One SQL text for both engines, with its values.

use crate::value::Value;
use chancery_domain::enforced;
use chancery_domain::enforced::SWITCHABLE;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A statement with `?1`, `?2` … places. The text is a constant of this crate: no SQL is put together at run time.
#[derive(Clone)]
pub(crate) struct Statement {
    sql: &'static str,
    values: Vec<Value>,
}

impl Statement {
    pub(crate) fn new(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self { sql: if SWITCHABLE { switched(sql) } else { sql }, values: values.into() }
    }
    pub(crate) const fn sql(&self) -> &'static str {
        self.sql
    }
    pub(crate) fn values(&self) -> &[Value] {
        &self.values
    }
}

/// For tests of the one layer: the statement without its conditions on the tenant, as far as they are of a table that is switched off.
fn switched(sql: &'static str) -> &'static str {
    let tables = || ["FROM ", "JOIN ", "UPDATE "].into_iter().flat_map(|word| sql.split(word).skip(1)).filter_map(table_and_alias);
    let off: Vec<_> = tables().filter(|(table, _)| !enforced!("where", table)).map(|(_, alias)| alias).collect();
    if off.is_empty() {
        return sql;
    }
    static TEXTS: Mutex<BTreeMap<&'static str, &'static str>> = Mutex::new(BTreeMap::new());
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    // A text is known by where it stands, so each is made once.
    texts.entry(sql).or_insert_with(|| {
        let mut text = sql.to_owned();
        for own in off {
            // What a joined table is bound to, or what it is bound by.
            for condition in std::iter::once(format!("{own}tenant_id = ?1"))
                .chain(tables().map(|(_, other)| format!("{other}tenant_id = {own}tenant_id")))
            {
                text = text.replace(&format!(" {condition}"), &format!(" ({condition} OR 1 = 1)"));
            }
        }
        text.leak()
    })
}

/// `certificate` and `c.` of `certificate c WHERE …`; without an alias its columns stand alone.
fn table_and_alias(rest: &str) -> Option<(&str, String)> {
    let mut words = rest.split_whitespace();
    let table = words.next()?;
    let alias = words.next().filter(|word| word.len() == 1 && word.chars().all(|letter| letter.is_ascii_lowercase()));
    Some((table, alias.map_or_else(String::new, |alias| format!("{alias}."))))
}

/// A statement from a text and whatever turns into values.
macro_rules! sql {
    ($sql:expr $(, $value:expr)* $(,)?) => {
        $crate::statement::Statement::new($sql, [$($crate::value::Value::from($value)),*])
    };
}
pub(crate) use sql;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_known_with_its_alias() {
        assert_eq!(table_and_alias("certificate c WHERE c.id = ?2"), Some(("certificate", "c.".to_owned())));
        assert_eq!(table_and_alias("account WHERE id = ?2"), Some(("account", String::new())));
        assert_eq!(table_and_alias("job\n SET a = 1"), Some(("job", String::new())));
        assert_eq!(table_and_alias(""), None);
    }
}
