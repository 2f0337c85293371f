//! `chancery profile`: what may be issued.

use super::{ServerArgs, read_text};
use crate::client;
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::profile::{Profile, ProfileName};
use chancery_http::api::profiles::{ProfileDocument, ProfileList};
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// Profiles.
#[derive(clap::Args)]
pub(crate) struct ProfileArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: ProfileCommand,
}

#[derive(Subcommand)]
enum ProfileCommand {
    /// List the profiles in force.
    #[command(after_help = "Examples:\n  chancery profile list")]
    List,
    /// Show a profile as the JSON that `profile set` takes.
    #[command(after_help = "Examples:\n  chancery profile show tls-server > tls-server.json")]
    Show {
        /// The profile's name.
        profile: ProfileName,
    },
    /// Make a profile of the tenant's own.
    #[command(after_help = "Examples:\n  chancery profile create printers.json\n  \
        chancery profile show device | sed 's/\"device\"/\"printers\"/' | chancery profile create -")]
    Create {
        /// The profile, JSON; `-` is standard input.
        file: PathBuf,
    },
    /// Put a new version of a profile in force.
    #[command(after_help = "Examples:\n  chancery profile set tls-server.json --read 1\n  chancery profile set - < tls-server.json")]
    Set {
        /// The profile, JSON; `-` is standard input.
        file: PathBuf,
        /// The version that was read: refused if another one was put in force since. By default the one in force.
        #[arg(long, value_name = "VERSION")]
        read: Option<u32>,
    },
}

pub(crate) async fn profile(args: ProfileArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    match args.command {
        ProfileCommand::List => desk.show(&desk.own::<ProfileList>("/profiles").await?, |list| {
            let row = |row: &ProfileDocument| {
                vec![row.profile.name.to_string(), row.version.to_string(), row.created_at.clone(), row.profile.description.clone()]
            };
            output::table(&["name", "version", "since", "what for"], list.items.iter().map(row).collect(), "No profiles.")
        }),
        ProfileCommand::Show { profile } => {
            let found: ProfileDocument = desk.own(&format!("/profiles/{profile}")).await?;
            desk.note(&format!("Version {} of {}.", found.version, found.created_at));
            desk.show(&found, |found| serde_json::to_string_pretty(&found.profile).unwrap_or_default());
        }
        ProfileCommand::Create { file } => {
            let made: ProfileDocument = desk.act("/profiles", &read_profile(&file)?).await?;
            desk.show(&made, changed);
        }
        ProfileCommand::Set { file, read } => {
            let profile = read_profile(&file)?;
            let path = desk.client.own(&format!("/profiles/{}", profile.name))?;
            let read = match read {
                Some(version) => version,
                None => client::during("reading", desk.client.get::<ProfileDocument>(&path)).await?.version,
            };
            let document: ProfileDocument = client::during("changing", desk.client.put(&path, read, &profile)).await?;
            desk.show(&document, changed);
        }
    }
    Ok(())
}

/// A profile as `profile set` and `cert issue --draft` take it.
pub(super) fn read_profile(file: &Path) -> Result<Profile, Ended> {
    serde_json::from_str(&read_text(file)?).map_err(|error| Ended::Usage(format!("{}: {error}", file.display())))
}

fn changed(document: &ProfileDocument) -> String {
    let event = document.event.as_ref().map(|event| event.id.as_str()).unwrap_or_default();
    output::fields(&[("profile", document.profile.name.as_str()), ("version", &document.version.to_string()), ("event", event)])
}
