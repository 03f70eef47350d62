//! `/jobs`: read the request, hand the board a command or change the record, answer.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, ServiceConfig, delete, get, patch, post, resource as at};
use actix_web::{HttpRequest, HttpResponse};
use muster_actors::ports::Rendered;
use muster_domain::Moment;
use muster_domain::customers::Client;
use muster_domain::dispatch::Visit;
use muster_domain::dispatch::board::{Command, NewJob};
use muster_domain::ids::{ClientId, JobId, WorkerId};
use muster_domain::work::{JobPatch, JobRecord, JobStatus};
use serde_json::Value;
use uuid::Uuid;

use super::openapi::{JobPatchRequest, JobReason, JobRequest, NewVisitRequest};
use super::store::{self, Wanted};
use super::visits::revise;
use super::wire::{self, JobAttributes, job_resource, with_visits};
use crate::customers::clients::{self, client_resource};
use crate::dispatch::board::store::{Which, read_visits};
use crate::dispatch::visits::wire::{VisitAttributes, visit_resource};
use crate::http::caller::may;
use crate::http::change::{change, command, command_at};
use crate::http::envelope::Answer;
use crate::http::listing::Page;
use crate::http::openapi::{Collection, Document, Errors, Request};
use crate::http::{Allowed, App, Caller, Input, Listing, Problem};
use crate::store::{Undone, Unit};

/// What lists may be ordered by.
const ORDERS: &[(&str, &str)] = &[
    ("createdAt", "j.created_at"),
    ("updatedAt", "j.updated_at"),
    ("number", "j.number"),
    ("title", "lower(j.title)"),
    ("priority", "j.priority"),
    ("status", "j.status"),
];
const PARAMETERS: &[&str] =
    &["page", "limit", "sort", "filter[status]", "filter[clientId]", "filter[id]", "search", "include"];
const INCLUDES: &[&str] = &["visits", "client"];
const MAX_IDS: usize = 200;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(at("/jobs").route(get().to(list)).route(post().to(create)))
        .service(at("/jobs/{id}").route(get().to(read)).route(patch().to(edit)).route(delete().to(remove)))
        .service(at("/jobs/{id}/visits").route(post().to(add_visit)))
        .service(at("/jobs/{id}/complete").route(post().to(complete)))
        .service(at("/jobs/{id}/cancel").route(post().to(cancel)))
        .service(at("/jobs/{id}/reopen").route(post().to(reopen)))
        .service(at("/clients/{id}/jobs").route(get().to(of_client)));
}

/// Makes a job with its visits: all of them or none.
#[utoipa::path(post, path = "/api/v1/jobs", tag = "work",
    request_body(content = Request<JobRequest>, example = json!({"data": {"type": "job", "attributes": {
        "title": "Boiler", "clientId": "01932c6e-8f00-7000-8000-000000000001", "requiredSkills": ["gas"], "priority": 3,
        "visits": [{"startsAt": "2026-12-01T09:00:00Z", "endsAt": "2026-12-01T10:00:00Z"}]}}})),
    responses((status = 201, description = "The visits are included", body = Document<JobAttributes>),
        (status = 200, description = "It exists already, exactly like this", body = Document<JobAttributes>),
        (status = 400, body = Errors), (status = 404, description = "No such client or property", body = Errors),
        (status = 409, description = "ALREADY_EXISTS, SCHEDULE_CONFLICT", body = Errors),
        (status = 422, description = "A worker cannot be sent", body = Errors)))]
pub async fn create(caller: Allowed<may::JobsWrite>, app: Data<App>, input: Input) -> Result<HttpResponse, Problem> {
    let document = input.document("job")?;
    let new = wire::new_job(&document)?;
    let (at, order) = (caller.caller.moment(), Command::CreateJob(new.clone()));
    let answer = command_at(&app, &caller.caller, &input, at, order, wire::created(&new, at)).await?;
    if answer.status() == StatusCode::CONFLICT && document.id.is_some() {
        return Ok(repeated(&app, &caller.caller, new).await?.unwrap_or(answer));
    }
    Ok(answer)
}

/// A create that comes again from offline: the same is welcome.
async fn repeated(app: &App, caller: &Caller, new: NewJob) -> Result<Option<HttpResponse>, Problem> {
    let id = new.id;
    let find = app.store.quiet(caller.account, move |unit| Box::pin(existing(unit, id, None)));
    let Some(found) = find.await.map(Some).or_else(absent)? else { return Ok(None) };
    if !wire::is_repeat(&found.record, found.visits.len(), &new) {
        return Ok(None);
    }
    let data = with_visits(&found.record, found.visits.iter());
    let visits = found.visits.iter().map(visit_resource).collect();
    Ok(Some(Answer::ok(data).included(visits).version(found.record.job.version).respond()))
}

fn absent<T>(undone: Undone<Problem>) -> Result<Option<T>, Problem> {
    match undone {
        Undone::Refused(_) => Ok(None),
        Undone::Failed(error) => Err(error.into()),
    }
}

/// Jobs, page by page; a worker sees those with a visit of his.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "work",
    params(("page" = Option<i64>, Query), ("limit" = Option<i64>, Query),
        ("sort" = Option<String>, Query, example = "-createdAt"),
        ("filter[status]" = Option<String>, Query, example = "unassigned,scheduled"),
        ("filter[clientId]" = Option<Uuid>, Query), ("filter[id]" = Option<String>, Query, description = "Several, with commas"),
        ("search" = Option<String>, Query, description = "In titles; or a number"),
        ("include" = Option<String>, Query, example = "visits,client")),
    responses((status = 200, body = Collection<JobAttributes>), (status = 400, body = Errors)))]
pub async fn list(caller: Allowed<may::JobsRead>, app: Data<App>, list: Listing) -> Result<HttpResponse, Problem> {
    list.allow(PARAMETERS)?;
    let client = list.id("filter[clientId]")?.map(ClientId);
    listed(&caller, &app, &list, client).await
}

/// The jobs of a client.
#[utoipa::path(get, path = "/api/v1/clients/{id}/jobs", tag = "work",
    params(("id" = Uuid, Path), ("page" = Option<i64>, Query), ("limit" = Option<i64>, Query),
        ("sort" = Option<String>, Query), ("filter[status]" = Option<String>, Query), ("search" = Option<String>, Query),
        ("include" = Option<String>, Query)),
    responses((status = 200, body = Collection<JobAttributes>), (status = 404, body = Errors)))]
pub async fn of_client(
    caller: Allowed<may::JobsRead>,
    app: Data<App>,
    id: Path<Uuid>,
    list: Listing,
) -> Result<HttpResponse, Problem> {
    let known: Vec<&str> = PARAMETERS.iter().copied().filter(|name| *name != "filter[clientId]").collect();
    list.allow(&known)?;
    listed(&caller, &app, &list, Some(ClientId(*id))).await
}

async fn listed(
    caller: &Allowed<may::JobsRead>,
    app: &App,
    list: &Listing,
    client: Option<ClientId>,
) -> Result<HttpResponse, Problem> {
    let include = list.include(INCLUDES)?;
    let names: Vec<&str> = JobStatus::ALL.iter().map(|status| status.name()).collect();
    let wanted = Wanted {
        statuses: list.choices("filter[status]", JobStatus::parse, &names.join(", "))?,
        client,
        ids: list.ids("filter[id]", MAX_IDS)?,
        search: list.search(),
        worker: caller.only(),
        order: list.sort(ORDERS)?,
    };
    let page = list.page()?;
    let asked = include.clone();
    let read = app
        .store
        .quiet(caller.caller.account, move |unit| Box::pin(page_of(unit, wanted.clone(), page, asked.clone())));
    let (total, found) = read.await?;
    let answer = list.answer(page, total, found.jobs.iter().map(|job| found.resource(job)).collect());
    Ok(if include.is_empty() { answer } else { answer.included(found.included()) }.respond())
}

/// Jobs and what was asked for with them.
struct Found {
    jobs: Vec<JobRecord>,
    visits: Option<Vec<Visit>>,
    clients: Vec<Client>,
}

impl Found {
    fn resource(&self, job: &JobRecord) -> Value {
        match &self.visits {
            Some(visits) => with_visits(job, visits.iter().filter(|visit| visit.job_id == job.job.id)),
            None => job_resource(job),
        }
    }

    fn included(&self) -> Vec<Value> {
        let visits = self.visits.iter().flatten().map(visit_resource);
        self.clients.iter().map(client_resource).chain(visits).collect()
    }
}

async fn page_of(
    unit: &mut Unit,
    wanted: Wanted,
    page: Page,
    include: Vec<String>,
) -> Result<(i64, Found), Undone<Problem>> {
    let account = unit.account();
    if let Some(client) = wanted.client.filter(|_| wanted.worker.is_none()) {
        clients::find(unit.conn(), account, client).await?.ok_or_else(Problem::not_found)?;
    }
    let (total, jobs) = store::list(unit.conn(), account, &wanted, page).await?;
    Ok((total, with_related(unit, jobs, &include, wanted.worker).await?))
}

async fn with_related(
    unit: &mut Unit,
    jobs: Vec<JobRecord>,
    include: &[String],
    only: Option<WorkerId>,
) -> Result<Found, Undone<Problem>> {
    let account = unit.account();
    let asked = |name: &str| include.iter().any(|included| included == name);
    let visits = match asked("visits") {
        true => Some(visits_of(unit, &jobs, only).await?),
        false => None,
    };
    let ids: Vec<Uuid> = jobs.iter().filter(|_| asked("client")).map(|record| record.job.client_id.0).collect();
    let clients = clients::read(unit.conn(), account, &ids).await?;
    Ok(Found { jobs, visits, clients })
}

/// Their visits; of a worker only his own.
async fn visits_of(unit: &mut Unit, jobs: &[JobRecord], only: Option<WorkerId>) -> Result<Vec<Visit>, Undone<Problem>> {
    let account = unit.account();
    let ids = jobs.iter().map(|record| record.job.id.0).collect();
    let mut visits = read_visits(unit.conn(), account, Which::OfJobs(ids)).await?;
    visits.retain(|visit| only.is_none_or(|worker| visit.workers.contains(&worker)));
    Ok(visits)
}

/// One job.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "work",
    params(("id" = Uuid, Path), ("include" = Option<String>, Query, example = "visits,client")),
    responses((status = 200, body = Document<JobAttributes>), (status = 304, description = "As in If-None-Match"),
        (status = 404, body = Errors)))]
pub async fn read(
    caller: Allowed<may::JobsRead>,
    app: Data<App>,
    id: Path<Uuid>,
    list: Listing,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    list.allow(&["include"])?;
    let include = list.include(INCLUDES)?;
    let (id, only, asked) = (JobId(*id), caller.only(), include.clone());
    let read = app.store.quiet(caller.caller.account, move |unit| Box::pin(one(unit, id, only, asked.clone())));
    let found = read.await?;
    let (data, version) = (found.resource(&found.jobs[0]), found.jobs[0].job.version);
    let answer = match include.is_empty() {
        true => Answer::ok(data).version(version),
        false => Answer::ok(data).included(found.included()).mixed(version),
    };
    Ok(answer.respond_unless_seen(&request))
}

async fn one(
    unit: &mut Unit,
    id: JobId,
    only: Option<WorkerId>,
    include: Vec<String>,
) -> Result<Found, Undone<Problem>> {
    let job = existing(unit, id, only).await?;
    with_related(unit, vec![job.record], &include, only).await
}

struct Existing {
    record: JobRecord,
    visits: Vec<Visit>,
}

/// The job, if the caller may see it: a worker needs a visit of his in it.
async fn existing(unit: &mut Unit, id: JobId, only: Option<WorkerId>) -> Result<Existing, Undone<Problem>> {
    let account = unit.account();
    let record = store::find(unit.conn(), account, id).await?.ok_or_else(Problem::not_found)?;
    let visits = visits_of(unit, std::slice::from_ref(&record), only).await?;
    if only.is_some() && visits.is_empty() {
        return Err(Problem::not_found().into());
    }
    Ok(Existing { record, visits })
}

/// Changes what is named. Skills and priority reach the open visits too.
#[utoipa::path(patch, path = "/api/v1/jobs/{id}", tag = "work",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header)),
    request_body(content = Request<JobPatchRequest>, example = json!({"data": {"type": "job", "attributes": {
        "priority": 5, "requiredSkills": ["gas"]}}})),
    responses((status = 200, body = Document<JobAttributes>),
        (status = 412, description = "meta.current is the current job", body = Errors)))]
pub async fn edit(
    caller: Allowed<may::JobsWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let patch = wire::patch(&input.document("job")?)?;
    let (id, expect, at) = (JobId(*id), input.expected_version()?, caller.caller.moment());
    change(&app, &caller.caller, &input, move |unit| Box::pin(edited(unit, id, expect, patch.clone(), at))).await
}

async fn edited(
    unit: &mut Unit,
    id: JobId,
    expect: Option<i64>,
    patch: JobPatch,
    at: Moment,
) -> Result<Rendered, Undone<Problem>> {
    let account = unit.account();
    let old = store::find(unit.conn(), account, id).await?.ok_or_else(Problem::not_found)?;
    if expect.is_some_and(|version| version != old.job.version) {
        return Err(Problem::stale(&job_resource(&old)).into());
    }
    let mut new = old.clone();
    patch.apply(&mut new);
    if new != old {
        (new.job.version, new.updated_at) = (old.job.version + 1, at.now);
        store::describe(unit.conn(), account, id, new.description.as_deref()).await?;
        revise(unit, vec![new.job.clone()], &at).await?;
    }
    Ok(Answer::ok(job_resource(&new)).version(new.job.version).render())
}

/// Adds a visit to a job.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/visits", tag = "work", params(("id" = Uuid, Path)),
    request_body(content = Request<NewVisitRequest>, example = json!({"data": {"type": "visit", "attributes": {
        "startsAt": "2026-12-02T09:00:00Z", "endsAt": "2026-12-02T10:00:00Z"}}})),
    responses((status = 201, body = Document<VisitAttributes>), (status = 404, body = Errors),
        (status = 409, description = "The job has ended, or SCHEDULE_CONFLICT", body = Errors)))]
pub async fn add_visit(
    caller: Allowed<may::JobsWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let visit = wire::new_visit(&input.document("visit")?)?;
    let render = wire::visit_created(visit.id);
    command(&app, &caller.caller, &input, Command::AddVisit { job: JobId(*id), visit }, render).await
}

/// Everything is done: the job is completed.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/complete", tag = "work", params(("id" = Uuid, Path)),
    responses((status = 200, body = Document<JobAttributes>),
        (status = 409, description = "WRONG_STATE unless it is readyToComplete", body = Errors)))]
pub async fn complete(
    caller: Allowed<may::JobsComplete>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    input.document("job")?.fields().finish()?;
    let (job, expect, at) = (JobId(*id), input.expected_version()?, caller.caller.moment());
    let render = wire::answer(record(&app, &caller.caller, job).await?, at);
    command_at(&app, &caller.caller, &input, at, Command::CompleteJob { job, expect }, render).await
}

/// Calls a job off, with all its open visits.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "work", params(("id" = Uuid, Path)),
    request_body(content = Request<JobReason>, example = json!({"data": {"type": "job", "attributes": {
        "reason": "The client moved away"}}})),
    responses((status = 200, body = Document<JobAttributes>), (status = 409, body = Errors)))]
pub async fn cancel(
    caller: Allowed<may::JobsWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let reason = wire::reason(&input.document("job")?)?;
    let (job, expect, at) = (JobId(*id), input.expected_version()?, caller.caller.moment());
    let render = wire::answer(record(&app, &caller.caller, job).await?, at);
    command_at(&app, &caller.caller, &input, at, Command::CancelJob { job, reason, expect }, render).await
}

/// The same as calling it off: its history stays.
#[utoipa::path(delete, path = "/api/v1/jobs/{id}", tag = "work",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204, description = "status is now cancelled"), (status = 409, body = Errors)))]
pub async fn remove(
    caller: Allowed<may::JobsWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let (job, expect, at) = (JobId(*id), input.expected_version()?, caller.caller.moment());
    let render = wire::ended(record(&app, &caller.caller, job).await?, at);
    command_at(&app, &caller.caller, &input, at, Command::CancelJob { job, reason: None, expect }, render).await
}

/// Opens an ended job again; its visits stay as they are.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/reopen", tag = "work", params(("id" = Uuid, Path)),
    request_body(content = Request<JobReason>, example = json!({"data": {"type": "job", "attributes": {
        "reason": "The leak is back"}}})),
    responses((status = 200, body = Document<JobAttributes>), (status = 409, body = Errors)))]
pub async fn reopen(
    caller: Allowed<may::JobsWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let reason = wire::need_reason(&input.document("job")?)?;
    let (job, expect, at) = (JobId(*id), input.expected_version()?, caller.caller.moment());
    let render = wire::answer(record(&app, &caller.caller, job).await?, at);
    command_at(&app, &caller.caller, &input, at, Command::ReopenJob { job, reason, expect }, render).await
}

/// What the board does not know of a job, for the answer to a command on it.
async fn record(app: &App, caller: &Caller, id: JobId) -> Result<JobRecord, Problem> {
    let find = app.store.quiet(caller.account, move |unit| Box::pin(existing(unit, id, None)));
    Ok(find.await?.record)
}
