//! Published lists: whose they are, whether they are genuine, and which are missing.

use crate::{Failure, crl};
use aws_lc_rs::digest::{SHA256, digest as sha256};
use chancery_domain::{IssuerId, TenantId, Timestamp, enforced};
use chancery_store::{AuthorityRow, CrlHead};
use chancery_x509::{Crl, IssuerCertificate};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

/// A job may be late by so much, and the list with it.
const LATE: Duration = Duration::from_secs(3600);

/// A list as it was found outside.
pub struct PublishedList {
    /// Where, for messages.
    pub name: String,
    /// The list, DER.
    pub der: Vec<u8>,
}

/// SHA-256 of the lists, in whatever order they were given.
pub(super) fn digest(published: &[PublishedList]) -> [u8; 32] {
    let each: BTreeSet<Vec<u8>> = published.iter().map(|list| sha256(&SHA256, &list.der).as_ref().to_vec()).collect();
    let mut all = [0; 32];
    all.copy_from_slice(sha256(&SHA256, &each.into_iter().collect::<Vec<_>>().concat()).as_ref());
    all
}

/// A list that may have been published after the backup, and was not given.
#[derive(Clone, Debug, Serialize)]
pub struct MissingList {
    /// The tenant.
    pub tenant: TenantId,
    /// Its authority.
    pub issuer: IssuerId,
    /// Which part of its certificates.
    pub shard: u32,
    /// Where it was published.
    pub address: String,
    /// One of at least this number is asked for: the backup's own, or where that was given and a newer one was due, the next.
    pub number: i64,
}

impl fmt::Display for MissingList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (number {} or later, tenant {}, issuer {})", self.address, self.number, self.tenant, self.issuer)
    }
}

/// The authorities of all tenants by key identifier, and the lists that the backup has.
#[derive(Default)]
pub(super) struct Known {
    authorities: HashMap<Vec<u8>, Vec<(TenantId, IssuerId, IssuerCertificate)>>,
    lists: BTreeMap<(TenantId, IssuerId, u32), (i64, String, Timestamp)>,
}

/// What was given, compared with what is known.
pub(super) struct Compared {
    pub(super) by_tenant: HashMap<TenantId, Vec<(IssuerId, u32, Crl)>>,
    pub(super) unknown: Vec<String>,
    pub(super) missing: Vec<MissingList>,
}

impl Known {
    pub(super) fn add<'a>(
        &mut self,
        tenant: TenantId,
        row: &AuthorityRow,
        heads: impl Iterator<Item = &'a CrlHead>,
        address: impl Fn(u32) -> String,
    ) -> Result<(), Failure> {
        let (Some(der), Some(_)) = (&row.certificate, &row.status_key) else { return Ok(()) };
        let certificate = IssuerCertificate::from_der(der)?;
        for head in heads {
            self.lists.insert((tenant, row.id, head.shard), (head.number, address(head.shard), certificate.not_after()));
        }
        self.authorities.entry(certificate.key_identifier().to_vec()).or_default().push((tenant, row.id, certificate));
        Ok(())
    }

    /// Finds the authority of each list by its signature. One that names an authority's key and was not signed by it is an error.
    pub(super) fn compare(&self, published: &[PublishedList], now: Timestamp) -> Result<Compared, Failure> {
        let mut compared = Compared { by_tenant: HashMap::new(), unknown: Vec::new(), missing: Vec::new() };
        let mut newest: HashMap<(TenantId, IssuerId, u32), (i64, Timestamp)> = HashMap::new();
        for list in published {
            let bad = |what: String| Failure::invalid("lists", format!("{}: {what}", list.name));
            let crl = Crl::from_der(&list.der).map_err(|error| bad(error.to_string()))?;
            let Some(candidates) = crl.authority_key_identifier().and_then(|key| self.authorities.get(key)) else {
                compared.unknown.push(list.name.clone());
                continue;
            };
            let signer = candidates.iter().find(|(.., certificate)| crl.verify(certificate.public_key()).is_ok());
            let signer = signer.or_else(|| candidates.first().filter(|_| !enforced!("reconcile.signature")));
            let (tenant, issuer, _) = signer.ok_or_else(|| bad("its signature is not that of the issuer it names".to_owned()))?;
            let shard = shard(&crl).ok_or_else(|| bad("its distribution point is not one of this program's".to_owned()))?;
            let number = i64::try_from(crl.number()).map_err(|_| bad("its number is too great".to_owned()))?;
            let this = (number, crl.this_update());
            let seen = newest.entry((*tenant, *issuer, shard)).or_insert(this);
            *seen = this.max(*seen);
            compared.by_tenant.entry(*tenant).or_default().push((*issuer, shard, crl));
        }
        // What the newest says is told once, and not first by an older one.
        compared.by_tenant.values_mut().for_each(|lists| lists.sort_by_key(|(.., crl)| Reverse(crl.number())));
        let ran_until = newest.values().map(|(_, made)| *made).max().unwrap_or(now);
        for ((tenant, issuer, shard), (number, address, not_after)) in &self.lists {
            let given = newest.get(&(*tenant, *issuer, *shard)).copied();
            if let Some(number) = still_asked_for(*number, given, ran_until).filter(|_| *not_after >= now) {
                let (tenant, issuer, shard, address) = (*tenant, *issuer, *shard, address.clone());
                compared.missing.push(MissingList { tenant, issuer, shard, address, number });
            }
        }
        Ok(compared)
    }
}

/// The least number that is still asked for, of a list whose newest is given by number and time. A server that runs replaces each of its
/// lists daily: where another list shows that it ran on, an older one than that is not the last. Within the day nothing tells.
fn still_asked_for(backup: i64, given: Option<(i64, Timestamp)>, ran_until: Timestamp) -> Option<i64> {
    match given {
        Some((number, made)) if number >= backup => {
            let replaced = made.after(crl::REFRESH + LATE) < ran_until && enforced!("reconcile.replaced");
            replaced.then(|| number.saturating_add(1))
        }
        _ => Some(backup),
    }
}

/// The shard is the file's name in the list's address; a root's list has neither.
fn shard(crl: &Crl) -> Option<u32> {
    let Some(url) = crl.distribution_point_url() else { return Some(0) };
    url.rsplit_once('/')?.1.strip_suffix(".crl")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_asked_for_until_it_may_be_the_last() {
        let made = Timestamp::from_seconds(1_800_000_000);
        let later = |seconds| made.after(Duration::from_secs(seconds));
        assert_eq!(still_asked_for(7, None, made), Some(7));
        assert_eq!(still_asked_for(7, Some((6, made)), made), Some(7), "older than the backup's");
        assert_eq!(still_asked_for(7, Some((7, made)), made), None);
        assert_eq!(still_asked_for(7, Some((7, made)), later(25 * 3600)), None, "it may have stopped before the next was due");
        assert_eq!(still_asked_for(7, Some((7, made)), later(25 * 3600 + 1)), Some(8), "the next one was due");
        assert_eq!(still_asked_for(7, Some((9, made)), later(48 * 3600)), Some(10), "though newer than the backup's");
    }
}
