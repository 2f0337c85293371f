//! The offline verifier: what a file proves, and exactly what is wrong with it. Pure; it shares nothing with the server but the formats
//! themselves (I14). What it believes comes from the trust file that its caller obtained beforehand, never from what is verified.

mod bundle;
mod completion;
mod file;
mod kept;
mod proofs;
mod report;
mod rules;
mod signatures;
mod timestamps;
mod trust;

pub use bundle::{LONGEST_BUNDLE, verify_bundle};
pub use completion::{Brand, LARGEST_LOGO, NotALogo, completion};
pub use file::{Given, verify};
pub use report::{Fault, Report, Said, Verdict};
pub use trust::{Known, LONGEST_TRUST};
