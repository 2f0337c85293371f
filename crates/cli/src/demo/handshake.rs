//! Mutual TLS over a loopback connection, with the new certificates on both sides.

use super::judge::certificates;
use rustls::crypto::{CryptoProvider, aws_lc_rs::default_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Certificate with chain and key, PEM.
pub(super) struct Identity<'a> {
    pub(super) chain: String,
    pub(super) key: &'a str,
}

/// What both sides agreed on.
pub(super) struct Agreed {
    pub(super) protocol: String,
    pub(super) key_exchange: String,
}

/// A server with this identity trusts this root for its callers; a caller that trusts the same root calls it by this name.
/// The error is that of the side that refused.
pub(super) async fn shake_hands(server: &Identity<'_>, caller: &Identity<'_>, root: &str, name: &str) -> Result<Agreed, String> {
    let acceptor = acceptor(server, root)?;
    let connector = connector(caller, root)?;
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let serving = async {
        let (stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
        let mut stream = acceptor.accept(stream).await.map_err(|error| error.to_string())?;
        let mut word = [0; 4];
        stream.read_exact(&mut word).await.map_err(|error| error.to_string())?;
        stream.write_all(&word).await.map_err(|error| error.to_string())?;
        stream.shutdown().await.map_err(|error| error.to_string())?;
        let (_, connection) = stream.get_ref();
        let protocol = connection.protocol_version().map(|version| format!("{version:?}")).unwrap_or_default();
        let key_exchange = connection.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name())).unwrap_or_default();
        Ok(Agreed { protocol: protocol.replace('_', "."), key_exchange })
    };
    let calling = async {
        let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
        #[expect(clippy::disallowed_methods, reason = "to the listener above, whose address nobody else influences")]
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        let mut stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
        stream.write_all(b"ping").await.map_err(|error| error.to_string())?;
        let mut word = Vec::new();
        stream.read_to_end(&mut word).await.map_err(|error| error.to_string())?;
        if word == b"ping" { Ok(()) } else { Err("the answer is not what was sent".to_owned()) }
    };
    let both = tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(serving, calling) }).await;
    let (served, called) = both.map_err(|_| "no handshake within 10 s".to_owned())?;
    // The server's words come first: a caller in TLS 1.3 learns of its refusal only later, and less.
    let agreed = served.map_err(|error: String| format!("the server refused: {error}"))?;
    called.map_err(|error: String| format!("the caller refused: {error}"))?;
    Ok(agreed)
}

fn acceptor(identity: &Identity<'_>, root: &str) -> Result<TlsAcceptor, String> {
    let callers = WebPkiClientVerifier::builder_with_provider(roots(root)?, provider()).build().map_err(|error| error.to_string())?;
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?.with_client_cert_verifier(callers);
    let config = builder.with_single_cert(certificates(&identity.chain)?, private_key(identity.key)?);
    Ok(TlsAcceptor::from(Arc::new(config.map_err(|error| error.to_string())?)))
}

fn connector(identity: &Identity<'_>, root: &str) -> Result<TlsConnector, String> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?.with_root_certificates(roots(root)?);
    let config = builder.with_client_auth_cert(certificates(&identity.chain)?, private_key(identity.key)?);
    Ok(TlsConnector::from(Arc::new(config.map_err(|error| error.to_string())?)))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}

fn roots(pem: &str) -> Result<Arc<RootCertStore>, String> {
    let mut store = RootCertStore::empty();
    for root in certificates(pem)? {
        store.add(root).map_err(|error| error.to_string())?;
    }
    Ok(Arc::new(store))
}

fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, String> {
    // The parser's own error might quote the key (I9).
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| "the private key is not PEM".to_owned())
}
