//! Documents and parameters that several kinds of object share.

use crate::problem::Error;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chancery_app::{Page, Receipt};
use chancery_domain::key::KeyAlgorithm;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::{IntoParams, ToSchema};

/// The event that recorded the act: hold us to it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventRef {
    /// The event's id.
    pub id: String,
    /// Its leaf hash, SHA-256 in hexadecimal.
    pub leaf: String,
}

impl From<Receipt> for EventRef {
    fn from(receipt: Receipt) -> Self {
        Self { id: receipt.event.to_string(), leaf: hex::encode(receipt.leaf) }
    }
}

/// Which page of a listing.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// At most so many items, 1 to 200; 50 by default.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

impl PageQuery {
    /// The page that is meant.
    pub(crate) fn page<Id: FromStr>(&self) -> Result<Page<Id>, Error> {
        let limit = self.limit.unwrap_or(50);
        if !(1..=200).contains(&limit) {
            return Err(Error::field("limit", "1 to 200"));
        }
        let before = self.cursor.as_deref().map(str::parse).transpose();
        let before = before.map_err(|_| Error::field("cursor", "give the `next` of the page before, unchanged"))?;
        Ok(Page { before, limit })
    }
}

/// The cursor of the page after this one: the last id of a full page.
pub(crate) fn next<T>(items: &[T], limit: u32, id: impl Fn(&T) -> String) -> Option<String> {
    items.last().filter(|_| items.len() == limit as usize).map(id)
}

/// The kind of a key to be made: P-256 unless another one is named.
pub(crate) fn key_algorithm(name: Option<String>) -> Result<KeyAlgorithm, Error> {
    Ok(key_algorithm_in("key_algorithm", name)?.unwrap_or(KeyAlgorithm::EcP256))
}

/// The kind of key that this field names.
pub(crate) fn key_algorithm_in(field: &'static str, name: Option<String>) -> Result<Option<KeyAlgorithm>, Error> {
    let Some(name) = name else { return Ok(None) };
    let kinds = || KeyAlgorithm::ALL.map(KeyAlgorithm::as_str).join(", ");
    let found = KeyAlgorithm::from_name(&name);
    found.map(Some).ok_or_else(|| Error::field(field, format!("no such kind of key; there are {}", kinds())))
}

/// A query string; unknown parameters are refused.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|axum::extract::Query(query)| Self(query)).map_err(|error| Error::malformed(error.body_text()))
    }
}
