//! Positions over REST: report them, follow a worker's track, find who is near.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, ServiceConfig, get, post};
use chrono::{TimeDelta, Utc};
use muster_actors::radar::Wanted;
use muster_domain::ids::{AccountId, WorkerId};
use muster_domain::live::{Point, Trouble, filter};
use muster_domain::{Place, TimeWindow};
use serde_json::Value;
use uuid::Uuid;

use super::openapi::PositionBatchRequest;
use super::protocol::Protocol;
use super::report::{report, unanswered};
use super::wire::{self, Batch, LiveWire, NearbyAttributes, PositionBatchAttributes, TrackPointAttributes};
use crate::http::caller::may;
use crate::http::envelope::Answer;
use crate::http::openapi::{Collection, Document, Errors, Request};
use crate::http::{Allowed, App, Code, Fault, Input, Listing, Problem};
use crate::live::tracks;
use crate::store::work::to_micros;
use crate::store::{StoreError, Undone};

/// Points in one report.
const MAX_POINTS: usize = 1_000;
/// A longer track is read in pieces.
const MAX_TRACK_DAYS: i64 = 31;
const MAX_TRACK_POINTS: usize = 20_000;
const MAX_NEARBY: i64 = 100;
const DEFAULT_NEARBY: i64 = 10;

/// Before the workers' own routes: `nearby` is no id.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/positions", post().to(send))
        .route("/workers/nearby", get().to(nearby))
        .route("/workers/{id}/track", get().to(track));
}

/// Takes a phone's points. The answer comes when they are durable: what it names may be deleted on the phone.
#[utoipa::path(post, path = "/api/v1/positions", tag = "live",
    request_body(content = Request<PositionBatchRequest>,
        example = json!({"data": {"type": "positionBatch", "attributes": {"points": [{"at": "2026-12-01T09:00:00Z", "lat": 47.14, "lng": 9.52,
            "accuracyM": 8.0, "speedMps": 11.2}]}}})),
    responses((status = 200, body = Document<PositionBatchAttributes>), (status = 400, body = Errors),
        (status = 403, description = "No worker, or inactive", body = Errors),
        (status = 429, description = "Nothing was taken", body = Errors)))]
pub async fn send(caller: Allowed<may::PositionsWrite>, app: Data<App>, input: Input) -> Result<HttpResponse, Problem> {
    let caller = caller.caller;
    let no_profile = || Problem::new(Code::FORBIDDEN, "You have no worker's profile, so no positions of your own.");
    let worker = caller.worker().ok_or_else(no_profile)?;
    let attributes = batch(&input)?.data.attributes;
    let incoming = attributes.incoming(caller.principal(), to_micros(Utc::now())).map_err(not_understood)?;
    let outcome = report(&app.live, Protocol::Api, caller.account, worker, incoming).await?;
    Ok(Answer::ok(wire::batch_resource(outcome)).respond())
}

fn batch(input: &Input) -> Result<Batch<'_>, Problem> {
    let batch: Batch<'_> = input.parse()?;
    if batch.data.kind.as_ref().is_some_and(|kind| kind != "positionBatch") {
        let fault = Fault::new(Code::VALIDATION_ERROR, "type must be \"positionBatch\".");
        return Err(fault.at("/data/type").into());
    }
    if batch.data.attributes.points.len() > MAX_POINTS {
        let fault = Fault::new(Code::VALIDATION_ERROR, format!("A report has at most {MAX_POINTS} points."));
        return Err(fault.at("/data/attributes/points").into());
    }
    Ok(batch)
}

fn not_understood(name: &'static str) -> Problem {
    let expected = match name {
        "trouble" => Trouble::ALL.map(Trouble::name).join(", "),
        _ => "an instant such as 2026-12-01T09:00:00Z".to_owned(),
    };
    let fault = Fault::new(Code::VALIDATION_ERROR, format!("{name} must be {expected}."));
    fault.at(format!("/data/attributes/{name}")).into()
}

/// Where a worker was, in the order of his phone's clock. Workers read only their own.
#[utoipa::path(get, path = "/api/v1/workers/{id}/track", tag = "live",
    params(("id" = Uuid, Path), ("from" = String, Query, example = "2026-12-01T00:00:00Z"),
        ("to" = String, Query, example = "2026-12-02T00:00:00Z")),
    responses((status = 200, description = "meta.truncated: there are more, read on from the last point's time. \
            meta.distanceM: along the points that are used, of which there are meta.usedPoints",
            body = Collection<TrackPointAttributes>),
        (status = 400, body = Errors), (status = 404, body = Errors)))]
pub async fn track(
    caller: Allowed<may::PositionsRead>,
    app: Data<App>,
    id: Path<Uuid>,
    list: Listing,
) -> Result<HttpResponse, Problem> {
    let worker = WorkerId(*id);
    if caller.only().is_some_and(|own| own != worker) {
        return Err(Problem::not_found());
    }
    list.allow(&["from", "to"])?;
    let range = track_range(&list)?;
    let mut points = points_of(&app, caller.caller.account, worker, range).await?;
    let truncated = points.len() > MAX_TRACK_POINTS;
    points.truncate(MAX_TRACK_POINTS);
    let judged = filter(&points);
    let items = points.iter().zip(&judged.uses).map(|(point, one)| wire::track_point_resource(point, one)).collect();
    let used = judged.uses.iter().filter(|one| one.used).count();
    let answer = Answer::ok(Value::Array(items)).meta("truncated", truncated).meta("usedPoints", used);
    Ok(answer.meta("distanceM", (judged.distance_m * 10.0).round() / 10.0).respond())
}

/// One more than are told says that there are more.
async fn points_of(app: &App, account: AccountId, worker: WorkerId, range: TimeWindow) -> Result<Vec<Point>, Problem> {
    let live = app.live.account(account).await.map_err(|_| StoreError::Unavailable("live".into()))?;
    if !live.roster().workers.contains_key(&worker) {
        return Err(Problem::not_found());
    }
    let read = app.store.quiet(account, move |unit| {
        Box::pin(async move {
            let account = unit.account();
            let limit = MAX_TRACK_POINTS as i64 + 1;
            let points: Vec<Point> = tracks::store::track(unit.conn(), account, worker, range, limit).await?;
            Ok::<_, Undone<Problem>>(points)
        })
    });
    Ok(read.await?)
}

fn track_range(list: &Listing) -> Result<TimeWindow, Problem> {
    let to = list.instant("to")?.unwrap_or_else(Utc::now);
    let from = list.instant("from")?.unwrap_or(to - TimeDelta::days(1));
    let range = TimeWindow::new(from, to).filter(|range| range.length() <= TimeDelta::days(MAX_TRACK_DAYS));
    range.ok_or_else(|| {
        let detail = format!("to must be after from, by at most {MAX_TRACK_DAYS} days.");
        Fault::new(Code::VALIDATION_ERROR, detail).parameter("to").into()
    })
}

/// Who could go there: active, on shift, with the skills and a fresh position; nearest first.
#[utoipa::path(get, path = "/api/v1/workers/nearby", tag = "live",
    params(("lat" = f64, Query, example = 47.14), ("lng" = f64, Query, example = 9.52), ("limit" = Option<i64>, Query),
        ("skills" = Option<String>, Query, example = "gas,water"), ("at" = Option<String>, Query)),
    responses((status = 200, body = Collection<NearbyAttributes>), (status = 400, body = Errors)))]
pub async fn nearby(
    caller: Allowed<may::PositionsRead>,
    app: Data<App>,
    list: Listing,
) -> Result<HttpResponse, Problem> {
    if caller.only().is_some() {
        return Err(Problem::new(Code::FORBIDDEN, "Only the office may look for workers."));
    }
    let wanted = wanted(&list)?;
    let near = app.live.nearest(caller.caller.account, wanted).await.map_err(unanswered)?;
    Ok(Answer::ok(Value::Array(near.iter().map(wire::near_resource).collect())).respond())
}

fn wanted(list: &Listing) -> Result<Wanted, Problem> {
    list.allow(&["lat", "lng", "limit", "skills", "at"])?;
    let required = |name: &'static str| {
        let fault = Fault::new(Code::VALIDATION_ERROR, format!("{name} is required.")).parameter(name);
        move || Problem::from(fault.clone())
    };
    let lat = list.number("lat", -90.0..=90.0)?.ok_or_else(required("lat"))?;
    let lng = list.number("lng", -180.0..=180.0)?.ok_or_else(required("lng"))?;
    let skills = list.text("skills").unwrap_or_default().split(',').map(|skill| skill.trim().to_lowercase());
    Ok(Wanted {
        from: Place { lat, lng },
        limit: list.integer("limit", 1..=MAX_NEARBY)?.unwrap_or(DEFAULT_NEARBY) as usize,
        skills: skills.filter(|skill| !skill.is_empty()).collect::<BTreeSet<_>>(),
        at: list.instant("at")?,
    })
}

/// The live attributes of these workers, as far as they are on the account's roster.
pub async fn live_of(
    app: &App,
    account: AccountId,
    workers: Vec<WorkerId>,
) -> Result<BTreeMap<WorkerId, LiveWire>, Problem> {
    let positions = app.live.positions(account, Some(workers)).await.map_err(unanswered)?;
    Ok(positions.iter().map(|(worker, live)| (*worker, LiveWire::from(live))).collect())
}
