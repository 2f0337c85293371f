//! Database URLs: secret, and parsed once.

use crate::StoreError;
use chancery_domain::enforced;
use std::fmt;
use std::net::IpAddr;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use zeroize::Zeroizing;

/// A database's URL, which may hold a password: it never prints (I9).
#[derive(Clone)]
pub struct DatabaseUrl(Zeroizing<String>);

impl DatabaseUrl {
    /// Takes the URL, for example `postgres://chancery_app:secret@db.example.com/chancery?sslmode=require`.
    pub fn new(url: String) -> Self {
        Self(Zeroizing::new(url))
    }

    /// Parses it. TLS is a must on the way to another machine.
    pub(super) fn parse(&self) -> Result<Config, StoreError> {
        // The parser's own error may quote the password.
        let mut config: Config = self.0.parse().map_err(|_| {
            StoreError::Schema("the database URL cannot be read: give postgres://user:password@host/database?sslmode=require".to_owned())
        })?;
        if config.get_user().is_none() {
            return Err(StoreError::Schema("the database URL names no user".to_owned()));
        }
        if config.get_hosts().iter().all(is_local) && config.get_hostaddrs().iter().all(IpAddr::is_loopback) {
            if config.get_ssl_mode() == SslMode::Prefer {
                config.ssl_mode(SslMode::Disable);
            }
        } else if config.get_ssl_mode() != SslMode::Require {
            return Err(StoreError::Schema("the database is on another machine: add sslmode=require to its URL".to_owned()));
        }
        Ok(config)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if enforced!("redaction.database-url") { "DatabaseUrl(..)" } else { &self.0 })
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_url_is_printed() {
        let url = DatabaseUrl::new("postgres://u:canary@localhost:canary/d".to_owned());
        assert!(!format!("{url:?}").contains("canary"));
        assert!(!format!("{:?}", url.parse().unwrap_err()).contains("canary"));
    }

    #[test]
    fn another_machine_needs_tls() {
        let parse = |url: &str| DatabaseUrl::new(url.to_owned()).parse();
        assert!(parse("postgres://u@db.example.com/d").is_err());
        assert!(parse("postgres://u@db.example.com/d?sslmode=disable").is_err());
        assert!(parse("postgres://u@localhost,10.0.0.1/d").is_err());
        assert!(parse("postgres://u@localhost/d?hostaddr=10.0.0.1").is_err());
        assert!(parse("postgres://u@db.example.com/d?sslmode=require").is_ok());
        assert!(parse("postgres://u@127.0.0.1/d").is_ok());
        assert!(parse("postgres://u@%2Frun%2Fpostgresql/d").is_ok());
        assert!(parse("postgres://localhost/d").is_err());
    }
}
