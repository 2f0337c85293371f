//! Validity: written as RFC 5280 says, in order, and within the issuer's.

use super::{Lint, Linted, rule};
use crate::time::from_x509;
use der::asn1::UtcTime;
use x509_cert::time::Time;

pub(super) const ENCODING: Lint = Lint { code: "validity-encoding", source: "RFC 5280 section 4.1.2.5", check: encoding };
pub(super) const ORDER: Lint = Lint { code: "validity-order", source: "RFC 5280 section 4.1.2.5", check: order };
pub(super) const WITHIN_ISSUER: Lint = Lint {
    code: "validity-within-issuer",
    source: "Chancery: a certificate that outlives its issuer stops to verify early",
    check: within,
};

fn encoding(linted: &Linted<'_>) -> Result<(), String> {
    for time in [linted.tbs.validity.not_before, linted.tbs.validity.not_after] {
        let year = time.to_date_time().year();
        let as_utc = matches!(time, Time::UtcTime(_));
        rule(as_utc == (year <= UtcTime::MAX_YEAR), || format!("{time}: UTCTime through 2049, GeneralizedTime after"))?;
        // The writer moves times outside of 1970 to 9999 to these bounds; the last second of 9999 would mean "no end".
        let seconds = time.to_unix_duration().as_secs();
        rule(seconds > 0 && seconds < 253_402_300_799, || format!("{time}: outside of what can be written"))?;
    }
    Ok(())
}

fn order(linted: &Linted<'_>) -> Result<(), String> {
    let (from, to) = (linted.tbs.validity.not_before, linted.tbs.validity.not_after);
    rule(from_x509(from) <= from_x509(to), || format!("notAfter {to} lies before notBefore {from}"))
}

fn within(linted: &Linted<'_>) -> Result<(), String> {
    let Some(issuer) = linted.expected.issuer() else { return Ok(()) };
    let (from, to) = (from_x509(linted.tbs.validity.not_before), from_x509(linted.tbs.validity.not_after));
    rule(issuer.not_before() <= from && to <= issuer.not_after(), || {
        format!("{from} to {to} is not within the issuer's {} to {}", issuer.not_before(), issuer.not_after())
    })
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::{codes, leaf, root};
    use chancery_domain::Timestamp;

    #[test]
    fn ordered_within_the_issuer_and_writable() {
        assert!(codes(root()).is_empty());
        let moved = |from: i64, to: i64| {
            codes(leaf().with(move |fields| {
                fields.not_before = Timestamp::from_seconds(from);
                fields.not_after = Timestamp::from_seconds(to);
            }))
        };
        let (start, end) = (1_800_000_000, 2_000_000_000);
        assert!(moved(start, end).is_empty());
        assert_eq!(moved(start + 1, start), ["validity-order"]);
        assert_eq!(moved(start - 1, end), ["validity-within-issuer"]);
        assert_eq!(moved(start, end + 1), ["validity-within-issuer"]);
        let unbounded = root().with(|fields| fields.not_after = Timestamp::from_seconds(i64::MAX / 1000));
        assert_eq!(codes(unbounded), ["validity-encoding"]);
        let ancient = root().with(|fields| fields.not_before = Timestamp::from_seconds(-1));
        assert_eq!(codes(ancient), ["validity-encoding"]);
        // 20491231235959Z as GeneralizedTime where UTCTime is due
        let needle = b"\x17\x0d270115080000Z".to_vec();
        assert_eq!(codes(leaf().replaced(&needle, b"\x18\x0f20270115080000Z")), ["validity-encoding"]);
    }
}
