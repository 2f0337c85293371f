//! Jobs: what there is to do later, and how each kind is done. Every kind may be done twice.

use crate::access::SOON;
use crate::crl;
use crate::deed::{Deed, detail};
use crate::failure::Stop;
use crate::open_signer::{day, made_on};
use crate::realm::{CERTIFICATES, Realm};
use crate::service::Ports;
use crate::{Chancery, Failure};
use aws_lc_rs::digest::{SHA256, digest};
use chancery_domain::certificate::CertificateStatus;
use chancery_domain::{CertificateId, JobId, TenantId, Timestamp, TokenId};
use chancery_store::{JobRow, TokenRow};
use std::sync::Arc;
use std::time::Duration;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal)*) => {
        /// Every kind of job.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind { $($(#[$doc])* $name),* }

        impl Kind {
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
            pub(crate) fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

kinds! {
    /// Carry the outbox's messages to the platform.
    DeliverOutbox = "outbox.deliver"
    /// Publish a CRL because something was revoked, or for the first time.
    PublishCrl = "crl.publish"
    /// Publish a CRL because the old one grows old, again and again.
    RefreshCrl = "crl.refresh"
    /// Note that a certificate's time is over.
    ExpireCertificate = "certificate.expire"
    /// Retire an issuer on the date that was given with its rollover.
    RetireIssuer = "issuer.retire"
    /// Take a tenant's saga to its end after a crash.
    SettleTenant = "tenant.settle"
    /// Give the log's newest checkpoint to the platform's log.
    PublishLog = "log.publish"
    /// Warn that a token expires soon.
    WarnOfToken = "token.expiring"
    /// Forget the nonces of signed requests that cannot come again.
    ForgetNonces = "request-nonce.forget"
    /// Remove signatures that are past their retention and on no hold.
    Dispose = "signature.dispose"
    /// Put what is new into the tenant's archive, again and again.
    Archive = "archive.export"
    /// Forget old idempotency records and old days' counters, again and again.
    Sweep = "idempotency.sweep"
}

/// Idempotency keys are remembered this long.
const REMEMBERED: Duration = Duration::from_secs(2 * 86_400);
/// The days' counters of signers are kept this long, so that no node with a wrong clock takes away one that counts.
const COUNTED: Duration = Duration::from_secs(30 * 86_400);
const DAY: Duration = Duration::from_secs(86_400);

/// A job due at once. Those of one kind about one thing within a second are one.
pub(crate) fn due_now(kind: Kind, subject: &[u8], now: Timestamp) -> JobRow {
    due_at(kind, subject, now.whole_second())
}

/// A job due at a time, whose id follows from what it is about.
pub(crate) fn due_at(kind: Kind, subject: &[u8], due_at: Timestamp) -> JobRow {
    let mut id = [0; 16];
    let hash = digest(&SHA256, &[kind.as_str().as_bytes(), &[0], subject].concat());
    id.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    JobRow { due_at, id: JobId::from_bytes(id), kind: kind.as_str().to_owned(), subject: subject.to_vec(), attempts: 0 }
}

/// The job that notes the end of a certificate's time.
pub(crate) fn expiry(id: CertificateId, not_after: Timestamp) -> JobRow {
    let kind = Kind::ExpireCertificate.as_str().to_owned();
    let due_at = not_after.after(Duration::from_secs(1));
    JobRow { due_at, id: JobId::from_bytes(*id.as_bytes()), kind, subject: Vec::new(), attempts: 0 }
}

/// The job that warns of a token's end: when it is near, and for a token of a few days after half of its life.
pub(crate) fn token_warning(token: &TokenRow) -> JobRow {
    let half = Timestamp::from_millis(token.created_at.millis().midpoint(token.expires_at.millis()));
    let due_at = token.expires_at.before(SOON).max(half);
    let kind = Kind::WarnOfToken.as_str().to_owned();
    JobRow { due_at, id: JobId::from_bytes(*token.id.as_bytes()), kind, subject: Vec::new(), attempts: 0 }
}

/// The job that forgets old nonces at this time.
pub(crate) fn forget_nonces(due: Timestamp) -> JobRow {
    due_at(Kind::ForgetNonces, &[], due)
}

/// The first sweep of a realm.
pub(crate) fn sweep(now: Timestamp, ports: &Ports) -> JobRow {
    let id = JobId::new(&*ports.clock, &*ports.entropy);
    JobRow { due_at: now.after(DAY), id, kind: Kind::Sweep.as_str().to_owned(), subject: Vec::new(), attempts: 0 }
}

impl Chancery {
    /// Does a job that is held under a lease; its end is committed with its effect.
    pub(crate) async fn run_job(&self, realm: &Arc<Realm>, job: &JobRow) -> Result<(), Stop> {
        let kind = Kind::from_name(&job.kind).ok_or_else(|| Failure::Internal(format!("a job of unknown kind {}", job.kind)))?;
        match kind {
            Kind::DeliverOutbox => self.deliver_outbox(realm, job).await,
            Kind::PublishCrl | Kind::RefreshCrl => {
                let malformed = || Failure::internal("a CRL job's subject is malformed");
                let (issuer, shard) = crl::of_subject(&job.subject).ok_or_else(malformed)?;
                self.publish_crl(realm, job, issuer, shard).await
            }
            Kind::ExpireCertificate => self.expire(realm, job).await,
            Kind::PublishLog => self.publish_log(realm, job).await,
            Kind::RetireIssuer => self.retire_on_date(realm, job).await,
            Kind::Dispose => self.dispose(realm, job).await,
            Kind::Archive => self.put_into_archive(realm, job).await,
            Kind::WarnOfToken => self.warn_of_token(realm, job).await,
            Kind::SettleTenant => {
                let malformed = |_| Failure::internal("a saga job's subject is malformed");
                self.settle(TenantId::from_slice(&job.subject).map_err(malformed)?).await?;
                finish(realm, job).await
            }
            Kind::ForgetNonces => self.forget_old_nonces(realm, job).await,
            Kind::Sweep => {
                let now = self.now();
                let mut changes = realm.view.changes();
                changes.forget_idempotency(now.before(REMEMBERED));
                for signer in realm.view.signers().await? {
                    changes.forget_counters(&made_on(signer.id), &day(now.before(COUNTED)));
                }
                changes.finish_job(job);
                changes.insert_job(&JobRow { due_at: now.after(DAY), attempts: 0, ..job.clone() });
                Ok(changes.commit().await?)
            }
        }
    }

    async fn expire(&self, realm: &Arc<Realm>, job: &JobRow) -> Result<(), Stop> {
        let id = CertificateId::from_bytes(*job.id.as_bytes());
        // One of others may have been removed meanwhile.
        let Some(row) = realm.view.certificate(id).await? else { return finish(realm, job).await };
        let Ok(status) = row.status.advance(CertificateStatus::Expired) else { return finish(realm, job).await };
        let mut deed = Deed::system(realm);
        deed.changes.move_certificate(&row, status);
        deed.changes.count_down(CERTIFICATES);
        deed.changes.finish_job(job);
        let detail = detail! { "certificate" => id.to_string(), "moves" => vec![row.status.as_str(), status.as_str()] };
        deed.commit(self.ports(), "certificate.expire", *id.as_bytes(), detail).await?;
        Ok(())
    }
}

impl Chancery {
    /// Says once that a token expires soon, if it is still of use.
    async fn warn_of_token(&self, realm: &Arc<Realm>, job: &JobRow) -> Result<(), Stop> {
        let id = TokenId::from_bytes(*job.id.as_bytes());
        let live = |row: &TokenRow| row.ended_at.is_none() && row.successor.is_none() && row.expires_at > self.now();
        let Some(token) = realm.view.token(id).await?.filter(live) else { return finish(realm, job).await };
        let Some(account) = token.account else { return finish(realm, job).await };
        if !realm.view.account(account).await?.is_some_and(|row| row.enabled) {
            return finish(realm, job).await;
        }
        let mut deed = Deed::system(realm);
        deed.changes.finish_job(job);
        let detail = detail! { "account" => account.to_string(), "token" => id.to_string(), "expires_at" => token.expires_at.to_string() };
        deed.commit(self.ports(), "token.expiring", *id.as_bytes(), detail).await?;
        Ok(())
    }
}

/// Ends a job that has nothing to do any more.
pub(crate) async fn finish(realm: &Realm, job: &JobRow) -> Result<(), Stop> {
    let mut changes = realm.view.changes();
    changes.finish_job(job);
    Ok(changes.commit().await?)
}
