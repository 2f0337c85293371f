//! `/v1/tenants/{tenant}/orders…`: requests for certificates and what became of them.

use crate::api::common::{PageQuery, Query};
use crate::problem::{Error, Problems};
use crate::request::{Ids, InTenant};
use axum::Json;
use axum::extract::State;
use chancery_app::{Chancery, Order};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// An order.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OrderDocument {
    /// Its id.
    pub id: String,
    /// `requested`, `approved`, `issuing`, `issued` or `failed`.
    pub state: String,
    /// The profile.
    pub profile: String,
    /// The profile's version that decided.
    pub policy_version: u32,
    /// The account that asked.
    pub requester: String,
    /// The certificate that came of it.
    pub certificate: Option<String>,
    /// What was asked.
    #[schema(value_type = Object)]
    pub request: serde_json::Value,
    /// When it was asked.
    pub created_at: String,
}

/// A page of orders.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OrderPage {
    /// The orders, newest first.
    pub items: Vec<OrderDocument>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

impl From<Order> for OrderDocument {
    fn from(order: Order) -> Self {
        Self {
            id: order.id.to_string(),
            state: order.state.as_str().to_owned(),
            profile: order.profile,
            policy_version: order.policy_version,
            requester: order.requester.to_string(),
            certificate: order.certificate.map(|id| id.to_string()),
            request: order.request,
            created_at: order.created_at.to_string(),
        }
    }
}

pub(crate) fn routes() -> OpenApiRouter<Chancery> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// List orders.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/orders", tag = "orders", security(("token" = [])),
    extensions(("x-action" = json!("order:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), PageQuery),
    responses((status = 200, body = OrderPage), Problems))]
async fn list(State(service): State<Chancery>, caller: InTenant, Query(query): Query<PageQuery>) -> Result<Json<OrderPage>, Error> {
    let page = query.page()?;
    let (orders, next) = service.orders(&caller, page).await?;
    let next = next.map(|id| id.to_string());
    Ok(Json(OrderPage { items: orders.into_iter().map(Into::into).collect(), next }))
}

/// Show an order.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/orders/{order}", tag = "orders", security(("token" = [])),
    extensions(("x-action" = json!("order:read"))),
    params(("tenant" = String, Path, description = "The tenant's id"), ("order" = String, Path, description = "The order's id")),
    responses((status = 200, body = OrderDocument), Problems))]
async fn show(State(service): State<Chancery>, caller: InTenant, ids: Ids) -> Result<Json<OrderDocument>, Error> {
    Ok(Json(service.order(&caller, ids.parse("order")?).await?.into()))
}
