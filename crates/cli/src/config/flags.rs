//! The settings as flags of `serve`, `init` and `config`.

use super::SETTINGS;
use super::load::{ConfigError, Environment, Loaded};
use super::settings::Default;
use crate::config::Config;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use std::path::PathBuf;

/// `--config` and a flag for every setting that is no secret.
#[derive(Clone, Debug)]
pub struct ConfigFlags {
    file: Option<PathBuf>,
    settings: Vec<(&'static str, String)>,
}

impl ConfigFlags {
    /// The configuration from all sources.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        Config::load(self.file.as_deref(), &Environment::of_process(), &self.settings)
    }
}

impl FromArgMatches for ConfigFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |name: &'static str| matches.get_one::<String>(name).map(|value| (name, value.clone()));
        let settings = SETTINGS.iter().filter(|setting| !setting.is_secret()).filter_map(|setting| given(setting.name)).collect();
        Ok(Self { file: matches.get_one::<PathBuf>("config").cloned(), settings })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for ConfigFlags {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config").long("config").value_name("FILE").value_parser(clap::value_parser!(PathBuf));
        let mut command = command.next_help_heading("Configuration").arg(file.help("The configuration file, TOML [env: CHANCERY_CONFIG]"));
        for setting in SETTINGS.iter().filter(|setting| !setting.is_secret()) {
            let default = match setting.default {
                Default::Value(text) | Default::Words(text) | Default::Secret(text) => text.replace('`', ""),
            };
            let help = format!("{} [env: {}] [default: {default}]", setting.help.replace('`', ""), setting.variable());
            let value_name = setting.name.rsplit('_').next().unwrap_or_default().to_uppercase();
            command = command.arg(Arg::new(setting.name).long(setting.flag()).value_name(value_name).help(help));
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
