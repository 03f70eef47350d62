//! The zone around a property in which somebody counts as being there: what may be asked for. What it measures is in
//! `live::fence`; nothing here moves.

use serde::{Deserialize, Serialize};

use crate::Place;

/// Of a property that names none.
pub const DEFAULT_RADIUS_M: f64 = 100.0;
pub const MIN_RADIUS_M: f64 = 20.0;
pub const MAX_RADIUS_M: f64 = 5_000.0;
pub const MIN_CORNERS: usize = 3;
pub const MAX_CORNERS: usize = 100;
/// A polygon is no larger than the largest circle, in either direction.
const MAX_EXTENT_M: f64 = 2.0 * MAX_RADIUS_M;
/// Nobody can be found in less: about a parking space in each direction.
const MIN_EXTENT_M: f64 = 10.0;
/// Further from its property, a polygon belongs to another place; most often its coordinates were swapped.
const MAX_AWAY_M: f64 = 20_000.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Geofence {
    /// Around the property's location.
    Circle { radius_m: f64 },
    /// Corners in order, the first not repeated at the end.
    Polygon { corners: Vec<Place> },
}

/// Why a shape is no fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceFault {
    RadiusOutOfRange,
    TooFewCorners,
    TooManyCorners,
    /// The corner of this number is where the one before it is.
    RepeatsCorner(usize),
    /// These two of its sides, counted from 0, meet where they should not.
    CrossesItself(usize, usize),
    CrossesDateLine,
    TooLarge,
    TooSmall,
}

impl Geofence {
    pub fn circle(radius_m: f64) -> Result<Self, FenceFault> {
        let allowed = (MIN_RADIUS_M..=MAX_RADIUS_M).contains(&radius_m);
        if allowed { Ok(Self::Circle { radius_m }) } else { Err(FenceFault::RadiusOutOfRange) }
    }

    /// Takes a ring that is closed, or not.
    pub fn polygon(mut corners: Vec<Place>) -> Result<Self, FenceFault> {
        if corners.len() > 1 && corners.first() == corners.last() {
            corners.pop();
        }
        if corners.len() < MIN_CORNERS {
            return Err(FenceFault::TooFewCorners);
        }
        if corners.len() > MAX_CORNERS {
            return Err(FenceFault::TooManyCorners);
        }
        let next = |at: usize| corners[(at + 1) % corners.len()];
        if let Some(at) = (0..corners.len()).find(|at| corners[*at] == next(*at)) {
            return Err(FenceFault::RepeatsCorner((at + 1) % corners.len()));
        }
        let (low, high) = bounds(&corners);
        if high.lng - low.lng > 180.0 {
            return Err(FenceFault::CrossesDateLine);
        }
        let ring = flat(&corners);
        let extent = |axis: usize| {
            let along = ring.iter().map(|corner| corner[axis]);
            along.clone().fold(f64::MIN, f64::max) - along.fold(f64::MAX, f64::min)
        };
        if extent(0) > MAX_EXTENT_M || extent(1) > MAX_EXTENT_M {
            return Err(FenceFault::TooLarge);
        }
        if let Some((a, b)) = crossing(&ring) {
            return Err(FenceFault::CrossesItself(a, b));
        }
        if area(&ring) < MIN_EXTENT_M * MIN_EXTENT_M {
            return Err(FenceFault::TooSmall);
        }
        Ok(Self::Polygon { corners })
    }

    /// Can it be meant for a property at this location?
    pub fn suits(&self, location: Option<Place>) -> bool {
        match (self, location) {
            (Self::Polygon { corners }, Some(location)) => {
                corners.iter().any(|corner| corner.distance_m(&location) <= MAX_AWAY_M)
            }
            (Self::Polygon { .. }, None) | (Self::Circle { .. }, _) => true,
        }
    }
}

fn bounds(corners: &[Place]) -> (Place, Place) {
    let start = (Place { lat: 90.0, lng: 180.0 }, Place { lat: -90.0, lng: -180.0 });
    corners.iter().fold(start, |(low, high), corner| {
        let low = Place { lat: low.lat.min(corner.lat), lng: low.lng.min(corner.lng) };
        (low, Place { lat: high.lat.max(corner.lat), lng: high.lng.max(corner.lng) })
    })
}

/// Metres east and north of the first corner; true to some centimetres at the size of a fence.
fn flat(corners: &[Place]) -> Vec<[f64; 2]> {
    let origin = corners[0];
    corners.iter().map(|corner| corner.metres_from(&origin)).collect()
}

fn area(ring: &[[f64; 2]]) -> f64 {
    let twice: f64 = sides(ring).map(|([x1, y1], [x2, y2])| x1 * y2 - x2 * y1).sum();
    twice.abs() / 2.0
}

fn sides(ring: &[[f64; 2]]) -> impl Iterator<Item = ([f64; 2], [f64; 2])> {
    ring.iter().copied().zip(ring.iter().copied().cycle().skip(1))
}

/// The first two sides that touch anywhere but at the corner they share.
fn crossing(ring: &[[f64; 2]]) -> Option<(usize, usize)> {
    let sides: Vec<_> = sides(ring).collect();
    let count = sides.len();
    for (i, a) in sides.iter().enumerate() {
        for (j, b) in sides.iter().enumerate().skip(i + 1) {
            let meet = if j == i + 1 {
                folds_back(a.0, a.1, b.1)
            } else if i == 0 && j == count - 1 {
                folds_back(b.0, b.1, a.1)
            } else {
                touch(*a, *b)
            };
            if meet {
                return Some((i, j));
            }
        }
    }
    None
}

/// Twice the signed area of the triangle: 0 when the three lie on a line.
fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// Does the way from `b` to `c` lie on the way from `a` to `b`?
fn folds_back(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> bool {
    let ahead = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1]);
    turn(a, b, c) == 0.0 && ahead < 0.0
}

fn touch((a, b): ([f64; 2], [f64; 2]), (c, d): ([f64; 2], [f64; 2])) -> bool {
    let within = |p: [f64; 2], from: [f64; 2], to: [f64; 2]| {
        (0..2).all(|axis| from[axis].min(to[axis]) <= p[axis] && p[axis] <= from[axis].max(to[axis]))
    };
    let (abc, abd, cda, cdb) = (turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b));
    let across = |one: f64, other: f64| (one > 0.0 && other < 0.0) || (one < 0.0 && other > 0.0);
    (across(abc, abd) && across(cda, cdb))
        || (abc == 0.0 && within(c, a, b))
        || (abd == 0.0 && within(d, a, b))
        || (cda == 0.0 && within(a, c, d))
        || (cdb == 0.0 && within(b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Corners in hundredths of a degree beside Vaduz: about 750 m east, 1,110 m north.
    fn ring(corners: &[(f64, f64)]) -> Vec<Place> {
        corners.iter().map(|(x, y)| Place { lat: 47.1 + y / 100.0, lng: 9.5 + x / 100.0 }).collect()
    }

    fn fault(corners: &[(f64, f64)]) -> Option<FenceFault> {
        Geofence::polygon(ring(corners)).err()
    }

    #[test]
    fn a_ring_may_be_closed_or_not() {
        let open = Geofence::polygon(ring(&[(0., 0.), (1., 0.), (1., 1.)]));
        assert!(open.is_ok());
        assert_eq!(Geofence::polygon(ring(&[(0., 0.), (1., 0.), (1., 1.), (0., 0.)])), open);
        let notched = [(0., 0.), (4., 0.), (4., 4.), (2., 1.), (0., 4.)];
        assert_eq!(fault(&notched), None, "it need not be convex");
    }

    #[test]
    fn what_is_no_area_is_no_fence() {
        assert_eq!(fault(&[]), Some(FenceFault::TooFewCorners));
        assert_eq!(fault(&[(0., 0.), (1., 0.), (0., 0.)]), Some(FenceFault::TooFewCorners));
        assert_eq!(fault(&[(0., 0.), (1., 0.), (1., 0.), (1., 1.)]), Some(FenceFault::RepeatsCorner(2)));
        assert_eq!(
            fault(&[(0., 0.), (1., 1.), (1., 0.), (0., 1.)]),
            Some(FenceFault::CrossesItself(0, 2)),
            "a bow tie"
        );
        assert_eq!(fault(&[(0., 0.), (2., 0.), (1., 0.)]), Some(FenceFault::CrossesItself(0, 1)), "a needle");
        let through_a_corner = [(0., 0.), (2., 0.), (2., 2.), (1., 0.), (0., 2.)];
        assert_eq!(fault(&through_a_corner), Some(FenceFault::CrossesItself(0, 2)), "it touches itself");
        assert_eq!(fault(&[(0., 0.), (0.001, 0.), (0., 0.001)]), Some(FenceFault::TooSmall));
        assert_eq!(fault(&[(0., 0.), (14., 0.), (0., 1.)]), Some(FenceFault::TooLarge));
        let many: Vec<(f64, f64)> = (0..101).map(|at| (f64::from(at).cos(), f64::from(at).sin())).collect();
        assert_eq!(fault(&many), Some(FenceFault::TooManyCorners));
        let fiji = vec![(-17.0, 179.99), (-17.0, -179.99), (-16.99, 179.99)];
        let fiji = fiji.into_iter().map(|(lat, lng)| Place { lat, lng }).collect();
        assert_eq!(Geofence::polygon(fiji), Err(FenceFault::CrossesDateLine));
    }

    #[test]
    fn a_radius_has_its_limits() {
        for (radius_m, allowed) in [(19.9, false), (20.0, true), (5_000.0, true), (5_000.1, false), (f64::NAN, false)] {
            assert_eq!(Geofence::circle(radius_m).is_ok(), allowed, "{radius_m}");
        }
    }

    #[test]
    fn swapped_coordinates_are_far_from_the_property() {
        let fence = Geofence::polygon(ring(&[(0., 0.), (1., 0.), (1., 1.)])).expect("a fence");
        assert!(fence.suits(Place::new(47.15, 9.6)) && fence.suits(None));
        assert!(!fence.suits(Place::new(9.5, 47.1)));
    }
}
