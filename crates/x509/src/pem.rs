//! PEM (RFC 7468): lines of 64 columns out; in, the blocks of a text one by one, whatever stands between them.

use chancery_domain::enforced;
use der::pem::{Decoder, LineEnding, encode_string};
use zeroize::Zeroizing;

/// The label of certificates.
pub const CERTIFICATE: &str = "CERTIFICATE";
/// The label of certification requests.
pub const CERTIFICATE_REQUEST: &str = "CERTIFICATE REQUEST";
/// The older label of certification requests (RFC 7468 section 7).
pub const NEW_CERTIFICATE_REQUEST: &str = "NEW CERTIFICATE REQUEST";
/// The label of certificate revocation lists.
pub const X509_CRL: &str = "X509 CRL";
/// The label of public keys, a SubjectPublicKeyInfo (RFC 7468 section 13).
pub const PUBLIC_KEY: &str = "PUBLIC KEY";
/// The label of PKCS#8 private keys.
pub const PRIVATE_KEY: &str = "PRIVATE KEY";

/// Why a text is no PEM.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PemError {
    /// No block at all.
    #[error("no PEM block: give text that begins with -----BEGIN")]
    Absent,
    /// A block without its end, or whose content is no base64.
    #[error("a PEM block is damaged: it needs matching BEGIN and END lines with base64 of even line length between them")]
    Damaged,
}

/// One block. Its content may be secret, so it is erased when dropped and does not print (I9).
pub struct Block {
    /// What stands after BEGIN.
    pub label: String,
    /// The content.
    pub der: Zeroizing<Vec<u8>>,
}

/// A public document as PEM, ending in a newline.
pub fn encode(label: &str, der: &[u8]) -> String {
    // The encoder fails only on lengths past the address space.
    encode_string(label, LineEnding::LF, der).unwrap_or_default()
}

/// A PKCS#8 private key as PEM; the text is erased when dropped (I9).
pub fn encode_private_key(pkcs8_der: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(encode(PRIVATE_KEY, pkcs8_der))
}

/// Whether this looks like PEM and not like DER.
pub fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(BEGIN.len()).any(|window| window == BEGIN.as_bytes())
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// All blocks of a text, in order.
///
/// # Errors
/// [`PemError`] if there is none or one is damaged.
pub fn decode(text: &str) -> Result<Vec<Block>, PemError> {
    let blocks: Vec<_> = each(text).collect::<Result<_, _>>()?;
    if blocks.is_empty() { Err(PemError::Absent) } else { Ok(blocks) }
}

/// The blocks of a text one by one: a damaged one does not spoil those after it.
pub fn each(text: &str) -> impl Iterator<Item = Result<Block, PemError>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let block = rest.find(BEGIN).and_then(|start| rest.get(start..))?;
        let next = block.get(BEGIN.len()..).and_then(|tail| tail.find(BEGIN)).map_or(block.len(), |at| at + BEGIN.len());
        let (block, after) = block.split_at_checked(next)?;
        rest = after;
        let end = block.find(END).and_then(|end| Some(end + block.get(end..)?.lines().next()?.len()));
        Some(end.and_then(|end| block.get(..end)).ok_or(PemError::Damaged).and_then(|block| decode_block(block.trim_end())))
    })
}

fn decode_block(text: &str) -> Result<Block, PemError> {
    let mut decoder = Decoder::new_detect_wrap(text.as_bytes()).map_err(|_| PemError::Damaged)?;
    // Sized beforehand: a vector that grows would leave copies of a secret behind.
    let mut der = Zeroizing::new(vec![0; decoder.remaining_len()]);
    decoder.decode(&mut der).map_err(|_| PemError::Damaged)?;
    Ok(Block { label: decoder.type_label().to_owned(), der })
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Block({}, {} bytes)", self.label, self.der.len())?;
        if enforced!("redaction.pem") { Ok(()) } else { write!(f, "{:?}", self.der.as_slice()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_in_order_with_text_between() {
        let (first, second) = (vec![1; 100], vec![2; 3]);
        let text = format!("A chain\n{}between\r\n{}after\n", encode(CERTIFICATE, &first), encode(X509_CRL, &second).replace('\n', "\r\n"));
        assert!(text.lines().all(|line| line.len() <= 64));
        let blocks = decode(&text).unwrap();
        let seen: Vec<_> = blocks.iter().map(|b| (b.label.as_str(), b.der.to_vec())).collect();
        assert_eq!(seen, [(CERTIFICATE, first), (X509_CRL, second)]);
    }

    #[test]
    fn damage_is_each_block_s_own() {
        let good = encode(CERTIFICATE, &[1; 3]);
        let text = format!("{good}-----BEGIN CERTIFICATE-----\nAAAA\n{good}-----BEGIN X-----\n!\n-----END X-----\n{good}");
        let seen: Vec<_> = each(&text).map(|block| block.is_ok()).collect();
        assert_eq!(seen, [true, false, true, false, true]);
        assert_eq!(each("no block").count(), 0);
    }

    #[test]
    fn damage_is_named_and_secrets_do_not_print() {
        for (text, error) in [
            ("", PemError::Absent),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", PemError::Damaged),
            ("-----BEGIN CERTIFICATE-----\nAA!A\n-----END CERTIFICATE-----", PemError::Damaged),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END X509 CRL-----", PemError::Damaged),
        ] {
            assert_eq!(decode(text).err(), Some(error), "{text}");
        }
        let key = decode(&encode_private_key(b"secret!")).unwrap();
        assert_eq!(format!("{key:?}"), "[Block(PRIVATE KEY, 7 bytes)]");
    }
}
