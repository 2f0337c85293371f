//! Certificates out of a file, for the server. Whatever else stands there, private keys above all, never leaves this machine (I9).

use crate::ended::Ended;
use chancery_x509::{CertificateSummary, pem};
use std::io::Read;
use std::path::Path;
use zeroize::Zeroizing;

/// The certificates of a file.
pub(crate) struct Certificates {
    /// In PEM, one after the other.
    pub(crate) pem: String,
    /// What was left out, in words; nothing of its content.
    pub(crate) left_out: Vec<String>,
}

/// Reads certificates, PEM or one in DER; `-` is standard input.
///
/// # Errors
/// [`Ended::File`] if it cannot be read, [`Ended::Usage`] if no certificate stands there.
pub(crate) fn read(path: &Path) -> Result<Certificates, Ended> {
    let mut bytes = Zeroizing::new(Vec::new());
    let done = match path.to_str() {
        Some("-") => std::io::stdin().read_to_end(&mut bytes),
        _ => std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    done.map_err(|source| Ended::File { path: path.to_owned(), source })?;
    let found = certificates(&bytes);
    if found.pem.is_empty() {
        let rest = found.left_out.iter().map(|what| format!(", but {what}")).collect::<String>();
        return Err(Ended::Usage(format!("{}: no certificate stands there{rest}", path.display())));
    }
    Ok(found)
}

fn certificates(bytes: &[u8]) -> Certificates {
    let mut found = Certificates { pem: String::new(), left_out: Vec::new() };
    match std::str::from_utf8(bytes) {
        Ok(text) if pem::is_pem(bytes) => {
            for block in pem::each(text) {
                match block {
                    Ok(block) if block.label == pem::CERTIFICATE => found.add(&block.der),
                    Ok(block) => found.left_out.push(format!("a block {}", block.label)),
                    Err(_) => found.left_out.push("a damaged block".to_owned()),
                }
            }
        }
        _ => found.add(bytes),
    }
    found
}

impl Certificates {
    /// Under whatever label: what is sent was read as a certificate.
    fn add(&mut self, der: &[u8]) {
        match CertificateSummary::from_der(der) {
            Ok(_) => self.pem += &pem::encode(pem::CERTIFICATE, der),
            Err(_) => self.left_out.push("something that is no version 3 certificate".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A self-signed certificate on P-256, DER in base64.
    const CERTIFICATE: &str = "MIIBfzCCASWgAwIBAgIUUrIKUhcH/tjGwFPZTx8Gp5g4al0wCgYIKoZIzj0EAwIw\n\
        FDESMBAGA1UEAwwJYS5leGFtcGxlMCAXDTI2MTEyMTA1MjQzNVoYDzIxMjYxMDI4\n\
        MDUyNDM1WjAUMRIwEAYDVQQDDAlhLmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjO\n\
        PQMBBwNCAARhkUD+T66jwP1vXqFsTFk0jZX/eo3tIitXCm7KV9MOK/z62YvWOFv3\n\
        74IFGTiZbDPIRtrXXxFGGJPILcJJiBAVo1MwUTAdBgNVHQ4EFgQUNvAWqcubqJ8G\n\
        OdHJzqFt1IxqdLIwHwYDVR0jBBgwFoAUNvAWqcubqJ8GOdHJzqFt1IxqdLIwDwYD\n\
        VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA0CmhatEhariCfJYTl5pL\n\
        SoXtFrd0WP0PyKrmdwfjfr8CIGJTUAhCgQp2Uz8wv4Hm5iwWWEmQq5IvARzppf3z\n\
        kwlx";

    #[test]
    fn private_keys_stay_here() {
        let good = format!("-----BEGIN CERTIFICATE-----\n{CERTIFICATE}\n-----END CERTIFICATE-----\n");
        let blocks = pem::decode(&good).unwrap();
        let secret = [7; 48];
        let key = pem::encode_private_key(&secret);
        let mislabelled = pem::encode(pem::CERTIFICATE, &secret);
        let text = format!("{}{good}{mislabelled}-----BEGIN EC PRIVATE KEY-----\nAAAA\n{good}", *key);
        let found = certificates(text.as_bytes());
        assert_eq!(found.pem, pem::encode(pem::CERTIFICATE, &blocks[0].der).repeat(2));
        assert_eq!(found.left_out, ["a block PRIVATE KEY", "something that is no version 3 certificate", "a damaged block"]);
        // DER is looked at, too.
        assert_eq!(certificates(&blocks[0].der).pem, pem::encode(pem::CERTIFICATE, &blocks[0].der));
        let found = certificates(&secret);
        assert_eq!((found.pem.as_str(), found.left_out.len()), ("", 1));
    }

    #[test]
    fn a_file_without_a_certificate_is_not_sent() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("key.pem");
        std::fs::write(&path, pem::encode_private_key(&[7; 48]).as_bytes()).unwrap();
        let said = read(&path).err().unwrap().to_string();
        assert!(said.ends_with("no certificate stands there, but a block PRIVATE KEY"), "{said}");
    }
}
