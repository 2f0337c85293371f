//! Search over sealed names: by exact name, or by a suffix, through the blind index.

use crate::issue::no_such_profile;
use crate::realm::Realm;
use crate::{Failure, Given};
use chancery_domain::certificate::CertificateStatus;
use chancery_domain::name::{LONGEST_SUFFIX, SubjectName};
use chancery_domain::profile::ProfileName;
use chancery_domain::{IssuerId, Serial, Timestamp};
use chancery_store::CertificateFilter;
use std::collections::BTreeSet;

/// Which certificates are meant; what is not given does not matter.
#[derive(Clone, Debug, Default)]
pub struct CertificateSearch {
    /// With this status.
    pub status: Option<CertificateStatus>,
    /// With this name; `*.host` means every name below the host, at any depth.
    pub name: Option<SubjectName>,
    /// With this serial number.
    pub serial: Option<Serial>,
    /// Of this profile.
    pub profile: Option<Given<ProfileName>>,
    /// Of this issuer.
    pub issuer: Option<Given<IssuerId>>,
    /// Whose validity ends before this time.
    pub expires_before: Option<Timestamp>,
    /// Issued, and due for renewal.
    pub renewal_due: bool,
}

impl CertificateSearch {
    /// The same in the store's terms. A profile or issuer that is not there is told: whoever mistypes one would take the
    /// empty answer for a fact.
    pub(crate) async fn filter(&self, realm: &Realm, now: Timestamp) -> Result<CertificateFilter, Failure> {
        let status = match (self.renewal_due, self.status) {
            (true, None | Some(CertificateStatus::Issued)) => Some(CertificateStatus::Issued),
            (true, Some(_)) => return Err(Failure::invalid("renewal_due", "only issued certificates are due for renewal")),
            (false, status) => status,
        };
        let (profile, issuer) = (profile(realm, &self.profile).await?, issuer(realm, self.issuer).await?);
        Ok(CertificateFilter {
            status,
            name: self.name.as_ref().map(|name| sought(realm, name)).transpose()?,
            serial: self.serial,
            profile,
            issuer,
            expires_before: self.expires_before,
            renewal_due: self.renewal_due.then_some(now),
        })
    }
}

async fn profile(realm: &Realm, given: &Option<Given<ProfileName>>) -> Result<Option<String>, Failure> {
    let Some(given) = given else { return Ok(None) };
    let name = given.as_ref().ok_or_else(no_such_profile)?;
    realm.profile(name).await?.ok_or_else(no_such_profile)?;
    Ok(Some(name.to_string()))
}

async fn issuer(realm: &Realm, given: Option<Given<IssuerId>>) -> Result<Option<IssuerId>, Failure> {
    let Some(given) = given else { return Ok(None) };
    let no_such_issuer = || Failure::invalid("issuer", "this tenant has no such issuer");
    Ok(Some(realm.authority(given.ok_or_else(no_such_issuer)?).await?.ok_or_else(no_such_issuer)?.id))
}

fn sought(realm: &Realm, name: &SubjectName) -> Result<[u8; 16], Failure> {
    match name.below() {
        Some(host) if host.split('.').count() > LONGEST_SUFFIX => {
            Err(Failure::invalid("name", format!("names are found by suffixes of at most {LONGEST_SUFFIX} labels")))
        }
        Some(host) => Ok(realm.sealer.blind(&below(host))?),
        None => Ok(realm.sealer.blind(&name.to_string())?),
    }
}

/// The blind index values under which a certificate is found: each name, and each parent of a host, once.
pub(crate) fn blinds(realm: &Realm, names: &[SubjectName]) -> Result<Vec<[u8; 16]>, Failure> {
    let parents = names.iter().flat_map(SubjectName::parents).map(below);
    let texts: BTreeSet<String> = names.iter().map(ToString::to_string).chain(parents).collect();
    texts.iter().map(|text| Ok(realm.sealer.blind(text)?)).collect()
}

/// A text that no name has, for `below` is no kind of name.
fn below(host: &str) -> String {
    format!("below:{host}")
}
