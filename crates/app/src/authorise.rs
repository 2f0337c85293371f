//! Authorisation: the only place where a permit is made (I2).

use crate::failure::Failure;
use crate::scoped::Scoped;
use crate::{Caller, Chancery};
use chancery_domain::action::{Act, Action};
use chancery_domain::binding::Binding;
use chancery_domain::enforced;
use chancery_domain::scope::{Facts, Reach};
use std::marker::PhantomData;

/// Leave for one action in the caller's realm, on what was looked at. Only the authoriser makes one:
///
/// ```compile_fail,E0451
/// use chancery_domain::action::CertificateIssue;
/// fn forge(caller: &chancery_app::Caller) -> chancery_app::Permit<CertificateIssue> {
///     chancery_app::Permit { within: chancery_app::Within { caller: caller.clone(), reach: todo!(), act: std::marker::PhantomData } }
/// }
/// ```
pub struct Permit<A: Act> {
    within: Within<A>,
}

/// Where the caller holds an action. It is no leave yet: of what is listed it says what may be shown, and `Chancery::covering` makes a
/// permit of it for something of which the facts are known.
pub struct Within<A: Act> {
    caller: Caller,
    reach: Reach,
    act: PhantomData<A>,
}

impl<A: Act> Permit<A> {
    /// Whose it is.
    pub fn caller(&self) -> &Caller {
        &self.within.caller
    }

    /// The same right, to be held against something else.
    pub(crate) fn again(&self) -> Within<A> {
        Within { caller: self.within.caller.clone(), reach: self.within.reach.clone(), act: PhantomData }
    }
}

impl<A: Act> Within<A> {
    /// Whose it is.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether the object may be shown in a list.
    pub(crate) async fn shows(&self, object: &impl Scoped) -> Result<bool, Failure> {
        if self.reach == Reach::Everywhere || !enforced!("permit.list") {
            return Ok(true);
        }
        Ok(self.reach.covers(&object.facts(&self.caller.realm).await?))
    }
}

/// So many pages are read for one that shows only some of their rows; then it is given short, with the place to go on from.
pub(crate) const MOST_PAGES: usize = 20;

/// The rows of a page that a list may show, and where the next page begins.
macro_rules! sift {
    ($within:expr, $page:expr, |$at:ident| $fetch:expr, |$row:ident| $id:expr) => {{
        let (mut shown, mut $at, mut pages) = (Vec::new(), $page, 0);
        loop {
            let (rows, mut last) = ($fetch, None);
            let full = rows.len() >= $at.limit as usize;
            for $row in rows {
                last = Some($id);
                if $within.shows(&$row).await? {
                    shown.push($row);
                }
                if shown.len() >= $at.limit as usize {
                    break;
                }
            }
            pages += 1;
            if shown.len() >= $at.limit as usize || full && pages >= $crate::authorise::MOST_PAGES {
                break (shown, last);
            }
            if !full {
                break (shown, None);
            }
            $at.before = last;
        }
    }};
}
pub(crate) use sift;

impl Chancery {
    /// Leave to do `A` whatever it is done to: the caller holds it everywhere. Or a recorded denial.
    pub(crate) async fn permit<A: Act>(&self, caller: &Caller) -> Result<Permit<A>, Failure> {
        let within = self.permit_within::<A>(caller).await?;
        if within.reach != Reach::Everywhere && enforced!("permit.everywhere") {
            return Err(self.outside(caller, A::ACTION).await);
        }
        Ok(Permit { within })
    }

    /// Where the caller may do `A`, or a recorded denial where that is nowhere.
    pub(crate) async fn permit_within<A: Act>(&self, caller: &Caller) -> Result<Within<A>, Failure> {
        caller.go_on().await;
        let mut reach = caller.principal.reach(A::ACTION, self.now());
        if reach.is_nowhere() {
            if enforced!("permit", A::ACTION.as_str()) {
                self.deny(caller, A::ACTION).await?;
                return Err(Failure::Forbidden(A::ACTION));
            }
            reach = Reach::Everywhere;
        }
        Ok(Within { caller: caller.clone(), reach, act: PhantomData })
    }

    /// Whether the caller holds the action, wherever that is.
    pub(crate) fn holds(&self, caller: &Caller, action: Action) -> bool {
        !caller.principal.reach(action, self.now()).is_nowhere()
    }

    /// Leave to do `A` to what is the caller's own: it is the same for every scope.
    pub(crate) async fn permit_own<A: Act>(&self, caller: &Caller) -> Result<Permit<A>, Failure> {
        Ok(Permit { within: self.permit_within(caller).await? })
    }

    /// Leave to do `A` to what has these facts.
    pub(crate) async fn covering<A: Act>(&self, within: Within<A>, facts: &Facts) -> Result<Permit<A>, Failure> {
        if !within.reach.covers(facts) && enforced!("permit.facts") {
            return Err(self.outside(&within.caller, A::ACTION).await);
        }
        Ok(Permit { within })
    }

    /// Leave to do `A` to an object that was looked for: absent is said before not permitted (I7).
    pub(crate) async fn permit_on<A: Act, T: Scoped>(&self, caller: &Caller, object: Option<T>) -> Result<(Permit<A>, T), Failure> {
        let object = object.ok_or(Failure::NotFound)?;
        let within = self.permit_within::<A>(caller).await?;
        if within.reach == Reach::Everywhere || !enforced!("permit.object") {
            return Ok((Permit { within }, object));
        }
        let facts = object.facts(&caller.realm).await?;
        Ok((self.covering(within, &facts).await?, object))
    }

    async fn outside(&self, caller: &Caller, action: Action) -> Failure {
        match self.deny_outside(caller, action).await {
            Ok(()) => Failure::OutsideScope(action),
            Err(failure) => failure,
        }
    }

    /// Nobody gives what they lack, nor more widely or for longer than they hold it.
    pub(crate) async fn may_grant(&self, caller: &Caller, gifts: &[Binding]) -> Result<(), Failure> {
        let lacks = |gift: &Binding| caller.principal.lacks(gift, self.now());
        match gifts.iter().find_map(lacks).filter(|_| enforced!("grant")) {
            None => Ok(()),
            Some(action) => {
                self.deny(caller, action).await?;
                Err(Failure::Escalation(action))
            }
        }
    }
}
