//! What `/clients` takes, for the API's own description.

#![expect(dead_code, reason = "only the description reads these shapes")]

use utoipa::{OpenApi, ToSchema};

use super::routes;
use crate::customers::properties::PropertyRequest;

/// A new client, and what a full replacement holds. One of the names is required.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ClientRequest {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company_name: Option<String>,
    pub email: Option<String>,
    /// With its country code; kept in E.164.
    pub phone: Option<String>,
    /// Only when the client is made.
    pub properties: Option<Vec<PropertyRequest>>,
    /// active · inactive; only in a change
    pub status: Option<String>,
}

#[derive(OpenApi)]
#[openapi(paths(routes::create, routes::list, routes::read, routes::edit, routes::replace, routes::deactivate))]
pub struct Doc;
