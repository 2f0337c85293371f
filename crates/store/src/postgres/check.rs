//! What must be so before a database is used: the role's limits, the tables' protection, the server's durability.

use super::PLATFORM_TABLES;
use super::durability::{self, Durability};
use super::error::store_error;
use super::migrate::version;
use super::pool::Pool;
use super::restore::refuse_unfinished;
use crate::StoreError;
use crate::migration::POSTGRES;
use chancery_domain::enforced;
use tokio_postgres::Client;

/// Roles that this one is or may become, and which row level security does not bind. Superusers are members of every role.
const TOO_MIGHTY: &str = "SELECT rolname::TEXT FROM pg_roles WHERE pg_has_role(current_user, oid, 'MEMBER') AND (rolsuper OR rolbypassrls
     OR oid IN (SELECT relowner FROM pg_class WHERE relnamespace IN ('tenant'::regnamespace, 'platform'::regnamespace)))";
/// Tables of tenants that are not protected.
const UNPROTECTED: &str = "SELECT c.relname::TEXT FROM pg_class c WHERE c.relnamespace = 'tenant'::regnamespace AND c.relkind IN ('r', 'p')
     AND NOT (c.relrowsecurity AND c.relforcerowsecurity
     AND (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL) = 1
     AND (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) = 1)";
const PLATFORM: &str =
    "SELECT relname::TEXT FROM pg_class WHERE relnamespace = 'platform'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
     AND NOT relname = ANY ($1)";

/// Refuses a database in which a tenant's rows or an acknowledged commit would not be safe (I1, THREATS 7).
pub(super) async fn fits(pool: &Pool, durability: Durability) -> Result<(), StoreError> {
    let lease = pool.lease().await?;
    let client: &Client = &lease;
    refuse_unfinished(client).await?;
    let at = version(client).await?;
    let known = POSTGRES.len();
    if at != known && enforced!("database.version") {
        let advice = if at < known { "run with the owner's URL once" } else { "use a newer program" };
        return Err(StoreError::Schema(format!("the database has version {at}, this program needs {known}: {advice}")));
    }
    durability::check(client, durability).await?;
    none(client, TOO_MIGHTY, "role", "row level security does not bind this role, use a plain one; it is or may become").await?;
    none(client, UNPROTECTED, "tables", "these tables lack forced row level security").await?;
    let strangers = client.query(PLATFORM, &[&PLATFORM_TABLES.as_slice()]).await.map_err(|error| store_error(&error))?;
    if !strangers.is_empty() && enforced!("database.strangers") {
        return Err(StoreError::Schema("schema platform has relations that this program does not know".to_owned()));
    }
    lease.give_back();
    Ok(())
}

/// Refuses with the names that the query finds.
async fn none(client: &Client, query: &str, name: &str, fault: &str) -> Result<(), StoreError> {
    let rows = client.query(query, &[]).await.map_err(|error| store_error(&error))?;
    let names: Vec<String> = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
    if rows.is_empty() || !enforced!("database", name) { Ok(()) } else { Err(StoreError::Schema(format!("{fault}: {}", names.join(", ")))) }
}
