//! Certification requests (PKCS#10, RFC 2986): what a stranger sends, reduced to a key that it holds and the names that it wishes.

use crate::algorithm::{RefusedSignature, believed};
use crate::extension::RawExtension;
use crate::key::{BadKey, PublicKey};
use crate::name::{self, NameError};
use crate::pem::{self, PemError};
use crate::prepared::SignedParts;
use chancery_domain::enforced;
use chancery_domain::name::SubjectName;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::COMMON_NAME;
use const_oid::db::rfc5280::{ID_CE_BASIC_CONSTRAINTS, ID_CE_SUBJECT_ALT_NAME};
use const_oid::db::rfc5912::ID_EXTENSION_REQ;
use der::asn1::{AnyRef, ContextSpecific};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::ext::pkix::name::DirectoryString;
use x509_cert::name::Name;

/// The longest request that is looked at, PEM or DER.
pub const MAX_LENGTH: usize = 16 * 1024;

/// A request whose signature was verified. Only its key is a fact; names and common name are wishes for the evaluator, and
/// whatever else it asks for (key usages, policies, validity) is not even kept (THREATS 15).
#[derive(Clone, Debug)]
pub struct CertificationRequest {
    /// The requester's key, which signed the request.
    pub public_key: PublicKey,
    /// The subject alternative names asked for, in the request's order. Never inferred from the common name.
    pub names: Vec<SubjectName>,
    /// The subject's common name; the rest of the subject is ignored.
    pub common_name: Option<String>,
}

/// Why a request is refused. It is always its sender's mistake, and the message names the field.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CsrError {
    /// Over [`MAX_LENGTH`].
    #[error("the certification request is longer than 16 KiB: leave out what is not needed")]
    TooLong,
    /// Text that is no PEM.
    #[error("the certification request is neither DER nor PEM: {0}")]
    Pem(#[from] PemError),
    /// More than a request.
    #[error("send exactly one PEM block, the CERTIFICATE REQUEST, and never a private key; this text has {0} blocks")]
    Blocks(usize),
    /// Something else than a request.
    #[error("the PEM block is a {0}, not a CERTIFICATE REQUEST")]
    Label(String),
    /// A field that is not there, not DER or followed by something.
    #[error("{0}: not DER as RFC 2986 and RFC 5280 define it, or bytes follow it")]
    Malformed(&'static str),
    /// A version other than 0.
    #[error("certificationRequestInfo.version: only version 1, which is written 0, is defined (RFC 2986 section 4.1)")]
    Version,
    /// The key.
    #[error("certificationRequestInfo.{0}")]
    Key(#[from] BadKey),
    /// Not an algorithm that goes with the key.
    #[error("signatureAlgorithm: {0}")]
    SignatureAlgorithm(#[from] RefusedSignature),
    /// Whoever sent this does not hold the key, or it was changed.
    #[error("signature: does not verify with the request's own key")]
    Signature,
    /// The subject's common name.
    #[error("certificationRequestInfo.subject.commonName: {0}")]
    CommonName(&'static str),
    /// An attribute twice, or with more values than one.
    #[error("certificationRequestInfo.attributes: {0} stands there more than once")]
    RepeatedAttribute(ObjectIdentifier),
    /// An extension twice.
    #[error("extensionRequest: {0} stands there more than once")]
    RepeatedExtension(ObjectIdentifier),
    /// A certificate authority was asked for.
    #[error("extensionRequest.basicConstraints: CA:TRUE cannot be requested, authorities are created through the issuers")]
    Authority,
    /// A name.
    #[error("extensionRequest.subjectAltName: {0}")]
    Name(#[from] NameError),
    /// The extension without a name in it.
    #[error("extensionRequest.subjectAltName: empty, leave it out or name somebody")]
    NoNames,
}

impl CertificationRequest {
    /// Reads and verifies a request, PEM (exactly one block) or DER.
    ///
    /// # Errors
    /// [`CsrError`] naming the field.
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Self, CsrError> {
        if bytes.len() > MAX_LENGTH && enforced!("csr.length") {
            return Err(CsrError::TooLong);
        }
        if bytes.first() == Some(&0x30) && !pem::is_pem(bytes) {
            return Self::from_der(bytes);
        }
        let blocks = pem::decode(std::str::from_utf8(bytes).map_err(|_| PemError::Absent)?)?;
        let [block] = blocks.as_slice() else { return Err(CsrError::Blocks(blocks.len())) };
        match block.label.as_str() {
            pem::CERTIFICATE_REQUEST | pem::NEW_CERTIFICATE_REQUEST => Self::from_der(&block.der),
            other => Err(CsrError::Label(other.to_owned())),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        let parts = SignedParts::from_der(der).map_err(|_| CsrError::Malformed("certificationRequest"))?;
        let info = Info::from_der(parts.tbs_der).map_err(|_| CsrError::Malformed("certificationRequestInfo"))?;
        if info.version != [0] && enforced!("csr.version") {
            return Err(CsrError::Version);
        }
        let public_key = PublicKey::from_spki_der(info.spki_der)?;
        believed(public_key.algorithm(), parts.algorithm_der)?;
        let common_name = common_name(info.subject_der)?;
        let names = requested_names(&info.attributes)?;
        // Last, because it costs more than all the rest.
        if enforced!("csr.signature") {
            public_key.verify_identified(parts.algorithm_der, parts.tbs_der, parts.signature).map_err(|_| CsrError::Signature)?;
        }
        Ok(Self { public_key, names, common_name })
    }
}

/// `CertificationRequestInfo`, RFC 2986 section 4.1.
struct Info<'a> {
    version: &'a [u8],
    subject_der: &'a [u8],
    spki_der: &'a [u8],
    attributes: Vec<Attribute<'a>>,
}

/// An attribute and its values.
struct Attribute<'a> {
    id: ObjectIdentifier,
    values: Vec<AnyRef<'a>>,
}

impl<'a> Info<'a> {
    fn from_der(der: &'a [u8]) -> Result<Self, der::Error> {
        SliceReader::new(der)?.sequence(|inside| {
            let version = AnyRef::decode(inside)?;
            version.tag().assert_eq(Tag::Integer)?;
            let subject_der = inside.tlv_bytes()?;
            let spki_der = inside.tlv_bytes()?;
            let attributes = ContextSpecific::<Attributes<'a>>::decode_implicit(inside, TagNumber(0))?;
            let attributes = attributes.ok_or_else(|| Tag::Set.value_error())?.value.0;
            Ok(Self { version: version.value(), subject_der, spki_der, attributes })
        })
    }
}

/// `Attributes ::= SET OF Attribute`.
struct Attributes<'a>(Vec<Attribute<'a>>);

impl der::FixedTag for Attributes<'_> {
    const TAG: Tag = Tag::Set;
}

impl<'a> der::DecodeValue<'a> for Attributes<'a> {
    type Error = der::Error;
    fn decode_value<R: Reader<'a>>(reader: &mut R, _: der::Header) -> Result<Self, der::Error> {
        let mut attributes = Vec::new();
        while !reader.is_finished() {
            attributes.push(reader.sequence(|inside| {
                let id = ObjectIdentifier::decode(inside)?;
                let set = AnyRef::decode(inside)?;
                set.tag().assert_eq(Tag::Set)?;
                let (mut values, mut members) = (Vec::new(), SliceReader::new(set.value())?);
                while !members.is_finished() {
                    values.push(AnyRef::decode(&mut members)?);
                }
                Ok::<_, der::Error>(Attribute { id, values })
            })?);
        }
        Ok(Self(attributes))
    }
}

fn common_name(subject_der: &[u8]) -> Result<Option<String>, CsrError> {
    let subject = Name::from_der(subject_der).map_err(|_| CsrError::Malformed("certificationRequestInfo.subject"))?;
    let mut found = subject.iter().filter(|attribute| attribute.oid == COMMON_NAME);
    let Some(first) = found.next() else { return Ok(None) };
    if found.next().is_some() && enforced!("csr.common-name-twice") {
        return Err(CsrError::CommonName("stands there more than once, name one"));
    }
    let text = DirectoryString::try_from(&first.value).map_err(|_| CsrError::CommonName("no text that can be read, use UTF8String"))?;
    let text = String::from(text);
    match text {
        text if text.contains('\0') => Err(CsrError::CommonName("contains a NUL octet")),
        text if text.is_empty() => Err(CsrError::CommonName("empty, leave it out")),
        text => Ok(Some(text)),
    }
}

/// Reads the one extension that is heard, and refuses the one that would be an attempt at more (THREATS 15).
fn requested_names(attributes: &[Attribute<'_>]) -> Result<Vec<SubjectName>, CsrError> {
    if let Some(twice) = repeated(attributes.iter().map(|attribute| attribute.id)).filter(|_| enforced!("csr.attribute-twice")) {
        return Err(CsrError::RepeatedAttribute(twice));
    }
    let Some(request) = attributes.iter().find(|attribute| attribute.id == ID_EXTENSION_REQ) else { return Ok(Vec::new()) };
    let [extensions] = request.values.as_slice() else { return Err(CsrError::RepeatedAttribute(request.id)) };
    let extensions = read_extensions(*extensions).map_err(|_| CsrError::Malformed("extensionRequest"))?;
    if let Some(twice) = repeated(extensions.iter().map(|extension| extension.id)).filter(|_| enforced!("csr.extension-twice")) {
        return Err(CsrError::RepeatedExtension(twice));
    }
    let mut names = Vec::new();
    for extension in &extensions {
        match extension.id {
            ID_CE_BASIC_CONSTRAINTS => {
                let basic = BasicConstraints::from_der(extension.value);
                if basic.map_err(|_| CsrError::Malformed("extensionRequest.basicConstraints"))?.ca && enforced!("csr.authority") {
                    return Err(CsrError::Authority);
                }
            }
            ID_CE_SUBJECT_ALT_NAME => {
                let found = name::read_all(extension.value).map_err(|_| CsrError::Malformed("extensionRequest.subjectAltName"))?;
                if found.is_empty() {
                    return Err(CsrError::NoNames);
                }
                names = found.into_iter().map(|name| name.subject_name()).collect::<Result<_, _>>()?;
            }
            _ => {}
        }
    }
    Ok(names)
}

fn read_extensions(extensions: AnyRef<'_>) -> Result<Vec<RawExtension<'_>>, der::Error> {
    extensions.tag().assert_eq(Tag::Sequence)?;
    let (mut found, mut reader) = (Vec::new(), SliceReader::new(extensions.value())?);
    while !reader.is_finished() {
        found.push(RawExtension::decode(&mut reader)?);
    }
    Ok(found)
}

fn repeated(ids: impl Iterator<Item = ObjectIdentifier>) -> Option<ObjectIdentifier> {
    let mut seen = Vec::new();
    for id in ids {
        if seen.contains(&id) {
            return Some(id);
        }
        seen.push(id);
    }
    None
}
