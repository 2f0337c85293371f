//! Keys of signers, and the way to a signature: approved, prepared, signed, each of which uses up the one before (I5).
//!
//! All forms go this way: what differs is what is to be signed, and what is made of the signature.

use crate::Failure;
use crate::admission::Cost;
use crate::open_signer::OpenSigner;
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::port::Entropy;
use chancery_domain::signature::{Digest, Format, SignatureAlgorithm};
use chancery_domain::signing::decision::{ApprovedSignature, Artifact};
use chancery_domain::{Serial, Timestamp};
use chancery_formats::in_toto::{PAYLOAD_TYPE, Statement};
use chancery_formats::jws::{Serialization, Wish};
use chancery_formats::sigstore::Material;
use chancery_formats::{Certified, authenticode, cms, dsse, jar, jws, pades, sigstore};
use chancery_keys::SoftwareKey;
use chancery_x509::tsp::{self, Accuracy, PreparedToken, TimestampRequest, TokenPlan};
use chancery_x509::{PublicKey, SignError, Signer, prove_key_pair};

/// Signs what was approved and prepared, and nothing else. Sealed under the tenant's data keys, so that *disable* stops it.
pub(crate) struct SigningKey(SoftwareKey);

/// What is to be signed, exactly so. Made of what was approved, and used up by the signature.
pub(crate) struct Prepared {
    algorithm: SignatureAlgorithm,
    artifact: Artifact,
    form: Form,
}

/// What the signature is put into.
enum Form {
    /// Nothing.
    Raw,
    Cms(Box<cms::Prepared>),
    Jws(Box<jws::Prepared>),
    Dsse(Box<dsse::Prepared>),
    Pades(Box<pades::Prepared>),
    Authenticode(Box<authenticode::Prepared>),
    /// A bundle over a file.
    Message(Box<sigstore::PreparedMessage>),
    /// A bundle around a statement.
    Statement(Box<sigstore::PreparedEnvelope>),
    Timestamp(Box<PreparedToken>, Stamp),
}

/// How a timestamp is wished for, besides its digest.
pub(crate) struct TokenWish {
    /// Content octets of an INTEGER that is to come back.
    pub(crate) nonce: Option<Vec<u8>>,
    /// Whether it is to hold the authority's certificates.
    pub(crate) certificates: bool,
}

impl Default for TokenWish {
    fn default() -> Self {
        Self { nonce: None, certificates: true }
    }
}

/// What a timestamp says that nobody asked for.
pub(crate) struct Stamp {
    pub(crate) serial: Serial,
    pub(crate) at: Timestamp,
}

/// A document and its signature in its form.
pub(crate) struct Signed {
    pub(crate) name: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) digest: Digest,
    pub(crate) signature: Vec<u8>,
    /// Of a timestamp, its number and time.
    pub(crate) stamp: Option<Stamp>,
}

/// What the key signs: a message, or one of which only the digest is here.
enum ToBeSigned<'a> {
    Message(&'a [u8]),
    Digest(&'a Digest),
}

/// Prepares each of the documents that were approved, in the form that was approved and no other.
pub(crate) fn prepare(
    approved: ApprovedSignature,
    by: &OpenSigner,
    wish: &TokenWish,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Vec<Prepared>, Failure> {
    let (format, algorithm, attached) = (approved.format(), approved.algorithm(), approved.attached());
    let signer = Certified { chain: &by.chain, algorithm };
    let prepare = |artifact: Artifact| {
        let form = match format {
            Format::Timestamp => token(by, algorithm, &artifact, wish, Stamp { serial: Serial::random(entropy), at: now.whole_second() })?,
            _ => form(format, attached, &signer, &artifact, now)?,
        };
        Ok(Prepared { form, algorithm, artifact })
    };
    approved.into_artifacts().into_iter().map(prepare).collect()
}

/// A timestamp over the artifact's digest under the terms of the authority's profile.
fn token(by: &OpenSigner, algorithm: SignatureAlgorithm, artifact: &Artifact, wish: &TokenWish, stamp: Stamp) -> Result<Form, Failure> {
    let terms = by.profile.timestamp.as_ref().ok_or_else(|| Failure::internal("a timestamp was approved without its terms"))?;
    let policy = tsp::policy(&terms.policy).ok_or_else(|| Failure::internal("the policy of an authority is no object identifier"))?;
    let TokenWish { nonce, certificates } = wish;
    let request = TimestampRequest { imprint: artifact.digest.clone(), policy: None, nonce: nonce.clone(), certificates: *certificates };
    let plan = TokenPlan {
        request: &request,
        chain: &by.chain,
        algorithm,
        policy,
        serial: stamp.serial,
        at: stamp.at,
        accuracy: Accuracy { seconds: terms.accuracy_seconds, millis: 0 },
    };
    plan.prepare().map(|prepared| Form::Timestamp(Box::new(prepared), stamp)).map_err(Failure::internal)
}

fn form(format: Format, attached: bool, signer: &Certified<'_>, artifact: &Artifact, now: Timestamp) -> Result<Form, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::invalid("documents", error);
    let content = || artifact.content.as_deref().ok_or_else(|| Failure::internal("a document that was decided on is missing"));
    match format {
        Format::Raw => Ok(Form::Raw),
        Format::Cms => {
            let signed = if attached { cms::Signed::Attached(content()?) } else { cms::Signed::Detached(&artifact.digest) };
            cms::prepare(signer, signed, now).map(|prepared| Form::Cms(Box::new(prepared))).map_err(|error| wrong(&error))
        }
        Format::Jar => {
            jar::prepare(signer, &artifact.digest, now).map(|prepared| Form::Cms(Box::new(prepared))).map_err(|error| wrong(&error))
        }
        Format::Jws => {
            let serialization = if attached { Serialization::Compact } else { Serialization::Detached };
            let wish = Wish { serialization, ..Wish::default() };
            jws::prepare(signer, &wish, content()?).map(|prepared| Form::Jws(Box::new(prepared))).map_err(|error| wrong(&error))
        }
        Format::Dsse => {
            let prepared = dsse::prepare(signer, PAYLOAD_TYPE, statement(content()?)?);
            prepared.map(|prepared| Form::Dsse(Box::new(prepared))).map_err(|error| wrong(&error))
        }
        Format::Pades => {
            pades::prepare(signer, &artifact.digest).map(|prepared| Form::Pades(Box::new(prepared))).map_err(|error| wrong(&error))
        }
        Format::Authenticode => {
            let prepared = authenticode::prepare(signer, &artifact.digest, now);
            prepared.map(|prepared| Form::Authenticode(Box::new(prepared))).map_err(|error| wrong(&error))
        }
        Format::Sigstore if attached => {
            let prepared = sigstore::prepare_envelope(signer, Material::Certificate, PAYLOAD_TYPE, statement(content()?)?);
            prepared.map(|prepared| Form::Statement(Box::new(prepared))).map_err(|error| wrong(&error))
        }
        Format::Sigstore => {
            let prepared = sigstore::prepare_message(signer, Material::Certificate, &artifact.digest);
            prepared.map(|prepared| Form::Message(Box::new(prepared))).map_err(|error| wrong(&error))
        }
        Format::Timestamp => Err(Failure::internal("a timestamp is prepared under its authority's terms")),
    }
}

/// What is said of which files: an envelope around anything else would be read as that.
fn statement(content: &[u8]) -> Result<&[u8], Failure> {
    let told = |problems: Vec<chancery_formats::Problem>| problems.first().map(ToString::to_string).unwrap_or_default();
    Statement::read(content).map_err(|problems| Failure::invalid("documents", told(problems)))?;
    Ok(content)
}

impl Prepared {
    fn to_be_signed(&self) -> ToBeSigned<'_> {
        match (&self.form, self.algorithm.digest(), &self.artifact.content) {
            (Form::Cms(prepared), ..) => ToBeSigned::Message(prepared.to_be_signed()),
            (Form::Jws(prepared), ..) => ToBeSigned::Message(prepared.to_be_signed()),
            (Form::Dsse(prepared), ..) => ToBeSigned::Message(prepared.to_be_signed()),
            (Form::Pades(prepared), ..) => ToBeSigned::Message(prepared.to_be_signed()),
            (Form::Authenticode(prepared), ..) => ToBeSigned::Message(prepared.to_be_signed()),
            (Form::Message(prepared), ..) => ToBeSigned::Digest(prepared.digest_to_be_signed()),
            (Form::Statement(prepared), ..) => ToBeSigned::Message(prepared.to_be_signed()),
            (Form::Timestamp(prepared, _), ..) => ToBeSigned::Message(prepared.to_be_signed()),
            // The digest is what was decided on; of a document that was sent it was made here.
            (Form::Raw, Some(_), _) | (Form::Raw, None, None) => ToBeSigned::Digest(&self.artifact.digest),
            (Form::Raw, None, Some(message)) => ToBeSigned::Message(message),
        }
    }

    /// Puts the signature into its form, where it is verified once more; a bare one stays as it is.
    fn finish(self, signature: Vec<u8>) -> Result<Signed, Failure> {
        let mut stamp = None;
        let signature = match self.form {
            Form::Timestamp(prepared, said) => {
                stamp = Some(said);
                prepared.finish(&signature).map_err(Failure::internal)?
            }
            Form::Raw => signature,
            Form::Cms(prepared) => prepared.finish(&signature).map_err(Failure::internal)?,
            Form::Jws(prepared) => prepared.finish(&signature).map_err(Failure::internal)?.into_bytes(),
            Form::Dsse(prepared) => prepared.finish(&signature).map_err(Failure::internal)?.into_bytes(),
            Form::Pades(prepared) => prepared.finish(&signature).map_err(Failure::internal)?,
            Form::Authenticode(prepared) => prepared.finish(&signature).map_err(Failure::internal)?,
            Form::Message(prepared) => prepared.finish(&signature).map_err(Failure::internal)?.into_bytes(),
            Form::Statement(prepared) => prepared.finish(&signature).map_err(Failure::internal)?.into_bytes(),
        };
        let Artifact { name, size, digest, .. } = self.artifact;
        Ok(Signed { name, size, digest, signature, stamp })
    }
}

/// What one signature of this form takes.
pub(crate) const fn cost(format: Format, key: KeyAlgorithm) -> Cost {
    match format {
        Format::Raw => Cost::signature(key),
        _ => Cost::signature(key).and(Cost::VERIFICATION),
    }
}

impl SigningKey {
    /// From PKCS#8, proved to sign what its public key verifies.
    pub(crate) fn open(pkcs8: &[u8]) -> Result<Self, Failure> {
        let key = SoftwareKey::from_pkcs8(pkcs8)?;
        let proof = Proof { public: PublicKey::from_spki_der(key.spki_der())?, key: &key };
        prove_key_pair(&proof)?;
        Ok(Self(key))
    }
    pub(crate) const fn algorithm(&self) -> KeyAlgorithm {
        self.0.algorithm()
    }
    pub(crate) fn public_key(&self) -> Result<PublicKey, Failure> {
        Ok(PublicKey::from_spki_der(self.0.spki_der())?)
    }
    pub(crate) fn sign(&self, prepared: Prepared) -> Result<Signed, Failure> {
        let signature = match prepared.to_be_signed() {
            ToBeSigned::Message(message) => self.0.sign_as(prepared.algorithm, message)?,
            ToBeSigned::Digest(digest) => self.0.sign_digest(prepared.algorithm, digest)?,
        };
        prepared.finish(signature)
    }
}

struct Proof<'a> {
    public: PublicKey,
    key: &'a SoftwareKey,
}

impl Signer for Proof<'_> {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.key.sign(message).map_err(|error| SignError::Provider(Box::new(error)))
    }
}
