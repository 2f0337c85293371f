//! Keys of accounts: registered by whoever proves to hold them, ended, and known again.

use crate::bindings;
use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::holders::check_owned;
use crate::key_reuse::KeyUse;
use crate::realm::Realm;
use crate::view::{AccountKey, Receipt};
use crate::{Caller, Chancery, Failure, places};
use aws_lc_rs::digest::{SHA256, digest};
use chancery_domain::account_key::{KeyPurpose, KeyStatement};
use chancery_domain::action::{AccountRead, AccountWrite, Act, OwnKeyWrite};
use chancery_domain::decision::{KeyHistory, Reason};
use chancery_domain::key::KeyAlgorithm;
use chancery_domain::signature::SignatureAlgorithm;
use chancery_domain::{AccountId, AccountKeyId, Timestamp, enforced};
use chancery_store::AccountKeyRow;
use chancery_x509::{PublicKey, pem};
use std::time::Duration;

/// Keys live at most this long.
const LONGEST: Duration = Duration::from_secs(2 * 366 * 86_400);
/// A statement may lie so long on its way to the server, for who makes a key and who registers it are often two.
const STATED: Duration = Duration::from_secs(86_400);
/// And the clock of who made it may be so much ahead.
const AHEAD: Duration = Duration::from_secs(300);

/// A key to be registered, with the proof that whoever asks has its private half.
#[derive(Clone, Debug)]
pub struct NewAccountKey {
    /// What it is to be for.
    pub purpose: KeyPurpose,
    /// A SubjectPublicKeyInfo, DER or PEM.
    pub public_key: Vec<u8>,
    /// When its holder stated that it is to be this account's.
    pub stated_at: Timestamp,
    /// The signature by the key over the [`KeyStatement`]; with ECDSA an Ecdsa-Sig-Value DER.
    pub proof: Vec<u8>,
    /// What people call it.
    pub label: String,
    /// How long it lives.
    pub lifetime: Duration,
}

impl Chancery {
    /// The keys of an account, newest first.
    pub async fn account_keys(&self, caller: &Caller, account: AccountId) -> Result<Vec<AccountKey>, Failure> {
        let view = &caller.realm.view;
        let found = view.account(account).await?.ok_or(Failure::NotFound)?;
        if found.id == caller.account() && self.holds(caller, OwnKeyWrite::ACTION) {
            self.permit_own::<OwnKeyWrite>(caller).await?;
        } else {
            self.permit::<AccountRead>(caller).await?;
        }
        view.account_keys(account).await?.iter().map(|row| account_key(&caller.realm, row)).collect()
    }

    /// Registers a key: one for requests as a token is minted, one for approvals by the account itself and nobody else.
    pub async fn register_account_key(
        &self,
        caller: &Caller,
        account: AccountId,
        new: &NewAccountKey,
    ) -> Result<(AccountKey, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_register_account_key(&caller, account, new))
    }

    async fn try_register_account_key(
        &self,
        caller: &Caller,
        account: AccountId,
        new: &NewAccountKey,
    ) -> Result<(AccountKey, Receipt), Stop> {
        let (view, now) = (&caller.realm.view, self.now());
        let row = view.account(account).await?.ok_or(Failure::NotFound)?;
        let mut deed = match new.purpose {
            KeyPurpose::Request => Deed::by(&self.permit::<AccountWrite>(caller).await?),
            KeyPurpose::Approve => Deed::by(&self.permit_own::<OwnKeyWrite>(caller).await?),
        };
        if let Some(done) = caller.done_before().await? {
            let key = view.account_key(AccountKeyId::from_bytes(done.subject)).await?.ok_or(Failure::NotFound)?;
            return Ok((account_key(&caller.realm, &key)?, done.receipt));
        }
        if new.purpose == KeyPurpose::Approve && account != caller.account() && enforced!("account-key.approver-own") {
            self.deny(caller, OwnKeyWrite::ACTION).await?;
            return Err(Failure::NotOwn.into());
        }
        if !row.enabled && enforced!("account-key.disabled") {
            return Err(Failure::Conflict("the account is disabled: a key of it would be worth nothing".to_owned()).into());
        }
        if new.purpose == KeyPurpose::Request {
            check_owned(&row)?;
            self.may_grant(caller, &bindings::of_account(&caller.realm, &row, now).await?).await?;
        }
        let (key, thumbprint) = proved(caller, account, new, now)?;
        let known = KeyUse::read_imported(&caller.realm, key.spki_der()).await?;
        if let KeyHistory::Compromised(first) = known.history()
            && enforced!("account-key.compromised")
        {
            let message = format!("this key (first certified in {first}) is compromised: it speaks for nobody; make a new one");
            let reasons = vec![Reason { code: "key-compromised".to_owned(), field: "public_key".to_owned(), message }];
            self.refuse(caller, AccountWrite::ACTION, 0, &reasons).await?;
            return Err(Failure::Refused(reasons).into());
        }
        let id = AccountKeyId::of_thumbprint(&thumbprint);
        if view.account_key(id).await?.is_some() && enforced!("account-key.taken") {
            let why = "this key is registered here, or was: make a new one for each account and purpose";
            return Err(Failure::Conflict(why.to_owned()).into());
        }
        let row = AccountKeyRow {
            id,
            account,
            purpose: new.purpose,
            algorithm: key.algorithm(),
            spki: key.spki_der().to_vec(),
            label: caller.realm.seal(
                &places::ACCOUNT_KEY_LABEL,
                &label_row(id, account, new.purpose),
                new.label.as_bytes(),
                self.ports(),
            )?,
            created_at: now,
            expires_at: now.after(new.lifetime),
            ended_at: None,
        };
        known.guard(&mut deed.changes);
        deed.changes.insert_account_key(&row);
        let detail = detail! {
            "account" => account.to_string(), "key" => id.to_string(), "purpose" => new.purpose.as_str(),
            "algorithm" => key.algorithm().as_str(), "thumbprint" => hex::encode(thumbprint), "label" => new.label.as_str(),
            "stated_at" => new.stated_at.to_string(), "expires_at" => row.expires_at.to_string()
        };
        let receipt = deed.commit(self.ports(), "account-key.register", *id.as_bytes(), detail).await?;
        Ok((account_key(&caller.realm, &row)?, receipt))
    }

    /// Ends a key; every node obeys within 5 s. Its owner may, and whoever may revoke tokens.
    pub async fn end_account_key(&self, caller: &Caller, account: AccountId, id: AccountKeyId) -> Result<(AccountKey, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_end_account_key(&caller, account, id))
    }

    async fn try_end_account_key(&self, caller: &Caller, account: AccountId, id: AccountKeyId) -> Result<(AccountKey, Receipt), Stop> {
        let found = caller.realm.view.account_key(id).await?;
        let found = found.filter(|row| row.account == account || !enforced!("account-key.account.end"));
        let row = found.ok_or(Failure::NotFound)?;
        let mut deed = match row.account == caller.account() && self.holds(caller, OwnKeyWrite::ACTION) {
            true => Deed::by(&self.permit_own::<OwnKeyWrite>(caller).await?),
            false => Deed::by(&self.permit::<AccountWrite>(caller).await?),
        };
        if let Some(done) = caller.done_before().await? {
            return Ok((account_key(&caller.realm, &row)?, done.receipt));
        }
        if row.ended_at.is_some() && enforced!("account-key.ended-already") {
            return Err(Failure::Conflict("the key was ended already".to_owned()).into());
        }
        let now = self.now();
        deed.changes.end_account_key(id, now);
        let detail = detail! { "account" => account.to_string(), "key" => id.to_string(), "purpose" => row.purpose.as_str() };
        let receipt = deed.commit(self.ports(), "account-key.end", *id.as_bytes(), detail).await?;
        self.forget_realm(caller.tenant());
        Ok((account_key(&caller.realm, &AccountKeyRow { ended_at: Some(now), ..row })?, receipt))
    }
}

/// The key and its thumbprint, if it is sound, of a kind that accounts have, and signed that it is to be this account's.
fn proved(caller: &Caller, account: AccountId, new: &NewAccountKey, now: Timestamp) -> Result<(PublicKey, [u8; 32]), Failure> {
    check_form(new)?;
    let spki = spki_der(&new.public_key)?;
    let key = PublicKey::from_spki_der(&spki).map_err(|error| Failure::invalid("public_key", error))?;
    if !KeyAlgorithm::OF_ACCOUNTS.contains(&key.algorithm()) && enforced!("account-key.algorithm") {
        let message = format!("keys of accounts are ed25519, ec-p256 or ec-p384, not {}", key.algorithm().as_str());
        return Err(Failure::invalid("public_key", message));
    }
    let in_time = new.stated_at <= now.after(AHEAD) && new.stated_at >= now.before(STATED);
    if !in_time && enforced!("account-key.stated-at") {
        return Err(Failure::invalid("stated_at", "within the last day, and not more than 5 minutes ahead: sign a new statement"));
    }
    let thumbprint = thumbprint(&spki);
    let statement = KeyStatement { tenant: caller.tenant(), account, purpose: new.purpose, thumbprint, stated_at: new.stated_at };
    let statement = statement.to_string();
    let signed = key.verify_as(SignatureAlgorithm::usual(key.algorithm()), statement.as_bytes(), &new.proof);
    if signed.is_err() && enforced!("account-key.proof") {
        let message = format!("not a signature by this key over these bytes, the last line's end included: {statement:?}");
        return Err(Failure::invalid("proof", message));
    }
    Ok((key, thumbprint))
}

fn spki_der(given: &[u8]) -> Result<Vec<u8>, Failure> {
    if !pem::is_pem(given) {
        return Ok(given.to_vec());
    }
    let one = || Failure::invalid("public_key", "one PUBLIC KEY block, PEM");
    let mut blocks = pem::decode(&String::from_utf8_lossy(given)).map_err(|error| Failure::invalid("public_key", error))?;
    let block = blocks.pop().filter(|block| blocks.is_empty() && block.label == pem::PUBLIC_KEY).ok_or_else(one)?;
    Ok(block.der.to_vec())
}

fn check_form(new: &NewAccountKey) -> Result<(), Failure> {
    let printable = new.label.trim() == new.label && !new.label.chars().any(char::is_control);
    if new.label.chars().count() > 100 || !printable {
        return Err(Failure::invalid("label", "at most 100 printable characters without blanks at the ends"));
    }
    if new.lifetime.is_zero() || new.lifetime > LONGEST {
        return Err(Failure::invalid("expires_in_seconds", "between 1 second and 732 days"));
    }
    Ok(())
}

/// SHA-256 of a SubjectPublicKeyInfo.
pub(crate) fn thumbprint(spki: &[u8]) -> [u8; 32] {
    let mut thumbprint = [0; 32];
    thumbprint.copy_from_slice(digest(&SHA256, spki).as_ref());
    thumbprint
}

/// The row part of the label's place. Whose key it is and for what stands in it, so that a row that was moved to another account from
/// below does not open.
fn label_row(id: AccountKeyId, account: AccountId, purpose: KeyPurpose) -> Vec<u8> {
    [id.as_bytes().as_slice(), account.as_bytes(), purpose.as_str().as_bytes()].concat()
}

pub(crate) fn label(realm: &Realm, row: &AccountKeyRow) -> Result<String, Failure> {
    realm.open_text(&places::ACCOUNT_KEY_LABEL, &label_row(row.id, row.account, row.purpose), &row.label)
}

fn account_key(realm: &Realm, row: &AccountKeyRow) -> Result<AccountKey, Failure> {
    Ok(AccountKey {
        id: row.id,
        account: row.account,
        purpose: row.purpose,
        algorithm: row.algorithm,
        thumbprint: thumbprint(&row.spki),
        spki: row.spki.clone(),
        label: label(realm, row)?,
        created_at: row.created_at,
        expires_at: row.expires_at,
        ended_at: row.ended_at,
    })
}
