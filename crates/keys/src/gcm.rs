//! AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D), and key derivation by HKDF-SHA256 (RFC 5869).

use crate::secret::SecretKey;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf;
use chancery_domain::port::Entropy;
use zeroize::Zeroizing;

const TAG_LEN: usize = 16;

/// `header || nonce || ciphertext || tag`. The header is not authenticated by itself: whoever calls binds it in `aad`.
pub(crate) fn encrypt(key: &SecretKey, aad: &[u8], header: &[u8], plaintext: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, Unspecified> {
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose())?);
    let mut nonce = [0; NONCE_LEN];
    entropy.fill(&mut nonce);
    let body = header.len() + NONCE_LEN;
    let mut out = Vec::with_capacity(body + plaintext.len() + TAG_LEN);
    out.extend_from_slice(header);
    out.extend_from_slice(&nonce);
    out.resize(body + plaintext.len() + TAG_LEN, 0);
    let (ciphertext, tag) = out.get_mut(body..).and_then(|rest| rest.split_at_mut_checked(plaintext.len())).ok_or(Unspecified)?;
    cipher.seal_out_of_place_scatter(Nonce::assume_unique_for_key(nonce), Aad::from(aad), plaintext, ciphertext, &[], tag)?;
    Ok(out)
}

/// Opens `nonce || ciphertext || tag`, that is, what [`encrypt`] made without its header.
pub(crate) fn decrypt(key: &SecretKey, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose())?);
    let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Unspecified)?;
    let (ciphertext, tag) = body.split_last_chunk::<TAG_LEN>().ok_or(Unspecified)?;
    let mut plaintext = Zeroizing::new(vec![0; ciphertext.len()]);
    cipher.open_separate_gather(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), ciphertext, tag, &mut plaintext)?;
    Ok(plaintext)
}

/// HKDF-Expand: `key` must itself be uniformly random.
pub(crate) fn expand(key: &SecretKey, info: &[&[u8]]) -> Result<SecretKey, Unspecified> {
    fill(&hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, key.expose()), info)
}

/// HKDF with no salt, extract and expand: for keys that somebody else made.
pub(crate) fn derive(key: &SecretKey, info: &[&[u8]]) -> Result<SecretKey, Unspecified> {
    fill(&hkdf::Salt::none(hkdf::HKDF_SHA256).extract(key.expose()), info)
}

fn fill(prk: &hkdf::Prk, info: &[&[u8]]) -> Result<SecretKey, Unspecified> {
    let okm = prk.expand(info, hkdf::HKDF_SHA256)?;
    let mut result = Ok(());
    let key = SecretKey::filled_by(|bytes| result = okm.fill(bytes));
    result.map(|()| key)
}
