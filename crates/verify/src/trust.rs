//! The trust file, read: whose logs, whose roots.

use crate::kept::{Growth, Kept};
use chancery_domain::TenantId;
use chancery_evidence::{KeyKind, TRUST, TrustFile, VerifierKey};
use chancery_formats::Trust;
use chancery_x509::{Problem, pem};

/// A longer trust file is not read.
pub const LONGEST_TRUST: usize = 4 << 20;

/// What is believed.
#[derive(Clone, Debug, Default)]
pub struct Known {
    logs: Vec<(TenantId, VerifierKey)>,
    pub(crate) platform: Option<KnownPlatform>,
    pub(crate) certificates: Trust,
    pub(crate) kept: Kept,
}

/// The platform's log, and who watches it.
#[derive(Clone, Debug)]
pub(crate) struct KnownPlatform {
    pub(crate) keys: Vec<VerifierKey>,
    pub(crate) witnesses: Vec<VerifierKey>,
    pub(crate) cosignatures: usize,
}

impl Known {
    /// Reads a trust file.
    ///
    /// # Errors
    /// A [`Problem`] `trust` that says what of it cannot be read.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let bad = |what: String| Problem::new("trust", format!("the trust file: {what}"));
        if bytes.len() > LONGEST_TRUST {
            return Err(bad(format!("it is longer than {LONGEST_TRUST} bytes")));
        }
        let file: TrustFile = serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
        if file.format != TRUST {
            return Err(bad(format!("its format is {:?}; this version reads {TRUST}", file.format)));
        }
        let keys = |texts: &[String], kind| {
            let key = |text: &String| VerifierKey::parse(text).ok().filter(|key| key.kind() == kind);
            texts.iter().map(|text| key(text).ok_or_else(|| bad(format!("{text:?} is no key of this kind")))).collect::<Result<Vec<_>, _>>()
        };
        let mut logs = Vec::new();
        for log in &file.logs {
            logs.extend(keys(&log.keys, KeyKind::Log)?.into_iter().map(|key| (log.tenant, key)));
        }
        let platform = match &file.platform {
            None => None,
            Some(platform) => Some(KnownPlatform {
                keys: keys(&platform.keys, KeyKind::Log)?,
                witnesses: keys(&platform.witnesses, KeyKind::Witness)?,
                cosignatures: platform.cosignatures,
            }),
        };
        if platform.as_ref().is_some_and(|platform| platform.cosignatures > platform.witnesses.len()) {
            return Err(bad("it asks for more cosignatures than it names witnesses".to_owned()));
        }
        let blocks = |texts: &[String], label| {
            let der = |text: &String| block(text, label).ok_or_else(|| bad(format!("{text:?} is not one PEM block {label}")));
            texts.iter().map(der).collect::<Result<Vec<_>, _>>()
        };
        let certificates = Trust {
            roots: blocks(&file.roots, pem::CERTIFICATE)?,
            keys: blocks(&file.keys, "PUBLIC KEY")?,
            timestamp_roots: blocks(&file.timestamp_roots, pem::CERTIFICATE)?,
            crls: Vec::new(),
        };
        Ok(Self { logs, platform, certificates, kept: Kept::default() })
    }

    /// Trusts this root, too, for signers.
    pub fn add_root(&mut self, der: Vec<u8>) {
        self.certificates.roots.push(der);
    }

    /// Trusts this root, too, for timestamping authorities.
    pub fn add_timestamp_root(&mut self, der: Vec<u8>) {
        self.certificates.timestamp_roots.push(der);
    }

    /// Takes what this revocation list says into account.
    pub fn add_list(&mut self, der: Vec<u8>) {
        self.certificates.crls.push(der);
    }

    /// Compares bundles with this checkpoint, which was kept elsewhere: a signed note of a log of the trust file.
    pub fn keep_checkpoint(&mut self, note: Vec<u8>) {
        self.kept.checkpoints.push(note);
    }

    /// Takes this proof that a log grew from one size to another, for checkpoints kept elsewhere of another size than the bundle's.
    ///
    /// # Errors
    /// A [`Problem`] `consistency` that says what of it cannot be read.
    pub fn add_consistency(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.kept.proofs.push(Growth::parse(bytes)?);
        Ok(())
    }

    /// The keys of a tenant's log, one for each of its epochs.
    pub(crate) fn log_keys(&self, tenant: TenantId) -> Vec<VerifierKey> {
        self.logs.iter().filter(|(owner, _)| *owner == tenant).map(|(_, key)| key.clone()).collect()
    }
}

fn block(text: &str, label: &str) -> Option<Vec<u8>> {
    let blocks = pem::decode(text).ok()?;
    let [only] = blocks.as_slice() else { return None };
    (only.label == label).then(|| only.der.to_vec())
}
