//! The reference page docs/configuration.md, from the table of settings.

use super::load::OTHER_VARIABLES;
use super::settings::{Default, SETTINGS};
use std::fmt::Write;

/// The reference page, Markdown.
pub fn configuration_reference() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Generated from the table in `crates/cli/src/config/settings.rs` by `cargo xtask generate`.\n\n\
         Sources, the later wins: defaults, a TOML file (`--config FILE` or `CHANCERY_CONFIG`), the environment, flags of\n\
         `chancery serve`, `init` and `config`. An unknown key or variable is an error that names it. `chancery config` shows\n\
         what holds and where it comes from. Settings marked *secret* have no flag, because others can see a process's flags.\n\n\
         | key | variable | flag | what | default |\n| --- | --- | --- | --- | --- |\n",
    );
    for setting in SETTINGS {
        let (flag, help) = if setting.is_secret() {
            ("none".to_owned(), format!("{} *Secret.*", setting.help))
        } else {
            (format!("`--{}`", setting.flag()), setting.help.to_owned())
        };
        let default = match setting.default {
            Default::Value(value) => format!("`{value}`"),
            Default::Words(words) | Default::Secret(words) => words.to_owned(),
        };
        let _ = writeln!(page, "| `{}` | `{}` | {flag} | {help} | {default} |", setting.name, setting.variable());
    }
    page.push_str("\n## Other variables\n\n| variable | what |\n| --- | --- |\n");
    for (name, what) in OTHER_VARIABLES {
        let _ = writeln!(page, "| `{name}` | {what} |");
    }
    page.push_str(
        "\nUnder systemd the root key can be a credential: `LoadCredentialEncrypted=chancery-root-key:…` puts it where\n\
         `$CREDENTIALS_DIRECTORY/chancery-root-key` is looked for, after `CHANCERY_ROOT_KEY` and before `root_key_file`.\n\n\
         A listener serves 4096 connections at a time, or what the limit of open files (`ulimit -n`, which is raised as far as the\n\
         system lets it) allows beside what the store needs (896 with SQLite); more wait. A connection that does not say what it\n\
         wants within 10 seconds is closed. Without TLS a listener speaks HTTP/1.1, with TLS HTTP/2 too.\n\n\
         ## Example\n\n```toml\nlisten = \"0.0.0.0:8443\"\npublic_listen = \"0.0.0.0:80\"\npublic_url = \"http://pki.example.com\"\n\
         tls_cert = \"/etc/chancery/tls.pem\"\ntls_key = \"/etc/chancery/tls.key\"\nlog_format = \"json\"\n```\n",
    );
    page
}
