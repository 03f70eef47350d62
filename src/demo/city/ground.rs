//! Where a generated city stands: its plane in metres, its place on the globe, its river and its lake.

use std::f64::consts::TAU;

use muster_domain::Place;

use crate::demo::chance::Chance;

/// The middle of the city.
pub const CENTRE: Place = Place { lat: 47.14, lng: 9.52 };
const METRES_PER_DEGREE: f64 = 111_195.0;

/// Metres east and north of the centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Xy {
    pub x: f64,
    pub y: f64,
}

impl Xy {
    pub fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }
    pub fn distance_m(self, other: Xy) -> f64 {
        (other.x - self.x).hypot(other.y - self.y)
    }
    /// `part` of the way to `other`.
    pub fn toward(self, other: Xy, part: f64) -> Xy {
        Xy::new(self.x + (other.x - self.x) * part, self.y + (other.y - self.y) * part)
    }
    /// Clockwise from north, `[0, 360)`.
    pub fn heading_deg(self, other: Xy) -> f64 {
        (other.x - self.x).atan2(other.y - self.y).to_degrees().rem_euclid(360.0)
    }
    pub fn place(self) -> Place {
        let lat = CENTRE.lat + self.y / METRES_PER_DEGREE;
        let lng = CENTRE.lng + self.x / (METRES_PER_DEGREE * CENTRE.lat.to_radians().cos());
        // A phone knows no more than seven decimals (1 cm).
        Place { lat: (lat * 1e7).round() / 1e7, lng: (lng * 1e7).round() / 1e7 }
    }
    pub fn of(place: Place) -> Self {
        let x = (place.lng - CENTRE.lng) * METRES_PER_DEGREE * CENTRE.lat.to_radians().cos();
        Xy::new(x, (place.lat - CENTRE.lat) * METRES_PER_DEGREE)
    }
}

/// Comes in from the south, winds through the city, leaves in the north.
#[derive(Clone, Debug)]
pub struct River {
    phases: [f64; 3],
}

impl River {
    pub fn new(chance: &mut Chance) -> Self {
        Self { phases: [chance.between(0.0, TAU), chance.between(0.0, TAU), chance.between(0.0, TAU)] }
    }
    fn middle_x(&self, y: f64) -> f64 {
        -780.0 + 380.0 * (y / 1500.0 + self.phases[0]).sin() + 90.0 * (y / 560.0 + self.phases[1]).sin()
    }
    pub fn half_width_m(&self, y: f64) -> f64 {
        38.0 + 9.0 * (y / 900.0 + self.phases[2]).sin()
    }
    /// Metres east of its middle; negative on the west bank.
    pub fn side_m(&self, at: Xy) -> f64 {
        at.x - self.middle_x(at.y)
    }
    pub fn ring(&self, reach_m: f64) -> Vec<Xy> {
        let steps = (reach_m / 40.0) as i32;
        let bank = |step: i32, side: f64| {
            let y = f64::from(step) * 40.0;
            Xy::new(self.middle_x(y) + side * self.half_width_m(y), y)
        };
        let west = (-steps..=steps).map(|step| bank(step, -1.0));
        west.chain((-steps..=steps).rev().map(|step| bank(step, 1.0))).collect()
    }
}

#[derive(Clone, Debug)]
pub struct Lake {
    centre: Xy,
    phases: [f64; 3],
}

impl Lake {
    pub fn new(chance: &mut Chance) -> Self {
        let centre = Xy::new(chance.between(1350.0, 1750.0), chance.between(750.0, 1150.0));
        Self { centre, phases: [chance.between(0.0, TAU), chance.between(0.0, TAU), chance.between(0.0, TAU)] }
    }
    fn radius_m(&self, angle: f64) -> f64 {
        let swell = 0.17 * (2.0 * angle + self.phases[0]).sin()
            + 0.09 * (3.0 * angle + self.phases[1]).sin()
            + 0.04 * (5.0 * angle + self.phases[2]).sin();
        430.0 * (1.0 + swell)
    }
    fn angle(&self, at: Xy) -> f64 {
        (at.y - self.centre.y).atan2(at.x - self.centre.x)
    }
    /// Metres from the shore; negative in the water.
    pub fn shore_m(&self, at: Xy) -> f64 {
        self.centre.distance_m(at) - self.radius_m(self.angle(at))
    }
    /// The point in the same direction, `off_m` metres from the shore.
    pub fn beside(&self, at: Xy, off_m: f64) -> Xy {
        let angle = self.angle(at);
        let radius = self.radius_m(angle) + off_m;
        Xy::new(self.centre.x + radius * angle.cos(), self.centre.y + radius * angle.sin())
    }
    pub fn ring(&self) -> Vec<Xy> {
        (0..=72).map(|step| self.beside_at(f64::from(step % 72) / 72.0 * TAU)).collect()
    }
    fn beside_at(&self, angle: f64) -> Xy {
        let radius = self.radius_m(angle);
        Xy::new(self.centre.x + radius * angle.cos(), self.centre.y + radius * angle.sin())
    }
}

/// A wood outside the city.
pub fn wood(chance: &mut Chance) -> Vec<Xy> {
    let (angle, away_m) = (chance.between(0.0, TAU), chance.between(3_900.0, 8_500.0));
    let centre = Xy::new(1.15 * away_m * angle.cos(), away_m * angle.sin());
    let size_m = chance.between(260.0, 850.0);
    let phases = [chance.between(0.0, TAU), chance.between(0.0, TAU), chance.between(0.0, TAU)];
    let edge = |step: i32| {
        let angle = f64::from(step % 40) / 40.0 * TAU;
        let swell = 0.2 * (2.0 * angle + phases[0]).sin()
            + 0.12 * (3.0 * angle + phases[1]).sin()
            + 0.05 * (7.0 * angle + phases[2]).sin();
        let radius_m = size_m * (1.0 + swell);
        Xy::new(centre.x + radius_m * angle.cos(), centre.y + radius_m * angle.sin())
    };
    (0..=40).map(edge).collect()
}

/// A road that goes on from the edge of the city, in a slow bend.
pub fn road_out(chance: &mut Chance, before: Xy, end: Xy) -> Vec<Xy> {
    let mut heading = (end.y - before.y).atan2(end.x - before.x);
    // Away from the city, more and more.
    let outward = end.y.atan2(end.x);
    let bend = chance.between(-0.035, 0.035);
    let mut road = vec![end];
    for _ in 0..60 {
        let off = (outward - heading + TAU / 2.0).rem_euclid(TAU) - TAU / 2.0;
        heading += 0.06 * off + bend;
        let at = road[road.len() - 1];
        road.push(Xy::new(at.x + 140.0 * heading.cos(), at.y + 140.0 * heading.sin()));
    }
    road
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metres_and_degrees_agree() {
        let at = Xy::new(1200.0, -800.0);
        assert!(Xy::of(at.place()).distance_m(at) < 0.02);
        let by_globe = CENTRE.distance_m(&at.place());
        assert!((by_globe - 1200.0_f64.hypot(800.0)).abs() < 2.0, "{by_globe}");
        assert_eq!(Xy::new(0.0, 0.0).heading_deg(Xy::new(5.0, 0.0)).round(), 90.0, "east");
    }
}
