//! What `/auth/*` takes, for the API's own description.

#![expect(dead_code, reason = "only the description reads these shapes")]

use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::routes;

#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"email": "ann@example.com", "password": "correct-horse-9"}))]
pub struct LoginBody {
    pub email: String,
    pub password: String,
    /// Which account, for somebody who is in several.
    pub account_id: Option<Uuid>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"refreshToken": "mrt_…"}))]
pub struct RefreshBody {
    pub refresh_token: String,
}

#[derive(OpenApi)]
#[openapi(paths(routes::login, routes::refresh, routes::logout, routes::accept))]
pub struct Doc;
