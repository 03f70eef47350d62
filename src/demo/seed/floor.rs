//! Puts today's work on the board: lanes for those who are here, a queue for the dispatcher, one overlap that somebody
//! allowed. Work of an earlier run that nobody finished is closed first.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use muster_domain::dispatch::VisitStatus;
use serde_json::json;
use uuid::Uuid;

use super::{Hired, Refusal, Session, Tell, Wanted, dice, each, resources};
use crate::demo::book::workers_of;
use crate::demo::chance::Chance;
use crate::demo::day::{self, Hand, NewJob, Progress};
use crate::demo::duty::Order;

const LOOK_BACK: Duration = Duration::days(14);
const LOOK_AHEAD: Duration = Duration::hours(10);
/// A visit that ended so long ago and is still open is left over.
const LEFT_OVER_AFTER: Duration = Duration::minutes(75);
const RECENT: Duration = Duration::hours(4);
/// So many of a crew have a whole day, with a past; the others, so that thousands can be had, a short one from now on.
pub const FULL_DAYS: usize = 200;
const SHORT_DAY: usize = 2;

struct Floor {
    orders: Vec<(Order, Vec<Uuid>)>,
}

/// Makes what is missing for these of the crew; says how many jobs that was.
pub async fn fill(
    office: &Session,
    crew: &[Hired],
    clients: &[Uuid],
    wanted: &Wanted,
    now: DateTime<Utc>,
    tell: Tell<'_>,
) -> Result<usize, Refusal> {
    let mut floor = Floor::read(office, now).await?;
    if floor.close_left_over(office, now).await? {
        floor = Floor::read(office, now).await?;
    }
    let mut chance = dice(wanted.seed, "day", now);
    let hands = floor.hands(crew, now);
    let mut jobs = day::lanes(&mut chance, &hands, clients.len(), now);
    let forced = floor.is_empty().then(|| day::forced_pair(&mut chance, &jobs, clients.len(), now)).flatten();
    let missing = floor.missing(wanted, now, &mut chance);
    jobs.extend(day::queue(&mut chance, missing.0, missing.1, clients.len(), now));
    let count = jobs.len();
    let made =
        each("today's work", by_worker(jobs), tell, |jobs| book_in_order(office, crew, clients, jobs, now)).await;
    made?;
    if let Some(forced) = forced {
        book(office, crew, clients, &forced, now).await?;
    }
    Ok(count)
}

impl Floor {
    async fn read(office: &Session, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let (from, to) = (text(now - LOOK_BACK), text(now + LOOK_AHEAD));
        let answer = office.get(&format!("/schedule?from={from}&to={to}")).await?;
        let orders = resources(&answer).iter().filter_map(|visit| Some((Order::read(visit)?, workers_of(visit))));
        Ok(Self { orders: orders.collect() })
    }

    fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Closes what an earlier run left open, as an office does the morning after.
    async fn close_left_over(&self, office: &Session, now: DateTime<Utc>) -> Result<bool, Refusal> {
        let is_left_over =
            |order: &Order| order.status.is_open() && order.window.is_some_and(|(_, end)| end + LEFT_OVER_AFTER < now);
        let mut any = false;
        for (order, _) in self.orders.iter().filter(|(order, _)| is_left_over(order)) {
            any = true;
            let path = |step: &str| format!("/visits/{}/{step}", order.id);
            let closed = match order.status {
                VisitStatus::Scheduled | VisitStatus::Unassigned | VisitStatus::Unscheduled => {
                    office.post(&path("cancel"), "visit", json!({"reason": "Left over from an earlier day"})).await
                }
                VisitStatus::Traveling => office.post(&path("no-access"), "visit", json!({})).await,
                _ => office.post(&path("complete"), "visit", json!({})).await,
            };
            // Its worker may be closing it at this very moment.
            match closed {
                Err(refusal) if refusal.status() != Some(409) => return Err(refusal),
                _ => {}
            }
        }
        Ok(any)
    }

    /// Those who are here and have little to do.
    fn hands(&self, crew: &[Hired], now: DateTime<Utc>) -> Vec<Hand> {
        let mut ends: BTreeMap<Uuid, DateTime<Utc>> = BTreeMap::new();
        for (order, workers) in &self.orders {
            let Some((_, end)) = order.window else { continue };
            for worker in workers {
                let last = ends.entry(*worker).or_insert(end);
                *last = end.max(*last);
            }
        }
        let hand = |hired: &Hired| {
            let (from, until) = hired.here(now)?;
            let last = ends.get(&hired.id).copied().filter(|last| *last > now - RECENT);
            let room = |last: DateTime<Utc>| until.min(now + day::AHEAD) - last.max(now);
            if last.is_some_and(|last| room(last) < day::ROOM) {
                return None;
            }
            let free_from = last.map(|last| last.max(now) + Duration::minutes(5));
            let only = (hired.index >= FULL_DAYS).then_some(SHORT_DAY);
            Some(Hand { worker: hired.index, skills: hired.skills.clone(), from, until, free_from, only })
        };
        crew.iter().filter_map(hand).collect()
    }

    /// How much the queue lacks. While the demonstration runs, a call comes now and then.
    fn missing(&self, wanted: &Wanted, now: DateTime<Utc>, chance: &mut Chance) -> (usize, usize) {
        let ahead = |order: &Order| order.window.is_none_or(|(_, end)| end > now);
        let waiting = |status| self.orders.iter().filter(|(order, _)| order.status == status && ahead(order)).count();
        let with_window = wanted.queue.0.saturating_sub(waiting(VisitStatus::Unassigned));
        let without = wanted.queue.1.saturating_sub(waiting(VisitStatus::Unscheduled));
        if self.is_empty() {
            return (with_window, without);
        }
        let half_empty = with_window * 2 > wanted.queue.0;
        let calls = if half_empty { with_window } else { usize::from(with_window > 0 && chance.happens(0.6)) };
        (calls, usize::from(without > 0 && chance.happens(0.2)))
    }
}

/// The jobs of one worker are booked one after the other: he can be in one place only, also while it is made up.
fn by_worker(jobs: Vec<NewJob>) -> Vec<Vec<NewJob>> {
    let mut lanes: BTreeMap<Option<usize>, Vec<NewJob>> = BTreeMap::new();
    for job in jobs {
        lanes.entry(job.worker).or_default().push(job);
    }
    lanes.into_values().collect()
}

async fn book_in_order(
    office: &Session,
    crew: &[Hired],
    clients: &[Uuid],
    jobs: Vec<NewJob>,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    for job in &jobs {
        book(office, crew, clients, job, now).await?;
    }
    Ok(())
}

async fn book(
    office: &Session,
    crew: &[Hired],
    clients: &[Uuid],
    job: &NewJob,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let worker = job.worker.and_then(|index| of_index(crew, index)).map(|hired| hired.id);
    let mut visit = json!({});
    if let Some((start, end)) = job.window {
        visit = json!({"startsAt": text(start), "endsAt": text(end)});
    }
    if let Some(worker) = worker.filter(|_| job.force.is_none()) {
        visit["workerIds"] = json!([worker]);
    }
    let attributes = json!({
        "title": job.task.title, "clientId": clients[job.client % clients.len().max(1)],
        "requiredSkills": [job.task.skill], "priority": job.task.priority, "visits": [visit],
    });
    let made = office.post("/jobs", "job", attributes).await?;
    let Some(visit) = made["included"][0]["id"].as_str() else { return Ok(()) };
    if let Some((worker, reason)) = worker.zip(job.force) {
        let assignment = json!({"workerIds": [worker], "force": {"reason": reason}});
        office.post(&format!("/visits/{visit}/assign"), "assignment", assignment).await?;
    }
    report(office, visit, job, now).await
}

/// The crew is sorted by index.
fn of_index(crew: &[Hired], index: usize) -> Option<&Hired> {
    crew.binary_search_by_key(&index, |hired| hired.index).ok().map(|at| &crew[at])
}

/// Urgent calls, from clients who are near; nobody has them yet.
pub async fn rush(
    office: &Session,
    near: &[usize],
    clients: &[Uuid],
    chance: &mut Chance,
    now: DateTime<Utc>,
) -> Result<usize, Refusal> {
    let (jobs, quiet) = (day::rush(chance, near, now), |_: &str, _: usize, _: usize| {});
    let call = |job| async move { book(office, &[], clients, &job, now).await };
    Ok(each("urgent calls", jobs, &quiet, call).await?.len())
}

/// What its worker has reported so far, at the times at which he would have.
async fn report(office: &Session, visit: &str, job: &NewJob, now: DateTime<Utc>) -> Result<(), Refusal> {
    let Some((start, end)) = job.window else { return Ok(()) };
    let steps: &[(&str, DateTime<Utc>)] = &[
        ("start-travel", start - Duration::minutes(9)),
        ("arrive", start - Duration::minutes(1)),
        ("start", start + Duration::minutes(2)),
        ("complete", end - Duration::minutes(3)),
    ];
    let steps = match job.progress {
        Progress::Planned => &[],
        Progress::OnSite => &steps[..2],
        Progress::Started => &steps[..3],
        Progress::Done => steps,
        Progress::NoAccess => &[steps[0], steps[1], ("no-access", start + Duration::minutes(12))][..],
    };
    for (step, at) in steps {
        let at = text((*at).min(now));
        office.post(&format!("/visits/{visit}/{step}"), "visit", json!({"occurredAt": at})).await?;
    }
    Ok(())
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
