//! B5: a thousand zones, every update checked, in one thread of this process: the index and the states as the server's
//! trackers use them. The count of crossings is held against looking at every zone, so that nothing fast is wrong.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use muster_actors::fences::{FenceStates, ZoneIndex};
use muster_domain::Place;
use muster_domain::customers::Geofence;
use muster_domain::ids::{PropertyId, WorkerId};
use muster_domain::live::fence::{Fix, Stay, Zone};
use uuid::Uuid;

use crate::table::Table;
use crate::{Plan, machine};

const ZONES: usize = 1_000;
const WORKERS: usize = 1_000;
/// Seconds between a worker's fixes, and metres he drives meanwhile.
const STEP_S: i64 = 5;
const STEP_M: f64 = 60.0;
/// The zones lie in a town of 20 km: one for each 0.4 km².
const TOWN_DEG: f64 = 0.18;
const CHECKED_WORKERS: usize = 20;
const CHECKED_STEPS: usize = 2_000;

/// Numbers from a seed: the same town and the same ways each time.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Drives through the town, and stands still at times, as phones see it.
struct Way {
    place: Place,
    heading: f64,
    stands_for: u32,
}

impl Way {
    fn step(&mut self, dice: &mut Dice) -> Place {
        if self.stands_for > 0 {
            self.stands_for -= 1;
        } else {
            self.heading += (dice.unit() - 0.5) * 0.6;
            let (north, east) = (STEP_M * self.heading.cos() / 111_195.0, STEP_M * self.heading.sin() / 75_600.0);
            self.place.lat += north;
            self.place.lng += east;
            let inside = |value: f64, from: f64| (from..from + TOWN_DEG).contains(&value);
            if !inside(self.place.lat, 47.0) || !inside(self.place.lng, 9.0) {
                self.heading += std::f64::consts::PI;
            }
            if dice.unit() < 0.01 {
                self.stands_for = 30;
            }
        }
        let noise = |dice: &mut Dice| (dice.unit() - 0.5) * 1e-4;
        Place { lat: self.place.lat + noise(dice), lng: self.place.lng + noise(dice) }
    }
}

fn zones(dice: &mut Dice) -> Vec<Zone> {
    let zone = |n: usize| {
        let place = Place { lat: 47.0 + dice.unit() * TOWN_DEG, lng: 9.0 + dice.unit() * TOWN_DEG };
        let fence = Geofence::Circle { radius_m: 50.0 + dice.unit() * 150.0 };
        Zone::of(PropertyId(Uuid::from_u128(n as u128)), Some(&fence), Some(place)).expect("it has a place")
    };
    (0..ZONES).map(zone).collect()
}

fn ways(dice: &mut Dice, count: usize) -> Vec<Way> {
    let way = |_| Way {
        place: Place { lat: 47.0 + dice.unit() * TOWN_DEG, lng: 9.0 + dice.unit() * TOWN_DEG },
        heading: dice.unit() * std::f64::consts::TAU,
        stands_for: 0,
    };
    (0..count).map(way).collect()
}

fn at(start: DateTime<Utc>, step: usize) -> DateTime<Utc> {
    start + TimeDelta::seconds(step as i64 * STEP_S)
}

pub fn zones_of_a_town(plan: &Plan, table: &mut Table) -> Result<()> {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let zones = zones(&mut dice);
    let (events, start) = (checked(&zones, &mut dice)?, Utc::now());
    let index = ZoneIndex::new(zones);
    let (mut states, mut ways) = (FenceStates::default(), ways(&mut dice, WORKERS));
    // The ways are made beforehand: dice are not what is measured.
    let rounds = 400;
    let places: Vec<Place> =
        (0..rounds).flat_map(|_| ways.iter_mut().map(|way| way.step(&mut dice)).collect::<Vec<_>>()).collect();
    let (began, mut updates, mut crossings) = (Instant::now(), 0usize, 0usize);
    let cpu = machine::cpu_s(std::process::id());
    while began.elapsed() < Duration::from_secs(plan.seconds.min(5)) {
        for _ in 0..10_000 {
            let (round, worker) = (updates / WORKERS, updates % WORKERS);
            let place = places[updates % places.len()];
            let fix = Fix { at: at(start, round), place, accuracy_m: 8.0 };
            crossings += states.step(WorkerId(Uuid::from_u128(worker as u128)), &fix, &index).len();
            updates += 1;
        }
    }
    let cpu = (machine::cpu_s(std::process::id()) - cpu).max(0.01);
    let figures = [
        ("updates/s/core", updates as f64 / cpu),
        ("CPU-µs/update", cpu * 1e6 / updates as f64),
        ("crossings", crossings as f64),
        ("checked against every zone", events as f64),
    ];
    table.put("B5", "inside", &format!("{ZONES} zones, {WORKERS} workers"), &figures);
    Ok(())
}

/// The same ways by the index and by looking at each zone; how many crossings both saw.
fn checked(zones: &[Zone], dice: &mut Dice) -> Result<usize> {
    let (index, start) = (ZoneIndex::new(zones.to_vec()), Utc::now());
    let (mut states, mut seen) = (FenceStates::default(), 0);
    for (worker, way) in ways(dice, CHECKED_WORKERS).iter_mut().enumerate() {
        let worker = WorkerId(Uuid::from_u128(worker as u128));
        let (mut stays, mut last) = (vec![Stay::Unknown; zones.len()], None);
        for step in 0..CHECKED_STEPS {
            let fix = Fix { at: at(start, step), place: way.step(dice), accuracy_m: 8.0 };
            let mut found: Vec<_> = states.step(worker, &fix, &index).iter().map(|one| one.property).collect();
            let mut expected = Vec::new();
            for (zone, stay) in zones.iter().zip(&mut stays) {
                let (after, crossed) = stay.after(zone, last.as_ref(), &fix);
                *stay = after;
                expected.extend(crossed.map(|_| zone.property));
            }
            found.sort_unstable();
            expected.sort_unstable();
            ensure!(found == expected, "step {step}: {found:?} instead of {expected:?}");
            seen += found.len();
            last = Some(fix);
        }
    }
    Ok(seen)
}
