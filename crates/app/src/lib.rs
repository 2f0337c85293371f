//! chancery-app
