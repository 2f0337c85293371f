//! The faces over HTTP: the REST API, the public PKI addresses, and problem documents, which exist only here.
//!
//! A handler parses, calls one use case, renders. Adding an endpoint: docs/howto/add-an-endpoint.md.

pub mod api;
mod operations;
mod pki;
pub mod problem;
mod request;
mod router;
mod signature;

pub use router::{document, public_router, router};
