//! `/v1/tenants/{tenant}/…`.

mod accounts;
mod certificates;
mod events;
mod issuers;
mod profiles;
