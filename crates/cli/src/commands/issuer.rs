//! `chancery issuer`: the tenant's certificate authorities.

use super::{ServerArgs, deliver};
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::IssuerId;
use chancery_http::api::issuers::{CreateIssuerBody, IssuerDocument, IssuerList, SuccessorBody};
use chancery_http::api::platform::EmptyBody;
use clap::Subcommand;
use std::path::PathBuf;

/// Issuers.
#[derive(clap::Args)]
pub(crate) struct IssuerArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: IssuerCommand,
}

#[derive(Subcommand)]
enum IssuerCommand {
    /// Make a root and the issuing intermediate under it, with keys of their own.
    #[command(after_help = "Examples:\n  chancery issuer create example --permit 'dns:*.example.com' --permit dns:example.com\n  \
        chancery issuer create internal --permit 'dns:*.internal.example' --permit ip:10.0.0.0/8 --issuing-days 730")]
    Create {
        /// Its name, at most 48 characters.
        name: String,
        /// Names that it may issue for: dns:*.example.com, ip:10.0.0.0/8, email:*@example.com, uri:spiffe://example.com/*.
        #[arg(long = "permit", required = true, value_name = "PATTERN")]
        permit: Vec<String>,
        /// The organisation in its name.
        #[arg(long)]
        organization: Option<String>,
        /// The kind of the issuing authority's key, and of the root's unless that is named: ec-p256 (default), ec-p384, ed25519, rsa-3072, rsa-4096, ml-dsa-65.
        #[arg(long, value_name = "KIND")]
        key_algorithm: Option<String>,
        /// The kind of the root's key, if it shall be another one.
        #[arg(long, value_name = "KIND")]
        root_key_algorithm: Option<String>,
        /// The root's validity.
        #[arg(long, value_name = "DAYS")]
        root_days: Option<u32>,
        /// The intermediate's validity.
        #[arg(long, value_name = "DAYS")]
        issuing_days: Option<u32>,
    },
    /// Make an issuer's successor, which issues and renews from now on; the old one stays trusted, and active until it is retired.
    #[command(after_help = "Examples:\n  chancery issuer roll 01a1fbbf-f257-7486-ba7b-a6118c2b04e0 --retire-at 2027-01-31T00:00:00Z\n  \
        chancery issuer roll 01a1fbbf-f257-7486-ba7b-a6118c2b04e0 --new-root --key-algorithm ec-p384")]
    Roll {
        /// The issuing authority's id.
        issuer: IssuerId,
        /// The kind of its key; by default that of its predecessor.
        #[arg(long, value_name = "KIND")]
        key_algorithm: Option<String>,
        /// Its validity; by default that of its predecessor.
        #[arg(long, value_name = "DAYS")]
        issuing_days: Option<u32>,
        /// Below a new root, which joins the old one in the bundle.
        #[arg(long)]
        new_root: bool,
        /// The kind of the new root's key; by default that of the old one.
        #[arg(long, value_name = "KIND", requires = "new_root")]
        root_key_algorithm: Option<String>,
        /// The new root's validity; by default that of the old one.
        #[arg(long, value_name = "DAYS", requires = "new_root")]
        root_days: Option<u32>,
        /// When the predecessor retires by itself, RFC 3339.
        #[arg(long, value_name = "TIME")]
        retire_at: Option<String>,
    },
    /// Retire an authority: it issues nothing more, for good; its revocations and CRLs go on.
    #[command(after_help = "Examples:\n  chancery issuer retire 01a1fbbf-f257-7486-ba7b-a6118c2b04e0")]
    Retire {
        /// The issuer's id.
        issuer: IssuerId,
    },
    /// List the authorities.
    #[command(after_help = "Examples:\n  chancery issuer list")]
    List,
    /// Show an authority, or write its certificate.
    #[command(after_help = "Examples:\n  chancery issuer show 01a1fbbf-f257-7486-ba7b-a6118c2b04e0\n  \
        chancery issuer show 01a1fbbf-f257-7486-ba7b-a6118c2b04e0 --out issuing.pem")]
    Show {
        /// The issuer's id.
        issuer: IssuerId,
        /// Write its certificate, PEM, to this file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

pub(crate) async fn issuer(args: IssuerArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    match args.command {
        IssuerCommand::Create { name, permit, organization, key_algorithm, root_key_algorithm, root_days, issuing_days } => {
            let permitted_names = permit;
            let body = CreateIssuerBody { name, organization, permitted_names, key_algorithm, root_key_algorithm, root_days, issuing_days };
            desk.show(&desk.act("/issuers", &body).await?, shown);
        }
        IssuerCommand::Roll { issuer, key_algorithm, issuing_days, new_root, root_key_algorithm, root_days, retire_at } => {
            let body = SuccessorBody { key_algorithm, issuing_days, new_root, root_key_algorithm, root_days, retire_at };
            desk.show(&desk.act(&format!("/issuers/{issuer}/successor"), &body).await?, shown);
        }
        IssuerCommand::Retire { issuer } => {
            desk.show(&desk.act(&format!("/issuers/{issuer}/retire"), &EmptyBody {}).await?, shown);
        }
        IssuerCommand::List => desk.show(&desk.own::<IssuerList>("/issuers").await?, |list| {
            let row = |row: &IssuerDocument| {
                vec![
                    row.id.clone(),
                    row.kind.clone(),
                    row.state.clone(),
                    row.name.clone(),
                    row.not_after.clone(),
                    row.permitted_names.join(" "),
                ]
            };
            output::table(
                &["id", "kind", "state", "name", "valid until", "permitted names"],
                list.items.iter().map(row).collect(),
                "No issuers.",
            )
        }),
        IssuerCommand::Show { issuer, out } => {
            let found: IssuerDocument = desk.own(&format!("/issuers/{issuer}")).await?;
            if let Some(path) = &out {
                deliver(Some(path), found.certificate.as_bytes())?;
            }
            desk.show(&found, shown);
        }
    }
    Ok(())
}

fn shown(issuer: &IssuerDocument) -> String {
    output::fields(&[
        ("id", &issuer.id),
        ("kind", &issuer.kind),
        ("state", &issuer.state),
        ("retires at", issuer.retire_at.as_deref().unwrap_or_default()),
        ("root", issuer.root.as_deref().unwrap_or_default()),
        ("name", &issuer.name),
        ("key", &issuer.key_algorithm),
        ("subject", &issuer.subject),
        ("permitted names", &issuer.permitted_names.join(" ")),
        ("valid from", &issuer.not_before),
        ("valid until", &issuer.not_after),
        ("SHA-256", &issuer.sha256),
        ("public id", &issuer.public_id),
        ("event", issuer.event.as_ref().map(|event| event.id.as_str()).unwrap_or_default()),
    ])
}
