//! The three column types that both engines share, and rows of them.

use crate::StoreError;
use chancery_domain::{Sealed, Timestamp};
use smallvec::SmallVec;

/// A column's value: TEXT, BIGINT, BLOB or BYTEA, or NULL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// TEXT.
    Text(String),
    /// BLOB on SQLite, BYTEA on PostgreSQL.
    Blob(Bytes),
}

/// Ids and blind index values, most of what is bound, stand in the value itself.
pub(crate) type Bytes = SmallVec<[u8; 16]>;

/// A row of a result, columns in the order of the SELECT.
pub(crate) struct Row(pub(crate) Vec<Value>);

impl Row {
    fn column(&self, at: usize) -> Result<&Value, StoreError> {
        self.0.get(at).ok_or(StoreError::Malformed("a column is missing"))
    }
    pub(crate) fn int(&self, at: usize) -> Result<i64, StoreError> {
        match self.column(at)? {
            Value::Int(n) => Ok(*n),
            _ => Err(StoreError::Malformed("a whole number was expected")),
        }
    }
    pub(crate) fn unsigned(&self, at: usize) -> Result<u32, StoreError> {
        u32::try_from(self.int(at)?).map_err(|_| StoreError::Malformed("a number is out of range"))
    }
    /// A number that is never negative.
    pub(crate) fn count(&self, at: usize) -> Result<u64, StoreError> {
        u64::try_from(self.int(at)?).map_err(|_| StoreError::Malformed("a number is negative"))
    }
    pub(crate) fn time(&self, at: usize) -> Result<Timestamp, StoreError> {
        self.int(at).map(Timestamp::from_millis)
    }
    pub(crate) fn time_or_null(&self, at: usize) -> Result<Option<Timestamp>, StoreError> {
        if self.is_null(at)? { Ok(None) } else { self.time(at).map(Some) }
    }
    pub(crate) fn text(&self, at: usize) -> Result<&str, StoreError> {
        match self.column(at)? {
            Value::Text(text) => Ok(text),
            _ => Err(StoreError::Malformed("a text was expected")),
        }
    }
    pub(crate) fn blob(&self, at: usize) -> Result<&[u8], StoreError> {
        match self.column(at)? {
            Value::Blob(bytes) => Ok(bytes),
            _ => Err(StoreError::Malformed("bytes were expected")),
        }
    }
    pub(crate) fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], StoreError> {
        self.blob(at)?.try_into().map_err(|_| StoreError::Malformed("bytes of another length were expected"))
    }
    pub(crate) fn sealed(&self, at: usize) -> Result<Sealed, StoreError> {
        self.blob(at).map(|bytes| Sealed::from_ciphertext(bytes.to_vec()))
    }
    pub(crate) fn is_null(&self, at: usize) -> Result<bool, StoreError> {
        self.column(at).map(|value| *value == Value::Null)
    }
    /// An id column.
    pub(crate) fn id<T>(&self, at: usize, from: fn([u8; 16]) -> T) -> Result<T, StoreError> {
        self.array(at).map(from)
    }
    /// An id column that may be NULL.
    pub(crate) fn id_or_null<T>(&self, at: usize, from: fn([u8; 16]) -> T) -> Result<Option<T>, StoreError> {
        if self.is_null(at)? { Ok(None) } else { self.id(at, from).map(Some) }
    }
    /// A column that holds the name of a known value.
    pub(crate) fn named<T>(&self, at: usize, from: fn(&str) -> Option<T>) -> Result<T, StoreError> {
        from(self.text(at)?).ok_or(StoreError::Malformed("an unknown name stands in a column"))
    }
}

macro_rules! into_value {
    ($($from:ty, $this:ident => $value:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($this: $from) -> Self {
                $value
            }
        }
    )*};
}

into_value! {
    i64, n => Value::Int(n);
    u32, n => Value::Int(i64::from(n));
    &str, text => Value::Text(text.to_owned());
    String, text => Value::Text(text);
    Vec<u8>, bytes => Value::Blob(bytes.into());
    &[u8], bytes => Value::Blob(bytes.into());
    &[u8; 16], bytes => Value::Blob(bytes.as_slice().into());
    &[u8; 32], bytes => Value::Blob(bytes.as_slice().into());
    Timestamp, time => Value::Int(time.millis());
    &Sealed, sealed => Value::Blob(sealed.as_bytes().into());
    Sealed, sealed => Value::Blob(sealed.into_bytes().into());
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(option: Option<T>) -> Self {
        option.map_or(Self::Null, Into::into)
    }
}
