//! One reported position, and whether it may be taken. A refused point is named to the phone and forgotten.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::Place;
use crate::dispatch::Worker;

/// How far a phone's clock may run ahead of the server's before its points are refused.
pub const MAX_AHEAD: TimeDelta = TimeDelta::minutes(5);
/// A point that was older than this when it came is history.
pub const LATE_AFTER: TimeDelta = TimeDelta::minutes(5);

/// A position as a phone reported it; whatever the phone does not know is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The phone's own id for it, or one derived from (device, `at`). With `at` and the worker it is its identity.
    pub id: Uuid,
    /// Device time, in whole microseconds (the store keeps no more, and identity hangs on it).
    pub at: DateTime<Utc>,
    /// When the phone sent it, by the phone's clock; that and the time of receipt tell how far its clock is off.
    pub sent_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    /// How far the phone's clock ran ahead of the server's when it came, as then estimated; negative: behind.
    pub ahead_ms: i32,
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
    /// Device time by the server's clock, as far as one knows by how much the phone's is off.
    pub fn corrected_at(&self) -> DateTime<Utc> {
        self.at - TimeDelta::milliseconds(i64::from(self.ahead_ms))
    }

    /// When it counts as measured: a phone whose clock runs ahead cannot have been anywhere after it told us, and its next
    /// points must not wait until the time has caught up.
    pub fn measured_at(&self) -> DateTime<Utc> {
        self.corrected_at().min(self.received_at)
    }

    /// It was old when it came: history, and never "now".
    pub fn is_late(&self) -> bool {
        self.received_at - self.measured_at() > LATE_AFTER
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
    /// He does not agree to be followed, or did not when it was measured.
    NoConsent,
}

impl Refusal {
    pub const ALL: [Refusal; 5] =
        [Refusal::OutOfRange, Refusal::NoFix, Refusal::Future, Refusal::OffShift, Refusal::NoConsent];

    pub fn code(self) -> &'static str {
        match self {
            Refusal::OutOfRange => "OUT_OF_RANGE",
            Refusal::NoFix => "NO_FIX",
            Refusal::Future => "FUTURE",
            Refusal::OffShift => "OFF_SHIFT",
            Refusal::NoConsent => "NO_CONSENT",
        }
    }
}

/// May this point of this worker be kept and shown? A point of long ago is late history, and may.
pub fn judge(point: &Point, worker: &Worker, now: DateTime<Utc>) -> Result<(), Refusal> {
    if !worker.tracking_consent {
        return Err(Refusal::NoConsent);
    }
    if Place::new(point.place.lat, point.place.lng).is_none() {
        return Err(Refusal::OutOfRange);
    }
    if point.place.is_no_fix() {
        return Err(Refusal::NoFix);
    }
    if point.corrected_at() > now + MAX_AHEAD {
        return Err(Refusal::Future);
    }
    if worker.followed_since.is_some_and(|since| point.measured_at() < since) {
        return Err(Refusal::NoConsent);
    }
    if !worker.is_on_shift(point.measured_at()) {
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
            sent_at: None,
            received_at: when,
            ahead_ms: 0,
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
            available: true,
            tracking_consent: true,
            followed_since: None,
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
    fn nobody_is_followed_against_his_will() {
        let worker = Worker { tracking_consent: false, ..monday_worker() };
        let now = at("2026-11-30T13:00:00Z");
        assert_eq!(judge(&point(1, now, 47.1, 9.5), &worker, now), Err(Refusal::NoConsent));
        assert_eq!(judge(&point(1, now, 91.0, 9.5), &worker, now), Err(Refusal::NoConsent), "before all else");
    }

    #[test]
    fn what_was_measured_while_he_was_not_followed_stays_his_own() {
        let since = at("2026-11-30T12:00:00Z");
        let worker = Worker { followed_since: Some(since), ..monday_worker() };
        let (before, now) = (at("2026-11-30T11:59:59Z"), at("2026-11-30T13:00:00Z"));
        assert_eq!(judge(&point(1, before, 47.1, 9.5), &worker, now), Err(Refusal::NoConsent));
        assert_eq!(judge(&point(1, since, 47.1, 9.5), &worker, now), Ok(()));
    }

    #[test]
    fn future_late_and_off_shift_are_judged_by_the_corrected_time() {
        let (worker, now) = (monday_worker(), at("2026-11-30T13:00:00Z"));
        let with = |when: &str, ahead_s: i32| {
            let made = Point { received_at: now, ahead_ms: ahead_s * 1_000, ..point(1, at(when), 47.1, 9.5) };
            (judge(&made, &worker, now).err(), made.is_late())
        };
        assert_eq!(with("2026-11-30T15:00:00Z", 0), (Some(Refusal::Future), false));
        assert_eq!(with("2026-11-30T15:00:00Z", 7_200), (None, false), "its clock is two hours ahead");
        assert_eq!(with("2026-11-30T15:06:00Z", 7_200), (Some(Refusal::Future), false));
        assert_eq!(with("2026-11-30T17:30:00Z", 16_200), (None, false), "half past five by his clock only");
        assert_eq!(with("2026-11-30T12:50:00Z", 0), (None, true));
        assert_eq!(with("2026-11-30T12:50:00Z", -600), (None, false), "its clock is ten minutes behind");
        assert_eq!(with("2026-11-30T13:04:00Z", 600), (None, true));
    }

    #[test]
    fn nobody_inactive_is_followed() {
        let worker = Worker { active: false, ..monday_worker() };
        let now = at("2026-11-30T13:00:00Z");
        assert_eq!(judge(&point(1, now, 47.1, 9.5), &worker, now), Err(Refusal::OffShift));
    }
}
