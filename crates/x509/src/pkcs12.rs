//! PKCS#12 files (RFC 7292): a private key with its certificate and chain, under a password.
//!
//! Key and certificates are each encrypted by PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC (RFC 8018 sections 6.2 and A.4); the whole
//! carries an HMAC-SHA256 under a key of RFC 7292 appendix B, as PBMAC1 (RFC 9579) is too new for many readers, OpenSSL 3.0 among them.

use crate::der_out::{BMP_STRING, DerOut, NULL, OCTET_STRING, SEQUENCE, SET, context, context_constructed};
use aws_lc_rs::cipher::{AES_256, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{Context, SHA256, digest};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{hmac, pbkdf2};
use chancery_domain::port::Entropy;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_DATA, ID_ENCRYPTED_DATA};
use const_oid::db::rfc5912::ID_SHA_256;
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// Rounds of each derivation: key, certificates and MAC, as whoever guesses takes the cheapest. Readers refuse files with many more.
pub const ITERATIONS: u32 = 200_000;

const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
const SHROUDED_KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERTIFICATE_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
const X509_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");
const FRIENDLY_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.20");
const LOCAL_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.21");

/// What a file is to hold.
pub struct Content<'a> {
    /// The private key, PKCS#8 DER, of whatever kind.
    pub pkcs8_der: &'a [u8],
    /// Its certificate, DER.
    pub leaf_der: &'a [u8],
    /// The certificates above it, DER, in order.
    pub chain_der: &'a [Vec<u8>],
    /// What programs call the entry.
    pub friendly_name: Option<&'a FriendlyName>,
}

/// A password: erased when dropped, does not print (I9).
pub struct Password(Zeroizing<String>);

/// A text that is no password for a file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadPassword {
    /// Too short or too long.
    #[error("12 to 128 characters: whoever gets hold of the file may try as many passwords as they like")]
    Length,
    /// Other characters than printable ASCII.
    #[error("printable ASCII characters only: others are read differently by different programs")]
    Characters,
}

/// What programs call an entry: 1 to 64 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FriendlyName(String);

/// A text that is no name for an entry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("1 to 64 characters of the basic multilingual plane, without control characters")]
pub struct BadFriendlyName;

/// The cipher failed: a defect.
#[derive(Debug, thiserror::Error)]
#[error("the cipher of a PKCS#12 file failed")]
pub struct CipherFailed;

impl Password {
    /// Takes a password.
    ///
    /// # Errors
    /// [`BadPassword`].
    pub fn new(text: Zeroizing<String>) -> Result<Self, BadPassword> {
        if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(BadPassword::Characters);
        }
        if !(12..=128).contains(&text.len()) {
            return Err(BadPassword::Length);
        }
        Ok(Self(text))
    }
}

impl FriendlyName {
    /// Takes a name.
    ///
    /// # Errors
    /// [`BadFriendlyName`].
    pub fn new(text: String) -> Result<Self, BadFriendlyName> {
        let plain = text.chars().all(|c| u32::from(c) <= 0xffff && !c.is_control());
        if plain && (1..=64).contains(&text.chars().count()) { Ok(Self(text)) } else { Err(BadFriendlyName) }
    }
}

/// Writes a file. Takes three derivations of [`ITERATIONS`] rounds: a good part of a second of a core.
///
/// # Errors
/// [`CipherFailed`].
pub fn encode(content: &Content<'_>, password: &Password, entropy: &dyn Entropy) -> Result<Vec<u8>, CipherFailed> {
    let certificates = encrypted(&certificates(content), password, entropy)?;
    let key = encrypted(content.pkcs8_der, password, entropy)?;
    let safe = DerOut::document(certificates.1.len() + key.1.len() + 1024, |out| {
        out.nested(SEQUENCE, |out| {
            content_info(out, ID_ENCRYPTED_DATA, |out| {
                out.nested(SEQUENCE, |out| {
                    out.unsigned(0);
                    out.nested(SEQUENCE, |out| {
                        out.oid(ID_DATA);
                        out.raw(&certificates.0);
                        out.value(context(0), &certificates.1);
                    });
                });
            });
            content_info(out, ID_DATA, |out| out.nested(OCTET_STRING, |out| out.nested(SEQUENCE, |out| key_bag(out, content, &key))));
        });
    });
    let salt = random::<16>(entropy);
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*mac_key(password, &salt)), &safe);
    Ok(DerOut::document(safe.len() + 128, |out| {
        out.nested(SEQUENCE, |out| {
            out.unsigned(3);
            content_info(out, ID_DATA, |out| out.value(OCTET_STRING, &safe));
            out.nested(SEQUENCE, |out| {
                out.nested(SEQUENCE, |out| {
                    out.nested(SEQUENCE, |out| {
                        out.oid(ID_SHA_256);
                        out.value(NULL, &[]);
                    });
                    out.value(OCTET_STRING, mac.as_ref());
                });
                out.value(OCTET_STRING, &salt);
                out.unsigned(u64::from(ITERATIONS));
            });
        });
    }))
}

/// `ContentInfo` (RFC 5652 section 3).
fn content_info(out: &mut DerOut, id: ObjectIdentifier, content: impl FnOnce(&mut DerOut)) {
    out.nested(SEQUENCE, |out| {
        out.oid(id);
        out.nested(context_constructed(0), content);
    });
}

/// `SafeContents` with the certificates, the leaf first.
fn certificates(content: &Content<'_>) -> Vec<u8> {
    let all = std::iter::once((content.leaf_der, true)).chain(content.chain_der.iter().map(|der| (der.as_slice(), false)));
    DerOut::document(4096, |out| {
        out.nested(SEQUENCE, |out| {
            for (der, leaf) in all {
                out.nested(SEQUENCE, |out| {
                    out.oid(CERTIFICATE_BAG);
                    out.nested(context_constructed(0), |out| {
                        out.nested(SEQUENCE, |out| {
                            out.oid(X509_CERTIFICATE);
                            out.nested(context_constructed(0), |out| out.value(OCTET_STRING, der));
                        });
                    });
                    if leaf {
                        attributes(out, content);
                    }
                });
            }
        });
    })
}

/// The `SafeBag` with the encrypted key.
fn key_bag(out: &mut DerOut, content: &Content<'_>, (algorithm, encrypted): &(Vec<u8>, Vec<u8>)) {
    out.nested(SEQUENCE, |out| {
        out.oid(SHROUDED_KEY_BAG);
        out.nested(context_constructed(0), |out| {
            out.nested(SEQUENCE, |out| {
                out.raw(algorithm);
                out.value(OCTET_STRING, encrypted);
            });
        });
        attributes(out, content);
    });
}

/// What ties a key to its certificate: the same localKeyId, and the name.
fn attributes(out: &mut DerOut, content: &Content<'_>) {
    let attribute = |id: ObjectIdentifier, tag: u8, value: &[u8]| {
        DerOut::document(96, |out| {
            out.nested(SEQUENCE, |out| {
                out.oid(id);
                out.nested(SET, |out| out.value(tag, value));
            });
        })
    };
    let mut written = vec![attribute(LOCAL_KEY_ID, OCTET_STRING, digest(&SHA256, content.leaf_der).as_ref())];
    written.extend(content.friendly_name.map(|name| attribute(FRIENDLY_NAME, BMP_STRING, &utf16(&name.0))));
    // X.690 section 11.6: the members of a SET OF stand in the order of their encodings.
    written.sort();
    out.nested(SET, |out| written.iter().for_each(|attribute| out.raw(attribute)));
}

/// The `AlgorithmIdentifier` of PBES2 with its parameters, and the encrypted bytes.
fn encrypted(plaintext: &[u8], password: &Password, entropy: &dyn Entropy) -> Result<(Vec<u8>, Vec<u8>), CipherFailed> {
    let (salt, iv) = (random::<16>(entropy), random::<16>(entropy));
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds(), &salt, password.0.as_bytes(), &mut *key);
    let cipher = UnboundCipherKey::new(&AES_256, &*key).and_then(PaddedBlockEncryptingKey::cbc_pkcs7).map_err(|_| CipherFailed)?;
    // Sized beforehand: encrypted in place, with room for the padding, so that no copy of the key is left behind.
    let mut bytes = Vec::with_capacity(plaintext.len() + 16);
    bytes.extend_from_slice(plaintext);
    cipher.less_safe_encrypt(&mut bytes, EncryptionContext::Iv128(FixedLength::from(iv))).map_err(|_| CipherFailed)?;
    let algorithm = DerOut::document(128, |out| {
        out.nested(SEQUENCE, |out| {
            out.oid(PBES2);
            out.nested(SEQUENCE, |out| {
                out.nested(SEQUENCE, |out| {
                    out.oid(PBKDF2);
                    out.nested(SEQUENCE, |out| {
                        out.value(OCTET_STRING, &salt);
                        out.unsigned(u64::from(ITERATIONS));
                        out.nested(SEQUENCE, |out| {
                            out.oid(HMAC_SHA256);
                            out.value(NULL, &[]);
                        });
                    });
                });
                out.nested(SEQUENCE, |out| {
                    out.oid(AES_256_CBC);
                    out.value(OCTET_STRING, &iv);
                });
            });
        });
    });
    Ok((algorithm, bytes))
}

/// RFC 7292 appendix B.2 with SHA-256 and purpose 3: as long a key as one hash, so its steps 6 B and C have nothing to do.
fn mac_key(password: &Password, salt: &[u8; 16]) -> Zeroizing<[u8; 32]> {
    const BLOCK: usize = 64;
    // Appendix B.1: big-endian UTF-16 with a terminating NUL.
    let mut text = Zeroizing::new(Vec::with_capacity(2 * password.0.len() + 2));
    text.extend(password.0.bytes().flat_map(|byte| [0, byte]));
    text.extend([0, 0]);
    let filled = |bytes: &[u8]| {
        let length = bytes.len().div_ceil(BLOCK) * BLOCK;
        let mut filled = Zeroizing::new(Vec::with_capacity(length));
        filled.extend(bytes.iter().copied().cycle().take(length));
        filled
    };
    let mut context = Context::new(&SHA256);
    for part in [&[3; BLOCK], filled(salt).as_slice(), filled(&text).as_slice()] {
        context.update(part);
    }
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(context.finish().as_ref());
    for _ in 1..ITERATIONS {
        let next = digest(&SHA256, &*key);
        key.copy_from_slice(next.as_ref());
    }
    key
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

const fn rounds() -> NonZeroU32 {
    match NonZeroU32::new(ITERATIONS) {
        Some(rounds) => rounds,
        None => NonZeroU32::MIN,
    }
}
