//! What must not be written without asking: constructs that enforce, in statements that do not ask, nor the one before.

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

/// Constructs that need not ask where they stand: file, function, construct, and the reason. Each stands for one place.
const EXCEPTIONS: &[(&str, &str, &str, &str)] = &[
    (
        "crates/app/src/issue.rs",
        "issuance",
        "Failure::Suspended",
        "the issuer's key was not unlocked: there is nothing that could be let through",
    ),
    ("crates/app/src/issue.rs", "make", "Failure::Suspended", "the same once more, for the key itself"),
    ("crates/app/src/make_signer.rs", "again", "Failure::Conflict", "without a profile there is nothing to decide by"),
    ("crates/app/src/dry_run.rs", "dry_run", "Failure::Suspended", "the same, and nothing is signed"),
    ("crates/app/src/roll.rs", "make_below", "Failure::Suspended", "the same for the root's key"),
    ("crates/app/src/issue.rs", "find_issuer", "Failure::Conflict", "nobody is left who could issue"),
    ("crates/app/src/renew.rs", "try_renew", "Failure::Conflict", "without a profile there is nothing to decide by"),
    ("crates/app/src/private_key.rs", "try_fetch", "Failure::Gone", "the key was erased: there is nothing to give"),
    (
        "crates/app/src/external.rs",
        "pending",
        "Failure::Conflict",
        "the move from state to state is refused, and asks, where it is decided",
    ),
    ("crates/app/src/retire.rs", "try_retire", "Failure::Conflict", "the same"),
    ("crates/app/src/revoke.rs", "way", "Failure::Conflict", "the same for a certificate's"),
    ("crates/app/src/rotate.rs", "try_rotate_token", "Failure::Conflict", "`unfit` asks for each of its reasons"),
    ("crates/app/src/failure.rs", "from", "Failure::LimitReached", "the ceiling of a counter is guarded where it is counted, in the store"),
    ("crates/app/src/authorise.rs", "permit_own", "Permit", "`permit_within` asks, and one's own is the same for every scope"),
    ("crates/app/src/duties.rs", "duties_stay_apart", "Failure::Conflict", "it stands at the end of what asked and found somebody"),
    ("crates/x509/src/lint.rs", "key_is_the_approved_kind", "Finding", "the same"),
    ("crates/x509/src/lint.rs", "unreadable", "Finding", "what cannot be read back cannot be linted either"),
    (
        "crates/x509/src/issuer.rs",
        "from_der",
        "IssuerError::NotAnAuthority",
        "without an identifier there is none to write into what it signs",
    ),
    ("crates/x509/src/chain.rs", "fault", "ChainError", "it says where in a chain what was refused stands"),
    ("crates/x509/src/supplied.rs", "fault", "ChainError", "the same"),
    ("crates/x509/src/supplied.rs", "fault", "SuppliedError::Chain", "the same"),
    ("crates/x509/src/supplied.rs", "supplied_chain", "SuppliedError::Count", "of fewer than two certificates none is the root"),
    ("crates/x509/src/supplied.rs", "supplied_chain", "SuppliedError::Count", "the same once more, for the compiler"),
    ("crates/x509/src/supplied.rs", "supplied_chain", "Err", "the first of these two"),
    ("crates/x509/src/supplied.rs", "supplied_chain", "Err", "the second"),
];

/// Fails on every construct that asks nowhere near it, and on every exception that is none any more.
pub(super) fn check(sources: &Sources) -> Result<()> {
    let mut excused: Vec<_> = EXCEPTIONS.iter().collect();
    let mut wrong = Vec::new();
    for found in sources.constructs.iter().filter(|construct| !construct.asks && matters(construct)) {
        let place = |(file, function, what, _): &&(&str, &str, &str, &str)| {
            (*file, *function, *what) == (&*found.file, &*found.function, &*found.what)
        };
        match excused.iter().position(place) {
            Some(at) => drop(excused.swap_remove(at)),
            None => {
                wrong.push(format!("{}:{}: `{}` holds {} and asks `enforced!` nowhere", found.file, found.line, found.function, found.what))
            }
        }
    }
    let for_nothing = |(file, function, what, _): &(&str, &str, &str, &str)| {
        format!("{file}: {what} of `{function}` is excused in xtask/src/mutants/forgotten.rs for nothing")
    };
    wrong.extend(excused.into_iter().map(for_nothing));
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
        sources.constructs.iter().filter(|construct| !construct.asks && matters(construct)).count()
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
            assert_eq!(silent(path, &format!("fn f() {{ enforced!(\"a\"); {act}; }}")), 0, "{act} just after");
            assert_eq!(silent(path, &format!("fn f() {{ enforced!(\"a\"); g(); {act}; }}")), 1, "{act} after something else");
            assert_eq!(silent(path, &format!("fn f() {{ {act}; }} fn g() {{ enforced!(\"a\"); }}")), 1, "{act} elsewhere");
            assert_eq!(silent(path, &format!("#[cfg(test)] mod tests {{ fn f() {{ {act}; }} }}")), 0, "{act} in a test");
            assert_eq!(silent("crates/cli/src/a.rs", &format!("fn f() {{ {act}; }}")), 0, "{act} of another room");
        }
    }
}
