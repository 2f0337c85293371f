//! Rotation of tokens: a successor takes a token's place, and both hold for a while.

use crate::accounts::{token_info, token_row};
use crate::bindings;
use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::holders::check_owned;
use crate::jobs;
use crate::view::{MintedToken, RotatedToken};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::AccountWrite;
use chancery_domain::{AccountId, TokenId, enforced};
use chancery_keys::{Token, TokenKind};
use chancery_store::TokenRow;
use std::time::Duration;

/// Old and new token hold together at most this long.
const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 86_400);

impl Chancery {
    /// Mints a successor with the same lifetime; the old token ends after `overlap`, or when it would have anyway.
    pub async fn rotate_token(&self, caller: &Caller, account: AccountId, id: TokenId, overlap: Duration) -> Result<RotatedToken, Failure> {
        if overlap > LONGEST_OVERLAP {
            return Err(Failure::invalid("overlap_seconds", "at most 30 days (2592000)"));
        }
        deciding_anew!(self, caller => self.try_rotate_token(&caller, account, id, overlap))
    }

    async fn try_rotate_token(&self, caller: &Caller, account: AccountId, id: TokenId, overlap: Duration) -> Result<RotatedToken, Stop> {
        let view = &caller.realm.view;
        let found = view.token(id).await?.filter(|row| row.account == Some(account) || !enforced!("token.account.rotate"));
        let (permit, old) = self.permit_on::<AccountWrite, _>(caller, found).await?;
        if let Some(done) = caller.done_before().await? {
            let token = view.token(TokenId::from_bytes(done.subject)).await?.ok_or(Failure::NotFound)?;
            let successor = MintedToken { info: token_info(&token), token: None, receipt: done.receipt };
            return Ok(RotatedToken { successor, replaced: token_info(&old) });
        }
        let now = self.now();
        if let Some(why) = unfit(&old, now) {
            return Err(Failure::Conflict(format!("{why}: mint a new one")).into());
        }
        let row = view.account(account).await?.ok_or(Failure::NotFound)?;
        if !row.enabled && enforced!("rotate.disabled") {
            return Err(Failure::Conflict("the account is disabled: a token for it would be worth nothing".to_owned()).into());
        }
        check_owned(&row)?;
        self.may_grant(caller, &bindings::of_account(&caller.realm, &row, now).await?).await?;
        let ports = self.ports();
        let lifetime = Duration::from_millis(u64::try_from(old.expires_at.millis() - old.created_at.millis()).unwrap_or(0));
        let token = Token::generate(TokenKind::Bearer, caller.tenant(), TokenId::new(&*ports.clock, &*ports.entropy), &*ports.entropy);
        let new = token_row(&token, Some(account), Vec::new(), now, lifetime);
        let until = old.expires_at.min(now.after(overlap));
        let mut deed = Deed::by(&permit);
        deed.changes.insert_token(&new);
        deed.changes.insert_job(&jobs::token_warning(&new));
        // Of two rotations of one token at once the second fails here, and is told so when it looks again.
        deed.changes.succeed_token(id, new.id, until);
        let detail = detail! {
            "account" => account.to_string(), "token" => id.to_string(), "ends_at" => until.to_string(),
            "successor" => new.id.to_string(), "expires_at" => new.expires_at.to_string()
        };
        let receipt = deed.commit(ports, "token.rotate", *new.id.as_bytes(), detail).await?;
        self.forget_realm(caller.tenant());
        let replaced = token_info(&TokenRow { expires_at: until, successor: Some(new.id), ..old });
        Ok(RotatedToken { successor: MintedToken { info: token_info(&new), token: Some(token), receipt }, replaced })
    }
}

/// Why a token cannot be rotated.
fn unfit(token: &TokenRow, now: chancery_domain::Timestamp) -> Option<&'static str> {
    match token {
        TokenRow { ended_at: Some(_), .. } if enforced!("rotate.revoked") => Some("the token was revoked"),
        TokenRow { successor: Some(_), .. } if enforced!("rotate.twice") => Some("the token has a successor already"),
        token if token.expires_at <= now && enforced!("rotate.expired") => Some("the token has expired"),
        _ => None,
    }
}
