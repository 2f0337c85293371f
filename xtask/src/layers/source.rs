//! What the text of a source file may name: backends and SQL have rooms of their own.

use std::path::Path;

const BACKEND_NAMES: &[&str] = &["rusqlite", "tokio_postgres", "deadpool_postgres", "chancery_store::sqlite", "chancery_store::postgres"];

/// A source file of the product, by the room it stands in.
pub(super) struct File<'a> {
    path: &'a Path,
    may_name_backends: bool,
    may_hold_sql: bool,
}

impl<'a> File<'a> {
    /// The file, if it is product code: under `crates/<room>/src` and not a file of tests.
    pub(super) fn product(path: &'a Path) -> Option<Self> {
        let mut parts = path.iter().filter_map(|part| part.to_str());
        let ("crates", room, "src") = (parts.next()?, parts.next()?, parts.next()?) else { return None };
        if parts.any(|part| part == "tests" || part == "tests.rs") {
            return None;
        }
        let may_name_backends = ["store", "cli", "testkit"].contains(&room);
        let may_hold_sql = ["store", "testkit"].contains(&room);
        Some(Self { path, may_name_backends, may_hold_sql })
    }

    /// What it names and must not, in words, with lines.
    pub(super) fn violations(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        let tokens = tokens(before_tests(text));
        for token in &tokens {
            let place = format!("{}:{}", self.path.display(), token.line);
            match token.kind {
                Kind::Code if !self.may_name_backends => {
                    for name in BACKEND_NAMES.iter().filter(|name| token.text.contains(*name)) {
                        found.push(format!("{place}: names {name}; only store, cli and testkit know a concrete backend"));
                    }
                }
                Kind::Text if !self.may_hold_sql && is_sql(&token.text) => {
                    found.push(format!("{place}: holds SQL; it lives in crates/store and nowhere else"));
                }
                Kind::Code | Kind::Text => {}
            }
        }
        found
    }
}

/// The file without its module of unit tests, which stands last.
fn before_tests(text: &str) -> &str {
    let mut offset = 0;
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.trim_start().starts_with("mod ") && next.contains('{')) {
            return text.get(..offset).unwrap_or(text);
        }
        offset += line.len();
    }
    text
}

fn is_sql(text: &str) -> bool {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let upper = words.to_ascii_uppercase();
    let statement = |start: &str, then: &str| upper.starts_with(start) && upper.contains(then);
    words.starts_with("SELECT ")
        || statement("SELECT ", " FROM ")
        || statement("UPDATE ", " SET ")
        || statement("WITH ", " SELECT ")
        || ["INSERT INTO ", "DELETE FROM ", "CREATE TABLE ", "ALTER TABLE "].iter().any(|start| upper.contains(start))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// A line of code without comments and literals.
    Code,
    /// The inside of a string literal.
    Text,
}

struct Token {
    kind: Kind,
    line: usize,
    text: String,
}

/// Splits Rust source into code and string literals, dropping comments. Enough of the grammar for what is looked for.
fn tokens(source: &str) -> Vec<Token> {
    let mut reader = Reader { rest: source, line: 1, code: String::new(), tokens: Vec::new() };
    while reader.step() {}
    reader.end_code();
    reader.tokens
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    code: String,
    tokens: Vec<Token>,
}

impl Reader<'_> {
    fn step(&mut self) -> bool {
        let Some(next) = self.rest.chars().next() else { return false };
        if self.rest.starts_with("//") {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.skip(self.rest.find("*/").map_or(self.rest.len(), |end| end + 2));
        } else if let Some((open, close)) = raw_string(self.rest).filter(|_| !self.in_word()) {
            self.literal(open, &close, false);
        } else if next == '"' {
            self.literal(1, "\"", true);
        } else if let Some(length) = character(self.rest) {
            self.skip(length);
        } else {
            if next == '\n' {
                self.end_code();
            } else {
                self.code.push(next);
            }
            self.skip(next.len_utf8());
        }
        true
    }

    /// Whether the last character read belongs to a word, so that an `r` here ends a name and opens no raw string.
    fn in_word(&self) -> bool {
        self.code.chars().last().is_some_and(|last| last.is_alphanumeric() && last != 'b' && last != 'c')
    }

    fn literal(&mut self, open: usize, close: &str, escapes: bool) {
        let line = self.line;
        let body = self.rest.get(open..).unwrap_or_default();
        let length = if escapes { end_of_escaped(body) } else { body.find(close) }.unwrap_or(body.len());
        self.tokens.push(Token { kind: Kind::Text, line, text: body.get(..length).unwrap_or_default().to_owned() });
        self.skip((open + length + close.len()).min(self.rest.len()));
    }

    fn end_code(&mut self) {
        let text = std::mem::take(&mut self.code);
        if !text.trim().is_empty() {
            self.tokens.push(Token { kind: Kind::Code, line: self.line, text });
        }
    }

    fn skip(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }
}

/// The length of a raw string's opening and the text that closes it.
fn raw_string(rest: &str) -> Option<(usize, String)> {
    let hashes = rest.strip_prefix('r')?;
    let count = hashes.len() - hashes.trim_start_matches('#').len();
    hashes.get(count..)?.starts_with('"').then(|| (count + 2, format!("\"{}", "#".repeat(count))))
}

fn end_of_escaped(body: &str) -> Option<usize> {
    let mut escaped = false;
    body.char_indices().find_map(|(at, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}

/// The length of a character literal; none for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    if inside.starts_with('\\') {
        return inside.get(2..)?.find('\'').map(|end| end + 4);
    }
    let first = inside.chars().next()?;
    inside.get(first.len_utf8()..)?.starts_with('\'').then_some(first.len_utf8() + 2)
}

#[cfg(test)]
mod tests;
