//! What `/devices` takes, for the API's own description.

#![expect(dead_code, reason = "only the description reads these shapes")]

use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::routes;

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct DeviceRequest {
    pub worker_id: Uuid,
    /// What people call the phone.
    pub label: Option<String>,
}

#[derive(OpenApi)]
#[openapi(paths(routes::create, routes::list, routes::read, routes::revoke))]
pub struct Doc;
