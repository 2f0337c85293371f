//! Signers: shown, their profile changed by adding a version, stopped and started again.

use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::open_signer::{ceiling, made, made_on};
use crate::places::{self, signer_row};
use crate::realm::Realm;
use crate::view::{Receipt, Signer, SignerVersion};
use crate::{Caller, Chancery, Failure, Given, Permit};
use chancery_domain::action::{Act, SignerDisable, SignerRead, SignerWrite};
use chancery_domain::lineage::LineageKind;
use chancery_domain::scope::Facts;
use chancery_domain::signing::{SignerName, SignerState, SigningProfile};
use chancery_domain::{AccountId, SignerId, enforced};
use chancery_store::{SignerRow, SignerVersionRow, SigningProfileRow};
use chancery_x509::{CertificateSummary, PublicKey, tsp};

/// A signing profile as somebody gave it.
#[derive(Clone, Debug)]
pub struct AskedProfile {
    /// The profile, but for its accounts and who gives its timestamps.
    pub profile: SigningProfile,
    /// Its accounts.
    pub accounts: Vec<Given<AccountId>>,
    /// The signer that gives its timestamps.
    pub timestamp_by: Option<Given<SignerName>>,
}

impl Chancery {
    /// All signers by name.
    pub async fn signers(&self, caller: &Caller) -> Result<Vec<Signer>, Failure> {
        let within = self.permit_within::<SignerRead>(caller).await?;
        let mut signers = Vec::new();
        for row in caller.realm.view.signers().await? {
            if within.shows(&row).await? {
                signers.push(shown(&caller.realm, row).await?);
            }
        }
        Ok(signers)
    }

    /// The signer of this name.
    pub async fn signer(&self, caller: &Caller, name: &SignerName) -> Result<Signer, Failure> {
        let (_permit, row) = self.permit_on::<SignerRead, _>(caller, caller.realm.view.signer(name).await?).await?;
        shown(&caller.realm, row).await
    }

    /// Puts a new version of a signer's profile in force, if `read` is the version in force now.
    pub async fn change_signing_profile(
        &self,
        caller: &Caller,
        name: &SignerName,
        read: u32,
        profile: &AskedProfile,
    ) -> Result<(Signer, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_change_signing_profile(&caller, name, read, profile))
    }

    async fn try_change_signing_profile(
        &self,
        caller: &Caller,
        name: &SignerName,
        read: u32,
        asked: &AskedProfile,
    ) -> Result<(Signer, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, signer) = self.permit_on::<SignerWrite, _>(caller, realm.signer(name).await?).await?;
        let profile = meant(realm, asked).await?;
        // What it becomes must lie within, too.
        let facts = Facts { signer: Some(name.clone()), environment: profile.environment.clone(), ..Facts::default() };
        let permit = self.covering(permit.again(), &facts).await?;
        if signer.profile_row.version != read && enforced!("signing-profile-version.read") {
            return Err(Failure::Changed.into());
        }
        // RFC 3161 section 2.3: its certificate is for the one or the other.
        if profile.gives_timestamps() != signer.facts.stamps && enforced!("signer.purpose") {
            let message = "its certificate is for timestamps alone, or for everything but them: make another signer";
            return Err(Failure::invalid("formats", message).into());
        }
        let version = read.checked_add(1).ok_or_else(|| Failure::internal("too many versions of a profile"))?;
        let id = signer.row.id;
        let mut deed = Deed::by(&permit);
        self.put_signing_profile(&mut deed, realm, id, version, &profile)?;
        deed.changes.move_ceiling(&made(id), ceiling(profile.max_signatures));
        // Whichever day it is for the node that counts.
        deed.changes.move_ceilings(&made_on(id), ceiling(profile.max_signatures_a_day));
        let detail = detail! {
            "signer" => name.as_str(), "signer_id" => id.to_string(), "version" => version,
            "content" => serde_json::to_value(&profile).map_err(Failure::from)?
        };
        let receipt = deed.commit(self.ports(), "signer.change", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((self.read_signer(caller, name).await?, receipt))
    }

    /// Puts a version of a signer's profile into the deed.
    pub(crate) fn put_signing_profile(
        &self,
        deed: &mut Deed,
        realm: &Realm,
        signer: SignerId,
        version: u32,
        profile: &SigningProfile,
    ) -> Result<(), Failure> {
        let body = serde_json::to_vec(profile)?;
        let body = realm.seal(&places::SIGNING_PROFILE, &signer_row(signer, version), &body, self.ports())?;
        deed.makes(LineageKind::SigningProfile, signer.as_bytes(), version);
        deed.changes.insert_signing_profile(&SigningProfileRow { signer, version, body, created_at: self.now() });
        Ok(())
    }

    /// Stops a signer: it signs nothing until it is enabled.
    pub async fn disable_signer(&self, caller: &Caller, name: &SignerName) -> Result<(Signer, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_move_signer::<SignerDisable>(&caller, name, SignerState::Disabled, "signer.disable"))
    }

    /// Lets a disabled signer sign again.
    pub async fn enable_signer(&self, caller: &Caller, name: &SignerName) -> Result<(Signer, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_move_signer::<SignerWrite>(&caller, name, SignerState::Active, "signer.enable"))
    }

    async fn try_move_signer<A: Act>(
        &self,
        caller: &Caller,
        name: &SignerName,
        to: SignerState,
        act: &str,
    ) -> Result<(Signer, Receipt), Stop> {
        let (permit, row): (Permit<A>, _) = self.permit_on(caller, caller.realm.view.signer(name).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((shown(&caller.realm, row).await?, done.receipt));
        }
        if row.state == to && enforced!("signer.state") {
            return Err(Failure::Conflict(format!("the signer is {} already", to.as_str())).into());
        }
        let mut deed = Deed::by(&permit);
        deed.changes.move_signer(&row, to);
        let detail = detail! {
            "signer" => name.as_str(), "signer_id" => row.id.to_string(), "moves" => vec![row.state.as_str(), to.as_str()]
        };
        let receipt = deed.commit(self.ports(), act, *row.id.as_bytes(), detail).await?;
        self.forget_realm(caller.realm.id);
        Ok((self.read_signer(caller, name).await?, receipt))
    }

    /// The signer as it stands after an act.
    pub(crate) async fn read_signer(&self, caller: &Caller, name: &SignerName) -> Result<Signer, Failure> {
        let row = caller.realm.view.signer(name).await?.ok_or(Failure::NotFound)?;
        shown(&caller.realm, row).await
    }
}

/// The profile that is meant, if it is sound and names accounts of the tenant alone: another tenant's is none, like one that does not
/// exist (I7).
pub(crate) async fn meant(realm: &Realm, asked: &AskedProfile) -> Result<SigningProfile, Failure> {
    let no_such_account = || Failure::invalid("accounts", "this tenant has no such account");
    let mut profile = asked.profile.clone();
    profile.accounts = asked.accounts.iter().map(|id| id.ok_or_else(no_such_account)).collect::<Result<_, _>>()?;
    let no_such_authority = || Failure::invalid("timestamp_by", "this tenant has no signer of this name that gives timestamps");
    profile.timestamp_by = asked.timestamp_by.clone().map(|name| name.ok_or_else(no_such_authority)).transpose()?;
    profile.check().map_err(|error| Failure::invalid(error.field, error.rule))?;
    if profile.timestamp.as_ref().is_some_and(|terms| tsp::policy(&terms.policy).is_none()) && enforced!("signer.timestamp-policy") {
        return Err(Failure::invalid("timestamp", "its policy is an object identifier: numbers with dots"));
    }
    if let Some(by) = &profile.timestamp_by {
        let authority = realm.signer(by).await?;
        let gives = authority.is_some_and(|signer| signer.profile.gives_timestamps());
        if !gives && enforced!("signer.timestamp-by") {
            return Err(no_such_authority());
        }
    }
    for id in &profile.accounts {
        if realm.view.account(*id).await?.is_none() && enforced!("signer.accounts") {
            return Err(no_such_account());
        }
    }
    Ok(profile)
}

pub(crate) async fn shown(realm: &Realm, row: SignerRow) -> Result<Signer, Failure> {
    let profile_row = realm.view.signing_profile(row.id).await?.ok_or_else(|| Failure::internal("a signer has no profile"))?;
    let counter = realm.view.counter(&made(row.id)).await?;
    let versions = realm.view.signer_versions(row.id).await?;
    Ok(Signer {
        id: row.id,
        name: row.name,
        state: row.state,
        profile_version: profile_row.version,
        profile: realm.signing_profile(&profile_row)?,
        signatures: counter.map_or(0, |counter| counter.total),
        versions: versions.iter().map(|version| version_of(realm, version)).collect::<Result<_, _>>()?,
        created_at: row.created_at,
    })
}

fn version_of(realm: &Realm, row: &SignerVersionRow) -> Result<SignerVersion, Failure> {
    let chain = realm.signers_chain(row)?;
    let own = chain.first().ok_or_else(|| Failure::internal("the chain of a signer is empty"))?;
    let summary = CertificateSummary::from_der(own)?;
    Ok(SignerVersion {
        version: row.version,
        certificate: row.certificate,
        key_algorithm: PublicKey::from_spki_der(&summary.spki_der)?.algorithm(),
        chain,
        summary,
        created_at: row.created_at,
        retired_at: row.retired_at,
    })
}
