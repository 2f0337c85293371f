//! chancery-x509
