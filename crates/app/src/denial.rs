//! Denials are events in the caller's own log (I4, THREATS 30), counted past a rate so that a flood cannot fill the disk.

use crate::deed::{Deed, detail};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::Action;
use chancery_domain::decision::Reason;
use chancery_domain::{AccountId, TenantId, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// So many denials of one account are recorded one by one in each window; the rest are counted.
const EACH: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct Denials(Mutex<HashMap<(TenantId, AccountId), Window>>);

struct Window {
    ends: Timestamp,
    seen: u32,
}

/// What is to be recorded of a denial.
enum Record {
    /// The denial itself, and how many were only counted in the window before.
    This { counted_before: u32 },
    /// Nothing now.
    Count,
}

impl Denials {
    fn note(&self, who: (TenantId, AccountId), now: Timestamp) -> Record {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(who).or_insert(Window { ends: now.after(WINDOW), seen: 0 });
        let mut counted_before = 0;
        if window.ends <= now {
            counted_before = window.seen.saturating_sub(EACH);
            *window = Window { ends: now.after(WINDOW), seen: 0 };
        }
        window.seen = window.seen.saturating_add(1);
        if window.seen <= EACH { Record::This { counted_before } } else { Record::Count }
    }

    /// The windows that ended, with what was only counted in them.
    fn ended(&self, now: Timestamp) -> Vec<((TenantId, AccountId), u32)> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ended: Vec<_> = windows.extract_if(|_, window| window.ends <= now).collect();
        ended.into_iter().map(|(who, window)| (who, window.seen.saturating_sub(EACH))).filter(|(_, n)| *n > 0).collect()
    }
}

impl Chancery {
    /// Records that the caller may not do this.
    pub(crate) async fn deny(&self, caller: &Caller, action: Action) -> Result<(), Failure> {
        self.record_denial(caller, detail! { "action" => action.as_str(), "cause" => "role" }).await
    }

    /// Records that the caller reached for another tenant. Nothing of that tenant was looked at, and its log hears nothing.
    pub async fn record_foreign(&self, caller: &Caller) -> Result<(), Failure> {
        self.record_denial(caller, detail! { "cause" => "foreign-tenant" }).await
    }

    /// Records that policy refused the caller's request.
    pub(crate) async fn refuse(&self, caller: &Caller, action: Action, policy_version: u32, reasons: &[Reason]) -> Result<(), Failure> {
        let reasons = serde_json::to_value(reasons)?;
        let detail = detail! {
            "action" => action.as_str(), "cause" => "policy", "policy_version" => policy_version, "reasons" => reasons
        };
        self.record_denial(caller, detail).await
    }

    async fn record_denial(&self, caller: &Caller, mut detail: crate::deed::Detail) -> Result<(), Failure> {
        let who = (caller.tenant(), caller.account());
        if let Record::This { counted_before } = self.inner.denials.note(who, self.now()) {
            if counted_before > 0 {
                detail.insert("counted_before".to_owned(), counted_before.into());
            }
            Deed::denied(caller).commit(self.ports(), "denied", *caller.account().as_bytes(), detail).await?;
        }
        Ok(())
    }

    /// Records summaries of the denials that were only counted.
    pub(crate) async fn record_counted_denials(&self) -> Result<(), Failure> {
        for ((tenant, account), counted) in self.inner.denials.ended(self.now()) {
            let realm = self.realm(tenant).await?;
            let detail = detail! { "account" => account.to_string(), "counted" => counted };
            Deed::system(&realm).commit(self.ports(), "denied.summary", *account.as_bytes(), detail).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_none_is_lost() {
        let denials = Denials::default();
        let who = (TenantId::from_bytes([1; 16]), AccountId::from_bytes([2; 16]));
        let now = Timestamp::from_seconds(1_800_000_000);
        let recorded = (0..1000).filter(|_| matches!(denials.note(who, now), Record::This { .. })).count();
        assert_eq!(recorded, EACH as usize);
        assert!(denials.ended(now).is_empty());
        assert_eq!(denials.ended(now.after(WINDOW)), [(who, 1000 - EACH)]);
        assert!(denials.ended(now.after(WINDOW)).is_empty());
    }
}
