//! 32 secret bytes that are erased when dropped and cannot be printed (I9).

use chancery_domain::port::Entropy;
use zeroize::Zeroize;

/// A 256-bit symmetric key. On the heap, so that moving the value leaves no copies behind; no `Debug`, no `Clone`.
pub(crate) struct SecretKey(Box<[u8; 32]>);

impl SecretKey {
    pub(crate) fn random(entropy: &dyn Entropy) -> Self {
        Self::filled_by(|bytes| entropy.fill(bytes))
    }
    /// A key whose bytes `fill` writes in place.
    pub(crate) fn filled_by(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut key = Self(Box::new([0; 32]));
        fill(&mut key.0);
        key
    }
    /// `None` unless there are exactly 32 bytes.
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 32] = bytes.try_into().ok()?;
        Some(Self::filled_by(|key| key.copy_from_slice(bytes)))
    }
    pub(crate) const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
