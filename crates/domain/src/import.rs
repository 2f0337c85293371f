//! The evaluator of imports (I3): [`decide_import`] alone says what may be taken into an inventory. Nothing is issued by it, so it asks
//! no profile: its rules are the same for every tenant, and their version stands in each decision as a profile's does.

use crate::decision::Reason;
use crate::{Serial, Timestamp, enforced};

/// The version of these rules. Whoever changes one counts on.
pub const IMPORT_POLICY: u32 = 1;
/// Most names in one certificate: each is some rows of the index.
const NAMES: usize = 250;

/// What is known of a certificate that is to be taken in.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Its serial number; `None` if it is none by RFC 5280 section 4.1.2.2.
    pub serial: Option<Serial>,
    /// Whether it is an authority's.
    pub is_authority: bool,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// How many names it has.
    pub names: usize,
}

/// The evaluator's answer, kept in the event of the act or of the denial.
#[derive(Debug)]
pub struct ImportDecision {
    /// The version of the rules that decided.
    pub policy_version: u32,
    /// That it may be taken in, or every reason against it.
    pub outcome: Result<Importable, Vec<Reason>>,
}

/// A certificate that may be taken in. Nothing but [`decide_import`] makes one.
#[derive(Debug)]
pub struct Importable {
    serial: Serial,
}

impl Importable {
    /// Its serial number.
    pub const fn serial(&self) -> Serial {
        self.serial
    }
}

/// Decides, at `now`, whether a certificate may be taken in. All reasons are given, not the first.
pub fn decide_import(found: &Found, now: Timestamp) -> ImportDecision {
    let mut reasons = Vec::new();
    let mut refuse = |code: &str, message: String| {
        if enforced!("import", code) {
            reasons.push(Reason { code: code.to_owned(), field: "bundle".to_owned(), message });
        }
    };
    if found.serial.is_none() {
        refuse("serial", "its serial number is not positive or longer than 20 octets (RFC 5280 section 4.1.2.2)".to_owned());
    }
    if found.is_authority {
        let message = "it is an authority's: the inventory holds the certificates below, each tenant's authorities are its issuers";
        refuse("authority", message.to_owned());
    }
    if found.not_after < found.not_before {
        refuse("validity", "its validity ends before it begins".to_owned());
    }
    if found.not_after <= now {
        refuse("expired", format!("it expired at {}: only what may still be in use is taken in", found.not_after));
    }
    if found.names > NAMES {
        refuse("too-many-names", format!("it has more than {NAMES} names"));
    }
    let outcome = match found.serial {
        Some(serial) if reasons.is_empty() => Ok(Importable { serial }),
        _ => Err(reasons),
    };
    ImportDecision { policy_version: IMPORT_POLICY, outcome }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_of_imports_refuses_by_its_code() {
        let (day, now) = (|day: i64| Timestamp::from_seconds(day * 86_400), Timestamp::from_seconds(20 * 86_400));
        let serial = Serial::from_slice(&[7; 16]).unwrap();
        let good = Found { serial: Some(serial), is_authority: false, not_before: day(10), not_after: day(30), names: NAMES };
        let codes = |found: Found| -> Vec<String> {
            let refused = decide_import(&found, now).outcome.err().unwrap_or_default();
            refused.into_iter().map(|reason| reason.code).collect()
        };
        assert_eq!(decide_import(&good, now).outcome.unwrap().serial(), serial);
        assert_eq!(codes(Found { serial: None, ..good }), ["serial"]);
        assert_eq!(codes(Found { is_authority: true, ..good }), ["authority"]);
        assert_eq!(codes(Found { not_before: day(31), ..good }), ["validity"]);
        assert_eq!(codes(Found { not_after: now, ..good }), ["expired"]);
        assert_eq!(codes(Found { names: NAMES + 1, ..good }), ["too-many-names"]);
        let all = Found { serial: None, is_authority: true, not_before: day(31), not_after: now, names: NAMES + 1 };
        assert_eq!(codes(all).len(), 5, "all reasons are given");
    }
}
