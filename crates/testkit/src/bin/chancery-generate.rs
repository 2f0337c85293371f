//! Writes the golden files into a directory: what the code says of itself.

use anyhow::{Context, Result};
use chancery_testkit::{Engine, TestServer, matrix, schema};
use serde_json::Value;
use std::path::PathBuf;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).context("usage: chancery-generate DIRECTORY")?);
    let text = chancery_http::document().to_pretty_json().context("the OpenAPI document has no JSON form")? + "\n";
    let document: Value = serde_json::from_str(&text)?;
    let undocumented = undocumented(&document).await;
    let operations = matrix::operations(&document, undocumented.iter().map(String::as_str));
    let schema = |name, title| serde_json::to_string_pretty(&schema::standalone(&document, name, title)).map(|text| text + "\n");
    let files = [
        ("evidence-bundle.schema.json", schema("Bundle", "Chancery evidence bundle, chancery-evidence/1")?),
        ("trust-file.schema.json", schema("TrustFile", "Chancery trust file, chancery-trust/1")?),
        ("policy-input.schema.json", policy_input()?),
        ("openapi.json", text),
        ("authorisation.md", matrix::authorisation(&operations)),
        ("matrices.md", matrix::matrices(&operations, &undocumented)),
        ("cli.md", chancery::cli_reference()),
        ("configuration.md", chancery::configuration_reference()),
    ];
    for (name, content) in files {
        std::fs::write(folder.join(name), content).with_context(|| format!("writing {name}"))?;
    }
    Ok(())
}

/// What a policy is asked about.
fn policy_input() -> Result<String> {
    #[derive(utoipa::OpenApi)]
    #[openapi(components(schemas(chancery_policy::Input)))]
    struct Document;
    let document = serde_json::to_value(<Document as utoipa::OpenApi>::openapi())?;
    let schema = schema::standalone(&document, "Input", "What a Chancery policy is asked about, version 1");
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

/// The addresses of a running server's router that the document does not have.
async fn undocumented(document: &Value) -> Vec<String> {
    let server = TestServer::bare(Engine::Sqlite).await;
    let found = server.node().addresses().into_iter().filter(|path| document["paths"].get(path).is_none()).collect();
    server.finish().await;
    found
}
