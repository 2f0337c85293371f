//! Duties kept apart: sets of actions that nobody may hold together, with all their accounts and the service accounts that they own.

use crate::bindings::{Holding, scope_of};
use crate::deed::{Deed, detail};
use crate::failure::{Stop, deciding_anew};
use crate::places;
use crate::realm::Realm;
use crate::roles::{RoleBody, opened, told};
use crate::view::{DutyConflict, Receipt};
use crate::{Caller, Chancery, Failure, Page};
use chancery_domain::action::{Action, DutyWrite, RoleRead};
use chancery_domain::binding::{Binding, Conflict};
use chancery_domain::{AccountId, ConflictId, PersonId, RoleId, Timestamp, enforced};
use chancery_store::{AccountRow, BindingRow, BoundRole, ConflictRow};
use std::collections::{BTreeMap, BTreeSet};

/// How many conflicts a tenant may declare.
const CONFLICTS: usize = 200;
/// So many accounts are named where duties meet.
const NAMED: usize = 20;

/// Everything that anybody holds in a realm now.
pub(crate) struct Holdings {
    pub(crate) accounts: Vec<AccountRow>,
    pub(crate) bindings: Vec<BindingRow>,
    pub(crate) roles: BTreeMap<RoleId, RoleBody>,
}

/// A person who holds some of both sides of a conflict, by conflict.
type Violations = BTreeMap<(usize, PersonId), Vec<AccountId>>;

impl Holdings {
    /// Reads who may act, what they are bound to, and what that comes to.
    pub(crate) async fn load(realm: &Realm, now: Timestamp) -> Result<Self, Failure> {
        let (mut accounts, mut before) = (Vec::new(), None);
        loop {
            let rows = realm.view.enabled_accounts(Page { before, limit: 1000 }).await?;
            before = rows.last().map(|row| row.id);
            accounts.extend(rows);
            if accounts.len() % 1000 != 0 || before.is_none() {
                break;
            }
        }
        let all = (AccountId::from_bytes([0; 16]), AccountId::from_bytes([0xff; 16]));
        let bindings = realm.view.live_bindings(all, now).await?;
        let roles = realm.view.roles().await?;
        let roles = roles.iter().map(|row| Ok((row.id, opened(realm, row)?))).collect::<Result<_, Failure>>()?;
        Ok(Self { accounts, bindings, roles })
    }

    /// Whether anybody is bound to the role.
    pub(crate) fn binds(&self, role: RoleId) -> bool {
        self.bindings.iter().any(|row| row.role == BoundRole::Own(role))
    }

    /// What this would give to those who are bound to the role.
    pub(crate) fn given_by(&self, realm: &Realm, role: RoleId, held: &Holding) -> Result<Vec<Binding>, Failure> {
        let bound = self.bindings.iter().filter(|row| row.role == BoundRole::Own(role));
        bound.map(|row| Ok(Binding { held: held.clone(), scope: scope_of(realm, row)?, expires_at: row.expires_at })).collect()
    }

    /// The actions of each person, with the accounts that they come from.
    fn by_person(&self, realm: &Realm) -> BTreeMap<PersonId, (BTreeSet<Action>, Vec<AccountId>)> {
        let mut people: BTreeMap<PersonId, (BTreeSet<Action>, Vec<AccountId>)> = BTreeMap::new();
        for row in &self.accounts {
            let bound = self.bindings.iter().filter(|binding| binding.account == row.id);
            let held = row.roles.iter().map(|role| Holding::Role(*role)).chain(bound.map(|binding| self.held(binding.role)));
            let held: Vec<_> = held.collect();
            let person = if enforced!("duty.person") { row.holder.person() } else { PersonId::from_bytes(*row.id.as_bytes()) };
            let (actions, accounts) = people.entry(person).or_default();
            actions.extend(Action::ALL.iter().filter(|action| held.iter().any(|held| held.permits(**action, realm.id))));
            accounts.push(row.id);
        }
        people
    }

    fn held(&self, role: BoundRole) -> Holding {
        match role {
            BoundRole::BuiltIn(role) => Holding::Role(role),
            BoundRole::Own(id) => Holding::Actions(self.roles.get(&id).map(|body| body.actions.clone()).unwrap_or_default()),
        }
    }

    fn violations(&self, realm: &Realm, conflicts: &[Conflict]) -> Violations {
        let people = self.by_person(realm);
        let of = |(at, conflict): (usize, &Conflict)| {
            let violating = people.iter().filter(|(_, (held, _))| conflict.is_violated_by(held));
            violating.map(move |(person, (_, accounts))| ((at, *person), accounts.clone())).collect::<Vec<_>>()
        };
        conflicts.iter().enumerate().flat_map(of).collect()
    }
}

impl Chancery {
    /// Refuses a change that would give a person duties that are kept apart. What it is decided on holds at the commit, for whatever
    /// changes who holds what starts a new epoch, which every deed guards.
    pub(crate) async fn duties_stay_apart(&self, caller: &Caller, change: impl FnOnce(&mut Holdings)) -> Result<(), Failure> {
        let realm = &caller.realm;
        let conflicts = realm.view.conflicts().await?;
        if conflicts.is_empty() {
            return Ok(());
        }
        let conflicts = conflicts.iter().map(|row| conflict(realm, row)).collect::<Result<Vec<_>, _>>()?;
        let mut holdings = Holdings::load(realm, self.now()).await?;
        let before = holdings.violations(realm, &conflicts);
        change(&mut holdings);
        let after = holdings.violations(realm, &conflicts);
        let new = after.iter().find(|(who, _)| !before.contains_key(who)).filter(|_| enforced!("duty.apart"));
        let Some(((at, _), accounts)) = new else { return Ok(()) };
        let name = conflicts.get(*at).map(|conflict| conflict.name.clone()).unwrap_or_default();
        self.deny_duties(caller, &name).await?;
        let message = format!("one person would hold duties that {name:?} keeps apart, with {}", named(accounts.iter()));
        Err(Failure::Conflict(message))
    }

    /// All duties that are kept apart now, newest first.
    pub async fn duty_conflicts(&self, caller: &Caller) -> Result<Vec<DutyConflict>, Failure> {
        self.permit::<RoleRead>(caller).await?;
        caller.realm.view.conflicts().await?.iter().map(|row| shown(&caller.realm, row)).collect()
    }

    /// Declares that nobody may hold some of both sides, if nobody does.
    pub async fn declare_conflict(&self, caller: &Caller, conflict: &Conflict) -> Result<(DutyConflict, Receipt), Failure> {
        crate::accounts::check_name(&conflict.name)?;
        for (field, actions) in [("one", &conflict.one), ("other", &conflict.other)] {
            if actions.is_empty() && enforced!("duty.none") {
                return Err(Failure::invalid(field, "name at least one action"));
            }
        }
        if !conflict.one.is_disjoint(&conflict.other) && enforced!("duty.disjoint") {
            return Err(Failure::invalid("other", "no action stands on both sides"));
        }
        deciding_anew!(self, caller => self.try_declare_conflict(&caller, conflict))
    }

    async fn try_declare_conflict(&self, caller: &Caller, asked: &Conflict) -> Result<(DutyConflict, Receipt), Stop> {
        let permit = self.permit::<DutyWrite>(caller).await?;
        let (realm, ports) = (&caller.realm, self.ports());
        if let Some(done) = caller.done_before().await? {
            let row = realm.view.conflict(ConflictId::from_bytes(done.subject)).await?.ok_or(Failure::NotFound)?;
            return Ok((shown(realm, &row)?, done.receipt));
        }
        if realm.view.conflicts().await?.len() >= CONFLICTS && enforced!("quota.conflicts") {
            return Err(Failure::LimitReached("conflicts of duties").into());
        }
        let violations = Holdings::load(realm, self.now()).await?.violations(realm, std::slice::from_ref(asked));
        if !violations.is_empty() && enforced!("duty.violated") {
            let message =
                format!("people hold both sides already: take from these accounts first: {}", named(violations.values().flatten()));
            return Err(Failure::Conflict(message).into());
        }
        let id = ConflictId::new(&*ports.clock, &*ports.entropy);
        let body = serde_json::to_vec(asked).map_err(Failure::from)?;
        let body = realm.seal(&places::CONFLICT, id.as_bytes(), &body, ports)?;
        let row = ConflictRow { id, body, made_by: caller.account(), created_at: self.now(), ended_at: None };
        let mut deed = Deed::by(&permit);
        deed.changes.insert_conflict(&row);
        let detail = detail! {
            "conflict" => id.to_string(), "name" => asked.name.as_str(), "one" => told(&asked.one), "other" => told(&asked.other)
        };
        let receipt = deed.commit(ports, "duty.declare", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((shown(realm, &row)?, receipt))
    }

    /// Keeps these duties apart no longer.
    pub async fn end_conflict(&self, caller: &Caller, id: ConflictId) -> Result<(DutyConflict, Receipt), Failure> {
        deciding_anew!(self, caller => self.try_end_conflict(&caller, id))
    }

    async fn try_end_conflict(&self, caller: &Caller, id: ConflictId) -> Result<(DutyConflict, Receipt), Stop> {
        let realm = &caller.realm;
        let (permit, row) = self.permit_on::<DutyWrite, _>(caller, realm.view.conflict(id).await?).await?;
        if let Some(done) = caller.done_before().await? {
            return Ok((shown(realm, &row)?, done.receipt));
        }
        if row.ended_at.is_some() && enforced!("duty.ended-already") {
            return Err(Failure::Conflict("these duties are kept apart no longer already".to_owned()).into());
        }
        let (conflict, now) = (conflict(realm, &row)?, self.now());
        let mut deed = Deed::by(&permit);
        deed.changes.end_conflict(id, now);
        let detail = detail! {
            "conflict" => id.to_string(), "name" => conflict.name, "one" => told(&conflict.one), "other" => told(&conflict.other)
        };
        let receipt = deed.commit(self.ports(), "duty.end", *id.as_bytes(), detail).await?;
        self.forget_realm(realm.id);
        Ok((shown(realm, &ConflictRow { ended_at: Some(now), ..row })?, receipt))
    }
}

fn named<'a>(accounts: impl Iterator<Item = &'a AccountId>) -> String {
    let accounts: BTreeSet<_> = accounts.collect();
    let mut text: Vec<_> = accounts.iter().take(NAMED).map(ToString::to_string).collect();
    if accounts.len() > NAMED {
        text.push(format!("and {} more", accounts.len() - NAMED));
    }
    text.join(", ")
}

fn conflict(realm: &Realm, row: &ConflictRow) -> Result<Conflict, Failure> {
    Ok(serde_json::from_slice(&realm.open(&places::CONFLICT, row.id.as_bytes(), &row.body)?)?)
}

fn shown(realm: &Realm, row: &ConflictRow) -> Result<DutyConflict, Failure> {
    Ok(DutyConflict {
        id: row.id,
        conflict: conflict(realm, row)?,
        made_by: row.made_by,
        created_at: row.created_at,
        ended_at: row.ended_at,
    })
}
