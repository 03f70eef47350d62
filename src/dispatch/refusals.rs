//! The board's rejections in words: which code, which status, and what the caller needs to know to mend it.

use actix_web::ResponseError;
use bytes::Bytes;
use muster_actors::ports::Rendered;
use muster_domain::dispatch::board::{Complaint, Rejection, Why};
use muster_domain::work::Job;
use serde_json::{Value, json};

use super::visits::wire::visit_resource;
use crate::http::envelope::{instant, resource};
use crate::http::{Code, Fault, Problem};

pub fn problem(rejection: &Rejection) -> Problem {
    let missing = |pointer: &str, what: &str| -> Problem {
        Fault::new(Code::NOT_FOUND, format!("There is no such {what}.")).at(pointer).into()
    };
    match rejection {
        Rejection::VisitNotFound(_) | Rejection::JobNotFound(_) | Rejection::TimeOffNotFound(_) => Problem::not_found(),
        Rejection::WorkerNotFound(_) => missing("/data/attributes/workerIds", "worker"),
        Rejection::ClientNotFound(_) => missing("/data/attributes/clientId", "client"),
        Rejection::PropertyNotFound(_) => missing("/data/attributes/propertyId", "property of this client"),
        Rejection::PropertyRequired(_) => {
            let detail = "The client has several properties: name the one where the work is.";
            Fault::new(Code::VALIDATION_ERROR, detail).at("/data/attributes/propertyId").into()
        }
        Rejection::AlreadyExists => Problem::new(Code::ALREADY_EXISTS, "Another resource has this id."),
        Rejection::StaleVisit(current) => Problem::stale(&visit_resource(current)),
        Rejection::StaleJob(current) => Problem::stale(&job_state(current)),
        Rejection::WrongState { current, busy_with } => {
            let detail = match busy_with {
                Some(other) => format!("A worker of this visit is under way with visit {other}."),
                None => format!("A visit that is {} does not allow this.", current.status.name()),
            };
            let mut meta = json!({ "current": visit_resource(current) });
            if let Some(other) = busy_with {
                meta["busyWith"] = json!(other);
            }
            Fault::new(Code::WRONG_STATE, detail).meta(meta).into()
        }
        Rejection::WrongJobState(current) => {
            let detail = format!("A job that is {} does not allow this.", current.status.name());
            Fault::new(Code::WRONG_STATE, detail).meta(json!({ "current": job_state(current) })).into()
        }
        Rejection::Superseded(current) => {
            let detail = "The visit was taken from this worker meanwhile. The report is kept as evidence.";
            let meta = json!({ "verdict": "superseded", "current": visit_resource(current) });
            Fault::new(Code::SUPERSEDED, detail).meta(meta).into()
        }
        Rejection::Unfit(complaints) => unfit(complaints),
        Rejection::TimeOffOverlaps { with } => {
            let detail = "The worker already has time off in this window.";
            Fault::new(Code::TIME_OFF_OVERLAPS, detail).meta(json!({ "timeOffId": with })).into()
        }
    }
}

fn job_state(job: &Job) -> Value {
    let attributes =
        json!({ "number": job.number, "title": job.title, "status": job.status.name(), "version": job.version });
    resource("job", job.id, attributes)
}

/// One fault for all overlaps, with the list of what is in the way; one for each other complaint.
fn unfit(complaints: &[Complaint]) -> Problem {
    let overlaps: Vec<Value> = complaints
        .iter()
        .filter_map(|complaint| match &complaint.why {
            Why::Overlap { visit, window } => Some(json!({
                "visitId": visit, "workerId": complaint.worker,
                "startsAt": instant(window.start), "endsAt": instant(window.end),
            })),
            Why::Inactive | Why::OutsideHours | Why::OnTimeOff { .. } | Why::MissingSkill { .. } => None,
        })
        .collect();
    let mut faults = Vec::new();
    let mut overlap_told = false;
    for complaint in complaints {
        let meta = json!({ "workerId": complaint.worker });
        match &complaint.why {
            Why::Inactive => {
                faults.push(Fault::new(Code::WORKER_INACTIVE, "The worker has been deactivated.").meta(meta));
            }
            Why::Overlap { .. } if overlap_told => {}
            Why::Overlap { .. } => {
                overlap_told = true;
                let detail = "The worker is already occupied in this window.";
                faults.push(Fault::new(Code::SCHEDULE_CONFLICT, detail).meta(json!({ "conflicts": overlaps })));
            }
            Why::OutsideHours => {
                let detail = "The window is not wholly inside the worker's working hours.";
                faults.push(Fault::new(Code::OUTSIDE_WORKING_HOURS, detail).meta(meta));
            }
            Why::OnTimeOff { time_off, window } => {
                let detail = format!("The worker is off from {} to {}.", instant(window.start), instant(window.end));
                let meta = json!({ "workerId": complaint.worker, "timeOffId": time_off });
                faults.push(Fault::new(Code::ON_TIME_OFF, detail).meta(meta));
            }
            Why::MissingSkill { skill } => {
                let detail = format!("The job requires the skill \"{skill}\".");
                let meta = json!({ "workerId": complaint.worker, "skill": skill });
                faults.push(Fault::new(Code::MISSING_SKILL, detail).meta(meta));
            }
        }
    }
    Problem { faults }
}

/// As an answer of the board, which may have to be kept.
pub fn render(rejection: &Rejection) -> Rendered {
    rendered(&problem(rejection))
}

pub fn not_found() -> Rendered {
    rendered(&Problem::not_found())
}

pub fn rendered(problem: &Problem) -> Rendered {
    let body = serde_json::to_vec(&problem.body()).expect("JSON values can be written");
    Rendered { status: problem.status_code().as_u16(), body: Bytes::from(body), etag: None, location: None }
}
