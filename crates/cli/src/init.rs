//! `chancery init`: makes keys, keyring and stores, and the bootstrap token for the first operator.

use crate::config::Config;
use crate::ended::Ended;
use crate::open::{self, OpenError, Start};
use crate::output::{self, Form};
use chancery_app::Failure;
use serde::Serialize;

#[derive(Serialize)]
struct Initialised {
    data_dir: String,
    bootstrap_token: String,
    expires_in_seconds: u32,
}

/// Initialises, or gives a new bootstrap token while nobody has used one.
pub(crate) async fn init(config: &Config, form: Form) -> Result<(), Ended> {
    open::refuse_demonstration(config)?;
    let service = open::open(config, config.listen, Start::First).await?;
    let token = match service.initialise().await {
        Err(Failure::Conflict(_)) => return Err(Ended::Enrolled),
        other => other.map_err(OpenError::Service)?,
    };
    let done = Initialised {
        data_dir: config.data_dir.display().to_string(),
        bootstrap_token: token.expose().to_string(),
        expires_in_seconds: 15 * 60,
    };
    output::result(form, &done, |done| {
        format!(
            "Initialised {}.\n\nBootstrap token, shown once, good for one enrolment within 15 minutes:\n\n{}\n\n\
             Next: start `chancery serve`, then in another shell\n\n\
             \x20   CHANCERY_ENROLMENT_TOKEN=… chancery enrol operator --save operator.token\n",
            done.data_dir, done.bootstrap_token
        )
    });
    Ok(())
}
