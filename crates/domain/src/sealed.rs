//! Ciphertext as the store keeps it.

use std::fmt;

/// Bytes that only a sealer made and only that sealer opens (I6). The store's sensitive columns take nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Wraps what a sealer produced, or what a sealed column held.
    pub const fn from_ciphertext(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
    /// The ciphertext.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
    /// The ciphertext, owned.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
