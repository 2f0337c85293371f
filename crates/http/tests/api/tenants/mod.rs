//! `/v1/tenants/{tenant}/…`.

mod access;
mod account_keys;
mod accounts;
mod archive;
mod certificates;
mod dry_run;
mod duties;
mod events;
mod evidence;
mod external;
mod holders;
mod issuers;
mod log;
mod platform_log;
mod profiles;
mod retention;
mod rollover;
mod scopes;
mod signing;
mod tokens;
mod witnesses;

pub(crate) use external::pending;
