//! The stream's HTTP part, for the API's own description.

use utoipa::OpenApi;

use super::routes;

#[derive(OpenApi)]
#[openapi(paths(routes::ticket, routes::sse))]
pub struct Doc;
