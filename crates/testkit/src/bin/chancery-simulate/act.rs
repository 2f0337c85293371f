//! What clients ask for, and what came of it.

use crate::outside;
use chancery_app::{
    AskedHolder, AskedProfile, Caller, Certificate, Chancery, Content, Document, Failure, IssueRequest, KeySource, NewIssuer, NewSigner,
    Receipt, RenewRequest, RollSigner, SignRequest, SignerSource, Succession, VersionWish,
};
use chancery_domain::certificate::RevocationReason;
use chancery_domain::document::DocumentName;
use chancery_domain::key::{Custody, KeyAlgorithm};
use chancery_domain::profile::Profile;
use chancery_domain::role::Role;
use chancery_domain::signature::{DigestAlgorithm, Format, SignatureAlgorithm};
use chancery_domain::signing::{SignerName, SigningProfile};
use chancery_domain::{AccountId, CertificateId, IssuerId, TenantId, Timestamp, TokenId};
use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) enum Act {
    Issue {
        host: String,
        validity: u32,
        issuer: Option<IssuerId>,
    },
    /// With a certification request of the tenant's key of this number; the names stand in the request to us, or in that one alone.
    Csr {
        host: String,
        key: u8,
        named: bool,
        validity: u32,
    },
    /// Certificates of others, by their numbers.
    Import {
        below: String,
        numbers: Vec<u8>,
    },
    Fetch(CertificateId),
    Acknowledge(CertificateId),
    Renew(CertificateId),
    Revoke(CertificateId, RevocationReason),
    RevokeEach(Vec<CertificateId>),
    RenewEach(Vec<CertificateId>),
    Issuer {
        name: String,
        slug: String,
    },
    Roll(IssuerId, Option<Timestamp>),
    Retire(IssuerId),
    Account(String),
    Mint(AccountId),
    EndToken(AccountId, TokenId),
    NewProfile(String),
    ChangeProfile(String, u32),
    /// A signer of this name for the tenant of this slug.
    Signer(String, String),
    RollSigner(String),
    /// A document by the signer of this name.
    Sign(String, String),
    Tenant(String),
    Suspend(TenantId),
    Resume(TenantId),
}

/// What an act came to: what it made or was about, and the event that its answer named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) subject: String,
    pub(crate) event: String,
    pub(crate) leaf: [u8; 32],
    /// A secret that is answered once.
    pub(crate) secret: Option<String>,
}

/// What became of each part of a request: most have one.
pub(crate) type Parts = Vec<Result<Done, Failure>>;

impl Act {
    /// Acts that leave an event by an account.
    ///
    /// Not `private-key.fetch`: whoever is not told fetches once more, which is another event.
    pub(crate) const EVENTS: [&str; 19] = [
        "certificate.issue",
        "certificate.import",
        "private-key.erase",
        "certificate.renew",
        "certificate.revoke",
        "certificate.compromise",
        "issuer.create",
        "issuer.roll",
        "issuer.retire",
        "account.create",
        "token.mint",
        "token.revoke",
        "profile.create",
        "signer.create",
        "signer.roll",
        "signature.create",
        "tenant.create",
        "tenant.suspend",
        "tenant.resume",
    ];

    /// Whether the same request under the same key is answered as it was: of many renewals one that was refused may be done then,
    /// and a key that leaves again is another fetch.
    pub(crate) const fn repeats_alike(&self) -> bool {
        !matches!(self, Self::ChangeProfile(..) | Self::RenewEach(_) | Self::Fetch(_))
    }

    /// Whether a certificate comes of it, or comes in.
    pub(crate) const fn certifies(&self) -> bool {
        matches!(self, Self::Issue { .. } | Self::Csr { .. } | Self::Import { .. } | Self::Renew(_) | Self::RenewEach(_))
    }

    /// Does it.
    pub(crate) async fn ask(&self, service: &Chancery, caller: &Caller) -> Result<Parts, Failure> {
        let one = |subject: String, receipt: Receipt| Ok(vec![Ok(done(subject, &receipt))]);
        match self {
            Self::Issue { host, validity, issuer } => {
                let key = KeySource::Generate(Custody::SoftwareReleaseOnce, KeyAlgorithm::EcP256);
                let request = IssueRequest { issuer: issuer.map(Some), ..wanted(key, Some(host), *validity) };
                let (made, receipt) = service.issue(caller, &request).await?;
                one(made.id.to_string(), receipt)
            }
            Self::Csr { host, key, named, validity } => {
                let csr = outside::request(&format!("{key} of {}", caller.tenant()), host).map_err(broken)?;
                let request = wanted(KeySource::Request(csr), named.then_some(host.as_str()), *validity);
                let (made, receipt) = service.issue(caller, &request).await?;
                one(made.id.to_string(), receipt)
            }
            Self::Import { below, numbers } => {
                let bundle = outside::bundle(below, numbers).map_err(broken)?;
                let each = service.import(caller, bundle.as_bytes()).await?;
                Ok(each.into_iter().map(|item| item.result.and_then(taken_in)).collect())
            }
            Self::Fetch(id) => one(id.to_string(), service.fetch_private_key(caller, *id).await?.1),
            Self::Acknowledge(id) => one(id.to_string(), service.acknowledge_private_key(caller, *id).await?),
            Self::Renew(id) => {
                let (made, receipt) = service.renew(caller, *id, &RenewRequest::default()).await?;
                one(made.id.to_string(), receipt)
            }
            Self::Revoke(id, reason) => one(id.to_string(), service.revoke(caller, *id, *reason).await?.1),
            Self::RevokeEach(ids) => {
                let given: Vec<_> = ids.iter().copied().map(Some).collect();
                let each = service.revoke_each(caller, &given, RevocationReason::Superseded).await?;
                Ok(each.into_iter().map(|item| item.map(|(row, receipt)| done(row.id.to_string(), &receipt))).collect())
            }
            Self::RenewEach(ids) => {
                let given: Vec<_> = ids.iter().copied().map(Some).collect();
                let each = service.renew_each(caller, &given).await?;
                Ok(each.into_iter().map(|item| item.map(|(row, receipt)| done(row.id.to_string(), &receipt))).collect())
            }
            Self::Issuer { name, slug } => {
                let (made, receipt) = service.create_issuer(caller, &new_issuer(name, slug)).await?;
                one(made.id.to_string(), receipt)
            }
            Self::Roll(id, retire_at) => {
                let succession = Succession { retire_at: *retire_at, ..Succession::default() };
                let (made, receipt) = service.roll_issuer(caller, *id, &succession).await?;
                one(made.id.to_string(), receipt)
            }
            Self::Retire(id) => one(id.to_string(), service.retire_issuer(caller, *id).await?.1),
            Self::Account(name) => {
                let (made, receipt) = service.create_account(caller, name, &[Role::Viewer], AskedHolder::OwnedBy(None)).await?;
                one(made.id.to_string(), receipt)
            }
            Self::Mint(account) => {
                let made = service.mint_token(caller, *account, Duration::from_secs(86_400)).await?;
                let secret = made.token.map(|token| token.expose().to_string());
                Ok(vec![Ok(Done { secret, ..done(made.info.id.to_string(), &made.receipt) })])
            }
            Self::EndToken(account, token) => one(token.to_string(), service.revoke_token(caller, *account, *token).await?.1),
            Self::NewProfile(name) => one(name.clone(), service.create_profile(caller, &profile(name, 0)).await?.1),
            Self::ChangeProfile(name, read) => {
                let (made, receipt) = service.change_profile(caller, *read, &profile(name, *read)).await?;
                one(format!("{name}/{}", made.version), receipt)
            }
            Self::Signer(name, slug) => one(name.clone(), service.create_signer(caller, &new_signer(name, slug)).await?.1),
            Self::RollSigner(name) => one(name.clone(), service.roll_signer(caller, &named(name)?, &RollSigner::default()).await?.1),
            Self::Sign(name, key) => {
                let document = Document { name: None, content: Content::Whole(key.clone().into_bytes()) };
                // Many are versions of one document, whoever signs.
                let version = |name: DocumentName| VersionWish { name, supersedes: None };
                let version_of = if key.len().is_multiple_of(2) { "contract".parse().ok().map(version) } else { None };
                let request = SignRequest { documents: vec![document], version_of, ..SignRequest::of(Format::Raw) };
                let (made, receipt) = service.sign(caller, &named(name)?, &request).await?;
                let signature = made.documents.into_iter().map(|document| document.signature).collect::<String>();
                one(format!("{}/{signature}", made.id), receipt)
            }
            Self::Tenant(slug) => {
                let slug = slug.parse().map_err(|error| Failure::Internal(format!("a slug of the simulation is none: {error}")))?;
                let made = service.create_tenant(caller, &slug).await?;
                let secret = made.enrolment.map(|token| token.expose().to_string());
                Ok(vec![Ok(Done { secret, ..done(made.tenant.id.to_string(), &made.receipt) })])
            }
            Self::Suspend(id) => one(id.to_string(), service.suspend_tenant(caller, *id).await?.1),
            Self::Resume(id) => one(id.to_string(), service.resume_tenant(caller, *id).await?.1),
        }
    }
}

fn wanted(key: KeySource, host: Option<&str>, validity: u32) -> IssueRequest {
    IssueRequest {
        profile: "tls-server".parse().ok(),
        issuer: None,
        key,
        names: host.map(|host| format!("dns:{host}").parse().into_iter().collect()),
        common_name: None,
        validity_seconds: Some(validity),
    }
}

/// One that is there already has no event, and is nobody's doing.
fn taken_in((made, receipt): (Certificate, Option<Receipt>)) -> Result<Done, Failure> {
    let there = || Failure::Conflict("it is there already".to_owned());
    receipt.map(|receipt| done(made.id.to_string(), &receipt)).ok_or_else(there)
}

fn broken(error: impl ToString) -> Failure {
    Failure::Internal(error.to_string())
}

/// Ed25519 signs without drawing randomness from outside, so that every byte repeats.
fn new_issuer(name: &str, slug: &str) -> NewIssuer {
    NewIssuer {
        organization: None,
        name: name.to_owned(),
        key_algorithm: KeyAlgorithm::Ed25519,
        root_key_algorithm: None,
        permitted: format!("dns:*.{slug}.example").parse().into_iter().collect(),
        root_days: 400,
        issuing_days: 200,
    }
}

fn named(name: &str) -> Result<SignerName, Failure> {
    name.parse().map_err(broken)
}

fn new_signer(name: &str, slug: &str) -> NewSigner {
    let key = KeySource::Generate(Custody::SoftwareNeverReleased, KeyAlgorithm::Ed25519);
    let host = format!("release.{slug}.example");
    let certify = IssueRequest { profile: "code-signing".parse().ok(), validity_seconds: None, ..wanted(key, Some(&host), 0) };
    let profile = SigningProfile {
        environment: None,
        formats: vec![Format::Raw],
        algorithms: vec![SignatureAlgorithm::Ed25519],
        digests: vec![DigestAlgorithm::Sha256],
        accounts: Vec::new(),
        max_signatures: Some(1000),
        max_signatures_a_day: Some(1000),
        timestamp_required: false,
        timestamp_by: None,
        timestamp: None,
        max_artifact_bytes: None,
        min_validity_seconds: 0,
        retention: None,
    };
    NewSigner {
        name: name.parse().unwrap_or_else(|_| unreachable!("the simulation names signers well")),
        profile: AskedProfile { profile, accounts: Vec::new(), timestamp_by: None },
        source: SignerSource::Certify(Box::new(certify)),
    }
}

fn profile(name: &str, number: u32) -> Profile {
    let mut profile = Profile::presets().swap_remove(0);
    profile.name = name.parse().unwrap_or(profile.name);
    profile.description = format!("number {number}");
    profile
}

fn done(subject: String, receipt: &Receipt) -> Done {
    Done { subject, event: receipt.event.to_string(), leaf: receipt.leaf, secret: None }
}
