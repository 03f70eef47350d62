//! What happened, as it is stored: one `Fact` a line of the journal. Facts carry the state after the change, so that
//! whoever reads them needs no other history. Their JSON is versioned and guarded by golden files.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::TimeWindow;
use crate::dispatch::{TimeOff, Visit, VisitStatus, Worker};
use crate::ids::{VisitId, WorkerId};
use crate::work::{Job, JobStatus};

/// The version written today. A reader accepts this and all older ones.
pub const FACT_VERSION: u16 = 1;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "camelCase")]
pub enum Fact {
    Visit(VisitFact),
    Job(JobFact),
    Worker(WorkerFact),
    TimeOff(TimeOffFact),
    Record(RecordFact),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VisitFact {
    pub verb: VisitVerb,
    pub visit: Visit,
    /// As it was seen before; `None` when it is new.
    pub before: Option<Glance>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it happened by the reporter's own clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<DateTime<Utc>>,
    /// Other visits whose overlap group changes with this one: (visit, its new group).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regrouped: Vec<(VisitId, VisitId)>,
}

/// As much of a visit as decides who could see it, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Glance {
    pub status: VisitStatus,
    pub window: Option<TimeWindow>,
    pub workers: BTreeSet<WorkerId>,
}

impl Glance {
    pub fn of(visit: &Visit) -> Self {
        Self { status: visit.status, window: visit.window, workers: visit.workers.clone() }
    }

    /// The same question as [`Visit::is_on_schedule`], asked of the past.
    pub fn is_on_schedule(&self, range: &TimeWindow) -> bool {
        match self.window {
            Some(window) => window.overlaps(range),
            None => self.status.is_open(),
        }
    }
}

macro_rules! verbs {
    ($(#[$doc:meta])* $name:ident { $($verb:ident = $kind:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub enum $name { $($verb),+ }
        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$verb),+];
            /// The event type, dotted past tense.
            pub fn kind(self) -> &'static str { match self { $($name::$verb => $kind),+ } }
        }
    };
}

verbs! { VisitVerb {
    Created = "visit.created",
    Assigned = "visit.assigned",
    Unassigned = "visit.unassigned",
    Moved = "visit.moved",
    TravelStarted = "visit.travelStarted",
    ArrivalProposed = "visit.arrivalProposed",
    ArrivalDismissed = "visit.arrivalDismissed",
    Arrived = "visit.arrived",
    Started = "visit.started",
    Paused = "visit.paused",
    Completed = "visit.completed",
    NoAccess = "visit.noAccess",
    Cancelled = "visit.cancelled",
    Reopened = "visit.reopened",
    Updated = "visit.updated",
    Superseded = "visit.superseded",
} }

verbs! { JobVerb {
    Created = "job.created",
    Scheduled = "job.scheduled",
    StatusChanged = "job.statusChanged",
    Updated = "job.updated",
    Completed = "job.completed",
    Cancelled = "job.cancelled",
    Reopened = "job.reopened",
} }

verbs! { WorkerVerb {
    Created = "worker.created",
    Updated = "worker.updated",
    Deactivated = "worker.deactivated",
    Activated = "worker.activated",
    BecameAvailable = "worker.becameAvailable",
    BecameUnavailable = "worker.becameUnavailable",
    ConsentGiven = "worker.consentGiven",
    ConsentWithdrawn = "worker.consentWithdrawn",
} }

verbs! { TimeOffVerb { Added = "timeOff.added", Removed = "timeOff.removed" } }

verbs! {
    /// Changes to records that the board does not hold; what changed is named, its content stays in the record.
    RecordVerb {
        AccountCreated = "account.created",
        AccountUpdated = "account.updated",
        ClientCreated = "client.created",
        ClientUpdated = "client.updated",
        ClientDeactivated = "client.deactivated",
        ClientActivated = "client.activated",
        DeviceCreated = "device.created",
        DeviceRevoked = "device.revoked",
        PropertyCreated = "property.created",
        PropertyUpdated = "property.updated",
        PropertyDeactivated = "property.deactivated",
        PropertyActivated = "property.activated",
        UserCreated = "user.created",
        UserUpdated = "user.updated",
        UserDeactivated = "user.deactivated",
        UserActivated = "user.activated",
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobFact {
    pub verb: JobVerb,
    pub job: Job,
    /// Only on creation: what the record keeps and the board does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl JobFact {
    /// The fact that a job's status followed its visits.
    pub fn followed(job: Job) -> Self {
        let verb = if job.status == JobStatus::Scheduled { JobVerb::Scheduled } else { JobVerb::StatusChanged };
        Self { verb, job, description: None, reason: None }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerFact {
    pub verb: WorkerVerb,
    pub worker: Worker,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeOffFact {
    pub verb: TimeOffVerb,
    pub worker_id: WorkerId,
    pub time_off: TimeOff,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordFact {
    pub verb: RecordVerb,
    pub id: Uuid,
    pub version: i64,
    /// Names of the attributes that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

impl Fact {
    pub fn kind(&self) -> &'static str {
        match self {
            Fact::Visit(fact) => fact.verb.kind(),
            Fact::Job(fact) => fact.verb.kind(),
            Fact::Worker(fact) => fact.verb.kind(),
            Fact::TimeOff(fact) => fact.verb.kind(),
            Fact::Record(fact) => fact.verb.kind(),
        }
    }

    /// Every event type there is.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        let visits = VisitVerb::ALL.iter().map(|verb| verb.kind());
        let jobs = JobVerb::ALL.iter().map(|verb| verb.kind());
        let workers = WorkerVerb::ALL.iter().map(|verb| verb.kind());
        let time_off = TimeOffVerb::ALL.iter().map(|verb| verb.kind());
        let records = RecordVerb::ALL.iter().map(|verb| verb.kind());
        visits.chain(jobs).chain(workers).chain(time_off).chain(records)
    }

    /// The thing it is about.
    pub fn subject(&self) -> Uuid {
        match self {
            Fact::Visit(fact) => fact.visit.id.0,
            Fact::Job(fact) => fact.job.id.0,
            Fact::Worker(fact) => fact.worker.id.0,
            Fact::TimeOff(fact) => fact.worker_id.0,
            Fact::Record(fact) => fact.id,
        }
    }

    /// The list of what the board, or what stands beside it, reads: such a fact moves `board_seq`, whoever writes it. Properties and a
    /// client's activity are on it because a new job is checked against them.
    pub fn moves_board(&self) -> bool {
        match self {
            Fact::Visit(_) | Fact::Job(_) | Fact::Worker(_) | Fact::TimeOff(_) => true,
            Fact::Record(fact) => match fact.verb {
                RecordVerb::ClientDeactivated
                | RecordVerb::ClientActivated
                | RecordVerb::PropertyCreated
                | RecordVerb::PropertyUpdated
                | RecordVerb::PropertyDeactivated
                | RecordVerb::PropertyActivated => true,
                // Whether fences propose or decide; the boards of other servers hear of it no other way.
                RecordVerb::AccountUpdated => fact.changed.iter().any(|name| name == "arrivals"),
                RecordVerb::AccountCreated
                | RecordVerb::ClientCreated
                | RecordVerb::ClientUpdated
                | RecordVerb::DeviceCreated
                | RecordVerb::DeviceRevoked
                | RecordVerb::UserCreated
                | RecordVerb::UserUpdated
                | RecordVerb::UserDeactivated
                | RecordVerb::UserActivated => false,
            },
        }
    }

    /// The workers who may see it: those concerned before **or** after. The office sees everything.
    pub fn audience(&self) -> BTreeSet<WorkerId> {
        match self {
            Fact::Visit(fact) => {
                let before = fact.before.iter().flat_map(|glance| &glance.workers);
                before.chain(&fact.visit.workers).copied().collect()
            }
            Fact::Worker(fact) => BTreeSet::from([fact.worker.id]),
            Fact::TimeOff(fact) => BTreeSet::from([fact.worker_id]),
            Fact::Job(_) | Fact::Record(_) => BTreeSet::new(),
        }
    }
}
