//! `chancery doctor`: looks at everything that a server needs, beside a running one or without it, and changes nothing.

mod files;
mod stores;

use crate::config::ConfigFlags;
use crate::ended::Ended;
use crate::output::{self, Form};
use serde::Serialize;
use std::path::PathBuf;

/// What is looked at.
#[derive(clap::Args)]
pub(crate) struct DoctorArgs {
    /// The folder in which the data's backups lie, each a folder.
    #[arg(long, value_name = "FOLDER")]
    backups: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFlags,
}

/// How it stands with one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Ok,
    Warning,
    Fault,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    check: &'static str,
    verdict: Verdict,
    /// What was seen, and whose it is where something is wrong.
    seen: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

impl Finding {
    fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, seen: seen.into(), advice: None }
    }

    fn warning(check: &'static str, seen: impl Into<String>, advice: &'static str) -> Self {
        Self { check, verdict: Verdict::Warning, seen: seen.into(), advice: Some(advice) }
    }

    fn fault(check: &'static str, seen: impl Into<String>, advice: &'static str) -> Self {
        Self { check, verdict: Verdict::Fault, seen: seen.into(), advice: Some(advice) }
    }
}

/// Looks, and prints a finding for each check.
pub(crate) async fn doctor(args: &DoctorArgs, form: Form) -> Result<(), Ended> {
    let config = args.config.load()?.config;
    let mut findings = vec![Finding::ok("configuration", "readable, and its parts fit together")];
    findings.extend(files::look(&config, args.backups.as_deref()));
    findings.extend(stores::look(&config).await);
    let faults = findings.iter().filter(|finding| finding.verdict == Verdict::Fault).count();
    output::result(form, &findings, |findings| {
        let row = |finding: &Finding| {
            let verdict = match finding.verdict {
                Verdict::Ok => "ok",
                Verdict::Warning => "warning",
                Verdict::Fault => "FAULT",
            };
            vec![finding.check.to_owned(), verdict.to_owned(), finding.seen.clone(), finding.advice.unwrap_or_default().to_owned()]
        };
        output::table(&["check", "verdict", "seen", "what to do"], findings.iter().map(row).collect(), "")
    });
    if faults == 0 { Ok(()) } else { Err(Ended::Unwell(faults)) }
}
