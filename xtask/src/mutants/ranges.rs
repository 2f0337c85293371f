//! What the computed parts of a name range over, read from the code that they come from: a new action, table, field, lint or
//! guard is a new mutant by itself.

use super::source::{Found, Site, Sources};
use crate::tree::Tree;
use anyhow::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Every mutant with the sites that its name switches off.
pub(super) fn mutants(tree: &Tree, sources: &Sources) -> Result<BTreeMap<String, Vec<Site>>> {
    let mut mutants: BTreeMap<String, Vec<Site>> = BTreeMap::new();
    for site in &sources.sites {
        let names = names(tree, sources, site)?;
        if names.is_empty() {
            bail!("{} {}: nothing is found that `{}` ranges over", site.file, site.function, pattern(site));
        }
        for name in names {
            mutants.entry(name).or_default().push(site.clone());
        }
    }
    Ok(mutants)
}

/// The name of a site with `*` for what is computed.
pub(super) fn pattern(site: &Site) -> String {
    site.parts.iter().map(|part| part.as_deref().unwrap_or("*")).collect::<Vec<_>>().join(".")
}

fn names(tree: &Tree, sources: &Sources, site: &Site) -> Result<BTreeSet<String>> {
    let pattern = pattern(site);
    let values: BTreeSet<String> = match pattern.as_str() {
        name if !name.contains('*') => return Ok(BTreeSet::from([pattern])),
        "permit.*" => texts(sources, |found| found.what == "actions"),
        "guard.*.*" => guards(sources),
        "rls.*" => tables(tree, "tenant")?,
        "where.*" => read_tables(&tables(tree, "tenant")?, sources),
        "aad.*.*" => fields(sources),
        "denial.*" => texts(sources, |found| found.what == "record_denial" && found.at == "1"),
        "scope.*" => texts(sources, |found| found.what == "admits" && found.at == "2"),
        "decision.*" => texts(sources, |found| found.file.ends_with("domain/src/decision.rs") && found.what == "refuse" && found.at == "0"),
        "import.*" => texts(sources, |found| found.file.ends_with("domain/src/import.rs") && found.what == "refuse" && found.at == "0"),
        "signature.*" => {
            texts(sources, |found| found.file.ends_with("domain/src/signing/decision.rs") && found.what == "refuse" && found.at == "0")
        }
        "signing-profile.*" => {
            texts(sources, |found| found.file.ends_with("domain/src/signing.rs") && found.what == "rule" && found.at == "1")
        }
        "lint.*" => texts(sources, |found| found.what == "Lint" && found.at == "code" && same_lints(site, found)),
        "profile.*" => texts(sources, |found| found.file.ends_with("domain/src/profile.rs") && found.what == "rule" && found.at == "1"),
        "database.*" => texts(sources, |found| found.what == "none" && found.at == "2"),
        _ => bail!("{} {}: say in xtask/src/mutants/ranges.rs what `{pattern}` ranges over", site.file, site.function),
    };
    let first = site.parts.first().and_then(Option::as_deref).unwrap_or_default();
    Ok(values.into_iter().map(|value| format!("{first}.{value}")).collect())
}

fn texts(sources: &Sources, wanted: impl Fn(&Found) -> bool) -> BTreeSet<String> {
    sources.found.iter().filter(|found| wanted(found)).map(|found| found.text.clone()).collect()
}

/// The lints of lists are their own; all others are of certificates.
fn same_lints(site: &Site, found: &Found) -> bool {
    site.file.ends_with("lint/crl.rs") == found.file.ends_with("lint/crl.rs")
}

/// Kind and table of every guard; the epoch and the counters have one statement each.
fn guards(sources: &Sources) -> BTreeSet<String> {
    let of = |found: &Found| Some(format!("{}.{}", found.what.strip_prefix("Guard::")?.to_lowercase(), found.text));
    let named = sources.found.iter().filter(|found| found.file.starts_with("crates/store/src")).filter_map(of);
    named.chain(["epoch.tenant".to_owned(), "limit.counter".to_owned()]).collect()
}

/// The tables of a kind, `tenant` or `platform`, from the migrations.
pub(super) fn tables(tree: &Tree, kind: &str) -> Result<BTreeSet<String>> {
    let mut tables = BTreeSet::new();
    for path in tree.files("sql")?.iter().filter(|path| path.starts_with(Path::new("crates/store/migrations/postgres"))) {
        if path.to_string_lossy().ends_with(&format!("_{kind}.sql")) {
            let text = tree.text(path)?;
            tables.extend(text.split("CREATE TABLE ").skip(1).filter_map(|rest| rest.split([' ', '(']).next().map(str::to_owned)));
        }
    }
    Ok(tables)
}

/// Those of them that a statement reads or changes by itself.
fn read_tables(tables: &BTreeSet<String>, sources: &Sources) -> BTreeSet<String> {
    let in_store = sources.literals.iter().map(|(file, text)| (file, text.as_str()));
    let in_macros = sources.found.iter().filter(|found| found.at == "macro").map(|found| (&found.file, found.text.as_str()));
    let texts = in_store.chain(in_macros).filter(|(file, _)| file.starts_with("crates/store/src")).map(|(_, text)| text);
    let named = texts.flat_map(|text| ["FROM ", "JOIN ", "UPDATE "].into_iter().flat_map(|word| text.split(word).skip(1)));
    named.filter_map(|rest| rest.split_whitespace().next()).filter(|name| tables.contains(*name)).map(str::to_owned).collect()
}

/// Use and field of everything that is bound to a ciphertext; a function names one use and binds its fields.
fn fields(sources: &Sources) -> BTreeSet<String> {
    let in_keys = |found: &&Found| found.file.starts_with("crates/keys/src") && found.at == "0";
    let mut fields = BTreeSet::new();
    for usage in sources.found.iter().filter(in_keys).filter(|found| found.what == "Aad::new") {
        let beside = |found: &&Found| (&found.file, &found.function) == (&usage.file, &usage.function);
        let bound = sources.found.iter().filter(in_keys).filter(beside);
        let bound = bound.filter(|found| ["bytes", "text", "number"].contains(&found.what.as_str()));
        fields.extend(bound.map(|found| format!("{}.{}", usage.text, found.text)));
        fields.insert(format!("{}.usage", usage.text));
    }
    fields
}
