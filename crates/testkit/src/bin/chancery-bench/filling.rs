//! Many certificates of a tenant, written through the store as issuance writes them: nothing is signed, so that a million take minutes.

use crate::csr;
use crate::ground::{Ground, Tenant, caller};
use crate::inprocess::issuance;
use crate::tables;
use anyhow::{Context, Result, ensure};
use chancery::system::{SystemClock, SystemEntropy};
use chancery_app::Chancery;
use chancery_domain::port::{Clock, Entropy};
use chancery_domain::{CertificateId, EventId, OrderId, Serial, Timestamp};
use chancery_store::sqlite::{self, SqliteConfig};
use chancery_store::{CertificateRow, Changes, CrlRow, EventRow, JobRow, OrderRow, SubjectKeyRow, TenantView};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Certificates in a write-set.
const AT_ONCE: u32 = 2000;
/// Certificates that share a CRL, as the product has it.
const SHARD: u32 = 16_384;
/// Over how long they seem to have been issued: none is due for renewal yet.
const SINCE: Duration = Duration::from_secs(29 * 86_400);

/// The rows of one certificate that was issued: what is written is made like them.
struct Template {
    certificate: CertificateRow,
    order: OrderRow,
    event: EventRow,
    crl: CrlRow,
    /// The blind index value of the domain, which every name is below.
    domain: [u8; 16],
}

/// Fills the first tenant with so many certificates. Each has its ids in order of time, its own serial, names and key, an order, an
/// event and a job; the sealed bytes are those of one that was issued, for nobody opens them.
pub(crate) async fn fill(ground: &Ground, count: u32) -> Result<()> {
    let tenant = ground.tenants.first().context("no tenant")?;
    // The first leaves more behind than those after it: that its keys were unwrapped, and that there is a CRL.
    let service = ground.open().await?;
    issue_one(&service, tenant).await?;
    let before = tables::rows(ground)?;
    let issued = issue_one(&service, tenant).await?;
    let after = tables::rows(ground)?;
    drop(service);
    let config = SqliteConfig { directory: ground.config().data_dir, threads: 1, open_files: 4 };
    let store = sqlite::open(config, Arc::new(SystemClock::default())).await?;
    let view = store.tenant(tenant.id);
    let template = template(&view, issued).await?;
    let mut changes = view.changes();
    template.write(&mut changes, 0, count);
    changes.commit().await?;
    let (by_issuance, by_filling) = (more(&before, &after), more(&after, &tables::rows(ground)?));
    ensure!(by_issuance == by_filling, "issuance leaves the rows {by_issuance:?}, the filling {by_filling:?}: it must follow");
    for first in (1..count).step_by(AT_ONCE as usize) {
        let mut changes = view.changes();
        (first..count.min(first + AT_ONCE)).for_each(|number| template.write(&mut changes, number, count));
        changes.commit().await?;
    }
    Ok(())
}

/// How many rows each table has more than before.
fn more(before: &BTreeMap<String, i64>, after: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let more = |(table, rows): (&String, &i64)| (table.clone(), rows - before.get(table).unwrap_or(&0));
    after.iter().map(more).filter(|(_, more)| *more != 0).collect()
}

async fn issue_one(service: &Chancery, tenant: &Tenant) -> Result<(CertificateId, EventId)> {
    let fresh = csr::fresh(1, |_| tenant.domain.as_str())?.pop().context("no request")?;
    let request = issuance(fresh.request.der().to_vec())?;
    let (certificate, receipt) = service.issue(&caller(service, &tenant.token).await?, &request).await?;
    service.work_until_idle().await?;
    Ok((certificate.id, receipt.event))
}

async fn template(view: &TenantView, (certificate, event): (CertificateId, EventId)) -> Result<Template> {
    let certificate = view.certificate(certificate).await?.context("no certificate")?;
    let order = certificate.origin.order().context("no order")?;
    let issuer = certificate.origin.issuer().context("no issuer")?;
    Ok(Template {
        order: view.order(order).await?.context("no order")?,
        event: view.event(event).await?.context("no event")?,
        crl: view.crl(issuer, 0).await?.context("no CRL")?,
        domain: random(),
        certificate,
    })
}

impl Template {
    fn write(&self, changes: &mut Changes, number: u32, count: u32) {
        let ago = SINCE.mul_f64(f64::from(count - number) / f64::from(count));
        let then = Then(self.order.created_at.before(ago));
        let (id, order) = (CertificateId::new(&then, &SystemEntropy), OrderId::new(&then, &SystemEntropy));
        let shard = number / SHARD;
        let (key, scope) = (random(), Some(random()));
        let mut certificate = self.certificate.clone();
        if let chancery_domain::certificate::Origin::Issued { order: of, .. } = &mut certificate.origin {
            *of = order;
        }
        let not_after = certificate.not_after.before(ago);
        let (not_before, renew_at) = (certificate.not_before.before(ago), certificate.renew_at.before(ago));
        let serial = Serial::random(&SystemEntropy);
        let certificate = CertificateRow { id, serial, shard, not_before, not_after, renew_at, ..certificate };

        changes.count_up("certificates");
        changes.insert_order(&OrderRow { id: order, certificate: Some(id), created_at: then.0, ..self.order.clone() });
        changes.insert_certificate(&certificate, &[random(), self.domain]);
        changes.insert_certificate_key(&key, id);
        changes.insert_subject_key(&SubjectKeyRow { blind: key, scope, certificate: id, compromised: false, version: 1 });
        let job = chancery_domain::JobId::from_bytes(*id.as_bytes());
        let due_at = not_after.after(Duration::from_secs(1));
        changes.insert_job(&JobRow { due_at, id: job, kind: "certificate.expire".to_owned(), subject: Vec::new(), attempts: 0 });
        changes.insert_event(&EventRow { id: EventId::new(&then, &SystemEntropy), leaf: random(), ..self.event.clone() });
        if shard > 0 && number.is_multiple_of(SHARD) {
            changes.insert_crl(&CrlRow { shard, ..self.crl.clone() });
        }
    }
}

/// A clock that stands.
struct Then(Timestamp);

impl Clock for Then {
    fn now(&self) -> Timestamp {
        self.0
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes);
    bytes
}
