//! Why the board says no: data, never sentences. The edge turns it into codes and words.

use serde::{Deserialize, Serialize};

use crate::TimeWindow;
use crate::dispatch::Visit;
use crate::ids::{ClientId, JobId, PropertyId, TimeOffId, VisitId, WorkerId};
use crate::work::Job;

#[derive(Clone, Debug, PartialEq)]
pub enum Rejection {
    VisitNotFound(VisitId),
    JobNotFound(JobId),
    WorkerNotFound(WorkerId),
    ClientNotFound(ClientId),
    PropertyNotFound(PropertyId),
    TimeOffNotFound(TimeOffId),
    /// The client has several properties and none was named.
    PropertyRequired(ClientId),
    /// The visit, job or time off with this id exists and is another.
    AlreadyExists,
    /// `If-Match` names another version than this one.
    StaleVisit(Box<Visit>),
    StaleJob(Box<Job>),
    /// `busy_with`: the visit that the worker is already under way with.
    WrongState {
        current: Box<Visit>,
        busy_with: Option<VisitId>,
    },
    WrongJobState(Box<Job>),
    /// The reporter was assigned and no longer is.
    Superseded(Box<Visit>),
    /// At least one complaint, the gravest first.
    Unfit(Vec<Complaint>),
    /// Time off that overlaps other time off of the same worker is one, not two.
    TimeOffOverlaps {
        with: TimeOffId,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    pub why: Why,
    pub worker: WorkerId,
}

/// In the order in which they are told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Why {
    Inactive,
    Overlap { visit: VisitId, window: TimeWindow },
    OutsideHours,
    OnTimeOff { time_off: TimeOffId, window: TimeWindow },
    MissingSkill { skill: String },
}

impl Why {
    /// May somebody with the permission and a reason overrule it?
    pub fn can_be_forced(&self) -> bool {
        match self {
            Why::Inactive => false,
            Why::Overlap { .. } | Why::OutsideHours | Why::OnTimeOff { .. } | Why::MissingSkill { .. } => true,
        }
    }
}
