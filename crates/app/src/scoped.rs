//! What the scopes of bindings ask of each kind of object.

use crate::Failure;
use crate::open_signer::OpenSigner;
use crate::places;
use crate::realm::{InForce, Realm};
use crate::signatures::Body;
use chancery_domain::certificate::Origin;
use chancery_domain::hold::HoldSubject;
use chancery_domain::profile::{Profile, ProfileName};
use chancery_domain::scope::{Environment, Facts};
use chancery_domain::signing::SignerName;
use chancery_store::{
    AccountRow, AuthorityRow, BindingRow, CertificateRow, ConflictRow, CrlRow, DocumentRow, EventRow, HoldRow, OrderRow,
    RegisteredTenantRow, RoleRow, SignatureRow, SignerRow, TokenRow,
};
use chancery_x509::CertificateSummary;
use std::sync::Arc;

/// An object that a permit can be asked for. What it has not is covered by no scope that limits it.
pub(crate) trait Scoped: Sync {
    /// Its facts; asked for only where the right is limited at all.
    fn facts(&self, realm: &Realm) -> impl Future<Output = Result<Facts, Failure>> + Send;
}

/// Objects that have nothing by which a scope could tell them apart: only who holds the action everywhere may.
macro_rules! without_facts {
    ($($object:ty)*) => {$(
        impl Scoped for $object {
            async fn facts(&self, _: &Realm) -> Result<Facts, Failure> {
                Ok(Facts::default())
            }
        }
    )*};
}
// A document is signed by whichever signer, and a hold keeps what its subject is to anybody.
without_facts!(DocumentRow HoldRow HoldSubject AccountRow TokenRow EventRow RoleRow BindingRow ConflictRow RegisteredTenantRow);

impl Scoped for AuthorityRow {
    async fn facts(&self, _: &Realm) -> Result<Facts, Failure> {
        Ok(Facts { issuer: Some(self.id), ..Facts::default() })
    }
}

impl Scoped for CrlRow {
    async fn facts(&self, _: &Realm) -> Result<Facts, Failure> {
        Ok(Facts { issuer: Some(self.issuer), ..Facts::default() })
    }
}

impl Scoped for InForce {
    async fn facts(&self, _: &Realm) -> Result<Facts, Failure> {
        Ok(facts_of(&self.profile))
    }
}

/// The facts of a profile, also of one that is yet to be.
pub(crate) fn facts_of(profile: &Profile) -> Facts {
    Facts { profile: Some(profile.name.clone()), environment: profile.environment.clone(), ..Facts::default() }
}

impl<T: Scoped + Send> Scoped for Arc<T> {
    fn facts(&self, realm: &Realm) -> impl Future<Output = Result<Facts, Failure>> + Send {
        T::facts(self, realm)
    }
}

impl Scoped for CertificateRow {
    async fn facts(&self, realm: &Realm) -> Result<Facts, Failure> {
        let summary = CertificateSummary::from_der(&realm.open(&places::CERTIFICATE, self.id.as_bytes(), &self.body)?)?;
        let mut facts = Facts { names: Some(summary.names), ..Facts::default() };
        if let Origin::Issued { issuer, profile, .. } = &self.origin {
            let profile: ProfileName = profile.parse().map_err(Failure::internal)?;
            facts.issuer = Some(*issuer);
            facts.environment = profiles_environment(realm, &profile).await?;
            facts.profile = Some(profile);
        }
        Ok(facts)
    }
}

impl Scoped for OrderRow {
    async fn facts(&self, realm: &Realm) -> Result<Facts, Failure> {
        let made = match self.certificate {
            Some(id) => realm.view.certificate(id).await?,
            None => None,
        };
        if let Some(certificate) = made {
            return certificate.facts(realm).await;
        }
        let profile: ProfileName = self.profile.parse().map_err(Failure::internal)?;
        let environment = profiles_environment(realm, &profile).await?;
        Ok(Facts { profile: Some(profile), environment, ..Facts::default() })
    }
}

impl Scoped for OpenSigner {
    async fn facts(&self, _: &Realm) -> Result<Facts, Failure> {
        Ok(Facts { signer: Some(self.row.name.clone()), environment: self.profile.environment.clone(), ..Facts::default() })
    }
}

impl Scoped for SignerRow {
    async fn facts(&self, realm: &Realm) -> Result<Facts, Failure> {
        let row = realm.view.signing_profile(self.id).await?.ok_or_else(|| Failure::internal("a signer has no profile"))?;
        let environment = realm.signing_profile(&row)?.environment;
        Ok(Facts { signer: Some(self.name.clone()), environment, ..Facts::default() })
    }
}

impl Scoped for SignatureRow {
    async fn facts(&self, realm: &Realm) -> Result<Facts, Failure> {
        let body: Body = serde_json::from_slice(&realm.open(&places::SIGNATURE, self.id.as_bytes(), &self.body)?)?;
        signers_facts(realm, body.signer).await
    }
}

async fn profiles_environment(realm: &Realm, name: &ProfileName) -> Result<Option<Environment>, Failure> {
    Ok(realm.profile(name).await?.and_then(|in_force| in_force.profile.environment.clone()))
}

/// What was signed by a signer bears the label that the signer has now.
async fn signers_facts(realm: &Realm, name: SignerName) -> Result<Facts, Failure> {
    match realm.view.signer(&name).await? {
        Some(row) => row.facts(realm).await,
        None => Ok(Facts { signer: Some(name), ..Facts::default() }),
    }
}
