//! Decisions about whole jobs: made with their visits, ended, and opened again.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::decide::{Accepted, Touched};
use super::{Board, Known, NewJob, NewVisit, Rejection};
use crate::Moment;
use crate::dispatch::Visit;
use crate::ids::JobId;
use crate::journal::{Fact, JobFact, JobVerb, VisitFact, VisitVerb};
use crate::work::{Job, JobEnd, JobStatus, derive_status};

impl Board {
    pub(super) fn create_job(&self, new: &NewJob, known: &Known) -> Accepted {
        if self.jobs.contains_key(&new.id) || new.visits.iter().any(|visit| self.visits.contains_key(&visit.id)) {
            return Err(Rejection::AlreadyExists);
        }
        let sites = known.sites.get(&new.client_id).ok_or(Rejection::ClientNotFound(new.client_id))?;
        let site = match (new.property_id, sites.as_slice()) {
            (Some(id), sites) => {
                Some(*sites.iter().find(|site| site.property_id == id).ok_or(Rejection::PropertyNotFound(id))?)
            }
            (None, []) => None,
            (None, [only]) => Some(*only),
            (None, [_, _, ..]) => return Err(Rejection::PropertyRequired(new.client_id)),
        };
        let mut job = Job {
            id: new.id,
            number: self.jobs_numbered + 1,
            title: new.title.clone(),
            client_id: new.client_id,
            property_id: site.map(|site| site.property_id),
            location: site.and_then(|site| site.place),
            required_skills: new.required_skills.clone(),
            priority: new.priority,
            end: None,
            status: JobStatus::Unscheduled,
            version: 1,
        };
        // Each visit is fitted on a board that already holds the ones before it.
        let mut ahead = if new.visits.len() > 1 { Cow::Owned(self.clone()) } else { Cow::Borrowed(self) };
        let mut facts = Vec::with_capacity(new.visits.len());
        for visit in &new.visits {
            let fact = ahead.new_visit(&job, visit)?;
            if let Cow::Owned(ahead) = &mut ahead {
                ahead.place(fact.visit.clone());
            }
            facts.push(Fact::Visit(fact));
        }
        job.status = derive_status(None, new.visits.iter().map(NewVisit::standing));
        let created = JobFact { verb: JobVerb::Created, job, description: new.description.clone(), reason: None };
        facts.insert(0, Fact::Job(created));
        Ok((facts, Touched { job: Some(new.id), ..Touched::default() }))
    }

    pub(super) fn add_visit(&self, job: JobId, new: &NewVisit) -> Accepted {
        if self.visits.contains_key(&new.id) {
            return Err(Rejection::AlreadyExists);
        }
        let job = self.open_job(job)?;
        let fact = self.new_visit(job, new)?;
        let touched = Touched { visit: Some(new.id), job: Some(job.id), ..Touched::default() };
        Ok((self.with_job(vec![fact]), touched))
    }

    pub(super) fn new_visit(&self, job: &Job, new: &NewVisit) -> Result<VisitFact, Rejection> {
        let visit = Visit {
            id: new.id,
            job_id: job.id,
            status: Visit::planned_status(new.window, &new.workers),
            window: new.window,
            workers: new.workers.clone(),
            former_workers: BTreeSet::new(),
            location: job.location,
            required_skills: job.required_skills.clone(),
            priority: job.priority,
            forced: None,
            overlap_group: new.id,
            closed_at: None,
            arrival: None,
            version: 1,
        };
        self.fit(&visit, &visit.workers, visit.window, false)?;
        Ok(VisitFact {
            verb: VisitVerb::Created,
            visit,
            before: None,
            reason: None,
            occurred_at: None,
            regrouped: vec![],
        })
    }

    pub(super) fn complete_job(&self, id: JobId, expect: Option<i64>) -> Accepted {
        let job = self.expected_job(id, expect)?;
        if job.status != JobStatus::ReadyToComplete {
            return Err(Rejection::WrongJobState(Box::new(job.clone())));
        }
        let fact = ended(job, JobEnd::Completed, JobVerb::Completed, None);
        Ok((vec![fact], Touched { job: Some(id), ..Touched::default() }))
    }

    pub(super) fn cancel_job(&self, id: JobId, reason: Option<String>, expect: Option<i64>, at: &Moment) -> Accepted {
        let job = self.expected_job(id, expect)?;
        if job.end.is_some() {
            return Err(Rejection::WrongJobState(Box::new(job.clone())));
        }
        let mut ahead = self.clone();
        let mut facts = Vec::new();
        for visit in self.visits_of(id).filter(|visit| visit.status.is_open()) {
            let visit = ahead.visit(visit.id).cloned().unwrap_or_else(|| visit.clone());
            let fact = Fact::Visit(ahead.cancelled(&visit, reason.clone(), at));
            ahead.evolve(ahead.position, &fact);
            facts.push(fact);
        }
        facts.push(ended(job, JobEnd::Cancelled, JobVerb::Cancelled, reason));
        Ok((facts, Touched { job: Some(id), ..Touched::default() }))
    }

    pub(super) fn reopen_job(&self, id: JobId, reason: &str, expect: Option<i64>) -> Accepted {
        let job = self.expected_job(id, expect)?;
        if job.end.is_none() {
            return Err(Rejection::WrongJobState(Box::new(job.clone())));
        }
        let mut next = job.clone();
        next.end = None;
        next.status = derive_status(None, self.visits_of(id).map(Visit::standing));
        next.version += 1;
        let fact = JobFact { verb: JobVerb::Reopened, job: next, description: None, reason: Some(reason.to_owned()) };
        Ok((vec![Fact::Job(fact)], Touched { job: Some(id), ..Touched::default() }))
    }

    /// The job, if it has not been ended.
    pub(super) fn open_job(&self, id: JobId) -> Result<&Job, Rejection> {
        let job = self.job(id).ok_or(Rejection::JobNotFound(id))?;
        if job.end.is_some() { Err(Rejection::WrongJobState(Box::new(job.clone()))) } else { Ok(job) }
    }

    fn expected_job(&self, id: JobId, expect: Option<i64>) -> Result<&Job, Rejection> {
        let job = self.job(id).ok_or(Rejection::JobNotFound(id))?;
        match expect {
            Some(version) if version != job.version => Err(Rejection::StaleJob(Box::new(job.clone()))),
            Some(_) | None => Ok(job),
        }
    }
}

fn ended(job: &Job, end: JobEnd, verb: JobVerb, reason: Option<String>) -> Fact {
    let status = derive_status(Some(end), std::iter::empty());
    let job = Job { end: Some(end), status, version: job.version + 1, ..job.clone() };
    Fact::Job(JobFact { verb, job, description: None, reason })
}
