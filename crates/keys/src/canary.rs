//! No type prints its secret (I9): secret types cannot be printed at all, and what can be printed is searched for one.

use crate::doubles::{MemoryKeyring, ONE, ROOT, Seeded, software, tenant};
use crate::gcm;
use crate::kek::{KeyError, PurposeKey};
use crate::secret::SecretKey;
use crate::{
    BadToken, KekKind, LeaseError, LeasedCache, OpenError, Place, ProviderError, Purpose, RootKey, SealError, Sealer, SigningError,
    SoftwareKey, SoftwareProvider, TenantKeys, Token, TokenKind,
};
use std::fmt::{Debug, Display};
use std::sync::Arc;

/// Fails to compile when a type can be printed: then there are two candidates for the method.
macro_rules! cannot_be_printed {
    ($($secret:ty),* $(,)?) => {$({
        trait Candidate<Which> {
            fn one_only() {}
        }
        struct WhenDebug;
        struct WhenDisplay;
        impl<T: ?Sized> Candidate<()> for T {}
        impl<T: ?Sized + Debug> Candidate<WhenDebug> for T {}
        impl<T: ?Sized + Display> Candidate<WhenDisplay> for T {}
        <$secret as Candidate<_>>::one_only();
    })*};
}

#[test]
fn types_that_hold_a_secret_cannot_be_printed() {
    cannot_be_printed!(
        SecretKey,
        PurposeKey,
        TenantKeys,
        Sealer,
        RootKey,
        SoftwareKey,
        SoftwareProvider,
        Token,
        LeasedCache<TenantKeys, KeyError>,
    );
}

#[tokio::test]
async fn what_can_be_printed_shows_neither_secret_nor_ciphertext() {
    let keyring: Arc<MemoryKeyring> = Arc::default();
    let provider = software(&keyring, 1).await;
    let rows = tenant(&provider, ONE, 2).await;
    let sealer = Sealer::new(TenantKeys::unlock(&provider, ONE, &rows).await.ok().unwrap());
    let place = Place { table: "t", column: "c", row: b"r" };
    let sealed = sealer.seal(Purpose::Data, &place, b"canary canary", &Seeded::new(3)).unwrap();
    let token = Token::generate(TokenKind::Bearer, ONE, chancery_domain::TokenId::from_bytes([9; 16]), &Seeded::new(4));
    let records: Vec<_> = keyring.records.lock().unwrap().values().cloned().collect();
    let secret = SecretKey::filled_by(|bytes| bytes.fill(0xc5));
    let wrapped = gcm::encrypt(&secret, b"", &[], &[0xc5; 32], &Seeded::new(5)).unwrap();

    let printed = format!("{rows:?} {records:?} {sealed:?} {place:?}");
    let errors: [&dyn Debug; 7] = [
        &ProviderError::DoesNotOpen,
        &KeyError::DoesNotOpen { purpose: Purpose::Data, version: 1 },
        &SealError::Locked(Purpose::Data),
        &sealer.open(Purpose::Log, &place, &sealed).err().unwrap_or(OpenError::Format),
        &SigningError::NotAKey,
        &Token::parse(&token.expose()[1..]).err().unwrap_or(BadToken),
        &LeaseError::Read(Arc::new(provider.unwrap_garbage(&wrapped).await)),
    ];
    let printed = errors.iter().fold(printed, |printed, error| format!("{printed} {error:?}"));
    for canary in [b"canary".to_vec(), ROOT.as_bytes()[10..40].to_vec(), token.expose().as_bytes()[60..80].to_vec()] {
        assert!(!printed.as_bytes().windows(canary.len()).any(|window| window == canary), "{printed}");
    }
    for ciphertext in rows.keys.iter().map(|row| row.wrapped.as_bytes()).chain([sealed.as_bytes(), &wrapped]) {
        let list = format!("{:?}", &ciphertext[4..10]);
        let list = list.trim_matches(['[', ']']);
        assert!(!printed.contains(list) && !printed.contains(&hex::encode(&ciphertext[4..10])), "{printed}");
    }
}

impl SoftwareProvider {
    async fn unwrap_garbage(&self, wrapped: &[u8]) -> ProviderError {
        use crate::KeyProvider;
        let wrapped = chancery_domain::Sealed::from_ciphertext(wrapped.to_vec());
        self.unwrap(ONE, KekKind::Main, b"", &wrapped).await.err().unwrap()
    }
}
