//! Denials are events in the caller's own log (I4, THREATS 30), counted past a rate so that a flood cannot fill the disk.

use crate::deed::{Deed, Detail, detail};
use crate::tally::Record;
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::Action;
use chancery_domain::decision::Reason;
use chancery_domain::{TenantId, enforced};

impl Chancery {
    /// Records that the caller may not do this.
    pub(crate) async fn deny(&self, caller: &Caller, action: Action) -> Result<(), Failure> {
        self.record_denial(caller, "role", detail! { "action" => action.as_str() }).await
    }

    /// Records that the caller may do this elsewhere, but not here.
    pub(crate) async fn deny_outside(&self, caller: &Caller, action: Action) -> Result<(), Failure> {
        self.record_denial(caller, "scope", detail! { "action" => action.as_str() }).await
    }

    /// Records that the caller would have put duties together that are kept apart.
    pub(crate) async fn deny_duties(&self, caller: &Caller, conflict: &str) -> Result<(), Failure> {
        self.record_denial(caller, "duties", detail! { "conflict" => conflict }).await
    }

    /// Records that the caller reached for another tenant. Nothing of that tenant was looked at, and its log hears nothing.
    pub async fn record_foreign(&self, caller: &Caller) -> Result<(), Failure> {
        self.record_denial(caller, "foreign-tenant", detail! {}).await
    }

    /// Records that a signed request came again: its sender repeats itself, or somebody read what was sent.
    pub(crate) async fn record_replay(&self, caller: &Caller) -> Result<(), Failure> {
        self.record_denial(caller, "replay", detail! {}).await
    }

    /// Records that policy refused the caller's request.
    pub(crate) async fn refuse(&self, caller: &Caller, action: Action, policy_version: u32, reasons: &[Reason]) -> Result<(), Failure> {
        self.refuse_about(caller, action, policy_version, reasons, Detail::new()).await
    }

    /// The same with what the request was about.
    pub(crate) async fn refuse_about(
        &self,
        caller: &Caller,
        action: Action,
        policy_version: u32,
        reasons: &[Reason],
        about: Detail,
    ) -> Result<(), Failure> {
        let reasons = serde_json::to_value(reasons)?;
        let mut detail = detail! {
            "action" => action.as_str(), "policy_version" => policy_version, "reasons" => reasons
        };
        detail.extend(about);
        self.record_denial(caller, "policy", detail).await
    }

    async fn record_denial(&self, caller: &Caller, cause: &'static str, mut detail: Detail) -> Result<(), Failure> {
        if !enforced!("denial", cause) {
            return Ok(());
        }
        detail.insert("cause".to_owned(), cause.into());
        let who = (caller.tenant(), caller.account());
        if let Record::This { counted_before } = self.inner.denials.note(who, self.now()) {
            if counted_before > 0 {
                detail.insert("counted_before".to_owned(), counted_before.into());
            }
            Deed::denied(caller).commit(self.ports(), "denied", *caller.account().as_bytes(), detail).await?;
        }
        Ok(())
    }

    /// Counts a request without a valid credential: whose it was is not known, so the platform's log hears how many there were.
    pub(crate) fn count_anonymous(&self) -> Failure {
        if enforced!("denial.anonymous") {
            self.inner.anonymous.note((), self.now());
        }
        Failure::Unauthenticated
    }

    /// Records how many denials, unwraps and anonymous requests were only counted. What fails is told later.
    pub(crate) async fn record_counted(&self) {
        let now = self.now();
        for ((tenant, account), counted) in self.inner.denials.ended(now) {
            let detail = detail! { "account" => account.to_string(), "counted" => counted };
            if !self.record_summary(tenant, "denied.summary", detail).await {
                self.inner.denials.put_back((tenant, account), counted, now);
            }
        }
        for ((tenant, all), counted) in self.inner.unwraps.ended(now) {
            if !self.record_summary(tenant, "keys.unwrap.summary", detail! { "counted" => counted }).await {
                self.inner.unwraps.put_back((tenant, all), counted, now);
            }
        }
        for ((), counted) in self.inner.anonymous.ended(now) {
            if !self.record_summary(TenantId::PLATFORM, "unauthenticated.summary", detail! { "counted" => counted }).await {
                self.inner.anonymous.put_back((), counted, now);
            }
        }
    }

    async fn record_summary(&self, tenant: TenantId, act: &str, detail: Detail) -> bool {
        let recorded = async {
            let realm = self.realm(tenant).await?;
            Deed::system(&realm).commit(self.ports(), act, *tenant.as_bytes(), detail).await.map_err(Failure::from)
        };
        match recorded.await {
            Ok(_) => true,
            Err(failure) => {
                tracing::warn!(%tenant, act, %failure, "a summary cannot be recorded; it is told later");
                false
            }
        }
    }
}
