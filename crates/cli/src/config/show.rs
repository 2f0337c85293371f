//! The effective configuration with its sources, secrets left out.

use super::load::Loaded;
use super::settings::{Default, SETTINGS, Setting};
use super::{KeyringPlace, RootKeySource};
use figment::value::Value;

/// A setting as it holds.
#[derive(serde::Serialize)]
pub(crate) struct Effective {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) source: String,
}

pub(crate) fn show(loaded: &Loaded) -> Vec<Effective> {
    let mut all: Vec<_> = SETTINGS.iter().map(|setting| effective(loaded, setting)).collect();
    let (value, source) = match &loaded.config.root_key {
        RootKeySource::Value(_) => ("(secret)".to_owned(), "CHANCERY_ROOT_KEY"),
        RootKeySource::Credential(path) => (path.display().to_string(), "credential"),
        RootKeySource::File(path) => (path.display().to_string(), "file"),
    };
    all.push(Effective { name: "root key", value, source: source.to_owned() });
    all
}

fn effective(loaded: &Loaded, setting: &Setting) -> Effective {
    let given = loaded.figment.find_value(setting.name).ok();
    let metadata = given.as_ref().and_then(|value| loaded.figment.get_metadata(value.tag()));
    let source = match metadata {
        None => "default".to_owned(),
        Some(found) => match &found.source {
            Some(place) => place.to_string(),
            None if found.name == "environment" => setting.variable(),
            None if found.name == "flag" => format!("--{}", setting.flag()),
            None => found.name.to_string(),
        },
    };
    let value = match given {
        Some(_) if setting.is_secret() => "(secret)".to_owned(),
        Some(Value::String(_, text)) => text,
        Some(Value::Bool(_, switch)) => switch.to_string(),
        Some(value) => value.to_i128().map(|n| n.to_string()).unwrap_or_default(),
        None => computed(loaded, setting),
    };
    Effective { name: setting.name, value, source }
}

/// What was worked out where nothing was given.
fn computed(loaded: &Loaded, setting: &Setting) -> String {
    let config = &loaded.config;
    match (setting.name, &config.keyring, &config.root_key) {
        ("data_dir", ..) => config.data_dir.display().to_string(),
        ("public_url", ..) => format!("http://127.0.0.1:{}", config.listen.port()),
        ("keyring_file", KeyringPlace::File(path), _) => path.display().to_string(),
        ("root_key_file", _, RootKeySource::File(path)) => path.display().to_string(),
        ("keyring_file" | "root_key_file", ..) => "(not used)".to_owned(),
        _ => match setting.default {
            Default::Value(words) | Default::Words(words) | Default::Secret(words) => format!("({})", words.replace('`', "")),
        },
    }
}
