//! Authorisation: the only place where a permit is made (I2).

use crate::failure::Failure;
use crate::{Caller, Chancery};
use chancery_domain::action::{Act, Action};
use chancery_domain::enforced;
use chancery_domain::role::Role;
use std::marker::PhantomData;

/// Leave for one action in the caller's realm. Only the authoriser makes one:
///
/// ```compile_fail,E0451
/// use chancery_domain::action::CertificateIssue;
/// fn forge(caller: &chancery_app::Caller) -> chancery_app::Permit<CertificateIssue> {
///     chancery_app::Permit { caller: caller.clone(), act: std::marker::PhantomData }
/// }
/// ```
pub struct Permit<A: Act> {
    caller: Caller,
    act: PhantomData<A>,
}

impl<A: Act> Permit<A> {
    /// Whose it is.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl Chancery {
    /// Leave to do `A`, or a recorded denial.
    pub(crate) async fn permit<A: Act>(&self, caller: &Caller) -> Result<Permit<A>, Failure> {
        caller.go_on().await;
        if caller.principal.may(A::ACTION) || !enforced!("permit", A::ACTION.as_str()) {
            return Ok(Permit { caller: caller.clone(), act: PhantomData });
        }
        self.deny(caller, A::ACTION).await?;
        Err(Failure::Forbidden(A::ACTION))
    }

    /// Leave to do `A` to an object that was looked for: absent is said before not permitted (I7).
    pub(crate) async fn permit_on<A: Act, T>(&self, caller: &Caller, object: Option<T>) -> Result<(Permit<A>, T), Failure> {
        let object = object.ok_or(Failure::NotFound)?;
        Ok((self.permit(caller).await?, object))
    }

    /// Nobody gives what they lack.
    pub(crate) async fn may_grant(&self, caller: &Caller, roles: &[Role]) -> Result<(), Failure> {
        let given = |action: &Action| roles.iter().any(|role| role.permits(*action));
        match Action::ALL.iter().copied().find(|action| given(action) && !caller.principal.may(*action)).filter(|_| enforced!("grant")) {
            None => Ok(()),
            Some(action) => {
                self.deny(caller, action).await?;
                Err(Failure::Escalation(action))
            }
        }
    }
}
