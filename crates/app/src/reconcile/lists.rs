//! Published lists: whose they are, whether they are genuine, and which are missing.

use crate::Failure;
use aws_lc_rs::digest::{SHA256, digest as sha256};
use chancery_domain::{IssuerId, TenantId, Timestamp, enforced};
use chancery_store::{AuthorityRow, CrlHead};
use chancery_x509::{Crl, IssuerCertificate};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

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
    /// The number of the backup's own: one of at least this is asked for.
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
        let mut highest: HashMap<(TenantId, IssuerId, u32), i64> = HashMap::new();
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
            let seen = highest.entry((*tenant, *issuer, shard)).or_insert(number);
            *seen = number.max(*seen);
            compared.by_tenant.entry(*tenant).or_default().push((*issuer, shard, crl));
        }
        for ((tenant, issuer, shard), (number, address, not_after)) in &self.lists {
            let given = highest.get(&(*tenant, *issuer, *shard)).is_some_and(|given| given >= number);
            if !given && *not_after >= now {
                let (tenant, issuer, shard, address, number) = (*tenant, *issuer, *shard, address.clone(), *number);
                compared.missing.push(MissingList { tenant, issuer, shard, address, number });
            }
        }
        Ok(compared)
    }
}

/// The shard is the file's name in the list's address; a root's list has neither.
fn shard(crl: &Crl) -> Option<u32> {
    let Some(url) = crl.distribution_point_url() else { return Some(0) };
    url.rsplit_once('/')?.1.strip_suffix(".crl")?.parse().ok()
}
