//! Workers and their time off as the API reads and shows them.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use muster_domain::dispatch::{Shift, TimeOff, Worker, parse_weekday};
use muster_domain::identity::{Permission, Role};
use muster_domain::ids::{TimeOffId, UserId, WorkerId};
use muster_domain::{Place, TimeWindow};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Profile;
use crate::http::envelope::{instant, resource};
use crate::http::{Caller, Code, Fault, Fields, Input, Problem};
use crate::identity::users::wire::{self as users, Hire};
use crate::live::positions::LiveWire;

const MAX_SKILLS: usize = 100;
const MAX_SHIFTS: usize = 50;
const MAX_REASON_CHARS: usize = 500;
const MAX_TIME_OFF_DAYS: i64 = 366;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"firstName": "Bob", "lastName": "Lee", "email": "bob@example.com", "phone": "+41791234567",
    "role": "worker", "status": "active", "skills": ["gas"], "home": {"lat": 47.14, "lng": 9.52},
    "timeZone": "Europe/Zurich", "workingHours": [{"weekday": "mon", "start": "08:00", "end": "17:00"}], "timeOff": [],
    "available": true, "trackingConsent": true, "live": null, "version": 1, "createdAt": "2026-11-30T08:00:00Z", "updatedAt": "2026-11-30T08:00:00Z"}))]
pub struct WorkerAttributes {
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone: Option<String>,
    pub role: String,
    /// active, inactive, invited
    pub status: String,
    pub skills: BTreeSet<String>,
    pub home: Option<HomeAttributes>,
    /// IANA name; working hours are in its wall time.
    pub time_zone: String,
    /// Empty: every hour is a working hour.
    pub working_hours: Vec<ShiftAttributes>,
    pub time_off: Vec<TimeOffEntry>,
    /// His own word, or the office's, that he can take work. Who cannot is not offered as near; he may still be sent.
    pub available: bool,
    /// He agrees to be followed while he works. Only he himself changes it.
    pub tracking_consent: bool,
    /// Where he is and whether he can be heard from; null while that is not known.
    pub live: Option<LiveWire>,
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct HomeAttributes {
    pub lat: f64,
    pub lng: f64,
}

#[derive(Serialize, ToSchema)]
pub struct ShiftAttributes {
    /// mon, tue, wed, thu, fri, sat, sun
    pub weekday: String,
    /// HH:MM
    pub start: String,
    /// HH:MM; at or before `start` it is on the next day.
    pub end: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimeOffEntry {
    pub id: Uuid,
    pub starts_at: String,
    pub ends_at: String,
    pub reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"workerId": "0199a1b2-0000-7000-8000-000000000001", "startsAt": "2026-12-21T00:00:00Z",
    "endsAt": "2027-01-04T00:00:00Z", "reason": "Holidays"}))]
pub struct TimeOffAttributes {
    pub worker_id: Uuid,
    pub starts_at: String,
    pub ends_at: String,
    pub reason: Option<String>,
}

pub fn worker_resource(profile: &Profile, live: Option<&LiveWire>) -> Value {
    let (user, card) = (&profile.user, &profile.card);
    let mut off: Vec<&TimeOff> = card.time_off.values().collect();
    off.sort_by_key(|off| (off.window, off.id));
    let attributes = WorkerAttributes {
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        email: user.email.clone(),
        phone: user.phone.clone(),
        role: user.role.name().into(),
        status: user.status.name().into(),
        skills: card.skills.clone(),
        home: card.home.map(|home| HomeAttributes { lat: home.lat, lng: home.lng }),
        time_zone: card.hours.zone.name().into(),
        working_hours: card.hours.shifts.iter().map(shift).collect(),
        time_off: off.into_iter().map(entry).collect(),
        available: card.available,
        tracking_consent: card.tracking_consent,
        live: live.cloned(),
        version: profile.version,
        created_at: instant(profile.created_at),
        updated_at: instant(profile.updated_at),
    };
    resource("worker", card.id, attributes)
}

fn shift(shift: &Shift) -> ShiftAttributes {
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let time = |time: NaiveTime| time.format("%H:%M").to_string();
    ShiftAttributes {
        weekday: names[usize::from(shift.weekday) % 7].into(),
        start: time(shift.start),
        end: time(shift.end),
    }
}

fn entry(off: &TimeOff) -> TimeOffEntry {
    TimeOffEntry {
        id: off.id.0,
        starts_at: instant(off.window.start),
        ends_at: instant(off.window.end),
        reason: off.reason.clone(),
    }
}

pub fn time_off_resource(worker: WorkerId, off: &TimeOff) -> Value {
    let attributes = TimeOffAttributes {
        worker_id: worker.0,
        starts_at: instant(off.window.start),
        ends_at: instant(off.window.end),
        reason: off.reason.clone(),
    };
    resource("timeOff", off.id, attributes)
}

/// Somebody to be put on the roster.
#[derive(Clone, Debug)]
pub struct NewWorker {
    pub who: Who,
    pub skills: BTreeSet<String>,
    pub home: Option<Place>,
    /// `None`: the account's.
    pub zone: Option<Tz>,
    pub shifts: Vec<Shift>,
}

#[derive(Clone, Debug)]
pub enum Who {
    New(Box<Hire>),
    /// A user of the account, an owner say, who also works in the field.
    Known(UserId),
}

pub fn read_new(input: &Input) -> Result<NewWorker, Problem> {
    let document = input.document("worker")?;
    let mut fields = document.fields();
    let who = match fields.id("userId") {
        Some(user) => Who::Known(UserId(user)),
        None => {
            let field = |name: &str| Role::parse(name).filter(|role| role.is_field());
            let role = fields.choice("role", field, "worker, limitedWorker").unwrap_or(Role::Worker);
            Who::New(Box::new(users::hire_fields(&mut fields, UserId(document.id_or_new()), role)))
        }
    };
    let new = NewWorker {
        who,
        skills: fields.words("skills", MAX_SKILLS).unwrap_or_default(),
        home: fields.place("home"),
        zone: fields.time_zone("timeZone"),
        shifts: shifts(&mut fields).unwrap_or_default(),
    };
    fields.finish()?;
    Ok(new)
}

fn shifts(fields: &mut Fields<'_>) -> Option<Vec<Shift>> {
    let read = fields.list("workingHours", MAX_SHIFTS, |shift| {
        let weekday = shift.need_choice("weekday", parse_weekday, "mon, tue, wed, thu, fri, sat, sun");
        let start = shift.need_choice("start", time, "the times of day, such as 08:00");
        let end = shift.need_choice("end", time, "the times of day, such as 17:00");
        Some(Shift { weekday: weekday?, start: start?, end: end? })
    });
    read.map(|shifts| {
        let mut shifts: Vec<Shift> = shifts.into_iter().flatten().collect();
        shifts.sort();
        shifts.dedup();
        shifts
    })
}

/// `24:00` is the midnight at which the next day begins.
fn time(text: &str) -> Option<NaiveTime> {
    if text == "24:00" {
        return Some(NaiveTime::MIN);
    }
    (text.len() == 5).then(|| NaiveTime::parse_from_str(text, "%H:%M").ok()).flatten()
}

/// What a PATCH wants to be otherwise.
#[derive(Clone, Debug)]
pub struct Edit {
    pub person: users::Edit,
    skills: Option<BTreeSet<String>>,
    /// `Some(None)` clears it.
    home: Option<Option<Place>>,
    zone: Option<Tz>,
    shifts: Option<Vec<Shift>>,
    available: Option<bool>,
    tracking_consent: Option<bool>,
}

pub fn read_edit(input: &Input) -> Result<Edit, Problem> {
    let document = input.document("worker")?;
    let mut fields = document.fields();
    let cleared = |fields: &mut Fields<'_>, name: &str| fields.has(name) && fields.value(name).is_none();
    let (no_home, no_hours) = (cleared(&mut fields, "home"), cleared(&mut fields, "workingHours"));
    let (home, shifts) = (fields.place("home"), shifts(&mut fields));
    let edit = Edit {
        person: users::edit_fields(&mut fields),
        skills: fields.words("skills", MAX_SKILLS),
        home: if no_home { Some(None) } else { home.map(Some) },
        zone: fields.time_zone("timeZone"),
        shifts: if no_hours { Some(Vec::new()) } else { shifts },
        available: fields.truth("available"),
        tracking_consent: fields.truth("trackingConsent"),
    };
    fields.finish()?;
    Ok(edit)
}

impl Edit {
    /// Does it touch anything but his status?
    pub fn has_more_than_status(&self) -> bool {
        self.touches_profile() || self.speaks_for_him()
    }

    fn touches_profile(&self) -> bool {
        self.person.has_details() || self.touches_fitness() || self.home.is_some()
    }

    fn speaks_for_him(&self) -> bool {
        self.available.is_some() || self.tracking_consent.is_some()
    }

    /// May the caller ask for this? Profiles are the team's; a worker speaks for himself, and for his consent only he.
    pub fn check_caller(&self, caller: &Caller, id: WorkerId) -> Result<(), Problem> {
        if self.tracking_consent.is_some() && caller.user().map(WorkerId::from) != Some(id) {
            let detail = "Only the worker himself agrees to be followed, and only he takes it back.";
            return Err(Fault::new(Code::FORBIDDEN, detail).at("/data/attributes/trackingConsent").into());
        }
        let only_his_word = self.speaks_for_him() && !self.touches_profile() && self.person.active.is_none();
        if only_his_word { Ok(()) } else { caller.scope(Permission::TeamWrite).map(drop) }
    }

    /// Might visits he has no longer suit him?
    pub fn touches_fitness(&self) -> bool {
        self.skills.is_some() || self.zone.is_some() || self.shifts.is_some()
    }

    /// The card as it is to be.
    pub fn apply(&self, card: &Worker, now: DateTime<Utc>) -> Worker {
        let mut next = card.clone();
        next.skills = self.skills.clone().unwrap_or(next.skills);
        next.home = self.home.unwrap_or(next.home);
        next.hours.zone = self.zone.unwrap_or(next.hours.zone);
        next.hours.shifts = self.shifts.clone().unwrap_or(next.hours.shifts);
        next.available = self.available.unwrap_or(next.available);
        next.says_of_being_followed(self.tracking_consent.unwrap_or(next.tracking_consent), now);
        next
    }
}

pub fn read_time_off(input: &Input) -> Result<TimeOff, Problem> {
    let document = input.document("timeOff")?;
    let mut fields = document.fields();
    for name in ["startsAt", "endsAt"] {
        if fields.value(name).is_none() {
            fields.fault(name, format!("{name} is required."));
        }
    }
    let (start, end) = (fields.instant("startsAt"), fields.instant("endsAt"));
    let window = start.zip(end).and_then(|(start, end)| TimeWindow::new(start, end));
    if start.is_some() && end.is_some() && window.is_none() {
        fields.fault("endsAt", "endsAt must be after startsAt.");
    }
    if window.is_some_and(|window| window.length() > TimeDelta::days(MAX_TIME_OFF_DAYS)) {
        fields.fault("endsAt", format!("Time off lasts at most {MAX_TIME_OFF_DAYS} days."));
    }
    let reason = fields.text("reason", MAX_REASON_CHARS);
    fields.finish()?;
    let window = window.ok_or_else(|| Problem::internal("a window passed without being one"))?;
    Ok(TimeOff { id: TimeOffId(document.id_or_new()), window, reason })
}

pub fn no_such_user() -> Problem {
    Fault::new(Code::NOT_FOUND, "There is no such user.").at("/data/attributes/userId").into()
}

pub fn not_active(profile: &Value) -> Problem {
    let meta = json!({ "current": profile });
    Fault::new(Code::WRONG_STATE, "The user is inactive.").at("/data/attributes/userId").meta(meta).into()
}
