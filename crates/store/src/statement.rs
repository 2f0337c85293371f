//! One SQL text for both engines, with its values.

use crate::value::Value;

/// A statement with `?1`, `?2` … places. The text is a constant of this crate: no SQL is put together at run time.
#[derive(Clone)]
pub(crate) struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
}

impl Statement {
    pub(crate) fn new<const N: usize>(sql: &'static str, values: [Value; N]) -> Self {
        Self { sql, values: values.into() }
    }
}

/// A statement from a text and whatever turns into values.
macro_rules! sql {
    ($sql:expr $(, $value:expr)* $(,)?) => {
        $crate::statement::Statement::new($sql, [$($crate::value::Value::from($value)),*])
    };
}
pub(crate) use sql;
