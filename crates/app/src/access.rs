//! Who can do what here: the accounts that may act, what their roles come to, and the tokens that speak for them.

use crate::accounts::{account, token_info};
use crate::bindings;
use crate::view::{Access, TokenInfo};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::{AccountRead, Action};
use chancery_domain::binding::reach;
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
        let mut accesses = Vec::with_capacity(rows.len());
        for row in &rows {
            let bindings = bindings::of_account(&caller.realm, row, self.now()).await?;
            let may = |action: &Action| !reach(&bindings, *action, caller.tenant(), self.now()).is_nowhere();
            let actions = Action::ALL.iter().copied().filter(may).collect();
            let bindings = bindings.len() - row.roles.len();
            accesses.push(Access { account: account(&caller.realm, row)?, actions, bindings, tokens: take(&mut tokens, row.id) });
        }
        Ok(accesses)
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
