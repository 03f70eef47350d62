//! Recorded drives with the noise that phones add: what is left must be the drive.

use std::collections::BTreeMap;
use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Place;
use muster_domain::live::{Filtered, Point, filter};
use uuid::Uuid;

use crate::{path, read};

/// The same numbers every time, normally distributed.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Two of three lie within the accuracy, as phones mean it.
    fn noise(&mut self, place: Place, accuracy_m: f64) -> Place {
        let radius = accuracy_m / 1.515 * (-2.0 * self.unit().max(1e-12).ln()).sqrt();
        let angle = self.unit() * std::f64::consts::TAU;
        offset(place, radius * angle.cos(), radius * angle.sin())
    }
}

fn offset(from: Place, north_m: f64, east_m: f64) -> Place {
    let lng = from.lng + east_m / (111_195.0 * from.lat.to_radians().cos());
    Place { lat: from.lat + north_m / 111_195.0, lng }
}

fn start() -> DateTime<Utc> {
    "2026-11-30T08:00:00Z".parse().expect("RFC 3339")
}

fn seen(n: usize, at: DateTime<Utc>, place: Place, accuracy_m: f64) -> Point {
    Point {
        id: Uuid::from_u128(n as u128),
        at,
        sent_at: None,
        received_at: at,
        ahead_ms: 0,
        place,
        accuracy_m: Some(accuracy_m as f32),
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

/// A drive reported every so many seconds, with noise; every twentieth point is somewhere else altogether.
fn noisy(clean: &[Place], every_s: i64, accuracy_m: f64, teleports: bool, dice: &mut Dice) -> Vec<Point> {
    let make = |(n, place): (usize, &Place)| {
        let at = start() + TimeDelta::seconds(every_s * n as i64);
        let strays = teleports && n % 20 == 19;
        let place = if strays { offset(*place, 30_000.0 * (dice.unit() - 0.5) + 20_000.0, 9_000.0) } else { *place };
        seen(n, at, dice.noise(place, accuracy_m), accuracy_m)
    };
    clean.iter().enumerate().map(make).collect()
}

fn length_m(clean: &[Place]) -> f64 {
    clean.windows(2).map(|pair| pair[0].distance_m(&pair[1])).sum()
}

fn drive() -> Vec<Place> {
    let recorded = muster::cli::gpx::read(&read("traces/CityDrive.gpx")).expect("GPX");
    recorded.iter().map(|point| point.place).collect()
}

#[test]
fn the_drive_is_left_when_noise_and_teleports_are_taken_off() {
    let clean = drive();
    let whole_m = length_m(&clean);
    for (every, accuracy_m, teleports) in
        [(1, 5.0, false), (1, 30.0, false), (1, 30.0, true), (5, 30.0, true), (10, 10.0, true), (15, 30.0, true)]
    {
        let reported: Vec<Place> = clean.iter().step_by(every).copied().collect();
        let points = noisy(&reported, every as i64, accuracy_m, teleports, &mut Dice(7));
        let naive_m = length_m(&points.iter().map(|point| point.place).collect::<Vec<_>>());
        let Filtered { uses, distance_m } = filter(&points);
        let error = distance_m / whole_m - 1.0;
        println!(
            "every {every} s ± {accuracy_m} m: {error:+.3} of {whole_m:.0} m, naive {:+.3}",
            naive_m / whole_m - 1.0
        );
        assert!(error.abs() < 0.05, "{error} of {whole_m} every {every} s with {accuracy_m} m");
        let strays = (0..points.len()).filter(|n| teleports && n % 20 == 19);
        let unseen = strays.filter(|n| !uses[*n].jump).count();
        assert_eq!(unseen, 0, "every teleport is seen");
    }
}

#[test]
fn a_drive_with_an_hour_of_standing_in_it_is_no_longer() {
    let clean = drive();
    let mut dice = Dice(11);
    let (first, second) = clean.split_at(clean.len() / 2);
    let mut points = noisy(first, 1, 15.0, true, &mut dice);
    let mut at = start() + TimeDelta::seconds(first.len() as i64);
    for _ in 0..360 {
        points.push(seen(points.len(), at, dice.noise(second[0], 15.0), 15.0));
        at += TimeDelta::seconds(10);
    }
    for place in second {
        points.push(seen(points.len(), at, dice.noise(*place, 15.0), 15.0));
        at += TimeDelta::seconds(1);
    }
    let error = filter(&points).distance_m / length_m(&clean) - 1.0;
    println!("with an hour of standing: {error:+.3}");
    assert!(error.abs() < 0.05, "{error}");
}

#[test]
fn the_streets_of_a_city_are_left_too() {
    let unpacked = Command::new("gzip").arg("-dc").arg(path("traces/berlin_gps_traces.csv.gz")).output().expect("gzip");
    let text = String::from_utf8(unpacked.stdout).expect("text");
    let mut walks: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
    // Without times of their own; what is thinner than a phone reports, and what was two drives, is left out.
    for line in text.lines().skip(1) {
        let mut cells = line.split(',');
        let (id, lat, lng) = (cells.next(), cells.next(), cells.next());
        let (Some(id), Some(Ok(lat)), Some(Ok(lng))) = (id, lat.map(str::parse), lng.map(str::parse)) else { continue };
        let walk = walks.entry(id).or_default();
        let place = Place { lat, lng };
        if walk.last().is_none_or(|last| (30.0..400.0).contains(&last.distance_m(&place))) {
            walk.push(place);
        }
    }
    let mut walks: Vec<Vec<Place>> = walks.into_values().collect();
    walks.retain(|walk| length_m(walk) > 5_000.0);
    let (mut clean_m, mut found_m, mut dice) = (0.0, 0.0, Dice(13));
    for walk in &walks {
        clean_m += length_m(walk);
        found_m += filter(&noisy(walk, 8, 8.0, true, &mut dice)).distance_m;
    }
    let error = found_m / clean_m - 1.0;
    println!("{} traces, {clean_m:.0} m: {error:+.3}", walks.len());
    assert!(walks.len() > 5 && error.abs() < 0.08, "{error} of {clean_m} m in {} traces", walks.len());
}
