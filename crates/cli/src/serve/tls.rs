//! The server's own TLS: certificate and key from files.

use crate::config::TlsFiles;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ServerConfig;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds something else.
    #[error("{what} cannot be read from {}: {reason}", path.display())]
    File {
        /// Which.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why. Never the file's content (I9).
        reason: String,
    },
    /// Certificate and key do not go together, or are of an unknown kind.
    #[error("tls_cert and tls_key cannot be used together: {0}")]
    Pair(#[from] rustls::Error),
}

pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let chain = CertificateDer::pem_file_iter(&files.certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    // A file without any is one that is not PEM, too.
    let chain = chain.and_then(|chain| if chain.is_empty() { Err(PemError::NoItemsFound) } else { Ok(chain) });
    let chain = chain.map_err(unreadable("tls_cert", &files.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(unreadable("tls_key", &files.key))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let mut config = builder.with_safe_default_protocol_versions()?.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn unreadable(what: &'static str, path: &Path) -> impl FnOnce(PemError) -> TlsError {
    move |error| {
        let reason = match error {
            PemError::Io(error) => error.to_string(),
            PemError::NoItemsFound => "it holds none, PEM is expected".to_owned(),
            _ => "it is damaged, PEM is expected".to_owned(),
        };
        TlsError::File { what, path: path.to_owned(), reason }
    }
}
