//! What `/accounts` and `/account` takes, for the API's own description.

#![expect(dead_code, reason = "only the description reads these shapes")]

use utoipa::{OpenApi, ToSchema};

use super::routes;

#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"name": "Rivergate Plumbing", "timeZone": "Europe/Zurich", "currency": "CHF",
    "owner": {"firstName": "Ann", "lastName": "Roe", "email": "ann@example.com", "password": "correct-horse-9"}}))]
pub struct SignUpAttributes {
    pub name: String,
    pub time_zone: String,
    pub currency: String,
    pub owner: OwnerAttributes,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OwnerAttributes {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    /// At least 8 characters of three kinds, at most 72 bytes.
    pub password: String,
    pub phone: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"name": "Rivergate Plumbing & Heating"}))]
pub struct AccountPatch {
    pub name: Option<String>,
    pub time_zone: Option<String>,
    pub currency: Option<String>,
    /// propose · accept
    pub arrivals: Option<String>,
}

#[derive(OpenApi)]
#[openapi(paths(routes::sign_up, routes::read, routes::update))]
pub struct Doc;
