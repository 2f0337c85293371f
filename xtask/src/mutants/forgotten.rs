//! What must not be written without asking: constructs that enforce, in functions that ask nowhere.

use super::source::{Construct, Sources};
use anyhow::{Result, bail};

/// Where such a construct stands, and what it is.
struct Rule {
    under: &'static str,
    what: &'static [&'static str],
}

const RULES: &[Rule] = &[
    // A guarded step, a permit, a receipt's event, a key's record.
    Rule { under: "crates/store/src", what: &["Expect::OneChanged", "Expect::OneFound"] },
    Rule { under: "crates/app/src", what: &["Permit", "insert_event", "insert_idempotency", "insert_revocation"] },
    // What refuses a caller for what it is, not for what it wrote.
    Rule {
        under: "crates/app/src",
        what: &["Failure::Unauthenticated", "Failure::Suspended", "Failure::Forbidden", "Failure::Escalation", "Failure::KeyReused"],
    },
    // What refuses for the state of something, or because there is too much of it.
    Rule {
        under: "crates/app/src",
        what: &["Failure::Conflict", "Failure::Gone", "Failure::Changed", "Failure::LimitReached", "Failure::Crowded"],
    },
    Rule { under: "crates/http/src", what: &["Failure::Suspended", "Failure::Forbidden", "record_foreign"] },
    // Rules of policy and of documents.
    Rule { under: "crates/domain/src", what: &["Reason", "BadProfile", "IllegalMove"] },
    Rule { under: "crates/x509/src", what: &["Finding", "SignError::WrongKey", "SignError::BadSignature", "CsrError::Signature"] },
    Rule { under: "crates/x509/src", what: &["BadKey::Compromised", "BadKey::SmallFactor", "BadKey::Roca", "BadKey::CloseFactors"] },
    // Chains: what is refused there is an `Err`, whatever it says; what cannot be read goes another way.
    Rule { under: "crates/x509/src/chain.rs", what: &["Err", "ChainError"] },
    Rule { under: "crates/x509/src/supplied.rs", what: &["Err", "ChainError"] },
    Rule {
        under: "crates/x509/src",
        what: &["SuppliedError::Count", "SuppliedError::Label", "SuppliedError::Length", "SuppliedError::Chain"],
    },
    Rule { under: "crates/x509/src", what: &["IssuerError::NotAnAuthority", "IssuerError::Weak"] },
    Rule { under: "crates/keys/src", what: &["ProviderError::WrongRootKey", "ProviderError::Destroyed", "RootKeyError::Mode"] },
    // Limits of what a request may cost.
    Rule { under: "crates/http/src", what: &["DefaultBodyLimit::max", "time::timeout"] },
];

/// Functions that hold such a construct and need not ask, with the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("crates/app/src/issue.rs", "certify", "the issuer's key was not unlocked: there is nothing that could be let through"),
    ("crates/app/src/dry_run.rs", "dry_run", "the same, and nothing is signed"),
    (
        "crates/app/src/external.rs",
        "pending",
        "what refuses is the move from one state to another, which is switched off where it is decided",
    ),
    ("crates/app/src/failure.rs", "from", "the ceiling of a counter is guarded where it is counted, in the store"),
    ("crates/x509/src/chain.rs", "fault", "it says where in a chain what was refused stands"),
    ("crates/x509/src/supplied.rs", "fault", "the same"),
    ("crates/x509/src/lint.rs", "unreadable", "what cannot be read back cannot be linted either"),
];

/// Fails on every construct whose function asks nowhere, and on every exception that is none any more.
pub(super) fn check(sources: &Sources) -> Result<()> {
    let silent: Vec<&Construct> = sources.constructs.iter().filter(|construct| !construct.function_asks && matters(construct)).collect();
    let excused =
        |construct: &Construct| EXCEPTIONS.iter().any(|(file, function, _)| construct.file == *file && construct.function == *function);
    let mut wrong: Vec<_> = silent
        .iter()
        .filter(|construct| !excused(construct))
        .map(|found| format!("{}:{}: `{}` holds {} and asks `enforced!` nowhere", found.file, found.line, found.function, found.what))
        .collect();
    wrong.dedup();
    for (file, function, _) in EXCEPTIONS {
        if !silent.iter().any(|construct| construct.file == *file && construct.function == *function) {
            wrong.push(format!("{file}: `{function}` is excused in xtask/src/mutants/forgotten.rs for nothing"));
        }
    }
    wrong.iter().for_each(|line| println!("{line}"));
    if wrong.is_empty() { Ok(()) } else { bail!("{} acts cannot be switched off: no mutant shows that a test notices them", wrong.len()) }
}

fn matters(construct: &Construct) -> bool {
    RULES.iter().any(|rule| construct.file.starts_with(rule.under) && rule.what.contains(&construct.what.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn silent(path: &str, text: &str) -> usize {
        let mut sources = Sources::default();
        sources.add(Path::new(path), text).unwrap();
        sources.constructs.iter().filter(|construct| !construct.function_asks && matters(construct)).count()
    }

    #[test]
    fn an_act_that_asks_nowhere_is_found() {
        for (path, act) in [
            ("crates/store/src/a.rs", "Expect::OneChanged(guard)"),
            ("crates/app/src/a.rs", "Err(Failure::Suspended)"),
            ("crates/app/src/a.rs", "Permit { caller, act }"),
            ("crates/app/src/a.rs", "changes.insert_event(&row)"),
            ("crates/app/src/a.rs", "return Err(Failure::Conflict(text))"),
            ("crates/x509/src/chain.rs", "Err(text)"),
            ("crates/x509/src/supplied.rs", "Err(fault(1, text))"),
            ("crates/keys/src/a.rs", "Err(ProviderError::Destroyed(tenant))"),
            ("crates/http/src/a.rs", "routes.layer(DefaultBodyLimit::max(BODY))"),
            ("crates/x509/src/a.rs", "vec![Finding { code, source, message }]"),
            ("crates/x509/src/a.rs", "verify().map_err(|_| SignError::BadSignature)"),
        ] {
            assert_eq!(silent(path, &format!("fn f() {{ {act}; }}")), 1, "{act}");
            assert_eq!(silent(path, &format!("fn f() {{ if enforced!(\"a\") {{ {act}; }} }}")), 0, "{act}");
            assert_eq!(silent(path, &format!("fn f() {{ {act}; }} fn g() {{ enforced!(\"a\"); }}")), 1, "{act} elsewhere");
            assert_eq!(silent(path, &format!("#[cfg(test)] mod tests {{ fn f() {{ {act}; }} }}")), 0, "{act} in a test");
            assert_eq!(silent("crates/cli/src/a.rs", &format!("fn f() {{ {act}; }}")), 0, "{act} of another room");
        }
    }
}
