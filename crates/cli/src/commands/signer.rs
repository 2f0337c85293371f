//! `chancery signer`: who signs documents, under which profile, with which key and chain.

use super::{ServerArgs, read_text};
use crate::client;
use crate::commands::Desk;
use crate::ended::Ended;
use crate::output::{self, Form};
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::scope::Environment;
use chancery_domain::signature::{DigestAlgorithm, Format, SignatureAlgorithm};
use chancery_domain::signing::SignerName;
use chancery_domain::{AccountId, IssuerId};
use chancery_http::api::platform::EmptyBody;
use chancery_http::api::signatures::{RetainBody, SignatureDocument, WithdrawBody};
use chancery_http::api::signers::{
    CreateSignerBody, ImportedKeyBody, RetentionDocument, RollSignerBody, SignerCertificateBody, SignerDocument, SignerList,
    SigningProfileDocument, TimestampTermsDocument,
};
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use std::path::{Path, PathBuf};

/// Signers.
#[derive(clap::Args)]
pub(crate) struct SignerArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: SignerCommand,
}

#[derive(Subcommand)]
enum SignerCommand {
    /// Make a signer: its key is made by the server and certified by an issuer, or brought with its chain.
    #[command(after_help = "Examples:\n  chancery signer create release release.example.com --format raw --max-signatures-a-day 500\n  \
        chancery signer create contracts email:office@example.com --certificate-profile smime --format raw --key-algorithm rsa-3072\n  \
        chancery signer create vendor --key vendor.key --chain vendor.pem --format raw")]
    Create(Box<CreateArgs>),
    /// List the signers.
    #[command(after_help = "Examples:\n  chancery signer list\n  chancery signer list --json")]
    List,
    /// Show a signer, with the chain of each of its keys.
    #[command(after_help = "Examples:\n  chancery signer show release\n  chancery signer show release --chain > release.pem")]
    Show {
        /// The signer's name.
        signer: SignerName,
        /// Print the chain of the key that signs, PEM, and nothing else.
        #[arg(long)]
        chain: bool,
    },
    /// Show a signer's profile as the JSON that `signer set` takes.
    #[command(after_help = "Examples:\n  chancery signer profile release > release.json")]
    Profile {
        /// The signer's name.
        signer: SignerName,
    },
    /// Put a new version of a signer's profile in force.
    #[command(
        after_help = "Examples:\n  chancery signer set release release.json --read 1\n  chancery signer set release - < release.json"
    )]
    Set {
        /// The signer's name.
        signer: SignerName,
        /// The profile, JSON; `-` is standard input.
        file: PathBuf,
        /// The version that was read: refused if another one was put in force since. By default the one in force.
        #[arg(long, value_name = "VERSION")]
        read: Option<u32>,
    },
    /// Take the signatures of a request back, for good: they verify as before, and their evidence says that they no longer count.
    #[command(after_help = "Examples:\n  chancery signer withdraw 01a3185c-500a-7e7b-a90c-10ddb5361929 --reason 'the wrong build'")]
    Withdraw {
        /// The signature's id, as its request was answered.
        signature: String,
        /// Why, at most 500 characters.
        #[arg(long)]
        reason: String,
    },
    /// Have the signatures of a request kept longer than their signer's profile said; never shorter.
    #[command(after_help = "Examples:\n  chancery signer retain 01a3185c-500a-7e7b-a90c-10ddb5361929 --until 2046-12-31T00:00:00Z")]
    Retain {
        /// The signature's id, as its request was answered.
        signature: String,
        /// Until then, RFC 3339.
        #[arg(long, value_name = "TIME")]
        until: String,
    },
    /// Give a signer a new key and chain. The old key is erased; what it signed verifies as before.
    #[command(after_help = "Examples:\n  chancery signer roll release\n  chancery signer roll release --key-algorithm ec-p384\n  \
        chancery signer roll vendor --key vendor-2.key --chain vendor-2.pem")]
    Roll {
        /// The signer's name.
        signer: SignerName,
        #[command(flatten)]
        brought: Brought,
        /// The kind of the new key; that of the one before by default.
        #[arg(long, conflicts_with = "key", value_parser = PossibleValuesParser::new(KeyAlgorithm::ALL.map(KeyAlgorithm::as_str)))]
        key_algorithm: Option<String>,
    },
    /// Stop a signer: it signs nothing until it is enabled.
    #[command(after_help = "Examples:\n  chancery signer disable release")]
    Disable {
        /// The signer's name.
        signer: SignerName,
    },
    /// Let a disabled signer sign again.
    #[command(after_help = "Examples:\n  chancery signer enable release")]
    Enable {
        /// The signer's name.
        signer: SignerName,
    },
}

/// A key and its chain from elsewhere.
#[derive(clap::Args)]
struct Brought {
    /// Bring this private key, PKCS#8 in PEM, not encrypted; `-` is standard input.
    #[arg(long, value_name = "FILE", requires = "chain")]
    key: Option<PathBuf>,
    /// The key's certificate and those above it, PEM.
    #[arg(long, value_name = "FILE", requires = "key")]
    chain: Option<PathBuf>,
}

#[derive(clap::Args)]
struct CreateArgs {
    /// The signer's name, for good.
    signer: SignerName,
    /// The names in its certificate: `release.example.com`, `email:a@example.com`, `uri:…`.
    #[arg(required_unless_present = "key", conflicts_with = "key")]
    names: Vec<String>,
    #[command(flatten)]
    brought: Brought,
    /// The certificate profile.
    #[arg(long, default_value = "code-signing", value_name = "PROFILE")]
    certificate_profile: String,
    /// The issuer's id; by default the newest issuing authority.
    #[arg(long)]
    issuer: Option<IssuerId>,
    /// The kind of key; ec-p256 by default.
    #[arg(long, value_parser = PossibleValuesParser::new(KeyAlgorithm::ALL.map(KeyAlgorithm::as_str)))]
    key_algorithm: Option<String>,
    /// The certificate's common name, one of the names.
    #[arg(long)]
    common_name: Option<String>,
    /// The certificate's validity in days; the profile's by default.
    #[arg(long)]
    days: Option<u32>,
    /// A form of signature that it makes; may be repeated. Who may have `raw` ones decides alone what they stand for.
    #[arg(long = "format", required = true, value_parser = PossibleValuesParser::new(Format::ALL.map(Format::as_str)))]
    formats: Vec<String>,
    /// A kind of signature that it makes, the preferred one first; may be repeated. All by default.
    #[arg(long = "algorithm", value_parser = PossibleValuesParser::new(SignatureAlgorithm::ALL.map(SignatureAlgorithm::as_str)))]
    algorithms: Vec<String>,
    /// An account that it signs for, by id; may be repeated. By default for each that may have signatures at all.
    #[arg(long = "account")]
    accounts: Vec<AccountId>,
    /// A label such as `production`, by which scopes of bindings tell signers apart.
    #[arg(long)]
    environment: Option<Environment>,
    /// How many signatures it makes in all.
    #[arg(long, value_name = "COUNT")]
    max_signatures: Option<u64>,
    /// How many signatures it makes a day (UTC).
    #[arg(long, value_name = "COUNT")]
    max_signatures_a_day: Option<u64>,
    /// Sign nothing without a timestamp in it.
    #[arg(long, requires = "timestamp_by")]
    timestamp_required: bool,
    /// The signer whose timestamps go into its signatures.
    #[arg(long, value_name = "SIGNER")]
    timestamp_by: Option<SignerName>,
    /// With `--format timestamp`, the policy under which it gives them: an OID, as numbers with dots.
    #[arg(long, value_name = "OID", requires = "accuracy_seconds")]
    timestamp_policy: Option<String>,
    /// With `--format timestamp`, how exact they are: 2 at best.
    #[arg(long, value_name = "SECONDS", requires = "timestamp_policy")]
    accuracy_seconds: Option<u32>,
    /// Keep its signatures for so many days; for ever by default.
    #[arg(long, value_name = "DAYS")]
    retention_days: Option<u32>,
    /// Remove its signatures when these days are over, unless a legal hold keeps them.
    #[arg(long, requires = "retention_days")]
    dispose: bool,
    /// The longest document, in bytes.
    #[arg(long, value_name = "BYTES")]
    max_artifact_bytes: Option<u64>,
}

pub(crate) async fn signer(args: SignerArgs, form: Form) -> Result<(), Ended> {
    let desk = args.server.desk(form)?;
    match args.command {
        SignerCommand::Create(args) => desk.show(&desk.act("/signers", &create(*args)?).await?, shown),
        SignerCommand::List => desk.show(&desk.own::<SignerList>("/signers").await?, |list| {
            output::table(&["name", "state", "formats", "signatures", "valid until"], list.items.iter().map(row).collect(), "No signers.")
        }),
        SignerCommand::Show { signer, chain } => {
            let found: SignerDocument = desk.own(&format!("/signers/{signer}")).await?;
            match chain {
                true => output::line(found.versions.first().map(|version| version.chain.trim_end()).unwrap_or_default()),
                false => desk.show(&found, shown),
            }
        }
        SignerCommand::Profile { signer } => {
            let found: SignerDocument = desk.own(&format!("/signers/{signer}")).await?;
            desk.note(&format!("Version {}.", found.profile_version));
            desk.show(&found.signing_profile, |profile| serde_json::to_string_pretty(profile).unwrap_or_default());
        }
        SignerCommand::Set { signer, file, read } => set(&desk, &signer, &file, read).await?,
        SignerCommand::Roll { signer, brought, key_algorithm } => {
            let body = RollSignerBody { certify: None, imported: imported(&brought)?, key_algorithm };
            desk.show(&desk.act(&format!("/signers/{signer}/roll"), &body).await?, shown);
        }
        SignerCommand::Disable { signer } => desk.show(&desk.act(&format!("/signers/{signer}/disable"), &EmptyBody {}).await?, shown),
        SignerCommand::Withdraw { signature, reason } => {
            let body = WithdrawBody { reason };
            let withdrawn: SignatureDocument = desk.act(&format!("/signatures/{signature}/withdraw"), &body).await?;
            desk.show(&withdrawn, |withdrawn| format!("Signature {} of {} is withdrawn.", withdrawn.id, withdrawn.signer));
        }
        SignerCommand::Retain { signature, until } => {
            let kept: SignatureDocument = desk.act(&format!("/signatures/{signature}/retain"), &RetainBody { kept_until: until }).await?;
            desk.show(&kept, |kept| format!("Signature {} is kept until {}.", kept.id, kept.kept_until.as_deref().unwrap_or_default()));
        }
        SignerCommand::Enable { signer } => desk.show(&desk.act(&format!("/signers/{signer}/enable"), &EmptyBody {}).await?, shown),
    }
    Ok(())
}

async fn set(desk: &Desk, signer: &SignerName, file: &Path, read: Option<u32>) -> Result<(), Ended> {
    let profile: SigningProfileDocument =
        serde_json::from_str(&read_text(file)?).map_err(|error| Ended::Usage(format!("{}: {error}", file.display())))?;
    let read = match read {
        Some(version) => version,
        None => desk.own::<SignerDocument>(&format!("/signers/{signer}")).await?.profile_version,
    };
    let path = desk.client.own(&format!("/signers/{signer}/signing-profile"))?;
    let changed: SignerDocument = client::during("changing", desk.client.put(&path, read, &profile)).await?;
    desk.show(&changed, shown);
    Ok(())
}

fn create(args: CreateArgs) -> Result<CreateSignerBody, Ended> {
    let imported = imported(&args.brought)?;
    let certify = imported.is_none().then(|| SignerCertificateBody {
        profile: args.certificate_profile,
        issuer: args.issuer.map(|issuer| issuer.to_string()),
        key_algorithm: args.key_algorithm,
        names: args.names,
        common_name: args.common_name,
        validity_seconds: args.days.map(|days| days.saturating_mul(86_400)),
    });
    let algorithms: Vec<_> = args.algorithms.iter().filter_map(|name| SignatureAlgorithm::from_name(name)).collect();
    let signing_profile = SigningProfileDocument {
        environment: args.environment,
        formats: args.formats.iter().filter_map(|name| Format::from_name(name)).collect(),
        algorithms: if algorithms.is_empty() { SignatureAlgorithm::ALL.to_vec() } else { algorithms },
        digests: DigestAlgorithm::ALL.to_vec(),
        accounts: args.accounts.iter().map(ToString::to_string).collect(),
        max_signatures: args.max_signatures,
        max_signatures_a_day: args.max_signatures_a_day,
        timestamp_required: args.timestamp_required,
        timestamp_by: args.timestamp_by.map(|name| name.to_string()),
        timestamp: args
            .timestamp_policy
            .zip(args.accuracy_seconds)
            .map(|(policy, accuracy_seconds)| TimestampTermsDocument { policy, accuracy_seconds }),
        max_artifact_bytes: args.max_artifact_bytes,
        min_validity_seconds: 0,
        retention: args.retention_days.map(|days| RetentionDocument { days, dispose: args.dispose }),
    };
    Ok(CreateSignerBody { name: args.signer.to_string(), signing_profile, certify, imported })
}

fn imported(brought: &Brought) -> Result<Option<ImportedKeyBody>, Ended> {
    let (Some(key), Some(chain)) = (&brought.key, &brought.chain) else { return Ok(None) };
    Ok(Some(ImportedKeyBody { private_key: read_text(key)?, chain: read_text(chain)?.to_string() }))
}

fn row(signer: &SignerDocument) -> Vec<String> {
    let formats: Vec<_> = signer.signing_profile.formats.iter().map(|format| format.as_str()).collect();
    let end = signer.versions.first().map(|version| version.not_after.clone()).unwrap_or_default();
    vec![signer.name.clone(), signer.state.clone(), formats.join(" "), signer.signatures.to_string(), end]
}

fn shown(signer: &SignerDocument) -> String {
    let formats: Vec<_> = signer.signing_profile.formats.iter().map(|format| format.as_str()).collect();
    let (signatures, profile) = (signer.signatures.to_string(), signer.profile_version.to_string());
    let event = signer.event.as_ref().map(|event| event.id.as_str()).unwrap_or_default();
    let head = output::fields(&[
        ("signer", &signer.name),
        ("state", &signer.state),
        ("formats", &formats.join(" ")),
        ("profile version", &profile),
        ("signatures", &signatures),
        ("event", event),
    ]);
    let version = |version: &chancery_http::api::signers::SignerVersionDocument| {
        let state = if version.retired_at.is_some() { "retired" } else { "signs" };
        let (number, key) = (version.version.to_string(), version.key_algorithm.clone());
        vec![number, state.to_owned(), key, version.subject.clone(), version.not_after.clone(), version.sha256.clone()]
    };
    let rows = signer.versions.iter().map(version).collect();
    format!("{head}\n{}", output::table(&["version", "", "key", "subject", "valid until", "sha-256"], rows, ""))
}
