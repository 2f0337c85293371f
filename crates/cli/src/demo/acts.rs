//! What the steps do through the API: members who enrol, certificates that are held, CRLs as anybody fetches them.

use super::step::{Stage, Wrong};
use crate::client::Client;
use chancery_domain::port::Clock;
use chancery_http::api::certificates::{CertificateDocument, DoneDocument, IssueBody, PrivateKeyDocument};
use chancery_http::api::enrol::{EnrolBody, EnrolledDocument};
use chancery_http::api::issuers::IssuerDocument;
use chancery_http::api::platform::EmptyBody;
use std::time::Duration;
use zeroize::Zeroizing;

/// Tokens of a demonstration are good for a day.
const DAY: u64 = 86_400;

/// An enrolled account.
pub(super) struct Member {
    pub(super) client: Client,
    pub(super) tenant: String,
    pub(super) token: String,
}

/// A tenant with its admin and its issuer.
pub(super) struct Tenant {
    pub(super) slug: &'static str,
    /// The domain that its issuer may issue for.
    pub(super) domain: String,
    pub(super) admin: Member,
    pub(super) issuer: IssuerDocument,
    pub(super) root: String,
}

/// A certificate and its private key.
pub(super) struct Held {
    pub(super) document: CertificateDocument,
    pub(super) key: Zeroizing<String>,
}

impl Held {
    /// The certificate and the intermediates, as a server presents them.
    pub(super) fn presented(&self) -> String {
        format!("{}{}", self.document.certificate, self.document.chain)
    }
}

/// Uses up an enrolment token.
pub(super) async fn enrol(client: &Client, enrolment: &str, name: &str) -> Result<Member, Wrong> {
    let body = EnrolBody { name: name.to_owned(), expires_in_seconds: Some(DAY) };
    let enrolled: EnrolledDocument = client.with_token(enrolment)?.post_unrepeated("/v1/enrol", &body).await?;
    let token = enrolled.token.token.ok_or_else(|| Wrong::new("a bearer token in the answer", "none"))?;
    Ok(Member { client: client.with_token(&token)?, tenant: enrolled.tenant, token })
}

/// Issues over a request made by openssl, or else over a key made by the server, which is fetched and acknowledged.
pub(super) async fn issue(stage: &Stage, tenant: &Tenant, profile: &str, names: &[String]) -> Result<Held, Wrong> {
    let client = &tenant.admin.client;
    let mut body = IssueBody {
        profile: profile.to_owned(),
        issuer: Some(tenant.issuer.id.clone()),
        csr: None,
        custody: None,
        key_algorithm: None,
        names: None,
        common_name: None,
        validity_seconds: None,
    };
    if let Some(openssl) = &stage.openssl {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let (csr, key) = openssl.request(&stage.folder, &names).await?;
        body.csr = Some(csr);
        return Ok(Held { document: client.post(&client.own("/certificates")?, &body).await?, key });
    }
    body.names = Some(names.to_vec());
    let document: CertificateDocument = client.post(&client.own("/certificates")?, &body).await?;
    let key = client.own(&format!("/certificates/{}/private-key", document.id))?;
    let fetched: PrivateKeyDocument = client.post(&format!("{key}/fetch"), &EmptyBody {}).await?;
    let _: DoneDocument = client.post(&format!("{key}/acknowledge"), &EmptyBody {}).await?;
    Ok(Held { document, key: Zeroizing::new(fetched.private_key) })
}

/// The CRL at the address that the certificate names, once it satisfies the condition; without any token.
pub(super) async fn public_crl(
    stage: &Stage,
    document: &CertificateDocument,
    expected: &str,
    holds: impl Fn(&chancery_x509::Crl) -> bool,
) -> Result<Vec<u8>, Wrong> {
    /// A CRL is promised within 60 s of a revocation.
    const PATIENCE: Duration = Duration::from_secs(60);
    let url = document.crl_url.as_deref().unwrap_or_default();
    let (base, path) = url.split_at(url.find("/pki/").unwrap_or(0));
    let anybody = Client::new(base)?;
    let started = stage.clock.monotonic();
    loop {
        let came = match anybody.bytes(path).await {
            Ok(der) => match chancery_x509::Crl::from_der(&der) {
                Ok(crl) if holds(&crl) => return Ok(der),
                Ok(crl) => format!("CRL number {} with {} entries", crl.number(), crl.entries().len()),
                Err(error) => return Err(Wrong::new("a CRL", error)),
            },
            Err(error) => error.to_string(),
        };
        if stage.clock.monotonic().saturating_sub(started) > PATIENCE {
            return Err(Wrong::new(expected, came));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
