//! Keys whose private halves are printed in books: no certificate may say that somebody holds one of them (THREATS 23).
//!
//! To add one: its name and the SHA-256 of its DER `SubjectPublicKeyInfo`, in ascending order. The keys of the Debian weakness
//! (CVE-2008-0166) are not among them: they are several hundred thousand, this table is for a few, and no package registry has the
//! lists (Debian's packages of them are gone; badkeys, on PyPI, downloads its own).

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256 of `SubjectPublicKeyInfo`s in lower-case hexadecimal, ascending.
const COMPROMISED: [&str; 10] = [
    // RFC 8032 section 7.1, TEST 1
    "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9",
    // RFC 6979 appendix A.2.6, P-384
    "2f95601fa82060b909bfc6b979dbd303d34d34e0afb27ea496beac362f242a4b",
    // RFC 6979 appendix A.2.5, P-256
    "5a7a78cca4a0f420d9bc62bb669c3c2759e39f723d3ae10dcbe0f0815a07ecd4",
    // RFC 8032 section 7.1, TEST 3
    "8d39ba50abe50f77b6bb8ae7b6927aff7ffbeba35ad2837c0e51e82bcbcc60d5",
    // RFC 9500 section 2.1, testRSA2048
    "8fb6bad671cfe698393c453357da61b56d757ab8c0f3fb9c87f2849e63131878",
    // RFC 8410 section 10.3
    "a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f",
    // RFC 9500 section 2.3, testECCP256
    "b2b04340cfaee616ec9c2c62d261b208e54bb197498df52e8cadede23ac0ba5e",
    // RFC 9881 appendix C, the seed 00 to 1f
    "b8b62131bfbe84433efb2273d7f5b87f7a22854a2cfd366fc2aead86d837c52d",
    // RFC 9500 section 2.3, testECCP384
    "c4c10105a0be0ed4dd3354428dc38a9bfee64da141ce16e75c94eda272f9dd3a",
    // RFC 8032 section 7.1, TEST 2
    "deb2ded39dc26fce0e6085b6fc34bf6b5941913bbfe2ea614113cff9e004c170",
];

/// Whether the private half of this key is publicly known. Since a key has one accepted encoding only, so has its hash.
pub(crate) fn is_compromised(spki_der: &[u8]) -> bool {
    let hash: String = digest(&SHA256, spki_der).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    COMPROMISED.binary_search(&hash.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{BadKey, PublicKey};
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
        ML_DSA_65_SIGNING, PqdsaKeyPair, RsaPublicKeyComponents,
    };

    fn octets(hex: &str) -> Vec<u8> {
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
    }

    fn elliptic(curve: &'static EcdsaSigningAlgorithm, head: &str, scalar: &str) -> Vec<u8> {
        let pair = EcdsaKeyPair::from_pkcs8(curve, &octets(&[head, scalar].concat())).unwrap();
        pair.public_key().as_der().unwrap().as_ref().to_vec()
    }

    fn p256(scalar: &str) -> Vec<u8> {
        elliptic(&ECDSA_P256_SHA256_ASN1_SIGNING, "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420", scalar)
    }

    fn p384(scalar: &str) -> Vec<u8> {
        elliptic(&ECDSA_P384_SHA384_ASN1_SIGNING, "304e020100301006072a8648ce3d020106052b81040022043730350201010430", scalar)
    }

    fn edwards(seed: &str) -> Vec<u8> {
        Ed25519KeyPair::from_seed_unchecked(&octets(seed)).unwrap().public_key().as_der().unwrap().as_ref().to_vec()
    }

    /// The private keys as they are published; of the RSA key the modulus.
    fn published() -> Vec<Vec<u8>> {
        let rsa = RsaPublicKeyComponents { n: octets(RSA_MODULUS), e: vec![1, 0, 1] };
        let seed: Vec<u8> = (0..32).collect();
        let ml_dsa = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, &seed).unwrap();
        vec![
            p256("e6cb5bdd80aa45ae9c95e8c15476679ffec953c16851e711e743939589c64fc1"),
            p256("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"),
            p384("e2563328dfabf68188606b91324281c1d58a4456431b09d510b35fecc9f307ca1822846fa2671371a9a81bac0e35749d"),
            p384("6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5"),
            edwards("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
            edwards("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
            edwards("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"),
            edwards("d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842"),
            rsa.as_der().unwrap().as_ref().to_vec(),
            ml_dsa.public_key().as_der().unwrap().as_ref().to_vec(),
        ]
    }

    const RSA_MODULUS: &str = "\
        b0f9e81943a7ae9892aade17ca7c40f8744fed2f8148e6c8eaa27b7d001548fb5192ab28b56c5060b118ccd131e594874c6ca989b56c27296f09fb93a034df32\
        e97c6ff0998cfd8e6f42dda58acd1fa97986f144f3d154d67650175e6854b3a952003bc06887b8455ac2b19f7b2f76504ebc98ec945571b07892150ddc6a74ca\
        0fbcd35497ce81534daf9418844b13aea31f9d5a6b9557bbdf619efd4e887f2d42b8dd8bc987eae1bf89cab85ee21e356305df6c07a8838e3ef41c595dcce43d\
        afc49123ef4d8abba93d3905e4028d7ba91484a27596e07b4b6ed992f077b524d3dcfe7ddd5549be7cce8da035cfa0b3fb8f9e46f732b2a86b460165c08f5313";

    #[test]
    fn published_keys_are_refused_and_no_others_are_listed() {
        assert!(COMPROMISED.is_sorted_by(|one, next| one < next));
        let published = published();
        for spki in &published {
            assert_eq!(PublicKey::from_spki_der(spki).err(), Some(BadKey::Compromised));
        }
        assert_eq!(published.len(), COMPROMISED.len());
        assert!(PublicKey::from_spki_der(&edwards(&"42".repeat(32))).is_ok());
    }
}
