//! Bindings: what an account holds, where and until when; and duties that nobody may hold together.

use crate::action::Action;
use crate::role::Role;
use crate::scope::{Reach, Scope, lasts};
use crate::{TenantId, Timestamp, enforced};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is held by a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// A built-in role.
    Role(Role),
    /// The actions of a role of the tenant's own.
    Actions(BTreeSet<Action>),
}

/// What an account holds, where and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// What.
    pub held: Holding,
    /// Where.
    pub scope: Scope,
    /// From when on it counts no longer; without an end it lasts.
    pub expires_at: Option<Timestamp>,
}

impl Holding {
    /// Whether it includes the action, in a realm where the role exists.
    pub fn permits(&self, action: Action, tenant: TenantId) -> bool {
        match self {
            Self::Role(role) => (role.exists_in(tenant) || !enforced!("role.realm")) && role.permits(action),
            Self::Actions(actions) => (action.exists_in(tenant) || !enforced!("role.realm-custom")) && actions.contains(&action),
        }
    }
}

impl Binding {
    /// A built-in role, everywhere and lasting.
    pub fn of(role: Role) -> Self {
        Self { held: Holding::Role(role), scope: Scope::default(), expires_at: None }
    }

    /// Whether it counts at this time.
    pub fn counts(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end) || !enforced!("binding.expiry")
    }

    /// Whether it lets its holder give this action of the other: it counts, includes the action, and holds nowhere less and no shorter.
    fn includes(&self, action: Action, gift: &Self, tenant: TenantId, now: Timestamp) -> bool {
        self.counts(now)
            && self.held.permits(action, tenant)
            && (self.scope.contains(&gift.scope) || !enforced!("grant.scope"))
            && (lasts(self.expires_at, gift.expires_at) || !enforced!("grant.expiry"))
    }
}

/// Where bindings hold the action at this time.
pub fn reach(bindings: &[Binding], action: Action, tenant: TenantId, now: Timestamp) -> Reach {
    let holding = || bindings.iter().filter(|binding| binding.held.permits(action, tenant) && binding.counts(now));
    if holding().any(|binding| binding.scope.is_everywhere()) {
        return Reach::Everywhere;
    }
    Reach::Within(holding().map(|binding| binding.scope.clone()).collect())
}

/// The first action of the gift that whoever holds these bindings lacks: at all, that widely, or for that long.
pub fn lacking(bindings: &[Binding], gift: &Binding, tenant: TenantId, now: Timestamp) -> Option<Action> {
    let given = Action::ALL.iter().copied().filter(|action| gift.held.permits(*action, tenant));
    given.into_iter().find(|action| !bindings.iter().any(|binding| binding.includes(*action, gift, tenant, now)))
}

/// Two sets of actions of which nobody may hold some of both, with all their accounts together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// What it is called.
    pub name: String,
    /// The actions on one side.
    pub one: BTreeSet<Action>,
    /// The actions on the other.
    pub other: BTreeSet<Action>,
}

impl Conflict {
    /// Whether who holds these actions holds some of both sides.
    pub fn is_violated_by(&self, held: &BTreeSet<Action>) -> bool {
        !self.one.is_disjoint(held) && !self.other.is_disjoint(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::*;

    const TENANT: TenantId = TenantId::from_bytes([7; 16]);
    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn custom(actions: &[Action], profile: Option<&str>, until: Option<i64>) -> Binding {
        let profiles = profile.map(|name| BTreeSet::from([name.parse().unwrap()]));
        let held = Holding::Actions(actions.iter().copied().collect());
        Binding { held, scope: Scope { profiles, ..Scope::default() }, expires_at: until.map(Timestamp::from_seconds) }
    }

    #[test]
    fn a_binding_counts_until_it_expires_and_where_it_holds() {
        let bindings =
            [custom(&[CertificateIssue], Some("web"), None), custom(&[CertificateIssue, CertificateRenew], Some("mail"), Some(1_000))];
        let Reach::Within(scopes) = reach(&bindings, CertificateIssue, TENANT, NOW) else { panic!("not everywhere") };
        assert_eq!(scopes, [bindings[0].scope.clone()], "the other has expired");
        assert!(reach(&bindings, CertificateRenew, TENANT, NOW).is_nowhere());
        assert!(!reach(&bindings, CertificateRenew, TENANT, Timestamp::from_millis(999_999)).is_nowhere());
        let everywhere = [custom(&[CertificateIssue], Some("web"), None), Binding::of(Role::Issuer)];
        assert_eq!(reach(&everywhere, CertificateIssue, TENANT, NOW), Reach::Everywhere);
    }

    #[test]
    fn an_action_counts_in_its_own_realm_alone() {
        let both = [custom(&[CertificateIssue, RegistryWrite], None, None)];
        assert!(reach(&both, RegistryWrite, TENANT, NOW).is_nowhere());
        assert!(reach(&both, CertificateIssue, TenantId::PLATFORM, NOW).is_nowhere());
        assert_eq!(reach(&both, CertificateIssue, TENANT, NOW), Reach::Everywhere);
    }

    #[test]
    fn nobody_gives_more_than_one_of_their_bindings_holds() {
        let held = [custom(&[CertificateIssue], Some("web"), Some(2_000)), custom(&[CertificateRenew], None, None)];
        for (gift, lacks) in [
            (custom(&[CertificateIssue], Some("web"), Some(2_000)), None),
            (custom(&[CertificateIssue], Some("web"), Some(2_001)), Some(CertificateIssue)),
            (custom(&[CertificateIssue], Some("web"), None), Some(CertificateIssue)),
            (custom(&[CertificateIssue], None, Some(1_500)), Some(CertificateIssue)),
            (custom(&[CertificateIssue], Some("mail"), Some(1_500)), Some(CertificateIssue)),
            (custom(&[CertificateRenew], Some("mail"), None), None),
            (custom(&[CertificateIssue, CertificateRenew], Some("web"), Some(1_500)), None),
            (custom(&[CertificateIssue, CertificateRevoke], Some("web"), Some(1_500)), Some(CertificateRevoke)),
            (Binding::of(Role::Viewer), Some(TenantRead)),
        ] {
            assert_eq!(lacking(&held, &gift, TENANT, NOW), lacks, "{gift:?}");
        }
        let later = Timestamp::from_seconds(2_000);
        assert_eq!(
            lacking(&held, &custom(&[CertificateIssue], Some("web"), Some(2_000)), TENANT, later),
            Some(CertificateIssue),
            "it expired"
        );
    }

    #[test]
    fn a_conflict_is_violated_by_some_of_both_sides() {
        let conflict = Conflict { name: "x".to_owned(), one: [ProfileWrite].into(), other: [CertificateIssue, CertificateRenew].into() };
        assert!(conflict.is_violated_by(&[ProfileWrite, CertificateRenew, TenantRead].into()));
        assert!(!conflict.is_violated_by(&[CertificateIssue, CertificateRenew].into()));
        assert!(!conflict.is_violated_by(&[].into()));
    }
}
