//! What the board holds: the roster, the jobs and visits in hand, and per worker a lane of occupied time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use crate::TimeWindow;
use crate::dispatch::{Visit, Worker};
use crate::ids::{JobId, VisitId, WorkerId};
use crate::work::Job;

/// A job all of whose visits have been closed for this long leaves the board's memory; its rows remain.
pub const KEEPS_CLOSED: TimeDelta = TimeDelta::hours(48);

/// A cache of the account's schedule at `position` of its journal.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Board {
    pub(super) position: i64,
    pub(super) jobs_numbered: i64,
    pub(super) roster: BTreeMap<WorkerId, Worker>,
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) visits: BTreeMap<VisitId, Visit>,
    /// Jobs that were let go of and that somebody else has gone on with: only what he did is here. They are asked for
    /// with the next command.
    pub(super) torn: BTreeSet<JobId>,
    /// Derived from `visits`: which belong to a job.
    pub(super) visits_of: BTreeMap<JobId, BTreeSet<VisitId>>,
    /// Derived from `visits`: what occupies a worker, by start.
    pub(super) lanes: BTreeMap<WorkerId, Lane>,
    /// Derived from `visits`: who shares an overlap group; most are alone in theirs.
    pub(super) groups: BTreeMap<VisitId, BTreeSet<VisitId>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    by_start: BTreeMap<(DateTime<Utc>, VisitId), DateTime<Utc>>,
    /// No stretch is longer, so a search need not look further back than this.
    longest: TimeDelta,
}

/// `longest` is a bound that remembers what is gone; two lanes that hold the same are the same.
impl PartialEq for Lane {
    fn eq(&self, other: &Self) -> bool {
        self.by_start == other.by_start
    }
}

impl Lane {
    pub(super) fn put(&mut self, window: TimeWindow, visit: VisitId) {
        self.by_start.insert((window.start, visit), window.end);
        self.longest = self.longest.max(window.length());
    }

    pub(super) fn take(&mut self, window: TimeWindow, visit: VisitId) {
        self.by_start.remove(&(window.start, visit));
        if self.by_start.is_empty() {
            self.longest = TimeDelta::zero();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_start.is_empty()
    }

    fn overlapping(&self, window: TimeWindow) -> impl Iterator<Item = (VisitId, TimeWindow)> {
        let lowest = (window.start - self.longest, VisitId(uuid::Uuid::nil()));
        let highest = (window.end, VisitId(uuid::Uuid::nil()));
        self.by_start.range(lowest..highest).filter_map(move |((start, visit), end)| {
            TimeWindow::new(*start, *end).filter(|held| held.overlaps(&window)).map(|held| (*visit, held))
        })
    }
}

/// Two open visits of one worker at the same time.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlap {
    pub worker: WorkerId,
    pub first: VisitId,
    pub second: VisitId,
}

impl Board {
    /// The last entry of the journal that this board knows of, among those that concern boards.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// A tentative board learns where the journal really put its facts.
    pub fn moved_to(&mut self, position: i64) {
        self.position = position;
    }

    /// How many things it holds: its snapshot is as long.
    pub fn size(&self) -> usize {
        self.roster.len() + self.jobs.len() + self.visits.len()
    }

    pub fn worker(&self, id: WorkerId) -> Option<&Worker> {
        self.roster.get(&id)
    }

    pub fn workers(&self) -> impl Iterator<Item = &Worker> {
        self.roster.values()
    }

    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id)
    }

    pub fn visit(&self, id: VisitId) -> Option<&Visit> {
        self.visits.get(&id)
    }

    pub fn visits(&self) -> impl Iterator<Item = &Visit> {
        self.visits.values()
    }

    /// The job's visits, by id.
    pub fn visits_of(&self, job: JobId) -> impl Iterator<Item = &Visit> {
        self.visits_of.get(&job).into_iter().flatten().filter_map(|id| self.visits.get(id))
    }

    /// Visits on the schedule of `range`, in the order of their ids.
    pub fn schedule<'a>(&'a self, range: &'a TimeWindow) -> impl Iterator<Item = &'a Visit> {
        self.visits.values().filter(|visit| visit.is_on_schedule(range))
    }

    /// What occupies the worker during `window`, other than `except`.
    pub fn occupied(
        &self,
        worker: WorkerId,
        window: TimeWindow,
        except: Option<VisitId>,
    ) -> impl Iterator<Item = (VisitId, TimeWindow)> {
        let lane = self.lanes.get(&worker);
        lane.into_iter().flat_map(move |lane| lane.overlapping(window)).filter(move |(visit, _)| Some(*visit) != except)
    }

    /// The visit that a worker is under way with.
    pub fn active_visit(&self, worker: WorkerId, except: VisitId) -> Option<&Visit> {
        let of = |visit: &&Visit| visit.status.is_active() && visit.workers.contains(&worker);
        self.visits.values().find(|visit| visit.id != except && of(visit))
    }

    /// Every pair that somebody allowed to overlap.
    pub fn overlaps(&self) -> Vec<Overlap> {
        let mut found = Vec::new();
        for members in self.groups.values().filter(|members| members.len() > 1) {
            for first in members.iter().filter_map(|id| self.visits.get(id)) {
                let Some(window) = first.occupies() else { continue };
                for worker in &first.workers {
                    let later = self.occupied(*worker, window, Some(first.id)).filter(|(id, _)| *id > first.id);
                    found.extend(later.map(|(second, _)| Overlap { worker: *worker, first: first.id, second }));
                }
            }
        }
        found
    }

    /// When the board next wants the time: the first moment at which something may leave its memory.
    pub fn wakes_at(&self) -> Option<DateTime<Utc>> {
        self.jobs_in_hand().filter_map(|job| self.forgettable_from(job)).min()
    }

    /// Lets go of jobs that ended long ago. Not a fact: the rows still say the same.
    pub fn forget(&mut self, now: DateTime<Utc>) {
        let gone: Vec<JobId> =
            self.jobs_in_hand().filter(|job| self.forgettable_from(*job).is_some_and(|at| at <= now)).collect();
        for job in gone {
            self.jobs.remove(&job);
            self.torn.remove(&job);
            for visit in self.visits_of.get(&job).cloned().unwrap_or_default() {
                self.lift(visit);
            }
        }
    }

    /// By their visits, because a torn one may be known by these alone; and those that were ended without any.
    fn jobs_in_hand(&self) -> impl Iterator<Item = JobId> {
        let bare = |job: &&Job| job.end.is_some() && !self.visits_of.contains_key(&job.id);
        let bare = self.jobs.values().filter(bare).map(|job| job.id);
        self.visits_of.keys().copied().chain(bare)
    }

    fn forgettable_from(&self, job: JobId) -> Option<DateTime<Utc>> {
        let mut last = None;
        // One that was ended without any visit has nothing left to remember.
        if !self.visits_of.contains_key(&job) {
            return self.jobs.get(&job).and_then(|job| job.end).map(|_| DateTime::<Utc>::MIN_UTC);
        }
        for visit in self.visits_of(job) {
            last = last.max(Some(visit.closed_at.filter(|_| !visit.status.is_open())?));
        }
        last.map(|at| at + KEEPS_CLOSED)
    }

    /// Puts back what was read from rows: a job that the board had let go of, with all its visits.
    pub fn recall(&mut self, job: Job, visits: impl IntoIterator<Item = Visit>) {
        self.torn.remove(&job.id);
        self.jobs.entry(job.id).or_insert(job);
        for visit in visits {
            if !self.visits.contains_key(&visit.id) {
                self.place(visit);
            }
        }
    }
}
