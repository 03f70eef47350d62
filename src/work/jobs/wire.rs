//! A job on the wire.

use std::collections::BTreeSet;

use muster_actors::board::Render;
use muster_domain::Moment;
use muster_domain::dispatch::Visit;
use muster_domain::dispatch::board::{Board, Decision, NewJob, NewVisit, Rejection};
use muster_domain::ids::{ClientId, JobId, PropertyId, VisitId, WorkerId};
use muster_domain::work::{JobPatch, JobRecord, JobStatus};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::dispatch::refusals;
use crate::dispatch::visits::wire::{PlaceAttributes, visit_resource};
use crate::http::envelope::{Answer, instant, nothing, resource};
use crate::http::input::Document;
use crate::http::{Fields, Problem};

const MAX_TITLE: usize = 200;
const MAX_DESCRIPTION: usize = 10_000;
const MAX_VISITS: usize = 50;
const MAX_WORKERS: usize = 50;
const MAX_SKILLS: usize = 50;
const MAX_REASON: usize = 500;
const DEFAULT_PRIORITY: i16 = 3;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobAttributes {
    /// Counts from 1 in each account, without gaps.
    pub number: i64,
    pub title: String,
    pub description: Option<String>,
    pub client_id: Uuid,
    pub property_id: Option<Uuid>,
    /// Where the property is.
    pub location: Option<PlaceAttributes>,
    pub required_skills: BTreeSet<String>,
    /// 1 (can wait) to 5 (emergency)
    pub priority: i16,
    /// unscheduled · unassigned · scheduled · inProgress · readyToComplete · completed · cancelled
    pub status: &'static str,
    pub created_at: String,
    pub updated_at: String,
    pub version: i64,
}

impl From<&JobRecord> for JobAttributes {
    fn from(record: &JobRecord) -> Self {
        let job = &record.job;
        Self {
            number: job.number,
            title: job.title.clone(),
            description: record.description.clone(),
            client_id: job.client_id.0,
            property_id: job.property_id.map(|id| id.0),
            location: job.location.map(PlaceAttributes::from),
            required_skills: job.required_skills.clone(),
            priority: job.priority,
            status: job.status.name(),
            created_at: instant(record.created_at),
            updated_at: instant(record.updated_at),
            version: job.version,
        }
    }
}

pub fn job_resource(record: &JobRecord) -> Value {
    let mut job = resource("job", record.job.id, JobAttributes::from(record));
    job["relationships"] = json!({ "client": { "data": { "type": "client", "id": record.job.client_id } } });
    job
}

/// The same, with its visits as a relation.
pub fn with_visits<'a>(record: &JobRecord, visits: impl Iterator<Item = &'a Visit>) -> Value {
    let mut job = job_resource(record);
    let related: Vec<Value> = visits.map(|visit| json!({ "type": "visit", "id": visit.id })).collect();
    job["relationships"]["visits"] = json!({ "data": related });
    job
}

pub fn new_job(document: &Document) -> Result<NewJob, Problem> {
    let mut fields = document.fields();
    let new = NewJob {
        id: JobId(document.id_or_new()),
        title: fields.need_text("title", MAX_TITLE),
        description: fields.text("description", MAX_DESCRIPTION),
        client_id: ClientId(fields.need_id("clientId")),
        property_id: fields.id("propertyId").map(PropertyId),
        required_skills: fields.words("requiredSkills", MAX_SKILLS).unwrap_or_default(),
        priority: priority(&mut fields).unwrap_or(DEFAULT_PRIORITY),
        visits: fields.list("visits", MAX_VISITS, |inner| visit_of(inner, Uuid::now_v7())).unwrap_or_default(),
    };
    fields.finish()?;
    Ok(new)
}

pub fn new_visit(document: &Document) -> Result<NewVisit, Problem> {
    let mut fields = document.fields();
    let new = visit_of(&mut fields, document.id_or_new());
    fields.finish()?;
    Ok(new)
}

fn visit_of(fields: &mut Fields, id: Uuid) -> NewVisit {
    let workers = fields.ids("workerIds", MAX_WORKERS).unwrap_or_default();
    NewVisit { id: VisitId(id), window: fields.window(), workers: workers.into_iter().map(WorkerId).collect() }
}

pub fn patch(document: &Document) -> Result<JobPatch, Problem> {
    let mut fields = document.fields();
    let patch = JobPatch {
        title: fields.has("title").then(|| fields.need_text("title", MAX_TITLE)),
        description: fields.patch_text("description", MAX_DESCRIPTION),
        required_skills: fields
            .has("requiredSkills")
            .then(|| fields.words("requiredSkills", MAX_SKILLS))
            .map(Option::unwrap_or_default),
        priority: fields.has("priority").then(|| priority(&mut fields)).map(|given| given.unwrap_or(DEFAULT_PRIORITY)),
    };
    fields.finish()?;
    Ok(patch)
}

fn priority(fields: &mut Fields) -> Option<i16> {
    fields.integer("priority", 1..=5).and_then(|priority| i16::try_from(priority).ok())
}

pub fn reason(document: &Document) -> Result<Option<String>, Problem> {
    let mut fields = document.fields();
    let reason = fields.text("reason", MAX_REASON);
    fields.finish()?;
    Ok(reason)
}

pub fn need_reason(document: &Document) -> Result<String, Problem> {
    let mut fields = document.fields();
    let reason = fields.need_text("reason", MAX_REASON);
    fields.finish()?;
    Ok(reason)
}

/// Is this what the job was made of? Its visits may have moved since.
pub fn is_repeat(record: &JobRecord, visits: usize, new: &NewJob) -> bool {
    let job = &record.job;
    (&job.title, &record.description, job.client_id) == (&new.title, &new.description, new.client_id)
        && (&job.required_skills, job.priority) == (&new.required_skills, new.priority)
        && new.property_id.is_none_or(|property| job.property_id == Some(property))
        && visits >= new.visits.len()
}

/// 201 with the new job and its visits.
pub fn created(new: &NewJob, at: Moment) -> Render {
    let (id, description) = (new.id, new.description.clone());
    Box::new(move |board, decision| {
        let job = match &decision.answer {
            Ok(_) => board.job(id).cloned(),
            Err(Rejection::AlreadyExists) => return refusals::rendered(&Problem::already_exists()),
            Err(rejection) => return refusals::render(rejection),
        };
        let Some(job) = job else { return refusals::not_found() };
        let version = job.version;
        let record = JobRecord { job, description: description.clone(), created_at: at.now, updated_at: at.now };
        let data = with_visits(&record, board.visits_of(id));
        let visits = board.visits_of(id).map(visit_resource).collect();
        Answer::created("jobs", data).included(visits).version(version).render()
    })
}

/// 201 with the new visit.
pub fn visit_created(id: VisitId) -> Render {
    Box::new(move |board, decision| match (&decision.answer, board.visit(id)) {
        (Ok(_), Some(visit)) => Answer::created("visits", visit_resource(visit)).version(visit.version).render(),
        (Ok(_), None) => refusals::not_found(),
        (Err(Rejection::AlreadyExists), _) => refusals::rendered(&Problem::already_exists()),
        (Err(rejection), _) => refusals::render(rejection),
    })
}

/// The answer to a command on a job: the job as it now is. `before` brings what the board does not know.
pub fn answer(before: JobRecord, at: Moment) -> Render {
    Box::new(move |board, decision| match now(&before, board, decision, at) {
        Ok(record) => Answer::ok(job_resource(&record)).version(record.job.version).render(),
        Err(problem) => refusals::rendered(&problem),
    })
}

/// 204, also for a job that had been called off before.
pub fn ended(before: JobRecord, at: Moment) -> Render {
    Box::new(move |board, decision| match (&decision.answer, now(&before, board, decision, at)) {
        (_, Ok(_)) => nothing(),
        (Err(Rejection::WrongJobState(job)), _) if job.status == JobStatus::Cancelled => nothing(),
        (_, Err(problem)) => refusals::rendered(&problem),
    })
}

fn now(before: &JobRecord, board: &Board, decision: &Decision, at: Moment) -> Result<JobRecord, Problem> {
    let updated_at = if decision.facts.is_empty() { before.updated_at } else { at.now };
    let record = |job: muster_domain::work::Job| JobRecord { job, updated_at, ..before.clone() };
    match &decision.answer {
        Ok(_) => board.job(before.job.id).cloned().map(record).ok_or_else(Problem::not_found),
        Err(Rejection::StaleJob(current)) => Err(Problem::stale(&job_resource(&record((**current).clone())))),
        Err(rejection) => Err(refusals::problem(rejection)),
    }
}
