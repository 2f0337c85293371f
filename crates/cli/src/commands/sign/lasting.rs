//! What a signed PDF takes along: room for a timestamp, and for long-term validation certificates and revocation lists.

use super::ware::{Lasting, Wanted, chain_of};
use crate::commands::Desk;
use crate::ended::Ended;
use crate::verify::blocks;
use chancery_http::api::signers::SignerDocument;
use chancery_x509::{CertificateSummary, Crl, pem};
use std::path::PathBuf;

/// Makes room for the timestamp of the authority that the signer's profile names; with lists of authorities elsewhere, for long-term
/// validation.
pub(super) async fn take_along(
    desk: &Desk,
    signer: &SignerDocument,
    wanted: &mut Wanted,
    long_term: Option<&[PathBuf]>,
) -> Result<(), Ended> {
    // Without an authority the server refuses, and says why.
    let Some(by) = &signer.signing_profile.timestamp_by else { return Ok(()) };
    let authority: SignerDocument = desk.own(&format!("/signers/{by}")).await?;
    let timestamper = chain_of(&authority)?;
    if let Some(given) = long_term {
        let certificates: Vec<_> = wanted.chain().iter().chain(&timestamper).cloned().collect();
        let crls = lists(desk, &certificates, given).await?;
        wanted.lasting = Lasting { certificates, crls };
    }
    wanted.timestamper = Some(timestamper);
    Ok(())
}

/// The lists that tell of these certificates: those of this server from it, whatever others call it, and those that were given.
async fn lists(desk: &Desk, certificates: &[Vec<u8>], given: &[PathBuf]) -> Result<Vec<Vec<u8>>, Ended> {
    let mut lists: Vec<Vec<u8>> = Vec::new();
    blocks(given, pem::X509_CRL, |der| lists.push(der))?;
    for der in certificates {
        let unread = |_| Ended::Malformed("a certificate of the chain cannot be read: update chancery".to_owned());
        let certificate = CertificateSummary::from_der(der).map_err(unread)?;
        let own = certificate.crl_urls.iter().find_map(|url| {
            let path = reqwest::Url::parse(url).ok()?.path().to_owned();
            path.starts_with("/pki/").then_some(path)
        });
        let list = match own {
            Some(path) => desk.client.bytes(&path).await.ok().filter(|der| Crl::from_der(der).is_ok()),
            None => None,
        };
        match list {
            Some(list) if lists.contains(&list) => {}
            Some(list) => lists.push(list),
            // Which of them tells of it, its verifiers find.
            None if !given.is_empty() => {}
            None => {
                let message = format!("no revocation list is published here that tells of {}: give one with --crl", certificate.subject);
                return Err(Ended::Usage(message));
            }
        }
    }
    Ok(lists)
}
