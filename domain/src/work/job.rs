//! A job as the board knows it, and its status, which follows from its visits.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Place;
use crate::dispatch::VisitStatus;
use crate::ids::{ClientId, JobId, PropertyId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum JobStatus {
    Unscheduled,
    Unassigned,
    Scheduled,
    InProgress,
    ReadyToComplete,
    Completed,
    Cancelled,
}

impl JobStatus {
    pub const ALL: [JobStatus; 7] = [
        JobStatus::Unscheduled,
        JobStatus::Unassigned,
        JobStatus::Scheduled,
        JobStatus::InProgress,
        JobStatus::ReadyToComplete,
        JobStatus::Completed,
        JobStatus::Cancelled,
    ];

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            JobStatus::Unscheduled => "unscheduled",
            JobStatus::Unassigned => "unassigned",
            JobStatus::Scheduled => "scheduled",
            JobStatus::InProgress => "inProgress",
            JobStatus::ReadyToComplete => "readyToComplete",
            JobStatus::Completed => "completed",
            JobStatus::Cancelled => "cancelled",
        }
    }
}

/// How a job was ended by its own command; until then its status follows from its visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum JobEnd {
    Completed,
    Cancelled,
}

/// What the board owns of a job. Its description and the like are the record's alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    pub id: JobId,
    /// Counts from 1 in each account, without gaps.
    pub number: i64,
    pub title: String,
    pub client_id: ClientId,
    pub property_id: Option<PropertyId>,
    pub location: Option<Place>,
    pub required_skills: BTreeSet<String>,
    /// 1 (can wait) to 5 (emergency).
    pub priority: i16,
    pub end: Option<JobEnd>,
    pub status: JobStatus,
    pub version: i64,
}

/// As much of a visit as its job's status depends on.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    pub status: VisitStatus,
    pub has_window: bool,
    pub has_worker: bool,
}

/// A job with what its record keeps and the board does not.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRecord {
    pub job: Job,
    pub description: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What may be changed of a job without asking the board. `None` keeps it; of the description, `Some(None)` clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobPatch {
    pub title: Option<String>,
    pub description: Option<Option<String>>,
    pub required_skills: Option<BTreeSet<String>>,
    pub priority: Option<i16>,
}

impl JobPatch {
    pub fn apply(self, record: &mut JobRecord) {
        let JobPatch { title, description, required_skills, priority } = self;
        record.job.title = title.unwrap_or_else(|| record.job.title.clone());
        record.description = description.unwrap_or_else(|| record.description.clone());
        record.job.required_skills = required_skills.unwrap_or_else(|| record.job.required_skills.clone());
        record.job.priority = priority.unwrap_or(record.job.priority);
    }
}

/// The first line that applies, read from top to bottom.
pub fn derive_status(end: Option<JobEnd>, visits: impl Iterator<Item = Standing>) -> JobStatus {
    match end {
        Some(JobEnd::Completed) => return JobStatus::Completed,
        Some(JobEnd::Cancelled) => return JobStatus::Cancelled,
        None => {}
    }
    let (mut open, mut windowed, mut unassigned, mut active, mut done) = (false, false, false, false, false);
    for Standing { status, has_window, has_worker } in visits {
        done |= status == VisitStatus::Completed;
        if status.is_open() {
            open = true;
            windowed |= has_window;
            unassigned |= !has_worker;
            active |= status.is_active() || status == VisitStatus::Paused;
        }
    }
    match () {
        () if !open && done => JobStatus::ReadyToComplete,
        () if !windowed => JobStatus::Unscheduled,
        () if unassigned => JobStatus::Unassigned,
        () if active => JobStatus::InProgress,
        () => JobStatus::Scheduled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use VisitStatus as V;

    #[test]
    fn a_jobs_status_follows_from_its_visits() {
        let standing = |status: &VisitStatus| Standing {
            status: *status,
            has_window: *status != V::Unscheduled,
            has_worker: !matches!(status, V::Unscheduled | V::Unassigned),
        };
        let case = |visits: &[VisitStatus]| derive_status(None, visits.iter().map(standing)).name();
        assert_eq!(case(&[]), "unscheduled");
        assert_eq!(case(&[V::Unscheduled]), "unscheduled");
        assert_eq!(case(&[V::Scheduled, V::Unassigned]), "unassigned");
        assert_eq!(case(&[V::InProgress, V::Unassigned]), "unassigned");
        assert_eq!(case(&[V::Scheduled, V::Unscheduled]), "unassigned", "nobody for it, window or not");
        assert_eq!(case(&[V::Scheduled, V::Traveling]), "inProgress");
        assert_eq!(case(&[V::Scheduled, V::Paused]), "inProgress");
        assert_eq!(case(&[V::Scheduled, V::Completed]), "scheduled");
        assert_eq!(case(&[V::Cancelled, V::Completed]), "readyToComplete");
        assert_eq!(case(&[V::Cancelled, V::NoAccess]), "unscheduled");
        assert_eq!(derive_status(Some(JobEnd::Cancelled), [].into_iter()).name(), "cancelled");
        assert_eq!(derive_status(Some(JobEnd::Completed), [].into_iter()).name(), "completed");
    }
}
