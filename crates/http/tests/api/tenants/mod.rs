//! `/v1/tenants/{tenant}/…`.

mod access;
mod accounts;
mod certificates;
mod events;
mod issuers;
mod profiles;
mod tokens;
