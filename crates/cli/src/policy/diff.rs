//! `chancery policy diff`: what two folders decide differently.

use super::fixtures;
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_policy::{Bundle, Compiled, EvaluationError, Verdict};
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize)]
struct Difference {
    old_sha256: String,
    new_sha256: String,
    files: Vec<Changed>,
    /// So many inputs were put to both.
    inputs: usize,
    decisions: Vec<Differs>,
}

#[derive(Serialize)]
struct Changed {
    path: String,
    change: &'static str,
}

/// An input of which they say different things.
#[derive(Serialize)]
struct Differs {
    fixture: String,
    old: Said,
    new: Said,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Verdict(Verdict),
    Error(String),
}

pub(super) fn diff((old, old_compiled): &(Bundle, Compiled), (new, new_compiled): &(Bundle, Compiled), form: Form) -> Result<(), Ended> {
    let (mut seen, mut decisions) = (BTreeSet::new(), Vec::new());
    for (place, fixture) in [("new", fixtures(new)?), ("old", fixtures(old)?)].into_iter().flat_map(placed) {
        let input = fixture.input.canonical();
        let (before, after) = (old_compiled.evaluate_canonical(&input), new_compiled.evaluate_canonical(&input));
        if seen.insert(input) && before != after {
            decisions.push(Differs { fixture: format!("{place}: {}", fixture.name), old: said(before), new: said(after) });
        }
    }
    let difference = Difference {
        old_sha256: hex::encode(old.digest()),
        new_sha256: hex::encode(new.digest()),
        files: changed(old, new),
        inputs: seen.len(),
        decisions,
    };
    output::result(form, &difference, shown);
    Ok(())
}

fn placed(
    (place, fixtures): (&'static str, Vec<chancery_policy::Fixture>),
) -> impl Iterator<Item = (&'static str, chancery_policy::Fixture)> {
    fixtures.into_iter().map(move |fixture| (place, fixture))
}

fn said(said: Result<Verdict, EvaluationError>) -> Said {
    match said {
        Ok(verdict) => Said::Verdict(verdict),
        Err(error) => Said::Error(error.to_string()),
    }
}

fn changed(old: &Bundle, new: &Bundle) -> Vec<Changed> {
    let paths: BTreeSet<&String> = old.files().keys().chain(new.files().keys()).collect();
    let change = |path: &String| match (old.files().get(path), new.files().get(path)) {
        (None, _) => Some("added"),
        (_, None) => Some("removed"),
        (before, after) if before != after => Some("changed"),
        _ => None,
    };
    paths.into_iter().filter_map(|path| change(path).map(|change| Changed { path: path.clone(), change })).collect()
}

fn shown(difference: &Difference) -> String {
    let files = difference.files.iter().map(|file| vec![file.path.clone(), file.change.to_owned()]).collect();
    let mut text = output::table(&["file", "change"], files, "the same files\n");
    for decision in &difference.decisions {
        text += &format!("\n{}\n  old  {}\n  new  {}\n", decision.fixture, words(&decision.old), words(&decision.new));
    }
    text + &format!("\n{} of {} inputs are decided differently\n", difference.decisions.len(), difference.inputs)
}

fn words(said: &Said) -> String {
    match said {
        Said::Verdict(verdict) => String::from_utf8_lossy(&verdict.canonical()).into_owned(),
        Said::Error(error) => error.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURE: &str = include_str!("../../../../docs/policies/freeze-windows/fixtures/tuesday.json");

    fn policy(rules: &str, fixtures: &[(&str, &str)]) -> (Bundle, Compiled) {
        let mut files = vec![("policy.rego".to_owned(), format!("package chancery\n{rules}").into_bytes())];
        files.extend(fixtures.iter().map(|(name, text)| (format!("fixtures/{name}.json"), text.as_bytes().to_vec())));
        let bundle = Bundle::new(files).unwrap();
        let compiled = Compiled::new(&bundle).unwrap();
        (bundle, compiled)
    }

    #[test]
    fn files_that_changed_are_named() {
        let (old, _) = policy("warn contains \"a\"", &[("one", FIXTURE), ("two", FIXTURE)]);
        let (new, _) = policy("warn contains \"b\"", &[("one", FIXTURE), ("three", FIXTURE)]);
        let changes: Vec<_> = changed(&old, &new).into_iter().map(|file| (file.path, file.change)).collect();
        let expected = [("fixtures/three.json", "added"), ("fixtures/two.json", "removed"), ("policy.rego", "changed")];
        assert_eq!(changes, expected.map(|(path, change)| (path.to_owned(), change)));
        assert!(changed(&old, &old).is_empty());
    }
}
