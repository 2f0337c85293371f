//! `chancery issuer`: the tenant's certificate authorities.

use super::{ServerArgs, deliver};
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::IssuerId;
use chancery_http::api::certificates::DoneDocument;
use chancery_http::api::issuers::{AnchorBody, ChainBody, CreateIssuerBody, IssuerDocument, IssuerList, SuccessorBody};
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
    /// Make an issuer: a root and the issuing intermediate under it, or an intermediate below a root of your own.
    ///
    /// Three tiers: by default a root of the tenant's own; a dedicated root with a kind of key and a validity of its own
    /// (--root-key-algorithm, --root-days); or your own root (--external): the key is made, the certification request goes
    /// out (--out), and the signed chain comes in by `issuer complete`.
    #[command(after_help = "Examples:\n  chancery issuer create example --permit 'dns:*.example.com' --permit dns:example.com\n  \
        chancery issuer create internal --permit 'dns:*.internal.example' --permit ip:10.0.0.0/8 --issuing-days 730\n  \
        chancery issuer create vault --permit 'dns:*.example.com' --root-key-algorithm rsa-4096 --root-days 7300\n  \
        chancery issuer create example --permit 'dns:*.example.com' --external --out issuing.csr")]
    Create {
        /// Its name, at most 48 characters.
        name: String,
        /// Names that it may issue for: dns:*.example.com, ip:10.0.0.0/8, email:*@example.com, uri:spiffe://example.com/*.
        #[arg(long = "permit", required = true, value_name = "PATTERN")]
        permit: Vec<String>,
        /// A root of your own signs it: no root is made here, and the answer has the certification request.
        #[arg(long, conflicts_with_all = ["root_key_algorithm", "root_days", "issuing_days"])]
        external: bool,
        /// Write the certification request, PEM, to this file.
        #[arg(long, value_name = "FILE", requires = "external")]
        out: Option<PathBuf>,
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
    /// Supply the chain of a pending issuer, which issues from then on.
    #[command(after_help = "Examples:\n  chancery issuer complete 01a1fbbf-f257-7486-ba7b-a6118c2b04e0 --chain chain.pem")]
    Complete {
        /// The issuer's id.
        issuer: IssuerId,
        /// PEM: its certificate, those between, the self-signed root last; - is standard input. Whatever else stands there is not sent.
        #[arg(long, value_name = "FILE")]
        chain: PathBuf,
        /// Take it also without the name constraints that were asked for, or with wider ones.
        #[arg(long)]
        accept_wider_names: bool,
    },
    /// Give a pending issuer up and erase its key.
    #[command(after_help = "Examples:\n  chancery issuer abandon 01a1fbbf-f257-7486-ba7b-a6118c2b04e0")]
    Abandon {
        /// The issuer's id.
        issuer: IssuerId,
    },
    /// Keep a root of somebody else's as a trust anchor: it joins the bundle.
    #[command(after_help = "Examples:\n  chancery issuer trust 'Example AG root' --certificate root.pem")]
    Trust {
        /// Its name here.
        name: String,
        /// The root's certificate, PEM or DER; - is standard input. Whatever else stands there is not sent.
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
    },
    /// Make an issuer's successor, which issues and renews from now on; the old one stays trusted, and active until it is retired.
    #[command(after_help = "Examples:\n  chancery issuer roll 01a1fbbf-f257-7486-ba7b-a6118c2b04e0 --retire-at 2027-01-31T00:00:00Z\n  \
        chancery issuer roll 01a1fbbf-f257-7486-ba7b-a6118c2b04e0 --new-root --issue-from 2027-01-31T00:00:00Z")]
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
        /// When it begins to issue, RFC 3339: time to distribute a new root; by default at once.
        #[arg(long, value_name = "TIME")]
        issue_from: Option<String>,
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
    /// Remove an authority of somebody else's: it leaves the list and the bundle.
    #[command(after_help = "Examples:\n  chancery issuer remove 01a1fbbf-f257-7486-ba7b-a6118c2b04e0")]
    Remove {
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
        /// Write its certificate, PEM, to this file; its certification request, while it is pending.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

pub(crate) async fn issuer(args: IssuerArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    match args.command {
        IssuerCommand::Create { name, permit, external, out, organization, key_algorithm, root_key_algorithm, root_days, issuing_days } => {
            let permitted_names = permit;
            let body = CreateIssuerBody {
                name,
                external,
                organization,
                permitted_names,
                key_algorithm,
                root_key_algorithm,
                root_days,
                issuing_days,
            };
            let made: IssuerDocument = desk.act("/issuers", &body).await?;
            if let (Some(path), Some(request)) = (&out, &made.request) {
                deliver(Some(path), request.as_bytes())?;
            }
            desk.show(&made, shown);
        }
        IssuerCommand::Complete { issuer, chain, accept_wider_names } => {
            let body = ChainBody { chain: desk.certificates(&chain)?, accept_wider_names };
            desk.show(&desk.act(&format!("/issuers/{issuer}/certificate"), &body).await?, shown);
        }
        IssuerCommand::Abandon { issuer } => {
            desk.show(&desk.act(&format!("/issuers/{issuer}/abandon"), &EmptyBody {}).await?, shown);
        }
        IssuerCommand::Trust { name, certificate } => {
            let body = AnchorBody { name, pem: desk.certificates(&certificate)? };
            desk.show(&desk.act("/trust-anchors", &body).await?, shown);
        }
        IssuerCommand::Roll { issuer, key_algorithm, issuing_days, new_root, root_key_algorithm, root_days, issue_from, retire_at } => {
            let body = SuccessorBody { key_algorithm, issuing_days, new_root, root_key_algorithm, root_days, issue_from, retire_at };
            desk.show(&desk.act(&format!("/issuers/{issuer}/successor"), &body).await?, shown);
        }
        IssuerCommand::Retire { issuer } => {
            desk.show(&desk.act(&format!("/issuers/{issuer}/retire"), &EmptyBody {}).await?, shown);
        }
        IssuerCommand::Remove { issuer } => {
            let done: DoneDocument = desk.act(&format!("/issuers/{issuer}/remove"), &EmptyBody {}).await?;
            desk.show(&done, |done| output::fields(&[("event", &done.event.id)]));
        }
        IssuerCommand::List => desk.show(&desk.own::<IssuerList>("/issuers").await?, |list| {
            let row = |row: &IssuerDocument| {
                vec![
                    row.id.clone(),
                    row.kind.clone(),
                    row.state.clone(),
                    row.name.clone(),
                    row.not_after.clone().unwrap_or_default(),
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
                let text = found.certificate.as_ref().or(found.request.as_ref()).map(String::as_bytes).unwrap_or_default();
                deliver(Some(path), text)?;
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
        ("below", issuer.root.as_deref().unwrap_or_default()),
        ("name", &issuer.name),
        ("key", &issuer.key_algorithm),
        ("subject", issuer.subject.as_deref().unwrap_or_default()),
        ("permitted names", &issuer.permitted_names.join(" ")),
        ("valid from", issuer.not_before.as_deref().unwrap_or_default()),
        ("valid until", issuer.not_after.as_deref().unwrap_or_default()),
        ("SHA-256", issuer.sha256.as_deref().unwrap_or_default()),
        ("public id", &issuer.public_id),
        ("event", issuer.event.as_ref().map(|event| event.id.as_str()).unwrap_or_default()),
    ])
}
