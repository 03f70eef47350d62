//! A visit: somebody going to a place in a window of time. Its states, and which step leads from which to which.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{JobId, UserId, VisitId, WorkerId};
use crate::work::Standing;
use crate::{Place, TimeWindow};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum VisitStatus {
    /// No window yet.
    Unscheduled,
    /// A window, and nobody to go.
    Unassigned,
    /// A window and somebody to go.
    Scheduled,
    Traveling,
    OnSite,
    InProgress,
    Paused,
    Completed,
    Cancelled,
    NoAccess,
}

impl VisitStatus {
    pub const ALL: [VisitStatus; 10] = [
        VisitStatus::Unscheduled,
        VisitStatus::Unassigned,
        VisitStatus::Scheduled,
        VisitStatus::Traveling,
        VisitStatus::OnSite,
        VisitStatus::InProgress,
        VisitStatus::Paused,
        VisitStatus::Completed,
        VisitStatus::Cancelled,
        VisitStatus::NoAccess,
    ];

    /// Open visits occupy their workers' time; closed ones release it.
    pub fn is_open(self) -> bool {
        !matches!(self, VisitStatus::Completed | VisitStatus::Cancelled | VisitStatus::NoAccess)
    }

    /// Under way right now: a worker can be in only one such visit.
    pub fn is_active(self) -> bool {
        matches!(self, VisitStatus::Traveling | VisitStatus::OnSite | VisitStatus::InProgress)
    }

    /// Not begun: its window and its workers may still be changed.
    pub fn is_planned(self) -> bool {
        matches!(self, VisitStatus::Unscheduled | VisitStatus::Unassigned | VisitStatus::Scheduled)
    }

    pub fn name(self) -> &'static str {
        match self {
            VisitStatus::Unscheduled => "unscheduled",
            VisitStatus::Unassigned => "unassigned",
            VisitStatus::Scheduled => "scheduled",
            VisitStatus::Traveling => "traveling",
            VisitStatus::OnSite => "onSite",
            VisitStatus::InProgress => "inProgress",
            VisitStatus::Paused => "paused",
            VisitStatus::Completed => "completed",
            VisitStatus::Cancelled => "cancelled",
            VisitStatus::NoAccess => "noAccess",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// What somebody reports from the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    StartTravel,
    Arrive,
    Start,
    Pause,
    Complete,
    NoAccess,
}

impl Step {
    pub const ALL: [Step; 6] =
        [Step::StartTravel, Step::Arrive, Step::Start, Step::Pause, Step::Complete, Step::NoAccess];

    /// As the command is called in a URL.
    pub fn path(self) -> &'static str {
        match self {
            Step::StartTravel => "start-travel",
            Step::Arrive => "arrive",
            Step::Start => "start",
            Step::Pause => "pause",
            Step::Complete => "complete",
            Step::NoAccess => "no-access",
        }
    }
}

/// The state table of the progress steps; `None` where the step may not be taken.
pub fn next_status(from: VisitStatus, step: Step) -> Option<VisitStatus> {
    use VisitStatus as V;
    match (step, from) {
        (Step::StartTravel, V::Scheduled) => Some(V::Traveling),
        (Step::Arrive, V::Scheduled | V::Traveling) => Some(V::OnSite),
        (Step::Start, V::Scheduled | V::Traveling | V::OnSite | V::Paused) => Some(V::InProgress),
        (Step::Pause, V::InProgress) => Some(V::Paused),
        (Step::Complete, V::OnSite | V::InProgress | V::Paused) => Some(V::Completed),
        (Step::NoAccess, V::Traveling | V::OnSite | V::InProgress) => Some(V::NoAccess),
        _ => None,
    }
}

/// Somebody decided that this visit may break a rule of the calendar, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forced {
    pub reason: String,
    pub by: Option<UserId>,
    pub at: DateTime<Utc>,
}

/// A fence saw a worker arrive, and nobody has said yet that it is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProposedArrival {
    /// When he crossed the border.
    pub at: DateTime<Utc>,
    pub by: WorkerId,
    /// Somebody said that it is not so: it is kept so that the same stay is not proposed again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dismissed: bool,
}

impl ProposedArrival {
    /// A visit is meant if its window is no further away, before or after.
    pub const NEAR: TimeDelta = TimeDelta::hours(2);

    fn is_near(&self, window: Option<TimeWindow>) -> bool {
        window.is_some_and(|window| window.start < self.at + Self::NEAR && window.end > self.at - Self::NEAR)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Visit {
    pub id: VisitId,
    pub job_id: JobId,
    pub status: VisitStatus,
    pub window: Option<TimeWindow>,
    pub workers: BTreeSet<WorkerId>,
    /// Once assigned and taken off again: their late reports are superseded, not unknown.
    pub former_workers: BTreeSet<WorkerId>,
    pub location: Option<Place>,
    pub required_skills: BTreeSet<String>,
    pub priority: i16,
    pub forced: Option<Forced>,
    /// Visits that were allowed to overlap share a group; everybody else's group is his own id.
    pub overlap_group: VisitId,
    /// When it was completed, cancelled or found without access.
    pub closed_at: Option<DateTime<Utc>>,
    /// Only of a visit that still awaits somebody's arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival: Option<ProposedArrival>,
    pub version: i64,
}

impl Visit {
    /// The status of a visit that nobody has begun: it follows from its window and its workers.
    pub fn planned_status(window: Option<TimeWindow>, workers: &BTreeSet<WorkerId>) -> VisitStatus {
        match (window, workers.is_empty()) {
            (None, _) => VisitStatus::Unscheduled,
            (Some(_), true) => VisitStatus::Unassigned,
            (Some(_), false) => VisitStatus::Scheduled,
        }
    }

    /// What its job's status depends on.
    pub fn standing(&self) -> Standing {
        Standing { status: self.status, has_window: self.window.is_some(), has_worker: !self.workers.is_empty() }
    }

    /// Is it planned that somebody arrives?
    pub fn awaits_arrival(&self) -> bool {
        matches!(self.status, VisitStatus::Scheduled | VisitStatus::Traveling)
    }

    /// What is proposed and neither accepted nor dismissed.
    pub fn proposed_arrival(&self) -> Option<&ProposedArrival> {
        self.arrival.as_ref().filter(|arrival| !arrival.dismissed)
    }

    /// A proposal ends with what it was made for: the state, the worker, the time.
    pub(super) fn forget_past_arrival(&mut self) {
        let holds = |arrival: &ProposedArrival| self.workers.contains(&arrival.by) && arrival.is_near(self.window);
        self.arrival = self.arrival.filter(|arrival| self.awaits_arrival() && holds(arrival));
    }

    /// The time it takes from each of its workers; `None` without a window and once it is closed.
    pub fn occupies(&self) -> Option<TimeWindow> {
        self.window.filter(|_| self.status.is_open())
    }

    /// Does a schedule of `range` show it? Open visits without a window wait in every schedule's queue.
    pub fn is_on_schedule(&self, range: &TimeWindow) -> bool {
        match self.window {
            Some(window) => window.overlaps(range),
            None => self.status.is_open(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows are states, columns the steps of `Step::ALL`; `.` is refused.
    const TABLE: &str = "
        unscheduled  .          .      .           .       .          .
        unassigned   .          .      .           .       .          .
        scheduled    traveling  onSite inProgress  .       .          .
        traveling    .          onSite inProgress  .       .          noAccess
        onSite       .          .      inProgress  .       completed  noAccess
        inProgress   .          .      .           paused  completed  noAccess
        paused       .          .      inProgress  .       completed  .
        completed    .          .      .           .       .          .
        cancelled    .          .      .           .       .          .
        noAccess     .          .      .           .       .          .
    ";

    #[test]
    fn every_step_from_every_state_goes_where_the_table_says() {
        let rows: Vec<Vec<&str>> =
            TABLE.lines().map(|l| l.split_whitespace().collect()).filter(|r: &Vec<_>| !r.is_empty()).collect();
        assert_eq!(rows.len(), VisitStatus::ALL.len());
        for row in rows {
            let from = VisitStatus::parse(row[0]).expect("a state");
            for (step, cell) in Step::ALL.into_iter().zip(&row[1..]) {
                assert_eq!(next_status(from, step), VisitStatus::parse(cell), "{} {step:?}", from.name());
            }
        }
    }
}
