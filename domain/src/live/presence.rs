//! Is anybody there? Connection, shift and availability are separate facts: this is about the connection alone, and
//! being off shift only explains a silence.

use chrono::{DateTime, TimeDelta, Utc};

use crate::dispatch::Worker;

/// Heard from within this: online.
pub const ONLINE_FOR: TimeDelta = TimeDelta::seconds(90);
/// Heard from within this: stale, after it lost.
pub const STALE_FOR: TimeDelta = TimeDelta::seconds(300);
/// A phone that falls silent below this charge has probably died.
const LOW_BATTERY_PCT: f32 = 5.0;
/// Shifts are looked for this far ahead; whoever sleeps longer asks again.
const LOOKS_AHEAD: TimeDelta = TimeDelta::hours(36);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    Online,
    Stale,
    Lost,
    Never,
}

impl Presence {
    pub fn name(self) -> &'static str {
        match self {
            Presence::Online => "online",
            Presence::Stale => "stale",
            Presence::Lost => "lost",
            Presence::Never => "never",
        }
    }
}

/// What a phone itself says is wrong with its positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// The app may not read the position, or only an approximate one.
    PermissionDenied,
    /// Locating is switched off for the whole phone.
    LocationOff,
    AirplaneMode,
    /// The system slows or stops the app to save power.
    PowerSaving,
    /// Its clock is off by minutes; this one the server finds out.
    ClockWrong,
}

impl Trouble {
    pub const ALL: [Trouble; 5] = [
        Trouble::PermissionDenied,
        Trouble::LocationOff,
        Trouble::AirplaneMode,
        Trouble::PowerSaving,
        Trouble::ClockWrong,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Trouble::PermissionDenied => "permissionDenied",
            Trouble::LocationOff => "locationOff",
            Trouble::AirplaneMode => "airplaneMode",
            Trouble::PowerSaving => "powerSaving",
            Trouble::ClockWrong => "clockWrong",
        }
    }

    pub fn parse(name: &str) -> Option<Trouble> {
        Trouble::ALL.into_iter().find(|trouble| trouble.name() == name)
    }
}

/// Why it is so, as far as one can tell from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    Reporting,
    /// He has not agreed to be followed, or does no longer.
    NoConsent,
    OffShift,
    Troubled(Trouble),
    LowBattery,
    Silent,
    NoPositionYet,
}

impl Reason {
    pub fn code(self) -> &'static str {
        match self {
            Reason::Reporting => "REPORTING",
            Reason::NoConsent => "NO_CONSENT",
            Reason::OffShift => "OFF_SHIFT",
            Reason::Troubled(Trouble::PermissionDenied) => "PERMISSION_DENIED",
            Reason::Troubled(Trouble::LocationOff) => "LOCATION_OFF",
            Reason::Troubled(Trouble::AirplaneMode) => "AIRPLANE_MODE",
            Reason::Troubled(Trouble::PowerSaving) => "POWER_SAVING",
            Reason::Troubled(Trouble::ClockWrong) => "CLOCK_WRONG",
            Reason::LowBattery => "LOW_BATTERY",
            Reason::Silent => "SILENT",
            Reason::NoPositionYet => "NO_POSITION_YET",
        }
    }
}

/// What presence is judged by. `heard_at` is the server's time of receipt: a phone that sends its buffer is there.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Standing {
    pub heard_at: Option<DateTime<Utc>>,
    /// The last charge it reported while not charging.
    pub battery_pct: Option<f32>,
    pub trouble: Option<Trouble>,
}

impl Standing {
    pub fn presence(&self, now: DateTime<Utc>) -> Presence {
        match self.heard_at {
            None => Presence::Never,
            Some(heard_at) if now - heard_at <= ONLINE_FOR => Presence::Online,
            Some(heard_at) if now - heard_at <= STALE_FOR => Presence::Stale,
            Some(_) => Presence::Lost,
        }
    }

    pub fn reason(&self, on_shift: bool, now: DateTime<Utc>) -> Reason {
        match (self.presence(now), self.trouble) {
            (Presence::Online, None) => Reason::Reporting,
            (Presence::Never, None) => Reason::NoPositionYet,
            (Presence::Online | Presence::Never, Some(trouble)) => Reason::Troubled(trouble),
            (Presence::Stale | Presence::Lost, _) if !on_shift => Reason::OffShift,
            // A wrong clock silences nobody.
            (Presence::Stale | Presence::Lost, Some(trouble)) if trouble != Trouble::ClockWrong => {
                Reason::Troubled(trouble)
            }
            (Presence::Stale | Presence::Lost, _) if self.battery_pct.is_some_and(|pct| pct <= LOW_BATTERY_PCT) => {
                Reason::LowBattery
            }
            (Presence::Stale | Presence::Lost, _) => Reason::Silent,
        }
    }

    /// The first instant at which presence will be another, if nothing is heard until then.
    pub fn wakes_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let past = TimeDelta::milliseconds(1);
        let heard_at = self.heard_at?;
        match self.presence(now) {
            Presence::Online => Some(heard_at + ONLINE_FOR + past),
            Presence::Stale => Some(heard_at + STALE_FOR + past),
            Presence::Lost | Presence::Never => None,
        }
    }
}

/// The next instant at which being on shift may change; `None` if it never does by itself.
pub fn shift_changes_at(worker: &Worker, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if !worker.active {
        return None;
    }
    let off = worker.time_off.values().flat_map(|off| [off.window.start, off.window.end]);
    let next_off = off.filter(|edge| *edge > now).min();
    if worker.hours.shifts.is_empty() {
        return next_off;
    }
    let stretches = worker.hours.stretches(now, now + LOOKS_AHEAD);
    let edges = stretches.iter().flat_map(|stretch| [stretch.start, stretch.end]);
    let next_edge = edges.filter(|edge| *edge > now).min().unwrap_or(now + LOOKS_AHEAD);
    Some(next_off.map_or(next_edge, |off| off.min(next_edge)))
}

#[cfg(test)]
mod tests {
    use super::super::point::tests::{at, monday_worker};
    use super::*;
    use crate::dispatch::WorkingHours;

    #[test]
    fn silence_turns_online_to_stale_to_lost_when_it_said_it_would() {
        let heard = at("2026-11-30T08:00:00Z");
        let standing = Standing { heard_at: Some(heard), ..Standing::default() };
        let mut seen = vec![(0, standing.presence(heard))];
        let mut now = heard;
        while let Some(next) = standing.wakes_at(now) {
            let just_before = next - TimeDelta::milliseconds(1);
            assert_eq!(standing.presence(just_before), standing.presence(now), "no change before it is told");
            now = next;
            seen.push(((now - heard).num_seconds(), standing.presence(now)));
        }
        assert_eq!(seen, [(0, Presence::Online), (90, Presence::Stale), (300, Presence::Lost)]);
        assert_eq!(Standing::default().presence(heard), Presence::Never);
    }

    #[test]
    fn a_silence_is_explained_by_the_shift_and_then_by_the_battery() {
        let heard = at("2026-11-30T08:00:00Z");
        let later = heard + TimeDelta::minutes(10);
        let low = Standing { heard_at: Some(heard), battery_pct: Some(4.0), trouble: None };
        let full = Standing { heard_at: Some(heard), battery_pct: Some(60.0), trouble: None };
        assert_eq!(low.reason(false, later), Reason::OffShift);
        assert_eq!(low.reason(true, later), Reason::LowBattery);
        assert_eq!(full.reason(true, later), Reason::Silent);
        assert_eq!(full.reason(true, heard), Reason::Reporting);
        assert_eq!(Standing::default().reason(true, later), Reason::NoPositionYet);
    }

    #[test]
    fn each_cause_that_a_phone_states_is_a_reason_of_its_own() {
        let heard = at("2026-11-30T08:00:00Z");
        let later = heard + TimeDelta::minutes(10);
        let table = [
            (Trouble::PermissionDenied, "PERMISSION_DENIED", "PERMISSION_DENIED"),
            (Trouble::LocationOff, "LOCATION_OFF", "LOCATION_OFF"),
            (Trouble::AirplaneMode, "AIRPLANE_MODE", "AIRPLANE_MODE"),
            (Trouble::PowerSaving, "POWER_SAVING", "POWER_SAVING"),
            (Trouble::ClockWrong, "CLOCK_WRONG", "SILENT"),
        ];
        for (trouble, while_heard, when_silent) in table {
            let standing = Standing { heard_at: Some(heard), battery_pct: Some(60.0), trouble: Some(trouble) };
            assert_eq!(standing.reason(true, heard).code(), while_heard);
            assert_eq!(standing.reason(true, later).code(), when_silent);
            assert_eq!(standing.reason(false, later), Reason::OffShift);
            let never = Standing { trouble: Some(trouble), ..Standing::default() };
            assert_eq!(never.reason(true, later).code(), while_heard);
            assert_eq!(Trouble::parse(trouble.name()), Some(trouble));
        }
        assert_eq!(Trouble::parse("boredom"), None);
    }

    #[test]
    fn shifts_and_time_off_change_when_they_were_said_to() {
        let worker = monday_worker();
        let mut now = at("2026-11-30T05:00:00Z");
        let mut seen = Vec::new();
        for _ in 0..4 {
            now = shift_changes_at(&worker, now).expect("a Monday has edges");
            seen.push((now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true), worker.is_on_shift(now)));
        }
        let expected = [
            ("2026-11-30T07:00:00Z", true),
            ("2026-11-30T10:00:00Z", false),
            ("2026-11-30T11:00:00Z", true),
            ("2026-11-30T16:00:00Z", false),
        ];
        assert_eq!(seen, expected.map(|(when, on)| (when.to_owned(), on)));
        let always = Worker { hours: WorkingHours::always(chrono_tz::UTC), time_off: Default::default(), ..worker };
        assert_eq!(shift_changes_at(&always, now), None);
    }
}
