//! Lints on revocation lists.
