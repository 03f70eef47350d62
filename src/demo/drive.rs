//! How a van moves along a way. Time comes in as seconds; no clock, no network, and no phone: what is read of it is `phone`'s.

use super::chance::Chance;
use super::city::{City, Route, Spot, Xy};
use super::phone::Around;

const ACCELERATION: f64 = 1.8;
const BRAKING: f64 = 2.4;
/// Around a right angle; straight on there is no limit but the street's.
const CORNER_MPS: f64 = 4.0;
const STEP_S: f64 = 0.5;

pub struct Van {
    at: Xy,
    spot: Spot,
    way: Option<Way>,
    heading_deg: f64,
    /// How this one drives, around 1.
    haste: f64,
}

struct Way {
    route: Route,
    leg: usize,
    along_m: f64,
    speed_mps: f64,
    /// The fastest at which each leg may be entered, so that every later corner can still be taken.
    entry_mps: Vec<f64>,
}

/// Where a van really is, and how it moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    pub at: Xy,
    pub speed_mps: f64,
    pub heading_deg: f64,
}

impl Van {
    pub fn parked(city: &City, spot: Spot, mut chance: Chance) -> Self {
        let (haste, heading_deg) = (chance.between(0.82, 1.02), chance.between(0.0, 360.0));
        Self { at: city.at(spot), spot, way: None, heading_deg, haste }
    }

    pub fn is_moving(&self) -> bool {
        self.way.is_some()
    }

    /// Where he goes, or stands.
    pub fn bound_for(&self) -> Spot {
        self.way.as_ref().map_or(self.spot, |way| way.route.end)
    }

    /// Sets off, also from the middle of another way.
    pub fn go(&mut self, city: &City, to: Spot) {
        let from = if self.way.is_some() { city.nearest(self.at.place()) } else { self.spot };
        let route = city.route(from, to);
        let entry_mps = entries(&route, self.haste);
        let speed_mps = self.way.as_ref().map_or(0.0, |way| way.speed_mps);
        self.way = (!route.legs.is_empty()).then_some(Way { route, leg: 0, along_m: 0.0, speed_mps, entry_mps });
        if self.way.is_none() {
            self.spot = to;
        }
    }

    pub fn halt(&mut self, city: &City) {
        if self.way.take().is_some() {
            self.spot = city.nearest(self.at.place());
        }
    }

    /// Seconds this way takes from here, roughly.
    pub fn estimate_s(&self, city: &City, to: Spot) -> f64 {
        let route = city.route(city.nearest(self.at.place()), to);
        route.least_s() / self.haste * 1.25 + 15.0
    }

    /// Lets `seconds` pass.
    pub fn pass(&mut self, seconds: f64) {
        let mut left = seconds;
        while left > 0.0 {
            let step = left.min(STEP_S);
            left -= step;
            let Some(way) = &mut self.way else { return };
            if way.advance(step, self.haste) {
                self.spot = way.route.end;
                self.at = way.here();
                self.way = None;
                return;
            }
            self.at = way.here();
            let leg = &way.route.legs[way.leg];
            self.heading_deg = leg.from.heading_deg(leg.to);
        }
    }

    /// Stands where it is; when time passes again, it goes on.
    pub fn stand(&mut self) {
        if let Some(way) = &mut self.way {
            way.speed_mps = 0.0;
        }
    }

    pub fn truth(&self) -> Truth {
        let speed_mps = self.way.as_ref().map_or(0.0, |way| way.speed_mps);
        Truth { at: self.at, speed_mps, heading_deg: self.heading_deg }
    }

    pub fn around(&self, city: &City) -> Around {
        let in_tunnel = self.way.as_ref().is_some_and(|way| way.route.legs[way.leg].tunnel);
        Around { in_tunnel, at_mouth: !in_tunnel && city.is_at_a_mouth(self.at) }
    }
}

impl Way {
    fn here(&self) -> Xy {
        let leg = &self.route.legs[self.leg];
        leg.from.toward(leg.to, (self.along_m / leg.length_m()).clamp(0.0, 1.0))
    }

    /// True when the end is reached.
    fn advance(&mut self, seconds: f64, haste: f64) -> bool {
        let leg = self.route.legs[self.leg];
        let to_corner_m = leg.length_m() - self.along_m;
        let next_mps = self.entry_mps.get(self.leg + 1).copied().unwrap_or(1.0);
        let brakes_for = (next_mps * next_mps + 2.0 * BRAKING * to_corner_m.max(0.0)).sqrt();
        let target = (leg.limit_mps * haste).min(brakes_for);
        let most = self.speed_mps + ACCELERATION * seconds;
        let least = self.speed_mps - BRAKING * 1.5 * seconds;
        self.speed_mps = target.clamp(least.max(0.8), most.max(0.8));
        self.along_m += self.speed_mps * seconds;
        while self.along_m >= self.route.legs[self.leg].length_m() {
            if self.leg + 1 == self.route.legs.len() {
                self.along_m = self.route.legs[self.leg].length_m();
                return true;
            }
            self.along_m -= self.route.legs[self.leg].length_m();
            self.leg += 1;
        }
        false
    }
}

/// From the end backward: a corner's own limit, and what braking for the next one allows.
fn entries(route: &Route, haste: f64) -> Vec<f64> {
    let legs = &route.legs;
    let mut entry = vec![0.0; legs.len()];
    let mut after: f64 = 1.0;
    for index in (0..legs.len()).rev() {
        let corner = match index.checked_sub(1) {
            None => f64::INFINITY,
            Some(before) => corner_mps(legs[before].from, legs[index].from, legs[index].to),
        };
        let braking = (after * after + 2.0 * BRAKING * legs[index].length_m()).sqrt();
        entry[index] = corner.min(legs[index].limit_mps * haste).min(braking);
        after = entry[index];
    }
    entry
}

fn corner_mps(from: Xy, corner: Xy, to: Xy) -> f64 {
    let turn = (corner.heading_deg(to) - from.heading_deg(corner)).rem_euclid(360.0);
    let turn = turn.min(360.0 - turn);
    if turn < 12.0 { f64::INFINITY } else { CORNER_MPS * (90.0 / turn.max(20.0)).clamp(0.7, 3.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_van_arrives_without_jumps_and_never_faster_than_allowed() {
        let city = City::build(1);
        let mut chance = Chance::new(3);
        for number in 0..40 {
            let (from, to) = (city.some_address(&mut chance, 2400.0).kerb, city.some_address(&mut chance, 2400.0).kerb);
            let mut van = Van::parked(&city, from, Chance::new(number));
            let estimate_s = van.estimate_s(&city, to);
            van.go(&city, to);
            let mut seconds = 0.0;
            let mut before = van.at;
            while van.is_moving() {
                van.pass(1.0);
                seconds += 1.0;
                assert!(van.at.distance_m(before) <= 50.0 / 3.6 * 1.03 + 0.1, "{}", van.at.distance_m(before));
                before = van.at;
                assert!(seconds < 1_500.0, "it arrives");
            }
            assert!(van.at.distance_m(city.at(to)) < 0.1);
            assert!((0.5..1.6).contains(&(seconds / estimate_s)) || seconds < 60.0, "{seconds} for {estimate_s}");
        }
    }

    #[test]
    fn a_van_goes_through_a_tunnel_and_stands_where_it_broke_down() {
        let city = City::build(1);
        let (from, to) = city.tunnel_mouths()[0];
        let mut van = Van::parked(&city, city.nearest(from.place()), Chance::new(8));
        van.go(&city, city.nearest(to.place()));
        let (mut under, mut mouths) = (0, 0);
        while van.is_moving() {
            van.pass(1.0);
            under += usize::from(van.around(&city).in_tunnel);
            mouths += usize::from(van.around(&city).at_mouth);
        }
        assert!(under > 12, "{under} seconds under ground");
        van.go(&city, city.nearest(from.place()));
        van.pass(8.0);
        assert!(van.truth().speed_mps > 2.0, "{mouths}");
        let broke_down = van.truth().at;
        van.stand();
        assert_eq!((van.truth().speed_mps, van.truth().at), (0.0, broke_down));
        van.pass(30.0);
        assert!(van.truth().at.distance_m(broke_down) > 20.0, "repaired, it goes on");
    }

    #[test]
    fn a_van_that_is_sent_elsewhere_turns_on_the_way() {
        let city = City::build(1);
        let mut chance = Chance::new(21);
        let [from, first, second] = [0, 1, 2].map(|_| city.some_address(&mut chance, 2400.0).kerb);
        let mut van = Van::parked(&city, from, Chance::new(1));
        van.go(&city, first);
        van.pass(40.0);
        let on_the_way = van.at;
        van.go(&city, second);
        van.pass(0.5);
        assert!(van.at.distance_m(on_the_way) < 12.0, "no jump");
        while van.is_moving() {
            van.pass(5.0);
        }
        assert!(van.at.distance_m(city.at(second)) < 0.1);
    }
}
