//! A point on the earth in WGS-84 degrees.

use serde::{Deserialize, Serialize};

/// Mean earth radius of the haversine formula, metres (IUGG).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    pub lat: f64,
    pub lng: f64,
}

impl Place {
    /// `None` outside ±90 / ±180 or for anything that is not a number.
    pub fn new(lat: f64, lng: f64) -> Option<Self> {
        let on_earth = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lng);
        on_earth.then_some(Self { lat, lng })
    }

    /// Phones report exactly (0, 0) when they have no fix; one zero coordinate alone is a real place.
    pub fn is_no_fix(&self) -> bool {
        self.lat == 0.0 && self.lng == 0.0
    }

    /// Metres east and north of `origin`, on a plane that touches the earth there: true to less than a thousandth within
    /// some kilometres, and across the date line.
    pub fn metres_from(&self, origin: &Place) -> [f64; 2] {
        let mut dlng = self.lng - origin.lng;
        if dlng > 180.0 {
            dlng -= 360.0;
        } else if dlng < -180.0 {
            dlng += 360.0;
        }
        let east = dlng.to_radians() * origin.lat.to_radians().cos() * EARTH_RADIUS_M;
        [east, (self.lat - origin.lat).to_radians() * EARTH_RADIUS_M]
    }

    /// Great-circle distance in metres (haversine).
    pub fn distance_m(&self, other: &Place) -> f64 {
        let (lat1, lat2) = (self.lat.to_radians(), other.lat.to_radians());
        let dlat = lat2 - lat1;
        let dlng = (other.lng - self.lng).to_radians();
        let a = (dlat / 2.0).sin().powi(2) + lat1.cos() * lat2.cos() * (dlng / 2.0).sin().powi(2);
        2.0 * EARTH_RADIUS_M * a.sqrt().min(1.0).asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_agrees_with_a_known_pair() {
        let zurich = Place::new(47.3769, 8.5417).expect("on earth");
        let geneva = Place::new(46.2044, 6.1432).expect("on earth");
        assert!((zurich.distance_m(&geneva) - 224_000.0).abs() < 1_500.0);
    }

    #[test]
    fn the_plane_agrees_with_the_sphere_within_some_kilometres() {
        for (lat, lng) in [(47.14, 9.52), (-17.0, 179.99), (69.6, 18.9), (0.1, -0.01)] {
            let origin = Place { lat, lng };
            for (dlat, dlng) in [(0.01, 0.0), (0.0, 0.02), (-0.02, 0.03), (0.03, -0.02)] {
                let lng = if lng + dlng > 180.0 { lng + dlng - 360.0 } else { lng + dlng };
                let place = Place { lat: lat + dlat, lng };
                let [x, y] = place.metres_from(&origin);
                let (flat, round) = (x.hypot(y), place.distance_m(&origin));
                assert!((flat - round).abs() < round / 1_000.0, "{origin:?} {place:?}: {flat} {round}");
            }
        }
    }

    #[test]
    fn only_exactly_zero_zero_is_no_fix() {
        assert!(Place { lat: 0.0, lng: 0.0 }.is_no_fix());
        assert!(!Place { lat: 0.0, lng: 6.1 }.is_no_fix());
        assert!(Place::new(91.0, 0.0).is_none() && Place::new(f64::NAN, 0.0).is_none());
    }
}
