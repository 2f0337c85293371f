//! chancery-http
