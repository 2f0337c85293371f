//! `chancery cert`: issue, import, find, download, renew and revoke certificates, and fetch keys that the server made.

mod bulk;
mod import;
mod issue;
mod key;
mod pkcs12;
mod revoke;
mod search;

use super::{ServerArgs, deliver};
use crate::client;
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::CertificateId;
use chancery_http::api::certificates::{CertificateDocument, DoneDocument};
use chancery_http::api::platform::EmptyBody;
use clap::Subcommand;
use std::path::PathBuf;

/// Certificates.
#[derive(clap::Args)]
pub(crate) struct CertArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: CertCommand,
}

#[derive(Subcommand)]
enum CertCommand {
    /// Issue a certificate, over a certification request or over a key pair that the server makes.
    #[command(after_help = "Examples:\n  chancery cert issue --csr request.pem --out api.pem\n  \
        chancery cert issue api.example.com www.example.com --out api.pem --key-out api.key\n  \
        chancery cert issue --profile mtls uri:spiffe://example.com/batch --days 7 --key-out batch.key --out batch.pem")]
    Issue(issue::IssueArgs),
    /// List certificates, newest first unless a filter by time sets the order.
    #[command(after_help = "Examples:\n  chancery cert list\n  chancery cert list --status revoked --json")]
    List(search::ListArgs),
    /// Find certificates by one of their names.
    #[command(after_help = "Examples:\n  chancery cert search api.example.com\n  chancery cert search '*.example.com'")]
    Search(search::SearchArgs),
    /// Show a certificate.
    #[command(after_help = "Examples:\n  chancery cert show 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93")]
    Show {
        /// The certificate's id.
        certificate: CertificateId,
    },
    /// Download a certificate with its chain, PEM, or alone, DER.
    #[command(after_help = "Examples:\n  chancery cert download 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93 --out api.pem\n  \
        chancery cert download 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93 --der --out api.der")]
    Download {
        /// The certificate's id.
        certificate: CertificateId,
        /// DER instead of PEM, without the chain.
        #[arg(long)]
        der: bool,
        /// The file; by default standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Renew a certificate: same names, profile and issuer, under today's policy.
    #[command(after_help = "Examples:\n  chancery cert renew 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93 --out api.pem\n  \
        chancery cert renew 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93 --csr new-key.pem --out api.pem")]
    Renew(issue::RenewArgs),
    /// Revoke a certificate for good.
    #[command(after_help = "Examples:\n  chancery cert revoke 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93 --reason superseded\n  \
        chancery cert revoke 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93 --reason key-compromise --same-key")]
    Revoke(revoke::RevokeArgs),
    /// Remove a certificate of another issuer from the inventory.
    #[command(after_help = "Examples:\n  chancery cert remove 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93")]
    Remove {
        /// The certificate's id.
        certificate: CertificateId,
    },
    /// Many certificates at once, each with its own result.
    #[command(subcommand)]
    Bulk(bulk::BulkCommand),
    /// Export certificates, all or those that fit.
    #[command(after_help = "Examples:\n  chancery cert export --out inventory.csv\n  chancery cert export --format jsonl --renewal-due")]
    Export(search::ExportArgs),
    /// Fetch the private key that the server made with its certificate and chain, PKCS#12 under a password; until it is acknowledged.
    #[command(after_help = "Examples:\n  chancery cert pkcs12 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93 --out api.p12\n  \
        chancery cert pkcs12 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93 --out api.p12 --password-file pass.txt --friendly-name api")]
    Pkcs12(pkcs12::Pkcs12Args),
    /// Take existing certificates into the inventory. Those of other issuers are listed and watched, not revoked or renewed.
    #[command(after_help = "Examples:\n  chancery cert import old-www.pem partners/*.pem\n  cat *.pem | chancery cert import -")]
    Import(import::ImportArgs),
    /// Private keys that the server made.
    #[command(subcommand)]
    Key(key::KeyCommand),
}

pub(crate) async fn cert(args: CertArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    match args.command {
        CertCommand::Issue(args) => issue::issue(&desk, args).await,
        CertCommand::Renew(args) => issue::renew(&desk, args).await,
        CertCommand::List(args) => search::list(&desk, args).await,
        CertCommand::Search(args) => search::search(&desk, args).await,
        CertCommand::Revoke(args) => revoke::revoke(&desk, args).await,
        CertCommand::Remove { certificate } => {
            let done: DoneDocument = desk.act(&format!("/certificates/{certificate}/remove"), &EmptyBody {}).await?;
            desk.show(&done, |done| output::fields(&[("event", &done.event.id)]));
            Ok(())
        }
        CertCommand::Bulk(command) => bulk::bulk(&desk, command).await,
        CertCommand::Export(args) => search::export(&desk, args).await,
        CertCommand::Pkcs12(args) => pkcs12::pkcs12(&desk, args).await,
        CertCommand::Import(args) => import::import(&desk, args).await,
        CertCommand::Key(command) => key::key(&desk, command).await,
        CertCommand::Show { certificate } => {
            desk.show(&desk.own(&format!("/certificates/{certificate}")).await?, shown);
            Ok(())
        }
        CertCommand::Download { certificate, der, out } => {
            let form = if der { "der" } else { "pem" };
            let path = desk.client.own(&format!("/certificates/{certificate}/{form}"))?;
            deliver(out.as_deref(), &client::during("reading", desk.client.bytes(&path)).await?)
        }
    }
}

fn shown(certificate: &CertificateDocument) -> String {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    output::fields(&[
        ("id", &certificate.id),
        ("status", &certificate.status),
        ("names", &certificate.names.join(" ")),
        ("subject", &certificate.subject),
        ("origin", &certificate.origin),
        ("profile", &or_none(&certificate.profile)),
        ("issuer", &or_none(&certificate.issuer)),
        ("serial", &certificate.serial),
        ("valid from", &certificate.not_before),
        ("valid until", &certificate.not_after),
        ("renew from", &certificate.renew_at),
        ("key held by", &certificate.custody),
        ("SHA-256", &certificate.sha256),
        ("CRL", &or_none(&certificate.crl_url)),
        ("order", &or_none(&certificate.order)),
        ("event", certificate.event.as_ref().map(|event| event.id.as_str()).unwrap_or_default()),
        ("leaf", certificate.event.as_ref().map(|event| event.leaf.as_str()).unwrap_or_default()),
    ])
}
