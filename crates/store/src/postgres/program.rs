//! PostgreSQL's own programs, told by their environment where the database is: others see a process's arguments.

use crate::{BackupError, StoreError};
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// So much of the end of what a program said is told.
const TOLD: usize = 2000;

/// The program, from this folder or from the path.
pub(super) fn command(folder: Option<&Path>, program: &'static str, config: &Config) -> Command {
    let mut command = Command::new(folder.map_or_else(|| program.into(), |folder| folder.join(program)));
    command.stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let ports: Vec<_> = config.get_ports().iter().map(ToString::to_string).collect();
    let addresses: Vec<_> = config.get_hostaddrs().iter().map(ToString::to_string).collect();
    let password = config.get_password().map(|password| String::from_utf8_lossy(password).into_owned());
    let mut set = |name: &str, value: Option<String>| match value.filter(|value| !value.is_empty()) {
        Some(value) => drop(command.env(name, value)),
        None => drop(command.env_remove(name)),
    };
    set("PGHOST", Some(hosts.collect::<Vec<_>>().join(",")));
    set("PGPORT", Some(ports.join(",")));
    set("PGHOSTADDR", Some(addresses.join(",")));
    set("PGUSER", config.get_user().map(str::to_owned));
    set("PGDATABASE", Some(database(config).to_owned()));
    set("PGPASSWORD", password);
    set("PGOPTIONS", config.get_options().map(str::to_owned));
    let require = config.get_ssl_mode() == SslMode::Require;
    set("PGSSLMODE", Some(if require { "verify-full" } else { "disable" }.to_owned()));
    if require && std::env::var_os("PGSSLROOTCERT").is_none() {
        command.env("PGSSLROOTCERT", "system");
    }
    command
}

/// The database's name.
pub(super) fn database(config: &Config) -> &str {
    config.get_dbname().or(config.get_user()).unwrap_or_default()
}

/// Runs it to its end; what it wrote to standard output.
pub(super) async fn run(mut command: Command, program: &'static str) -> Result<Vec<u8>, BackupError> {
    let missing = |error: std::io::Error| BackupError::Program {
        program,
        said: format!("{error}: install PostgreSQL's client programs, or name their folder with --postgres-programs"),
    };
    let output = command.output().await.map_err(missing)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(failure(program, &output.stderr))
}

pub(super) fn failure(program: &'static str, stderr: &[u8]) -> BackupError {
    let said = String::from_utf8_lossy(stderr.get(stderr.len().saturating_sub(TOLD)..).unwrap_or_default()).trim().to_owned();
    BackupError::Program { program, said }
}

pub(super) fn refused(error: tokio_postgres::Error) -> BackupError {
    let error: StoreError = super::error::store_error(&error);
    error.into()
}
