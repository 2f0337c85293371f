//! The two matrices that tests exercise cell by cell, planned from the OpenAPI document and not from lists here: a new operation
//! or id appears in them by itself, and an id of an unknown kind stops the plan.

mod foreign;
mod golden;
mod operation;
mod roles;

pub use foreign::{Actor, ForeignCell, Silence, Value, foreign_cells};
pub use golden::{authorisation, matrices};
pub use operation::{Id, Kind, Operation, Place, operations};
pub use roles::{RoleCell, Verdict, role_cells};
