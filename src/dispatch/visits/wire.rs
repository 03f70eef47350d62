//! A visit on the wire: only what the board owns, so that snapshot + events = snapshot after, byte for byte.

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use muster_actors::board::Render;
use muster_domain::Place;
use muster_domain::dispatch::Visit;
use muster_domain::dispatch::board::{Board, Decision};
use muster_domain::ids::VisitId;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::dispatch::refusals;
use crate::http::envelope::{Answer, instant, resource};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VisitAttributes {
    pub job_id: Uuid,
    /// unscheduled · unassigned · scheduled · traveling · onSite · inProgress · paused · completed · cancelled · noAccess
    pub status: &'static str,
    pub starts_at: Option<String>,
    pub ends_at: Option<String>,
    pub worker_ids: BTreeSet<Uuid>,
    pub location: Option<PlaceAttributes>,
    pub required_skills: BTreeSet<String>,
    /// 1 (can wait) to 5 (emergency)
    pub priority: i16,
    /// Somebody with the permission let it break a rule of the calendar.
    pub overlap_allowed: bool,
    pub closed_at: Option<String>,
    /// A geofence saw a worker arrive then, and nobody has said yet whether it is so.
    pub arrival_proposed_at: Option<String>,
    /// Who.
    pub arrival_proposed_by: Option<Uuid>,
    pub version: i64,
}

#[derive(Clone, Copy, Serialize, ToSchema)]
pub struct PlaceAttributes {
    pub lat: f64,
    pub lng: f64,
}

impl From<Place> for PlaceAttributes {
    fn from(place: Place) -> Self {
        Self { lat: place.lat, lng: place.lng }
    }
}

impl From<&Visit> for VisitAttributes {
    fn from(visit: &Visit) -> Self {
        let text = |at: DateTime<Utc>| instant(at);
        Self {
            job_id: visit.job_id.0,
            status: visit.status.name(),
            starts_at: visit.window.map(|window| text(window.start)),
            ends_at: visit.window.map(|window| text(window.end)),
            worker_ids: visit.workers.iter().map(|worker| worker.0).collect(),
            location: visit.location.map(PlaceAttributes::from),
            required_skills: visit.required_skills.clone(),
            priority: visit.priority,
            overlap_allowed: visit.forced.is_some(),
            closed_at: visit.closed_at.map(text),
            arrival_proposed_at: visit.proposed_arrival().map(|arrival| text(arrival.at)),
            arrival_proposed_by: visit.proposed_arrival().map(|arrival| arrival.by.0),
            version: visit.version,
        }
    }
}

pub fn visit_resource(visit: &Visit) -> Value {
    resource("visit", visit.id, VisitAttributes::from(visit))
}

/// The same, written once for everybody who is sent it.
pub fn visit_bytes(visit: &Visit) -> Bytes {
    Bytes::from(serde_json::to_vec(&visit_resource(visit)).expect("JSON values can be written"))
}

/// The answer to a command on one visit: the visit as it now is.
pub fn answer(id: VisitId) -> Render {
    Box::new(move |board: &Board, decision: &Decision| match &decision.answer {
        Err(rejection) => refusals::render(rejection),
        Ok(_) => match board.visit(id) {
            Some(visit) => Answer::ok(visit_resource(visit)).version(visit.version).render(),
            None => refusals::not_found(),
        },
    })
}

/// The same for a report from the field, with the verdict on it.
pub fn verdict(id: VisitId) -> Render {
    Box::new(move |board: &Board, decision: &Decision| match (&decision.answer, board.visit(id)) {
        (Ok(_), Some(visit)) => {
            Answer::ok(visit_resource(visit)).version(visit.version).meta("verdict", "applied").render()
        }
        (Ok(_), None) => refusals::not_found(),
        (Err(rejection), _) => refusals::render(rejection),
    })
}

/// A pair of visits that somebody allowed to overlap.
pub fn conflict_resource(board: &Board, overlap: &muster_domain::dispatch::board::Overlap) -> Value {
    let forced = [overlap.first, overlap.second].into_iter().filter_map(|id| board.visit(id)?.forced.as_ref());
    let forced = forced.max_by_key(|forced| forced.at);
    let id = Uuid::from_u128(
        overlap.first.0.as_u128() ^ overlap.second.0.as_u128().rotate_left(1) ^ overlap.worker.0.as_u128(),
    );
    let attributes = json!({
        "workerId": overlap.worker,
        "visitIds": [overlap.first, overlap.second],
        "reason": forced.map(|forced| forced.reason.clone()),
        "forcedBy": forced.and_then(|forced| forced.by),
        "forcedAt": forced.map(|forced| instant(forced.at)),
    });
    resource("conflict", id, attributes)
}
