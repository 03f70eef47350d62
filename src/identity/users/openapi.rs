//! What `/users` takes, for the API's own description.

#![expect(dead_code, reason = "only the description reads these shapes")]

use utoipa::{OpenApi, ToSchema};

use super::routes;

#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"firstName": "Dee", "lastName": "Patch", "email": "dee@example.com", "role": "dispatcher",
    "password": "correct-horse-9"}))]
pub struct NewUserAttributes {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub role: String,
    /// Ignored for somebody who is known already: he is invited, and keeps his own.
    pub password: Option<String>,
    pub phone: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"role": "manager"}))]
pub struct UserPatch {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone: Option<String>,
    pub role: Option<String>,
    /// active or inactive
    pub status: Option<String>,
}

#[derive(OpenApi)]
#[openapi(paths(routes::me, routes::create, routes::list, routes::read, routes::update, routes::deactivate))]
pub struct Doc;
