//! `chancery cert import`: existing certificates, taken into the inventory.

use crate::commands::{Desk, read_text};
use crate::ended::Ended;
use crate::output;
use chancery_http::api::certificates::CertificateDocument;
use chancery_http::api::import::{ImportBody, ImportDocument, ImportItem};
use chancery_x509::pem;
use std::path::{Path, PathBuf};

/// What to take in.
#[derive(clap::Args)]
pub(super) struct ImportArgs {
    /// PEM files with up to 100 certificates each, or DER files with one; `-` is PEM on standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) async fn import(desk: &Desk, args: ImportArgs) -> Result<(), Ended> {
    let mut all = ImportDocument { items: Vec::new(), imported: 0, present: 0, refused: 0 };
    for file in &args.files {
        // One request a file: what fails is known by its file, and what was done stays done.
        let done: ImportDocument = desk.act("/certificates/import", &ImportBody { bundle: bundle(file)? }).await?;
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

/// A file as it is sent: PEM as it is, DER as PEM.
fn bundle(path: &Path) -> Result<String, Ended> {
    if path.to_str() == Some("-") {
        return Ok(read_text(path)?.to_string());
    }
    let bytes = std::fs::read(path).map_err(|source| Ended::File { path: path.to_owned(), source })?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) if pem::is_pem(text.as_bytes()) => text,
        Ok(text) => pem::encode(pem::CERTIFICATE, text.as_bytes()),
        Err(der) => pem::encode(pem::CERTIFICATE, der.as_bytes()),
    })
}
