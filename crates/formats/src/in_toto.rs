//! in-toto Statement v1: which files something is said of, and what; with SLSA provenance v1 as one thing that can be said.

mod provenance;
mod resource;
mod statement;

pub use provenance::PREDICATE_TYPE as PROVENANCE;
pub use statement::{MOST_SUBJECTS, PAYLOAD_TYPE, STATEMENT_TYPE, Statement, Subject, statement, verify};
