//! `/workers/{id}/time-off`: through the board, because it blocks people's time. Visits that it covers are listed, not
//! moved: somebody must decide on them.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use muster_actors::board::Render;
use muster_domain::dispatch::TimeOff;
use muster_domain::dispatch::board::{Command, Rejection};
use muster_domain::ids::{TimeOffId, WorkerId};
use uuid::Uuid;

use super::activity::refused;
use super::openapi::NewTimeOffAttributes;
use super::wire::{self, TimeOffAttributes, time_off_resource};
use super::{Profile, routes};
use crate::http::caller::may;
use crate::http::change::command;
use crate::http::envelope::{Answer, nothing};
use crate::http::openapi::{Collection, Document, Errors, Request};
use crate::http::{Allowed, App, Input, Listing, Problem};

/// A worker's time off, in the order of time.
#[utoipa::path(get, path = "/api/v1/workers/{id}/time-off", tag = "identity",
    params(("id" = Uuid, Path), ("page" = Option<i64>, Query), ("limit" = Option<i64>, Query)),
    responses((status = 200, body = Collection<TimeOffAttributes>), (status = 404, body = Errors)))]
pub async fn list(
    caller: Allowed<may::PositionsRead>,
    app: Data<App>,
    id: Path<Uuid>,
    list: Listing,
) -> Result<HttpResponse, Problem> {
    list.allow(&["page", "limit"])?;
    let page = list.page()?;
    let profile = routes::visible(&app, &caller, *id).await?;
    let all = in_order(&profile);
    let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let shown = all.iter().skip(skipped).take(usize::try_from(page.limit).unwrap_or_default());
    let items = shown.map(|off| time_off_resource(profile.card.id, off)).collect();
    Ok(list.answer(page, i64::try_from(all.len()).unwrap_or(i64::MAX), items).respond())
}

fn in_order(profile: &Profile) -> Vec<&TimeOff> {
    let mut all: Vec<&TimeOff> = profile.card.time_off.values().collect();
    all.sort_by_key(|off| (off.window, off.id));
    all
}

/// Adds time off. `meta.affected` lists the visits that it now covers.
#[utoipa::path(post, path = "/api/v1/workers/{id}/time-off", tag = "identity", params(("id" = Uuid, Path)),
    request_body(content = Request<NewTimeOffAttributes>,
        example = json!({"data": {"type": "timeOff", "attributes": {"startsAt": "2026-12-24T00:00:00Z", "endsAt": "2026-12-27T00:00:00Z",
            "reason": "Holidays"}}})),
    responses((status = 201, body = Document<TimeOffAttributes>),
        (status = 200, description = "It exists already, exactly like this", body = Document<TimeOffAttributes>),
        (status = 400, body = Errors), (status = 404, body = Errors),
        (status = 409, description = "TIME_OFF_OVERLAPS, ALREADY_EXISTS", body = Errors)))]
pub async fn add(
    caller: Allowed<may::ScheduleWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let (worker, time_off) = (WorkerId(*id), wire::read_time_off(&input)?);
    let render = added(worker, time_off.clone());
    command(&app, &caller.caller, &input, Command::AddTimeOff { worker, time_off }, render).await
}

fn added(worker: WorkerId, off: TimeOff) -> Render {
    Box::new(move |board, decision| {
        let data = time_off_resource(worker, &off);
        match &decision.answer {
            Ok(touched) => {
                let path = format!("workers/{worker}/time-off");
                Answer::created(&path, data).meta("affected", &touched.affected).render()
            }
            // The same, sent again from offline.
            Err(Rejection::AlreadyExists)
                if board.worker(worker).is_some_and(|held| held.time_off.get(&off.id) == Some(&off)) =>
            {
                Answer::ok(data).meta("affected", Vec::<Uuid>::new()).render()
            }
            Err(rejection) => refused(rejection),
        }
    })
}

/// One stretch of time off.
#[utoipa::path(get, path = "/api/v1/workers/{id}/time-off/{entry}", tag = "identity",
    params(("id" = Uuid, Path), ("entry" = Uuid, Path)),
    responses((status = 200, body = Document<TimeOffAttributes>), (status = 404, body = Errors)))]
pub async fn read(
    caller: Allowed<may::PositionsRead>,
    app: Data<App>,
    path: Path<(Uuid, Uuid)>,
) -> Result<HttpResponse, Problem> {
    let (worker, entry) = path.into_inner();
    let profile = routes::visible(&app, &caller, worker).await?;
    let off = profile.card.time_off.get(&TimeOffId(entry)).ok_or_else(Problem::not_found)?;
    Ok(Answer::ok(time_off_resource(profile.card.id, off)).respond())
}

/// Takes time off back.
#[utoipa::path(delete, path = "/api/v1/workers/{id}/time-off/{entry}", tag = "identity",
    params(("id" = Uuid, Path), ("entry" = Uuid, Path)),
    responses((status = 204), (status = 404, body = Errors)))]
pub async fn remove(
    caller: Allowed<may::ScheduleWrite>,
    app: Data<App>,
    path: Path<(Uuid, Uuid)>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let (worker, entry) = path.into_inner();
    let command_ = Command::RemoveTimeOff { worker: WorkerId(worker), time_off: TimeOffId(entry) };
    let render: Render = Box::new(|_, decision| match &decision.answer {
        Ok(_) => nothing(),
        Err(rejection) => refused(rejection),
    });
    command(&app, &caller.caller, &input, command_, render).await
}
