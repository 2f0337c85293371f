//! Policy as code: a tenant's own rules, in Rego, over a documented input. They may deny an act, put duties on it or warn; they never
//! grant what a profile forbids (THREATS 5).
//!
//! An evaluation is a pure function of the bundle and the input (I10): the interpreter is built without clock, randomness, network and
//! output, and only functions of a list are called. What would not end is ended, and then the act is refused.

mod builtins;
mod bundle;
mod evaluate;
mod fixture;
mod input;
mod intake;
mod meter;
mod verdict;

pub use bundle::{BadBundle, Bundle, FIXTURES, MOST_BYTES, MOST_FILES};
pub use evaluate::{Compiled, EvaluationError};
pub use fixture::{BadFixture, Fixture, Tried};
pub use input::{
    Act, Artifact, CertificateFacts, Clock, DocumentType, INPUT_SCHEMA, Input, Inventory, Key, KeyFamily, KeySeen, Name, Principal,
    PrincipalKind, Profile, Signature, Signer, Source, TenantFacts,
};
pub use intake::{Fault, Refused};
pub use verdict::Verdict;
