//! Bearer secrets: making them, their text form, and the hash that is all the store keeps.
//!
//! Text form: `chyt_` (bearer) or `chye_` (enrolment, and the bootstrap token), then base64url without padding of
//! `tenant 16 | token id 16 | secret 32 | CRC-32 4`. The checksum (over prefix and content) catches a mistyped or cut
//! token before anything is looked up; it protects nothing.

use crate::secret::SecretKey;
use aws_lc_rs::{constant_time, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_domain::port::Entropy;
use chancery_domain::{TenantId, TokenId, enforced};
use zeroize::Zeroizing;

const CONTENT_LEN: usize = 64;
const PREFIX_LEN: usize = 5;
const BASE64_LEN: usize = (CONTENT_LEN + 4) * 4 / 3 + 1;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Authenticates a service account.
    Bearer,
    /// Enrols an account once; the bootstrap token is one.
    Enrolment,
}

/// A token with its secret: erased when dropped, never printed (I9). Shown once, at its making.
pub struct Token {
    kind: TokenKind,
    tenant: TenantId,
    id: TokenId,
    secret: SecretKey,
}

/// Not a token. Says nothing about the text, which may be a secret all the same (I9).
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a Chancery token: it is cut, mistyped or of another kind; copy it again as it was shown")]
pub struct BadToken;

impl TokenKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Bearer => "chyt_",
            Self::Enrolment => "chye_",
        }
    }
}

impl Token {
    /// A new token with 256 random bits.
    pub fn generate(kind: TokenKind, tenant: TenantId, id: TokenId, entropy: &dyn Entropy) -> Self {
        Self { kind, tenant, id, secret: SecretKey::random(entropy) }
    }

    /// From its text form.
    pub fn parse(text: &str) -> Result<Self, BadToken> {
        let (prefix, encoded) = text.split_at_checked(PREFIX_LEN).ok_or(BadToken)?;
        let kind = [TokenKind::Bearer, TokenKind::Enrolment].into_iter().find(|kind| kind.prefix() == prefix).ok_or(BadToken)?;
        if encoded.len() != BASE64_LEN {
            return Err(BadToken);
        }
        // base64 wants room for whole groups of three.
        let mut decoded = Zeroizing::new([0; CONTENT_LEN + 4 + 3]);
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, decoded.as_mut_slice()).map_err(|_| BadToken)?;
        let decoded = decoded.get(..length).ok_or(BadToken)?;
        let (content, checksum) = decoded.split_first_chunk::<CONTENT_LEN>().ok_or(BadToken)?;
        if checksum != crc32(kind, content).to_be_bytes() && enforced!("token.checksum") {
            return Err(BadToken);
        }
        let (tenant, rest) = content.split_at(16);
        let (id, secret) = rest.split_at(16);
        Ok(Self {
            kind,
            tenant: TenantId::from_slice(tenant).map_err(|_| BadToken)?,
            id: TokenId::from_slice(id).map_err(|_| BadToken)?,
            secret: SecretKey::from_slice(secret).ok_or(BadToken)?,
        })
    }

    /// What it is for.
    pub const fn kind(&self) -> TokenKind {
        self.kind
    }
    /// The tenant it belongs to: compared with the path's before anything is read (I7).
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }
    /// Under which its hash is stored.
    pub const fn id(&self) -> TokenId {
        self.id
    }

    /// What the store keeps: SHA-256 over use, kind, tenant, id and secret, so that a stored hash cannot be moved to
    /// another token. The secret has 256 random bits, so a slow hash would add nothing.
    pub fn hash(&self) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"chancery token v1 ");
        context.update(self.kind.prefix().as_bytes());
        context.update(self.content().as_slice());
        let mut hash = [0; 32];
        hash.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
        hash
    }

    /// Whether this is the token whose hash is stored, in constant time (THREATS 24).
    pub fn matches(&self, stored: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.hash(), stored).is_ok()
    }

    /// The text form, to be shown once to its holder.
    pub fn expose(&self) -> Zeroizing<String> {
        let content = self.content();
        let mut whole = Zeroizing::new([0; CONTENT_LEN + 4]);
        let checksum = crc32(self.kind, &content).to_be_bytes();
        whole.iter_mut().zip(content.iter().chain(&checksum)).for_each(|(to, from)| *to = *from);
        let mut text = Zeroizing::new(String::with_capacity(PREFIX_LEN + BASE64_LEN));
        text.push_str(self.kind.prefix());
        URL_SAFE_NO_PAD.encode_string(whole.as_slice(), &mut text);
        text
    }

    fn content(&self) -> Zeroizing<[u8; CONTENT_LEN]> {
        let mut content = Zeroizing::new([0; CONTENT_LEN]);
        let parts = self.tenant.as_bytes().iter().chain(self.id.as_bytes()).chain(self.secret.expose());
        content.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        content
    }
}

/// CRC-32 (ISO-HDLC, the one of gzip and PNG).
fn crc32(kind: TokenKind, content: &[u8; CONTENT_LEN]) -> u32 {
    let step = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()));
    !kind.prefix().as_bytes().iter().chain(content).fold(u32::MAX, step)
}

#[cfg(test)]
mod tests;
