//! Serial numbers are positive, unpredictable and short enough (THREATS 12).

use super::{Lint, Linted, rule};

pub(super) const SERIAL: Lint = Lint { code: "serial", source: "RFC 5280 section 4.1.2.2; CA/B Baseline Requirements section 7.1", check };

fn check(linted: &Linted<'_>) -> Result<(), String> {
    let octets = linted.tbs.serial;
    let positive = octets.first().is_some_and(|first| first & 0x80 == 0);
    rule(positive, || "the serial number is negative".to_owned())?;
    rule(octets.len() <= 20, || format!("the serial number has {} octets, at most 20 are allowed", octets.len()))?;
    let significant = octets.iter().skip_while(|octet| **octet == 0);
    rule(significant.count() >= 8, || "the serial number has fewer than 64 significant bits".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::lint::fixture::{codes, leaf};

    #[test]
    fn positive_long_and_not_too_long() {
        assert!(codes(leaf()).is_empty());
        for serial in [vec![0x80; 16], vec![0x7f; 21], vec![0x7f; 7], vec![0], vec![0x00, 0x80, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(codes(leaf().with(|fields| fields.serial = serial.clone())), ["serial"], "{serial:02x?}");
        }
    }
}
