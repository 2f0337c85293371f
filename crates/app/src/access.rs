//! Who can do what here: the accounts that may act, what their roles come to, and the tokens that speak for them.

use crate::accounts::{account, token_info};
use crate::view::{Access, TokenInfo};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::{AccountRead, Action};
use chancery_domain::{AccountId, Timestamp};
use chancery_store::{AccountRow, Page, TokenRow};
use std::time::Duration;

/// A token that ends within this time is warned of.
pub(crate) const SOON: Duration = Duration::from_secs(14 * 86_400);

impl Chancery {
    /// A page of the accounts that may act, newest first, each with its rights and live tokens.
    pub async fn access(&self, caller: &Caller, page: Page<AccountId>) -> Result<Vec<Access>, Failure> {
        self.permit::<AccountRead>(caller).await?;
        let rows = caller.realm.view.enabled_accounts(page).await?;
        let mut tokens = self.tokens_of(caller, &rows, Timestamp::from_millis(i64::MAX)).await?;
        let access = |row: &AccountRow| {
            let may = |action: &Action| row.roles.iter().any(|role| role.exists_in(caller.tenant()) && role.permits(*action));
            let actions = Action::ALL.iter().copied().filter(may).collect();
            Ok(Access { account: account(&caller.realm, row)?, actions, tokens: take(&mut tokens, row.id) })
        };
        rows.iter().map(access).collect()
    }

    /// The accounts' tokens that live now and no longer after [`SOON`], but for those that have a successor.
    pub(crate) async fn expiring(&self, caller: &Caller, rows: &[AccountRow]) -> Result<Vec<TokenRow>, Failure> {
        let mut tokens = self.tokens_of(caller, rows, self.now().after(SOON)).await?;
        tokens.retain(|token| token.successor.is_none());
        Ok(tokens)
    }

    async fn tokens_of(&self, caller: &Caller, rows: &[AccountRow], until: Timestamp) -> Result<Vec<TokenRow>, Failure> {
        match (rows.last(), rows.first()) {
            (Some(oldest), Some(newest)) => Ok(caller.realm.view.live_tokens((oldest.id, newest.id), self.now(), until).await?),
            _ => Ok(Vec::new()),
        }
    }
}

/// Takes an account's tokens out of those of a page.
pub(crate) fn take(tokens: &mut Vec<TokenRow>, account: AccountId) -> Vec<TokenInfo> {
    tokens.extract_if(.., |token| token.account == Some(account)).map(|token| token_info(&token)).collect()
}
