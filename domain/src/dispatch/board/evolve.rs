//! Making it so: one fact changes the board in one synchronous step. Facts that do not concern it change only nothing.

use super::Board;
use crate::dispatch::Visit;
use crate::ids::VisitId;
use crate::journal::{Fact, JobVerb, TimeOffVerb, VisitVerb};

impl Board {
    /// `seq`: the fact's place in the journal.
    pub fn evolve(&mut self, seq: i64, fact: &Fact) {
        if fact.moves_board() {
            self.position = seq;
        }
        match fact {
            Fact::Visit(fact) if fact.verb == VisitVerb::Superseded => {}
            Fact::Visit(fact) => {
                let whole = self.jobs.contains_key(&fact.visit.job_id);
                if !whole || fact.before.is_some() && !self.visits.contains_key(&fact.visit.id) {
                    self.torn.insert(fact.visit.job_id);
                }
                self.place(fact.visit.clone());
                for (visit, group) in &fact.regrouped {
                    if let Some(mut other) = self.visits.get(visit).cloned() {
                        other.overlap_group = *group;
                        self.place(other);
                    }
                }
            }
            Fact::Job(fact) => {
                if fact.verb != JobVerb::Created && !self.jobs.contains_key(&fact.job.id) {
                    self.torn.insert(fact.job.id);
                }
                self.jobs_numbered = self.jobs_numbered.max(fact.job.number);
                self.jobs.insert(fact.job.id, fact.job.clone());
            }
            Fact::Worker(fact) => {
                self.roster.insert(fact.worker.id, fact.worker.clone());
            }
            Fact::TimeOff(fact) => {
                if let Some(worker) = self.roster.get_mut(&fact.worker_id) {
                    match fact.verb {
                        TimeOffVerb::Added => worker.time_off.insert(fact.time_off.id, fact.time_off.clone()),
                        TimeOffVerb::Removed => worker.time_off.remove(&fact.time_off.id),
                    };
                }
            }
            Fact::Record(_) => {}
        }
    }

    /// Puts the visit where it now belongs, in every index.
    pub(super) fn place(&mut self, visit: Visit) {
        self.lift(visit.id);
        if let Some(window) = visit.occupies() {
            for worker in &visit.workers {
                self.lanes.entry(*worker).or_default().put(window, visit.id);
            }
        }
        self.visits_of.entry(visit.job_id).or_default().insert(visit.id);
        self.groups.entry(visit.overlap_group).or_default().insert(visit.id);
        self.visits.insert(visit.id, visit);
    }

    /// Takes the visit out of every index.
    pub(super) fn lift(&mut self, id: VisitId) {
        let Some(old) = self.visits.remove(&id) else { return };
        if let Some(window) = old.occupies() {
            for worker in &old.workers {
                if let Some(lane) = self.lanes.get_mut(worker) {
                    lane.take(window, id);
                    if lane.is_empty() {
                        self.lanes.remove(worker);
                    }
                }
            }
        }
        if let Some(group) = self.groups.get_mut(&old.overlap_group) {
            group.remove(&id);
            if group.is_empty() {
                self.groups.remove(&old.overlap_group);
            }
        }
        if let Some(siblings) = self.visits_of.get_mut(&old.job_id) {
            siblings.remove(&id);
            if siblings.is_empty() {
                self.visits_of.remove(&old.job_id);
            }
        }
    }
}
