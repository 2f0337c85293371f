//! Planted violations, and look-alikes that are none.

use super::*;

fn found(path: &str, text: &str) -> Vec<String> {
    File::product(Path::new(path)).map(|file| file.violations(text)).unwrap_or_default()
}

#[test]
fn sql_outside_the_store_is_found_with_its_line() {
    for sql in [
        "SELECT 1",
        "select id from certificate",
        "INSERT INTO certificate VALUES (?1)",
        "UPDATE quota SET used = used + 1",
        "DELETE FROM token",
        "WITH due AS (SELECT 1) SELECT * FROM due",
        "\n        SELECT id\n        FROM certificate",
    ] {
        let text = format!("//! A use case.\nconst Q: &str = \"{sql}\";\n");
        assert_eq!(found("crates/app/src/issue.rs", &text).len(), 1, "{sql}");
        assert!(found("crates/app/src/issue.rs", &text)[0].starts_with("crates/app/src/issue.rs:2: holds SQL"), "{sql}");
        assert_eq!(found("crates/app/src/issue.rs", &format!("f(r#\"{sql}\"#);")).len(), 1, "raw: {sql}");
        assert!(found("crates/store/src/issue.rs", &text).is_empty(), "{sql}");
        assert!(found("crates/app/tests/issue.rs", &text).is_empty(), "{sql}");
    }
}

#[test]
fn sql_after_tricky_literals_is_still_found() {
    for before in
        [r#"let q = '"';"#, r#"let q = '\'';"#, r#"let q = "\"";"#, r#"let q = "\\";"#, "fn f<'a>(x: &'a str) {}", r##"g(r#"a"b"#);"##]
    {
        let text = format!("{before}\nlet s = \"DELETE FROM token\";");
        assert_eq!(found("crates/http/src/a.rs", &text).len(), 1, "{before}");
    }
}

#[test]
fn prose_and_comments_are_no_sql() {
    for text in ["f(\"select a profile, then set its names\");", "// SELECT 1 would do\n/* INSERT INTO x */", "f(\"update the profile\");"]
    {
        assert!(found("crates/http/src/a.rs", text).is_empty(), "{text}");
    }
}

#[test]
fn a_backend_named_outside_its_rooms_is_found() {
    for name in BACKEND_NAMES {
        let text = format!("use {name}::Thing;\n");
        assert_eq!(found("crates/app/src/a.rs", &text).len(), 1, "{name}");
        assert_eq!(found("crates/keys/src/a.rs", &text).len(), 1, "{name}");
        assert!(found("crates/cli/src/a.rs", &text).is_empty(), "{name}");
        assert!(found("crates/app/src/a.rs", &format!("// {name} is not named here")).is_empty(), "{name}");
    }
}

#[test]
fn only_the_module_of_unit_tests_is_exempt() {
    let sql = "const Q: &str = \"DELETE FROM token\";\n";
    assert!(found("crates/app/src/a.rs", &format!("#[cfg(test)]\nmod tests {{\n{sql}}}\n")).is_empty());
    assert_eq!(found("crates/app/src/a.rs", &format!("#[cfg(test)]\nmod tests;\n{sql}")).len(), 1);
    assert_eq!(found("crates/app/src/a.rs", &format!("{sql}#[cfg(test)]\nmod tests {{}}\n")).len(), 1);
}
