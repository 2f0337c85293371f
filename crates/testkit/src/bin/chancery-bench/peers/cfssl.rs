//! cfssl serve over a SQLite certdb.

use super::pki;
use super::process::{Process, free_port};
use crate::client::{Connection, post};
use crate::csr::Fresh;
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::path::Path;

pub(super) struct Cfssl {
    pub(super) process: Process,
}

/// The table that its migrations make for the version in Debian.
const SCHEMA: &str = "CREATE TABLE certificates (serial_number BLOB NOT NULL, authority_key_identifier BLOB NOT NULL, ca_label BLOB,
  status BLOB NOT NULL, reason INT, expiry TIMESTAMP, revoked_at TIMESTAMP, pem BLOB NOT NULL,
  PRIMARY KEY (serial_number, authority_key_identifier))";

impl Cfssl {
    /// With SQLite's journal of this mode, which the file remembers.
    pub(super) async fn start(journal: &str) -> Result<Self> {
        let (directory, port) = (tempfile::tempdir()?, free_port()?);
        let at = |name: &str| directory.path().join(name);
        let authority = pki::root("Bench cfssl")?;
        std::fs::write(at("ca.pem"), authority.pem())?;
        std::fs::write(at("ca.key"), authority.key().serialize_pem())?;
        let signing = json!({"signing": {"default": {"usages": ["digital signature", "server auth"], "expiry": "2160h"}}});
        std::fs::write(at("config.json"), signing.to_string())?;
        let database = json!({"driver": "sqlite3", "data_source": at("certs.db")});
        std::fs::write(at("db.json"), database.to_string())?;
        rusqlite::Connection::open(at("certs.db"))?.execute_batch(&format!("PRAGMA journal_mode = {journal}; {SCHEMA}"))?;
        let text = port.to_string();
        let files = ["-ca", "ca.pem", "-ca-key", "ca.key", "-config", "config.json", "-db-config", "db.json"];
        let arguments = [&["serve", "-address", "127.0.0.1", "-port", &text][..], &files].concat();
        let process = Process::start(Path::new("cfssl"), &arguments, directory, port, None).await?;
        // On that port could be anybody.
        let request = post(&process.address, "/api/v1/cfssl/info", "", r#"{"label": ""}"#);
        let mut connection = Connection::open(&process.address, None).await?;
        let (_, body) = connection.send(&request).await?;
        let answer: Value = serde_json::from_slice(body)?;
        let own = answer.pointer("/result/certificate").and_then(Value::as_str).is_some_and(|pem| same(pem, &authority.pem()));
        ensure!(own, "another server than the cfssl of this benchmark answers at {}", process.address);
        Ok(Self { process })
    }

    pub(super) fn sign(&self, fresh: &Fresh) -> Result<Vec<u8>> {
        let body = json!({"certificate_request": fresh.request.pem()?, "hosts": [fresh.name]}).to_string();
        Ok(post(&self.process.address, "/api/v1/cfssl/sign", "", &body))
    }
}

/// Whether two PEM texts are the same but for their line ends.
fn same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}
