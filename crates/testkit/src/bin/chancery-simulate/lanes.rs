//! Lanes: each tenant's is due no later than its first job, or will be looked at again. They stand in the platform's file.

use crate::check::select;
use chancery_domain::TenantId;
use chancery_store::sqlite::simulation::SimulatedFiles;

/// A lane that was settled is looked at again so long after its last mark, in milliseconds: `MARK_GRACE` of the store.
const MARK_GRACE: i64 = 60_000;
/// A worker whose turn in a lane failed comes back after a lease of 60 s, by a clock that may be five seconds early.
const COMES_BACK: i64 = 65_000;

/// Looks at these tenants, whose first jobs are due then.
pub(crate) fn look(files: &SimulatedFiles, tenants: &[(TenantId, i64)], now: i64) -> Result<(), String> {
    if tenants.is_empty() {
        return Ok(());
    }
    let lanes = select(files, TenantId::PLATFORM, "SELECT tenant_id, due_at, marked_at FROM lane")?;
    let number = |row: &[String], at: usize| row.get(at).and_then(|text| text.parse::<i64>().ok()).unwrap_or(i64::MAX);
    for (tenant, first) in tenants {
        let own: String = tenant.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let Some(lane) = lanes.iter().find(|row| row.first() == Some(&own)) else {
            return Err(format!("a job is due at {first}, and there is no lane, in {tenant}"));
        };
        let (due, marked) = (number(lane, 1), number(lane, 2));
        if due > (*first).max(marked.saturating_add(MARK_GRACE)).max(now + COMES_BACK) {
            return Err(format!("a job is due at {first}, and its lane at {due}, marked at {marked}, in {tenant}"));
        }
    }
    Ok(())
}
