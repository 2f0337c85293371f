//! Writes the golden files into a directory: what the code says of itself.

use anyhow::{Context, Result};
use std::path::PathBuf;

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).context("usage: chancery-generate DIRECTORY")?);
    let document = chancery_http::document().to_pretty_json().context("the OpenAPI document has no JSON form")?;
    std::fs::write(folder.join("openapi.json"), document + "\n").context("writing openapi.json")?;
    Ok(())
}
