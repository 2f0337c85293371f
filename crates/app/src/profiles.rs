//! Profiles: read, made, and changed by adding a version.

use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::places::{self, profile_row};
use crate::realm::InForce;
use crate::scoped::facts_of;
use crate::view::{ProfileVersion, Receipt};
use crate::{Caller, Chancery, Failure, Permit};
use chancery_domain::action::{ProfileRead, ProfileWrite};
use chancery_domain::enforced;
use chancery_domain::lineage::LineageKind;
use chancery_domain::profile::{Profile, ProfileName};
use chancery_store::ProfileRow;

/// How many profiles a tenant may have.
const PROFILES: usize = 200;

impl Chancery {
    /// All profiles in force.
    pub async fn profiles(&self, caller: &Caller) -> Result<Vec<ProfileVersion>, Failure> {
        let within = self.permit_within::<ProfileRead>(caller).await?;
        let mut profiles = Vec::new();
        for row in caller.realm.view.profiles().await? {
            let bytes = caller.realm.open(&places::PROFILE, &profile_row(row.name.as_str(), row.version), &row.body)?;
            let found = InForce { version: row.version, created_at: row.created_at, profile: serde_json::from_slice(&bytes)? };
            if within.shows(&found).await? {
                profiles.push(ProfileVersion { version: found.version, created_at: found.created_at, profile: found.profile });
            }
        }
        Ok(profiles)
    }

    /// The profile in force.
    pub async fn profile(&self, caller: &Caller, name: &ProfileName) -> Result<ProfileVersion, Failure> {
        let (_permit, found) = self.permit_on::<ProfileRead, _>(caller, caller.realm.profile(name).await?).await?;
        Ok(ProfileVersion { version: found.version, created_at: found.created_at, profile: found.profile.clone() })
    }

    /// Puts the first version of a new profile in force.
    pub async fn create_profile(&self, caller: &Caller, profile: &Profile) -> Result<(ProfileVersion, Receipt), Failure> {
        profile.check().map_err(|error| Failure::invalid(error.field, error.rule))?;
        deciding_anew!(self, caller => self.try_create_profile(&caller, profile))
    }

    async fn try_create_profile(&self, caller: &Caller, profile: &Profile) -> Result<(ProfileVersion, Receipt), Stop> {
        let within = self.permit_within::<ProfileWrite>(caller).await?;
        let permit = self.covering(within, &facts_of(profile)).await?;
        let standing = caller.realm.profile(&profile.name).await?;
        if let (Some(done), Some(found)) = (caller.done_before().await?, &standing) {
            let made = ProfileVersion { version: found.version, created_at: found.created_at, profile: found.profile.clone() };
            return Ok((made, done.receipt));
        }
        if standing.is_some() && enforced!("profile-version.first") {
            return Err(Failure::Conflict(format!("there is a profile {} already: change it by PUT", profile.name)).into());
        }
        // Making one starts a new epoch, which every deed guards: the count holds at the commit.
        if caller.realm.view.profiles().await?.len() >= PROFILES && enforced!("quota.profiles") {
            return Err(Failure::LimitReached("profiles").into());
        }
        self.put_profile(&permit, 1, profile, "profile.create").await
    }

    /// Puts a new version of an existing profile in force, if `read` is the version in force now.
    pub async fn change_profile(&self, caller: &Caller, read: u32, profile: &Profile) -> Result<(ProfileVersion, Receipt), Failure> {
        profile.check().map_err(|error| Failure::invalid(error.field, error.rule))?;
        deciding_anew!(self, caller => self.try_change_profile(&caller, read, profile))
    }

    async fn try_change_profile(&self, caller: &Caller, read: u32, profile: &Profile) -> Result<(ProfileVersion, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, in_force) = self.permit_on::<ProfileWrite, _>(caller, realm.profile(&profile.name).await?).await?;
        // What it becomes must lie within, too: nobody moves a profile out of their scope, or into another's.
        let permit = self.covering(permit.again(), &facts_of(profile)).await?;
        if in_force.version != read && enforced!("profile-version.read") {
            return Err(Failure::Changed.into());
        }
        let version = read.checked_add(1).ok_or_else(|| Failure::internal("too many versions of a profile"))?;
        self.put_profile(&permit, version, profile, "profile.change").await
    }

    async fn put_profile(
        &self,
        permit: &Permit<ProfileWrite>,
        version: u32,
        profile: &Profile,
        act: &str,
    ) -> Result<(ProfileVersion, Receipt), Stop> {
        let (caller, realm) = (permit.caller(), &permit.caller().realm);
        let place = profile_row(profile.name.as_str(), version);
        let body = realm.seal(&places::PROFILE, &place, &serde_json::to_vec(profile).map_err(Failure::from)?, self.ports())?;
        let row = ProfileRow { name: profile.name.clone(), version, body, created_at: self.now() };
        let mut deed = Deed::by(permit);
        deed.changes.insert_profile(&row);
        deed.makes(LineageKind::Profile, profile.name.as_str().as_bytes(), version);
        let detail = detail! {
            "profile" => profile.name.as_str(), "version" => version,
            "content" => serde_json::to_value(profile).map_err(Failure::from)?
        };
        let receipt = deed.commit(self.ports(), act, *caller.account().as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((ProfileVersion { version, created_at: row.created_at, profile: profile.clone() }, receipt))
    }
}
