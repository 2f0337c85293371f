//! The one evaluator (I3): every certificate, first or renewed, passes [`decide`], and only it makes an [`Approved`].

use crate::enforced;
use crate::key::{Custody, KeyAlgorithm};
use crate::name::SubjectName;
use crate::pattern::NamePattern;
use crate::profile::{CommonName, ExtendedKeyUsage, KeyReuse, Profile};
use crate::{CertificateId, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Certificates begin this long before they are made, so that clocks a little behind accept them.
pub const BACKDATE: Duration = Duration::from_secs(60);

/// So many reasons are told; the rest are counted.
pub(crate) const MOST_REASONS: usize = 20;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// A first certificate.
    Issue,
    /// A successor of an existing one.
    Renew,
}

/// What is asked for, as parsed and verified facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is being done.
    pub operation: Operation,
    /// Names asked for.
    pub names: Vec<SubjectName>,
    /// Common name asked for.
    pub common_name: Option<String>,
    /// Kind of the subject's key.
    pub key_algorithm: KeyAlgorithm,
    /// Who will hold the private key.
    pub custody: Custody,
    /// Validity asked for, in seconds.
    pub validity_seconds: Option<u32>,
}

/// What is known in this tenant of the subject's key, with the first certificate that it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHistory {
    /// It was never certified.
    New,
    /// It was certified for the same names under the same profile alone.
    SameNames(CertificateId),
    /// It was certified for other names, or under another profile.
    OtherNames(CertificateId),
    /// A certificate with it was revoked because the key is compromised.
    Compromised(CertificateId),
}

/// What the issuer's own certificate allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerLimits {
    /// Names within its name constraints.
    pub permitted: Vec<NamePattern>,
    /// Its first second.
    pub not_before: Timestamp,
    /// Its last second.
    pub not_after: Timestamp,
}

/// Why something was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// A stable code, for programs.
    pub code: String,
    /// The request's field.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The evaluator's answer, kept in the event of the act.
#[derive(Debug)]
pub struct Decision {
    /// The profile's version that decided.
    pub policy_version: u32,
    /// The certificate to be, or every reason against it.
    pub outcome: Result<Approved, Vec<Reason>>,
}

/// A certificate that may be made, exactly so. Nothing but [`decide`] makes one, and preparing uses it up.
#[derive(Debug)]
pub struct Approved {
    names: Vec<SubjectName>,
    common_name: Option<String>,
    key_algorithm: KeyAlgorithm,
    extended_key_usage: Vec<ExtendedKeyUsage>,
    custody: Custody,
    not_before: Timestamp,
    not_after: Timestamp,
    renew_at: Timestamp,
}

impl Approved {
    /// The names, sorted, each once.
    pub fn names(&self) -> &[SubjectName] {
        &self.names
    }
    /// The common name, one of the names.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }
    /// The kind of key that was looked at.
    pub const fn key_algorithm(&self) -> KeyAlgorithm {
        self.key_algorithm
    }
    /// The usages, sorted.
    pub fn extended_key_usage(&self) -> &[ExtendedKeyUsage] {
        &self.extended_key_usage
    }
    /// Who holds the private key.
    pub const fn custody(&self) -> Custody {
        self.custody
    }
    /// First second of validity.
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }
    /// Last second of validity, inclusive (RFC 5280 section 4.1.2.5).
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }
    /// When renewal becomes due.
    pub const fn renew_at(&self) -> Timestamp {
        self.renew_at
    }
}

/// Decides a request under a profile's version and within an issuer's limits, at `now`, with what is known of its key. All reasons are
/// given, not the first.
pub fn decide(
    request: Request,
    key: KeyHistory,
    profile: &Profile,
    policy_version: u32,
    limits: &IssuerLimits,
    now: Timestamp,
) -> Decision {
    let mut reasons = Vec::new();
    let mut refuse = |code: &str, field: &str, message: String| {
        if enforced!("decision", code) {
            reasons.push(Reason { code: code.to_owned(), field: field.to_owned(), message });
        }
    };
    if !profile.key_algorithms.contains(&request.key_algorithm) {
        // Whoever brought the key brought its kind; whoever has it made here named it.
        let field = if request.custody == Custody::Client { "csr" } else { "key_algorithm" };
        refuse("key-algorithm", field, format!("{} keys are not allowed by this profile", request.key_algorithm.as_str()));
    }
    check_key_history(key, profile, &mut refuse);
    if !profile.custody.contains(&request.custody) {
        refuse("custody", "custody", format!("custody {} is not allowed by this profile", request.custody.as_str()));
    }
    let names = sorted(request.names);
    check_names(&names, profile, limits, &mut refuse);
    check_common_name(request.common_name.as_deref(), &names, profile, &mut refuse);
    let (not_before, not_after) = validity(request.validity_seconds, profile, limits, now, &mut refuse);
    let outcome = if reasons.is_empty() {
        let lifetime = not_after.seconds().saturating_sub(not_before.seconds());
        let remaining = lifetime.saturating_mul(i64::from(profile.renewal_window_percent)) / 100;
        Ok(Approved {
            names,
            common_name: request.common_name,
            key_algorithm: request.key_algorithm,
            extended_key_usage: sorted(profile.extended_key_usage.clone()),
            custody: request.custody,
            not_before,
            not_after,
            renew_at: Timestamp::from_seconds(not_after.seconds().saturating_sub(remaining)),
        })
    } else {
        if reasons.len() > MOST_REASONS && enforced!("decision.more") {
            let more = reasons.len() - MOST_REASONS;
            reasons.truncate(MOST_REASONS);
            let message = format!("and {more} more of the kind");
            reasons.push(Reason { code: "more".to_owned(), field: "names".to_owned(), message });
        }
        Err(reasons)
    };
    Decision { policy_version, outcome }
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort();
    items.dedup();
    items
}

fn check_names(names: &[SubjectName], profile: &Profile, limits: &IssuerLimits, refuse: &mut impl FnMut(&str, &str, String)) {
    if names.is_empty() {
        refuse("no-names", "names", "name at least one subject alternative name".to_owned());
    }
    if names.len() > usize::from(profile.max_names) {
        refuse("too-many-names", "names", format!("{} names, at most {} are allowed", names.len(), profile.max_names));
        // Looking at each would let a request make an answer, and an event, many times its own length.
        return;
    }
    for name in names {
        let allowed = |patterns: &[NamePattern]| patterns.iter().any(|pattern| pattern.matches(name));
        if !allowed(&profile.names) {
            refuse("name-not-in-profile", "names", format!("{name} matches no name pattern of this profile"));
        }
        if !allowed(&limits.permitted) {
            refuse("name-not-in-issuer", "names", format!("{name} lies outside the issuer's name constraints"));
        }
        if matches!(name, SubjectName::Dns(host) if host.starts_with("*.")) && !profile.wildcards {
            refuse("wildcard", "names", format!("{name}: wildcards are not allowed by this profile"));
        }
    }
}

fn check_key_history(key: KeyHistory, profile: &Profile, refuse: &mut impl FnMut(&str, &str, String)) {
    match (key, profile.key_reuse) {
        // CA/Browser Forum TLS Baseline Requirements sections 4.9.1.1 and 6.1.1.3: whatever the policy.
        (KeyHistory::Compromised(first), _) => {
            let message = format!("this key (first certified in {first}) is compromised: it is never certified again; make a new one");
            refuse("key-compromised", "csr", message);
        }
        (KeyHistory::SameNames(first) | KeyHistory::OtherNames(first), KeyReuse::Forbidden) => {
            let message = format!("this key was certified before (in {first}), and this profile certifies each key once: make a new one");
            refuse("key-reuse", "csr", message);
        }
        (KeyHistory::OtherNames(first), KeyReuse::SameNames) => {
            let message = format!("this key was certified before (in {first}) for other names or under another profile: make a new one");
            refuse("key-reuse", "csr", message);
        }
        (KeyHistory::New, _) | (KeyHistory::SameNames(_), KeyReuse::SameNames) | (_, KeyReuse::Allowed) => {}
    }
}

fn check_common_name(asked: Option<&str>, names: &[SubjectName], profile: &Profile, refuse: &mut impl FnMut(&str, &str, String)) {
    let Some(asked) = asked else { return };
    let one_of = |name: &SubjectName| matches!(name, SubjectName::Dns(text) | SubjectName::Email(text) if text == asked);
    match profile.common_name {
        CommonName::Never => refuse("common-name", "common_name", "this profile's certificates have no common name".to_owned()),
        CommonName::OneOfTheNames if asked.len() > 64 => {
            refuse("common-name", "common_name", "a common name has at most 64 characters (RFC 5280, ub-common-name)".to_owned());
        }
        CommonName::OneOfTheNames if names.iter().any(one_of) => {}
        CommonName::OneOfTheNames => {
            refuse("common-name", "common_name", "the common name must be one of the DNS or e-mail names asked for".to_owned());
        }
    }
}

fn validity(
    asked: Option<u32>,
    profile: &Profile,
    limits: &IssuerLimits,
    now: Timestamp,
    refuse: &mut impl FnMut(&str, &str, String),
) -> (Timestamp, Timestamp) {
    let longest = profile.max_validity_at(now);
    let seconds = asked.unwrap_or(profile.default_validity_seconds.min(longest));
    if seconds > longest {
        refuse("validity", "validity_seconds", format!("{seconds} s asked for, at most {longest} s are allowed by this profile"));
    }
    if seconds < 300 {
        refuse("validity", "validity_seconds", "at least 300 s".to_owned());
    }
    // Not before its issuer: an authority that somebody else signed need not begin before it is used.
    let not_before = now.before(BACKDATE).whole_second().max(limits.not_before);
    if not_before > now {
        refuse("issuer-begins", "issuer", format!("the issuer's own certificate begins at {}", limits.not_before));
    }
    let wished = Timestamp::from_seconds(not_before.seconds() + i64::from(seconds) - 1);
    if asked.is_some() && wished > limits.not_after || limits.not_after <= now {
        refuse("issuer-expires", "validity_seconds", format!("the issuer's own certificate ends at {}", limits.not_after));
    }
    (not_before, if enforced!("validity.issuer") { wished.min(limits.not_after) } else { wished })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> IssuerLimits {
        IssuerLimits {
            permitted: vec!["dns:*.acme.example".parse().unwrap()],
            not_before: Timestamp::from_seconds(1_700_000_000),
            not_after: Timestamp::from_seconds(2_000_000_000),
        }
    }

    fn request(names: &[&str]) -> Request {
        Request {
            operation: Operation::Issue,
            names: names.iter().map(|n| n.parse().unwrap()).collect(),
            common_name: None,
            key_algorithm: KeyAlgorithm::EcP256,
            custody: Custody::Client,
            validity_seconds: None,
        }
    }

    fn codes(request: Request, change: impl FnOnce(&mut Profile)) -> Vec<String> {
        let mut profile = Profile::presets().remove(0);
        change(&mut profile);
        let decision = decide(request, KeyHistory::New, &profile, 1, &limits(), Timestamp::from_seconds(1_800_000_000));
        decision.outcome.err().unwrap_or_default().into_iter().map(|reason| reason.code).collect()
    }

    #[test]
    fn each_rule_refuses_by_its_code() {
        let ok = ["api.acme.example"];
        assert!(codes(request(&ok), |_| {}).is_empty());
        assert_eq!(codes(request(&[]), |_| {}), ["no-names"]);
        assert_eq!(codes(request(&ok), |p| p.names.clear()), ["name-not-in-profile"]);
        assert_eq!(codes(request(&["api.other.example"]), |_| {}), ["name-not-in-issuer"]);
        assert_eq!(codes(request(&["acme.example"]), |_| {}), ["name-not-in-issuer"]);
        assert_eq!(codes(request(&["*.acme.example"]), |_| {}), ["wildcard"]);
        assert!(codes(request(&["*.acme.example"]), |p| p.wildcards = true).is_empty());
        assert_eq!(codes(request(&["a.acme.example", "b.acme.example"]), |p| p.max_names = 1), ["too-many-names"]);
        assert_eq!(codes(request(&ok), |p| p.key_algorithms.clear()), ["key-algorithm"]);
        assert_eq!(codes(request(&ok), |p| p.custody.clear()), ["custody"]);
        assert_eq!(codes(Request { common_name: Some("evil.example".into()), ..request(&ok) }, |_| {}), ["common-name"]);
        assert_eq!(
            codes(Request { common_name: Some(ok[0].into()), ..request(&ok) }, |p| p.common_name = CommonName::Never),
            ["common-name"]
        );
        assert_eq!(codes(Request { validity_seconds: Some(91 * 86_400), ..request(&ok) }, |_| {}), ["validity"]);
        assert_eq!(codes(Request { validity_seconds: Some(1), ..request(&ok) }, |_| {}), ["validity"]);
    }

    #[test]
    fn reasons_do_not_outgrow_the_request() {
        let many: Vec<_> = (0..5000).map(|n| format!("h{n}.other.example")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(codes(request(&many), |_| {}), ["too-many-names"]);
        let told = codes(request(&many[..100]), |_| {});
        assert_eq!((told.len(), told.last().map(String::as_str)), (MOST_REASONS + 1, Some("more")));
    }

    #[test]
    fn the_schedule_in_force_now_decides() {
        let mut profile = Profile::presets().into_iter().find(|profile| !profile.validity_schedule.is_empty()).unwrap();
        let limits = IssuerLimits { not_after: Timestamp::from_seconds(3_000_000_000), ..limits() };
        let days = |profile: &Profile, asked: Option<u32>, now: &str| {
            let asked = Request { validity_seconds: asked.map(|days| days * 86_400), ..request(&["a.acme.example"]) };
            let approved = decide(asked, KeyHistory::New, profile, 1, &limits, Timestamp::parse(now).unwrap()).outcome.ok()?;
            // Both the first and the last second count (RFC 5280 section 4.1.2.5), and a day has 86,400 of them.
            Some((approved.not_after().seconds() - approved.not_before().seconds() + 1) / 86_400)
        };
        assert_eq!(days(&profile, Some(200), "2027-03-14T23:59:59.999Z"), Some(200));
        assert_eq!(days(&profile, Some(201), "2027-03-14T23:59:59.999Z"), None);
        assert_eq!(days(&profile, Some(101), "2027-03-15T00:00:00Z"), None);
        assert_eq!(days(&profile, Some(100), "2027-03-15T00:00:00Z"), Some(100));
        // Asked for none: the default, or what is left of it.
        assert_eq!(days(&profile, None, "2029-03-14T23:59:59.999Z"), Some(90));
        assert_eq!(days(&profile, None, "2029-03-15T00:00:00Z"), Some(47));
        assert_eq!(days(&profile, Some(48), "2029-03-15T00:00:00Z"), None);
        profile.validity_schedule.clear();
        assert_eq!(days(&profile, Some(200), "2029-03-15T00:00:00Z"), Some(200));
    }

    #[test]
    fn validity_is_inclusive_and_never_outlives_the_issuer() {
        let profile = Profile::presets().remove(0);
        let approve =
            |now| decide(request(&["a.acme.example"]), KeyHistory::New, &profile, 1, &limits(), Timestamp::from_seconds(now)).outcome;
        let approved = approve(1_800_000_000).unwrap();
        assert_eq!(approved.not_after().seconds() - approved.not_before().seconds() + 1, 90 * 86_400);
        assert_eq!(approve(1_999_999_000).unwrap().not_after(), limits().not_after);
        assert!(approve(2_000_000_000).is_err());
        // Nor does it begin before it, though it would be dated back.
        assert_eq!(approve(1_700_000_010).unwrap().not_before(), limits().not_before);
        let early = approve(1_699_999_999).unwrap_err();
        assert_eq!(early.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>(), ["issuer-begins"]);
    }

    #[test]
    fn a_key_is_used_again_as_the_profile_says_and_a_compromised_one_never() {
        let first = CertificateId::from_bytes([7; 16]);
        let codes = |key, key_reuse| {
            let profile = Profile { key_reuse, ..Profile::presets().remove(0) };
            let outcome = decide(request(&["a.acme.example"]), key, &profile, 1, &limits(), Timestamp::from_seconds(1_800_000_000)).outcome;
            outcome.err().unwrap_or_default().into_iter().map(|reason| (reason.code, reason.field)).collect::<Vec<_>>()
        };
        let refused = |code: &str| vec![(code.to_owned(), "csr".to_owned())];
        for (key, forbidden, same_names, allowed) in [
            (KeyHistory::New, None, None, None),
            (KeyHistory::SameNames(first), Some("key-reuse"), None, None),
            (KeyHistory::OtherNames(first), Some("key-reuse"), Some("key-reuse"), None),
            (KeyHistory::Compromised(first), Some("key-compromised"), Some("key-compromised"), Some("key-compromised")),
        ] {
            for (policy, expected) in [(KeyReuse::Forbidden, forbidden), (KeyReuse::SameNames, same_names), (KeyReuse::Allowed, allowed)] {
                assert_eq!(codes(key, policy), expected.map(refused).unwrap_or_default(), "{key:?} under {policy:?}");
            }
        }
    }
}
