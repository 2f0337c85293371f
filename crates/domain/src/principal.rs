//! Who acts: an authenticated account of exactly one realm.

use crate::action::Action;
use crate::binding::{Binding, lacking, reach};
use crate::identity::Identity;
use crate::scope::Reach;
use crate::{AccountId, AccountKeyId, PersonId, TenantId, Timestamp, TokenId};

/// What a principal showed to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// A bearer token.
    Token(TokenId),
    /// A signature by a key of its account.
    Key(AccountKeyId),
}

/// An authenticated principal. Made by the authenticator from a credential, never from a request's text.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The only realm in which it is anybody.
    pub tenant: TenantId,
    /// Its account.
    pub account: AccountId,
    /// The person behind the account: of a service account, its owner's.
    pub person: PersonId,
    /// The credential that it showed.
    pub shown: Shown,
    /// Its display name; never a policy input (THREATS 5).
    pub name: String,
    /// What it holds, also what has expired meanwhile.
    pub bindings: Vec<Binding>,
}

impl Principal {
    /// Where it may do this now. Only what is held in the realm where roles of its kind exist counts, and what has not expired.
    pub fn reach(&self, action: Action, now: Timestamp) -> Reach {
        reach(&self.bindings, action, self.tenant, now)
    }

    /// The first action of the gift that it cannot give now: nobody gives what they lack, nor wider or longer than they hold it.
    pub fn lacks(&self, gift: &Binding, now: Timestamp) -> Option<Action> {
        lacking(&self.bindings, gift, self.tenant, now)
    }

    /// Who it is, to be compared with another.
    pub const fn identity(&self) -> Identity {
        Identity { tenant: self.tenant, account: self.account, person: self.person }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::Role;

    #[test]
    fn a_role_counts_in_its_own_realm_alone() {
        let may = |tenant, role, action| {
            let (account, person) = (AccountId::from_bytes([1; 16]), PersonId::from_bytes([1; 16]));
            let shown = Shown::Token(TokenId::from_bytes([2; 16]));
            let holder = Principal { tenant, account, person, shown, name: String::new(), bindings: vec![Binding::of(role)] };
            holder.reach(action, Timestamp::from_seconds(0)) == Reach::Everywhere
        };
        let tenant = TenantId::from_bytes([7; 16]);
        assert!(may(TenantId::PLATFORM, Role::Operator, Action::RegistryWrite));
        assert!(!may(tenant, Role::Operator, Action::RegistryWrite));
        assert!(may(tenant, Role::Viewer, Action::CertificateRead));
        assert!(!may(TenantId::PLATFORM, Role::Viewer, Action::CertificateRead));
    }
}
