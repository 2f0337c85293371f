//! Enrolment: a single-use token becomes the first account of a realm and its first bearer token.

use crate::accounts::{check_name, token_info, token_row};
use crate::deed::{Deed, detail};
use crate::failure::Stop;
use crate::holders::{own_person, told};
use crate::jobs;
use crate::realm::Realm;
use crate::view::{Account, MintedToken, Receipt};
use crate::{Chancery, Failure, places};
use chancery_domain::role::Role;
use chancery_domain::{AccountId, TokenId, enforced};
use chancery_keys::{Token, TokenKind};
use chancery_store::{AccountRow, Page};
use std::sync::Arc;
use std::time::Duration;

/// A new account and its token.
pub struct Enrolled {
    /// The account.
    pub account: Account,
    /// Its first bearer token.
    pub token: MintedToken,
}

impl Chancery {
    /// Uses up an enrolment token: makes the account that it stands for, and a bearer token with this lifetime.
    pub async fn enrol(&self, token: &str, name: &str, lifetime: Duration, request: String) -> Result<Enrolled, Failure> {
        check_name(name)?;
        if lifetime.is_zero() || lifetime > Duration::from_secs(366 * 86_400) {
            return Err(Failure::invalid("expires_in_seconds", "between 1 second and 366 days"));
        }
        let token = Token::parse(token).ok().filter(|token| token.kind() == TokenKind::Enrolment || !enforced!("token.kind.enrolment"));
        let token = token.ok_or_else(|| self.count_anonymous())?;
        let mut left = 8;
        loop {
            match self.try_enrol(&token, name, lifetime, &request, left < 8).await {
                // Somebody used it up at the same moment, or the realm is another than was held here: look again.
                Err(Stop::Again) if left > 0 => left -= 1,
                ended => break ended.map_err(Failure::from),
            }
        }
    }

    async fn try_enrol(&self, token: &Token, name: &str, lifetime: Duration, request: &str, again: bool) -> Result<Enrolled, Stop> {
        let row = self
            .stored(token)
            .await?
            .filter(|row| row.account.is_none() || !enforced!("enrol.token"))
            .ok_or_else(|| self.count_anonymous())?;
        // Only for a token that still holds: of a hundred who lost, each would overtake whoever is reading the realm.
        if again {
            self.forget_realm(token.tenant());
        }
        // Only a realm that nobody belongs to is entered so, however many tokens were made for it. Its epoch is guarded: of two
        // at once one enters.
        let realm = self.realm(token.tenant()).await?;
        if !realm.is_active() && enforced!("suspended.enrol") {
            return Err(Failure::Unauthenticated.into());
        }
        if !realm.view.accounts(Page { before: None, limit: 1 }).await?.is_empty() && enforced!("enrol.empty-realm") {
            return Err(Failure::Unauthenticated.into());
        }
        let enrolled = self.make_enrolled(&realm, row.id, row.roles, name, lifetime, request.to_owned()).await?;
        self.forget_realm(realm.id);
        Ok(enrolled)
    }

    async fn make_enrolled(
        &self,
        realm: &Arc<Realm>,
        used: TokenId,
        roles: Vec<Role>,
        name: &str,
        lifetime: Duration,
        request: String,
    ) -> Result<Enrolled, Stop> {
        let ports = self.ports();
        let now = self.now();
        let id = AccountId::new(&*ports.clock, &*ports.entropy);
        let sealed = realm.seal(&places::ACCOUNT_NAME, id.as_bytes(), name.as_bytes(), ports)?;
        let bearer = Token::generate(TokenKind::Bearer, realm.id, TokenId::new(&*ports.clock, &*ports.entropy), &*ports.entropy);
        let first = token_row(&bearer, Some(id), Vec::new(), now, lifetime);
        let mut deed = Deed::newcomer(realm, id, name, request);
        deed.changes.guard_epoch(realm.record.epoch);
        if enforced!("enrol.single-use") {
            deed.changes.end_token(used, now);
        }
        let holder = own_person(id);
        let row = AccountRow { id, name: sealed, roles: roles.clone(), enabled: true, created_at: now, version: 1, holder };
        deed.changes.insert_account(&row);
        deed.changes.insert_token(&first);
        deed.changes.insert_job(&jobs::token_warning(&first));
        let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
        let mut detail = detail! {
            "account" => id.to_string(), "name" => name, "roles" => names,
            "enrolment" => used.to_string(), "token" => first.id.to_string()
        };
        detail.extend(told(holder));
        let receipt = deed.commit(ports, "account.enrol", *id.as_bytes(), detail).await?;
        let account = Account { id, name: name.to_owned(), roles, enabled: true, created_at: now, holder };
        Ok(Enrolled { account, token: MintedToken { info: token_info(&first), token: Some(bearer), receipt } })
    }

    /// Whether a realm may still be entered by invitation from outside.
    pub(crate) async fn nobody_belongs_to(&self, realm: &Realm) -> Result<(), Failure> {
        if realm.view.accounts(Page { before: None, limit: 1 }).await?.is_empty() || !enforced!("enrol.invitation") {
            return Ok(());
        }
        Err(Failure::Conflict("the realm has accounts already: its own admins make further ones".to_owned()))
    }

    /// Makes an enrolment token for a realm that nobody belongs to yet; with an account in it, its own admins invite.
    pub(crate) async fn invite_first(&self, realm: &Arc<Realm>, role: Role, lifetime: Duration) -> Result<(Token, Receipt), Failure> {
        self.nobody_belongs_to(realm).await?;
        let ports = self.ports();
        let id = TokenId::new(&*ports.clock, &*ports.entropy);
        let token = Token::generate(TokenKind::Enrolment, realm.id, id, &*ports.entropy);
        let row = token_row(&token, None, vec![role], self.now(), lifetime);
        let mut deed = Deed::platform(realm);
        // The newest counts: what was made before it may be lying about somewhere.
        for older in realm.view.open_enrolments().await? {
            if enforced!("enrol.newest-counts") {
                deed.changes.end_token(older, self.now());
            }
        }
        deed.changes.insert_token(&row);
        let detail = detail! { "enrolment" => id.to_string(), "role" => role.as_str(), "expires_at" => row.expires_at.to_string() };
        let receipt = deed.commit(ports, "enrolment.mint", *id.as_bytes(), detail).await?;
        Ok((token, receipt))
    }
}
