//! The verifier against bundles that hold, and against every way in which one may not.

mod bundle;
mod world;
