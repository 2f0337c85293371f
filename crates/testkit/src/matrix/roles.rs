//! The role matrix: operation by role by realm, with what the roles in `crates/domain` make of it (I2).

use super::{Kind, Operation, Place};
use chancery_domain::TenantId;
use chancery_domain::action::Action;
use chancery_domain::role::Role;
use std::fmt;

/// What a role meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Permitted,
    /// It may not, and the denial is an event in its own log.
    Denied(Action),
    /// The realm is not its own, which is an event in its own log, too.
    ForeignRealm,
    /// Its realm has no such objects.
    NoSuchObject,
}

/// One operation called by one role.
#[derive(Clone, Debug)]
pub struct RoleCell<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// The role.
    pub role: Role,
    /// Whether it is called in the role's own realm.
    pub own: bool,
    /// What is to come of it.
    pub verdict: Verdict,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Permitted => "yes",
            Self::Denied(_) => "403",
            Self::ForeignRealm | Self::NoSuchObject => "404",
        })
    }
}

/// Every operation that needs an action, by every role: in the role's own realm, and where the path names a realm, in the other one.
///
/// # Panics
/// On an operation that names no action of the domain.
pub fn role_cells(operations: &[Operation]) -> Vec<RoleCell<'_>> {
    let mut cells = Vec::new();
    for operation in operations.iter().filter(|operation| operation.path.starts_with("/v1/") && operation.path != "/v1/enrol") {
        let named = operation.action.as_deref().unwrap_or_else(|| panic!("{} names no action", operation.name()));
        let action = Action::ALL.iter().copied().find(|action| action.as_str() == named);
        let action = action.unwrap_or_else(|| panic!("{}: no action is called {named}", operation.name()));
        for role in Role::ALL.iter().copied() {
            let own = !operation.is_of_the_platform() || on_platform(role);
            cells.push(RoleCell { operation, role, own, verdict: verdict(operation, role, action) });
            if operation.is_in_a_realm() {
                cells.push(RoleCell { operation, role, own: false, verdict: Verdict::ForeignRealm });
            }
        }
    }
    cells
}

fn verdict(operation: &Operation, role: Role, action: Action) -> Verdict {
    let absent =
        |kind: Kind| !matches!(kind, Kind::Tenant | Kind::Registered | Kind::Account | Kind::Token | Kind::AccountKey | Kind::Event);
    if operation.is_of_the_platform() && !on_platform(role) {
        Verdict::ForeignRealm
    } else if on_platform(role) && operation.ids.iter().any(|id| id.place == Place::Path && absent(id.kind)) {
        // Absent is said before not permitted (I7): nothing is issued on the platform.
        Verdict::NoSuchObject
    } else if role.permits(action) {
        Verdict::Permitted
    } else {
        Verdict::Denied(action)
    }
}

fn on_platform(role: Role) -> bool {
    role.exists_in(TenantId::PLATFORM)
}
