//! `chancery cert import`: existing certificates, taken into the inventory.

use crate::commands::Desk;
use crate::ended::Ended;
use crate::output;
use chancery_http::api::certificates::CertificateDocument;
use chancery_http::api::import::{ImportBody, ImportDocument, ImportItem};
use std::path::PathBuf;

/// What to take in.
#[derive(clap::Args)]
pub(super) struct ImportArgs {
    /// PEM files with up to 100 certificates each, or DER files with one; `-` is standard input. Whatever else stands there is not sent.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) async fn import(desk: &Desk, args: ImportArgs) -> Result<(), Ended> {
    let mut all = ImportDocument { items: Vec::new(), imported: 0, present: 0, refused: 0 };
    for file in &args.files {
        let bundle = desk.certificates(file)?;
        // One request a file: what fails is known by its file, and what was done stays done.
        let done: ImportDocument = desk.act("/certificates/import", &ImportBody { bundle }).await?;
        all.items.extend(done.items);
        all.imported += done.imported;
        all.present += done.present;
        all.refused += done.refused;
    }
    desk.show(&all, |all| {
        let row = |item: &ImportItem| {
            let text = |of: fn(&CertificateDocument) -> String| item.result.as_ref().map(of).unwrap_or_default();
            let why = item.problem.as_ref().map(|problem| problem.detail.clone());
            let names = why.unwrap_or_else(|| text(|document| document.names.join(" ")));
            vec![item.outcome.clone(), text(|document| document.id.clone()), text(|document| document.origin.clone()), names]
        };
        output::table(&["outcome", "id", "origin", "names, or why not"], all.items.iter().map(row).collect(), "Nothing to do.")
    });
    desk.note(&format!("{} imported, {} present already, {} refused.", all.imported, all.present, all.refused));
    Ok(())
}
