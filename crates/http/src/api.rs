//! The REST API, one file per kind of object: its documents, its handlers.

pub mod access;
pub mod account_keys;
pub mod accounts;
pub mod archive;
pub mod bindings;
pub mod bulk;
pub mod certificates;
pub mod common;
pub mod documents;
pub mod dry_run;
pub mod duties;
pub mod enrol;
pub mod events;
pub mod evidence;
pub mod export;
pub mod holds;
pub mod import;
pub mod issuers;
pub mod log;
pub mod orders;
pub mod pkcs12;
pub mod platform;
mod platform_log;
pub mod profiles;
pub mod roles;
pub mod signatures;
pub mod signers;
pub mod tenant;
mod timestamps;

use chancery_app::Chancery;
use utoipa_axum::router::OpenApiRouter;

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new()
        .merge(enrol::routes())
        .merge(platform::routes())
        .merge(tenant::routes())
        .merge(accounts::routes())
        .merge(account_keys::routes())
        .merge(access::routes())
        .merge(roles::routes())
        .merge(bindings::routes())
        .merge(duties::routes())
        .merge(issuers::routes())
        .merge(profiles::routes())
        .merge(dry_run::routes())
        .merge(certificates::routes())
        .merge(pkcs12::routes())
        .merge(bulk::routes())
        .merge(export::routes())
        .merge(import::routes())
        .merge(orders::routes())
        .merge(signers::routes())
        .merge(signatures::routes())
        .merge(documents::routes())
        .merge(holds::routes())
        .merge(archive::routes())
        .merge(timestamps::routes())
        .merge(events::routes())
        .merge(log::routes())
        .merge(platform_log::routes())
        .merge(evidence::routes())
}
