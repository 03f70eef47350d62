//! What follows from a command. Reads the board, changes nothing; the facts it returns are what is committed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::fit::Verdict;
use super::{Board, Command, Known, Rejection};
use crate::dispatch::{Forced, Step, Visit, VisitStatus, next_status};
use crate::ids::{JobId, TimeOffId, VisitId, WorkerId};
use crate::journal::{Fact, Glance, JobFact, VisitFact, VisitVerb};
use crate::work::{Job, derive_status};
use crate::{Moment, TimeWindow};

/// Facts to commit, and the answer. A rejection may still leave a fact: evidence of what was reported too late.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub facts: Vec<Fact>,
    pub answer: Result<Touched, Rejection>,
}

/// What the caller asked about, to be read from the board as it is afterwards.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Touched {
    pub visit: Option<VisitId>,
    pub job: Option<JobId>,
    pub worker: Option<WorkerId>,
    pub time_off: Option<TimeOffId>,
    /// Visits that now need somebody's attention: covered by time off, or left without this worker.
    pub affected: Vec<VisitId>,
}

pub(super) type Accepted = Result<(Vec<Fact>, Touched), Rejection>;

impl From<Accepted> for Decision {
    fn from(accepted: Accepted) -> Self {
        match accepted {
            Ok((facts, touched)) => Decision { facts, answer: Ok(touched) },
            Err(rejection) => Decision { facts: Vec::new(), answer: Err(rejection) },
        }
    }
}

impl Board {
    pub fn decide(&self, command: &Command, at: &Moment, known: &Known) -> Decision {
        match command {
            Command::CreateJob(new) => self.create_job(new, known),
            Command::AddVisit { job, visit } => self.add_visit(*job, visit),
            Command::Assign { visit, workers, force, expect } => {
                self.assign(*visit, workers, force.as_deref(), *expect, at)
            }
            Command::Unassign { visit, workers, expect } => self.unassign(*visit, workers, *expect),
            Command::Move { visit, window, workers, force, expect } => {
                self.move_visit(*visit, *window, workers.as_ref(), force.as_deref(), *expect, at)
            }
            Command::Report { visit, step, occurred_at, expect } => {
                return self.report(*visit, *step, *occurred_at, *expect, at);
            }
            Command::ProposeArrival(seen) => self.propose_arrival(seen, at),
            Command::DismissArrival { visit, expect } => self.dismiss_arrival(*visit, *expect, at),
            Command::Cancel { visit, reason, expect } => self.cancel(*visit, reason.clone(), *expect, at),
            Command::Reopen { visit, reason, force, expect } => {
                self.reopen(*visit, reason, force.as_deref(), *expect, at)
            }
            Command::CompleteJob { job, expect } => self.complete_job(*job, *expect),
            Command::CancelJob { job, reason, expect } => self.cancel_job(*job, reason.clone(), *expect, at),
            Command::ReopenJob { job, reason, expect } => self.reopen_job(*job, reason, *expect),
            Command::AddTimeOff { worker, time_off } => self.add_time_off(*worker, time_off),
            Command::RemoveTimeOff { worker, time_off } => self.remove_time_off(*worker, *time_off),
            Command::DeactivateWorker { worker } => self.deactivate_worker(*worker),
            Command::ActivateWorker { worker } => self.activate_worker(*worker, at.now),
        }
        .into()
    }

    fn assign(
        &self,
        id: VisitId,
        workers: &BTreeSet<WorkerId>,
        force: Option<&str>,
        expect: Option<i64>,
        at: &Moment,
    ) -> Accepted {
        let visit = self.expected(id, expect)?;
        let added: BTreeSet<WorkerId> = workers.difference(&visit.workers).copied().collect();
        if added.is_empty() {
            return Ok((Vec::new(), touching(visit)));
        }
        planned(visit)?;
        let verdict = self.fit(visit, &added, visit.window, force.is_some())?;
        let mut next = visit.clone();
        next.former_workers.retain(|worker| !added.contains(worker));
        next.workers.extend(added);
        next.forced = forced(verdict, force, at).or(next.forced);
        let fact = self.changed(visit, next, VisitVerb::Assigned, force.map(str::to_owned));
        Ok((self.with_job(vec![fact]), touching(visit)))
    }

    fn unassign(&self, id: VisitId, workers: &BTreeSet<WorkerId>, expect: Option<i64>) -> Accepted {
        let visit = self.expected(id, expect)?;
        if let Some(unknown) = workers.iter().find(|worker| self.worker(**worker).is_none()) {
            return Err(Rejection::WorkerNotFound(*unknown));
        }
        if visit.workers.is_disjoint(workers) {
            return Ok((Vec::new(), touching(visit)));
        }
        if !(visit.status.is_planned() || visit.status == VisitStatus::Traveling) {
            return Err(wrong_state(visit, None));
        }
        let fact = self.taken_off(visit, workers);
        Ok((self.with_job(vec![fact]), touching(visit)))
    }

    pub(super) fn taken_off(&self, visit: &Visit, workers: &BTreeSet<WorkerId>) -> VisitFact {
        let mut next = visit.clone();
        next.workers.retain(|worker| !workers.contains(worker));
        next.former_workers.extend(visit.workers.intersection(workers));
        // Somebody else may still be on the way; the travel of those who were taken off stays in the journal.
        if visit.status.is_planned() || next.workers.is_empty() {
            next.status = Visit::planned_status(next.window, &next.workers);
        }
        self.changed(visit, next, VisitVerb::Unassigned, None)
    }

    fn move_visit(
        &self,
        id: VisitId,
        window: Option<Option<TimeWindow>>,
        workers: Option<&BTreeSet<WorkerId>>,
        force: Option<&str>,
        expect: Option<i64>,
        at: &Moment,
    ) -> Accepted {
        let visit = self.expected(id, expect)?;
        planned(visit)?;
        let window = window.unwrap_or(visit.window);
        let workers = workers.unwrap_or(&visit.workers);
        if window == visit.window && *workers == visit.workers {
            return Ok((Vec::new(), touching(visit)));
        }
        let verdict = self.fit(visit, workers, window, force.is_some())?;
        let mut next = visit.clone();
        next.window = window;
        next.former_workers.extend(visit.workers.difference(workers));
        next.former_workers.retain(|worker| !workers.contains(worker));
        next.workers = workers.clone();
        next.forced = forced(verdict, force, at);
        let fact = self.changed(visit, next, VisitVerb::Moved, force.map(str::to_owned));
        Ok((self.with_job(vec![fact]), touching(visit)))
    }

    fn report(
        &self,
        id: VisitId,
        step: Step,
        occurred_at: Option<DateTime<Utc>>,
        expect: Option<i64>,
        at: &Moment,
    ) -> Decision {
        let Some(visit) = self.visit(id) else { return Err(Rejection::VisitNotFound(id)).into() };
        if let Some(me) = at.by.as_own_worker().filter(|me| !visit.workers.contains(me)) {
            if !visit.former_workers.contains(&me) {
                return Err(Rejection::VisitNotFound(id)).into();
            }
            let evidence = VisitFact {
                verb: VisitVerb::Superseded,
                visit: visit.clone(),
                before: Some(Glance { workers: BTreeSet::from([me]), ..Glance::of(visit) }),
                reason: Some(step.path().to_owned()),
                occurred_at: occurred_at.or(Some(at.now)),
                regrouped: vec![],
            };
            let answer = Err(Rejection::Superseded(Box::new(visit.clone())));
            return Decision { facts: vec![Fact::Visit(evidence)], answer };
        }
        self.step(visit, step, occurred_at, expect, at).into()
    }

    pub(super) fn step(
        &self,
        visit: &Visit,
        step: Step,
        occurred_at: Option<DateTime<Utc>>,
        expect: Option<i64>,
        at: &Moment,
    ) -> Accepted {
        self.expected(visit.id, expect)?;
        let status = next_status(visit.status, step).ok_or_else(|| wrong_state(visit, None))?;
        if status.is_active() {
            let busy = visit.workers.iter().find_map(|worker| self.active_visit(*worker, visit.id));
            if let Some(busy) = busy {
                return Err(wrong_state(visit, Some(busy.id)));
            }
        }
        let mut next = visit.clone();
        next.status = status;
        next.closed_at = (!status.is_open()).then_some(at.now);
        let verb = match step {
            Step::StartTravel => VisitVerb::TravelStarted,
            Step::Arrive => VisitVerb::Arrived,
            Step::Start => VisitVerb::Started,
            Step::Pause => VisitVerb::Paused,
            Step::Complete => VisitVerb::Completed,
            Step::NoAccess => VisitVerb::NoAccess,
        };
        let mut fact = self.changed(visit, next, verb, None);
        fact.occurred_at = occurred_at;
        Ok((self.with_job(vec![fact]), touching(visit)))
    }

    fn cancel(&self, id: VisitId, reason: Option<String>, expect: Option<i64>, at: &Moment) -> Accepted {
        let visit = self.expected(id, expect)?;
        if !visit.status.is_open() {
            return Err(wrong_state(visit, None));
        }
        Ok((self.with_job(vec![self.cancelled(visit, reason, at)]), touching(visit)))
    }

    pub(super) fn cancelled(&self, visit: &Visit, reason: Option<String>, at: &Moment) -> VisitFact {
        let next = Visit { status: VisitStatus::Cancelled, closed_at: Some(at.now), ..visit.clone() };
        self.changed(visit, next, VisitVerb::Cancelled, reason)
    }

    /// Whoever has left the roster meanwhile stays off; the others are fitted in like newcomers.
    fn reopen(&self, id: VisitId, reason: &str, force: Option<&str>, expect: Option<i64>, at: &Moment) -> Accepted {
        let visit = self.expected(id, expect)?;
        if visit.status.is_open() {
            return Err(wrong_state(visit, None));
        }
        self.open_job(visit.job_id)?;
        let has_left = |id: &WorkerId| self.worker(*id).is_some_and(|worker| !worker.active);
        let (left, stay): (BTreeSet<WorkerId>, BTreeSet<WorkerId>) = visit.workers.iter().copied().partition(has_left);
        let verdict = self.fit(visit, &stay, visit.window, force.is_some())?;
        let mut next = visit.clone();
        next.status = Visit::planned_status(visit.window, &stay);
        next.workers = stay;
        next.former_workers.extend(left);
        next.closed_at = None;
        next.forced = forced(verdict, force, at);
        let fact = self.changed(visit, next, VisitVerb::Reopened, Some(reason.to_owned()));
        Ok((self.with_job(vec![fact]), touching(visit)))
    }

    /// The visit, if it is at the version that the caller last saw.
    pub(super) fn expected(&self, id: VisitId, expect: Option<i64>) -> Result<&Visit, Rejection> {
        let visit = self.visit(id).ok_or(Rejection::VisitNotFound(id))?;
        match expect {
            Some(version) if version != visit.version => Err(Rejection::StaleVisit(Box::new(visit.clone()))),
            Some(_) | None => Ok(visit),
        }
    }

    /// The fact of a change: status, version and overlap group follow from what it now is.
    pub(super) fn changed(&self, old: &Visit, mut next: Visit, verb: VisitVerb, reason: Option<String>) -> VisitFact {
        if next.status.is_planned() {
            next.status = Visit::planned_status(next.window, &next.workers);
        }
        next.forget_past_arrival();
        next.version = old.version + 1;
        let (group, regrouped) = self.regroup(&next);
        next.overlap_group = group;
        VisitFact { verb, visit: next, before: Some(Glance::of(old)), reason, occurred_at: None, regrouped }
    }

    /// The visits' facts, and their job's if its status follows them.
    pub(super) fn with_job(&self, facts: Vec<VisitFact>) -> Vec<Fact> {
        let job = facts.first().and_then(|fact| self.job(fact.visit.job_id));
        let followed = job.and_then(|job| {
            let after: BTreeMap<VisitId, &Visit> = self
                .visits_of(job.id)
                .chain(facts.iter().map(|fact| &fact.visit))
                .map(|visit| (visit.id, visit))
                .collect();
            let status = derive_status(job.end, after.values().map(|visit| visit.standing()));
            (status != job.status)
                .then(|| Fact::Job(JobFact::followed(Job { status, version: job.version + 1, ..job.clone() })))
        });
        facts.into_iter().map(Fact::Visit).chain(followed).collect()
    }
}

pub(super) fn touching(visit: &Visit) -> Touched {
    Touched { visit: Some(visit.id), job: Some(visit.job_id), ..Touched::default() }
}

fn wrong_state(current: &Visit, busy_with: Option<VisitId>) -> Rejection {
    Rejection::WrongState { current: Box::new(current.clone()), busy_with }
}

fn planned(visit: &Visit) -> Result<(), Rejection> {
    if visit.status.is_planned() { Ok(()) } else { Err(wrong_state(visit, None)) }
}

fn forced(verdict: Verdict, reason: Option<&str>, at: &Moment) -> Option<Forced> {
    match verdict {
        Verdict::Fits => None,
        Verdict::Forced => Some(Forced { reason: reason.unwrap_or_default().to_owned(), by: at.by.user(), at: at.now }),
    }
}
