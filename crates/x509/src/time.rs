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
    let digits = digits(seconds);
    if seconds < YEAR_2050 {
        out.value(UTC_TIME, &digits[2..]);
    } else {
        out.value(GENERALIZED_TIME, &digits);
    }
}

/// Writes a GeneralizedTime whatever the year, without fractions (RFC 3161 section 2.4.2).
pub(crate) fn write_generalized(out: &mut DerOut, time: Timestamp) {
    out.value(GENERALIZED_TIME, &digits(time.seconds().clamp(0, LAST)));
}

/// Reads the content of a GeneralizedTime that may have fractions of a second, written without a zero at the end (RFC 3161
/// section 2.4.2); what is finer than milliseconds is cut off.
pub(crate) fn read_generalized(content: &[u8]) -> Option<Timestamp> {
    let (whole, fraction) = content.strip_suffix(b"Z")?.split_at_checked(14)?;
    let number = |from: usize, to: usize| -> Option<u16> {
        let digits = whole.get(from..to)?;
        digits.iter().try_fold(0, |number: u16, digit| Some(number * 10 + u16::from(digit.is_ascii_digit().then(|| digit - b'0')?)))
    };
    let part = |from| number(from, from + 2).and_then(|part| u8::try_from(part).ok());
    let date = DateTime::new(number(0, 4)?, part(4)?, part(6)?, part(8)?, part(10)?, part(12)?).ok()?;
    let seconds = i64::try_from(date.unix_duration().as_secs()).ok()?;
    let millis = match fraction.strip_prefix(b".") {
        None if fraction.is_empty() => 0,
        Some(digits) if digits.iter().all(u8::is_ascii_digit) && digits.last().is_some_and(|last| *last != b'0') => {
            digits.iter().chain(b"00").take(3).fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
        }
        _ => return None,
    };
    Some(Timestamp::from_millis(seconds * 1000 + millis))
}

fn digits(seconds: i64) -> [u8; 15] {
    let mut digits = *b"19700101000000Z";
    let Ok(date) = DateTime::from_unix_duration(Duration::from_secs(seconds.unsigned_abs())) else { return digits };
    let century = [date.year() / 100, date.year() % 100].map(|n| u8::try_from(n).unwrap_or_default());
    let rest = [date.month(), date.day(), date.hour(), date.minutes(), date.seconds()];
    for (slots, number) in digits.chunks_exact_mut(2).zip(century.into_iter().chain(rest)) {
        if let [tens, ones] = slots {
            (*tens, *ones) = (b'0' + number / 10, b'0' + number % 10);
        }
    }
    digits
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
    fn fractions_are_read() {
        for (content, millis) in
            [("20261121120000Z", 0), ("20261121120000.5Z", 500), ("20261121120000.123456Z", 123), ("20261121120000.01Z", 10)]
        {
            let whole = Timestamp::parse("2026-11-21T12:00:00Z").unwrap().millis();
            assert_eq!(read_generalized(content.as_bytes()).map(|time| time.millis() - whole), Some(millis), "{content}");
        }
        for bad in
            ["20261121120000", "20261121120000.Z", "20261121120000.50Z", "20261131120000Z", "2026112112000Z", "20261121120000+0000", "Z"]
        {
            assert_eq!(read_generalized(bad.as_bytes()), None, "{bad}");
        }
    }

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
