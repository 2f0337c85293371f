//! Scopes: where a right holds. What a scope does not limit is absent; an empty list holds nowhere (THREATS 14).

use crate::name::SubjectName;
use crate::pattern::NamePattern;
use crate::profile::ProfileName;
use crate::signing::SignerName;
use crate::{IssuerId, Timestamp, enforced};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

pub use crate::short_name::{BadEnvironment, Environment};

/// Where a right holds: for objects that every limit admits. An object that has no such property is admitted by no limit of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// Only these certificate profiles, and what was issued under them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profiles: Option<BTreeSet<ProfileName>>,
    /// Only these signers, and what they signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signers: Option<BTreeSet<SignerName>>,
    /// Only these issuers, and what they issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuers: Option<BTreeSet<IssuerId>>,
    /// Only certificates of which each name matches one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<NamePattern>>,
    /// Only profiles and signers that bear one of these labels, and what came of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<BTreeSet<Environment>>,
}

/// What scopes ask of an object; what it has not is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its certificate profile.
    pub profile: Option<ProfileName>,
    /// Its signer.
    pub signer: Option<SignerName>,
    /// Its issuer.
    pub issuer: Option<IssuerId>,
    /// Its names.
    pub names: Option<Vec<SubjectName>>,
    /// The label of its profile or signer.
    pub environment: Option<Environment>,
}

impl Scope {
    /// Whether it limits nothing.
    pub fn is_everywhere(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it admits the object.
    pub fn covers(&self, facts: &Facts) -> bool {
        admits(self.profiles.as_ref(), facts.profile.as_ref(), "profiles")
            && admits(self.signers.as_ref(), facts.signer.as_ref(), "signers")
            && admits(self.issuers.as_ref(), facts.issuer.as_ref(), "issuers")
            && admits(self.environments.as_ref(), facts.environment.as_ref(), "environments")
            && self.names.as_ref().is_none_or(|patterns| names_match(patterns, facts.names.as_deref()) || !enforced!("scope", "names"))
    }

    /// Whether it admits all that the other admits.
    pub fn contains(&self, other: &Self) -> bool {
        let pattern = |inner: &NamePattern| self.names.as_ref().is_none_or(|outer| outer.iter().any(|outer| outer.contains(inner)));
        limits_no_less(self.profiles.as_ref(), other.profiles.as_ref())
            && limits_no_less(self.signers.as_ref(), other.signers.as_ref())
            && limits_no_less(self.issuers.as_ref(), other.issuers.as_ref())
            && limits_no_less(self.environments.as_ref(), other.environments.as_ref())
            && (self.names.is_none() || other.names.as_ref().is_some_and(|inner| inner.iter().all(pattern)))
    }
}

fn admits<T: Ord>(limit: Option<&BTreeSet<T>>, fact: Option<&T>, of: &str) -> bool {
    limit.is_none_or(|limit| fact.is_some_and(|fact| limit.contains(fact)) || !enforced!("scope", of))
}

fn names_match(patterns: &[NamePattern], names: Option<&[SubjectName]>) -> bool {
    names.is_some_and(|names| !names.is_empty() && names.iter().all(|name| patterns.iter().any(|pattern| pattern.matches(name))))
}

fn limits_no_less<T: Ord>(outer: Option<&BTreeSet<T>>, inner: Option<&BTreeSet<T>>) -> bool {
    outer.is_none_or(|outer| inner.is_some_and(|inner| inner.is_subset(outer)))
}

/// Where somebody holds an action now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everywhere, also over what has no properties that scopes ask for.
    Everywhere,
    /// Within each of these; nowhere, if there is none.
    Within(Vec<Scope>),
}

impl Reach {
    /// Whether it is held at all.
    pub fn is_nowhere(&self) -> bool {
        matches!(self, Self::Within(scopes) if scopes.is_empty())
    }

    /// Whether the object lies within.
    pub fn covers(&self, facts: &Facts) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Within(scopes) => scopes.iter().any(|scope| scope.covers(facts)),
        }
    }
}

/// Whether a right that ends at `outer` lasts as long as one that ends at `inner`; without an end it lasts for ever.
pub fn lasts(outer: Option<Timestamp>, inner: Option<Timestamp>) -> bool {
    outer.is_none_or(|outer| inner.is_some_and(|inner| inner <= outer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_set, vec};
    use proptest::option;
    use proptest::prelude::*;
    use proptest::sample::select;

    const HOSTS: [&str; 6] = ["a.example", "x.a.example", "y.x.a.example", "*.a.example", "b.example", "xa.example"];
    const NAMES: [&str; 8] = [
        "ip:10.1.2.3",
        "ip:10.1.9.9",
        "ip:192.0.2.1",
        "email:jo@a.example",
        "email:jo@b.example",
        "uri:spiffe://a/b/c",
        "uri:spiffe://a/bc",
        "ip:2001:db8::1",
    ];
    const PATTERNS: [&str; 18] = [
        "dns:*",
        "dns:a.example",
        "dns:*.a.example",
        "dns:x.a.example",
        "dns:*.x.a.example",
        "dns:b.example",
        "ip:10.0.0.0/8",
        "ip:10.1.0.0/16",
        "ip:10.1.2.3",
        "ip:::/0",
        "ip:2001:db8::/32",
        "email:*",
        "email:*@a.example",
        "email:jo@a.example",
        "uri:*",
        "uri:spiffe://a/*",
        "uri:spiffe://a/b/*",
        "uri:spiffe://a/b/c",
    ];

    fn name() -> impl Strategy<Value = SubjectName> {
        let hosts = HOSTS.map(|host| SubjectName::dns(host).unwrap());
        let others = NAMES.map(|text| match text.split_once(':').unwrap() {
            ("ip", ip) => SubjectName::Ip(ip.parse().unwrap()),
            ("email", email) => SubjectName::email(email).unwrap(),
            (_, uri) => SubjectName::uri(uri).unwrap(),
        });
        select(hosts.into_iter().chain(others).collect::<Vec<_>>())
    }

    fn pattern() -> impl Strategy<Value = NamePattern> {
        select(PATTERNS.map(|text| text.parse().unwrap()).to_vec())
    }

    fn short<T: std::str::FromStr<Err: std::fmt::Debug> + Clone + std::fmt::Debug + 'static>() -> impl Strategy<Value = T> {
        select(["aa", "bb", "cc"].map(|text| text.parse().unwrap()).to_vec())
    }

    fn issuer() -> impl Strategy<Value = IssuerId> {
        (1_u8..4).prop_map(|number| IssuerId::from_bytes([number; 16]))
    }

    fn scope() -> impl Strategy<Value = Scope> {
        let of = || option::weighted(0.4, btree_set(short(), 0..3));
        let issuers = option::weighted(0.4, btree_set(issuer(), 0..3));
        (
            of(),
            option::weighted(0.4, btree_set(short(), 0..3)),
            issuers,
            option::weighted(0.6, vec(pattern(), 0..4)),
            option::weighted(0.4, btree_set(short(), 0..3)),
        )
            .prop_map(|(profiles, signers, issuers, names, environments)| Scope {
                profiles,
                signers,
                issuers,
                names,
                environments,
            })
    }

    fn facts() -> impl Strategy<Value = Facts> {
        let names = option::weighted(0.8, vec(name(), 0..4));
        (option::of(short()), option::of(short()), option::of(issuer()), names, option::of(short()))
            .prop_map(|(profile, signer, issuer, names, environment)| Facts { profile, signer, issuer, names, environment })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_the_contained_scope_covers_the_containing_one_covers(outer in scope(), inner in scope(), object in facts()) {
            prop_assert!(!(outer.contains(&inner) && inner.covers(&object)) || outer.covers(&object), "{outer:?} {inner:?} {object:?}");
        }

        #[test]
        fn every_scope_contains_itself_and_lies_everywhere(scope in scope()) {
            prop_assert!(scope.contains(&scope) && Scope::default().contains(&scope));
            prop_assert!(!scope.contains(&Scope::default()) || scope.is_everywhere());
        }

        #[test]
        fn a_pattern_matches_what_those_within_it_match(outer in pattern(), inner in pattern(), name in name()) {
            prop_assert!(!(outer.contains(&inner) && inner.matches(&name)) || outer.matches(&name), "{outer} {inner} {name}");
        }
    }

    #[test]
    fn containment_is_found_where_it_is() {
        let pattern = |text: &str| text.parse::<NamePattern>().unwrap();
        for (outer, inner) in [
            ("dns:*", "dns:*.a.example"),
            ("dns:*.a.example", "dns:*.x.a.example"),
            ("dns:*.a.example", "dns:x.a.example"),
            ("ip:10.0.0.0/8", "ip:10.1.0.0/16"),
            ("ip:10.0.0.0/8", "ip:10.1.2.3"),
            ("email:*", "email:*@a.example"),
            ("email:*@a.example", "email:jo@a.example"),
            ("uri:spiffe://a/*", "uri:spiffe://a/b/*"),
            ("uri:spiffe://a/*", "uri:spiffe://a/b"),
            ("dns:a.example", "dns:a.example"),
        ] {
            assert!(pattern(outer).contains(&pattern(inner)), "{outer} contains {inner}");
            assert!(outer == inner || !pattern(inner).contains(&pattern(outer)), "{inner} does not contain {outer}");
        }
        assert!(!pattern("ip:0.0.0.0/0").contains(&pattern("ip:::/0")), "of two kinds");
    }

    #[test]
    fn an_empty_list_holds_nowhere_and_an_absent_one_limits_nothing() {
        let object =
            Facts { names: Some(vec![SubjectName::dns("a.example").unwrap()]), profile: Some("aa".parse().unwrap()), ..Facts::default() };
        assert!(Scope::default().covers(&object) && Scope::default().covers(&Facts::default()));
        for nowhere in [
            Scope { profiles: Some(BTreeSet::new()), ..Scope::default() },
            Scope { signers: Some(BTreeSet::new()), ..Scope::default() },
            Scope { issuers: Some(BTreeSet::new()), ..Scope::default() },
            Scope { names: Some(vec![]), ..Scope::default() },
            Scope { environments: Some(BTreeSet::new()), ..Scope::default() },
        ] {
            assert!(!nowhere.covers(&object) && !nowhere.covers(&Facts::default()), "{nowhere:?}");
        }
        let names = Scope { names: Some(vec!["dns:*".parse().unwrap()]), ..Scope::default() };
        assert!(names.covers(&object) && !names.covers(&Facts { names: Some(vec![]), ..object }), "no names are not all names");
    }

    #[test]
    fn who_holds_for_a_while_gives_for_no_longer() {
        let at = |seconds| Some(Timestamp::from_seconds(seconds));
        assert!(lasts(None, None) && lasts(None, at(5)) && lasts(at(5), at(5)) && !lasts(at(5), at(6)) && !lasts(at(5), None));
    }
}
