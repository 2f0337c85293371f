//! The foreign-id matrix: operation by id by actor by what is put for the id (I7).

use super::{Id, Kind, Operation, Place};
use chancery_domain::TenantId;
use chancery_domain::role::Role;

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
