//! `chancery cert issue` and `renew`.

use super::{key, shown};
use crate::commands::profile::read_profile;
use crate::commands::{Desk, deliver, expect_free, read_text};
use crate::ended::Ended;
use crate::output;
use chancery_domain::{CertificateId, IssuerId};
use chancery_http::api::certificates::{CertificateDocument, IssueBody, RenewBody};
use chancery_http::api::dry_run::{DryRunBody, DryRunDocument};
use std::path::PathBuf;

/// What to issue.
#[derive(clap::Args)]
pub(super) struct IssueArgs {
    /// Names: api.example.com, ip:10.0.0.1, email:a@example.com, uri:spiffe://example.com/x. By default those of the request.
    #[arg(required_unless_present = "csr")]
    names: Vec<String>,
    /// A certification request, PEM; `-` is standard input. Without it the server makes the key pair.
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,
    /// The profile.
    #[arg(long, default_value = "tls-server")]
    profile: String,
    /// The issuing authority's id; by default the newest.
    #[arg(long)]
    issuer: Option<IssuerId>,
    /// The common name, one of the names.
    #[arg(long)]
    common_name: Option<String>,
    /// Days of validity; by default the profile's.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=7320))]
    days: Option<u32>,
    /// Without a request: `software-release-once` or `software-never-released`.
    #[arg(long, conflicts_with = "csr")]
    custody: Option<String>,
    /// Without a request: the kind of key, ec-p256 by default; or ec-p384, ed25519, rsa-2048, rsa-3072, rsa-4096, ml-dsa-65, as the profile allows.
    #[arg(long, value_name = "KIND", conflicts_with = "csr")]
    key_algorithm: Option<String>,
    /// Say what would come out, or every reason against it, and issue nothing.
    #[arg(long, conflicts_with_all = ["out", "key_out"])]
    dry_run: bool,
    /// With `--dry-run`: try this profile, JSON, in place of the one in force; `-` is standard input.
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    draft: Option<PathBuf>,
    #[command(flatten)]
    to: Destination,
}

/// How to renew.
#[derive(clap::Args)]
pub(super) struct RenewArgs {
    /// The certificate's id.
    certificate: CertificateId,
    /// A certification request with the new key, PEM. Without it a client's key is certified again.
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,
    /// Days of validity; by default the profile's.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=7320))]
    days: Option<u32>,
    #[command(flatten)]
    to: Destination,
}

/// Where the results go.
#[derive(clap::Args)]
struct Destination {
    /// Write the certificate with its chain, PEM, to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Fetch the key that the server made into this new file (mode 0600), then acknowledge it, which erases it there.
    #[arg(long, value_name = "FILE", conflicts_with = "csr")]
    key_out: Option<PathBuf>,
}

pub(super) async fn issue(desk: &Desk, args: IssueArgs) -> Result<(), Ended> {
    expect_free(args.to.key_out.as_ref())?;
    let body = IssueBody {
        profile: args.profile,
        issuer: args.issuer.map(|issuer| issuer.to_string()),
        csr: args.csr.map(|path| read_text(&path).map(|text| text.to_string())).transpose()?,
        custody: args.custody,
        key_algorithm: args.key_algorithm,
        names: Some(args.names).filter(|names| !names.is_empty()),
        common_name: args.common_name,
        validity_seconds: args.days.map(seconds),
    };
    if args.dry_run {
        let draft = args.draft.map(|path| read_profile(&path)).transpose()?;
        let path = format!("/profiles/{}/dry-run", body.profile);
        desk.show(&desk.act(&path, &DryRunBody { request: body, draft }).await?, foreseen);
        return Ok(());
    }
    let document = desk.act("/certificates", &body).await?;
    delivered(desk, &document, &args.to).await
}

fn foreseen(run: &DryRunDocument) -> String {
    let Some(certificate) = &run.certificate else {
        let reasons = run.reasons.iter().map(|reason| format!("  {} ({}): {}\n", reason.field, reason.code, reason.message));
        return format!("Refused, for these reasons:\n{}{}", reasons.collect::<String>(), run.note);
    };
    let usages: Vec<_> = certificate.extended_key_usage.iter().map(|usage| usage.as_str()).collect();
    let extensions: Vec<_> =
        certificate.extensions.iter().map(|e| if e.critical { format!("{}!", e.name) } else { e.name.clone() }).collect();
    output::fields(&[
        ("subject", &certificate.subject),
        ("names", &certificate.names.join(" ")),
        ("key usage", &certificate.key_usage.join(" ")),
        ("extended", &usages.join(" ")),
        ("extensions (! critical)", &extensions.join(" ")),
        ("issuer", &certificate.issuer),
        ("key", &certificate.key_algorithm),
        ("key held by", &certificate.custody),
        ("valid from", &certificate.not_before),
        ("valid until", &certificate.not_after),
        ("renew from", &certificate.renew_at),
        ("policy version", &run.policy_version.map_or("a draft".to_owned(), |version| version.to_string())),
        ("note", &run.note),
    ])
}

pub(super) async fn renew(desk: &Desk, args: RenewArgs) -> Result<(), Ended> {
    expect_free(args.to.key_out.as_ref())?;
    let csr = args.csr.map(|path| read_text(&path).map(|text| text.to_string())).transpose()?;
    let body = RenewBody { csr, validity_seconds: args.days.map(seconds) };
    let document = desk.act(&format!("/certificates/{}/renew", args.certificate), &body).await?;
    delivered(desk, &document, &args.to).await
}

fn seconds(days: u32) -> u32 {
    days.saturating_mul(86_400)
}

async fn delivered(desk: &Desk, document: &CertificateDocument, to: &Destination) -> Result<(), Ended> {
    if let Some(path) = &to.out {
        deliver(Some(path), format!("{}{}", document.certificate, document.chain).as_bytes())?;
    }
    match &to.key_out {
        Some(path) => {
            key::fetch(desk, &document.id, path).await?;
            key::acknowledge(desk, &document.id).await?;
        }
        None if document.custody == "software-release-once" => {
            desk.note(&format!("The server holds the private key: chancery cert key fetch {} --out FILE", document.id));
        }
        None => {}
    }
    desk.show(document, shown);
    Ok(())
}
