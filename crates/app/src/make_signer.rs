//! Making signers, and rolling them over: a key made here and certified by one of the tenant's issuers like any other, or a key and its
//! chain from elsewhere.

use crate::deed::{Deed, Detail, detail};
use crate::failure::{Stop, deciding_anew};
use crate::issue::{Asked, Issuance, SubjectKey, Wish, wish};
use crate::key_reuse::KeyUse;
use crate::open_signer::{ChainBody, OpenSigner, ceiling, made};
use crate::places::{self, signer_row};
use crate::realm::Realm;
use crate::scoped::Scoped;
use crate::signers::{AskedProfile, meant};
use crate::signing_key::SigningKey;
use crate::view::{Receipt, Signer};
use crate::{Caller, Chancery, Failure, IssueRequest, Permit, certificate_pem};
use chancery_domain::action::{Act, SignerWrite};
use chancery_domain::certificate::{CertificateStatus, Origin};
use chancery_domain::decision::{KeyHistory, Operation, Reason, Request};
use chancery_domain::key::{Custody, KeyAlgorithm};
use chancery_domain::lineage::LineageKind;
use chancery_domain::scope::Facts;
use chancery_domain::signing::{SignerName, SignerState, SigningProfile};
use chancery_domain::{CertificateId, SignerId, enforced};
use chancery_store::{SignerRow, SignerVersionRow};
use chancery_x509::{CertificateSummary, SignerUse, document_signer, document_signers_chain, is_signed_by, pem};
use zeroize::Zeroizing;

/// How many signers a tenant may have.
const SIGNERS: usize = 200;
/// How many versions of its key and chain a signer may have.
const VERSIONS: u32 = 300;

/// A signer to be made.
pub struct NewSigner {
    /// Its name, which no other has.
    pub name: SignerName,
    /// What it signs.
    pub profile: AskedProfile,
    /// Its key and chain.
    pub source: SignerSource,
}

/// Where a signer's key and chain come from.
pub enum SignerSource {
    /// A key made here, to be certified so; its custody is `software-never-released`.
    Certify(Box<IssueRequest>),
    /// A key and its chain, both PEM, the signer's certificate first.
    Import {
        /// PKCS#8, not encrypted.
        private_key: Zeroizing<String>,
        /// The chain; the root may be left out.
        chain: String,
    },
}

/// What the next version of a signer's key and chain is to be.
#[derive(Default)]
pub struct RollSigner {
    /// Where they come from; without it a new key is certified as the one before was.
    pub source: Option<SignerSource>,
    /// Without a source, the kind of the new key; that of the one before, if it is not said.
    pub key_algorithm: Option<KeyAlgorithm>,
}

/// A key with its chain, and the deed that they are to be part of.
struct Certified {
    deed: Deed,
    detail: Detail,
    certificate: Option<CertificateId>,
    chain: Vec<Vec<u8>>,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl Chancery {
    /// Makes a signer.
    pub async fn create_signer(&self, caller: &Caller, new: &NewSigner) -> Result<(Signer, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_create_signer(&caller, new))
    }

    async fn try_create_signer(&self, caller: &Caller, new: &NewSigner) -> Result<(Signer, Receipt), Stop> {
        let (realm, ports) = (&caller.realm, self.ports());
        let within = self.permit_within::<SignerWrite>(caller).await?;
        let facts = Facts { signer: Some(new.name.clone()), environment: new.profile.profile.environment.clone(), ..Facts::default() };
        let permit = self.covering(within, &facts).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((self.read_signer(caller, &new.name).await?, done.receipt));
        }
        if realm.view.signer(&new.name).await?.is_some() && enforced!("signer.name") {
            return Err(Failure::Conflict(format!("there is a signer {} already: names are given once", new.name)).into());
        }
        // Making one starts a new epoch, which every deed guards: the count holds at the commit.
        if realm.view.signers().await?.len() >= SIGNERS && enforced!("quota.signers") {
            return Err(Failure::LimitReached("signers").into());
        }
        let profile = meant(realm, &new.profile).await?;
        let mut certified = self.certified(&permit, &new.source, purpose(&profile), facts).await?;
        let id = SignerId::new(&*ports.clock, &*ports.entropy);
        let row = SignerRow { id, name: new.name.clone(), state: SignerState::Active, created_at: self.now(), version: 1 };
        certified.deed.changes.insert_signer(&row);
        certified.deed.changes.insert_counter(&made(id), ceiling(profile.max_signatures));
        self.put_signing_profile(&mut certified.deed, realm, id, 1, &profile)?;
        let content = serde_json::to_value(&profile).map_err(Failure::from)?;
        let about = detail! { "content" => content };
        let receipt = self.put_version(realm, certified, (id, &new.name, 1), "signer.create", about).await?;
        Ok((self.read_signer(caller, &new.name).await?, receipt))
    }

    /// Gives a signer a new key and chain. What the old key signed verifies as before; it is erased, so it signs nothing more.
    pub async fn roll_signer(&self, caller: &Caller, name: &SignerName, roll: &RollSigner) -> Result<(Signer, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_roll_signer(&caller, name, roll))
    }

    async fn try_roll_signer(&self, caller: &Caller, name: &SignerName, roll: &RollSigner) -> Result<(Signer, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, signer) = self.permit_on::<SignerWrite, _>(caller, realm.signer(name).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((self.read_signer(caller, name).await?, done.receipt));
        }
        let next = signer.version.version + 1;
        if next > VERSIONS && enforced!("quota.signer-versions") {
            return Err(Failure::LimitReached("versions of a signer").into());
        }
        let facts = signer.facts(realm).await?;
        let mut certified = match &roll.source {
            Some(source) => self.certified(&permit, source, purpose(&signer.profile), facts).await?,
            None => {
                let wish = again(realm, &signer, roll.key_algorithm).await?;
                self.certified_here(&permit, wish, purpose(&signer.profile), facts).await?
            }
        };
        certified.deed.changes.retire_signer_version(&signer.version, self.now());
        let receipt = self.put_version(realm, certified, (signer.row.id, name, next), "signer.roll", Detail::new()).await?;
        Ok((self.read_signer(caller, name).await?, receipt))
    }

    async fn certified(
        &self,
        permit: &Permit<SignerWrite>,
        source: &SignerSource,
        purpose: SignerUse,
        signer: Facts,
    ) -> Result<Certified, Stop> {
        match source {
            SignerSource::Certify(request) => self.certified_here(permit, wish(request)?, purpose, signer).await,
            SignerSource::Import { private_key, chain } => Ok(self.imported(permit, private_key, chain, purpose).await?),
        }
    }

    /// A key made here with its certificate: decided and issued as every other (I3).
    async fn certified_here(&self, permit: &Permit<SignerWrite>, wish: Wish, purpose: SignerUse, signer: Facts) -> Result<Certified, Stop> {
        let Issuance { deed, row, der, authority, private, detail, .. } = self.issuance(permit.again(), wish, signer).await?;
        document_signer(&der, purpose).map_err(|problem| Failure::invalid("certify", problem))?;
        let pkcs8 = private.ok_or_else(|| Failure::internal("a signer's key was not made here"))?;
        let chain = [der].into_iter().chain(authority.chain.iter().cloned()).collect();
        Ok(Certified { deed, detail, certificate: Some(row.id), chain, pkcs8 })
    }

    /// A key and its chain from elsewhere.
    async fn imported(
        &self,
        permit: &Permit<SignerWrite>,
        private_key: &str,
        chain: &str,
        purpose: SignerUse,
    ) -> Result<Certified, Failure> {
        let caller = permit.caller();
        let realm = &caller.realm;
        // What is wrong with it is not said in its own words, for it is a secret (I9).
        let bad_key =
            || Failure::invalid("private_key", "one PRIVATE KEY block: PKCS#8 in PEM, not encrypted, of a kind that signers have");
        let mut blocks = pem::decode(private_key).map_err(|_| bad_key())?;
        let block = blocks.pop().filter(|block| blocks.is_empty() && block.label == pem::PRIVATE_KEY).ok_or_else(bad_key)?;
        let key = SigningKey::open(&block.der).map_err(|_| bad_key())?;
        let read = document_signers_chain(chain, &key.public_key()?, purpose);
        let (chain, summary) = read.map_err(|problem| Failure::invalid("chain", problem))?;
        let leaf = chain.first().ok_or_else(|| Failure::internal("a chain that was read is empty"))?;
        let known = KeyUse::read_imported(realm, &summary.spki_der).await?;
        if let KeyHistory::Compromised(first) = known.history()
            && enforced!("signer.compromised-key")
        {
            let message = format!("this key (first certified in {first}) is compromised: it signs nothing here; make a new one");
            let reasons = vec![Reason { code: "key-compromised".to_owned(), field: "private_key".to_owned(), message }];
            // No version of any policy allows it.
            self.refuse(caller, SignerWrite::ACTION, 0, &reasons).await?;
            return Err(Failure::Refused(reasons));
        }
        let certificate = own_certificate(realm, leaf, &summary).await?;
        let mut deed = Deed::by(permit);
        known.guard(&mut deed.changes);
        let detail = detail! {
            "imported" => true, "subject" => summary.subject.as_str(), "not_after" => summary.not_after.to_string(),
            "certificate" => certificate.map(|id| id.to_string()),
        };
        Ok(Certified { deed, detail, certificate, chain, pkcs8: block.der })
    }

    /// Puts the version that signs from now on into the deed, and commits it.
    async fn put_version(
        &self,
        realm: &Realm,
        certified: Certified,
        (signer, name, version): (SignerId, &SignerName, u32),
        act: &str,
        about: Detail,
    ) -> Result<Receipt, Stop> {
        let ports = self.ports();
        let Certified { mut deed, mut detail, certificate, chain, pkcs8 } = certified;
        // Proved before it is relied on.
        let key = SigningKey::open(&pkcs8)?;
        let body = ChainBody { chain: chain.iter().map(|der| certificate_pem(der)).collect() };
        let body = serde_json::to_vec(&body).map_err(Failure::from)?;
        let place = signer_row(signer, version);
        deed.makes(LineageKind::SignerKey, signer.as_bytes(), version);
        deed.changes.insert_signer_version(&SignerVersionRow {
            signer,
            version,
            certificate,
            chain: realm.seal(&places::SIGNER_CHAIN, &place, &body, ports)?,
            key: Some(realm.seal(&places::SIGNER_KEY, &place, &pkcs8, ports)?),
            created_at: self.now(),
            retired_at: None,
        });
        let fingerprints = chain.iter().map(|der| Ok(CertificateSummary::from_der(der)?.sha256)).collect::<Result<Vec<_>, Failure>>()?;
        detail.extend(detail! {
            "signer" => name.as_str(), "signer_id" => signer.to_string(), "version" => version, "chain" => fingerprints,
            "key_algorithm" => key.algorithm().as_str(),
        });
        detail.extend(about);
        let receipt = deed.commit(ports, act, *signer.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok(receipt)
    }
}

/// The wish for a certificate like the one that signs now, for a new key.
async fn again(realm: &Realm, signer: &OpenSigner, key_algorithm: Option<KeyAlgorithm>) -> Result<Wish, Failure> {
    let elsewhere = || Failure::Conflict("this signer's certificate comes from elsewhere: send the new key and its chain".to_owned());
    let id = signer.version.certificate.ok_or_else(elsewhere)?;
    let row = realm.view.certificate(id).await?.ok_or_else(|| Failure::internal("the certificate of a signer is missing"))?;
    let Origin::Issued { issuer, profile, .. } = row.origin.clone() else { return Err(elsewhere()) };
    let summary = CertificateSummary::from_der(&realm.open(&places::CERTIFICATE, id.as_bytes(), &row.body)?)?;
    let subject = SubjectKey::ToMake(key_algorithm.unwrap_or(signer.facts.key));
    let request = Request {
        operation: Operation::Renew,
        names: summary.names,
        common_name: summary.common_name,
        key_algorithm: subject.algorithm(),
        custody: Custody::SoftwareNeverReleased,
        validity_seconds: None,
    };
    let renews = Some(row).filter(|row| row.status == CertificateStatus::Issued);
    Ok(Wish { profile: profile.parse().map_err(Failure::internal)?, issuer: Asked::InPlaceOf(issuer), request, subject, csr: None, renews })
}

/// What a signer's certificate must be for.
fn purpose(profile: &SigningProfile) -> SignerUse {
    if profile.gives_timestamps() { SignerUse::Timestamps } else { SignerUse::Documents }
}

/// The certificate in the inventory, if an issuer of the tenant's own signed it: then its revocation is known there and nowhere else.
async fn own_certificate(realm: &Realm, leaf: &[u8], summary: &CertificateSummary) -> Result<Option<CertificateId>, Failure> {
    let authorities = realm.own_authorities().await?;
    let signed = |authority: &chancery_x509::IssuerCertificate| authority.is_named_in(summary) && is_signed_by(leaf, authority.der());
    let Some(authority) = authorities.iter().find(|authority| signed(&authority.certificate)) else { return Ok(None) };
    let known = match &summary.serial {
        Some(serial) => realm.view.certificate_of(authority.id, serial).await?,
        None => None,
    };
    if known.is_none() && enforced!("signer.own-certificate") {
        let message = "an issuer of this tenant signed it, and it is not in the inventory: take it in first (certificates/import)";
        return Err(Failure::Conflict(message.to_owned()));
    }
    Ok(known.map(|row| row.id))
}
