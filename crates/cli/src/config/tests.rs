//! Precedence, unknown names, secrets.

use super::*;
use std::io::Write;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn flags(flags: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

#[test]
fn the_later_source_wins() {
    let file = file("listen = \"127.0.0.1:1\"\nstore_threads = 7\nlog_format = \"json\"");
    let listen = |environment: &[(&str, &str)], given: &[(&'static str, &str)]| {
        Config::load(Some(file.path()), &Environment::of(environment), &flags(given)).unwrap().config.listen.port()
    };
    assert_eq!(Config::load(None, &Environment::of(&[]), &[]).unwrap().config.listen.port(), 8400);
    assert_eq!(listen(&[], &[]), 1);
    assert_eq!(listen(&[("CHANCERY_LISTEN", "127.0.0.1:2")], &[]), 2);
    assert_eq!(listen(&[("CHANCERY_LISTEN", "127.0.0.1:2")], &[("listen", "[::1]:3")]), 3);
    let named = Environment::of(&[("CHANCERY_CONFIG", file.path().to_str().unwrap()), ("CHANCERY_STORE_THREADS", "9")]);
    let loaded = Config::load(None, &named, &[]).unwrap();
    assert_eq!((loaded.config.listen.port(), loaded.config.store_threads, loaded.config.log_format), (1, 9, LogFormat::Json));
    let sources: Vec<_> = show(&loaded).into_iter().map(|entry| (entry.name, entry.value, entry.source)).collect();
    let source = |name: &str| sources.iter().find(|entry| entry.0 == name).unwrap().clone();
    assert_eq!(source("store_threads"), ("store_threads", "9".to_owned(), "CHANCERY_STORE_THREADS".to_owned()));
    assert!(source("listen").2.contains(file.path().file_name().unwrap().to_str().unwrap()), "{:?}", source("listen"));
    assert_eq!(source("certificate_limit").2, "default");
}

#[test]
fn what_is_unknown_or_wrong_is_named() {
    let message = |text: &str, environment: &[(&str, &str)]| {
        let file = file(text);
        Config::load(Some(file.path()), &Environment::of(environment), &[]).err().unwrap().to_string()
    };
    assert!(message("listn = \"127.0.0.1:1\"", &[]).contains("listn"));
    assert!(message("listen = \"everywhere\"", &[]).contains("listen"));
    assert!(message("", &[("CHANCERY_LISTN", "x")]).contains("CHANCERY_LISTN"));
    assert!(message("tls_cert = \"a.pem\"", &[]).contains("tls_key"));
    assert!(message("data_dir = \"/a\"\nkeyring_file = \"/a/keyring.db\"", &[]).contains("keyring_file"));
    assert!(message("public_url = \"https://pki.example.com\"", &[]).contains("public_url"));
    let ours = [("CHANCERY_URL", "x"), ("CHANCERY_TOKEN", "x"), ("CHANCERY_PORT_8400_TCP", "x"), ("OTHER", "x")];
    assert!(Config::load(None, &Environment::of(&ours), &[]).is_ok());
    assert!(matches!(Config::load(Some(Path::new("/nowhere.toml")), &Environment::of(&[]), &[]), Err(ConfigError::NoFile(_))));
}

#[test]
fn the_loss_of_what_was_acknowledged_is_accepted_by_word_alone() {
    let durability = |text: &str, environment: &[(&str, &str)], given: &[(&'static str, &str)]| {
        let file = file(text);
        Config::load(Some(file.path()), &Environment::of(environment), &flags(given)).map(|loaded| loaded.config.durability)
    };
    let name = "database_accept_unsafe_durability";
    assert_eq!(durability("", &[], &[]).unwrap(), Durability::Required);
    assert_eq!(durability(&format!("{name} = true"), &[], &[]).unwrap(), Durability::Waived);
    assert_eq!(durability("", &[("CHANCERY_DATABASE_ACCEPT_UNSAFE_DURABILITY", "true")], &[]).unwrap(), Durability::Waived);
    assert_eq!(durability(&format!("{name} = true"), &[], &[(name, "false")]).unwrap(), Durability::Required);
    assert!(durability(&format!("{name} = \"perhaps\""), &[], &[]).is_err());
}

#[test]
fn secrets_are_not_shown_and_have_no_flag() {
    let environment = Environment::of(&[
        ("CHANCERY_DATABASE_URL", "postgres://u:canary@localhost/d"),
        ("CHANCERY_KEYRING_URL", "postgres://u:canary@localhost/k"),
        ("CHANCERY_ROOT_KEY", "canary"),
    ]);
    let loaded = Config::load(None, &environment, &[]).unwrap();
    let shown = serde_json::to_string(&show(&loaded)).unwrap();
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(shown.matches("(secret)").count(), 3, "{shown}");
    let command = <ConfigFlags as clap::Args>::augment_args(clap::Command::new("x"));
    assert!(command.get_arguments().all(|flag| !flag.get_id().as_str().ends_with("_url") || flag.get_id() == "public_url"));
    assert!(command.get_arguments().any(|flag| flag.get_id() == "listen"));
}

#[test]
fn the_keyring_lies_beside_the_data_and_the_root_key_beside_the_keyring() {
    let loaded = Config::load(None, &Environment::of(&[]), &flags(&[("data_dir", "/srv/ca")])).unwrap().config;
    assert!(matches!(loaded.keyring, KeyringPlace::File(path) if path == Path::new("/srv/ca-keyring/keyring.db")));
    assert!(matches!(loaded.root_key, RootKeySource::File(path) if path == Path::new("/srv/ca-keyring/root.key")));
}

#[test]
fn the_reference_names_every_setting() {
    let page = configuration_reference();
    for setting in SETTINGS {
        assert!(page.contains(&format!("| `{}` | `{}` |", setting.name, setting.variable())), "{}", setting.name);
    }
}
