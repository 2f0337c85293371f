//! Everything that is printed passes here: results on standard output, the rest on standard error.
#![expect(clippy::print_stderr, reason = "this is the command line's one way to its user")]

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use std::io::Write;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Tables and sentences.
    People,
    /// One JSON document.
    Programs,
}

/// Prints a result: the document for programs, the text for people.
pub(crate) fn result<T: Serialize>(form: Form, document: &T, text: impl FnOnce(&T) -> String) {
    match form {
        Form::People => line(text(document).trim_end()),
        Form::Programs => line(&serde_json::to_string_pretty(document).unwrap_or_default()),
    }
}

/// A line on standard output.
pub(crate) fn line(text: &str) {
    // Whoever reads may stop reading, as `head` does: no reason to fail.
    let _ = bytes(format!("{text}\n").as_bytes());
}

/// Bytes on standard output, as they are.
pub(crate) fn bytes(content: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(content)?;
    out.flush()
}

/// A line on standard error, for people.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// A table; without rows only the words for that.
pub(crate) fn table(head: &[&str], rows: Vec<Vec<String>>, empty: &str) -> String {
    if rows.is_empty() {
        return empty.to_owned();
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.iter().map(|title| title.to_uppercase()));
    table.add_rows(rows);
    // The preset begins every line with a blank.
    table.lines().map(|line| line.trim().to_owned() + "\n").collect()
}

/// Fields of one thing, a line each; those without a value are left out.
pub(crate) fn fields(fields: &[(&str, &str)]) -> String {
    let shown = || fields.iter().filter(|(_, value)| !value.is_empty());
    let width = shown().map(|(name, _)| name.len()).max().unwrap_or(0);
    shown().map(|(name, value)| format!("{name:width$}  {value}\n")).collect()
}
