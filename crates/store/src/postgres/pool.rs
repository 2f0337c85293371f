//! Connections of the restricted role.

use super::error::store_error;
use super::text::Texts;
use super::tls::MakeTls;
use crate::{Place, Shares, StoreError};
use chancery_domain::TenantId;
use deadpool_postgres::{Manager, ManagerConfig, Object, PoolError, RecyclingMethod, Runtime};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::{Client, Config, NoTls};

/// How long a caller waits for a connection.
const WAIT: Duration = Duration::from_secs(5);
/// Settings of every connection. Every query is led by a key: a plan made while a table was small must not outlive its growth.
const OPTIONS: &str = "-c search_path=tenant,platform -c statement_timeout=8s -c lock_timeout=4s \
     -c idle_in_transaction_session_timeout=10s -c enable_seqscan=off -c jit=off";

/// The pool and the rewritten texts of its statements.
pub(super) struct Pool {
    pool: deadpool_postgres::Pool,
    shares: Shares,
    pub(super) texts: Texts,
}

impl Pool {
    pub(super) fn new(config: &Config, connections: usize) -> Result<Arc<Self>, StoreError> {
        let mut config = config.clone();
        let options = [config.get_options().unwrap_or_default(), OPTIONS].join(" ");
        config.options(options).connect_timeout(WAIT).application_name("chancery");
        // A connection in doubt is never given back, and tenants are set for one transaction: nothing is left to reset.
        let recycle = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match tls(&config)? {
            Some(tls) => Manager::from_config(config, tls, recycle),
            None => Manager::from_config(config, NoTls, recycle),
        };
        let connections = connections.max(1);
        let builder = deadpool_postgres::Pool::builder(manager).max_size(connections).runtime(Runtime::Tokio1);
        let pool = builder.wait_timeout(Some(WAIT)).create_timeout(Some(WAIT)).build();
        let pool = pool.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Arc::new(Self { pool, shares: Shares::of_each(connections / 4), texts: Texts::default() }))
    }

    /// Waits for a place among the tenant's reads. Its commits need none: there is one at a time.
    pub(super) async fn share(&self, tenant: TenantId) -> Result<Option<Place>, StoreError> {
        // The platform's are short, and what every tenant waits for.
        if tenant == TenantId::PLATFORM {
            return Ok(None);
        }
        let late = |_| StoreError::Unavailable("the tenant's other reads hold all connections of its share".to_owned());
        tokio::time::timeout(WAIT, self.shares.place(tenant)).await.map(Some).map_err(late)
    }

    pub(super) async fn lease(&self) -> Result<Lease, StoreError> {
        match self.pool.get().await {
            Ok(object) => Ok(Lease(Some(object))),
            Err(PoolError::Backend(error)) => Err(StoreError::Unavailable(store_error(&error).to_string())),
            Err(error) => Err(StoreError::Unavailable(format!("no connection: {error}"))),
        }
    }
}

/// The connector, where the URL asks for TLS.
pub(super) fn tls(config: &Config) -> Result<Option<MakeTls>, StoreError> {
    if config.get_ssl_mode() == tokio_postgres::config::SslMode::Disable {
        return Ok(None);
    }
    MakeTls::new().map(Some).map_err(|error| StoreError::Unavailable(format!("TLS to the database: {error}")))
}

/// A connection in use. It is closed when dropped: only who knows that no transaction is open on it gives it back (THREATS 6).
pub(super) struct Lease(Option<Object>);

impl Lease {
    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Deref for Lease {
    type Target = Object;
    #[expect(clippy::expect_used, reason = "the connection is taken out only by consuming the lease")]
    fn deref(&self) -> &Object {
        self.0.as_ref().expect("a lease has its connection")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

/// One connection outside any pool; it ends with the client.
pub(super) async fn connect(config: &Config) -> Result<Client, StoreError> {
    let failed = |error: tokio_postgres::Error| store_error(&error);
    let mut config = config.clone();
    config.connect_timeout(WAIT).application_name("chancery");
    match tls(&config)? {
        Some(tls) => {
            let (client, connection) = config.connect(tls).await.map_err(failed)?;
            tokio::spawn(connection);
            Ok(client)
        }
        None => {
            let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
            tokio::spawn(connection);
            Ok(client)
        }
    }
}
