//! `chancery enrol`: an enrolment token becomes an account and its bearer token.

use super::{ServerArgs, keep, read_text, reserve};
use crate::client;
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_http::api::enrol::{EnrolBody, EnrolledDocument};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Who enrols.
#[derive(clap::Args)]
pub(crate) struct EnrolArgs {
    /// The new account's name.
    name: String,
    /// Write the bearer token to this new file (mode 0600) instead of printing it.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Days until the bearer token expires.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=366))]
    days: u64,
    #[command(flatten)]
    server: ServerArgs,
}

/// The enrolment token comes from `--token-file`, else `CHANCERY_ENROLMENT_TOKEN`, else standard input.
pub(crate) async fn enrol(args: EnrolArgs, form: Form) -> Result<(), Ended> {
    let file = reserve(args.save.as_ref())?;
    let enrolment = match (args.server.token_file(), std::env::var("CHANCERY_ENROLMENT_TOKEN")) {
        (Some(path), _) => read_text(path)?,
        (None, Ok(token)) => Zeroizing::new(token),
        (None, Err(_)) => {
            output::note("Reading the enrolment token from standard input.");
            read_text(Path::new("-"))?
        }
    };
    let client = args.server.client()?.with_token(enrolment.trim())?;
    let body = EnrolBody { name: args.name, expires_in_seconds: Some(args.days * 86_400) };
    let mut enrolled: EnrolledDocument = client::during("enrolling", client.post_unrepeated("/v1/enrol", &body)).await?;
    keep(file, &mut enrolled.token.token);
    output::result(form, &enrolled, |enrolled| {
        output::fields(&[
            ("tenant", &enrolled.tenant),
            ("account", &enrolled.account.id),
            ("name", &enrolled.account.name),
            ("roles", &enrolled.account.roles.join(", ")),
            ("token", enrolled.token.token.as_deref().unwrap_or_default()),
            (
                "saved to",
                &args.save.as_ref().filter(|_| enrolled.token.token.is_none()).map(|path| path.display().to_string()).unwrap_or_default(),
            ),
            ("expires", &enrolled.token.expires_at),
        ])
    });
    Ok(())
}
