//! chancery-evidence
