//! Sealed bytes open in their place and nowhere else (I6).

use super::*;
use crate::aad::tests::encoded;
use crate::doubles::{ONE, OTHER, Seeded, software, tenant};

const PLACE: Place<'static> = Place { table: "certificate", column: "names", row: b"row 1" };

async fn sealers() -> (Sealer, Sealer) {
    let provider = software(&Arc::default(), 1).await;
    let mut sealers = Vec::new();
    for (id, seed) in [(ONE, 2), (OTHER, 3)] {
        let rows = tenant(&provider, id, seed).await;
        sealers.push(Sealer::new(TenantKeys::unlock(&provider, id, &rows).await.ok().unwrap()));
    }
    let other = sealers.pop().unwrap();
    (sealers.pop().unwrap(), other)
}

#[tokio::test]
async fn it_opens_in_its_place_and_nowhere_else() {
    let (sealer, foreign) = sealers().await;
    let sealed = sealer.seal(Purpose::Metadata, &PLACE, b"plain", &Seeded::new(5)).unwrap();
    assert_eq!(sealer.open(Purpose::Metadata, &PLACE, &sealed).unwrap().as_slice(), b"plain");
    for elsewhere in [
        Place { table: "order", ..PLACE },
        Place { column: "name", ..PLACE },
        Place { row: b"row 2", ..PLACE },
        Place { table: "certificaten", column: "ames", ..PLACE },
        Place { column: "namesr", row: b"ow 1", ..PLACE },
    ] {
        assert_eq!(sealer.open(Purpose::Metadata, &elsewhere, &sealed), Err(OpenError::DoesNotOpen), "{elsewhere:?}");
    }
    for purpose in [Purpose::Data, Purpose::Log, Purpose::Status, Purpose::Index] {
        assert_eq!(sealer.open(purpose, &PLACE, &sealed), Err(OpenError::DoesNotOpen), "{purpose:?}");
    }
    assert_eq!(foreign.open(Purpose::Metadata, &PLACE, &sealed), Err(OpenError::DoesNotOpen));
}

#[tokio::test]
async fn even_under_the_same_keys_another_tenants_or_versions_bytes_do_not_open() {
    let (sealer, _) = sealers().await;
    let sealed = sealer.seal(Purpose::Data, &PLACE, b"plain", &Seeded::new(5)).unwrap();
    let unshared = |sealer: Sealer| Arc::try_unwrap(sealer.keys).ok().unwrap();
    let posing = Sealer::new(unshared(sealer).posing_as(OTHER));
    assert_eq!(posing.open(Purpose::Data, &PLACE, &sealed), Err(OpenError::DoesNotOpen));
    let back = Sealer::new(unshared(posing).posing_as(ONE));
    assert_eq!(back.open(Purpose::Data, &PLACE, &sealed).unwrap().as_slice(), b"plain");
    let renumbered = Sealer::new(unshared(back).renumbered(2));
    let mut relabelled = sealed.into_bytes();
    relabelled[4] = 2;
    assert_eq!(renumbered.open(Purpose::Data, &PLACE, &Sealed::from_ciphertext(relabelled)), Err(OpenError::DoesNotOpen));
}

#[tokio::test]
async fn no_changed_bit_and_no_cut_opens() {
    let (sealer, _) = sealers().await;
    let sealed = sealer.seal(Purpose::Data, &PLACE, b"plain", &Seeded::new(5)).unwrap().into_bytes();
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let opened = sealer.open(Purpose::Data, &PLACE, &Sealed::from_ciphertext(changed));
        let expected = match bit / 8 {
            0 => OpenError::Format,
            at @ 1..=4 => OpenError::NoKey { purpose: Purpose::Data, version: 1 ^ (1 << ((4 - at) * 8 + bit % 8)) },
            _ => OpenError::DoesNotOpen,
        };
        assert_eq!(opened, Err(expected), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(sealer.open(Purpose::Data, &PLACE, &Sealed::from_ciphertext(sealed[..length].to_vec())).is_err(), "{length} bytes");
    }
}

#[tokio::test]
async fn equal_plaintexts_do_not_show() {
    let (sealer, _) = sealers().await;
    let entropy = Seeded::new(5);
    let [one, other] = [(); 2].map(|()| sealer.seal(Purpose::Data, &PLACE, &[0; 64], &entropy).unwrap());
    assert_ne!(one, other);
    assert_ne!(one.as_bytes()[17..], other.as_bytes()[17..]);
}

#[tokio::test]
async fn the_index_key_only_makes_blind_indexes() {
    let (sealer, foreign) = sealers().await;
    assert_eq!(sealer.seal(Purpose::Index, &PLACE, b"", &Seeded::new(5)), Err(SealError::NotForSealing));
    let blind = sealer.blind("api.example.com").unwrap();
    assert_eq!(sealer.blind("api.example.com").unwrap(), blind);
    assert_eq!(sealer.blind_versions("api.example.com").unwrap(), [blind]);
    assert_ne!(sealer.blind("api.example.org").unwrap(), blind);
    assert_ne!(foreign.blind("api.example.com").unwrap(), blind);
}

#[tokio::test]
async fn a_sealed_item_is_bound_to_use_tenant_table_column_row_purpose_and_version() {
    let (sealer, _) = sealers().await;
    let key = sealer.keys.versions(Purpose::Data).next().unwrap();
    let parts: [&[u8]; 7] = [b"chancery seal v1", ONE.as_bytes(), b"certificate", b"names", b"row 1", b"data", &1_u32.to_be_bytes()];
    assert_eq!(sealer.bound_to(key, &PLACE).as_slice(), encoded(&parts));
}
