//! That no table is forgotten: the schema says which there are, and each stands in a rule or has a reason why in none.

use crate::check::select;
use crate::rules;
use chancery_domain::TenantId;
use chancery_store::postgres::PLATFORM_TABLES;
use chancery_store::sqlite::simulation::SimulatedFiles;
use std::sync::OnceLock;

/// Tables without a rule, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("cosigned", "witnesses are outside, and a simulation has none"),
    ("role", "the simulation makes no roles of a tenant's own"),
    ("role_binding", "the simulation binds no accounts to roles"),
    ("duty_conflict", "the simulation declares no duties to be kept apart"),
    ("archive", "simulated worlds have none: what is put there is outside of the store"),
    ("hold", "simulated worlds place none: the races of holds are tests of the API"),
    ("lane", "it is held against the jobs of every tenant, in lanes.rs"),
    ("setting", "the platform's own names and values, which nothing refers to; a simulation restores nothing"),
];

/// The tables of each realm, and the rule that has all of them: no row of another tenant.
static REALM: OnceLock<(Vec<String>, String)> = OnceLock::new();

/// Looks which tables a realm's file has; the rule over all of them, or nothing where there is no file yet.
pub(crate) fn known(files: &SimulatedFiles, realm: TenantId) -> Result<Option<&'static str>, String> {
    let schema = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name";
    let all: Vec<String> = select(files, realm, schema)?.into_iter().flatten().collect();
    if all.is_empty() {
        return Ok(None);
    }
    for table in &all {
        let reason = WITHOUT.iter().any(|(without, _)| without == table);
        if stands_in(table, rules::REALM) || stands_in(table, rules::PLATFORM) {
            continue;
        }
        if !reason {
            return Err(format!("the table {table} is new: give it a rule in rules.rs, or a reason in tables.rs"));
        }
    }
    let own: Vec<String> = all.into_iter().filter(|table| !PLATFORM_TABLES.contains(&table.as_str())).collect();
    let (tables, rule) = REALM.get_or_init(|| (own.clone(), foreign(&own)));
    if *tables == own { Ok(Some(rule)) } else { Err(format!("a realm has the tables {own:?} and another one {tables:?}")) }
}

/// No row of another tenant.
fn foreign(tables: &[String]) -> String {
    let of =
        |table: &String| format!("SELECT 'a row of another tenant in {table}', hex(t.tenant_id) FROM {table} AS t WHERE t.tenant_id <> ?1");
    tables.iter().map(of).collect::<Vec<_>>().join(" UNION ALL ")
}

fn stands_in(table: &str, rules: &str) -> bool {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    rules
        .split(|letter| !word(letter))
        .zip(rules.split(|letter| !word(letter)).skip(1))
        .any(|(before, name)| matches!(before, "FROM" | "JOIN") && name == table)
}
