//! PKCS#12 files of every kind of key, opened by openssl, Python's `cryptography` and Java's keytool.

use crate::support::{Authorities, EVERYTHING, MemoryKey, Openssl, Random, python};
use chancery_domain::key::KeyAlgorithm;
use chancery_x509::Signer;
use chancery_x509::pkcs12::{Content, FriendlyName, Password, encode};
use std::process::Command;

const PASSWORD: &str = r#"correct horse ~"{ battery"#;

/// Opens each file named with the password in the file `password`; prints its name and the SHA-256 of what it holds.
const OPENED: &str = r#"
import sys, hashlib
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.serialization import pkcs12
for name in sys.argv[1:]:
    found = pkcs12.load_pkcs12(open(name, "rb").read(), open("password", "rb").read())
    public = lambda key: key.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
    assert public(found.key.public_key()) == public(found.cert.certificate.public_key())
    held = b"".join(c.certificate.public_bytes(s.Encoding.DER) for c in [found.cert, *found.additional_certs])
    print(name, found.cert.friendly_name.decode(), hashlib.sha256(held).hexdigest())
"#;

/// A file with a key of this kind, and the certificates that are to be found in it.
fn file(authorities: &Authorities, algorithm: KeyAlgorithm, name: &str) -> (Vec<u8>, Vec<Vec<u8>>) {
    let key = MemoryKey::numbered(algorithm, 5);
    let leaf = authorities.leaf(key.public_key(), &["a.acme.example"], None);
    let chain = [authorities.issuer.der().to_vec()];
    let name = FriendlyName::new(name.to_owned()).unwrap();
    let content = Content { pkcs8_der: &key.pkcs8, leaf_der: &leaf, chain_der: &chain, friendly_name: Some(&name) };
    let password = Password::new(PASSWORD.to_owned().into()).unwrap();
    (encode(&content, &password, &Random).unwrap(), [vec![leaf], chain.to_vec()].concat())
}

fn authorities() -> Authorities {
    Authorities::new(EVERYTHING)
}

fn folder() -> Openssl {
    let folder = Openssl::new();
    folder.file("password", PASSWORD);
    folder.file("wrong", "correct horse ~\"{ batters");
    folder
}

#[test]
fn openssl_opens_a_file_of_every_kind_of_key_that_it_knows() {
    let (folder, authorities) = (folder(), authorities());
    for algorithm in KeyAlgorithm::CLASSICAL {
        let (file, certificates) = file(&authorities, algorithm, "Zürich 1");
        folder.file("file.p12", file);
        let said = folder.ok("pkcs12 -in file.p12 -passin file:password -info -nodes -out opened.pem");
        assert!(said.contains("MAC: sha256, Iteration 200000"), "{said}");
        let encryption = "PBES2, PBKDF2, AES-256-CBC, Iteration 200000, PRF hmacWithSHA256";
        assert_eq!(said.matches(encryption).count(), 2, "{said}");
        // The key is whole and the leaf's own; the certificates are all there.
        folder.ok("pkey -in opened.pem -check -noout");
        assert_eq!(folder.ok("pkey -in opened.pem -pubout"), folder.ok("x509 -in opened.pem -noout -pubkey"), "{algorithm:?}");
        let opened = String::from_utf8_lossy(&folder.read("opened.pem")).into_owned();
        assert_eq!(opened.matches("friendlyName: Z").count(), 2, "of the key and of its certificate");
        assert_eq!(opened.matches("localKeyID: ").count(), 2);
        let found = chancery_x509::pem::decode(&opened).unwrap();
        let found: Vec<_> = found.iter().filter(|block| block.label == "CERTIFICATE").map(|block| block.der.to_vec()).collect();
        assert_eq!(found, certificates);
        assert!(!folder.run("pkcs12 -in file.p12 -passin file:wrong -noout").0);
    }
}

#[test]
fn python_opens_a_file_of_every_kind_of_key_but_ml_dsa() {
    let (folder, authorities) = (folder(), authorities());
    let (mut names, mut expected) = (Vec::new(), String::new());
    for algorithm in KeyAlgorithm::CLASSICAL {
        let (file, certificates) = file(&authorities, algorithm, "Zürich 1");
        folder.file(algorithm.as_str(), file);
        let held = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &certificates.concat());
        let held: String = held.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        expected += &format!("{} Zürich 1 {held}\n", algorithm.as_str());
        names.push(algorithm.as_str());
    }
    let (opened, said) = python(&folder, OPENED, &names);
    assert!(opened, "{said}");
    assert_eq!(said, expected);
    folder.file("password", "correct horse ~\"{ batters");
    let (opened, said) = python(&folder, OPENED, &names[..1]);
    assert!(!opened && said.contains("Invalid password"), "{said}");
}

#[test]
#[ignore = "needs Java's keytool (Debian's openjdk-17-jre-headless: 44 MB, 189 MB installed): cargo test -p chancery-x509 keytool -- --ignored"]
fn keytool_lists_a_file_of_every_kind_of_key_that_it_knows() {
    let (folder, authorities) = (folder(), authorities());
    for algorithm in KeyAlgorithm::CLASSICAL {
        folder.file("file.p12", file(&authorities, algorithm, "zurich").0);
        let keytool = |password: &str| {
            let mut command = Command::new("keytool");
            command.args(["-list", "-v", "-storetype", "PKCS12", "-keystore"]).arg(folder.path("file.p12")).args(["-storepass:file"]);
            let output = command.arg(folder.path(password)).output().expect("keytool is installed");
            (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let (listed, said) = keytool("password");
        assert!(listed, "{algorithm:?}: {said}");
        for told in ["Alias name: zurich", "Entry type: PrivateKeyEntry", "Certificate chain length: 2"] {
            assert!(said.contains(told), "{algorithm:?}: {said}");
        }
        assert!(!keytool("wrong").0);
    }
}
