//! Hires the workers, and sees to it that most of them are on shift whenever the demonstration runs.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, SubsecRound, Utc};
use muster_domain::Place;
use muster_domain::dispatch::{Shift, WorkingHours};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Refusal, Session, Tell, Wanted, each, instant, place, wall_clock};
use crate::demo::city::City;
use crate::demo::people::{self, NewWorker, PASSWORD, ZONE, index_of};

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// With fewer on shift, those who are off get new hours.
const LEAST_ON_SHIFT: f64 = 0.75;
const TIME_OFF_BACK: Duration = Duration::hours(5);
const TIME_OFF_AHEAD: Duration = Duration::hours(10);

/// Somebody on the roster.
#[derive(Clone, Debug)]
pub struct Hired {
    pub index: usize,
    pub id: Uuid,
    pub email: String,
    pub skills: Vec<String>,
    pub home: Option<Place>,
    pub seen_at: Option<Place>,
    /// As he or the office said; `None`: this server does not ask.
    pub available: Option<bool>,
    pub consents: Option<bool>,
    hours: WorkingHours,
    off: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Hired {
    fn read(worker: &Value, crew_size: usize) -> Option<Self> {
        let attributes = &worker["attributes"];
        let email = attributes["email"].as_str()?.to_owned();
        let index = index_of(&email).filter(|index| *index < crew_size)?;
        let words = |name: &str| attributes[name].as_array().cloned().unwrap_or_default();
        let shifts = words("workingHours").into_iter().filter_map(|shift| serde_json::from_value::<Shift>(shift).ok());
        let off =
            words("timeOff").iter().filter_map(|off| instant(&off["startsAt"]).zip(instant(&off["endsAt"]))).collect();
        Some(Self {
            index,
            id: worker["id"].as_str()?.parse().ok()?,
            email,
            skills: words("skills").iter().filter_map(|skill| skill.as_str().map(str::to_owned)).collect(),
            home: place(&attributes["home"]),
            seen_at: place(&attributes["live"]),
            available: attributes["available"].as_bool(),
            consents: attributes["trackingConsent"].as_bool(),
            hours: WorkingHours { zone: ZONE, shifts: shifts.collect() },
            off,
        })
    }

    /// His working stretch around `at`; `None` when he is off.
    pub fn here(&self, at: DateTime<Utc>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        if self.off.iter().any(|(from, until)| *from <= at && at < *until) {
            return None;
        }
        if self.hours.shifts.is_empty() {
            return Some((at - Duration::hours(12), at + Duration::hours(12)));
        }
        let stretches = self.hours.stretches(at, at);
        stretches.iter().find(|stretch| stretch.contains(at)).map(|stretch| (stretch.start, stretch.end))
    }

    fn is_excused(&self, at: DateTime<Utc>) -> bool {
        self.off.iter().any(|(_, until)| at < *until)
    }
}

/// The crew as it should be: hired, on shift for the most part, with two away.
pub async fn hire(
    owner: &Session,
    city: &City,
    wanted: &Wanted,
    now: DateTime<Utc>,
    tell: Tell<'_>,
) -> Result<Vec<Hired>, Refusal> {
    let plan = people::workers(city, wanted.seed, wanted.workers, wall_clock(now));
    let known = roster(owner, wanted.workers).await?;
    let emails: BTreeSet<&str> = known.iter().map(|hired| hired.email.as_str()).collect();
    let missing: Vec<&NewWorker> = plan.iter().filter(|worker| !emails.contains(worker.email.as_str())).collect();
    let nobody_new = missing.is_empty();
    each("workers", missing, tell, |worker| owner.post("/workers", "worker", application(worker))).await?;
    let crew = if nobody_new { known } else { roster(owner, wanted.workers).await? };
    let mended = excuse(owner, &plan, &crew, now).await? + wake(owner, &plan, &crew, now, tell).await?;
    if mended == 0 { Ok(crew) } else { roster(owner, wanted.workers).await }
}

async fn roster(owner: &Session, crew_size: usize) -> Result<Vec<Hired>, Refusal> {
    let workers = owner.get_all("/workers").await?;
    let mut crew: Vec<Hired> = workers.iter().filter_map(|worker| Hired::read(worker, crew_size)).collect();
    crew.sort_by_key(|hired| hired.index);
    Ok(crew)
}

fn application(worker: &NewWorker) -> Value {
    json!({
        "firstName": worker.first_name, "lastName": worker.last_name, "email": worker.email, "password": PASSWORD,
        "phone": worker.phone, "skills": worker.skills, "home": worker.home.door, "timeZone": ZONE.name(),
        "workingHours": week(worker.shift),
    })
}

fn week(shift: people::Shift) -> Value {
    let time = |time: chrono::NaiveTime| time.format("%H:%M").to_string();
    let day = |weekday: &&str| json!({"weekday": weekday, "start": time(shift.start), "end": time(shift.end)});
    WEEKDAYS.iter().map(day).collect()
}

/// Gives time off to those of the plan who have none.
async fn excuse(owner: &Session, plan: &[NewWorker], crew: &[Hired], now: DateTime<Utc>) -> Result<usize, Refusal> {
    let mut count = 0;
    for hired in crew.iter().filter(|hired| !hired.is_excused(now)) {
        let Some(reason) = plan[hired.index].time_off else { continue };
        let (starts_at, ends_at) = ((now - TIME_OFF_BACK).trunc_subsecs(0), (now + TIME_OFF_AHEAD).trunc_subsecs(0));
        let off = json!({"startsAt": starts_at, "endsAt": ends_at, "reason": reason});
        owner.post(&format!("/workers/{}/time-off", hired.id), "timeOff", off).await?;
        count += 1;
    }
    Ok(count)
}

/// Gives new hours to those who are off, if the demonstration would be empty without them.
async fn wake(
    owner: &Session,
    plan: &[NewWorker],
    crew: &[Hired],
    now: DateTime<Utc>,
    tell: Tell<'_>,
) -> Result<usize, Refusal> {
    let off: Vec<&Hired> = crew.iter().filter(|hired| hired.here(now).is_none() && !hired.is_excused(now)).collect();
    let on_shift = crew.iter().filter(|hired| hired.here(now).is_some()).count();
    if on_shift as f64 >= LEAST_ON_SHIFT * crew.len() as f64 {
        return Ok(0);
    }
    let count = off.len();
    let wake = |hired: &Hired| {
        let (path, hours) = (format!("/workers/{}", hired.id), json!({"workingHours": week(plan[hired.index].shift)}));
        async move { owner.patch(&path, "worker", hours).await }
    };
    each("new shifts", off, tell, wake).await?;
    Ok(count)
}
