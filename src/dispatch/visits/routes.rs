//! `/visits`, `/schedule`, `/conflicts`: read the request, hand the board a command, answer.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, ServiceConfig, get, post, resource as at};
use muster_actors::directory::Directory;
use muster_domain::TimeWindow;
use muster_domain::dispatch::board::{Board, Command};
use muster_domain::dispatch::{Step, Visit};
use muster_domain::identity::Permission;
use muster_domain::ids::{AccountId, VisitId, WorkerId};
use serde_json::Value;
use uuid::Uuid;

use super::wire::{self, conflict_resource, visit_resource};
use crate::dispatch::board::port;
use crate::http::caller::may;
use crate::http::change::{command, command_or_trial};
use crate::http::envelope::Answer;
use crate::http::{Allowed, App, Input, Listing, Problem};
use crate::store::Store;

/// Longer schedules are read in pieces.
const MAX_SCHEDULE_DAYS: i64 = 62;
const MAX_WORKERS: usize = 50;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(at("/schedule").route(get().to(schedule)))
        .service(at("/conflicts").route(get().to(conflicts)))
        .service(at("/visits/{id}").route(get().to(read)))
        .service(at("/visits/{id}/assign").route(post().to(assign)))
        .service(at("/visits/{id}/unassign").route(post().to(unassign)))
        .service(at("/visits/{id}/move").route(post().to(move_visit)))
        .service(at("/visits/{id}/cancel").route(post().to(cancel)))
        .service(at("/visits/{id}/reopen").route(post().to(reopen)))
        .service(at("/visits/{id}/dismiss-arrival").route(post().to(dismiss_arrival)));
    for step in Step::ALL {
        let handler = move |caller, app, id, input| report(step, caller, app, id, input);
        cfg.service(at(format!("/visits/{{id}}/{}", step.path())).route(post().to(handler)));
    }
}

/// The board between two instants, with the visits that wait without a window.
#[utoipa::path(get, path = "/api/v1/schedule", tag = "dispatch",
    params(("from" = String, Query, example = "2026-12-01T00:00:00Z"), ("to" = String, Query, example = "2026-12-02T00:00:00Z")),
    responses((status = 200, description = "Visits by id; meta.seq is the position of the journal that they stand for",
        body = crate::http::openapi::Collection<wire::VisitAttributes>),
        (status = 400, body = crate::http::openapi::Errors)))]
pub async fn schedule(
    caller: Allowed<may::ScheduleRead>,
    app: Data<App>,
    list: Listing,
) -> Result<HttpResponse, Problem> {
    list.allow(&["from", "to", "include"])?;
    let include = list.include(&["job", "client"])?;
    let range = schedule_range(&list)?;
    let account = caller.caller.account;
    let epoch = port::epoch(&app.store, account).await?;
    let (seq, visits) = visits_of(&app.store, &app.boards, account, range, caller.only()).await?;
    let included = super::related::included(&app, account, &visits, &include).await?;
    let answer = Answer::ok(Value::Array(visits.iter().map(visit_resource).collect()));
    let answer = answer.meta("seq", seq).meta("epoch", epoch);
    Ok(if include.is_empty() { answer } else { answer.included(included) }.respond())
}

fn schedule_range(list: &Listing) -> Result<TimeWindow, Problem> {
    use crate::http::{Code, Fault};
    let (from, to) = (list.need_instant("from")?, list.need_instant("to")?);
    let range = TimeWindow::new(from, to).filter(|range| range.length().num_days() <= MAX_SCHEDULE_DAYS);
    range.ok_or_else(|| {
        let detail = format!("to must be after from, by at most {MAX_SCHEDULE_DAYS} days.");
        Fault::new(Code::VALIDATION_ERROR, detail).parameter("to").into()
    })
}

/// From the board, and from the rows for what the board no longer remembers; with the position it stands for.
pub async fn visits_of(
    store: &Store,
    boards: &Directory,
    account: AccountId,
    range: TimeWindow,
    only: Option<WorkerId>,
) -> Result<(i64, Vec<Visit>), Problem> {
    let look = move |board: &Board| (board.position(), board.schedule(&range).cloned().collect::<Vec<Visit>>());
    let (seq, mut visits) = boards.look(account, look).await?;
    let known: BTreeSet<VisitId> = visits.iter().map(|visit| visit.id).collect();
    let closed = port::closed_visits(store, account, range).await?;
    visits.extend(closed.into_iter().filter(|visit| !known.contains(&visit.id)));
    visits.retain(|visit| only.is_none_or(|worker| visit.workers.contains(&worker)));
    visits.sort_by_key(|visit| visit.id);
    Ok((seq, visits))
}

/// Pairs of visits that somebody allowed to overlap.
#[utoipa::path(get, path = "/api/v1/conflicts", tag = "dispatch",
    responses((status = 200, description = "Who is expected in two places, and who decided so")))]
pub async fn conflicts(caller: Allowed<may::ScheduleWrite>, app: Data<App>) -> Result<HttpResponse, Problem> {
    let look = |board: &Board| -> Vec<Value> {
        board.overlaps().iter().map(|overlap| conflict_resource(board, overlap)).collect()
    };
    let pairs = app.boards.look(caller.caller.account, look).await?;
    Ok(Answer::ok(Value::Array(pairs)).respond())
}

/// One visit.
#[utoipa::path(get, path = "/api/v1/visits/{id}", tag = "dispatch", params(("id" = Uuid, Path)),
    responses((status = 200, body = crate::http::openapi::Document<wire::VisitAttributes>), (status = 404, body = crate::http::openapi::Errors)))]
pub async fn read(
    caller: Allowed<may::ScheduleRead>,
    app: Data<App>,
    id: Path<Uuid>,
    list: Listing,
) -> Result<HttpResponse, Problem> {
    list.allow(&["include"])?;
    let include = list.include(&["job", "client"])?;
    let visit = port::visit(&app.store, caller.caller.account, VisitId(*id)).await?.ok_or_else(Problem::not_found)?;
    if caller.only().is_some_and(|worker| !visit.workers.contains(&worker)) {
        return Err(Problem::not_found());
    }
    let version = visit.version;
    let answer = Answer::ok(visit_resource(&visit)).version(version);
    let included = super::related::included(&app, caller.caller.account, &[visit], &include).await?;
    Ok(if include.is_empty() { answer } else { answer.included(included) }.respond())
}

/// Adds workers to a visit: all of them or none.
#[utoipa::path(post, path = "/api/v1/visits/{id}/assign", tag = "dispatch", params(("id" = Uuid, Path), ("dryRun" = Option<bool>, Query, description = "Tell what would happen, and write nothing")),
    request_body(content = crate::http::openapi::Request<super::openapi::AssignmentAttributes>,
        example = json!({"data": {"type": "assignment", "attributes": {"workerIds": ["01932c6e-8f00-7000-8000-000000000001"]}}})),
    responses((status = 200, body = crate::http::openapi::Document<wire::VisitAttributes>),
        (status = 409, description = "SCHEDULE_CONFLICT with meta.conflicts, or WRONG_STATE", body = crate::http::openapi::Errors),
        (status = 422, description = "OUTSIDE_WORKING_HOURS, ON_TIME_OFF, MISSING_SKILL, WORKER_INACTIVE", body = crate::http::openapi::Errors)))]
pub async fn assign(
    caller: Allowed<may::ScheduleWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let document = input.document("assignment")?;
    let mut fields = document.fields();
    let workers = worker_ids(fields.need_ids("workerIds", MAX_WORKERS));
    let force = fields.force();
    fields.finish()?;
    may_force(&caller, &force)?;
    let (visit, expect) = (VisitId(*id), input.expected_version()?);
    command_or_trial(
        &app,
        &caller.caller,
        &input,
        Command::Assign { visit, workers, force, expect },
        wire::answer(visit),
    )
    .await
}

/// Takes workers off a visit.
#[utoipa::path(post, path = "/api/v1/visits/{id}/unassign", tag = "dispatch", params(("id" = Uuid, Path)),
    request_body(content = crate::http::openapi::Request<super::openapi::AssignmentAttributes>,
        example = json!({"data": {"type": "assignment", "attributes": {"workerIds": ["01932c6e-8f00-7000-8000-000000000001"]}}})),
    responses((status = 200, body = crate::http::openapi::Document<wire::VisitAttributes>), (status = 409, body = crate::http::openapi::Errors)))]
pub async fn unassign(
    caller: Allowed<may::ScheduleWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let document = input.document("assignment")?;
    let mut fields = document.fields();
    let workers = worker_ids(fields.need_ids("workerIds", MAX_WORKERS));
    fields.finish()?;
    let (visit, expect) = (VisitId(*id), input.expected_version()?);
    command(&app, &caller.caller, &input, Command::Unassign { visit, workers, expect }, wire::answer(visit)).await
}

/// Gives a visit another window, other workers, or both. Needs `If-Match`.
#[utoipa::path(post, path = "/api/v1/visits/{id}/move", tag = "dispatch",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, example = "\"2\""),
        ("dryRun" = Option<bool>, Query, description = "Tell what would happen, and write nothing")),
    request_body(content = crate::http::openapi::Request<super::openapi::MoveAttributes>,
        example = json!({"data": {"type": "visit", "attributes": {"startsAt": "2026-12-01T13:00:00Z", "endsAt": "2026-12-01T14:00:00Z"}}})),
    responses((status = 200, body = crate::http::openapi::Document<wire::VisitAttributes>),
        (status = 412, description = "meta.current is the current visit", body = crate::http::openapi::Errors),
        (status = 428, body = crate::http::openapi::Errors)))]
pub async fn move_visit(
    caller: Allowed<may::ScheduleWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let expect = Some(input.required_version()?);
    let document = input.document("visit")?;
    let mut fields = document.fields();
    // Both null takes the window away; neither sent keeps it.
    let keeps_window = !fields.has("startsAt") && !fields.has("endsAt");
    let window = fields.window();
    let window = (!keeps_window).then_some(window);
    let workers = fields.ids("workerIds", MAX_WORKERS).map(worker_ids);
    let force = fields.force();
    fields.finish()?;
    may_force(&caller, &force)?;
    let visit = VisitId(*id);
    let order = Command::Move { visit, window, workers, force, expect };
    command_or_trial(&app, &caller.caller, &input, order, wire::answer(visit)).await
}

/// Progress from the field: by one of its workers, or by the office.
async fn report(
    step: Step,
    caller: Allowed<may::VisitsProgress>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let document = input.document("visit")?;
    let mut fields = document.fields();
    let occurred_at = fields.instant("occurredAt");
    fields.finish()?;
    let (visit, expect) = (VisitId(*id), input.expected_version()?);
    let order = Command::Report { visit, step, occurred_at, expect };
    command(&app, &caller.caller, &input, order, wire::verdict(visit)).await
}

/// Says that a proposed arrival is none. It is not proposed again until the worker has been outside the geofence.
#[utoipa::path(post, path = "/api/v1/visits/{id}/dismiss-arrival", tag = "dispatch", params(("id" = Uuid, Path)),
    request_body(content = crate::http::openapi::Request<super::openapi::NoAttributes>,
        example = json!({"data": {"type": "visit", "attributes": {}}})),
    responses((status = 200, body = crate::http::openapi::Document<wire::VisitAttributes>), (status = 404, body = crate::http::openapi::Errors)))]
pub async fn dismiss_arrival(
    caller: Allowed<may::VisitsProgress>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    input.document("visit")?.fields().finish()?;
    let (visit, expect) = (VisitId(*id), input.expected_version()?);
    command(&app, &caller.caller, &input, Command::DismissArrival { visit, expect }, wire::answer(visit)).await
}

/// Calls a visit off.
#[utoipa::path(post, path = "/api/v1/visits/{id}/cancel", tag = "dispatch", params(("id" = Uuid, Path)),
    request_body(content = crate::http::openapi::Request<super::openapi::ReasonAttributes>,
        example = json!({"data": {"type": "visit", "attributes": {"reason": "The client is ill"}}})),
    responses((status = 200, body = crate::http::openapi::Document<wire::VisitAttributes>), (status = 409, body = crate::http::openapi::Errors)))]
pub async fn cancel(
    caller: Allowed<may::ScheduleWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let document = input.document("visit")?;
    let mut fields = document.fields();
    let reason = fields.text("reason", 500);
    fields.finish()?;
    let (visit, expect) = (VisitId(*id), input.expected_version()?);
    command(&app, &caller.caller, &input, Command::Cancel { visit, reason, expect }, wire::answer(visit)).await
}

/// Opens a closed visit again; it is fitted into the calendar like a new one.
#[utoipa::path(post, path = "/api/v1/visits/{id}/reopen", tag = "dispatch", params(("id" = Uuid, Path)),
    request_body(content = crate::http::openapi::Request<super::openapi::ReasonAttributes>,
        example = json!({"data": {"type": "visit", "attributes": {"reason": "Cancelled by mistake"}}})),
    responses((status = 200, body = crate::http::openapi::Document<wire::VisitAttributes>), (status = 409, body = crate::http::openapi::Errors)))]
pub async fn reopen(
    caller: Allowed<may::ScheduleWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let document = input.document("visit")?;
    let mut fields = document.fields();
    let reason = fields.need_text("reason", 500);
    let force = fields.force();
    fields.finish()?;
    may_force(&caller, &force)?;
    let (visit, expect) = (VisitId(*id), input.expected_version()?);
    command(&app, &caller.caller, &input, Command::Reopen { visit, reason, force, expect }, wire::answer(visit)).await
}

fn worker_ids(ids: BTreeSet<Uuid>) -> BTreeSet<WorkerId> {
    ids.into_iter().map(WorkerId).collect()
}

/// Overruling the calendar is a permission of its own.
fn may_force<P>(caller: &Allowed<P>, force: &Option<String>) -> Result<(), Problem> {
    match force {
        Some(_) => caller.caller.scope(Permission::ScheduleForce).map(drop),
        None => Ok(()),
    }
}
