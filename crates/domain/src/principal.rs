//! Who acts: an authenticated account of exactly one realm.

use crate::action::Action;
use crate::identity::Identity;
use crate::role::Role;
use crate::{AccountId, PersonId, TenantId, TokenId, enforced};

/// An authenticated principal. Made by the authenticator from a credential, never from a request's text.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The only realm in which it is anybody.
    pub tenant: TenantId,
    /// Its account.
    pub account: AccountId,
    /// The person behind the account: of a service account, its owner's.
    pub person: PersonId,
    /// The token that it showed.
    pub token: TokenId,
    /// Its display name; never a policy input (THREATS 5).
    pub name: String,
    /// Its roles.
    pub roles: Vec<Role>,
}

impl Principal {
    /// Whether one of its roles, held in the realm where roles of its kind exist, includes the action.
    pub fn may(&self, action: Action) -> bool {
        self.roles.iter().any(|role| (role.exists_in(self.tenant) || !enforced!("role.realm")) && role.permits(action))
    }

    /// Who it is, to be compared with another.
    pub const fn identity(&self) -> Identity {
        Identity { tenant: self.tenant, account: self.account, person: self.person }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_counts_in_its_own_realm_alone() {
        let holder = |tenant, role| {
            let (account, token) = (AccountId::from_bytes([1; 16]), TokenId::from_bytes([2; 16]));
            Principal { tenant, account, person: PersonId::from_bytes([1; 16]), token, name: String::new(), roles: vec![role] }
        };
        let tenant = TenantId::from_bytes([7; 16]);
        assert!(holder(TenantId::PLATFORM, Role::Operator).may(Action::RegistryWrite));
        assert!(!holder(tenant, Role::Operator).may(Action::RegistryWrite));
        assert!(holder(tenant, Role::Viewer).may(Action::CertificateRead));
        assert!(!holder(TenantId::PLATFORM, Role::Viewer).may(Action::CertificateRead));
    }
}
