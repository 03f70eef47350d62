//! The phone in a van: what it reads, what it keeps while nobody hears it, and when it dies. Time comes in as seconds and
//! instants; no clock, no network.

use std::collections::VecDeque;
use std::f64::consts::TAU;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::chance::Chance;
use super::city::Xy;
use super::drive::Truth;
use super::incidents::Traits;

/// A day's work takes about a third of the battery.
const DRAIN_PCT_PER_S: f64 = 1.0 / 800.0;
/// Of an old one in the cold.
const EMPTYING_PCT_PER_S: f64 = 1.0 / 75.0;
const EMPTYING_FROM_PCT: (f64, f64) = (6.0, 11.0);
/// Everybody else plugs it in below this, and out above that.
const PLUGGED_IN_PCT: f64 = 9.0;
const PLUGGED_OUT_PCT: f64 = 92.0;
const CHARGE_PCT_PER_S: f64 = 1.0 / 60.0;
/// No phone comes down to nothing: it turns itself off before.
const DIES_AT_PCT: f64 = 3.0;
/// Until somebody has found a cable, and charge enough to start with.
const DEAD_FOR_S: (f64, f64) = (900.0, 1_500.0);
const BACK_WITH_PCT: (f64, f64) = (14.0, 24.0);
/// After a tunnel a phone looks for its network.
const NETWORK_BACK_AFTER_S: (f64, f64) = (15.0, 45.0);
const CELLAR_EVERY_S: f64 = 960.0;
const CELLAR_FOR_S: f64 = 240.0;
/// As much as it keeps while nobody hears it.
pub const MOST_KEPT: usize = 500;
/// Accuracy in metres: on the way, standing, at the mouth of a tunnel, and of a phone that knows only roughly.
const MOVING_M: (f64, f64) = (5.0, 9.0);
const STANDING_M: (f64, f64) = (7.0, 16.0);
const MOUTH_M: (f64, f64) = (22.0, 48.0);
const POOR_M: (f64, f64) = (15.0, 30.0);
/// What is reported is rarely wrong by as much as it says.
const WRONG_BY: f64 = 0.35;

/// What is around the phone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Around {
    pub in_tunnel: bool,
    pub at_mouth: bool,
}

/// One reading, by the phone's own clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub at: DateTime<Utc>,
    place: Xy,
    accuracy_m: f64,
    speed_mps: f64,
    heading_deg: Option<f64>,
    pub battery_pct: f64,
    charging: bool,
}

pub struct Phone {
    traits: Traits,
    battery_pct: f64,
    charging: bool,
    emptying: bool,
    /// Seconds until it is found charged.
    dead_for_s: Option<f64>,
    away_for_s: f64,
    in_tunnel: bool,
    age_s: f64,
    kept: VecDeque<Reading>,
    chance: Chance,
}

impl Phone {
    pub fn new(traits: Traits, mut chance: Chance) -> Self {
        let range = if traits.empty_battery { EMPTYING_FROM_PCT } else { (38.0, 97.0) };
        let (battery_pct, age_s) = (between(&mut chance, range), chance.between(0.0, CELLAR_EVERY_S - CELLAR_FOR_S));
        Self {
            traits,
            battery_pct,
            charging: false,
            emptying: traits.empty_battery,
            dead_for_s: None,
            away_for_s: 0.0,
            in_tunnel: false,
            age_s,
            kept: VecDeque::new(),
            chance,
        }
    }

    /// Lets seconds pass. What it kept and had no time to send is gone with a phone that dies.
    pub fn pass(&mut self, seconds: f64, around: Around) {
        self.age_s += seconds;
        self.in_tunnel = around.in_tunnel;
        self.away_for_s = if around.in_tunnel {
            between(&mut self.chance, NETWORK_BACK_AFTER_S)
        } else {
            (self.away_for_s - seconds).max(0.0)
        };
        match self.dead_for_s {
            Some(left_s) if left_s > seconds => self.dead_for_s = Some(left_s - seconds),
            Some(_) => {
                (self.dead_for_s, self.charging, self.emptying) = (None, true, false);
                self.battery_pct = between(&mut self.chance, BACK_WITH_PCT);
            }
            // Its last words tell why it will be silent.
            None if self.battery_pct <= DIES_AT_PCT => {
                self.dead_for_s = Some(between(&mut self.chance, DEAD_FOR_S));
                self.kept.clear();
            }
            None => self.use_battery(seconds),
        }
    }

    fn use_battery(&mut self, seconds: f64) {
        self.charging = match self.battery_pct {
            pct if pct < PLUGGED_IN_PCT => !self.emptying,
            pct if pct > PLUGGED_OUT_PCT => false,
            _ => self.charging,
        };
        let change = match (self.charging, self.emptying) {
            (true, _) => CHARGE_PCT_PER_S,
            (false, true) => -EMPTYING_PCT_PER_S,
            (false, false) => -DRAIN_PCT_PER_S,
        };
        self.battery_pct = (self.battery_pct + change * seconds).clamp(DIES_AT_PCT, 100.0);
    }

    pub fn is_dead(&self) -> bool {
        self.dead_for_s.is_some()
    }

    /// Can it be heard, and hear?
    pub fn is_connected(&self) -> bool {
        let in_cellar = self.traits.cellar && self.age_s % CELLAR_EVERY_S > CELLAR_EVERY_S - CELLAR_FOR_S;
        !self.is_dead() && !self.in_tunnel && self.away_for_s <= 0.0 && !in_cellar
    }

    /// Reads where it is and keeps that; in a tunnel, or dead, there is nothing to read.
    pub fn read(&mut self, now: DateTime<Utc>, truth: Truth, around: Around) {
        if self.is_dead() || around.in_tunnel {
            return;
        }
        let accuracy_m = match truth.speed_mps > 0.5 {
            _ if around.at_mouth => MOUTH_M,
            _ if self.traits.poor_gps => POOR_M,
            true => MOVING_M,
            false => STANDING_M,
        };
        let accuracy_m = between(&mut self.chance, accuracy_m);
        let (off_m, angle) = (accuracy_m * WRONG_BY * self.chance.unit(), self.chance.between(0.0, TAU));
        let moving = truth.speed_mps > 0.5;
        self.kept.push_back(Reading {
            at: self.time(now),
            place: Xy::new(truth.at.x + off_m * angle.cos(), truth.at.y + off_m * angle.sin()),
            accuracy_m: tenths(accuracy_m),
            speed_mps: if moving { tenths(truth.speed_mps) } else { 0.0 },
            heading_deg: moving.then(|| truth.heading_deg.round().rem_euclid(360.0)),
            battery_pct: self.battery_pct.round(),
            charging: self.charging,
        });
        let excess = self.kept.len().saturating_sub(MOST_KEPT);
        self.kept.drain(..excess);
    }

    /// What its own clock says.
    pub fn time(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + TimeDelta::milliseconds((self.traits.clock_off_s * 1_000.0) as i64)
    }

    /// Everything that nobody has heard yet, oldest first.
    pub fn kept(&self) -> impl ExactSizeIterator<Item = &Reading> {
        self.kept.iter()
    }

    /// The oldest `count` are taken.
    pub fn forget(&mut self, count: usize) {
        self.kept.drain(..count.min(self.kept.len()));
    }
}

impl Reading {
    /// As `POST /positions` takes it.
    pub fn point(&self) -> Value {
        let place = self.place.place();
        json!({
            "id": Uuid::now_v7(), "at": self.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "lat": place.lat, "lng": place.lng, "accuracyM": self.accuracy_m, "speedMps": self.speed_mps,
            "headingDeg": self.heading_deg, "batteryPct": self.battery_pct, "charging": self.charging,
            "activity": if self.speed_mps > 0.5 { "driving" } else { "still" }, "source": "fused",
        })
    }
}

fn between(chance: &mut Chance, (least, most): (f64, f64)) -> f64 {
    chance.between(least, most)
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> DateTime<Utc> {
        "2026-11-23T08:00:00Z".parse().expect("RFC 3339")
    }

    fn after(s: i64) -> DateTime<Utc> {
        start() + TimeDelta::seconds(s)
    }

    fn standing() -> Truth {
        Truth { at: Xy::new(100.0, 200.0), speed_mps: 0.0, heading_deg: 0.0 }
    }

    const OPEN: Around = Around { in_tunnel: false, at_mouth: false };
    const TUNNEL: Around = Around { in_tunnel: true, at_mouth: false };

    #[test]
    fn a_tunnel_gives_silence_and_then_a_burst_with_the_true_times() {
        let mut phone = Phone::new(Traits::default(), Chance::new(1));
        let mut heard = Vec::new();
        for second in (0..200).step_by(5) {
            let around = if (50..100).contains(&second) { TUNNEL } else { OPEN };
            phone.pass(5.0, around);
            phone.read(after(second), standing(), around);
            if phone.is_connected() {
                heard.push((
                    second,
                    phone.kept().map(|reading| (reading.at - start()).num_seconds()).collect::<Vec<_>>(),
                ));
                phone.forget(usize::MAX);
            }
        }
        let silent: Vec<i64> = (0..200).step_by(5).filter(|second| !heard.iter().any(|(at, _)| at == second)).collect();
        assert!(silent[0] == 50 && (105..150).contains(silent.last().expect("some")), "{silent:?}");
        let burst = heard.iter().find(|(_, times)| times.len() > 1).expect("it tells afterwards");
        assert_eq!(burst.1, (100..=burst.0).step_by(5).collect::<Vec<_>>(), "what it read since the end of the tunnel");
        assert!(heard.iter().flat_map(|(_, times)| times).all(|at| !(50..100).contains(at)), "no fix underground");
    }

    #[test]
    fn an_empty_battery_says_so_then_nothing_and_later_comes_back_charged() {
        let mut phone = Phone::new(Traits { empty_battery: true, ..Traits::default() }, Chance::new(2));
        let (mut last, mut died, mut back) = (None, None, None);
        for second in (0..4_000).step_by(5) {
            phone.pass(5.0, OPEN);
            phone.read(after(second), standing(), OPEN);
            match phone.is_dead() {
                true => died = died.or(Some(second)),
                false if died.is_none() => last = phone.kept().last().map(|reading| reading.battery_pct),
                false => back = back.or(Some((second, phone.kept().last().expect("a reading").clone()))),
            }
            phone.forget(usize::MAX);
        }
        let (died, (back, first)) = (died.expect("it dies"), back.expect("it comes back"));
        assert_eq!(last, Some(3.0), "its last words tell why");
        assert!((150..700).contains(&died) && (900..1_510).contains(&(back - died)), "{died} {back}");
        assert!(first.charging && first.battery_pct >= 14.0);
        assert!(!phone.is_dead(), "and is kept on its cable");
    }

    #[test]
    fn everybody_elses_phone_lasts_for_days() {
        let mut phone = Phone::new(Traits::default(), Chance::new(3));
        for _ in 0..20_000 {
            phone.pass(30.0, OPEN);
            assert!(!phone.is_dead());
        }
    }

    #[test]
    fn a_phone_with_a_wrong_clock_says_its_own_time_and_one_that_is_cut_off_keeps_the_newest() {
        let mut phone = Phone::new(Traits { clock_off_s: -90.0, ..Traits::default() }, Chance::new(4));
        for second in 0..600 {
            phone.read(after(second), standing(), OPEN);
        }
        assert_eq!(phone.kept().len(), MOST_KEPT);
        assert_eq!(phone.kept().last().map(|reading| reading.at), Some(after(599 - 90)));
        phone.forget(MOST_KEPT - 1);
        assert_eq!(phone.kept().len(), 1);
    }

    #[test]
    fn a_standing_phone_wanders_within_what_it_says_and_most_at_a_mouth() {
        for (traits, around, least_m, most_m) in [
            (Traits::default(), OPEN, 7.0, 16.0),
            (Traits { poor_gps: true, ..Traits::default() }, OPEN, 15.0, 30.0),
            (Traits::default(), Around { at_mouth: true, in_tunnel: false }, 22.0, 48.0),
        ] {
            let mut phone = Phone::new(traits, Chance::new(5));
            (0..200).for_each(|second| phone.read(after(second), standing(), around));
            for reading in phone.kept() {
                assert!((least_m..=most_m).contains(&reading.accuracy_m), "{}", reading.accuracy_m);
                assert!(reading.place.distance_m(standing().at) <= reading.accuracy_m * WRONG_BY + 0.1);
                assert_eq!((reading.speed_mps, reading.heading_deg), (0.0, None));
            }
            let places: std::collections::BTreeSet<_> = phone.kept().map(|reading| reading.place.x.to_bits()).collect();
            assert!(places.len() > 190, "never quite still");
        }
    }
}
