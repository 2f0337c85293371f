//! Reading the configuration from all its sources.

use super::settings::{Default, Given, SETTINGS};
use super::{Config, Database, KeyringPlace, RootKeySource, TlsFiles};
use chancery_domain::kill::VARIABLES;
use chancery_store::postgres::Durability;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A source holds something wrong; which and where stands in the text.
    #[error("the configuration is wrong: {0}")]
    Wrong(String),
    /// The file does not exist.
    #[error("there is no configuration file {}: give another with --config, or none", .0.display())]
    NoFile(PathBuf),
    /// A variable that means nothing.
    #[error("the environment has {0}, which is no setting: correct or remove it; `chancery config` lists the settings")]
    UnknownVariable(String),
    /// Two settings contradict each other.
    #[error("{0}")]
    Contradiction(&'static str),
}

/// The process's environment, or a test's.
pub struct Environment(Vec<(String, String)>);

/// The configuration and where each part came from.
pub struct Loaded {
    /// What holds.
    pub config: Config,
    pub(super) figment: Figment,
}

/// Variables of ours that are no settings of the server.
pub(super) const OTHER_VARIABLES: &[(&str, &str)] = &[
    ("CHANCERY_CONFIG", "The configuration file; the flag `--config` wins."),
    ("CHANCERY_ROOT_KEY", "The root key itself, 64 hexadecimal digits; wins over the credential and the file."),
    ("CHANCERY_URL", "For client commands: the server's base URL, `http://127.0.0.1:8400` by default."),
    ("CHANCERY_TOKEN", "For client commands: the bearer token."),
    ("CHANCERY_REQUEST_KEY", "For client commands, instead of a token: the file with the account's key, which signs each request."),
    ("CHANCERY_ENROLMENT_TOKEN", "For `chancery enrol`: the enrolment or bootstrap token."),
];

impl Environment {
    /// The process's. What is not UTF-8 is no setting of ours.
    pub fn of_process() -> Self {
        Self(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect())
    }

    /// These variables alone.
    pub fn of(variables: &[(&str, &str)]) -> Self {
        Self(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn settings(&self) -> Result<Vec<(&'static str, String)>, ConfigError> {
        let mut found = Vec::new();
        for (name, value) in self.0.iter().filter(|(name, _)| name.starts_with("CHANCERY_")) {
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == *name) {
                found.push((setting.name, value.clone()));
            } else if !OTHER_VARIABLES.iter().any(|(other, _)| other == name)
                && !is_of_kubernetes(name)
                && !VARIABLES.contains(&name.as_str())
            {
                return Err(ConfigError::UnknownVariable(name.clone()));
            }
        }
        Ok(found)
    }
}

/// Kubernetes gives these to every container beside a service called `chancery`; they are not the operator's mistakes.
fn is_of_kubernetes(name: &str) -> bool {
    name == "CHANCERY_PORT" || name.starts_with("CHANCERY_PORT_") || name.starts_with("CHANCERY_SERVICE_")
}

impl Config {
    /// Reads all sources. `flags` are settings by name, from the command line.
    pub fn load(file: Option<&Path>, environment: &Environment, flags: &[(&'static str, String)]) -> Result<Loaded, ConfigError> {
        let file = file.or_else(|| environment.value("CHANCERY_CONFIG").map(Path::new));
        let defaults = SETTINGS.iter().filter_map(|setting| match setting.default {
            Default::Value(value) => Some((setting.name, value.to_owned())),
            Default::Words(_) | Default::Secret(_) => None,
        });
        let mut figment = Figment::from(Layer { name: "default", values: defaults.collect() });
        if let Some(path) = file {
            if !path.is_file() {
                return Err(ConfigError::NoFile(path.to_owned()));
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        figment = figment.merge(Layer { name: "environment", values: environment.settings()? });
        figment = figment.merge(Layer { name: "flag", values: flags.to_vec() });
        let given = figment.extract::<Given>().map_err(|error| ConfigError::Wrong(error.to_string()))?;
        Ok(Loaded { config: resolve(given, environment)?, figment })
    }
}

fn resolve(given: Given, environment: &Environment) -> Result<Config, ConfigError> {
    let tls = match (given.tls_cert, given.tls_key) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        _ => return Err(ConfigError::Contradiction("tls_cert and tls_key go together: set both or none")),
    };
    let (owner_url, backup_url) = (given.database_owner_url.map(|url| url.0), given.database_backup_url.map(|url| url.0));
    let database = match given.database_url {
        Some(app) => Some(Database { app_url: app.0, owner_url, backup_url, connections: given.database_connections }),
        None if owner_url.is_some() || backup_url.is_some() => {
            return Err(ConfigError::Contradiction("database_owner_url or database_backup_url is set without database_url: set that, too"));
        }
        None => None,
    };
    let data_dir = given.data_dir.unwrap_or_else(|| default_data_dir(environment));
    let keyring_file = given.keyring_file.unwrap_or_else(|| beside(&data_dir).join("keyring.db"));
    if keyring_file.starts_with(&data_dir) {
        return Err(ConfigError::Contradiction(
            "keyring_file is inside data_dir: a copy of the data would carry its keys; put the keyring elsewhere",
        ));
    }
    let root_key_file = given.root_key_file.unwrap_or_else(|| keyring_file.with_file_name("root.key"));
    let credential = environment.value("CREDENTIALS_DIRECTORY").map(|folder| Path::new(folder).join("chancery-root-key"));
    let root_key = match (environment.value("CHANCERY_ROOT_KEY"), credential.filter(|path| path.exists())) {
        (Some(value), _) => RootKeySource::Value(Zeroizing::new(value.to_owned())),
        (None, Some(path)) => RootKeySource::Credential(path),
        (None, None) => RootKeySource::File(root_key_file),
    };
    let public_url = given.public_url.map(|url| url.trim_end_matches('/').to_owned());
    if public_url.as_ref().is_some_and(|url| !url.starts_with("http://") || url.len() <= "http://".len()) {
        // RFC 5280 section 4.2.1.13 and 8: fetching a CRL over TLS would need the CRL.
        return Err(ConfigError::Contradiction(
            "public_url begins with http:// and names a host: whoever fetches a CRL cannot check TLS yet",
        ));
    }
    Ok(Config {
        listen: given.listen,
        public_listen: given.public_listen,
        public_url,
        data_dir,
        keyring: given.keyring_url.map_or(KeyringPlace::File(keyring_file), |url| KeyringPlace::Postgres(url.0)),
        root_key,
        database,
        durability: if given.database_accept_unsafe_durability { Durability::Waived } else { Durability::Required },
        tls,
        store_threads: given.store_threads,
        certificate_limit: given.certificate_limit,
        witness_policy: given.witness_policy,
        archive_dir: given.archive_dir,
        log_format: given.log_format,
        log_level: given.log_level,
    })
}

fn default_data_dir(environment: &Environment) -> PathBuf {
    // The owner of this process's own entry is who runs it.
    if std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0) {
        return PathBuf::from("/var/lib/chancery");
    }
    let home = || PathBuf::from(environment.value("HOME").unwrap_or(".")).join(".local/share");
    environment.value("XDG_DATA_HOME").map_or_else(home, PathBuf::from).join("chancery")
}

/// The folder for the keyring, a sibling of the data directory.
fn beside(data_dir: &Path) -> PathBuf {
    let mut name = data_dir.file_name().unwrap_or("chancery".as_ref()).to_owned();
    name.push("-keyring");
    data_dir.with_file_name(name)
}

/// Settings as texts, from one source.
struct Layer {
    name: &'static str,
    values: Vec<(&'static str, String)>,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let value = |text: &String| match (text.parse::<i64>(), text.parse::<bool>()) {
            (Ok(number), _) => Value::from(number),
            (_, Ok(switch)) => Value::from(switch),
            _ => Value::from(text.clone()),
        };
        let values = self.values.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect();
        Ok(Map::from([(Profile::Default, values)]))
    }
}
