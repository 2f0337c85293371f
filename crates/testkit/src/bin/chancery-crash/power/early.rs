//! A loss before anybody had a token: `init` can be run again, or what it said holds.

use super::world::{Run, Serving, damage, initialise};
use crate::database::Place;
use crate::setup::enrol;
use anyhow::{Context, Result};

pub(super) async fn look(run: &Run, moment: usize, place: &Place) -> Result<Vec<String>> {
    let (token, known) = &run.bootstrap;
    let mut found = Vec::new();
    let token = if *known <= moment {
        token.clone()
    } else {
        match initialise(place).await.context("init cannot be run again")? {
            Some(token) => token,
            None => return Ok(vec!["init says that an operator enrolled, and none had been told the token".to_owned()]),
        }
    };
    let serving = Serving::start(place).await.context("the server does not start after init")?;
    // An enrolment whose answer was lost may have used the token up.
    if let Err(error) = enrol(&serving.http, &token, "operator").await
        && moment < run.enrolling
    {
        found.push(format!("the bootstrap token that was shown is not taken: {error:#}"));
    }
    serving.stop().await?;
    found.extend(damage(place.folder())?);
    Ok(found)
}
