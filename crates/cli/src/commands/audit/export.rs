//! `chancery audit export`: the whole log in a file (docs/audit-log.md).

use super::pick;
use crate::commands::ServerArgs;
use crate::ended::Ended;
use crate::output::Form;
use chancery_evidence::{EXPORT_VERSION, ExportEntry, ExportHead, Opening};
use chancery_http::api::log::{LogEntriesDocument, LogEntryDocument};
use serde::Serialize;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// Which log, and where to.
#[derive(clap::Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// Which epoch of the log; by default the newest.
    #[arg(long)]
    epoch: Option<u32>,
    /// The file to write, which must be new.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Entries of one answer.
const PAGE: u64 = 256;

pub(super) async fn export(args: &ExportArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    let failed = |source| Ended::File { path: args.out.clone(), source };
    let epoch = pick(desk.own("/log").await?, args.epoch)?;
    let mut file = BufWriter::new(File::create_new(&args.out).map_err(failed)?);
    let tenant = desk.tenant()?;
    let head = ExportHead { chancery_log_export: EXPORT_VERSION, tenant, epoch: epoch.epoch, checkpoint: epoch.checkpoint };
    write(&mut file, &head).map_err(failed)?;
    let mut left = epoch.size;
    for tile in 0..epoch.size.div_ceil(PAGE) {
        let page: LogEntriesDocument = desk.own(&format!("/log/entries?epoch={}&tile={tile}", epoch.epoch)).await?;
        // The log may have grown meanwhile: what its checkpoint covers is what is written.
        for entry in page.items.into_iter().take(usize::try_from(left.min(PAGE)).unwrap_or(usize::MAX)) {
            write(&mut file, &line(entry)?).map_err(failed)?;
            left -= 1;
        }
    }
    file.flush().map_err(failed)?;
    desk.note(&format!("{} entries of {} are in {}.", epoch.size - left, epoch.origin, args.out.display()));
    Ok(())
}

fn line(entry: LogEntryDocument) -> Result<ExportEntry, Ended> {
    let bad = || Ended::Malformed(format!("entry {} has no salt of 32 bytes", entry.index));
    let salt: [u8; 32] = hex::decode(&entry.salt).ok().and_then(|salt| salt.try_into().ok()).ok_or_else(bad)?;
    let leaf = Opening { salt: &salt, canonical: entry.canonical.as_bytes() }.leaf();
    Ok(ExportEntry { leaf: hex::encode(leaf), salt: entry.salt, event: entry.canonical })
}

fn write(file: &mut impl Write, line: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, line)?;
    file.write_all(b"\n")
}
