//! Who stands behind an account: declared when it is made, and what of it may change afterwards.

use crate::accounts::account;
use crate::deed::{Deed, Detail, detail};
use crate::failure::{Stop, deciding_anew};
use crate::view::{Account, Receipt};
use crate::{Caller, Chancery, Failure, Given};
use chancery_domain::action::AccountWrite;
use chancery_domain::identity::{AccountKind, Holder};
use chancery_domain::{AccountId, PersonId, enforced};
use chancery_store::AccountRow;

/// Who is to hold a new account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedHolder {
    /// A person who has no other.
    Person,
    /// The person who holds this one.
    SamePersonAs(Given<AccountId>),
    /// This user, or the one who makes it: it is a service account.
    OwnedBy(Option<Given<AccountId>>),
}

impl Chancery {
    /// Makes the account a service account of this user, who answers for it from now on. Nobody lets go of an account that is their own.
    pub async fn own_account(&self, caller: &Caller, id: AccountId, owner: Given<AccountId>) -> Result<(Account, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_own_account(&caller, id, owner))
    }

    async fn try_own_account(&self, caller: &Caller, id: AccountId, owner: Given<AccountId>) -> Result<(Account, Receipt), Stop> {
        let (permit, row) = self.permit_on::<AccountWrite, _>(caller, caller.realm.view.account(id).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((account(&caller.realm, &row)?, done.receipt));
        }
        if owner == Some(id) && enforced!("owner.itself") {
            return Err(Failure::invalid("owner", "somebody else: no account answers for itself").into());
        }
        let (owner, holder) = service_of(caller, owner).await?;
        if row.holder.owner() == Some(owner) && enforced!("owner.already") {
            return Err(Failure::Conflict("the account has this owner already".to_owned()).into());
        }
        if !caller.realm.view.owned_accounts(id).await?.is_empty() && enforced!("owner.owns") {
            return Err(Failure::Conflict("the account owns service accounts: give them another owner first".to_owned()).into());
        }
        let lets_go = row.holder.person() == caller.principal.person && holder.person() != row.holder.person();
        if lets_go && enforced!("owner.own") {
            return Err(Failure::Conflict("the account is your own: have another admin take it from you".to_owned()).into());
        }
        self.duties_stay_apart(caller, |holdings| {
            holdings.accounts.iter_mut().filter(|row| row.id == id).for_each(|row| row.holder = holder);
        })
        .await?;
        let mut deed = Deed::by(&permit);
        deed.changes.own_account(&row, owner);
        let mut detail = detail! { "account" => id.to_string(), "before" => told(row.holder) };
        detail.extend(told(holder));
        let receipt = deed.commit(self.ports(), "account.own", *id.as_bytes(), detail).await?;
        self.forget_realm(caller.tenant());
        Ok((account(&caller.realm, &AccountRow { holder, ..row })?, receipt))
    }

    /// Declares for good that the user account is held by the person who holds another: with all that either of the two holds.
    pub async fn join_persons(&self, caller: &Caller, id: AccountId, other: Given<AccountId>) -> Result<(Account, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_join_persons(&caller, id, other))
    }

    async fn try_join_persons(&self, caller: &Caller, id: AccountId, other: Given<AccountId>) -> Result<(Account, Receipt), Stop> {
        let (permit, row) = self.permit_on::<AccountWrite, _>(caller, caller.realm.view.account(id).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((account(&caller.realm, &row)?, done.receipt));
        }
        if row.holder.kind() == AccountKind::Service && enforced!("person.service") {
            return Err(Failure::Conflict("it is a service account: name its owner instead".to_owned()).into());
        }
        let (other, person) = user(caller, other, "same_person_as").await?;
        if row.holder.person() == person && enforced!("person.already") {
            return Err(Failure::Conflict("one person holds both already".to_owned()).into());
        }
        let before = row.holder.person();
        self.duties_stay_apart(caller, |holdings| {
            holdings.accounts.iter_mut().filter(|row| row.holder.person() == before).for_each(|row| row.holder = row.holder.of(person));
        })
        .await?;
        let mut deed = Deed::by(&permit);
        deed.changes.join_person(&row, person);
        let detail = detail! {
            "account" => id.to_string(), "same_person_as" => other.to_string(), "person" => person.to_string(),
            "before" => row.holder.person().to_string()
        };
        let receipt = deed.commit(self.ports(), "account.join", *id.as_bytes(), detail).await?;
        self.forget_realm(caller.tenant());
        Ok((account(&caller.realm, &AccountRow { holder: Holder::User(person), ..row })?, receipt))
    }
}

/// Who is to hold the account that the caller makes under this id.
pub(crate) async fn holder(caller: &Caller, id: AccountId, asked: AskedHolder) -> Result<Holder, Failure> {
    match asked {
        AskedHolder::Person => Ok(own_person(id)),
        AskedHolder::SamePersonAs(other) => Ok(Holder::User(user(caller, other, "same_person_as").await?.1)),
        AskedHolder::OwnedBy(owner) => Ok(service_of(caller, owner.unwrap_or(Some(caller.account()))).await?.1),
    }
}

/// The holder of an account whose person has no other yet: the person is known by the first account.
pub(crate) fn own_person(id: AccountId) -> Holder {
    Holder::User(PersonId::from_bytes(*id.as_bytes()))
}

/// What an event says of a holder.
pub(crate) fn told(holder: Holder) -> Detail {
    let kind = holder.kind().as_str();
    match holder {
        Holder::User(person) => detail! { "kind" => kind, "person" => person.to_string() },
        Holder::Service { owner, .. } => detail! { "kind" => kind, "owner" => owner.to_string() },
    }
}

/// A token for a service account needs somebody who answers for it.
pub(crate) fn check_owned(row: &AccountRow) -> Result<(), Failure> {
    if row.holder.is_orphaned() && enforced!("owner.orphaned") {
        return Err(Failure::Conflict("the account's owner is disabled: give it another owner first".to_owned()));
    }
    Ok(())
}

/// A service account's holder, if this is an account that may answer for one.
async fn service_of(caller: &Caller, owner: Given<AccountId>) -> Result<(AccountId, Holder), Failure> {
    let (owner, person) = user(caller, owner, "owner").await?;
    Ok((owner, Holder::Service { owner, owner_enabled: true, person }))
}

/// An enabled user account and its person. What is not there is said of a service account and a disabled one, too (I7).
async fn user(caller: &Caller, account: Given<AccountId>, field: &'static str) -> Result<(AccountId, PersonId), Failure> {
    let row = match account {
        Some(id) => caller.realm.view.account(id).await?,
        None => None,
    };
    let row = row.filter(|row| row.enabled || !enforced!("holder.enabled"));
    let row = row.filter(|row| row.holder.kind() == AccountKind::User || !enforced!("holder.user"));
    row.map(|row| (row.id, row.holder.person())).ok_or_else(|| Failure::invalid(field, "name an enabled user account of this tenant"))
}
