//! What every key provider must do; each runs it in its own tests.

#![allow(clippy::unwrap_used, reason = "a test suite, although other crates can link it")]

use super::{KeyProvider, ProviderError};
use crate::kek::KekKind;
use chancery_domain::{Sealed, TenantId};

/// Runs all checks. `one` and `other` must be two tenants that the provider has never seen. Panics on the first failure.
pub async fn run(provider: &dyn KeyProvider, one: TenantId, other: TenantId) {
    an_unknown_tenant_is_told_apart(provider, one).await;
    provider.create(one).await.unwrap();
    provider.create(other).await.unwrap();
    what_was_wrapped_unwraps(provider, one).await;
    creating_again_keeps_the_keys(provider, one).await;
    it_opens_only_in_its_place(provider, one, other).await;
    no_changed_bit_opens(provider, one).await;
}

async fn an_unknown_tenant_is_told_apart(provider: &dyn KeyProvider, tenant: TenantId) {
    let wrapped = provider.wrap(tenant, KekKind::Main, b"aad", b"plain").await;
    assert!(matches!(wrapped, Err(ProviderError::UnknownTenant(named)) if named == tenant), "wrapping for an unknown tenant");
    let unwrapped = provider.unwrap(tenant, KekKind::Log, b"aad", &Sealed::from_ciphertext(vec![0; 60])).await;
    assert!(matches!(unwrapped, Err(ProviderError::UnknownTenant(named)) if named == tenant), "unwrapping for an unknown tenant");
}

async fn what_was_wrapped_unwraps(provider: &dyn KeyProvider, tenant: TenantId) {
    for &kind in KekKind::ALL {
        for plain in [&b""[..], b"k", &[7; 32], &[9; 4096]] {
            let wrapped = provider.wrap(tenant, kind, b"aad", plain).await.unwrap();
            let contains = wrapped.as_bytes().windows(plain.len().max(1)).any(|window| window == plain);
            assert!(plain.len() < 32 || !contains, "the wrapped bytes contain the plain ones");
            assert_eq!(provider.unwrap(tenant, kind, b"aad", &wrapped).await.unwrap().as_slice(), plain);
        }
    }
    let twice = [
        provider.wrap(tenant, KekKind::Main, b"aad", b"plain").await.unwrap(),
        provider.wrap(tenant, KekKind::Main, b"aad", b"plain").await.unwrap(),
    ];
    assert!(twice.first() != twice.last(), "equal plaintexts wrap to equal bytes");
}

async fn creating_again_keeps_the_keys(provider: &dyn KeyProvider, tenant: TenantId) {
    let wrapped = provider.wrap(tenant, KekKind::Main, b"aad", b"plain").await.unwrap();
    provider.create(tenant).await.unwrap();
    assert_eq!(provider.unwrap(tenant, KekKind::Main, b"aad", &wrapped).await.unwrap().as_slice(), b"plain");
}

async fn it_opens_only_in_its_place(provider: &dyn KeyProvider, one: TenantId, other: TenantId) {
    let wrapped = provider.wrap(one, KekKind::Main, b"aad", b"plain").await.unwrap();
    for (tenant, kind, aad) in
        [(other, KekKind::Main, &b"aad"[..]), (one, KekKind::Log, b"aad"), (one, KekKind::Main, b"aae"), (one, KekKind::Main, b"")]
    {
        let opened = provider.unwrap(tenant, kind, aad, &wrapped).await;
        assert!(matches!(opened, Err(ProviderError::DoesNotOpen)), "opened as {tenant}, {kind:?}, {aad:?}");
    }
}

async fn no_changed_bit_opens(provider: &dyn KeyProvider, tenant: TenantId) {
    let wrapped = provider.wrap(tenant, KekKind::Log, b"aad", b"plain").await.unwrap().into_bytes();
    for bit in 0..wrapped.len() * 8 {
        let flip = |(at, byte): (usize, &u8)| if at == bit / 8 { byte ^ (1 << (bit % 8)) } else { *byte };
        let changed = Sealed::from_ciphertext(wrapped.iter().enumerate().map(flip).collect());
        let opened = provider.unwrap(tenant, KekKind::Log, b"aad", &changed).await;
        assert!(matches!(opened, Err(ProviderError::DoesNotOpen)), "opened with bit {bit} changed");
    }
    for length in 0..wrapped.len() {
        let cut = Sealed::from_ciphertext(wrapped.iter().copied().take(length).collect());
        let opened = provider.unwrap(tenant, KekKind::Log, b"aad", &cut).await;
        assert!(matches!(opened, Err(ProviderError::DoesNotOpen)), "opened when cut to {length} bytes");
    }
}
