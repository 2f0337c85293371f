//! X.509 times: whole seconds, UTCTime through 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5).

use crate::der_out::{DerOut, GENERALIZED_TIME, UTC_TIME};
use chancery_domain::Timestamp;
use der::DateTime;
use std::time::Duration;
use x509_cert::time::Time;

/// The first second of 2050.
const YEAR_2050: i64 = 2_524_608_000;
/// The last second of 9999.
const LAST: i64 = 253_402_300_799;

/// Writes a time; what lies outside of 1970 to 9999 is written as the nearest that does not (the lint then finds the difference).
pub(crate) fn write(out: &mut DerOut, time: Timestamp) {
    let seconds = time.seconds().clamp(0, LAST);
    let Ok(date) = DateTime::from_unix_duration(Duration::from_secs(seconds.unsigned_abs())) else { return };
    let mut digits = [0; 15];
    let century = [date.year() / 100, date.year() % 100].map(|n| u8::try_from(n).unwrap_or_default());
    let rest = [date.month(), date.day(), date.hour(), date.minutes(), date.seconds()];
    for (slots, number) in digits.chunks_exact_mut(2).zip(century.into_iter().chain(rest)) {
        if let [tens, ones] = slots {
            (*tens, *ones) = (b'0' + number / 10, b'0' + number % 10);
        }
    }
    digits[14] = b'Z';
    if seconds < YEAR_2050 {
        out.value(UTC_TIME, &digits[2..]);
    } else {
        out.value(GENERALIZED_TIME, &digits);
    }
}

/// A parsed time.
pub(crate) fn from_x509(time: Time) -> Timestamp {
    Timestamp::from_seconds(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::Decode;

    #[test]
    fn written_as_rfc_5280_says_and_read_back() {
        for (text, tag) in [
            ("1970-01-01T00:00:00Z", UTC_TIME),
            ("2049-12-31T23:59:59Z", UTC_TIME),
            ("2050-01-01T00:00:00Z", GENERALIZED_TIME),
            ("9999-12-30T00:00:00Z", GENERALIZED_TIME),
        ] {
            let time = Timestamp::parse(text).unwrap();
            let der = DerOut::document(17, |out| write(out, time));
            assert_eq!(der[0], tag, "{text}");
            assert_eq!(from_x509(Time::from_der(&der).unwrap()), time);
        }
    }
}
