//! Stories, standstills and bad days, read as a track.

use std::collections::BTreeMap;
use std::ops::Range;

use proptest::prelude::{Just, Strategy, prop_assert_eq, prop_oneof, proptest};

use super::super::point::tests::{at, point};
use super::*;

/// More points than this no test makes of `wild`.
pub const WILD: usize = 40;

/// Points as bad days bring them: clustered in time, at the same instant, far away, made up, imprecise, late. What
/// lies at an identity depends on it alone: the same point sent twice is the same point.
pub fn wild(count: Range<usize>) -> impl Strategy<Value = Vec<Point>> {
    let north_m = prop_oneof![Just(0.0), -30.0..30.0f64, 0.0..2_000.0f64, Just(50_000.0)];
    let accuracy_m = prop_oneof![Just(None), Just(Some(8.0f32)), Just(Some(40.0)), Just(Some(900.0))];
    let speed_mps = prop_oneof![Just(None), Just(Some(0.0f32)), Just(Some(9.0))];
    let delay_s = prop_oneof![0i64..20, 0i64..900];
    let one = (0i64..60, 0u128..3, north_m, accuracy_m, speed_mps, delay_s, 0u8..8);
    proptest::collection::vec(one, count).prop_map(|rows| {
        let start = at("2026-11-30T08:00:00Z");
        let made = rows.into_iter().map(|(step, id, north_m, accuracy_m, speed_mps, delay_s, luck)| {
            let when = start + TimeDelta::seconds(step * 10);
            let place = offset(Place { lat: 47.0, lng: 9.0 }, north_m, 0.0);
            let received_at = when + TimeDelta::seconds(delay_s);
            let mock = luck == 0;
            let plain = point(id, when, place.lat, place.lng);
            ((step, id), Point { received_at, accuracy_m, speed_mps, mock, ..plain })
        });
        made.collect::<BTreeMap<_, _>>().into_values().collect()
    })
}

fn offset(from: Place, north_m: f64, east_m: f64) -> Place {
    let lat = from.lat + north_m / 111_195.0;
    Place { lat, lng: from.lng + east_m / (111_195.0 * from.lat.to_radians().cos()) }
}

/// Normally distributed, without a generator of numbers: the same every time.
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
    /// So that two of three lie within the accuracy, as phones mean it.
    fn noise(&mut self, place: Place, accuracy_m: f64) -> Place {
        let sigma = accuracy_m / 1.515;
        let (radius, angle) =
            (sigma * (-2.0 * self.unit().max(1e-12).ln()).sqrt(), self.unit() * std::f64::consts::TAU);
        offset(place, radius * angle.cos(), radius * angle.sin())
    }
}

fn start() -> DateTime<Utc> {
    at("2026-11-30T08:00:00Z")
}

const HOME: Place = Place { lat: 47.14, lng: 9.52 };

/// One point every `every_s`, each so far north of home.
fn northward(every_s: i64, north_m: &[f64]) -> Vec<Point> {
    let make = |(n, north_m): (usize, &f64)| {
        let place = offset(HOME, *north_m, 0.0);
        let when = start() + TimeDelta::seconds(every_s * n as i64);
        Point { accuracy_m: Some(5.0), ..point(n as u128, when, place.lat, place.lng) }
    };
    north_m.iter().enumerate().map(make).collect()
}

fn marks(points: &[Point]) -> String {
    let of = |one: &Use| match (one.used, one.flags().next()) {
        (true, _) => 'u',
        (false, Some("jitter")) => 'j',
        (false, Some("jump")) => 'J',
        (false, Some("mock")) => 'm',
        (false, Some("inaccurate")) => 'i',
        (false, _) => '?',
    };
    filter(points).uses.iter().map(of).collect()
}

#[test]
fn each_story_is_read_as_a_dispatcher_would() {
    let far = 9_000.0;
    let table: [(&str, i64, &[f64], &str); 10] = [
        ("a phone that sleeps while he stands", 150, &[0.0, 2.0, -2.0, 900.0], "ujju"),
        ("a drive", 5, &[0.0, 60.0, 130.0, 200.0, 280.0], "uuuuu"),
        ("a standstill", 30, &[0.0, 4.0, -6.0, 3.0, 8.0, -2.0], "ujjjjj"),
        ("one outlier", 10, &[0.0, 100.0, far, 200.0, 300.0], "uuJuu"),
        ("two outliers at one place", 10, &[0.0, 100.0, far, far + 10.0, 200.0, 300.0], "uuJJuu"),
        ("two outliers apart", 10, &[0.0, 100.0, far, -far, 200.0, 300.0], "uuJJuu"),
        ("out of a tunnel", 10, &[0.0, 100.0, far, far + 100.0, far + 200.0, far + 300.0], "uuuuuu"),
        ("a ferry", 600, &[0.0, far, 2.0 * far, 3.0 * far], "uuuu"),
        ("a slow start", 10, &[0.0, 1.0, 0.0, 14.0, 28.0, 42.0, 56.0], "uujjjuu"),
        ("one twitch", 10, &[0.0, 1.0, 0.0, 2.0, 40.0, 1.0, 0.0], "uujjjjj"),
    ];
    for (story, every_s, north_m, expected) in table {
        assert_eq!(marks(&northward(every_s, north_m)), expected, "{story}");
    }
}

#[test]
fn made_up_and_imprecise_points_are_kept_and_not_believed() {
    let mut points = northward(10, &[0.0, 60.0, 120.0, 180.0]);
    points[1].mock = true;
    points[2].accuracy_m = Some(900.0);
    assert_eq!(marks(&points), "umiu");
    let only_imprecise: Vec<Point> =
        northward(300, &[0.0, 5_000.0]).into_iter().map(|one| Point { accuracy_m: Some(900.0), ..one }).collect();
    assert_eq!(marks(&only_imprecise), "uu", "a phone that knows no better is followed nevertheless");
    let mut silent = northward(700, &[0.0, 20_000.0]);
    silent[1].accuracy_m = Some(900.0);
    assert_eq!(marks(&silent), "uu", "and a better fix of long ago is no better");
}

#[test]
fn a_late_point_is_flagged_and_counts_for_the_way() {
    let mut points = northward(10, &[0.0, 100.0, 200.0]);
    points[1].received_at = start() + TimeDelta::minutes(20);
    let filtered = filter(&points);
    assert_eq!(filtered.uses[1].flags().collect::<Vec<_>>(), ["late"]);
    assert!(filtered.uses[1].used && (filtered.distance_m - 200.0).abs() < 1.0, "{}", filtered.distance_m);
}

#[test]
fn who_says_that_he_moves_is_followed_at_once() {
    let mut points = northward(5, &[0.0, 1.0, 0.0, 2.0, 1.0, 0.0, 9.0, 18.0]);
    for walking in &mut points[6..] {
        walking.speed_mps = Some(1.8);
    }
    assert!(marks(&points).ends_with("juu"), "{}", marks(&points));
}

#[test]
fn an_hour_of_standing_is_no_way_and_shows_one_place() {
    for (every_s, accuracy_m, seed) in [(5, 15.0, 1), (30, 15.0, 2), (1, 15.0, 3), (10, 60.0, 4), (10, 5.0, 5)] {
        let mut dice = Dice(seed);
        let points: Vec<Point> = (0..3_600 / every_s)
            .map(|n| {
                let place = dice.noise(HOME, accuracy_m);
                let plain = point(n as u128, start() + TimeDelta::seconds(n * every_s), place.lat, place.lng);
                Point { accuracy_m: Some(accuracy_m as f32), ..plain }
            })
            .collect();
        let filtered = filter(&points);
        assert!(filtered.distance_m < 50.0, "{} m with {accuracy_m} every {every_s}", filtered.distance_m);
        let mut path = Path::default();
        let shown: Vec<Option<Place>> = points.iter().map(|one| (path.step(&Seen::of(one)), path.rests()).1).collect();
        let settled = &shown[(60 / every_s).max(3) as usize..];
        assert!(settled.iter().all(|place| *place == settled[0] && place.is_some()), "it wanders");
    }
}

proptest! {
    #[test]
    fn a_flag_does_not_depend_on_the_order_of_arrival(
        (points, arrived) in wild(1..WILD).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        let judged = |points: &[Point]| {
            let Filtered { uses, distance_m } = filter(points);
            let by_order: BTreeMap<_, Use> = points.iter().map(Point::order).zip(uses).collect();
            (by_order, distance_m)
        };
        prop_assert_eq!(judged(&points), judged(&arrived));
    }

    #[test]
    fn made_up_points_change_nothing_for_the_others(points in wild(1..WILD)) {
        let honest: Vec<Point> = points.iter().filter(|one| !one.mock).cloned().collect();
        let kept = |points: &[Point]| {
            let uses = filter(points).uses;
            points.iter().zip(uses).filter(|(one, _)| !one.mock).map(|(_, one)| one).collect::<Vec<_>>()
        };
        prop_assert_eq!(kept(&points), kept(&honest));
    }
}
