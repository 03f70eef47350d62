//! What `/jobs` takes, for the API's own description.

#![expect(dead_code, reason = "only the description reads these shapes")]

use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::routes;

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct JobRequest {
    pub title: String,
    pub description: Option<String>,
    pub client_id: Uuid,
    /// May be left out if the client has only one.
    pub property_id: Option<Uuid>,
    pub required_skills: Option<Vec<String>>,
    /// 1 (can wait) to 5 (emergency); 3 if left out
    pub priority: Option<i16>,
    /// At most 50.
    pub visits: Option<Vec<NewVisitRequest>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewVisitRequest {
    pub starts_at: Option<chrono::DateTime<chrono::Utc>>,
    pub ends_at: Option<chrono::DateTime<chrono::Utc>>,
    pub worker_ids: Option<Vec<Uuid>>,
}

/// Names only what changes; null clears the description.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct JobPatchRequest {
    pub title: Option<String>,
    pub description: Option<String>,
    pub required_skills: Option<Vec<String>>,
    pub priority: Option<i16>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct JobReason {
    /// Kept in the journal; required for reopening.
    pub reason: Option<String>,
}

#[derive(OpenApi)]
#[openapi(paths(
    routes::create,
    routes::list,
    routes::of_client,
    routes::read,
    routes::edit,
    routes::add_visit,
    routes::complete,
    routes::cancel,
    routes::remove,
    routes::reopen
))]
pub struct Doc;
