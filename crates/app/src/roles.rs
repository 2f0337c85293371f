//! A tenant's own roles: named sets of actions.

use crate::bindings::Holding;
use crate::deed::{Deed, detail};
use crate::duties::Holdings;
use crate::failure::{Stop, deciding_anew};
use crate::places;
use crate::realm::Realm;
use crate::view::{CustomRole, Receipt};
use crate::{Caller, Chancery, Failure};
use chancery_domain::action::{Action, RoleRead, RoleWrite};
use chancery_domain::role::{Role, RoleName};
use chancery_domain::{RoleId, enforced};
use chancery_store::RoleRow;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How many roles of its own a tenant may have.
const ROLES: usize = 200;

/// The sealed part of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoleBody {
    pub(crate) name: RoleName,
    pub(crate) actions: BTreeSet<Action>,
}

impl Chancery {
    /// The tenant's own roles, newest first.
    pub async fn roles(&self, caller: &Caller) -> Result<Vec<CustomRole>, Failure> {
        self.permit::<RoleRead>(caller).await?;
        caller.realm.view.roles().await?.iter().map(|row| shown(&caller.realm, row)).collect()
    }

    /// A role of the tenant's own.
    pub async fn role(&self, caller: &Caller, id: RoleId) -> Result<CustomRole, Failure> {
        let (_permit, row) = self.permit_on::<RoleRead, _>(caller, caller.realm.view.role(id).await?).await?;
        shown(&caller.realm, &row)
    }

    /// Makes a role. It gives nothing to anybody until somebody who holds its actions binds an account to it.
    pub async fn create_role(
        &self,
        caller: &Caller,
        name: &RoleName,
        actions: &BTreeSet<Action>,
    ) -> Result<(CustomRole, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_create_role(&caller, name, actions))
    }

    async fn try_create_role(&self, caller: &Caller, name: &RoleName, actions: &BTreeSet<Action>) -> Result<(CustomRole, Receipt), Stop> {
        let permit = self.permit::<RoleWrite>(caller).await?;
        check(caller, name, actions)?;
        let (realm, ports) = (&caller.realm, self.ports());
        if let Some(done) = caller.done_before().await? {
            let row = realm.view.role(RoleId::from_bytes(done.subject)).await?.ok_or(Failure::NotFound)?;
            return Ok((shown(realm, &row)?, done.receipt));
        }
        let (known, blind) = (realm.view.roles().await?, blind(realm, name)?);
        // Making one starts a new epoch, which every deed guards: name and count hold at the commit.
        if known.len() >= ROLES && enforced!("quota.roles") {
            return Err(Failure::LimitReached("roles").into());
        }
        name_is_free(&known, None, &blind, name)?;
        let id = RoleId::new(&*ports.clock, &*ports.entropy);
        let body = seal(realm, self, id, name, actions)?;
        let row = RoleRow { id, blind, body, made_by: caller.account(), created_at: self.now(), version: 1 };
        let mut deed = Deed::by(&permit);
        deed.changes.insert_role(&row);
        let detail = detail! { "role" => id.to_string(), "name" => name.as_str(), "actions" => told(actions) };
        let receipt = deed.commit(ports, "role.create", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((shown(realm, &row)?, receipt))
    }

    /// Gives a role another name and other actions, if `read` is its version now. Whoever adds an action must hold it wherever, and for
    /// as long as, the role is bound.
    pub async fn change_role(
        &self,
        caller: &Caller,
        id: RoleId,
        read: u32,
        name: &RoleName,
        actions: &BTreeSet<Action>,
    ) -> Result<(CustomRole, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_change_role(&caller, id, read, name, actions))
    }

    async fn try_change_role(
        &self,
        caller: &Caller,
        id: RoleId,
        read: u32,
        name: &RoleName,
        actions: &BTreeSet<Action>,
    ) -> Result<(CustomRole, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, row) = self.permit_on::<RoleWrite, _>(caller, realm.view.role(id).await?).await?;
        check(caller, name, actions)?;
        if row.version != i64::from(read) && enforced!("role-version.read") {
            return Err(Failure::Changed.into());
        }
        let blind = blind(realm, name)?;
        name_is_free(&realm.view.roles().await?, Some(id), &blind, name)?;
        let before = opened(realm, &row)?;
        let holdings = Holdings::load(realm, self.now()).await?;
        let added = Holding::Actions(actions.difference(&before.actions).copied().collect());
        self.may_grant(caller, &holdings.given_by(realm, id, &added)?).await?;
        let after = RoleBody { name: name.clone(), actions: actions.clone() };
        self.duties_stay_apart(caller, |holdings| drop(holdings.roles.insert(id, after))).await?;
        let body = seal(realm, self, id, name, actions)?;
        let mut deed = Deed::by(&permit);
        deed.changes.change_role(&row, &blind, &body);
        let detail = detail! {
            "role" => id.to_string(), "name" => name.as_str(), "actions" => told(actions), "before" => told(&before.actions),
            "name_before" => before.name.as_str(), "version" => row.version + 1
        };
        let receipt = deed.commit(self.ports(), "role.change", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((shown(realm, &RoleRow { body, blind, version: row.version + 1, ..row })?, receipt))
    }

    /// Removes a role that nobody holds.
    pub async fn remove_role(&self, caller: &Caller, id: RoleId) -> Result<Receipt, Failure> {
        deciding_anew!(self, caller => self.try_remove_role(&caller, id))
    }

    async fn try_remove_role(&self, caller: &Caller, id: RoleId) -> Result<Receipt, Stop> {
        let realm = &caller.realm;
        let found = realm.view.role(id).await?;
        // What this request removed is there no more.
        if let Some(done) = caller.done_before().await? {
            self.permit::<RoleWrite>(caller).await?;
            return Ok(done.receipt);
        }
        let (permit, row) = self.permit_on::<RoleWrite, _>(caller, found).await?;
        if Holdings::load(realm, self.now()).await?.binds(id) && enforced!("role.bound") {
            return Err(Failure::Conflict("accounts are bound to the role: take the bindings back first".to_owned()).into());
        }
        let body = opened(realm, &row)?;
        let mut deed = Deed::by(&permit);
        deed.changes.remove_role(&row);
        let detail = detail! { "role" => id.to_string(), "name" => body.name.as_str(), "actions" => told(&body.actions) };
        let receipt = deed.commit(self.ports(), "role.remove", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok(receipt)
    }
}

fn check(caller: &Caller, name: &RoleName, actions: &BTreeSet<Action>) -> Result<(), Failure> {
    if Role::from_name(name.as_str()).is_some() && enforced!("role.built-in") {
        return Err(Failure::invalid("name", "there is a built-in role of this name"));
    }
    if actions.is_empty() && enforced!("role.none") {
        return Err(Failure::invalid("actions", "name at least one action"));
    }
    match actions.iter().find(|action| !action.exists_in(caller.tenant()) && enforced!("role.actions")) {
        Some(action) => Err(Failure::invalid("actions", format!("{action} does not exist in this realm"))),
        None => Ok(()),
    }
}

fn name_is_free(known: &[RoleRow], own: Option<RoleId>, blind: &[u8; 16], name: &RoleName) -> Result<(), Failure> {
    if known.iter().any(|row| row.blind == *blind && Some(row.id) != own) && enforced!("role.name") {
        return Err(Failure::Conflict(format!("there is a role {name} already")));
    }
    Ok(())
}

/// A text that no certificate's name has.
fn blind(realm: &Realm, name: &RoleName) -> Result<[u8; 16], Failure> {
    Ok(realm.sealer.blind(&format!("role:{name}"))?)
}

fn seal(
    realm: &Realm,
    service: &Chancery,
    id: RoleId,
    name: &RoleName,
    actions: &BTreeSet<Action>,
) -> Result<chancery_domain::Sealed, Failure> {
    let body = serde_json::to_vec(&RoleBody { name: name.clone(), actions: actions.clone() })?;
    realm.seal(&places::ROLE, id.as_bytes(), &body, service.ports())
}

pub(crate) fn opened(realm: &Realm, row: &RoleRow) -> Result<RoleBody, Failure> {
    Ok(serde_json::from_slice(&realm.open(&places::ROLE, row.id.as_bytes(), &row.body)?)?)
}

/// What an event says of actions.
pub(crate) fn told(actions: &BTreeSet<Action>) -> Vec<&'static str> {
    actions.iter().map(|action| action.as_str()).collect()
}

fn shown(realm: &Realm, row: &RoleRow) -> Result<CustomRole, Failure> {
    let RoleBody { name, actions } = opened(realm, row)?;
    let version = u32::try_from(row.version).map_err(Failure::internal)?;
    Ok(CustomRole { id: row.id, name, actions, version, made_by: row.made_by, created_at: row.created_at })
}
