//! What `/visits` takes, for the API's own description.

#![expect(dead_code, reason = "only the description reads these shapes")]

use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::routes;

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Force {
    /// Kept in the journal, and shown with the conflict.
    pub reason: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AssignmentAttributes {
    pub worker_ids: Vec<Uuid>,
    pub force: Option<Force>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct MoveAttributes {
    /// Both instants null: the visit waits without a window. Neither sent: the window is kept.
    pub starts_at: Option<chrono::DateTime<chrono::Utc>>,
    pub ends_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Missing: kept. Empty: all are taken off.
    pub worker_ids: Option<Vec<Uuid>>,
    pub force: Option<Force>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ReasonAttributes {
    pub reason: Option<String>,
    pub force: Option<Force>,
}

#[derive(ToSchema)]
pub struct NoAttributes {}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct ReportAttributes {
    /// When it happened, by the reporter's own clock.
    pub occurred_at: Option<chrono::DateTime<chrono::Utc>>,
}

macro_rules! steps {
    ($($name:ident $path:literal $says:literal),+ $(,)?) => {
        $(
            #[doc = $says]
            #[utoipa::path(post, path = $path, tag = "dispatch", params(("id" = Uuid, Path)),
                request_body(content = crate::http::openapi::Request<ReportAttributes>,
        example = json!({"data": {"type": "visit", "attributes": {"occurredAt": "2026-12-01T09:05:00Z"}}})),
                responses((status = 200, description = "meta.verdict is applied", body = crate::http::openapi::Document<super::wire::VisitAttributes>),
                    (status = 409, description = "WRONG_STATE, or SUPERSEDED for one who is no longer assigned", body = crate::http::openapi::Errors)))]
            #[allow(dead_code)]
            fn $name() {}
        )+
    };
}
steps! {
    start_travel "/api/v1/visits/{id}/start-travel" "Somebody set off.",
    arrive "/api/v1/visits/{id}/arrive" "Somebody is there.",
    start "/api/v1/visits/{id}/start" "The work has begun.",
    pause "/api/v1/visits/{id}/pause" "The work rests.",
    complete "/api/v1/visits/{id}/complete" "The work is done.",
    no_access "/api/v1/visits/{id}/no-access" "Nobody let them in.",
}

#[derive(OpenApi)]
#[openapi(paths(
    routes::schedule,
    routes::conflicts,
    routes::read,
    routes::assign,
    routes::unassign,
    routes::move_visit,
    routes::cancel,
    routes::reopen,
    routes::dismiss_arrival,
    start_travel,
    arrive,
    start,
    pause,
    complete,
    no_access
))]
pub struct Doc;
