//! Keys that are malformed, weak or made to be computed from: each refused with the field that is wrong (THREATS 23).

use crate::hostile_csr::Csr;
use crate::support::*;
use chancery_domain::key::KeyAlgorithm;
use chancery_x509::{CertificationRequest, PublicKey, Signer};
use num_bigint::BigUint;

const EC: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
const P384: &[u8] = b"\x06\x05\x2b\x81\x04\x00\x22";
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";
const ML_DSA_65: &[u8] = b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12";
const NULL: &[u8] = &[5, 0];

fn spki(algorithm: &[&[u8]], key: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x30, algorithm), &tlv(3, &[&[0], key])])
}

/// The field, as a requester reads it.
fn refused(spki: &[u8], expected: &str) {
    let alone = PublicKey::from_spki_der(spki).map_err(|error| error.to_string()).expect_err(expected);
    assert!(alone.starts_with("subjectPublicKeyInfo") && alone.contains(expected), "expected {expected:?}, got {alone:?}");
    let key = MemoryKey::numbered(KeyAlgorithm::EcP256, 3);
    let csr = Csr { spki: spki.to_vec(), ..Csr::of(&key) };
    let said = CertificationRequest::from_pem_or_der(&csr.signed(&key)).unwrap_err().to_string();
    assert_eq!(said, format!("certificationRequestInfo.{alone}"));
}

/// A non-negative INTEGER.
fn integer(octets: &[u8]) -> Vec<u8> {
    let zero: &[u8] = if octets.first().is_none_or(|first| first & 0x80 != 0) { &[0] } else { &[] };
    tlv(2, &[zero, octets])
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    spki(&[RSA, NULL], &tlv(0x30, &[&integer(modulus), &integer(exponent)]))
}

fn with_modulus(modulus: &BigUint) -> Vec<u8> {
    rsa(&modulus.to_bytes_be(), &[1, 0, 1])
}

fn sound_modulus() -> Vec<u8> {
    MemoryKey::numbered(KeyAlgorithm::Rsa2048, 3).public_key().spki_der()[33..289].to_vec()
}

fn primes_below(limit: u32) -> Vec<u32> {
    let mut primes: Vec<u32> = Vec::new();
    for candidate in 2..limit {
        if primes.iter().take_while(|prime| *prime * *prime <= candidate).all(|prime| candidate % prime != 0) {
            primes.push(candidate);
        }
    }
    primes
}

/// The first number from here on in these steps that no prime below 2^16 divides.
fn rough(mut number: BigUint, step: &BigUint) -> BigUint {
    let primes = primes_below(1 << 16);
    while primes.iter().any(|prime| &number % *prime == BigUint::ZERO) {
        number += step;
    }
    number
}

fn power_of_two(exponent: u32) -> BigUint {
    BigUint::from(1_u8) << exponent
}

#[test]
fn rsa_exponents() {
    let modulus = sound_modulus();
    let even_below_2_to_the_33: &[u8] = &[1, 0xff, 0xff, 0xff, 0xfe];
    let from_2_to_the_33: [&[u8]; 3] = [&[2, 0, 0, 0, 1], &[1, 0, 0, 0, 0, 0, 0, 0, 1], &modulus];
    let small: [&[u8]; 6] = [&[], &[1], &[3], &[17], &[1, 0, 0], &[0xff, 0xff]];
    for exponent in small.into_iter().chain(from_2_to_the_33).chain([even_below_2_to_the_33, &[1, 0, 2]]) {
        refused(&rsa(&modulus, exponent), "publicExponent");
    }
    for exponent in [&[1, 0, 1][..], &[1, 0, 3], &[1, 0xff, 0xff, 0xff, 0xff]] {
        let key = PublicKey::from_spki_der(&rsa(&modulus, exponent)).unwrap();
        assert_eq!(key.algorithm(), KeyAlgorithm::Rsa2048, "{exponent:02x?}");
    }
}

#[test]
fn rsa_lengths() {
    for bits in [2, 512, 1024, 2047, 2049, 2056, 3071, 3073, 4095, 4097, 8192] {
        let modulus = power_of_two(bits - 1) + 1_u8;
        refused(&with_modulus(&modulus), &format!("modulus: {bits} bits, use 3072, 4096 or 2048"));
    }
    refused(&rsa(&[], &[1, 0, 1]), "modulus: 0 bits");
}

/// RSA-2048 with this factor and another that has no small one.
pub(crate) fn with_small_factor(factor: u32) -> Vec<u8> {
    let cofactor = rough((power_of_two(2047) + power_of_two(2046)) / factor, &BigUint::from(1_u8));
    with_modulus(&(cofactor * factor))
}

#[test]
fn rsa_moduli_with_small_factors() {
    for factor in [3_u32, 5, 251, 257, 65_519, 65_521] {
        refused(&with_small_factor(factor), &format!("modulus: divisible by {factor}"));
    }
    refused(&with_modulus(&(power_of_two(2047) + 2_u8)), "modulus: divisible by 2");
    refused(&with_modulus(&power_of_two(4095)), "modulus: divisible by 2");
}

/// What the faulty library made of so many bits, from the product of so many primes.
pub(crate) fn roca(bits: u32, count: usize) -> Vec<u8> {
    let product: BigUint = primes_below(1500).into_iter().take(count).map(BigUint::from).product();
    let power = BigUint::from(65_537_u32).modpow(&BigUint::from(987_654_321_u32), &product);
    let start = (power_of_two(bits - 1) / &product + 1_u8) * &product + power;
    with_modulus(&rough(start, &product))
}

#[test]
fn rsa_moduli_of_the_roca_form() {
    // The product of as many primes as the faulty library took for each length.
    for (bits, count) in [(2048, 126), (3072, 126), (4096, 225)] {
        refused(&roca(bits, count), "ROCA weakness (CVE-2017-15361)");
    }
}

/// A modulus of two factors that Fermat's method finds after so many rounds: their distance is sqrt(8 rounds sqrt(n)).
pub(crate) fn close_primes(rounds: u32) -> Vec<u8> {
    let one = BigUint::from(1_u8);
    let p = rough(power_of_two(1023) + power_of_two(1022), &one);
    let distance = (&p * (8 * rounds)).sqrt() + 2_u8;
    with_modulus(&(&p * rough(&p + distance, &one)))
}

#[test]
fn rsa_moduli_of_close_primes() {
    let p = rough(power_of_two(1023) + power_of_two(1022), &BigUint::from(1_u8));
    refused(&with_modulus(&(&p * &p)), "modulus: its primes are so close");
    for rounds in [0, 1, 190] {
        refused(&close_primes(rounds), "modulus: its primes are so close");
    }
    assert!(PublicKey::from_spki_der(&close_primes(210)).is_ok());
}

#[test]
fn rsa_encodings() {
    let modulus = sound_modulus();
    let numbers = [integer(&modulus), integer(&[1, 0, 1])].concat();
    let key = tlv(0x30, &[&numbers]);
    for parameters in [&[][..], &[0x30, 0], &[5, 1, 0], &[6, 1, 0x2a], &[2, 1, 0]] {
        refused(&spki(&[RSA, parameters], &key), "algorithm.parameters: not NULL");
    }
    let negative = tlv(0x30, &[&tlv(2, &[&modulus]), &integer(&[1, 0, 1])]);
    let padded = tlv(0x30, &[&tlv(2, &[&[0, 0], &modulus]), &integer(&[1, 0, 1])]);
    let third = tlv(0x30, &[&numbers, &integer(&[7])]);
    for bad in [&key[..key.len() - 1], &[&key[..], &[0]].concat(), &negative, &padded, &third, &integer(&modulus), &[]] {
        refused(&spki(&[RSA, NULL], bad), "subjectPublicKey: not a DER RSAPublicKey");
    }
    assert!(PublicKey::from_spki_der(&spki(&[RSA, NULL], &key)).is_ok());
}

#[test]
fn points_on_p384() {
    let key = MemoryKey::numbered(KeyAlgorithm::EcP384, 3);
    let point = key.public_key().spki_der()[23..].to_vec();
    assert!(PublicKey::from_spki_der(&spki(&[EC, P384], &point)).is_ok());
    let mut off = point.clone();
    off[96] ^= 1;
    refused(&spki(&[EC, P384], &off), "subjectPublicKey: the point is not on P-384");
    refused(&spki(&[EC, P384], &[&[4][..], &[0; 96]].concat()), "subjectPublicKey: the point is not on P-384");
    refused(&spki(&[EC, P384], &[&[4][..], &[0xff; 96]].concat()), "subjectPublicKey: the point is not on P-384");
    let compressed = [&[2 + (point[96] & 1)], &point[1..49]].concat();
    let hybrid = [&[6 + (point[96] & 1)], &point[1..]].concat();
    for bad in [&[0][..], &[0; 97], &compressed, &hybrid, &point[..96], &[&point[..], &[0]].concat(), &[]] {
        refused(&spki(&[EC, P384], bad), "subjectPublicKey: not an uncompressed P-384 point of 97 octets");
    }
    refused(&spki(&[EC, NULL], &point), "algorithm.parameters: explicit curve");
    refused(&spki(&[EC], &point), "algorithm.parameters: absent");
}

#[test]
fn points_on_edwards25519() {
    let key = MemoryKey::numbered(KeyAlgorithm::Ed25519, 3).public_key().spki_der()[12..].to_vec();
    assert!(PublicKey::from_spki_der(&spki(&[ED25519], &key)).is_ok());
    let with = |first: u8, rest: u8, last: u8| [&[first][..], &[rest; 30], &[last]].concat();
    for low in [with(1, 0, 0), with(0, 0, 0), with(0, 0, 0x80), with(0xec, 0xff, 0x7f)] {
        refused(&spki(&[ED25519], &low), "subjectPublicKey: a point of small order");
    }
    for other in [with(0xed, 0xff, 0x7f), with(0xee, 0xff, 0x7f), with(0xff, 0xff, 0xff)] {
        refused(&spki(&[ED25519], &other), "subjectPublicKey: not the canonical encoding");
    }
    refused(&spki(&[ED25519], &with(2, 0, 0)), "subjectPublicKey: not a point of the curve");
    for length in [0, 31, 33, 64] {
        refused(&spki(&[ED25519], &vec![7; length]), &format!("subjectPublicKey: {length} octets, ed25519 keys have 32"));
    }
    refused(&spki(&[ED25519, NULL], &key), "algorithm.parameters: present");
}

#[test]
fn ml_dsa_lengths_and_parameters() {
    let key = MemoryKey::numbered(KeyAlgorithm::MlDsa65, 3).public_key().spki_der()[22..].to_vec();
    assert!(PublicKey::from_spki_der(&spki(&[ML_DSA_65], &key)).is_ok());
    // Of ML-DSA-44 and -87, too.
    for length in [0, 32, 1312, 1951, 1953, 2592] {
        refused(&spki(&[ML_DSA_65], &vec![7; length]), &format!("subjectPublicKey: {length} octets, ml-dsa-65 keys have 1952"));
    }
    refused(&spki(&[ML_DSA_65, NULL], &key), "algorithm.parameters: present");
}

#[test]
fn kinds_that_are_not_offered() {
    let kinds: [(&str, &[u8]); 8] = [
        ("1.2.840.113549.1.1.10", b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"), // id-RSASSA-PSS
        ("1.2.840.113549.2.9", b"\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x09"),        // hmacWithSHA256
        ("1.2.840.10040.4.1", b"\x06\x07\x2a\x86\x48\xce\x38\x04\x01"),             // id-dsa
        ("1.3.132.1.12", b"\x06\x05\x2b\x81\x04\x01\x0c"),                          // id-ecDH
        ("1.3.101.110", b"\x06\x03\x2b\x65\x6e"),                                   // X25519
        ("1.3.101.113", b"\x06\x03\x2b\x65\x71"),                                   // Ed448
        ("2.16.840.1.101.3.4.3.17", b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11"), // ML-DSA-44
        ("2.16.840.1.101.3.4.3.33", b"\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x21"), // HashML-DSA-65
    ];
    let key = MemoryKey::numbered(KeyAlgorithm::Rsa2048, 3).public_key().spki_der()[24..].to_vec();
    for (name, id) in kinds {
        refused(&spki(&[id, NULL], &key), &format!("algorithm: {name} is not supported"));
    }
}
