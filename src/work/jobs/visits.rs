//! What a change of the record does to open visits: they are rewritten, counted up and told in the same transaction, so
//! that rows, journal and boards agree.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_domain::dispatch::Visit;
use muster_domain::ids::{JobId, PropertyId};
use muster_domain::journal::{Fact, Glance, JobFact, JobVerb, VisitFact, VisitVerb};
use muster_domain::work::Job;
use muster_domain::{Moment, Place};
use uuid::Uuid;

use super::store;
use crate::dispatch::board::store::{Which, Written, read_visits, write};
use crate::store::{StoreError, Unit};

/// Rows written by one statement, so that nobody waits long for the account's lock.
const CHUNK: usize = 50;

/// Writes jobs that have been changed already (one version up), and carries over to their open visits what visits copy
/// from their job.
pub async fn revise(unit: &mut Unit, jobs: Vec<Job>, at: &Moment) -> Result<(), StoreError> {
    let account = unit.account();
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.id.0).collect();
    let by_id: BTreeMap<JobId, &Job> = jobs.iter().map(|job| (job.id, job)).collect();
    let visits = read_visits(unit.conn(), account, Which::OfJobs(ids)).await?;
    let mut facts: Vec<Fact> = Vec::new();
    for visit in visits.into_iter().filter(|visit| visit.status.is_open()) {
        let next = following(&visit, by_id[&visit.job_id]);
        if next.version != visit.version {
            facts.push(Fact::Visit(VisitFact {
                verb: VisitVerb::Updated,
                before: Some(Glance::of(&visit)),
                visit: next,
                reason: None,
                occurred_at: None,
                regrouped: vec![],
            }));
        }
    }
    let told = |job: Job| Fact::Job(JobFact { verb: JobVerb::Updated, job, description: None, reason: None });
    facts.extend(jobs.into_iter().map(told));
    for chunk in facts.chunks(CHUNK) {
        let written: Vec<Written> = chunk.iter().map(|fact| (at.now, at.by, Arc::new(fact.clone()))).collect();
        write(unit.conn(), account, &written).await?;
    }
    facts.into_iter().for_each(|fact| unit.note(fact));
    Ok(())
}

/// The visit as its job now wants it; the same version if nothing changes.
fn following(visit: &Visit, job: &Job) -> Visit {
    let mut next = visit.clone();
    next.location = job.location;
    next.required_skills = job.required_skills.clone();
    next.priority = job.priority;
    if next != *visit {
        next.version += 1;
    }
    next
}

/// A property is somewhere else: so are its open jobs, and their open visits.
pub async fn follow_property(
    unit: &mut Unit,
    property: PropertyId,
    place: Option<Place>,
    at: &Moment,
) -> Result<(), StoreError> {
    let account = unit.account();
    let mut jobs = store::open_at(unit.conn(), account, property).await?;
    jobs.retain(|job| job.location != place);
    for job in &mut jobs {
        job.location = place;
        job.version += 1;
    }
    if jobs.is_empty() { Ok(()) } else { revise(unit, jobs, at).await }
}
