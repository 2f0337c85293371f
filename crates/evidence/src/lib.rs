//! Evidence: the canonical form of events and the leaves that commit to them. Pure.

mod canon;
mod leaf;

pub use canon::{CanonError, canonical};
pub use leaf::{Record, Salt};
