//! Those who ask: each has one wish at a time and repeats it under the same key until somebody tells him what became of
//! it. The wishes are drawn from what is in the rows, now and then from what is not.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use chrono::TimeDelta;
use muster_domain::dispatch::board::{Command, NewJob, NewVisit, SeenArrival};
use muster_domain::dispatch::{Step, TimeOff, Visit, Worker, WorkingHours};
use muster_domain::identity::Role;
use muster_domain::ids::{ClientId, DeviceId, JobId, PropertyId, TimeOffId, UserId, VisitId, WorkerId};
use muster_domain::{By, Place, TimeWindow};
use uuid::Uuid;

use crate::dice::Dice;
use crate::store::{Key, Rows};

/// The content of a request; copies of it may arrive long after it was answered.
#[derive(Debug)]
pub struct Wish {
    pub key: Key,
    pub command: Command,
    pub by: By,
    /// A constraint that the rules do not know of will refuse it.
    pub poisoned: bool,
}

#[derive(Default)]
pub struct Caller {
    /// What he waits for, and since which step.
    pub wish: Option<(Rc<Wish>, u64)>,
    pub wishes: u32,
}

pub fn id(kind: u128, number: u128) -> Uuid {
    Uuid::from_u128(kind << 64 | number)
}

pub fn worker_id(number: usize) -> WorkerId {
    WorkerId(id(1, number as u128))
}

fn window(dice: &mut Dice) -> TimeWindow {
    const SPANS: [(i64, i64); 8] =
        [(540, 600), (540, 600), (570, 630), (600, 660), (600, 720), (630, 690), (540, 720), (720, 780)];
    let (start, end) = SPANS[dice.below(SPANS.len())];
    let day = crate::world::midnight();
    TimeWindow::new(day + TimeDelta::minutes(start), day + TimeDelta::minutes(end)).expect("forward")
}

/// Three workers, a client with one place and one with two, and a few jobs.
pub fn first_rows() -> Rows {
    let worker = |number: usize| Worker {
        id: worker_id(number),
        active: true,
        available: true,
        tracking_consent: true,
        followed_since: None,
        skills: if number == 0 { BTreeSet::from(["gas".to_owned()]) } else { BTreeSet::new() },
        home: None,
        hours: WorkingHours::always(chrono_tz::UTC),
        time_off: BTreeMap::new(),
    };
    let site = |number: u128| {
        let place = Place::new(47.0, 9.0 + number as f64 / 10.0);
        (PropertyId(id(5, number)), (ClientId(id(4, number / 2)), place))
    };
    Rows {
        workers: (0..3).map(|number| (worker_id(number), worker(number))).collect(),
        jobs: BTreeMap::new(),
        visits: BTreeMap::new(),
        sites: (1..4).map(site).collect(),
        numbered: 0,
    }
}

/// The ids that the edge gives to what a request creates: others each time the request arrives.
pub fn with_fresh_ids(command: &Command, fresh: &mut u128) -> Command {
    let mut next = |kind| {
        *fresh += 1;
        id(kind, *fresh)
    };
    let mut command = command.clone();
    match &mut command {
        Command::CreateJob(new) => {
            new.id = JobId(next(3));
            new.visits.iter_mut().for_each(|visit| visit.id = VisitId(next(2)));
        }
        Command::AddVisit { visit, .. } => visit.id = VisitId(next(2)),
        Command::AddTimeOff { time_off, .. } => time_off.id = TimeOffId(next(6)),
        _ => {}
    }
    command
}

pub fn author(dice: &mut Dice) -> By {
    let worker = worker_id(dice.below(3));
    match dice.below(10) {
        0 | 1 => By::User { id: UserId(worker.0), role: Role::Worker },
        2 => By::Device { id: DeviceId(id(7, 1)), worker },
        3 => By::System,
        _ => By::User { id: UserId(id(8, 1)), role: Role::Dispatcher },
    }
}

/// `lately`: what somebody has just touched, because one thing leads to another. `ends`: many things are closed and
/// opened again.
pub fn wish(dice: &mut Dice, rows: &Rows, by: By, lately: Option<VisitId>, ends: bool) -> Command {
    let visits: Vec<&Visit> = rows.visits.values().collect();
    let jobs: Vec<JobId> = rows.jobs.keys().copied().collect();
    if visits.is_empty() || dice.chance(if visits.len() < 8 { 25 } else { 3 }) {
        return new_job(dice);
    }
    let nobody = VisitId(id(2, 0));
    let lately = lately.filter(|_| dice.chance(40)).and_then(|id| rows.visits.get(&id));
    let found = lately.or(dice.pick(&visits).copied());
    let visit = found.filter(|_| !dice.chance(2)).map_or(nobody, |visit| visit.id);
    let seen = found.filter(|_| dice.chance(20)).map(|visit| visit.version);
    let expect = seen.map(|version| if dice.chance(20) { version + 1 } else { version });
    let force = dice.chance(15).then(|| "urgent".to_owned());
    let job = lately
        .map(|visit| visit.job_id)
        .or(dice.pick(&jobs).copied())
        .filter(|_| !dice.chance(2))
        .unwrap_or(JobId(id(3, 0)));
    let worker = worker_id(dice.below(3));
    if by.as_own_worker().is_some() {
        return Command::Report { visit, step: Step::ALL[dice.below(6)], occurred_at: None, expect };
    }
    if by == By::System {
        return seen_arrival(dice, worker);
    }
    match if ends && dice.chance(60) { 26 + dice.below(10) } else { dice.below(40) } {
        0..=9 => Command::Assign { visit, workers: workers(dice), force, expect },
        10..=12 => Command::Unassign { visit, workers: workers(dice), expect },
        13..=18 => {
            let window = (!dice.chance(20)).then(|| (!dice.chance(10)).then(|| window(dice)));
            let workers = dice.chance(40).then(|| workers(dice));
            Command::Move { visit, window, workers, force, expect }
        }
        19..=25 => Command::Report { visit, step: Step::ALL[dice.below(6)], occurred_at: None, expect },
        26 if dice.chance(50) => Command::DismissArrival { visit, expect },
        26..=27 => Command::Cancel { visit, reason: None, expect },
        28..=30 => {
            let closed: Vec<VisitId> = visits.iter().filter(|v| !v.status.is_open()).map(|v| v.id).collect();
            let visit = dice.pick(&closed).copied().unwrap_or(visit);
            Command::Reopen { visit, reason: "again".to_owned(), force, expect: None }
        }
        31 => Command::AddVisit { job, visit: new_visit(dice) },
        32 => Command::CompleteJob { job, expect: None },
        33 => Command::CancelJob { job, reason: None, expect: None },
        34..=35 => Command::ReopenJob { job, reason: "again".to_owned(), expect: None },
        36 => {
            let time_off = TimeOff { id: TimeOffId(id(6, 0)), window: window(dice), reason: None };
            Command::AddTimeOff { worker, time_off }
        }
        37 => {
            let off = rows.workers.get(&worker).and_then(|worker| worker.time_off.keys().next().copied());
            Command::RemoveTimeOff { worker, time_off: off.unwrap_or(TimeOffId(id(6, 0))) }
        }
        38 => Command::DeactivateWorker { worker },
        _ => Command::ActivateWorker { worker },
    }
}

/// What fences report: half the time from somebody who was outside just before.
fn seen_arrival(dice: &mut Dice, worker: WorkerId) -> Command {
    let at = crate::world::midnight() + TimeDelta::minutes(480 + dice.below(300) as i64);
    let outside_at = dice.chance(50).then(|| at - TimeDelta::minutes(1));
    let property = PropertyId(id(5, 1 + dice.below(3) as u128));
    Command::ProposeArrival(SeenArrival { worker, property, at, outside_at, accept: dice.chance(30) })
}

fn workers(dice: &mut Dice) -> BTreeSet<WorkerId> {
    (0..1 + usize::from(dice.chance(30))).map(|_| worker_id(dice.below(3))).collect()
}

fn new_visit(dice: &mut Dice) -> NewVisit {
    let workers = if dice.chance(30) { workers(dice) } else { BTreeSet::new() };
    NewVisit { id: VisitId(id(2, 0)), window: (!dice.chance(15)).then(|| window(dice)), workers }
}

fn new_job(dice: &mut Dice) -> Command {
    let client = dice.below(2) as u128;
    let property_id = (client == 1).then(|| PropertyId(id(5, 2 + dice.below(2) as u128)));
    Command::CreateJob(NewJob {
        id: JobId(id(3, 0)),
        title: "Boiler".to_owned(),
        description: None,
        client_id: ClientId(id(4, client)),
        property_id,
        required_skills: if dice.chance(30) { BTreeSet::from(["gas".to_owned()]) } else { BTreeSet::new() },
        priority: 3,
        visits: (0..1 + dice.below(3)).map(|_| new_visit(dice)).collect(),
    })
}
