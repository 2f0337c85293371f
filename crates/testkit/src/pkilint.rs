//! pkilint, a linter of certificates and CRLs that shares nothing with us, as a judge from outside.

use std::process::Command;
use tempfile::NamedTempFile;

/// What is to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A certificate.
    Certificate,
    /// A CRL that lists end entities' certificates.
    Crl,
    /// A CRL that lists authorities' certificates.
    AuthorityCrl,
}

/// The findings of severity ERROR and above, in words; empty when there are none.
pub fn errors(kind: Kind, document: &[u8]) -> String {
    let (program, arguments): (_, &[&str]) = match kind {
        Kind::Certificate => ("lint_pkix_cert", &["lint"]),
        Kind::Crl => ("lint_crl", &["lint", "-t", "CRL", "-p", "PKIX"]),
        Kind::AuthorityCrl => ("lint_crl", &["lint", "-t", "ARL", "-p", "PKIX"]),
    };
    let file = NamedTempFile::new().expect("a temporary file is made");
    std::fs::write(file.path(), document).expect("it is written");
    let mut command = Command::new(crate::judges::folder().join(program));
    let output = command.args(arguments).args(["-s", "ERROR"]).arg(file.path()).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; run cargo xtask setup"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    // It ends with the number of findings.
    assert_eq!(output.status.success(), text.is_empty(), "{program} ended with {}: {text}", output.status);
    text
}

/// Runs the certificate linter on each file, in one Python, whose start takes longer than a certificate.
const EACH: &str = r#"
import contextlib, io, sys
from pkilint.bin import lint_pkix_cert
for path in sys.argv[1:]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        count = lint_pkix_cert.main(["lint", "-s", "ERROR", path])
    assert (count == 0) == (said.getvalue().strip() == ""), path
    print(count, path.rsplit("/", 1)[1], said.getvalue().replace("\n", " "))
"#;

/// The findings of severity ERROR and above in many certificates, PEM: the names of those that have any, each with its findings.
pub fn errors_in_each(certificates: &[(String, String)]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary directory is made");
    let paths = certificates.iter().map(|(name, certificate)| {
        let path = folder.path().join(name);
        std::fs::write(&path, certificate).expect("it is written");
        path
    });
    let said = crate::python::must(EACH, &paths.collect::<Vec<_>>());
    assert_eq!(said.lines().count(), certificates.len(), "{said}");
    said.lines().filter(|line| !line.starts_with("0 ")).map(str::to_owned).collect()
}
