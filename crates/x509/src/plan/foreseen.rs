//! What a leaf would say, without its key and without its being made: for dry runs.

use super::{Addresses, leaf, write};
use crate::extension::RawExtension;
use crate::issuer::IssuerCertificate;
use crate::summary::{NotACertificate, text};
use chancery_domain::decision::Approved;
use const_oid::ObjectIdentifier;
use const_oid::db::DB;
use const_oid::db::rfc5280::ID_CE_KEY_USAGE;
use der::asn1::BitStringRef;
use der::{Decode, Reader, SliceReader};

/// The names of the keyUsage bits, from bit 0 (RFC 5280 section 4.2.1.3).
const KEY_USAGES: [&str; 9] = [
    "digitalSignature",
    "contentCommitment",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

/// What a certificate would say besides its names and its validity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeseenContent {
    /// The subject in the style of RFC 4514; empty if there is none.
    pub subject: String,
    /// The names of its keyUsage bits.
    pub key_usage: Vec<&'static str>,
    /// Its extensions, in their order.
    pub extensions: Vec<ForeseenExtension>,
}

/// An extension that a certificate would carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeseenExtension {
    /// Its object identifier.
    pub oid: ObjectIdentifier,
    /// Its name in the registry, as `id-ce-keyUsage`; empty if it has none.
    pub name: &'static str,
    /// Whether whoever does not understand it must refuse.
    pub critical: bool,
}

pub(super) fn foresee(approved: &Approved, issuer: &IssuerCertificate, addresses: &Addresses) -> Result<ForeseenContent, NotACertificate> {
    // The writer of the certificates themselves writes these, with nothing where the key's identifier would stand.
    let extensions_der = leaf::extensions(approved, &[], approved.key_algorithm(), issuer, addresses);
    let (mut key_usage, mut extensions) = (Vec::new(), Vec::new());
    let mut reader = SliceReader::new(&extensions_der).map_err(|_| NotACertificate)?;
    while !reader.is_finished() {
        let extension = RawExtension::decode(&mut reader).map_err(|_| NotACertificate)?;
        if extension.id == ID_CE_KEY_USAGE {
            let bits = BitStringRef::from_der(extension.value).map_err(|_| NotACertificate)?;
            key_usage = KEY_USAGES.into_iter().zip(bits.bits()).filter(|(_, set)| *set).map(|(name, _)| name).collect();
        }
        extensions.push(ForeseenExtension {
            oid: extension.id,
            name: DB.by_oid(&extension.id).unwrap_or_default(),
            critical: extension.critical,
        });
    }
    Ok(ForeseenContent { subject: text(&write::leaf_name(approved.common_name()))?, key_usage, extensions })
}
