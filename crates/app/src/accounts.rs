//! Accounts and their tokens.

use crate::bindings;
use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::holders::{self, AskedHolder};
use crate::jobs;
use crate::realm::Realm;
use crate::view::{Account, MintedToken, Receipt, TokenInfo};
use crate::{Caller, Chancery, Failure, places};
use chancery_domain::action::{AccountRead, AccountWrite};
use chancery_domain::binding::Binding;
use chancery_domain::role::Role;
use chancery_domain::{AccountId, TokenId, enforced};
use chancery_keys::{Token, TokenKind};
use chancery_store::{AccountRow, Page, TokenRow};
use std::time::Duration;

/// Tokens live at most this long.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

impl Chancery {
    /// A page of accounts, newest first, each with its tokens that expire soon.
    pub async fn accounts(&self, caller: &Caller, page: Page<AccountId>) -> Result<Vec<(Account, Vec<TokenInfo>)>, Failure> {
        self.permit::<AccountRead>(caller).await?;
        let rows = caller.realm.view.accounts(page).await?;
        let mut tokens = self.expiring(caller, &rows).await?;
        let with_tokens = |row: &AccountRow| Ok((account(&caller.realm, row)?, crate::access::take(&mut tokens, row.id)));
        rows.iter().map(with_tokens).collect()
    }

    /// An account with its tokens.
    pub async fn account(&self, caller: &Caller, id: AccountId) -> Result<(Account, Vec<TokenInfo>), Failure> {
        let (_permit, row) = self.permit_on::<AccountRead, _>(caller, caller.realm.view.account(id).await?).await?;
        let tokens = caller.realm.view.tokens(id).await?;
        Ok((account(&caller.realm, &row)?, tokens.iter().map(token_info).collect()))
    }

    /// Makes an account with these roles, none of which includes what the caller lacks.
    pub async fn create_account(
        &self,
        caller: &Caller,
        name: &str,
        roles: &[Role],
        asked: AskedHolder,
    ) -> Result<(Account, Receipt), Failure> {
        check_name(name)?;
        check_roles(caller, roles)?;
        deciding_anew!(self, caller => self.try_create_account(&caller, name, roles, asked))
    }

    async fn try_create_account(
        &self,
        caller: &Caller,
        name: &str,
        roles: &[Role],
        asked: AskedHolder,
    ) -> Result<(Account, Receipt), Stop> {
        let permit = self.permit::<AccountWrite>(caller).await?;
        if let Some(done) = caller.done_before().await? {
            let row = caller.realm.view.account(AccountId::from_bytes(done.subject)).await?.ok_or(Failure::NotFound)?;
            return Ok((account(&caller.realm, &row)?, done.receipt));
        }
        let gifts: Vec<_> = roles.iter().map(|role| Binding::of(*role)).collect();
        self.may_grant(caller, &gifts).await?;
        let ports = self.ports();
        let id = AccountId::new(&*ports.clock, &*ports.entropy);
        let holder = holders::holder(caller, id, asked).await?;
        let sealed = caller.realm.seal(&places::ACCOUNT_NAME, id.as_bytes(), name.as_bytes(), ports)?;
        let row = AccountRow { id, name: sealed, roles: roles.to_vec(), enabled: true, created_at: self.now(), version: 1, holder };
        self.duties_stay_apart(caller, |holdings| holdings.accounts.push(row.clone())).await?;
        let mut deed = Deed::by(&permit);
        deed.changes.insert_account(&row);
        // Whoever changes the owner's account, or who holds what, at the same moment looks again.
        deed.changes.next_epoch();
        let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
        let mut detail = detail! { "account" => id.to_string(), "name" => name, "roles" => roles };
        detail.extend(holders::told(holder));
        let receipt = deed.commit(ports, "account.create", *id.as_bytes(), detail).await?;
        self.forget_realm(caller.tenant());
        Ok((account(&caller.realm, &row)?, receipt))
    }

    /// Disables an account: its tokens are worth nothing from now on.
    pub async fn disable_account(&self, caller: &Caller, id: AccountId) -> Result<(Account, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_disable_account(&caller, id))
    }

    async fn try_disable_account(&self, caller: &Caller, id: AccountId) -> Result<(Account, Receipt), Stop> {
        let (permit, row) = self.permit_on::<AccountWrite, _>(caller, caller.realm.view.account(id).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((account(&caller.realm, &row)?, done.receipt));
        }
        if !row.enabled && enforced!("account.disabled-already") {
            return Err(Failure::Conflict("the account is disabled already".to_owned()).into());
        }
        let mut deed = Deed::by(&permit);
        deed.changes.disable_account(&row);
        // They go on working, and nobody answers for them: the event names them.
        let owns: Vec<_> = caller.realm.view.owned_accounts(id).await?.iter().map(ToString::to_string).collect();
        let detail = detail! { "account" => id.to_string(), "owns" => owns };
        let receipt = deed.commit(self.ports(), "account.disable", *id.as_bytes(), detail).await?;
        self.forget_realm(caller.tenant());
        Ok((account(&caller.realm, &AccountRow { enabled: false, ..row })?, receipt))
    }

    /// Mints a token for an account whose roles include nothing that the caller lacks.
    pub async fn mint_token(&self, caller: &Caller, account: AccountId, lifetime: Duration) -> Result<MintedToken, Failure> {
        if lifetime.is_zero() || lifetime > LONGEST {
            return Err(Failure::invalid("expires_in_seconds", "between 1 second and 366 days"));
        }
        deciding_anew!(self, caller => self.try_mint_token(&caller, account, lifetime))
    }

    async fn try_mint_token(&self, caller: &Caller, account: AccountId, lifetime: Duration) -> Result<MintedToken, Stop> {
        let view = &caller.realm.view;
        let (permit, row) = self.permit_on::<AccountWrite, _>(caller, view.account(account).await?).await?;
        if let Some(done) = caller.done_before().await? {
            let token = view.token(TokenId::from_bytes(done.subject)).await?.ok_or(Failure::NotFound)?;
            return Ok(MintedToken { info: token_info(&token), token: None, receipt: done.receipt });
        }
        if !row.enabled && enforced!("mint.disabled") {
            return Err(Failure::Conflict("the account is disabled: a token for it would be worth nothing".to_owned()).into());
        }
        holders::check_owned(&row)?;
        self.may_grant(caller, &bindings::of_account(&caller.realm, &row, self.now()).await?).await?;
        let ports = self.ports();
        let id = TokenId::new(&*ports.clock, &*ports.entropy);
        let token = Token::generate(TokenKind::Bearer, caller.tenant(), id, &*ports.entropy);
        let row = token_row(&token, Some(account), Vec::new(), self.now(), lifetime);
        let mut deed = Deed::by(&permit);
        deed.changes.insert_token(&row);
        deed.changes.insert_job(&jobs::token_warning(&row));
        let detail = detail! {
            "account" => account.to_string(), "token" => id.to_string(), "expires_at" => row.expires_at.to_string()
        };
        let receipt = deed.commit(ports, "token.mint", *id.as_bytes(), detail).await?;
        Ok(MintedToken { info: token_info(&row), token: Some(token), receipt })
    }

    /// Revokes a token; every node obeys within 5 s.
    pub async fn revoke_token(&self, caller: &Caller, account: AccountId, id: TokenId) -> Result<(TokenInfo, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_revoke_token(&caller, account, id))
    }

    async fn try_revoke_token(&self, caller: &Caller, account: AccountId, id: TokenId) -> Result<(TokenInfo, Receipt), Stop> {
        let found = caller.realm.view.token(id).await?.filter(|row| row.account == Some(account) || !enforced!("token.account.revoke"));
        let (permit, row) = self.permit_on::<AccountWrite, _>(caller, found).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((token_info(&row), done.receipt));
        }
        if row.ended_at.is_some() && enforced!("token.revoked-already") {
            return Err(Failure::Conflict("the token was revoked already".to_owned()).into());
        }
        let now = self.now();
        let mut deed = Deed::by(&permit);
        deed.changes.end_token(id, now);
        let detail = detail! { "account" => account.to_string(), "token" => id.to_string() };
        let receipt = deed.commit(self.ports(), "token.revoke", *id.as_bytes(), detail).await?;
        self.forget_realm(caller.tenant());
        Ok((token_info(&TokenRow { ended_at: Some(now), ..row }), receipt))
    }
}

/// The row of a new token: its hash, never its secret.
pub(crate) fn token_row(
    token: &Token,
    account: Option<AccountId>,
    roles: Vec<Role>,
    now: chancery_domain::Timestamp,
    lifetime: Duration,
) -> TokenRow {
    TokenRow {
        id: token.id(),
        account,
        roles,
        hash: token.hash(),
        created_at: now,
        expires_at: now.after(lifetime),
        ended_at: None,
        used_at: None,
        successor: None,
    }
}

pub(crate) fn token_info(row: &TokenRow) -> TokenInfo {
    let (used_at, successor) = (row.used_at, row.successor);
    TokenInfo { id: row.id, created_at: row.created_at, expires_at: row.expires_at, ended_at: row.ended_at, used_at, successor }
}

/// Names are for people: printable, short, and never a policy input (THREATS 5).
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let fits = (1..=100).contains(&name.chars().count()) && name.trim() == name && !name.chars().any(char::is_control);
    if fits || !enforced!("name.printable") {
        Ok(())
    } else {
        Err(Failure::invalid("name", "1 to 100 printable characters without blanks at the ends"))
    }
}

/// Roles of the caller's realm; none is right for an account that is bound to roles instead.
pub(crate) fn check_roles(caller: &Caller, roles: &[Role]) -> Result<(), Failure> {
    match roles.iter().find(|role| !role.exists_in(caller.tenant()) && enforced!("roles.realm")) {
        Some(role) => Err(Failure::invalid("roles", format!("{role} does not exist in this realm"))),
        None => Ok(()),
    }
}

pub(crate) fn account(realm: &Realm, row: &AccountRow) -> Result<Account, Failure> {
    let name = realm.open_text(&places::ACCOUNT_NAME, row.id.as_bytes(), &row.name)?;
    let (holder, roles) = (row.holder, row.roles.clone());
    Ok(Account { id: row.id, name, roles, enabled: row.enabled, created_at: row.created_at, holder })
}
