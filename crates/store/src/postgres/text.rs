//! From this crate's SQL to PostgreSQL's: `?1` becomes `$1`, and a guard becomes part of its statement.

use crate::engine::Expect;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// How a statement is wrapped.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// As it is.
    Plain,
    /// Fails unless it changed one row.
    OneChanged,
    /// Fails unless it found one row.
    OneFound,
    /// For many rows; guarded or not.
    Many(bool),
}

impl From<Expect> for Form {
    fn from(expect: Expect) -> Self {
        match expect {
            Expect::Anything => Self::Plain,
            Expect::OneChanged(_) => Self::OneChanged,
            Expect::OneFound(_) => Self::OneFound,
        }
    }
}

/// The rewritten texts; each is made once. A `&'static str` is known by where it stands.
#[derive(Default)]
pub(super) struct Texts(RwLock<HashMap<(usize, usize, Form), Arc<str>>>);

impl Texts {
    pub(super) fn rewritten(&self, sql: &'static str, form: Form) -> Arc<str> {
        self.known(sql, form).unwrap_or_else(|| self.keep(sql, form, rewrite(sql, form)))
    }

    pub(super) fn known(&self, sql: &'static str, form: Form) -> Option<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&(sql.as_ptr().addr(), sql.len(), form)).cloned()
    }

    pub(super) fn keep(&self, sql: &'static str, form: Form, text: String) -> Arc<str> {
        let text: Arc<str> = text.into();
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert((sql.as_ptr().addr(), sql.len(), form), Arc::clone(&text));
        text
    }
}

fn rewrite(sql: &str, form: Form) -> String {
    // No text of this crate has a question mark that is not a place.
    let sql = sql.replace('?', "$");
    match form {
        Form::Plain | Form::Many(_) => sql,
        Form::OneChanged => format!("WITH act AS ({sql} RETURNING 1) SELECT platform.expect_one((SELECT count(*) FROM act))"),
        // The lock makes what was found hold until the commit: a change to it waits, or is seen.
        Form::OneFound => format!("SELECT platform.expect_one((SELECT count(*) FROM ({sql} FOR SHARE) AS found))"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_guards_are_rewritten() {
        let texts = Texts::default();
        assert_eq!(&*texts.rewritten("SELECT a FROM b WHERE c = ?1 AND d = ?12", Form::Plain), "SELECT a FROM b WHERE c = $1 AND d = $12");
        assert_eq!(
            &*texts.rewritten("DELETE FROM b WHERE c = ?1", Form::OneChanged),
            "WITH act AS (DELETE FROM b WHERE c = $1 RETURNING 1) SELECT platform.expect_one((SELECT count(*) FROM act))"
        );
    }
}
