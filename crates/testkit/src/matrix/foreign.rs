//! The foreign-id matrix: operation by id by actor by what is put for the id (I7).

use super::{Id, Kind, Operation, Place, RoleCell, Verdict};
use chancery_domain::TenantId;
use chancery_domain::role::Role;
use std::fmt;
use std::ptr;

/// Who tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An account with this role, in a tenant or on the platform.
    Role(Role),
    /// The admin of a suspended tenant.
    Suspended,
    /// Nobody: no credential.
    Nobody,
}

/// What is put for an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Another tenant's.
    Foreign,
    /// A suspended tenant's.
    OfSuspended,
    /// The other realm's: the platform's for a tenant, a tenant's for the platform.
    OtherRealm,
    /// One that is well-formed and nobody's.
    Missing,
    /// This, which is no id.
    Malformed(&'static str),
}

/// Why an actor's own id is answered as those of others are, so that a row shows only that nothing is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Silence {
    /// Without a credential everything is 401.
    NoCredential,
    /// In a suspended tenant everything is 403.
    Suspended,
    /// The operator's register does not exist for tenants.
    NoRegister,
    /// The platform has no such objects.
    NoSuchObject,
    /// Without the right nothing in a query or body is looked at.
    NotPermitted,
}

/// One operation tried by one actor with one value for one of its ids; the other ids are the actor's own.
#[derive(Clone, Debug)]
pub struct ForeignCell<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// The id.
    pub id: &'a Id,
    /// Who tries.
    pub actor: Actor,
    /// What is put for it.
    pub value: Value,
}

/// What is no id. The last one a router takes out of a path, so it stands in queries and bodies only.
const MALFORMED: [&str; 6] = ["x", "0190A000-0000-7000-8000-000000000001", "0190a00000007000800000000000000a", "%2e%2e", "%00", ".."];

impl Actor {
    /// Everybody.
    pub fn all() -> impl Iterator<Item = Self> {
        Role::ALL.iter().copied().map(Self::Role).chain([Self::Suspended, Self::Nobody])
    }

    /// Whether it belongs to the platform.
    pub fn is_of_the_platform(self) -> bool {
        matches!(self, Self::Role(role) if role.exists_in(TenantId::PLATFORM))
    }
}

impl<'a> ForeignCell<'a> {
    /// Cells whose answers must be the same but for the request's id.
    pub fn row(&self) -> (String, &'a str, Actor) {
        (self.operation.name(), &self.id.name, self.actor)
    }

    /// Why the actor's own id is answered as this one is; otherwise it must be answered differently. `roles` are the cells of the
    /// role matrix over the same operations.
    pub fn silence(&self, roles: &[RoleCell<'_>]) -> Option<Silence> {
        let role = match self.actor {
            _ if !self.operation.path.starts_with("/v1/") => return None,
            Actor::Nobody => return Some(Silence::NoCredential),
            Actor::Suspended => return Some(Silence::Suspended),
            Actor::Role(role) => role,
        };
        // Of the two cells of an operation and a role the first is that of its own realm.
        let met = roles.iter().find(|cell| ptr::eq(cell.operation, self.operation) && cell.role == role);
        match met.map(|cell| cell.verdict) {
            Some(Verdict::ForeignRealm) => Some(Silence::NoRegister),
            Some(Verdict::NoSuchObject) => Some(Silence::NoSuchObject),
            Some(Verdict::Denied(_)) if self.id.place != Place::Path => Some(Silence::NotPermitted),
            _ => None,
        }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCredential => "without a credential everything is 401",
            Self::Suspended => "in a suspended tenant everything is 403",
            Self::NoRegister => "the operator's register does not exist for tenants: 404",
            Self::NoSuchObject => "the platform has no issuers, profiles, certificates and orders: 404",
            Self::NotPermitted => "without the right nothing in a query or body is looked at: 403",
        })
    }
}

/// Every cell, rows together.
pub fn foreign_cells(operations: &[Operation]) -> Vec<ForeignCell<'_>> {
    let mut cells = Vec::new();
    for operation in operations {
        for id in &operation.ids {
            for actor in Actor::all() {
                cells.extend(values(id, actor).into_iter().map(|value| ForeignCell { operation, id, actor, value }));
            }
        }
    }
    cells
}

fn values(id: &Id, actor: Actor) -> Vec<Value> {
    let mut values = match id.kind {
        // Whoever may read the register may read all of it; public addresses are everybody's.
        Kind::Registered if actor.is_of_the_platform() => vec![],
        Kind::Public | Kind::File => vec![],
        Kind::Tenant => vec![Value::Foreign, Value::OfSuspended, Value::OtherRealm],
        _ => vec![Value::Foreign, Value::OfSuspended],
    };
    values.push(Value::Missing);
    // What is no serial number or cursor is refused as such, by name and before anything is looked for.
    if id.kind.names_an_object() {
        let in_path = id.place == Place::Path;
        values.extend(MALFORMED.into_iter().filter(|text| !(in_path && *text == "..")).map(Value::Malformed));
    }
    values
}
