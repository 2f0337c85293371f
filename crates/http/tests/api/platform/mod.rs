//! `/v1/platform/…`.

mod sagas;
mod tenants;
