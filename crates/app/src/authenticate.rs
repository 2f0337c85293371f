//! Authentication: from a bearer token to a [`Caller`].

use crate::admission::Admitted;
use crate::bindings;
use crate::places;
use crate::realm::Realm;
use crate::{Chancery, Failure, Once};
use chancery_domain::principal::Principal;
use chancery_domain::tenant::TenantStatus;
use chancery_domain::{AccountId, TenantId, Timestamp, TokenId, enforced};
use chancery_keys::{Token, TokenKind};
use chancery_store::{StoreError, TokenRow};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// An authenticated principal in its realm, with the request that it makes.
#[derive(Clone)]
pub struct Caller {
    pub(crate) principal: Arc<Principal>,
    pub(crate) realm: Arc<Realm>,
    pub(crate) request: String,
    pub(crate) once: Option<Once>,
    /// Its place, if it came in from outside: at work, or among its tenant's streams.
    pub(crate) place: Option<Arc<Admitted>>,
    /// Whether what was expected of a subject's key did not hold: it is read.
    pub(crate) looks_up: bool,
}

/// What is kept of a token while the lease lasts: never the secret.
pub(crate) struct Credential {
    hash: [u8; 32],
    expires_at: Timestamp,
    principal: Arc<Principal>,
    /// The last hour in which it was used, in milliseconds, as far as is known here.
    used_at: AtomicI64,
}

impl Credential {
    /// Whether this is its first use in the hour; said once.
    pub(crate) fn first_in(&self, hour: Timestamp) -> bool {
        self.used_at.load(Ordering::Relaxed) < hour.millis() && self.used_at.swap(hour.millis(), Ordering::Relaxed) < hour.millis()
    }
}

impl Caller {
    /// The one realm in which the caller is anybody.
    pub fn tenant(&self) -> TenantId {
        self.principal.tenant
    }
    /// The caller's account.
    pub fn account(&self) -> AccountId {
        self.principal.account
    }
    /// The same caller, whose request is to be done once only.
    pub fn once(mut self, once: Option<Once>) -> Self {
        self.once = once;
        self
    }
}

impl Chancery {
    /// Authenticates a bearer token. `request` is the request's id, kept in the events of what it does.
    pub async fn authenticate(&self, token: &str, request: String) -> Result<Caller, Failure> {
        let token = Token::parse(token).ok().filter(|token| token.kind() == TokenKind::Bearer || !enforced!("token.kind.bearer"));
        let token = token.ok_or_else(|| self.count_anonymous())?;
        // A realm is opened, which unwraps its keys and is told in its log, only for a token that holds.
        if !self.inner.realms.holds(token.tenant(), &*self.inner.ports.clock) && self.stored(&token).await?.is_none() {
            return Err(self.count_anonymous());
        }
        let realm = self.realm(token.tenant()).await?;
        let credential = self.credential(&realm, token.id()).await?.ok_or_else(|| self.count_anonymous())?;
        let matches = token.matches(&credential.hash) || !enforced!("token.secret.cached");
        let lives = credential.expires_at > self.now() || !enforced!("token.expiry.cached");
        if !matches || !lives {
            return Err(self.count_anonymous());
        }
        if !realm.is_active() && enforced!("suspended.request") {
            return Err(Failure::Suspended);
        }
        self.inner.uses.note(realm.id, token.id(), &credential, self.now());
        Ok(Caller { principal: Arc::clone(&credential.principal), realm, request, once: None, place: None, looks_up: false })
    }

    /// The stored token, if the one shown holds. A tenant that never was answers as a wrong token does; no key is used.
    pub(crate) async fn stored(&self, token: &Token) -> Result<Option<TokenRow>, Failure> {
        let row = match self.inner.store.tenant(token.tenant()).token(token.id()).await {
            Err(StoreError::NoRealm) if !self.has_realm(token.tenant()).await? => None,
            other => other?,
        };
        Ok(row.filter(|row| {
            let matches = token.matches(&row.hash) || !enforced!("token.secret.stored");
            let not_ended = row.ended_at.is_none() || !enforced!("token.ended.stored");
            matches && not_ended && (row.expires_at > self.now() || !enforced!("token.expiry.stored"))
        }))
    }

    /// Whether there should be a store for the tenant: then it is not the token that is wrong.
    async fn has_realm(&self, tenant: TenantId) -> Result<bool, Failure> {
        let row = self.inner.store.platform().registered(tenant).await?;
        Ok(row.is_some_and(|row| row.status != TenantStatus::Creating))
    }

    /// The same caller after its realm changed; it may have lost its rights meanwhile.
    pub(crate) async fn refresh(&self, caller: &Caller) -> Result<Caller, Failure> {
        let mut realm = self.realm(caller.tenant()).await?;
        // Of many whose write-sets failed on the same change one reads the realm anew; the others find it read.
        if Arc::ptr_eq(&realm, &caller.realm) {
            self.forget_realm(caller.tenant());
            realm = self.realm(caller.tenant()).await?;
        }
        if !realm.is_active() && enforced!("suspended.again") {
            return Err(Failure::Suspended);
        }
        let credential = self.credential(&realm, caller.principal.token).await?.ok_or(Failure::Unauthenticated)?;
        Ok(Caller { principal: Arc::clone(&credential.principal), realm, ..caller.clone() })
    }

    /// The same caller later in a long request, if its token and tenant still hold.
    pub(crate) async fn still(&self, caller: &Caller) -> Result<Caller, Failure> {
        let realm = self.realm(caller.tenant()).await?;
        if !realm.is_active() && enforced!("suspended.item") {
            return Err(Failure::Suspended);
        }
        let credential = self.credential(&realm, caller.principal.token).await?;
        let lives = |credential: &Arc<Credential>| credential.expires_at > self.now() || !enforced!("token.expiry.item");
        let credential = credential.filter(lives).ok_or(Failure::Unauthenticated)?;
        Ok(Caller { principal: Arc::clone(&credential.principal), realm, ..caller.clone() })
    }

    async fn credential(&self, realm: &Realm, id: TokenId) -> Result<Option<Arc<Credential>>, Failure> {
        if let Some(known) = realm.credentials.find(&id) {
            return Ok(Some(known));
        }
        let Some(token) = realm.view.token(id).await? else { return Ok(None) };
        let (Some(account), None) = (token.account, token.ended_at.filter(|_| enforced!("token.ended.cached"))) else { return Ok(None) };
        let Some(account) = realm.view.account(account).await? else { return Ok(None) };
        if !account.enabled && enforced!("account.disabled") {
            return Ok(None);
        }
        let name = match realm.is_active() {
            true => realm.open_text(&places::ACCOUNT_NAME, account.id.as_bytes(), &account.name)?,
            false => String::new(),
        };
        let person = account.holder.person();
        let bindings = match realm.is_active() {
            true => bindings::of_account(realm, &account, self.now()).await?,
            false => Vec::new(),
        };
        let principal = Principal { tenant: realm.id, account: account.id, person, token: id, name, bindings };
        let used_at = AtomicI64::new(token.used_at.map_or(i64::MIN, Timestamp::millis));
        let credential = Credential { hash: token.hash, expires_at: token.expires_at, principal: Arc::new(principal), used_at };
        Ok(Some(realm.credentials.keep(id, credential)))
    }
}
