//! chancery-testkit

pub mod cluster;
