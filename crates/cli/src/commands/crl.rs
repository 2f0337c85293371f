//! `chancery crl`: an issuer's revocation lists.

use super::{ServerArgs, deliver};
use crate::client;
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::IssuerId;
use chancery_x509::pem;
use clap::Subcommand;
use serde::Serialize;
use std::path::PathBuf;

/// CRLs.
#[derive(clap::Args)]
pub(crate) struct CrlArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: CrlCommand,
}

#[derive(Subcommand)]
enum CrlCommand {
    /// Show what a CRL says, or write it to a file.
    #[command(after_help = "Examples:\n  chancery crl show 01a1fbbf-f257-7486-ba7b-a6118c2b04e0\n  \
        chancery crl show 01a1fbbf-f257-7486-ba7b-a6118c2b04e0 --shard 1 --out shard1.pem")]
    Show {
        /// The issuing authority's id.
        issuer: IssuerId,
        /// Which part of its certificates.
        #[arg(long, default_value_t = 0)]
        shard: u32,
        /// Write the CRL, PEM, to this file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Serialize)]
struct Shown {
    number: u64,
    this_update: String,
    next_update: String,
    address: Option<String>,
    entries: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    serial: String,
    revoked_at: String,
    reason: &'static str,
}

pub(crate) async fn crl(args: CrlArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    let CrlCommand::Show { issuer, shard, out } = args.command;
    let path = desk.client.own(&format!("/issuers/{issuer}/crl/{shard}"))?;
    let der = client::during("reading", desk.client.bytes(&path)).await?;
    let crl = chancery_x509::Crl::from_der(&der).map_err(|error| Ended::Malformed(error.to_string()))?;
    if let Some(path) = &out {
        deliver(Some(path), pem::encode(pem::X509_CRL, &der).as_bytes())?;
    }
    let entry = |entry: &chancery_x509::CrlEntry| Entry {
        serial: entry.serial.to_string(),
        revoked_at: entry.revoked_at.to_string(),
        reason: entry.reason.as_str(),
    };
    let shown = Shown {
        number: crl.number(),
        this_update: crl.this_update().to_string(),
        next_update: crl.next_update().to_string(),
        address: crl.distribution_point_url().map(str::to_owned),
        entries: crl.entries().iter().map(entry).collect(),
    };
    desk.show(&shown, |shown| {
        let head = output::fields(&[
            ("number", &shown.number.to_string()),
            ("made", &shown.this_update),
            ("next by", &shown.next_update),
            ("address", shown.address.as_deref().unwrap_or_default()),
        ]);
        let row = |entry: &Entry| vec![entry.serial.clone(), entry.revoked_at.clone(), entry.reason.to_owned()];
        let rows = shown.entries.iter().map(row).collect();
        format!("{head}\n{}", output::table(&["serial", "revoked", "reason"], rows, "Nothing is revoked."))
    });
    Ok(())
}
