//! A dry run: what a request would come to under a profile. It stores nothing, uses no key and promises nothing.

use crate::admission::Cost;
use crate::issue::{find_issuer, wish};
use crate::key_reuse::KeyUse;
use crate::{Caller, Chancery, Failure, IssueRequest};
use chancery_domain::action::ProfileRead;
use chancery_domain::decision::{Approved, Reason, decide};
use chancery_domain::key::{Custody, KeyAlgorithm};
use chancery_domain::name::SubjectName;
use chancery_domain::profile::{ExtendedKeyUsage, Profile, ProfileName};
use chancery_domain::{IssuerId, Timestamp};
use chancery_x509::{CertificatePlan, ForeseenContent};

/// What would come out.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// The profile's version in force; `None` where a draft was tried.
    pub policy_version: Option<u32>,
    /// The certificate that would be made now, or every reason against it.
    pub outcome: Result<Foreseen, Vec<Reason>>,
}

/// A certificate that would be made.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// Who would sign it.
    pub issuer: IssuerId,
    /// Its names.
    pub names: Vec<SubjectName>,
    /// The kind of its key.
    pub key_algorithm: KeyAlgorithm,
    /// Who would hold the private key.
    pub custody: Custody,
    /// What it could be used for.
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// When renewal would become due.
    pub renew_at: Timestamp,
    /// What it would say besides.
    pub content: ForeseenContent,
}

impl Chancery {
    /// Decides a request as issuance would now, by the same evaluator (I3), and leaves it at that: under the profile in force, or
    /// under a draft in its place. Quotas are not looked at.
    pub async fn dry_run(
        &self,
        caller: &Caller,
        name: &ProfileName,
        draft: Option<&Profile>,
        request: &IssueRequest,
    ) -> Result<DryRun, Failure> {
        let realm = &caller.realm;
        let (_permit, in_force) = self.permit_on::<ProfileRead, _>(caller, realm.profile(name).await?).await?;
        if request.profile.as_ref() != Some(name) {
            return Err(Failure::invalid("request.profile", "it must be the profile in the address"));
        }
        let (profile, policy_version) = match draft {
            None => (&in_force.profile, Some(in_force.version)),
            Some(draft) => {
                draft.check().map_err(|error| Failure::invalid(error.field, error.rule))?;
                (draft, None)
            }
        };
        let refused = |reasons| Ok(DryRun { policy_version, outcome: Err(reasons) });
        // What issuance would answer with an error before it decides is a reason here, too.
        let wish = match self.in_turn(caller.tenant(), Cost::VERIFICATION, || wish(request)).await? {
            Ok(wish) => wish,
            Err(failure) => return refused(vec![reason(failure)?]),
        };
        let authority = match find_issuer(realm, wish.issuer, self.now()).await {
            Ok(authority) => authority,
            Err(failure) => return refused(vec![reason(failure)?]),
        };
        let open = authority.open.as_ref().ok_or(Failure::Suspended)?;
        let key = KeyUse::read(realm, &wish).await?.history();
        match decide(wish.request, key, profile, policy_version.unwrap_or_default(), &open.limits, self.now()).outcome {
            Ok(approved) => {
                // The address of the list differs by shard; which extensions there are does not.
                let addresses = self.addresses(authority.public, 0);
                let content = CertificatePlan::foresee(&approved, &authority.certificate, &addresses)?;
                Ok(DryRun { policy_version, outcome: Ok(foreseen(&approved, authority.id, content)) })
            }
            Err(reasons) => refused(reasons),
        }
    }
}

/// A failure of the request's own doing as a reason; any other remains what it is.
fn reason(failure: Failure) -> Result<Reason, Failure> {
    match failure {
        Failure::Invalid { field, message } => Ok(Reason { code: "invalid".to_owned(), field: field.to_owned(), message }),
        Failure::Conflict(message) => Ok(Reason { code: "no-issuer".to_owned(), field: "issuer".to_owned(), message }),
        other => Err(other),
    }
}

fn foreseen(approved: &Approved, issuer: IssuerId, content: ForeseenContent) -> Foreseen {
    Foreseen {
        issuer,
        names: approved.names().to_vec(),
        key_algorithm: approved.key_algorithm(),
        custody: approved.custody(),
        extended_key_usage: approved.extended_key_usage().to_vec(),
        not_before: approved.not_before(),
        not_after: approved.not_after(),
        renew_at: approved.renew_at(),
        content,
    }
}
