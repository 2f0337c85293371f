//! Authentication: from a bearer token to a [`Caller`].

use crate::admission::Admitted;
use crate::bindings;
use crate::places;
use crate::realm::Realm;
use crate::{Chancery, Failure, Once};
use chancery_domain::principal::{Principal, Shown};
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
    believed: Believed,
    /// The last hour in which it was used, in milliseconds, as far as is known here.
    used_at: AtomicI64,
}

/// Who a credential stands for, and until when.
#[derive(Clone)]
pub(crate) struct Believed {
    pub(crate) principal: Arc<Principal>,
    pub(crate) expires_at: Timestamp,
}

impl Credential {
    /// Whether this is its first use in the hour; said once.
    pub(crate) fn first_in(&self, hour: Timestamp) -> bool {
        self.used_at.load(Ordering::Relaxed) < hour.millis() && self.used_at.swap(hour.millis(), Ordering::Relaxed) < hour.millis()
    }
}

impl Caller {
    pub(crate) const fn new(principal: Arc<Principal>, realm: Arc<Realm>, request: String) -> Self {
        Self { principal, realm, request, once: None, place: None, looks_up: false }
    }
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
        let lives = credential.believed.expires_at > self.now() || !enforced!("token.expiry.cached");
        if !matches || !lives {
            return Err(self.count_anonymous());
        }
        if !realm.is_active() && enforced!("suspended.request") {
            return Err(Failure::Suspended);
        }
        self.inner.uses.note(realm.id, token.id(), &credential, self.now());
        Ok(Caller::new(Arc::clone(&credential.believed.principal), realm, request))
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
    pub(crate) async fn has_realm(&self, tenant: TenantId) -> Result<bool, Failure> {
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
        let believed = self.believed(&realm, caller.principal.shown).await?.ok_or(Failure::Unauthenticated)?;
        Ok(Caller { principal: believed.principal, realm, ..caller.clone() })
    }

    /// The same caller later in a long request, if its token and tenant still hold.
    pub(crate) async fn still(&self, caller: &Caller) -> Result<Caller, Failure> {
        let realm = self.realm(caller.tenant()).await?;
        if !realm.is_active() && enforced!("suspended.item") {
            return Err(Failure::Suspended);
        }
        let believed = self.believed(&realm, caller.principal.shown).await?;
        let lives = |believed: &Believed| believed.expires_at > self.now() || !enforced!("token.expiry.item");
        let believed = believed.filter(lives).ok_or(Failure::Unauthenticated)?;
        Ok(Caller { principal: believed.principal, realm, ..caller.clone() })
    }

    /// Who stands behind what was shown, as it is now.
    async fn believed(&self, realm: &Realm, shown: Shown) -> Result<Option<Believed>, Failure> {
        Ok(match shown {
            Shown::Token(id) => self.credential(realm, id).await?.map(|credential| credential.believed.clone()),
            Shown::Key(id) => self.request_key(realm, id).await?.map(|key| key.believed().clone()),
        })
    }

    async fn credential(&self, realm: &Realm, id: TokenId) -> Result<Option<Arc<Credential>>, Failure> {
        if let Some(known) = realm.credentials.find(&id) {
            return Ok(Some(known));
        }
        let Some(token) = realm.view.token(id).await? else { return Ok(None) };
        let (Some(account), None) = (token.account, token.ended_at.filter(|_| enforced!("token.ended.cached"))) else { return Ok(None) };
        let Some(principal) = self.principal(realm, account, Shown::Token(id)).await? else { return Ok(None) };
        let used_at = AtomicI64::new(token.used_at.map_or(i64::MIN, Timestamp::millis));
        let believed = Believed { principal: Arc::new(principal), expires_at: token.expires_at };
        Ok(Some(realm.credentials.keep(id, Credential { hash: token.hash, believed, used_at })))
    }

    /// The account that a credential is of, if it may act.
    pub(crate) async fn principal(&self, realm: &Realm, account: AccountId, shown: Shown) -> Result<Option<Principal>, Failure> {
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
        Ok(Some(Principal { tenant: realm.id, account: account.id, person, shown, name, bindings }))
    }
}
