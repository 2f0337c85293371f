//! Points in time as milliseconds since the Unix epoch, UTC.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z. Serialized as RFC 3339 text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is no RFC 3339 instant.
#[derive(Debug, thiserror::Error)]
#[error("not a point in time: give RFC 3339, for example 2026-11-21T00:00:00Z")]
pub struct BadTimestamp;

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }
    /// From whole seconds since the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }
    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }
    /// Whole seconds since the epoch, rounded down (X.509 knows no fractions).
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
    /// This time without its fraction of a second.
    pub const fn whole_second(self) -> Self {
        Self::from_seconds(self.seconds())
    }
    /// `duration` later.
    pub const fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
    /// `duration` earlier.
    pub const fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
    /// From an RFC 3339 text.
    pub fn parse(text: &str) -> Result<Self, BadTimestamp> {
        text.parse::<jiff::Timestamp>().map(|t| Self(t.as_millisecond())).map_err(|_| BadTimestamp)
    }
}

const fn millis(duration: Duration) -> i64 {
    let millis = duration.as_millis();
    if millis > i64::MAX as u128 { i64::MAX } else { millis as i64 }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let time = Timestamp::from_millis(1_795_219_200_123);
        assert_eq!(Timestamp::parse(&time.to_string()).unwrap(), time);
        assert_eq!(Timestamp::from_millis(-1).seconds(), -1);
    }
}
