//! Who stands behind an account: a person, who may have several accounts, or, of a service account, the person who owns it.

use crate::{AccountId, PersonId, TenantId, enforced};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountKind {
    /// A person's.
    User,
    /// A program's, for which a user answers.
    Service,
}

impl AccountKind {
    /// The name used in requests, answers and columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Service].into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for AccountKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// By whom an account is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// By a person, who may hold others.
    User(PersonId),
    /// By the owner of a service.
    Service {
        /// The user account that answers for it.
        owner: AccountId,
        /// Whether that account may act itself.
        owner_enabled: bool,
        /// The owner's person.
        person: PersonId,
    },
}

impl Holder {
    /// What the account is.
    pub const fn kind(self) -> AccountKind {
        match self {
            Self::User(_) => AccountKind::User,
            Self::Service { .. } => AccountKind::Service,
        }
    }

    /// The person behind it.
    pub const fn person(self) -> PersonId {
        match self {
            Self::User(person) | Self::Service { person, .. } => person,
        }
    }

    /// The same, with another person behind it.
    pub const fn of(self, person: PersonId) -> Self {
        match self {
            Self::User(_) => Self::User(person),
            Self::Service { owner, owner_enabled, .. } => Self::Service { owner, owner_enabled, person },
        }
    }

    /// The owner of a service account.
    pub const fn owner(self) -> Option<AccountId> {
        match self {
            Self::User(_) => None,
            Self::Service { owner, .. } => Some(owner),
        }
    }

    /// Whether nobody answers for it: it is a service account whose owner is disabled.
    pub const fn is_orphaned(self) -> bool {
        matches!(self, Self::Service { owner_enabled: false, .. })
    }
}

/// An account and the person behind it, to be compared with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The realm in which it is anybody.
    pub tenant: TenantId,
    /// The account.
    pub account: AccountId,
    /// The person who holds it, or who owns it.
    pub person: PersonId,
}

impl Identity {
    /// Whether what one does counts as done by the other: they are one account, accounts of one person, a service account and its
    /// owner (or another account of its owner), or services of one person. Accounts of two tenants are never compared.
    pub fn is_connected_with(&self, other: &Self) -> bool {
        let one_person = self.person == other.person && enforced!("identity.person");
        self.tenant == other.tenant && (self.account == other.account || one_person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_of_one_person_are_connected_however_they_are_held() {
        let (tenant, elsewhere) = (TenantId::from_bytes([7; 16]), TenantId::from_bytes([8; 16]));
        let (ann, bob) = (PersonId::from_bytes([1; 16]), PersonId::from_bytes([2; 16]));
        let of =
            |tenant, number, holder: Holder| Identity { tenant, account: AccountId::from_bytes([number; 16]), person: holder.person() };
        let service = |owner, person| Holder::Service { owner: AccountId::from_bytes([owner; 16]), owner_enabled: true, person };
        let anns = of(tenant, 10, Holder::User(ann));
        for (what, other, connected) in [
            ("the same account", anns, true),
            ("her second account", of(tenant, 11, Holder::User(ann)), true),
            ("a service that she owns", of(tenant, 12, service(10, ann)), true),
            ("a service that her second account owns", of(tenant, 13, service(11, ann)), true),
            ("somebody else", of(tenant, 20, Holder::User(bob)), false),
            ("a service of somebody else", of(tenant, 21, service(20, bob)), false),
            ("the same ids in another tenant", of(elsewhere, 10, Holder::User(ann)), false),
        ] {
            assert_eq!((anns.is_connected_with(&other), other.is_connected_with(&anns)), (connected, connected), "{what}");
        }
        let [one, two, bobs] = [(12, ann), (13, ann), (21, bob)].map(|(number, person)| of(tenant, number, service(10, person)));
        assert!(one.is_connected_with(&two), "two services of one person");
        assert!(!one.is_connected_with(&bobs), "services of two people");
    }

    #[test]
    fn a_service_whose_owner_is_disabled_is_orphaned() {
        let (owner, person) = (AccountId::from_bytes([1; 16]), PersonId::from_bytes([1; 16]));
        let held = |owner_enabled| Holder::Service { owner, owner_enabled, person };
        assert!(held(false).is_orphaned() && !held(true).is_orphaned() && !Holder::User(person).is_orphaned());
        assert_eq!((held(true).owner(), held(true).kind()), (Some(owner), AccountKind::Service));
    }
}
