//! `chancery cert list` and `search`.

use crate::client;
use crate::commands::{Desk, PageArgs, deliver, query};
use crate::ended::Ended;
use crate::output;
use chancery_domain::certificate::CertificateStatus;
use chancery_domain::{IssuerId, Serial};
use chancery_http::api::certificates::{CertificateDocument, CertificatePage};
use clap::builder::PossibleValuesParser;
use std::path::PathBuf;

/// Which certificates.
#[derive(clap::Args)]
pub(super) struct ListArgs {
    /// Only those with this status.
    #[arg(long, value_parser = PossibleValuesParser::new(CertificateStatus::ALL.iter().map(|status| status.as_str())))]
    status: Option<String>,
    /// Only those with this serial number, 32 to 40 hexadecimal digits.
    #[arg(long)]
    serial: Option<Serial>,
    #[command(flatten)]
    which: WhichArgs,
    #[command(flatten)]
    page: PageArgs,
}

/// Which certificates, besides.
#[derive(clap::Args)]
struct WhichArgs {
    /// Only those of this profile.
    #[arg(long)]
    profile: Option<String>,
    /// Only those of the issuer with this id.
    #[arg(long)]
    issuer: Option<IssuerId>,
    /// Only those whose validity ends before this time, RFC 3339: 2027-03-01T00:00:00Z; those that end last are first.
    #[arg(long, value_name = "TIME")]
    expires_before: Option<String>,
    /// Only issued ones whose renewal is due; those due last are first.
    #[arg(long)]
    renewal_due: bool,
}

/// What to export.
#[derive(clap::Args)]
pub(super) struct ExportArgs {
    /// `csv` or `jsonl` (JSON lines).
    #[arg(long, default_value = "csv", value_parser = ["csv", "jsonl"])]
    format: String,
    /// The file; by default standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only those with this name; `*.example.com` means every host below example.com.
    #[arg(long)]
    name: Option<String>,
    /// Only those with this status.
    #[arg(long, value_parser = PossibleValuesParser::new(CertificateStatus::ALL.iter().map(|status| status.as_str())))]
    status: Option<String>,
    #[command(flatten)]
    which: WhichArgs,
}

impl WhichArgs {
    fn parameters(self) -> [(&'static str, Option<String>); 4] {
        [
            ("profile", self.profile),
            ("issuer", self.issuer.map(|id| id.to_string())),
            ("expires_before", self.expires_before),
            ("renewal_due", self.renewal_due.then(|| "true".to_owned())),
        ]
    }
}

/// Which name.
#[derive(clap::Args)]
pub(super) struct SearchArgs {
    /// The exact name, or `*.example.com` for every host below example.com at any depth: api.example.com, ip:10.0.0.1, email:a@example.com, uri:spiffe://example.com/x.
    name: String,
    #[command(flatten)]
    page: PageArgs,
}

pub(super) async fn list(desk: &Desk, args: ListArgs) -> Result<(), Ended> {
    let [limit, cursor] = args.page.parameters();
    let [profile, issuer, expires_before, renewal_due] = args.which.parameters();
    let serial = args.serial.map(|serial| serial.to_string());
    print(desk, &[limit, cursor, ("status", args.status), ("serial", serial), profile, issuer, expires_before, renewal_due]).await
}

pub(super) async fn export(desk: &Desk, args: ExportArgs) -> Result<(), Ended> {
    let [profile, issuer, expires_before, renewal_due] = args.which.parameters();
    let parameters = [("name", args.name), ("status", args.status), profile, issuer, expires_before, renewal_due];
    let path = desk.client.own(&format!("/certificates/export/{}{}", args.format, query(&parameters)))?;
    deliver(args.out.as_deref(), &client::during("exporting", desk.client.bytes(&path)).await?)
}

pub(super) async fn search(desk: &Desk, args: SearchArgs) -> Result<(), Ended> {
    let [limit, cursor] = args.page.parameters();
    print(desk, &[limit, cursor, ("name", Some(args.name))]).await
}

async fn print(desk: &Desk, parameters: &[(&'static str, Option<String>)]) -> Result<(), Ended> {
    let page: CertificatePage = desk.own(&format!("/certificates{}", query(parameters))).await?;
    desk.show(&page, |page| {
        let row = |row: &CertificateDocument| {
            let origin = row.profile.as_ref().unwrap_or(&row.origin).clone();
            vec![row.id.clone(), row.status.clone(), origin, row.not_after.clone(), row.serial.clone(), row.names.join(" ")]
        };
        let rows = page.items.iter().map(row).collect();
        output::table(&["id", "status", "profile or origin", "valid until", "serial", "names"], rows, "No certificates.")
    });
    desk.more(page.next.as_ref());
    Ok(())
}
