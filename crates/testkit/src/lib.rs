//! chancery-testkit
