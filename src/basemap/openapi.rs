//! What `/basemap` answers, for the API's own description.

#![expect(dead_code, reason = "only the description reads these shapes")]

use utoipa::{OpenApi, ToSchema};

use super::routes;
use super::wire::BasemapAttributes;
use crate::http::openapi::Meta;

/// Without an id: there is one.
#[derive(ToSchema)]
pub struct BasemapDocument {
    pub data: BasemapResource,
    pub meta: Meta,
}

#[derive(ToSchema)]
pub struct BasemapResource {
    #[schema(rename = "type")]
    pub kind: String,
    pub attributes: BasemapAttributes,
}

#[derive(OpenApi)]
#[openapi(paths(routes::read))]
pub struct Doc;
