//! Keys: who wraps them, how columns are sealed with them, and for how long they stay unwrapped (I6, I9, I13).
//!
//! The chain of one tenant, outermost first: the provider's wrapping key (outside the database) wraps a [`kek`] of each
//! kind; a KEK wraps independent random keys by purpose; a purpose key gives each sealed item a key of its own ([`seal`]).
//! What is stored of this chain are plain rows of sealed bytes; the store keeps them and can open none of them.
//!
//! Adding a provider: one module with its own typed configuration that implements [`provider::KeyProvider`], and a test
//! that runs `provider::suite` over it.

mod aad;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod doubles;
mod gcm;
pub mod kek;
pub mod lease;
pub mod provider;
pub mod root;
pub mod seal;
mod secret;
pub mod signing;
pub mod software;
pub mod token;

pub use kek::{KekKind, KeyError, Purpose, TenantKeyRows, TenantKeys, WrappedKek, WrappedPurposeKey};
pub use lease::{LeaseError, LeasedCache};
pub use provider::{KeyProvider, ProviderError};
pub use root::{RootKey, RootKeyError};
pub use seal::{OpenError, Place, SealError, Sealer};
pub use signing::{SigningError, SoftwareKey};
pub use software::{Keyring, KeyringError, KeyringMaterial, KeyringRecord, SoftwareProvider};
pub use token::{BadToken, Token, TokenKind};
