//! Is a worker at a property? One zone, one worker, one fix after another: what is sure, what is noise, and when somebody
//! has arrived. Knows no visits: what an arrival means is the board's to say (docs/decisions/014-arrivals-are-proposed.md).

use chrono::{DateTime, TimeDelta, Utc};

use super::Point;
use crate::Place;
use crate::customers::{DEFAULT_RADIUS_M, Geofence};
use crate::ids::PropertyId;

/// Whoever is inside for less drives by; whoever is back within it never left.
pub const DWELL: TimeDelta = TimeDelta::seconds(30);
/// He has left when he is further outside than this: more than the noise of a good fix.
pub const LEAVE_MARGIN_M: f64 = 50.0;
/// Fixes further apart say nothing of the way between them.
pub const MAX_STRIDE: TimeDelta = TimeDelta::seconds(120);
/// After so long a silence inside, staying begins anew: that was yesterday.
pub const FORGETS_AFTER: TimeDelta = TimeDelta::hours(1);
/// Nobody stays longer without leaving once: of whoever is seen inside after a longer silence it is taken that he was away.
pub const LONGEST_STAY: TimeDelta = TimeDelta::hours(8);
/// Of a fix that does not say.
pub const UNSTATED_ACCURACY_M: f64 = 10.0;
/// A fix that is less accurate is the cell tower's, not the worker's.
pub const COARSEST_M: f64 = 200.0;

/// As much of a point as fences are judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    pub at: DateTime<Utc>,
    pub place: Place,
    pub accuracy_m: f64,
}

impl Fix {
    /// `None` of a point that proves nothing of now: made up, late, or too coarse.
    pub fn of(point: &Point) -> Option<Self> {
        let accuracy_m = point.accuracy_m.map_or(UNSTATED_ACCURACY_M, f64::from).max(0.0);
        let usable = !point.mock && !point.is_late() && accuracy_m <= COARSEST_M;
        usable.then_some(Self { at: point.measured_at(), place: point.place, accuracy_m })
    }
}

/// A property's fence on the ground.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    pub property: PropertyId,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Circle {
        center: Place,
        radius_m: f64,
    },
    /// In metres east and north of the first corner.
    Polygon {
        corners: Vec<Place>,
        ring: Vec<[f64; 2]>,
    },
}

impl Zone {
    /// `None`: nobody knows where the property is.
    pub fn of(property: PropertyId, fence: Option<&Geofence>, location: Option<Place>) -> Option<Self> {
        let shape = match fence {
            None => Shape::Circle { center: location?, radius_m: DEFAULT_RADIUS_M },
            Some(Geofence::Circle { radius_m }) => Shape::Circle { center: location?, radius_m: *radius_m },
            Some(Geofence::Polygon { corners }) => {
                let origin = *corners.first()?;
                let ring = corners.iter().map(|corner| corner.metres_from(&origin)).collect();
                Shape::Polygon { corners: corners.clone(), ring }
            }
        };
        Some(Self { property, shape })
    }

    /// South-west and north-east corner of a box around it. Its longitudes may lie beyond ±180.
    pub fn bounds(&self) -> (Place, Place) {
        match &self.shape {
            Shape::Circle { center, radius_m } => around(center, *radius_m),
            Shape::Polygon { corners, .. } => corners.iter().fold((corners[0], corners[0]), |(low, high), corner| {
                let low = Place { lat: low.lat.min(corner.lat), lng: low.lng.min(corner.lng) };
                (low, Place { lat: high.lat.max(corner.lat), lng: high.lng.max(corner.lng) })
            }),
        }
    }

    /// How far inside the border; negative outside.
    pub fn depth_m(&self, place: &Place) -> f64 {
        match &self.shape {
            Shape::Circle { center, radius_m } => radius_m - center.distance_m(place),
            Shape::Polygon { corners, ring } => depth_in(ring, place.metres_from(&corners[0])),
        }
    }

    /// How much of the straight way from outside has been gone, 0 to 1, when it first enters.
    pub fn enters_after(&self, from: &Place, to: &Place) -> Option<f64> {
        match &self.shape {
            Shape::Circle { center, radius_m } => {
                enters_circle(*radius_m, from.metres_from(center), to.metres_from(center))
            }
            Shape::Polygon { corners, ring } => {
                enters_ring(ring, from.metres_from(&corners[0]), to.metres_from(&corners[0]))
            }
        }
    }
}

/// A box that holds everything within `radius_m`, with a little to spare.
pub fn around(center: &Place, radius_m: f64) -> (Place, Place) {
    const DEGREE_M: f64 = 110_000.0;
    let dlat = radius_m / DEGREE_M;
    let dlng = dlat / (center.lat.abs() + dlat).to_radians().cos().max(0.001);
    let low = Place { lat: center.lat - dlat, lng: center.lng - dlng };
    (low, Place { lat: center.lat + dlat, lng: center.lng + dlng })
}

fn sides(ring: &[[f64; 2]]) -> impl Iterator<Item = ([f64; 2], [f64; 2])> {
    ring.iter().copied().zip(ring.iter().copied().cycle().skip(1))
}

fn depth_in(ring: &[[f64; 2]], [x, y]: [f64; 2]) -> f64 {
    let (mut inside, mut nearest) = (false, f64::MAX);
    for ([x1, y1], [x2, y2]) in sides(ring) {
        if (y1 > y) != (y2 > y) && x < x1 + (y - y1) / (y2 - y1) * (x2 - x1) {
            inside = !inside;
        }
        let (dx, dy) = (x2 - x1, y2 - y1);
        let along = (((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
        nearest = nearest.min((x - x1 - along * dx).hypot(y - y1 - along * dy));
    }
    if inside { nearest } else { -nearest }
}

fn enters_circle(radius_m: f64, from: [f64; 2], to: [f64; 2]) -> Option<f64> {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let (a, half_b) = (dx * dx + dy * dy, from[0] * dx + from[1] * dy);
    let c = from[0] * from[0] + from[1] * from[1] - radius_m * radius_m;
    let under = half_b * half_b - a * c;
    if a == 0.0 || under < 0.0 {
        return None;
    }
    let first = (-half_b - under.sqrt()) / a;
    (0.0..=1.0).contains(&first).then_some(first)
}

fn enters_ring(ring: &[[f64; 2]], from: [f64; 2], to: [f64; 2]) -> Option<f64> {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let meets = sides(ring).filter_map(|([x1, y1], [x2, y2])| {
        let (ex, ey) = (x2 - x1, y2 - y1);
        let across = dx * ey - dy * ex;
        let gone = ((x1 - from[0]) * ey - (y1 - from[1]) * ex) / across;
        let along = ((x1 - from[0]) * dy - (y1 - from[1]) * dx) / across;
        let hit = across != 0.0 && (0.0..=1.0).contains(&gone) && (0.0..=1.0).contains(&along);
        hit.then_some(gone)
    });
    meets.min_by(f64::total_cmp)
}

/// What is known of one worker and one zone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stay {
    /// No fix has decided yet.
    Unknown,
    /// Surely outside, last seen so at.
    Outside {
        seen_at: DateTime<Utc>,
    },
    /// Inside for less than the dwell.
    Entering {
        /// The first sure fix inside, and the latest.
        first_at: DateTime<Utc>,
        last_at: DateTime<Utc>,
        /// When he crossed the border.
        since: DateTime<Utc>,
        outside_at: Option<DateTime<Utc>>,
    },
    Inside,
    /// Beyond the margin for less than the dwell.
    Leaving {
        first_at: DateTime<Utc>,
    },
}

/// What a fix proved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Crossed {
    /// He is there, since `at`. `outside_at`: when he was last surely outside; `None` if nobody saw him outside.
    Arrived {
        at: DateTime<Utc>,
        outside_at: Option<DateTime<Utc>>,
    },
    Left {
        at: DateTime<Utc>,
    },
    /// From one side to the other between two fixes.
    Passed {
        at: DateTime<Utc>,
    },
}

impl Stay {
    /// The next state after `fix`, which is later than `last`, and what that proves.
    pub fn after(self, zone: &Zone, last: Option<&Fix>, fix: &Fix) -> (Self, Option<Crossed>) {
        let depth_m = zone.depth_m(&fix.place);
        let (surely_in, surely_out) = (depth_m >= fix.accuracy_m, depth_m <= -fix.accuracy_m);
        let beyond = is_beyond(depth_m, fix);
        match self {
            Stay::Unknown | Stay::Outside { .. } if surely_in => {
                let since = crossed_at(zone, last, fix);
                let outside_at = if let Stay::Outside { seen_at } = self { Some(seen_at) } else { None };
                (Stay::Entering { first_at: fix.at, last_at: fix.at, since, outside_at }, None)
            }
            Stay::Unknown | Stay::Outside { .. } if surely_out => {
                let passed = if beyond { passed_at(zone, last, fix) } else { None };
                (Stay::Outside { seen_at: fix.at }, passed.map(|at| Crossed::Passed { at }))
            }
            Stay::Entering { last_at, outside_at, .. } if surely_in && fix.at - last_at > FORGETS_AFTER => {
                (Stay::Entering { first_at: fix.at, last_at: fix.at, since: fix.at, outside_at }, None)
            }
            Stay::Entering { first_at, since, outside_at, .. } if surely_in && fix.at - first_at >= DWELL => {
                (Stay::Inside, Some(Crossed::Arrived { at: since, outside_at }))
            }
            Stay::Entering { first_at, since, outside_at, .. } if surely_in => {
                (Stay::Entering { first_at, last_at: fix.at, since, outside_at }, None)
            }
            Stay::Entering { .. } if surely_out => (Stay::Outside { seen_at: fix.at }, None),
            Stay::Inside | Stay::Leaving { .. } if surely_in && last.is_some_and(|last| is_forgotten(last, fix)) => {
                let outside_at = last.map(|last| last.at.max(fix.at - LONGEST_STAY));
                (Stay::Entering { first_at: fix.at, last_at: fix.at, since: fix.at, outside_at }, None)
            }
            Stay::Inside if beyond => (Stay::Leaving { first_at: fix.at }, None),
            Stay::Leaving { .. } if surely_in => (Stay::Inside, None),
            Stay::Leaving { first_at } if beyond && fix.at - first_at >= DWELL => {
                (Stay::Outside { seen_at: fix.at }, Some(Crossed::Left { at: first_at }))
            }
            Stay::Unknown | Stay::Outside { .. } | Stay::Entering { .. } | Stay::Inside | Stay::Leaving { .. } => {
                (self, None)
            }
        }
    }
}

/// Between the two he may have been anywhere.
fn is_forgotten(last: &Fix, fix: &Fix) -> bool {
    fix.at - last.at > FORGETS_AFTER
}

fn is_beyond(depth_m: f64, fix: &Fix) -> bool {
    depth_m <= -(fix.accuracy_m + LEAVE_MARGIN_M)
}

/// Between the last fix and this one, where the straight way meets the border; or when he was first seen inside.
fn crossed_at(zone: &Zone, last: Option<&Fix>, fix: &Fix) -> DateTime<Utc> {
    let near = last.filter(|last| fix.at - last.at <= MAX_STRIDE && zone.depth_m(&last.place) < 0.0);
    near.and_then(|last| on_the_way(zone, last, fix)).unwrap_or(fix.at)
}

fn passed_at(zone: &Zone, last: Option<&Fix>, fix: &Fix) -> Option<DateTime<Utc>> {
    let last = last.filter(|last| fix.at - last.at <= MAX_STRIDE)?;
    if is_beyond(zone.depth_m(&last.place), last) { on_the_way(zone, last, fix) } else { None }
}

fn on_the_way(zone: &Zone, last: &Fix, fix: &Fix) -> Option<DateTime<Utc>> {
    let gone = zone.enters_after(&last.place, &fix.place)?;
    let lasted_us = (fix.at - last.at).num_microseconds()?;
    Some(last.at + TimeDelta::microseconds((lasted_us as f64 * gone).round() as i64))
}

#[cfg(test)]
mod tests {
    use super::super::point::tests::{at, point};
    use super::*;

    const HOME: Place = Place { lat: 47.14, lng: 9.52 };

    fn zone(fence: Option<Geofence>) -> Zone {
        Zone::of(PropertyId(uuid::Uuid::from_u128(1)), fence.as_ref(), Some(HOME)).expect("it has a location")
    }

    /// `east` metres of HOME, `s` seconds after eight.
    fn fix(s: i64, east: f64, accuracy_m: f64) -> Fix {
        let lng = HOME.lng + (east / 6_371_008.8 / HOME.lat.to_radians().cos()).to_degrees();
        let at = at("2026-11-30T08:00:00Z") + TimeDelta::seconds(s);
        Fix { at, place: Place { lat: HOME.lat, lng }, accuracy_m }
    }

    /// What happened, in seconds after eight, on a way given as (second, metres east, accuracy).
    fn walk(zone: &Zone, way: &[(i64, f64, f64)]) -> Vec<String> {
        let (mut stay, mut last) = (Stay::Unknown, None);
        let mut told = Vec::new();
        for (s, east, accuracy_m) in way {
            let fix = fix(*s, *east, *accuracy_m);
            let (next, crossed) = stay.after(zone, last.as_ref(), &fix);
            let second = |at: DateTime<Utc>| ((at - at_eight()).num_milliseconds() + 500) / 1_000;
            told.extend(crossed.map(|crossed| match crossed {
                Crossed::Arrived { at, outside_at } => format!("arrived {} {:?}", second(at), outside_at.map(second)),
                Crossed::Left { at } => format!("left {}", second(at)),
                Crossed::Passed { at } => format!("passed {}", second(at)),
            }));
            (stay, last) = (next, Some(fix));
        }
        told
    }

    fn at_eight() -> DateTime<Utc> {
        at("2026-11-30T08:00:00Z")
    }

    #[test]
    fn an_arrival_counts_from_the_border_once_it_has_lasted() {
        let way = [(0, 300.0, 5.0), (20, 200.0, 5.0), (30, 0.0, 5.0), (50, 3.0, 5.0), (60, 0.0, 5.0), (90, 0.0, 5.0)];
        assert_eq!(walk(&zone(None), &way), ["arrived 25 Some(20)"]);
        assert_eq!(walk(&zone(None), &way[..4]), [""; 0], "it has not lasted yet");
    }

    #[test]
    fn a_fix_that_may_be_on_either_side_decides_nothing() {
        let vague = [(0, 300.0, 5.0), (30, 60.0, 45.0), (60, 60.0, 45.0), (120, 60.0, 45.0), (180, 140.0, 45.0)];
        assert_eq!(walk(&zone(None), &vague), [""; 0]);
        let then_sure = [(0, 300.0, 5.0), (30, 0.0, 5.0), (60, 60.0, 45.0), (70, 0.0, 5.0)];
        assert_eq!(walk(&zone(None), &then_sure), ["arrived 20 Some(0)"], "nor does it interrupt");
    }

    #[test]
    fn driving_by_is_no_arrival() {
        let slow = [(0, 200.0, 5.0), (10, 60.0, 5.0), (25, -60.0, 5.0), (35, -200.0, 5.0)];
        assert_eq!(walk(&zone(None), &slow), [""; 0]);
        let small = zone(Some(Geofence::Circle { radius_m: 30.0 }));
        assert_eq!(walk(&small, &[(0, 400.0, 5.0), (40, -400.0, 5.0)]), ["passed 19"], "between two fixes");
        let then_back = [(0, 400.0, 5.0), (40, -400.0, 5.0), (80, 0.0, 5.0), (120, 0.0, 5.0)];
        assert_eq!(walk(&small, &then_back), ["passed 19", "arrived 77 Some(40)"], "and the state is right");
        assert_eq!(walk(&small, &[(0, 400.0, 5.0), (400, -400.0, 5.0)]), [""; 0], "nobody knows which way he took");
    }

    #[test]
    fn whoever_is_met_inside_after_a_night_has_come_again() {
        let evening = [(0, 300.0, 5.0), (30, 0.0, 5.0), (60, 0.0, 5.0)];
        let morning = 15 * 3_600;
        let again = [(morning, 0.0, 5.0), (morning + 40, 0.0, 5.0)];
        let told = walk(&zone(None), &[&evening[..], &again[..]].concat());
        let eight_hours_before = morning - 8 * 3_600;
        let arrived_again = format!("arrived {morning} Some({eight_hours_before})");
        assert_eq!(told, ["arrived 20 Some(0)".to_owned(), arrived_again]);
        let leaving = [&evening[..], &[(90, 170.0, 5.0)], &again[..]].concat();
        assert_eq!(walk(&zone(None), &leaving).len(), 2, "also of whom was last seen beyond the margin");
        let lunch = [&evening[..], &[(1_800, 0.0, 5.0), (3_600, 0.0, 5.0)]].concat();
        assert_eq!(walk(&zone(None), &lunch).len(), 1, "a short silence is nothing");
    }

    #[test]
    fn what_was_late_proves_nothing_of_now() {
        let mut point = point(1, at_eight(), HOME.lat, HOME.lng);
        assert!(Fix::of(&point).is_some());
        point.received_at = at_eight() + TimeDelta::hours(2);
        assert_eq!(Fix::of(&point), None);
    }

    #[test]
    fn he_has_left_when_he_is_well_outside_and_stays_there() {
        let there = [(0, 0.0, 5.0), (30, 0.0, 5.0)];
        let after = |rest: &[(i64, f64, f64)]| walk(&zone(None), &[&there, rest].concat());
        assert_eq!(after(&[(60, 140.0, 5.0), (120, 140.0, 5.0)]), ["arrived 0 None"], "within the margin");
        assert_eq!(after(&[(60, 400.0, 5.0), (70, 0.0, 5.0), (80, 400.0, 5.0)]), ["arrived 0 None"], "one wild fix");
        assert_eq!(after(&[(60, 400.0, 5.0), (90, 900.0, 5.0)]), ["arrived 0 None", "left 60"]);
        let again = after(&[(60, 400.0, 5.0), (90, 900.0, 5.0), (120, 0.0, 5.0), (150, 0.0, 5.0)]);
        assert_eq!(again, ["arrived 0 None", "left 60", "arrived 117 Some(90)"]);
    }

    #[test]
    fn a_night_inside_is_no_arrival_of_yesterday() {
        let way = [(0, 300.0, 5.0), (10, 0.0, 5.0), (50_000, 0.0, 5.0), (50_030, 0.0, 5.0)];
        assert_eq!(walk(&zone(None), &way), ["arrived 50000 Some(0)"]);
    }

    #[test]
    fn a_polygon_knows_in_from_out_and_how_far() {
        // 200 m wide, 100 m high, HOME in its south-west corner.
        let corner = |east: f64, north: f64| Place { lat: HOME.lat + north / 111_195.0, ..fix(0, east, 0.0).place };
        let corners = vec![corner(0.0, 0.0), corner(200.0, 0.0), corner(200.0, 100.0), corner(0.0, 100.0)];
        let zone = zone(Some(Geofence::polygon(corners).expect("a fence")));
        let cases = [(100.0, 50.0, 50.0), (190.0, 50.0, 10.0), (210.0, 50.0, -10.0), (203.0, 104.0, -5.0)];
        for (east, north, depth_m) in cases {
            assert!((zone.depth_m(&corner(east, north)) - depth_m).abs() < 0.01, "{east} {north}");
        }
        let gone = zone.enters_after(&corner(-100.0, 50.0), &corner(300.0, 50.0)).expect("it goes through");
        assert!((gone - 0.25).abs() < 0.001);
        assert_eq!(zone.enters_after(&corner(-100.0, 150.0), &corner(300.0, 150.0)), None);
    }

    #[test]
    fn what_proves_nothing_is_no_fix() {
        let good = point(1, at_eight(), 47.14, 9.52);
        assert_eq!(Fix::of(&good).map(|fix| fix.accuracy_m), Some(UNSTATED_ACCURACY_M));
        assert_eq!(Fix::of(&Point { mock: true, ..good.clone() }), None);
        assert_eq!(Fix::of(&Point { accuracy_m: Some(1_500.0), ..good }), None);
        assert_eq!(Zone::of(PropertyId(uuid::Uuid::nil()), None, None), None, "without a location there is no zone");
    }
}
