//! schemathesis, which makes requests of every kind from an OpenAPI document and holds the answers against it, as a judge from outside.

use std::net::SocketAddr;
use tempfile::TempDir;
use tokio::process::Command;

/// All of its checks but one: `positive_data_acceptance` takes every refusal by policy for a fault, and a schema cannot say
/// which names a tenant's issuer may certify.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,\
                      allow_header_conformance,use_after_free,ensure_resource_availability,ignored_auth";

/// A media type that it does not know: bytes.
const HOOKS: &str = "import schemathesis\nschemathesis.serializer.alias('application/timestamp-query', 'application/octet-stream')\n";

/// What is put to the server at this address.
pub struct Trial<'a> {
    /// Where the server listens; the document is read from it.
    pub server: SocketAddr,
    /// The bearer token of all requests.
    pub token: &'a str,
    /// The operations whose path matches this regular expression.
    pub paths: &'a str,
    /// Path parameters with a fixed value.
    pub fixed: &'a [(&'a str, &'a str)],
    /// Random requests for each operation, besides those that cover each constraint of the document; or if `stateful`, sequences.
    pub examples: u32,
    /// Whether to make sequences of well-formed requests, in which one takes what an answer before it named, instead of single
    /// requests of every kind. Who names what for whom it finds in the document.
    pub stateful: bool,
    /// Which requests.
    pub seed: u32,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Requests.
    pub requests: u32,
    /// Ways from an answer to a next request that were gone.
    pub links: u32,
}

/// Puts them to the server; a failed check fails the test and is shown.
pub async fn run(trial: &Trial<'_>) -> Tried {
    let directory = TempDir::new().expect("a temporary directory is made");
    let fixed: String = trial.fixed.iter().map(|(name, value)| format!("\"path.{name}\" = \"{value}\"\n")).collect();
    std::fs::write(directory.path().join("schemathesis.toml"), format!("[parameters]\n{fixed}")).expect("its settings are written");
    std::fs::write(directory.path().join("hooks.py"), HOOKS).expect("its hooks are written");
    // With some seeds it ends sequences after a quarter of those that were asked for; callers look at how much was tried.
    let (mode, phases) = if trial.stateful { ("positive", "stateful") } else { ("all", "examples,coverage,fuzzing") };
    let document = format!("http://{}/openapi.json", trial.server);
    let output = Command::new(crate::judges::folder().join("schemathesis"))
        .current_dir(directory.path())
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .args([
            "--no-color",
            "run",
            &document,
            "--checks",
            CHECKS,
            "--mode",
            mode,
            "--phases",
            phases,
            "--seed",
            &trial.seed.to_string(),
            "--no-shrink",
        ])
        .args(["--header", &format!("Authorization: Bearer {}", trial.token)])
        .args(["--include-path-regex", trial.paths, "--max-examples", &trial.examples.to_string()])
        // A value that fits several constraints is rarely found at random; those of the coverage phase fit by construction.
        .args(["--suppress-health-check", "filter_too_much"])
        .output()
        .await
        .unwrap_or_else(|error| panic!("schemathesis: {error}; run cargo xtask setup"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(output.status.success(), "schemathesis ended with {}: {text}", output.status);
    // Its lines are `715 generated, 700 passed` and `API Links:    15 covered / 116 selected / 116 total (116 inferred)`.
    let said = |before: &str, after: &str| {
        text.lines().find_map(|line| line.trim().strip_prefix(before)?.split_once(after)?.0.trim().parse().ok())
    };
    let requests = said("", " generated").unwrap_or_else(|| panic!("schemathesis did not say how many requests it made: {text}"));
    Tried { requests, links: said("API Links:", " covered").unwrap_or(0) }
}
