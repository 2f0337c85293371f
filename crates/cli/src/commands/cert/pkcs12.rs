//! `chancery cert pkcs12`: a private key that the server made, with its certificate and chain, into one file under a password.

use crate::commands::{Desk, expect_free, save_secret};
use crate::ended::Ended;
use crate::output;
use crate::password::new_password;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_domain::CertificateId;
use chancery_http::api::certificates::DoneDocument;
use chancery_http::api::pkcs12::{Pkcs12Body, Pkcs12Document};
use std::path::PathBuf;

/// What to fetch, and where to.
#[derive(clap::Args)]
pub(super) struct Pkcs12Args {
    /// The certificate's id.
    certificate: CertificateId,
    /// The new file (mode 0600).
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Read the file's password, 12 to 128 printable ASCII characters, from the first line of this file; `-` is standard input. By
    /// default it is asked for at the terminal.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// What programs call the entry.
    #[arg(long, value_name = "NAME")]
    friendly_name: Option<String>,
}

pub(super) async fn pkcs12(desk: &Desk, args: Pkcs12Args) -> Result<(), Ended> {
    expect_free(Some(&args.out))?;
    let body = Pkcs12Body { password: new_password(args.password_file.as_deref())?, friendly_name: args.friendly_name };
    let fetched: Pkcs12Document = desk.act(&format!("/certificates/{}/pkcs12", args.certificate), &body).await?;
    let file = STANDARD.decode(&fetched.pkcs12).map_err(|error| Ended::Malformed(error.to_string()))?;
    save_secret(&args.out, &file)?;
    desk.note(&format!("When it is stored safely: chancery cert key acknowledge {}", args.certificate));
    desk.show(&DoneDocument { event: fetched.event }, |done| output::fields(&[("event", &done.event.id), ("leaf", &done.event.leaf)]));
    Ok(())
}
