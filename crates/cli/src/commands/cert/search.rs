//! `chancery cert list` and `search`.

use crate::commands::{Desk, PageArgs, query};
use crate::ended::Ended;
use crate::output;
use chancery_domain::Serial;
use chancery_domain::certificate::CertificateStatus;
use chancery_http::api::certificates::{CertificateDocument, CertificatePage};
use clap::builder::PossibleValuesParser;

/// Which certificates.
#[derive(clap::Args)]
pub(super) struct ListArgs {
    /// Only those with this status.
    #[arg(long, value_parser = PossibleValuesParser::new(CertificateStatus::ALL.iter().map(|status| status.as_str())))]
    status: Option<String>,
    /// Only the one with this serial number, 32 hexadecimal digits.
    #[arg(long)]
    serial: Option<Serial>,
    #[command(flatten)]
    page: PageArgs,
}

/// Which name.
#[derive(clap::Args)]
pub(super) struct SearchArgs {
    /// The exact name: api.example.com, ip:10.0.0.1, email:a@example.com, uri:spiffe://example.com/x.
    name: String,
    #[command(flatten)]
    page: PageArgs,
}

pub(super) async fn list(desk: &Desk, args: ListArgs) -> Result<(), Ended> {
    let [limit, cursor] = args.page.parameters();
    print(desk, &[limit, cursor, ("status", args.status), ("serial", args.serial.map(|serial| serial.to_string()))]).await
}

pub(super) async fn search(desk: &Desk, args: SearchArgs) -> Result<(), Ended> {
    let [limit, cursor] = args.page.parameters();
    print(desk, &[limit, cursor, ("name", Some(args.name))]).await
}

async fn print(desk: &Desk, parameters: &[(&'static str, Option<String>)]) -> Result<(), Ended> {
    let page: CertificatePage = desk.own(&format!("/certificates{}", query(parameters))).await?;
    desk.show(&page, |page| {
        let row = |row: &CertificateDocument| {
            vec![row.id.clone(), row.status.clone(), row.profile.clone(), row.not_after.clone(), row.serial.clone(), row.names.join(" ")]
        };
        let rows = page.items.iter().map(row).collect();
        output::table(&["id", "status", "profile", "valid until", "serial", "names"], rows, "No certificates.")
    });
    desk.more(page.next.as_ref());
    Ok(())
}
