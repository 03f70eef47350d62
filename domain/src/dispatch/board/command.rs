//! What can be asked of the board, and what a decision needs to know beyond the board's memory.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::{Board, SeenArrival};
use crate::dispatch::{Step, TimeOff, Visit};
use crate::ids::{ClientId, JobId, PropertyId, TimeOffId, VisitId, WorkerId};
use crate::work::Standing;
use crate::{Place, TimeWindow};

#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    CreateJob(NewJob),
    AddVisit {
        job: JobId,
        visit: NewVisit,
    },
    Assign {
        visit: VisitId,
        workers: BTreeSet<WorkerId>,
        force: Option<String>,
        expect: Option<i64>,
    },
    Unassign {
        visit: VisitId,
        workers: BTreeSet<WorkerId>,
        expect: Option<i64>,
    },
    /// `window`: `None` keeps it, `Some(None)` takes it away. `workers`: `None` keeps them, empty takes all off.
    Move {
        visit: VisitId,
        window: Option<Option<TimeWindow>>,
        workers: Option<BTreeSet<WorkerId>>,
        force: Option<String>,
        expect: Option<i64>,
    },
    Report {
        visit: VisitId,
        step: Step,
        occurred_at: Option<DateTime<Utc>>,
        expect: Option<i64>,
    },
    /// A fence saw a worker arrive. Which visit that concerns, the board finds out.
    ProposeArrival(SeenArrival),
    DismissArrival {
        visit: VisitId,
        expect: Option<i64>,
    },
    Cancel {
        visit: VisitId,
        reason: Option<String>,
        expect: Option<i64>,
    },
    Reopen {
        visit: VisitId,
        reason: String,
        force: Option<String>,
        expect: Option<i64>,
    },
    CompleteJob {
        job: JobId,
        expect: Option<i64>,
    },
    CancelJob {
        job: JobId,
        reason: Option<String>,
        expect: Option<i64>,
    },
    ReopenJob {
        job: JobId,
        reason: String,
        expect: Option<i64>,
    },
    AddTimeOff {
        worker: WorkerId,
        time_off: TimeOff,
    },
    RemoveTimeOff {
        worker: WorkerId,
        time_off: TimeOffId,
    },
    DeactivateWorker {
        worker: WorkerId,
    },
    ActivateWorker {
        worker: WorkerId,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    pub id: JobId,
    pub title: String,
    pub description: Option<String>,
    pub client_id: ClientId,
    /// `None`: the client's only property.
    pub property_id: Option<PropertyId>,
    pub required_skills: BTreeSet<String>,
    pub priority: i16,
    pub visits: Vec<NewVisit>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewVisit {
    pub id: VisitId,
    pub window: Option<TimeWindow>,
    pub workers: BTreeSet<WorkerId>,
}

impl NewVisit {
    pub(super) fn standing(&self) -> Standing {
        let status = Visit::planned_status(self.window, &self.workers);
        Standing { status, has_window: self.window.is_some(), has_worker: !self.workers.is_empty() }
    }
}

/// A property that is in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Site {
    pub property_id: PropertyId,
    pub place: Option<Place>,
}

/// Rows read at the board's own position, so that the fence of the commit covers them too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// The active clients among those asked for, with their properties.
    pub sites: BTreeMap<ClientId, Vec<Site>>,
}

/// What must be read before a command can be decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    pub clients: BTreeSet<ClientId>,
    pub jobs: BTreeSet<JobId>,
    pub visits: BTreeSet<VisitId>,
}

impl Needs {
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.jobs.is_empty() && self.visits.is_empty()
    }

    pub fn extend(&mut self, other: Needs) {
        self.clients.extend(other.clients);
        self.jobs.extend(other.jobs);
        self.visits.extend(other.visits);
    }
}

impl Command {
    /// The job or visit that it speaks of and the board has let go of, and the client of a new job; with them every
    /// torn job, because a worker's leaving or a group may reach any of them.
    pub fn needs(&self, board: &Board) -> Needs {
        let mut needs = Needs { jobs: board.torn.clone(), ..Needs::default() };
        match self {
            Command::CreateJob(new) => {
                needs.clients.insert(new.client_id);
            }
            Command::AddVisit { job, .. }
            | Command::CompleteJob { job, .. }
            | Command::CancelJob { job, .. }
            | Command::ReopenJob { job, .. } => {
                if board.job(*job).is_none() {
                    needs.jobs.insert(*job);
                }
            }
            Command::Assign { visit, .. }
            | Command::Unassign { visit, .. }
            | Command::Move { visit, .. }
            | Command::Report { visit, .. }
            | Command::DismissArrival { visit, .. }
            | Command::Cancel { visit, .. }
            | Command::Reopen { visit, .. } => {
                if board.visit(*visit).is_none() {
                    needs.visits.insert(*visit);
                }
            }
            // An open visit that is near is in the board's memory.
            Command::ProposeArrival(_)
            | Command::AddTimeOff { .. }
            | Command::RemoveTimeOff { .. }
            | Command::DeactivateWorker { .. }
            | Command::ActivateWorker { .. } => {}
        }
        needs
    }
}
