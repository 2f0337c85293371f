//! The command line: what there is, where it goes, and its reference page.

use crate::backup::{self, BackupArgs};
use crate::commands::account::{self, AccountArgs};
use crate::commands::archive::{self, ArchiveArgs};
use crate::commands::audit::{self, AuditArgs};
use crate::commands::cert::{self, CertArgs};
use crate::commands::crl::{self, CrlArgs};
use crate::commands::document::{self, DocumentArgs};
use crate::commands::duty::{self, DutyArgs};
use crate::commands::enrol::{self, EnrolArgs};
use crate::commands::hold::{self, HoldArgs};
use crate::commands::issuer::{self, IssuerArgs};
use crate::commands::order::{self, OrderArgs};
use crate::commands::profile::{self, ProfileArgs};
use crate::commands::role::{self, RoleArgs};
use crate::commands::sign::{self, SignArgs};
use crate::commands::signer::{self, SignerArgs};
use crate::commands::tenant::{self, TenantArgs};
use crate::commands::token::{self, TokenArgs};
use crate::config::{self, ConfigFlags};
use crate::demo::{self, DemoArgs};
use crate::doctor::{self, DoctorArgs};
use crate::ended::{Ended, code};
use crate::output::{self, Form};
use crate::policy::{self, PolicyArgs};
use crate::reconcile::{self, ReconcileArgs};
use crate::restore;
use crate::verify::{self, VerifyArgs};
use crate::{init, logging, serve};
use clap::{CommandFactory, Parser, Subcommand};
use std::fmt::Write;
use std::process::ExitCode;

const CODES: &str = "\
Exit codes:
  0  done
  1  failed for another reason
  2  asked wrongly: arguments, fields, configuration
  3  not authenticated, or not permitted
  4  no such thing
  5  refused by policy or quota, or the thing's state does not allow it
  6  the server or its storage does not answer: try again";

/// A certificate authority for many tenants: server and command line.
#[derive(Parser)]
#[command(name = "chancery", version, after_help = CODES, arg_required_else_help = true, propagate_version = true)]
struct Cli {
    /// Print results as JSON, for programs.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the data directory and its keys, and print the bootstrap token.
    #[command(after_help = "Examples:\n  chancery init\n  chancery init --data-dir /srv/chancery --json")]
    Init(ConfigFlags),
    /// Run the server until it is told to stop (SIGINT, SIGTERM).
    #[command(after_help = "Examples:\n  chancery serve\n  chancery serve --listen 127.0.0.1:9000 --log-format json\n  \
        chancery serve --listen 0.0.0.0:8443 --tls-cert tls.pem --tls-key tls.key --public-url http://pki.example.com")]
    Serve(ConfigFlags),
    /// Show it: start the real server on a folder of its own and do the main job through the public API.
    ///
    /// Two tenants get certificates under their own CAs; chains are verified, mutual TLS is spoken, crossing from one
    /// tenant to the other is tried and fails; a renewal, a revocation, the audit trail. Then the server stays up.
    #[command(
        after_help = "Examples:\n  chancery demo\n  chancery demo --check\n  chancery demo --data-dir ./tour --listen 127.0.0.1:8400"
    )]
    Demo(DemoArgs),
    /// Back up the data, or the keyring, into a new folder while the server runs, and verify what was written.
    ///
    /// Data and keyring never lie in one folder: whoever finds both, and the root key, reads everything. The root key is in neither:
    /// keep a copy of it apart from both. Back up the keyring after the data: it must have the keys of every tenant that is in it.
    #[command(after_help = "Examples:\n  chancery backup /backup/data/2026-11-21\n  \
        chancery backup --keyring /vault/keyring/2026-11-21\n  \
        chancery backup /backup/data/2026-11-21 --config /etc/chancery.toml --json")]
    Backup(BackupArgs),
    /// Restore a backup into an empty data directory or database; the server then only reads until `chancery reconcile`.
    #[command(after_help = "Examples:\n  chancery restore --keyring /vault/keyring/2026-11-21\n  chancery restore /backup/data/2026-11-21")]
    Restore(BackupArgs),
    /// Compare a restored store with the CRLs that were published since its backup, and open it for writing.
    ///
    /// Revocations that the backup does not have come back from the lists, CRL numbers move past every published one, invitations end.
    /// It may be run again after a crash. Stop the server first, and start it again afterwards.
    #[command(after_help = "Examples:\n  chancery reconcile --lists /var/spool/published-crls\n  \
        chancery reconcile --lists published --incomplete --json")]
    Reconcile(ReconcileArgs),
    /// Look at everything that a server needs and say what is wrong, whose it is, and what to do. Nothing is changed.
    ///
    /// It may run beside the server. Ends with 1 if there is a fault; a warning alone is none.
    #[command(after_help = "Examples:\n  chancery doctor\n  chancery doctor --backups /backup/data --config /etc/chancery.toml --json")]
    Doctor(DoctorArgs),
    /// Show the configuration that holds, and where each part comes from. Secrets are left out.
    #[command(after_help = "Examples:\n  chancery config\n  chancery config --config /etc/chancery.toml --json")]
    Config(ConfigFlags),
    /// Use up an enrolment or bootstrap token: become an account, and get its bearer token.
    ///
    /// The enrolment token comes from --token-file, else CHANCERY_ENROLMENT_TOKEN, else standard input.
    #[command(after_help = "Examples:\n  chancery enrol operator --save operator.token < bootstrap.txt\n  \
        CHANCERY_ENROLMENT_TOKEN=chye_… chancery enrol 'Ada, tenant admin' --save admin.token")]
    Enrol(EnrolArgs),
    /// Tenants: the operator's register, and one's own.
    Tenant(TenantArgs),
    /// Accounts: who may act in the tenant.
    Account(AccountArgs),
    /// Roles of the tenant's own, and who holds which, where and until when.
    Role(RoleArgs),
    /// Duties that nobody may hold together.
    Duty(DutyArgs),
    /// Tokens of accounts.
    Token(TokenArgs),
    /// Issuers: the tenant's certificate authorities.
    Issuer(IssuerArgs),
    /// Profiles: what may be issued.
    Profile(ProfileArgs),
    /// Certificates.
    Cert(CertArgs),
    /// Orders: requests for certificates and what became of them.
    Order(OrderArgs),
    /// Revocation lists.
    Crl(CrlArgs),
    /// Signers: who signs documents, under which profile, with which key and chain.
    Signer(SignerArgs),
    /// Have a signer sign files. A file is hashed here and stays here, unless its form or its signer's kind of key takes the document.
    ///
    /// The signature of FILE is written to FILE.sig (raw), .p7s (cms), .jws or .dsse.json, a signed archive to FILE.signed.jar. Up to 100
    /// files are signed by one act, all or none.
    #[command(after_help = "Examples:\n  chancery sign release.tar --signer release\n  \
        chancery sign contract.txt --signer office --format cms --output contract.p7s\n  \
        chancery sign app.jar --signer release --format jar\n  \
        chancery sign statement.json --signer release --format dsse\n  \
        chancery sign contract.pdf --signer office --format pades --document contract-17\n  \
        chancery sign *.deb --signer release --json")]
    Sign(SignArgs),
    /// Documents: their versions, and the signatures of each.
    Document(DocumentArgs),
    /// Policy as code: rules in Rego that deny, oblige or warn, with what they are tested by.
    Policy(PolicyArgs),
    /// Legal holds: what is on one is removed by nobody.
    Hold(HoldArgs),
    /// The archive: log and evidence are put there by themselves.
    Archive(ArchiveArgs),
    /// The audit log.
    Audit(AuditArgs),
    /// Say whether files are what they say: offline, by what was trusted beforehand and nothing that the files bring along.
    ///
    /// Of each file it says what was done, by whom, for which tenant, under which version of which policy, and exactly what is wrong if
    /// something is. Ends with 0 only if every file is valid; without --trust a file can be consistent at most.
    #[command(after_help = "Examples:\n  chancery verify release.evidence.json --trust trust.json\n  \
        chancery verify *.evidence.json --trust trust.json --json\n  \
        chancery verify release.evidence.json --trust trust.json --completion release.html --brand 'Acme Bank'")]
    Verify(VerifyArgs),
}

/// The command line's description.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Reads the process's arguments, does what they say, and says how it ended.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { code::USAGE } else { 0 });
        }
    };
    let form = if cli.json { Form::Programs } else { Form::People };
    match crate::runtime().map_err(Ended::from).and_then(|runtime| runtime.block_on(execute(cli.command, form))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(ended) => {
            output::note(&format!("chancery: {ended}"));
            ExitCode::from(ended.code())
        }
    }
}

async fn execute(command: Command, form: Form) -> Result<(), Ended> {
    match command {
        Command::Init(flags) => {
            let config = flags.load()?.config;
            logging::start(config.log_format, &config.log_level)?;
            init::init(&config, form).await
        }
        Command::Serve(flags) => {
            let config = flags.load()?.config;
            logging::start(config.log_format, &config.log_level)?;
            Ok(serve::serve(&config).await?)
        }
        Command::Backup(args) => backup::backup(&args, form).await,
        Command::Restore(args) => restore::restore(&args, form).await,
        Command::Doctor(args) => doctor::doctor(&args, form).await,
        Command::Reconcile(args) => reconcile::reconcile(&args, form).await,
        Command::Enrol(args) => enrol::enrol(args, form).await,
        Command::Tenant(args) => tenant::tenant(args, form).await,
        Command::Account(args) => account::account(args, form).await,
        Command::Role(args) => role::role(args, form).await,
        Command::Duty(args) => duty::duty(args, form).await,
        Command::Token(args) => token::token(args, form).await,
        Command::Issuer(args) => issuer::issuer(args, form).await,
        Command::Profile(args) => profile::profile(args, form).await,
        Command::Cert(args) => cert::cert(args, form).await,
        Command::Order(args) => order::order(args, form).await,
        Command::Crl(args) => crl::crl(args, form).await,
        Command::Signer(args) => signer::signer(args, form).await,
        Command::Sign(args) => sign::sign(args, form).await,
        Command::Document(args) => document::document(args, form).await,
        Command::Policy(args) => policy::policy(args, form),
        Command::Hold(args) => hold::hold(args, form).await,
        Command::Archive(args) => archive::archive(args, form).await,
        Command::Audit(args) => audit::audit(args, form).await,
        Command::Verify(args) => verify::verify(&args, form),
        Command::Demo(args) => demo::demo(&args).await,
        Command::Config(flags) => {
            let shown = config::show(&flags.load()?);
            output::result(form, &shown, |shown| {
                let row = |entry: &config::Effective| vec![entry.name.to_owned(), entry.value.clone(), entry.source.clone()];
                output::table(&["setting", "value", "source"], shown.iter().map(row).collect(), "")
            });
            Ok(())
        }
    }
}

/// The reference page docs/cli.md, Markdown, from the help texts.
pub fn cli_reference() -> String {
    let mut page = format!(
        "# Command line\n\nGenerated from the help texts by `cargo xtask generate`.\n\n\
         Every command takes `--json`. Commands other than `init`, `serve`, `demo`, `config`, `backup`, `restore`, `reconcile`, `doctor`, `verify`, `policy check`, `policy test` and what verifies logs offline are clients of the public API:\n\
         they take the server from `--url` or `CHANCERY_URL` and the token from `CHANCERY_TOKEN` or `--token-file`.\n\n\
         ```\n{CODES}\n```\n"
    );
    describe(&command(), "", &mut page);
    page
}

fn describe(command: &clap::Command, parent: &str, page: &mut String) {
    let name = if parent.is_empty() { command.get_name().to_owned() } else { format!("{parent} {}", command.get_name()) };
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        if inner.has_subcommands() {
            describe(inner, &name, page);
        } else {
            // No terminal's width, no environment's values: the same everywhere.
            let mut inner = inner.clone().bin_name(format!("{name} {}", inner.get_name())).term_width(110);
            let help = inner.render_long_help().to_string();
            let lines: String = help.trim().lines().map(|line| format!("{}\n", line.trim_end())).collect();
            let _ = write!(page, "\n## {name} {}\n\n```\n{lines}```\n", inner.get_name());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_sound_and_has_examples() {
        command().debug_assert();
        fn check(command: &clap::Command) {
            for inner in command.get_subcommands() {
                if inner.has_subcommands() {
                    check(inner);
                } else {
                    let examples = inner.get_after_help().map(ToString::to_string).unwrap_or_default();
                    assert!(examples.starts_with("Examples:\n  chancery "), "{} has no examples", inner.get_name());
                }
            }
        }
        check(&command());
    }

    #[test]
    fn the_reference_holds_every_command() {
        let page = cli_reference();
        for name in ["init", "serve", "demo", "cert issue", "cert key fetch", "audit list"] {
            assert!(page.contains(&format!("\n## chancery {name}\n")), "{name}");
        }
    }
}
