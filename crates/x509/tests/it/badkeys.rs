//! Weak keys before badkeys, an independent collection of checks: it finds the weakness that is refused here, and none in sound keys.
//! Its blocklists are a download and not part of it, so published keys are not judged.

use crate::hostile_keys::{close_primes, roca, with_small_factor};
use crate::support::{MemoryKey, Openssl, python};
use chancery_domain::key::KeyAlgorithm;
use chancery_x509::{PublicKey, Signer, pem};

/// Prints each file's name and the checks that object.
const JUDGE: &str = r#"
import sys
from badkeys import checks
offline = [name for name in checks.defaultchecks if name != "blocklist"]
for name in sys.argv[1:]:
    found = checks.checkpubkey(open(name).read(), checks=offline)
    assert "errmsg" not in found, found
    print(name, *found["results"])
"#;

#[test]
fn badkeys_finds_the_weaknesses_that_are_refused_and_none_in_sound_keys() {
    let folder = Openssl::new();
    let (mut names, mut expected) = (Vec::new(), Vec::new());
    let mut judge = |name: String, spki: &[u8], check: &str| {
        // Both say the same of it.
        assert_eq!(PublicKey::from_spki_der(spki).is_err(), !check.is_empty(), "{name}");
        folder.file(&name, pem::encode("PUBLIC KEY", spki));
        names.push(name);
        expected.push(check.to_owned());
    };
    for factor in [3_u32, 251, 65_519, 65_521] {
        judge(format!("factor-{factor}"), &with_small_factor(factor), "smallfactors");
    }
    for (bits, count) in [(2048, 126), (3072, 126), (4096, 225)] {
        judge(format!("roca-{bits}"), &roca(bits, count), "roca");
    }
    for rounds in [0, 1, 90] {
        judge(format!("close-{rounds}"), &close_primes(rounds), "fermat");
    }
    for algorithm in KeyAlgorithm::ALL {
        judge(algorithm.as_str().to_owned(), MemoryKey::numbered(algorithm, 6).public_key().spki_der(), "");
    }
    let arguments: Vec<&str> = names.iter().map(String::as_str).collect();
    let (done, said) = python(&folder, JUDGE, &arguments);
    assert!(done, "{said}");
    assert_eq!(said.lines().count(), 4 + 3 + 3 + 7);
    for ((line, name), check) in said.lines().zip(&names).zip(&expected) {
        let found: Vec<_> = line.strip_prefix(name).unwrap().split_whitespace().collect();
        // A made-up modulus may be weak in more ways than one.
        assert!(if check.is_empty() { found.is_empty() } else { found.contains(&check.as_str()) }, "{line}: expected {check:?}");
    }
}
