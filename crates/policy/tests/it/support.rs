//! Bundles and an input to ask them about.

use chancery_policy::{Bundle, Compiled, Input, Refused};

/// A bundle of one file with these rules.
pub(crate) fn bundle(rules: &str) -> Bundle {
    Bundle::new([("policy.rego".to_owned(), format!("package chancery\nimport rego.v1\n{rules}\n").into_bytes())]).unwrap()
}

pub(crate) fn compile(rules: &str) -> Result<Compiled, Refused> {
    Compiled::new(&bundle(rules))
}

/// Why these rules are not taken.
pub(crate) fn refused(rules: &str) -> String {
    match compile(rules) {
        Ok(_) => panic!("taken: {rules}"),
        Err(refused) => refused.to_string(),
    }
}

/// The issue of a certificate for a wildcard, on a Saturday night.
pub(crate) fn input() -> Input {
    Input::parse(INPUT.as_bytes()).unwrap()
}

pub(crate) const INPUT: &str = r#"{
  "schema": 1,
  "action": "certificate.issue",
  "time": "2026-11-21T22:05:09Z",
  "clock": {"unix_seconds": 1795298709, "date": "2026-11-21", "weekday": "saturday", "hour": 22, "minute": 5},
  "tenant": {"id": "01890a5d-ac96-774b-bcce-b302099a8057"},
  "principal": {"kind": "account", "id": "01890a5d-ac96-774b-bcce-b302099a8058", "roles": ["issuer"]},
  "profile": {"name": "web", "version": 3},
  "certificate": {
    "source": "csr",
    "names": [{"kind": "dns", "value": "*.shop.acme.com", "wildcard": true, "public": true}],
    "wildcard": true,
    "public": true,
    "key": {"algorithm": "ec-p256", "family": "ec", "bits": 256},
    "custody": "client",
    "validity_seconds": 7776000,
    "extended_key_usage": ["server-auth"],
    "issuer": "01890a5d-ac96-774b-bcce-b302099a8059"
  },
  "inventory": {"certificates": 7, "key": "new"}
}"#;
