//! Bindings: what accounts hold of roles, where and until when; given by those who hold as much.

use crate::accounts::{account, check_roles};
use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::issue::no_such_profile;
use crate::places;
use crate::realm::Realm;
use crate::roles::opened;
use crate::view::{Account, Bound, Receipt, RoleBinding};
use crate::{Caller, Chancery, Failure, Given, Page};
use chancery_domain::action::{RoleRead, RoleWrite};
use chancery_domain::binding::Binding;
use chancery_domain::profile::ProfileName;
use chancery_domain::role::Role;
use chancery_domain::scope::Scope;
use chancery_domain::signing::SignerName;
use chancery_domain::{AccountId, BindingId, IssuerId, RoleId, Timestamp, enforced};
use chancery_store::{AccountRow, BindingRow, BoundRole};

pub(crate) use chancery_domain::binding::Holding;

/// A binding to be made.
#[derive(Clone, Debug)]
pub struct NewBinding {
    /// Whose it is to be.
    pub account: Given<AccountId>,
    /// The role.
    pub role: AskedRole,
    /// Where it is to hold: names of what there is.
    pub scope: AskedScope,
    /// From when on it counts no longer.
    pub expires_at: Option<Timestamp>,
}

/// A role as somebody named it.
#[derive(Clone, Copy, Debug)]
pub enum AskedRole {
    /// A built-in one.
    BuiltIn(Role),
    /// One of the tenant's own.
    Own(Given<RoleId>),
}

/// A scope as somebody gave it: what is no name is that of nothing (I7).
#[derive(Clone, Debug, Default)]
pub struct AskedScope {
    /// Only these profiles.
    pub profiles: Option<Vec<Given<ProfileName>>>,
    /// Only these signers.
    pub signers: Option<Vec<Given<SignerName>>>,
    /// Only these issuers.
    pub issuers: Option<Vec<Given<IssuerId>>>,
    /// The names and environments, which need not be there yet.
    pub rest: Scope,
}

impl Chancery {
    /// A page of bindings, newest first, also those that were taken back or have expired.
    pub async fn bindings(&self, caller: &Caller, page: Page<BindingId>) -> Result<Vec<RoleBinding>, Failure> {
        self.permit::<RoleRead>(caller).await?;
        let mut bindings = Vec::new();
        for row in caller.realm.view.bindings(page).await? {
            bindings.push(shown(&caller.realm, row).await?);
        }
        Ok(bindings)
    }

    /// A binding.
    pub async fn binding(&self, caller: &Caller, id: BindingId) -> Result<RoleBinding, Failure> {
        let (_permit, row) = self.permit_on::<RoleRead, _>(caller, caller.realm.view.binding(id).await?).await?;
        shown(&caller.realm, row).await
    }

    /// Binds an account to a role. Nobody gives an action that they lack, nor wider or longer than they hold it.
    pub async fn bind(&self, caller: &Caller, new: &NewBinding) -> Result<(RoleBinding, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_bind(&caller, new))
    }

    async fn try_bind(&self, caller: &Caller, new: &NewBinding) -> Result<(RoleBinding, Receipt), Stop> {
        let permit = self.permit::<RoleWrite>(caller).await?;
        let (realm, ports, now) = (&caller.realm, self.ports(), self.now());
        if let Some(done) = caller.done_before().await? {
            let row = realm.view.binding(BindingId::from_bytes(done.subject)).await?.ok_or(Failure::NotFound)?;
            return Ok((shown(realm, row).await?, done.receipt));
        }
        let holder = holder(realm, new.account).await?;
        let role = role(caller, new.role).await?;
        let scope = scope(realm, &new.scope).await?;
        if new.expires_at.is_some_and(|end| end <= now) && enforced!("binding.past") {
            return Err(Failure::invalid("expires_at", "a time to come").into());
        }
        let gift = Binding { held: held(realm, role).await?, scope: scope.clone(), expires_at: new.expires_at };
        self.may_grant(caller, &[gift]).await?;
        let id = BindingId::new(&*ports.clock, &*ports.entropy);
        let body = realm.seal(&places::BINDING, id.as_bytes(), &serde_json::to_vec(&scope).map_err(Failure::from)?, ports)?;
        let (granted_by, expires_at) = (caller.account(), new.expires_at);
        let row = BindingRow { id, account: holder.id, role, body, granted_by, created_at: now, expires_at, ended_at: None };
        self.duties_stay_apart(caller, |holdings| holdings.bindings.push(row.clone())).await?;
        let mut deed = Deed::by(&permit);
        deed.changes.insert_binding(&row);
        let detail = detail! {
            "binding" => id.to_string(), "account" => holder.id.to_string(), "role" => called(role),
            "scope" => serde_json::to_value(&scope).map_err(Failure::from)?, "expires_at" => expires_at.map(|end| end.to_string())
        };
        let receipt = deed.commit(ports, "role.bind", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((shown(realm, row).await?, receipt))
    }

    /// Takes a binding back; every node obeys within 5 s.
    pub async fn end_binding(&self, caller: &Caller, id: BindingId) -> Result<(RoleBinding, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_end_binding(&caller, id))
    }

    async fn try_end_binding(&self, caller: &Caller, id: BindingId) -> Result<(RoleBinding, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, row) = self.permit_on::<RoleWrite, _>(caller, realm.view.binding(id).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((shown(realm, row).await?, done.receipt));
        }
        if row.ended_at.is_some() && enforced!("binding.ended-already") {
            return Err(Failure::Conflict("the binding was taken back already".to_owned()).into());
        }
        let now = self.now();
        let mut deed = Deed::by(&permit);
        deed.changes.end_binding(id, now);
        let detail = detail! { "binding" => id.to_string(), "account" => row.account.to_string(), "role" => called(row.role) };
        let receipt = deed.commit(self.ports(), "role.unbind", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((shown(realm, BindingRow { ended_at: Some(now), ..row }).await?, receipt))
    }

    /// Gives an account other built-in roles, which it holds everywhere and until they are changed again; its bindings stay.
    pub async fn set_roles(&self, caller: &Caller, id: AccountId, roles: &[Role]) -> Result<(Account, Receipt), Failure> {
        check_roles(caller, roles)?;
        deciding_anew!(self, caller => self.try_set_roles(&caller, id, roles))
    }

    async fn try_set_roles(&self, caller: &Caller, id: AccountId, roles: &[Role]) -> Result<(Account, Receipt), Stop> {
        let (permit, row) = self.permit_on::<RoleWrite, _>(caller, caller.realm.view.account(id).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((account(&caller.realm, &row)?, done.receipt));
        }
        let added: Vec<_> = roles.iter().filter(|role| !row.roles.contains(role)).map(|role| Binding::of(*role)).collect();
        self.may_grant(caller, &added).await?;
        let after = AccountRow { roles: roles.to_vec(), ..row.clone() };
        let replaced = after.clone();
        self.duties_stay_apart(caller, |holdings| {
            holdings.accounts.iter_mut().filter(|row| row.id == id).for_each(|row| *row = replaced.clone());
        })
        .await?;
        let mut deed = Deed::by(&permit);
        deed.changes.set_roles(&row, roles);
        let names = |roles: &[Role]| roles.iter().map(|role| role.as_str()).collect::<Vec<_>>();
        let detail = detail! { "account" => id.to_string(), "roles" => names(roles), "before" => names(&row.roles) };
        let receipt = deed.commit(self.ports(), "account.roles", *id.as_bytes(), detail).await?;
        self.forget_realm(caller.tenant());
        Ok((account(&caller.realm, &after)?, receipt))
    }
}

/// All that the account holds at this time: the roles of its own row, everywhere and lasting, and its bindings.
pub(crate) async fn of_account(realm: &Realm, row: &AccountRow, now: Timestamp) -> Result<Vec<Binding>, Failure> {
    let mut bindings: Vec<_> = row.roles.iter().map(|role| Binding::of(*role)).collect();
    for bound in realm.view.live_bindings((row.id, row.id), now).await? {
        let held = held(realm, bound.role).await?;
        bindings.push(Binding { held, scope: scope_of(realm, &bound)?, expires_at: bound.expires_at });
    }
    Ok(bindings)
}

/// What a role comes to.
async fn held(realm: &Realm, role: BoundRole) -> Result<Holding, Failure> {
    match role {
        BoundRole::BuiltIn(role) => Ok(Holding::Role(role)),
        BoundRole::Own(id) => {
            let row = realm.view.role(id).await?.ok_or_else(|| Failure::internal("the role of a binding is missing"))?;
            Ok(Holding::Actions(opened(realm, &row)?.actions))
        }
    }
}

/// Where a binding holds.
pub(crate) fn scope_of(realm: &Realm, row: &BindingRow) -> Result<Scope, Failure> {
    Ok(serde_json::from_slice(&realm.open(&places::BINDING, row.id.as_bytes(), &row.body)?)?)
}

async fn holder(realm: &Realm, given: Given<AccountId>) -> Result<AccountRow, Failure> {
    let row = match given {
        Some(id) => realm.view.account(id).await?,
        None => None,
    };
    let row = row.filter(|row| row.enabled || !enforced!("binding.enabled"));
    row.ok_or_else(|| Failure::invalid("account", "this tenant has no such account that may act"))
}

async fn role(caller: &Caller, asked: AskedRole) -> Result<BoundRole, Failure> {
    let no_such_role = || Failure::invalid("role", "this tenant has no such role");
    match asked {
        AskedRole::BuiltIn(role) => {
            check_roles(caller, &[role])?;
            Ok(BoundRole::BuiltIn(role))
        }
        AskedRole::Own(given) => {
            let id = given.ok_or_else(no_such_role)?;
            caller.realm.view.role(id).await?.ok_or_else(no_such_role)?;
            Ok(BoundRole::Own(id))
        }
    }
}

/// The scope that is meant, if it names what there is: whoever mistypes a name would give less, or later more, than they meant.
async fn scope(realm: &Realm, asked: &AskedScope) -> Result<Scope, Failure> {
    let mut scope = asked.rest.clone();
    if let Some(profiles) = &asked.profiles {
        let known = scope.profiles.insert(Default::default());
        for given in profiles {
            let name = given.clone().ok_or_else(no_such_profile)?;
            realm.profile(&name).await?.ok_or_else(no_such_profile)?;
            known.insert(name);
        }
    }
    if let Some(signers) = &asked.signers {
        let no_such_signer = || Failure::invalid("signers", "this tenant has no such signer");
        let known = scope.signers.insert(Default::default());
        for given in signers {
            let name = given.clone().ok_or_else(no_such_signer)?;
            realm.view.signer(&name).await?.ok_or_else(no_such_signer)?;
            known.insert(name);
        }
    }
    if let Some(issuers) = &asked.issuers {
        let no_such_issuer = || Failure::invalid("issuers", "this tenant has no such issuer");
        let known = scope.issuers.insert(Default::default());
        for given in issuers {
            let id = given.ok_or_else(no_such_issuer)?;
            realm.view.authority(id).await?.ok_or_else(no_such_issuer)?;
            known.insert(id);
        }
    }
    Ok(scope)
}

fn called(role: BoundRole) -> String {
    match role {
        BoundRole::BuiltIn(role) => role.to_string(),
        BoundRole::Own(id) => id.to_string(),
    }
}

async fn shown(realm: &Realm, row: BindingRow) -> Result<RoleBinding, Failure> {
    let role = match row.role {
        BoundRole::BuiltIn(role) => Bound::BuiltIn(role),
        // One that was removed since is known by its id alone.
        BoundRole::Own(id) => {
            let name = realm.view.role(id).await?.map(|row| opened(realm, &row)).transpose()?.map(|body| body.name);
            Bound::Own(id, name)
        }
    };
    Ok(RoleBinding {
        id: row.id,
        account: row.account,
        role,
        scope: scope_of(realm, &row)?,
        granted_by: row.granted_by,
        created_at: row.created_at,
        expires_at: row.expires_at,
        ended_at: row.ended_at,
    })
}
