//! Users as the API shows them.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::User;
use crate::http::envelope::{instant, resource};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"firstName": "Ann", "lastName": "Roe", "email": "ann@example.com", "phone": null,
    "role": "owner", "status": "active", "isWorker": false, "version": 1,
    "createdAt": "2026-11-30T08:00:00Z", "updatedAt": "2026-11-30T08:00:00Z"}))]
pub struct UserAttributes {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone: Option<String>,
    /// owner, admin, manager, dispatcher, worker, limitedWorker
    pub role: String,
    /// active, inactive, invited
    pub status: String,
    /// Has a worker's profile, under the same id.
    pub is_worker: bool,
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
}

impl From<&User> for UserAttributes {
    fn from(user: &User) -> Self {
        Self {
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            email: user.email.clone(),
            phone: user.phone.clone(),
            role: user.role.name().into(),
            status: user.status.name().into(),
            is_worker: user.is_worker,
            version: user.version,
            created_at: instant(user.created_at),
            updated_at: instant(user.updated_at),
        }
    }
}

pub fn user_resource(user: &User) -> Value {
    resource("user", user.id, UserAttributes::from(user))
}
