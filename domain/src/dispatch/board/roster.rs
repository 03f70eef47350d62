//! Decisions about who can be sent: time off, and leaving or rejoining the roster.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::decide::{Accepted, Touched};
use super::{Board, Rejection};
use crate::dispatch::{TimeOff, Visit, Worker};
use crate::ids::{TimeOffId, VisitId, WorkerId};
use crate::journal::{Fact, TimeOffFact, TimeOffVerb, WorkerFact, WorkerVerb};

impl Board {
    pub(super) fn add_time_off(&self, id: WorkerId, time_off: &TimeOff) -> Accepted {
        let worker = self.worker(id).ok_or(Rejection::WorkerNotFound(id))?;
        if self.roster.values().any(|worker| worker.time_off.contains_key(&time_off.id)) {
            return Err(Rejection::AlreadyExists);
        }
        if let Some(other) = worker.time_off.values().find(|other| other.window.overlaps(&time_off.window)) {
            return Err(Rejection::TimeOffOverlaps { with: other.id });
        }
        let affected = self.occupied(id, time_off.window, None).map(|(visit, _)| visit).collect();
        let fact = TimeOffFact { verb: TimeOffVerb::Added, worker_id: id, time_off: time_off.clone() };
        let touched = Touched { worker: Some(id), time_off: Some(time_off.id), affected, ..Touched::default() };
        Ok((vec![Fact::TimeOff(fact)], touched))
    }

    pub(super) fn remove_time_off(&self, id: WorkerId, time_off: TimeOffId) -> Accepted {
        let worker = self.worker(id).ok_or(Rejection::WorkerNotFound(id))?;
        let time_off = worker.time_off.get(&time_off).cloned().ok_or(Rejection::TimeOffNotFound(time_off))?;
        let fact = TimeOffFact { verb: TimeOffVerb::Removed, worker_id: id, time_off };
        Ok((vec![Fact::TimeOff(fact)], Touched { worker: Some(id), ..Touched::default() }))
    }

    /// Frees what he has not begun. What he is in the middle of stays his: somebody must decide on it.
    pub(super) fn deactivate_worker(&self, id: WorkerId) -> Accepted {
        let worker = self.worker(id).ok_or(Rejection::WorkerNotFound(id))?;
        let mut touched = Touched { worker: Some(id), ..Touched::default() };
        if !worker.active {
            return Ok((Vec::new(), touched));
        }
        let mut next = worker.clone();
        next.active = false;
        let mut facts = vec![Fact::Worker(WorkerFact { verb: WorkerVerb::Deactivated, worker: next })];
        let only = BTreeSet::from([id]);
        let mut ahead = self.clone();
        for visit in self.visits.values().filter(|v| v.status.is_planned() && v.workers.contains(&id)) {
            let visit = ahead.visit(visit.id).cloned().unwrap_or_else(|| visit.clone());
            touched.affected.push(visit.id);
            for fact in ahead.with_job(vec![ahead.taken_off(&visit, &only)]) {
                ahead.evolve(ahead.position, &fact);
                facts.push(fact);
            }
        }
        Ok((facts, touched))
    }

    /// Planned visits from `now` on that suit the worker as he is and no longer would as `next`.
    pub fn no_longer_fit(&self, next: &Worker, now: DateTime<Utc>) -> Vec<VisitId> {
        let Some(worker) = self.worker(next.id) else { return Vec::new() };
        let fits = |visit: &Visit, worker: &Worker| {
            visit.window.is_none_or(|window| worker.hours.cover(&window))
                && visit.required_skills.is_subset(&worker.skills)
        };
        let ahead = |visit: &&Visit| {
            let over = visit.window.is_some_and(|window| window.end <= now);
            visit.status.is_planned() && visit.workers.contains(&next.id) && !over
        };
        let torn = |visit: &&Visit| fits(visit, worker) && !fits(visit, next);
        self.visits.values().filter(ahead).filter(torn).map(|visit| visit.id).collect()
    }

    pub(super) fn activate_worker(&self, id: WorkerId, now: DateTime<Utc>) -> Accepted {
        let worker = self.worker(id).ok_or(Rejection::WorkerNotFound(id))?;
        let touched = Touched { worker: Some(id), ..Touched::default() };
        if worker.active {
            return Ok((Vec::new(), touched));
        }
        let worker = Worker { active: true, followed_since: Some(now), ..worker.clone() };
        Ok((vec![Fact::Worker(WorkerFact { verb: WorkerVerb::Activated, worker })], touched))
    }
}
