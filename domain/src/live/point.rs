//! One reported position, and whether it may be taken. A refused point is named to the phone and forgotten.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::Place;
use crate::dispatch::Worker;

/// How far a phone's clock may run ahead of the server's before its points are refused.
pub const MAX_AHEAD: TimeDelta = TimeDelta::minutes(5);

/// A position as a phone reported it; whatever the phone does not know is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The phone's own id for it, or one derived from (device, `at`). With `at` and the worker it is its identity.
    pub id: Uuid,
    /// Device time, in whole microseconds (the store keeps no more, and identity hangs on it).
    pub at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub place: Place,
    pub accuracy_m: Option<f32>,
    pub speed_mps: Option<f32>,
    /// Clockwise from true north, `[0, 360)`.
    pub heading_deg: Option<f32>,
    pub altitude_m: Option<f32>,
    /// 0 to 100.
    pub battery_pct: Option<f32>,
    pub charging: Option<bool>,
    /// `gps`, `network`, `fused` or whatever the phone calls it.
    pub source: Option<String>,
    /// `still`, `walking`, `driving` or whatever the phone calls it.
    pub activity: Option<String>,
    /// The phone itself says that the fix is made up.
    pub mock: bool,
}

impl Point {
    /// When it counts as measured: a phone whose clock runs ahead cannot have been anywhere after it told us, and its next
    /// points must not wait until the time has caught up.
    pub fn measured_at(&self) -> DateTime<Utc> {
        self.at.min(self.received_at)
    }

    /// Points count in this order: the time they count for, then device time, then id.
    pub fn order(&self) -> (DateTime<Utc>, DateTime<Utc>, Uuid) {
        (self.measured_at(), self.at, self.id)
    }
}

/// Why a point is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Not a position on the earth.
    OutOfRange,
    /// Exactly (0, 0).
    NoFix,
    /// Its time lies further ahead than clocks differ.
    Future,
    /// The worker was not on shift at the point's own time: nobody is followed home.
    OffShift,
}

impl Refusal {
    pub const ALL: [Refusal; 4] = [Refusal::OutOfRange, Refusal::NoFix, Refusal::Future, Refusal::OffShift];

    pub fn code(self) -> &'static str {
        match self {
            Refusal::OutOfRange => "OUT_OF_RANGE",
            Refusal::NoFix => "NO_FIX",
            Refusal::Future => "FUTURE",
            Refusal::OffShift => "OFF_SHIFT",
        }
    }
}

/// May this point of this worker be kept and shown? A point of long ago is late history, and may.
pub fn judge(point: &Point, worker: &Worker, now: DateTime<Utc>) -> Result<(), Refusal> {
    if Place::new(point.place.lat, point.place.lng).is_none() {
        return Err(Refusal::OutOfRange);
    }
    if point.place.is_no_fix() {
        return Err(Refusal::NoFix);
    }
    if point.at > now + MAX_AHEAD {
        return Err(Refusal::Future);
    }
    if !worker.is_on_shift(point.at) {
        return Err(Refusal::OffShift);
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::TimeWindow;
    use crate::dispatch::{Shift, TimeOff, WorkingHours, parse_weekday};
    use crate::ids::{TimeOffId, WorkerId};

    pub fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("RFC 3339")
    }

    pub fn point(id: u128, when: DateTime<Utc>, lat: f64, lng: f64) -> Point {
        Point {
            id: Uuid::from_u128(id),
            at: when,
            received_at: when,
            place: Place { lat, lng },
            accuracy_m: None,
            speed_mps: None,
            heading_deg: None,
            altitude_m: None,
            battery_pct: None,
            charging: None,
            source: None,
            activity: None,
            mock: false,
        }
    }

    /// Mondays from 8 to 17 in Zurich, off from 10 to 11 (UTC) on 30 November 2026, a Monday.
    pub fn monday_worker() -> Worker {
        let time = |text: &str| chrono::NaiveTime::parse_from_str(text, "%H:%M").expect("a time");
        let shift = Shift { weekday: parse_weekday("mon").expect("a day"), start: time("08:00"), end: time("17:00") };
        let window = TimeWindow::new(at("2026-11-30T10:00:00Z"), at("2026-11-30T11:00:00Z")).expect("start before end");
        let off = TimeOff { id: TimeOffId(Uuid::from_u128(1)), window, reason: None };
        Worker {
            id: WorkerId(Uuid::from_u128(7)),
            active: true,
            skills: BTreeSet::new(),
            home: None,
            hours: WorkingHours { zone: chrono_tz::Europe::Zurich, shifts: vec![shift] },
            time_off: BTreeMap::from([(off.id, off)]),
        }
    }

    #[test]
    fn each_refusal_has_its_reason() {
        let table = [
            // when, lat, lng, expected; the server's clock says Monday 13:00 UTC
            ("2026-11-30T12:59:00Z", 47.1, 9.5, None),
            ("2026-11-30T13:05:00Z", 47.1, 9.5, None),
            ("2026-11-30T13:05:01Z", 47.1, 9.5, Some(Refusal::Future)),
            ("2026-11-30T12:59:00Z", 0.0, 0.0, Some(Refusal::NoFix)),
            ("2026-11-30T12:59:00Z", 0.0, 9.5, None),
            ("2026-11-30T12:59:00Z", 91.0, 9.5, Some(Refusal::OutOfRange)),
            ("2026-11-30T12:59:00Z", 47.1, 180.1, Some(Refusal::OutOfRange)),
            ("2026-11-30T12:59:00Z", f64::NAN, 9.5, Some(Refusal::OutOfRange)),
            ("2026-11-30T06:59:59Z", 47.1, 9.5, Some(Refusal::OffShift)),
            ("2026-11-30T10:30:00Z", 47.1, 9.5, Some(Refusal::OffShift)),
            ("2026-11-29T12:59:00Z", 47.1, 9.5, Some(Refusal::OffShift)),
            ("2016-11-28T12:59:00Z", 47.1, 9.5, None),
        ];
        let (worker, now) = (monday_worker(), at("2026-11-30T13:00:00Z"));
        for (when, lat, lng, refused) in table {
            let verdict = judge(&point(1, at(when), lat, lng), &worker, now);
            assert_eq!(verdict.err(), refused, "{when} {lat} {lng}");
        }
    }

    #[test]
    fn nobody_inactive_is_followed() {
        let worker = Worker { active: false, ..monday_worker() };
        let now = at("2026-11-30T13:00:00Z");
        assert_eq!(judge(&point(1, now, 47.1, 9.5), &worker, now), Err(Refusal::OffShift));
    }
}
