//! What `/workers` takes, for the API's own description.

#![expect(dead_code, reason = "only the description reads these shapes")]

use utoipa::{OpenApi, ToSchema};
use uuid::Uuid;

use super::wire::{HomeAttributes, ShiftAttributes};
use super::{routes, time_off};

#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"firstName": "Bob", "lastName": "Lee", "email": "bob@example.com",
    "password": "correct-horse-9", "phone": "+41791234567", "skills": ["gas"], "home": {"lat": 47.14, "lng": 9.52},
    "timeZone": "Europe/Zurich", "workingHours": [{"weekday": "mon", "start": "08:00", "end": "17:00"}]}))]
pub struct NewWorkerAttributes {
    /// Gives an existing user a profile; then none of the next five are sent.
    pub user_id: Option<Uuid>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub email: Option<String>,
    /// Ignored for somebody who is known already: he is invited, and keeps his own.
    pub password: Option<String>,
    /// worker (default) or limitedWorker
    pub role: Option<String>,
    pub phone: Option<String>,
    pub skills: Option<Vec<String>>,
    pub home: Option<HomeAttributes>,
    /// The account's if left out.
    pub time_zone: Option<String>,
    /// Without it every hour is a working hour.
    pub working_hours: Option<Vec<ShiftAttributes>>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"skills": ["gas", "electric"]}))]
pub struct WorkerPatch {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub phone: Option<String>,
    pub skills: Option<Vec<String>>,
    pub home: Option<HomeAttributes>,
    pub time_zone: Option<String>,
    pub working_hours: Option<Vec<ShiftAttributes>>,
    /// active or inactive; to be changed by itself
    pub status: Option<String>,
    /// By the worker himself or the office: he can take work.
    pub available: Option<bool>,
    /// By the worker himself alone: he agrees to be followed while he works. Withdrawn, it takes effect at once.
    pub tracking_consent: Option<bool>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"startsAt": "2026-12-21T00:00:00Z",
    "endsAt": "2027-01-04T00:00:00Z", "reason": "Holidays"}))]
pub struct NewTimeOffAttributes {
    pub starts_at: chrono::DateTime<chrono::Utc>,
    pub ends_at: chrono::DateTime<chrono::Utc>,
    pub reason: Option<String>,
}

#[derive(OpenApi)]
#[openapi(paths(
    routes::create,
    routes::list,
    routes::read,
    routes::update,
    routes::deactivate,
    time_off::list,
    time_off::add,
    time_off::read,
    time_off::remove
))]
pub struct Doc;
