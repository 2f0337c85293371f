//! Lints: rules that every document of ours must satisfy, checked on the encoded bytes before anything is signed.

/// One lint's objection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The lint's stable code.
    pub code: &'static str,
    /// Where the rule comes from.
    pub source: &'static str,
    /// What is wrong.
    pub message: String,
}

/// What the lints object to. Nothing was signed. The plan is at fault, or, where the message says so, the issuer's certificate.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.findings.iter().map(|f| format!("{} ({}): {}", f.code, f.source, f.message)).collect::<Vec<_>>().join("; "))]
pub struct LintError {
    /// Every objection.
    pub findings: Vec<Finding>,
}
