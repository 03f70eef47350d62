//! A fence under noise: thousands of walks along its border, each of which may be one arrival at most. The naive machine
//! that everybody writes first is run beside it and must fail, or the noise would prove nothing.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Place;
use muster_domain::customers::Geofence;
use muster_domain::ids::PropertyId;
use muster_domain::live::fence::{Crossed, Fix, Stay, Zone};
use uuid::Uuid;

const WALKS: u64 = 1_500;
const NOISE_M: f64 = 30.0;
const HOME: Place = Place { lat: 47.14, lng: 9.52 };
const DEGREE_M: f64 = 111_195.08;

/// SplitMix64: the same walks every time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }
    /// Somewhere within `NOISE_M`, as likely here as there.
    fn noise(&mut self) -> (f64, f64) {
        let (angle, r) = (self.between(0.0, std::f64::consts::TAU), NOISE_M * self.next().sqrt());
        (r * angle.cos(), r * angle.sin())
    }
}

fn place(east: f64, north: f64) -> Place {
    let lng = HOME.lng + east / DEGREE_M / HOME.lat.to_radians().cos();
    Place { lat: HOME.lat + north / DEGREE_M, lng }
}

fn start() -> DateTime<Utc> {
    "2026-11-30T08:00:00Z".parse().expect("RFC 3339")
}

/// Circles of every size and squares, with the distance of the border on the way due east.
fn zones() -> Vec<(Zone, f64)> {
    let property = PropertyId(Uuid::from_u128(1));
    let zone = |fence: Geofence| Zone::of(property, Some(&fence), Some(HOME)).expect("it has a location");
    let circles = [20.0, 50.0, 100.0, 400.0].map(|r| (zone(Geofence::circle(r).expect("allowed")), r));
    let square = |half: f64| {
        let corners = [(-half, -half), (half, -half), (half, half), (-half, half)];
        let corners = corners.map(|(east, north)| place(east, north)).to_vec();
        (zone(Geofence::polygon(corners).expect("a fence")), half)
    };
    circles.into_iter().chain([square(40.0), square(150.0)]).collect()
}

/// A worker who comes from outside and then lingers on the border for half an hour: 10 m in, 10 m out, along it.
fn lingering(dice: &mut Dice, border_m: f64) -> Vec<Fix> {
    // Phones are over-confident as often as not.
    let accuracy_m = [5.0, 12.0, 30.0][(dice.next() * 3.0) as usize];
    let (mut s, mut along, mut across) = (0.0, dice.between(-10.0, 10.0), 200.0);
    let mut way = Vec::new();
    while s < 1_800.0 {
        let (dx, dy) = dice.noise();
        let at = start() + TimeDelta::milliseconds((s * 1_000.0) as i64);
        way.push(Fix { at, place: place(border_m + across + dx, along + dy), accuracy_m });
        s += dice.between(2.0, 40.0);
        across = (across - dice.between(0.0, 60.0)).max(dice.between(-10.0, 10.0));
        along = (along + dice.between(-3.0, 3.0)).clamp(-15.0, 15.0);
    }
    way
}

fn events(zone: &Zone, way: &[Fix]) -> Vec<Crossed> {
    let (mut stay, mut last, mut found) = (Stay::Unknown, None, Vec::new());
    for fix in way {
        let (next, crossed) = stay.after(zone, last, fix);
        found.extend(crossed);
        (stay, last) = (next, Some(fix));
    }
    found
}

/// Inside is inside, outside is outside, and each change is news.
fn naive_events(zone: &Zone, way: &[Fix]) -> usize {
    let inside: Vec<bool> = way.iter().map(|fix| zone.depth_m(&fix.place) >= 0.0).collect();
    inside.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// With a dwell, but without the accuracy of fixes and without a margin for leaving.
fn dwelling_events(zone: &Zone, way: &[Fix]) -> usize {
    let (mut inside, mut since, mut found) = (false, None, 0);
    for fix in way {
        let now = zone.depth_m(&fix.place) >= 0.0;
        let began = *since.get_or_insert(fix.at);
        if now == inside {
            since = None;
        } else if fix.at - began >= TimeDelta::seconds(30) {
            (inside, since, found) = (now, None, found + 1);
        }
    }
    found
}

#[test]
fn thirty_metres_of_noise_around_the_border_are_at_most_one_event() {
    let (mut most, mut arrived) = (0, 0);
    let (mut naive, mut dwelling) = (0, 0);
    for seed in 0..WALKS {
        let mut dice = Dice(seed);
        for (zone, border_m) in zones() {
            let way = lingering(&mut dice, border_m);
            let found = events(&zone, &way);
            assert!(found.len() <= 1, "walk {seed}: {found:?} in {zone:?}");
            arrived += found.iter().filter(|event| matches!(event, Crossed::Arrived { .. })).count();
            most = most.max(found.len());
            naive += usize::from(naive_events(&zone, &way) > 1);
            dwelling += usize::from(dwelling_events(&zone, &way) > 1);
        }
    }
    let walks = WALKS as usize * zones().len();
    assert!(most == 1 && arrived > walks / 20, "{arrived} of {walks} arrived: a machine that never speaks is no good");
    assert!(naive > walks * 9 / 10, "the naive machine errs in {naive} of {walks} walks: is this noise?");
    assert!(dwelling > walks / 20, "a dwell alone errs in {dwelling} of {walks} walks: is this noise?");
}

/// Whoever really comes and stays arrives once, noise or not, within two minutes of the border; and leaves once.
#[test]
fn whoever_comes_stays_and_goes_arrives_once_and_leaves_once() {
    let fence = Geofence::circle(100.0).expect("allowed");
    let zone = Zone::of(PropertyId(Uuid::from_u128(1)), Some(&fence), Some(HOME)).expect("it has a location");
    for seed in 0..WALKS {
        let mut dice = Dice(seed);
        let (mut way, mut s) = (Vec::new(), 0.0);
        while s < 4_000.0 {
            // From 1,000 m, at 10 m/s to the door; an hour there; and off again.
            let east = if s < 3_000.0 { (1_000.0f64 - 10.0 * s).max(0.0) } else { 10.0 * (s - 3_000.0) };
            let (dx, dy) = dice.noise();
            let at = start() + TimeDelta::milliseconds((s * 1_000.0) as i64);
            way.push(Fix { at, place: place(east + dx, dy), accuracy_m: 15.0 });
            s += dice.between(2.0, 20.0);
        }
        match events(&zone, &way)[..] {
            [Crossed::Arrived { at, outside_at }, Crossed::Left { at: left_at }] => {
                let late_s = (at - start()).num_seconds() - 90;
                assert!((-15..=30).contains(&late_s), "walk {seed}: {late_s} s after the border");
                assert!(outside_at.is_some_and(|outside_at| outside_at < at), "walk {seed}");
                assert!((left_at - start()).num_seconds() > 3_000, "walk {seed}");
            }
            ref other => panic!("walk {seed}: {other:?}"),
        }
    }
}
