//! Lints on revocation lists, checked on the encoded bytes before they are signed.

use super::{Finding, LintError, addresses::is_http_url, conclude, rule, unreadable};
use crate::algorithm::signature_algorithm;
use crate::crl::CrlPlan;
use crate::crl::read::Tbs;
use crate::time::from_x509;
use chancery_domain::enforced;

/// A rule over what was read back and what was planned.
struct Lint {
    code: &'static str,
    source: &'static str,
    check: fn(&Tbs<'_>, &CrlPlan<'_>) -> Result<(), String>,
}

const REVOCATION_LIST: &[Lint] = &[
    Lint { code: "crl-signature-algorithm", source: "RFC 5280 section 5.1.1.2", check: algorithm },
    Lint { code: "crl-issuer", source: "RFC 5280 sections 5.1.2.3 and 5.2.1", check: issuer },
    Lint { code: "crl-times", source: "RFC 5280 sections 5.1.2.4 and 5.1.2.5", check: times },
    Lint { code: "crl-number", source: "RFC 5280 section 5.2.3", check: number },
    Lint { code: "crl-scope", source: "RFC 5280 section 5.2.5", check: scope },
    Lint { code: "crl-entries", source: "RFC 5280 sections 5.1.2.6 and 5.3.1", check: entries },
];

/// Runs every lint over the bytes that are to be signed.
pub(crate) fn check(tbs_der: &[u8], plan: &CrlPlan<'_>) -> Result<(), LintError> {
    let tbs = Tbs::from_der(tbs_der).map_err(unreadable)?;
    let objection = |lint: &Lint| {
        let message = (lint.check)(&tbs, plan).err().filter(|_| enforced!("lint", lint.code))?;
        Some(Finding { code: lint.code, source: lint.source, message })
    };
    conclude(REVOCATION_LIST.iter().filter_map(objection).collect())
}

fn algorithm(tbs: &Tbs<'_>, plan: &CrlPlan<'_>) -> Result<(), String> {
    let expected = signature_algorithm(plan.issuer.public_key().algorithm());
    rule(tbs.algorithm_der == expected, || "it is not that of the issuer's key".to_owned())
}

fn issuer(tbs: &Tbs<'_>, plan: &CrlPlan<'_>) -> Result<(), String> {
    rule(tbs.issuer_der == plan.issuer.subject_der(), || "the issuer's name is not the encoding of the issuer's subject".to_owned())?;
    let key = tbs.authority_key_identifier == Some(plan.issuer.key_identifier());
    rule(key, || "authorityKeyIdentifier is not the issuer's subjectKeyIdentifier".to_owned())
}

fn times(tbs: &Tbs<'_>, plan: &CrlPlan<'_>) -> Result<(), String> {
    let (this, next) = (from_x509(tbs.this_update), from_x509(tbs.next_update));
    let kept = this == plan.this_update.whole_second() && next == plan.next_update.whole_second();
    rule(kept, || "a time lies outside of 1970 to 9999".to_owned())?;
    rule(this < next, || format!("nextUpdate {next} does not come after thisUpdate {this}"))?;
    rule(this <= plan.issuer.not_after(), || format!("the issuer's certificate ended at {}", plan.issuer.not_after()))
}

fn number(tbs: &Tbs<'_>, plan: &CrlPlan<'_>) -> Result<(), String> {
    rule(tbs.number == plan.number, || "it is not the planned one".to_owned())
}

fn scope(tbs: &Tbs<'_>, plan: &CrlPlan<'_>) -> Result<(), String> {
    rule(tbs.distribution_point_url == plan.distribution_point_url, || "it is not the planned one".to_owned())?;
    let usable = tbs.distribution_point_url.as_deref().is_none_or(is_http_url);
    rule(usable, || "the distribution point is not an http URL".to_owned())
}

fn entries(tbs: &Tbs<'_>, plan: &CrlPlan<'_>) -> Result<(), String> {
    let whole = tbs.entries.len() == plan.entries.len()
        && tbs
            .entries
            .iter()
            .zip(&plan.entries)
            .all(|(is, meant)| (is.serial, is.revoked_at, is.reason) == (meant.serial, meant.revoked_at.whole_second(), meant.reason));
    rule(whole, || "they are not the planned ones".to_owned())?;
    let ascending = tbs.entries.is_sorted_by(|one, next| one.serial < next.serial);
    rule(ascending, || "a serial number stands there twice".to_owned())?;
    let late = tbs.entries.iter().find(|entry| entry.revoked_at > from_x509(tbs.this_update));
    rule(late.is_none(), || "a revocation lies after thisUpdate".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crl::CrlEntry;
    use crate::lint::fixture::{START, intermediate_issuer};
    use chancery_domain::certificate::RevocationReason;
    use chancery_domain::{Serial, Timestamp};

    fn entry(number: u8) -> CrlEntry {
        let serial = Serial::from_slice(&[number; 16]).unwrap();
        CrlEntry { serial, revoked_at: Timestamp::from_millis(START * 1000 + 5), reason: RevocationReason::KeyCompromise }
    }

    fn codes(change: impl FnOnce(&mut CrlPlan<'_>)) -> Vec<&'static str> {
        let issuer = intermediate_issuer();
        let mut plan = CrlPlan {
            issuer: &issuer,
            number: 1,
            this_update: Timestamp::from_seconds(START + 10),
            next_update: Timestamp::from_seconds(START + 20),
            distribution_point_url: Some("http://pki.test/c/1.crl".into()),
            entries: vec![entry(2), entry(1)],
        };
        change(&mut plan);
        plan.prepare().err().map(|error| error.findings.iter().map(|f| f.code).collect()).unwrap_or_default()
    }

    #[test]
    fn plans_that_make_no_sound_list_are_refused() {
        assert!(codes(|_| {}).is_empty());
        assert!(codes(|plan| plan.entries.clear()).is_empty());
        assert_eq!(codes(|plan| plan.entries.push(entry(1))), ["crl-entries"]);
        assert_eq!(codes(|plan| plan.entries[0].revoked_at = Timestamp::from_seconds(START + 11)), ["crl-entries"]);
        assert_eq!(codes(|plan| plan.next_update = plan.this_update), ["crl-times"]);
        assert_eq!(codes(|plan| plan.next_update = Timestamp::from_millis(i64::MAX)), ["crl-times"]);
        assert_eq!(codes(|plan| plan.distribution_point_url = Some("ldap://x/".into())), ["crl-scope"]);
        let late = Timestamp::from_seconds(2_000_000_001);
        assert_eq!(codes(|plan| (plan.this_update, plan.next_update) = (late, Timestamp::from_seconds(2_000_000_009))), ["crl-times"]);
    }

    #[test]
    fn bytes_that_differ_from_the_plan_are_refused() {
        let issuer = intermediate_issuer();
        let plan = |number, entries| CrlPlan {
            issuer: &issuer,
            number,
            this_update: Timestamp::from_seconds(START + 10),
            next_update: Timestamp::from_seconds(START + 20),
            distribution_point_url: None,
            entries,
        };
        let tbs = plan(7, vec![entry(1)]).prepare().unwrap().tbs_der().to_vec();
        let found = |plan| check(&tbs, &plan).map_err(|error| error.findings.iter().map(|f| f.code).collect::<Vec<_>>());
        assert_eq!(found(plan(7, vec![entry(1)])), Ok(()));
        let weaker = tbs.windows(4).position(|window| window == [0x3d, 4, 3, 2]).unwrap();
        let mut altered = tbs.clone();
        altered[weaker + 3] = 1;
        let findings = check(&altered, &plan(7, vec![entry(1)])).unwrap_err().findings;
        assert_eq!(findings.iter().map(|f| f.code).collect::<Vec<_>>(), ["crl-signature-algorithm"]);
        assert_eq!(found(CrlPlan { distribution_point_url: Some("http://a/".into()), ..plan(7, vec![entry(1)]) }), Err(vec!["crl-scope"]));
        assert_eq!(found(plan(8, vec![entry(1)])), Err(vec!["crl-number"]));
        assert_eq!(found(plan(7, vec![entry(2)])), Err(vec!["crl-entries"]));
        assert_eq!(found(plan(7, vec![])), Err(vec!["crl-entries"]));
        let other = crate::lint::fixture::root_issuer();
        assert_eq!(found(CrlPlan { issuer: &other, ..plan(7, vec![entry(1)]) }), Err(vec!["crl-issuer"]));
    }
}
