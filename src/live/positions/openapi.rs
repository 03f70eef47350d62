//! What positions look like in requests, for the API's own description.

#![expect(dead_code, reason = "only the description reads these shapes")]

use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::routes;

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PositionBatchRequest {
    /// Tells two phones of one worker apart.
    pub device_id: Option<String>,
    /// By the phone's clock, when it sends: what its clock is off by is taken off its times.
    pub sent_at: Option<chrono::DateTime<chrono::Utc>>,
    /// What the phone says is wrong with it, if anything is; with or without points.
    #[schema(example = "permissionDenied")]
    pub trouble: Option<String>,
    /// At most 1,000.
    pub points: Vec<PointRequest>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PointRequest {
    /// The phone's own; with `at` it is the point's identity.
    pub id: Option<Uuid>,
    /// By the phone's clock.
    pub at: chrono::DateTime<chrono::Utc>,
    pub lat: f64,
    pub lng: f64,
    pub accuracy_m: Option<f64>,
    pub speed_mps: Option<f64>,
    pub heading_deg: Option<f64>,
    pub altitude_m: Option<f64>,
    /// gps · network · fused …
    pub source: Option<String>,
    /// still · walking · driving …
    pub activity: Option<String>,
    pub battery_pct: Option<f64>,
    pub charging: Option<bool>,
    pub mock: Option<bool>,
}

#[derive(OpenApi)]
#[openapi(paths(routes::send, routes::track, routes::nearby))]
pub struct Doc;
