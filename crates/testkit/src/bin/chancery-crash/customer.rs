//! A customer's own authority, made with openssl: its root is trusted, it signs issuers' requests, and its certificates are imported.

use anyhow::{Context, Result, ensure};
use chancery_testkit::csr::csr;
use chancery_testkit::openssl::Openssl;

const ISSUER: &str = "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n\
                      subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";

/// Nothing is made before it is asked for.
#[derive(Default)]
pub(crate) struct Customer {
    openssl: Openssl,
    root: String,
    roots: u32,
}

impl Customer {
    /// A root that signs nothing, PEM.
    pub(crate) fn another_root(&mut self) -> Result<String> {
        self.begin()?;
        self.make_root()
    }

    /// The first root signs what is asked of this customer.
    fn begin(&mut self) -> Result<()> {
        if self.roots == 0 {
            self.root = self.make_root()?;
        }
        Ok(())
    }

    fn make_root(&mut self) -> Result<String> {
        let name = format!("root{}", self.roots);
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        let more = "-addext keyUsage=critical,keyCertSign,cRLSign -days 3650";
        self.run(&format!("req -x509 -new {key} -keyout {name}.key -subj /CN=Customer-{name} {more} -out {name}.pem"))?;
        self.roots += 1;
        self.read(&format!("{name}.pem"))
    }

    /// The chain for an issuer's request: its certificate, then the root; PEM.
    pub(crate) fn chain(&mut self, request: &str) -> Result<String> {
        // With the name constraints that were asked for.
        Ok(self.sign(request, ISSUER, "-days 3000 -copy_extensions copyall")? + &self.root)
    }

    /// A certificate of a server of this name, PEM.
    pub(crate) fn certificate(&mut self, host: &str) -> Result<String> {
        self.sign(&csr(&[host], false).pem, &format!("subjectAltName=DNS:{host}\nauthorityKeyIdentifier=keyid\n"), "-days 60")
    }

    fn sign(&mut self, request: &str, extensions: &str, options: &str) -> Result<String> {
        self.begin()?;
        self.openssl.file("request.pem", request);
        self.openssl.file("extensions", extensions);
        let authority = "-CA root0.pem -CAkey root0.key -CAcreateserial -extfile extensions";
        self.run(&format!("x509 -req -in request.pem {authority} {options} -out signed.pem"))?;
        self.read("signed.pem")
    }

    fn run(&self, arguments: &str) -> Result<()> {
        let said = self.openssl.run(arguments, b"");
        ensure!(said.ok, "openssl {arguments}: {}", said.text);
        Ok(())
    }

    fn read(&self, name: &str) -> Result<String> {
        String::from_utf8(self.openssl.read(name)).context("openssl writes PEM")
    }
}
