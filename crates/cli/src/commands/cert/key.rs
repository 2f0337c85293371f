//! `chancery cert key`: private keys that the server made, fetched into a file and then erased there.

use crate::commands::{Desk, expect_free, save_secret};
use crate::ended::Ended;
use crate::output;
use chancery_domain::CertificateId;
use chancery_http::api::certificates::{DoneDocument, PrivateKeyDocument};
use chancery_http::api::platform::EmptyBody;
use clap::Subcommand;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Fetch the private key into a new file (mode 0600); may be repeated until it is acknowledged.
    #[command(after_help = "Examples:\n  chancery cert key fetch 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93 --out api.key")]
    Fetch {
        /// The certificate's id.
        certificate: CertificateId,
        /// The file. Keys are never printed.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Acknowledge that the key arrived: the server erases it.
    #[command(after_help = "Examples:\n  chancery cert key acknowledge 01a1fbbf-f3e8-7002-8e3f-0952b0b42d93")]
    Acknowledge {
        /// The certificate's id.
        certificate: CertificateId,
    },
}

pub(super) async fn key(desk: &Desk, command: KeyCommand) -> Result<(), Ended> {
    let done = match command {
        KeyCommand::Fetch { certificate, out } => {
            expect_free(Some(&out))?;
            let done = fetch(desk, &certificate.to_string(), &out).await?;
            desk.note(&format!("When it is stored safely: chancery cert key acknowledge {certificate}"));
            done
        }
        KeyCommand::Acknowledge { certificate } => acknowledge(desk, &certificate.to_string()).await?,
    };
    desk.show(&done, |done| output::fields(&[("event", &done.event.id), ("leaf", &done.event.leaf)]));
    Ok(())
}

/// Fetches the key into the file, which is on disk on return.
pub(super) async fn fetch(desk: &Desk, certificate: &str, out: &Path) -> Result<DoneDocument, Ended> {
    let fetched: PrivateKeyDocument = desk.act(&format!("/certificates/{certificate}/private-key/fetch"), &EmptyBody {}).await?;
    let key = Zeroizing::new(fetched.private_key);
    save_secret(out, key.as_bytes())?;
    Ok(DoneDocument { event: fetched.event })
}

/// Lets the server erase the key.
pub(super) async fn acknowledge(desk: &Desk, certificate: &str) -> Result<DoneDocument, Ended> {
    desk.act(&format!("/certificates/{certificate}/private-key/acknowledge"), &EmptyBody {}).await
}
