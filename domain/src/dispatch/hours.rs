//! Working hours: a weekly rule in wall time of one zone, expanded per date. Days on which the clocks change follow
//! the stated policy: a time that does not exist moves forward, a time that happens twice means the first.

use chrono::{
    DateTime, Datelike, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::TimeWindow;

/// One stretch of work that begins on `weekday`; an `end` at or before `start` is on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shift {
    #[serde(with = "weekday_name")]
    pub weekday: WeekdayOrd,
    #[serde(with = "hh_mm")]
    pub start: NaiveTime,
    #[serde(with = "hh_mm")]
    pub end: NaiveTime,
}

/// Days from Monday, so that shifts sort.
pub type WeekdayOrd = u8;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkingHours {
    pub zone: Tz,
    /// Empty: every hour is a working hour.
    pub shifts: Vec<Shift>,
}

impl WorkingHours {
    pub fn always(zone: Tz) -> Self {
        Self { zone, shifts: Vec::new() }
    }

    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.shifts.is_empty() || self.stretches(at, at).iter().any(|w| w.contains(at))
    }

    /// Is every instant of `window` a working one? Shifts that touch join into one stretch.
    pub fn cover(&self, window: &TimeWindow) -> bool {
        self.shifts.is_empty() || self.stretches(window.start, window.end).iter().any(|w| w.covers(window))
    }

    /// The working stretches that may touch `[from, to]`, joined and in order.
    pub fn stretches(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<TimeWindow> {
        let first = from.with_timezone(&self.zone).date_naive() - Days::new(1);
        let last = to.with_timezone(&self.zone).date_naive() + Days::new(1);
        let mut found: Vec<TimeWindow> = first
            .iter_days()
            .take_while(|day| *day <= last)
            .flat_map(|day| self.shifts.iter().filter_map(move |shift| self.on(day, shift)))
            .collect();
        found.sort();
        let mut joined: Vec<TimeWindow> = Vec::with_capacity(found.len());
        for window in found {
            match joined.last_mut() {
                Some(open) if window.start <= open.end => open.end = open.end.max(window.end),
                _ => joined.push(window),
            }
        }
        joined
    }

    fn on(&self, day: NaiveDate, shift: &Shift) -> Option<TimeWindow> {
        if day.weekday().num_days_from_monday() as u8 != shift.weekday {
            return None;
        }
        let end_day = if shift.end <= shift.start { day + Days::new(1) } else { day };
        TimeWindow::new(self.instant(day.and_time(shift.start)), self.instant(end_day.and_time(shift.end)))
    }

    /// Wall time to instant: in a gap the first instant after it, in a fold the earlier of the two.
    fn instant(&self, wall: NaiveDateTime) -> DateTime<Utc> {
        let mut wall = wall;
        loop {
            match self.zone.from_local_datetime(&wall) {
                MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => return at.with_timezone(&Utc),
                MappedLocalTime::None => wall += TimeDelta::minutes(1),
            }
        }
    }
}

/// `"mon"` … `"sun"` to days from Monday.
pub fn parse_weekday(name: &str) -> Option<WeekdayOrd> {
    (name.len() == 3).then(|| name.parse::<Weekday>().ok()).flatten().map(|day| day.num_days_from_monday() as u8)
}

mod weekday_name {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    pub fn serialize<S: Serializer>(day: &u8, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(NAMES[usize::from(*day) % 7])
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u8, D::Error> {
        let name = String::deserialize(d)?;
        super::parse_weekday(&name).ok_or_else(|| D::Error::custom("expected one of mon … sun"))
    }
}

mod hh_mm {
    use chrono::NaiveTime;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(time: &NaiveTime, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&time.format("%H:%M").to_string())
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<NaiveTime, D::Error> {
        let text = String::deserialize(d)?;
        NaiveTime::parse_from_str(&text, "%H:%M").map_err(|_| D::Error::custom("expected HH:MM"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(zone: &str, text: &str) -> WorkingHours {
        let shifts = text
            .split(',')
            .map(|shift| {
                let words: Vec<&str> = shift.split_whitespace().collect();
                let time = |t: &str| NaiveTime::parse_from_str(t, "%H:%M").expect("a time");
                Shift { weekday: parse_weekday(words[0]).expect("a day"), start: time(words[1]), end: time(words[2]) }
            })
            .collect();
        WorkingHours { zone: zone.parse().expect("a zone"), shifts }
    }
    fn span(text: &str) -> TimeWindow {
        let (a, b) = text.split_once(' ').expect("two instants");
        TimeWindow::new(a.parse().expect("RFC 3339"), b.parse().expect("RFC 3339")).expect("forward")
    }

    #[test]
    fn a_visit_must_lie_wholly_inside_the_hours() {
        let office = hours("Europe/Zurich", "mon 08:00 12:00,mon 13:00 17:00"); // 30 November 2026 is a Monday, UTC+1
        assert!(office.cover(&span("2026-11-30T07:00:00Z 2026-11-30T11:00:00Z")));
        assert!(!office.cover(&span("2026-11-30T06:59:00Z 2026-11-30T08:00:00Z")));
        assert!(!office.cover(&span("2026-11-30T10:30:00Z 2026-11-30T12:30:00Z")), "over lunch");
        assert!(!office.cover(&span("2026-12-01T09:00:00Z 2026-12-01T10:00:00Z")), "a Tuesday");
    }

    #[test]
    fn a_night_shift_passes_midnight_and_touching_shifts_join() {
        let night = hours("Europe/Zurich", "mon 22:00 06:00");
        assert!(night.cover(&span("2026-11-30T22:30:00Z 2026-12-01T04:00:00Z")));
        assert!(!night.cover(&span("2026-12-01T04:30:00Z 2026-12-01T05:30:00Z")));
        let joined = hours("UTC", "mon 08:00 12:00,mon 12:00 16:00");
        assert!(joined.cover(&span("2026-11-30T11:00:00Z 2026-11-30T13:00:00Z")));
    }

    #[test]
    fn hours_follow_the_wall_clock_when_it_changes() {
        let zone = "America/New_York"; // spring forward on 8 March 2026, back on 1 November 2026
        let monday = hours(zone, "mon 09:00 17:00");
        assert!(monday.cover(&span("2026-03-02T14:00:00Z 2026-03-02T15:00:00Z")), "EST");
        assert!(monday.cover(&span("2026-03-09T13:00:00Z 2026-03-09T14:00:00Z")), "EDT");
        let gap = hours(zone, "sun 02:30 04:00").stretches(at("2026-03-08T06:00:00Z"), at("2026-03-08T09:00:00Z"));
        assert_eq!(gap, [span("2026-03-08T07:00:00Z 2026-03-08T08:00:00Z")], "02:30 does not exist: 03:00");
        let odd = hours(zone, "sun 02:20 04:00").stretches(at("2026-03-08T06:00:00Z"), at("2026-03-08T09:00:00Z"));
        assert_eq!(odd, gap, "02:20 does not exist either");
        let fold = hours(zone, "sun 01:30 02:30").stretches(at("2026-11-01T05:00:00Z"), at("2026-11-01T08:00:00Z"));
        assert_eq!(fold, [span("2026-11-01T05:30:00Z 2026-11-01T07:30:00Z")], "the first 01:30, so two hours long");
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("RFC 3339")
    }

    #[test]
    fn without_hours_every_hour_is_a_working_hour() {
        assert!(WorkingHours::always(Tz::UTC).cover(&span("2026-01-01T00:00:00Z 2026-01-09T00:00:00Z")));
    }
}
