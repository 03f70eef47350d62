//! What a worker does next: drives to his visits in their order, works, reports, and runs errands in between.
//! Decides only; driving is `drive`, talking to the server is `worker`.

use chrono::{DateTime, Duration, Utc};
use muster_domain::Place;
use muster_domain::dispatch::{Step, VisitStatus};
use serde_json::Value;
use uuid::Uuid;

use super::chance::Chance;
use super::city::{City, Spot};
use super::drive::Van;

const SETTLE_S: (f64, f64) = (50.0, 140.0);
const BREAK_S: (f64, f64) = (420.0, 780.0);
const REST_S: (f64, f64) = (60.0, 400.0);
const EARLY_S: (f64, f64) = (60.0, 240.0);
const LOOK_AHEAD_S: f64 = 2_400.0;
const ERRAND: f64 = 0.8;
const NOBODY_HOME: f64 = 0.03;

/// A visit, as its worker sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub id: Uuid,
    pub status: VisitStatus,
    pub window: Option<(DateTime<Utc>, DateTime<Utc>)>,
    pub place: Option<Place>,
}

impl Order {
    /// From a resource of the API; `None` for what this program does not understand.
    pub fn read(resource: &Value) -> Option<Self> {
        let attributes = &resource["attributes"];
        let instant = |name: &str| attributes[name].as_str()?.parse::<DateTime<Utc>>().ok();
        let place = &attributes["location"];
        Some(Self {
            id: resource["id"].as_str()?.parse().ok()?,
            status: VisitStatus::parse(attributes["status"].as_str()?)?,
            window: instant("startsAt").zip(instant("endsAt")),
            place: place["lat"].as_f64().zip(place["lng"].as_f64()).map(|(lat, lng)| Place { lat, lng }),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    Nothing,
    Go(Spot),
    Report(Uuid, Step),
}

pub struct Duty {
    chance: Chance,
    speed: f64,
    home: Spot,
    /// Where he has errands between visits.
    errands: [Spot; 3],
    /// What he is at, and when he will be done with this part of it.
    part: Option<(Uuid, VisitStatus, DateTime<Utc>)>,
    idle_until: DateTime<Utc>,
    early_s: f64,
    /// He is on his way to a visit.
    on_the_way: bool,
}

impl Duty {
    /// `speed` is how much faster than life everything goes.
    pub fn new(mut chance: Chance, speed: f64, home: Spot, errands: [Spot; 3], now: DateTime<Utc>) -> Self {
        let early_s = chance.between(EARLY_S.0, EARLY_S.1);
        let idle_until = now + seconds(chance.between(0.0, 90.0) / speed);
        Self { chance, speed, home, errands, part: None, idle_until, early_s, on_the_way: false }
    }

    pub fn next(&mut self, city: &City, orders: &[Order], van: &Van, now: DateTime<Utc>) -> Act {
        let active = orders.iter().find(|order| order.status.is_active());
        let paused = || orders.iter().find(|order| order.status == VisitStatus::Paused);
        match active.or_else(paused) {
            Some(order) => self.pursue(city, order, van, now),
            None => {
                self.part = None;
                let lost = std::mem::take(&mut self.on_the_way) && van.is_moving();
                match self.set_out(city, orders, van, now) {
                    // The visit was taken from him: he need not go there.
                    Act::Nothing if lost => Act::Go(self.errands[0]),
                    act => act,
                }
            }
        }
    }

    fn pursue(&mut self, city: &City, order: &Order, van: &Van, now: DateTime<Utc>) -> Act {
        self.on_the_way = order.status == VisitStatus::Traveling;
        if order.status == VisitStatus::Traveling {
            let to = order.place.map(|place| city.nearest(place));
            return match to {
                Some(to) if van.bound_for() != to => Act::Go(to),
                _ if van.is_moving() => Act::Nothing,
                _ => Act::Report(order.id, Step::Arrive),
            };
        }
        let due = self.due(order, now);
        if now < due {
            return Act::Nothing;
        }
        match order.status {
            VisitStatus::OnSite if self.chance.happens(NOBODY_HOME) => Act::Report(order.id, Step::NoAccess),
            VisitStatus::OnSite | VisitStatus::Paused => Act::Report(order.id, Step::Start),
            _ => Act::Report(order.id, Step::Complete),
        }
    }

    /// When the present part of a visit ends: fixed when it is first seen.
    fn due(&mut self, order: &Order, now: DateTime<Utc>) -> DateTime<Utc> {
        if let Some((id, status, due)) = self.part
            && (id, status) == (order.id, order.status)
        {
            return due;
        }
        let began_here = self.part.is_some_and(|(id, ..)| id == order.id);
        let (least, most) = match order.status {
            VisitStatus::OnSite => SETTLE_S,
            VisitStatus::Paused => BREAK_S,
            _ => self.work_s(order, began_here, now),
        };
        let due = now + seconds(self.chance.between(least, most) / self.speed);
        self.part = Some((order.id, order.status, due));
        due
    }

    /// As long as planned, more or less; somebody who was found at work ends when the plan says.
    fn work_s(&self, order: &Order, began_here: bool, now: DateTime<Utc>) -> (f64, f64) {
        let Some((start, end)) = order.window else { return (1_200.0, 2_400.0) };
        let planned_s = if began_here { (end - start).num_seconds() } else { (end - now).num_seconds() } as f64;
        if began_here {
            (planned_s * 0.65, planned_s * 0.98)
        } else {
            (planned_s.max(60.0) * 0.9, planned_s.max(60.0) + 120.0)
        }
    }

    fn set_out(&mut self, city: &City, orders: &[Order], van: &Van, now: DateTime<Utc>) -> Act {
        let ahead = orders.iter().filter(|order| order.status == VisitStatus::Scheduled);
        let next = ahead.filter_map(|order| Some((order.window?.0, order))).min_by_key(|(start, _)| *start);
        let Some((start, order)) = next else { return self.rest(van, &[self.home], now) };
        let left_s = (start - now).num_milliseconds() as f64 / 1000.0 * self.speed_up();
        if left_s > LOOK_AHEAD_S {
            return self.rest(van, &self.errands.clone(), now);
        }
        let way_s = order.place.map_or(0.0, |place| van.estimate_s(city, city.nearest(place)));
        if left_s <= way_s + self.early_s {
            self.early_s = self.chance.between(EARLY_S.0, EARLY_S.1);
            return Act::Report(order.id, Step::StartTravel);
        }
        if left_s > way_s + 900.0 { self.rest(van, &self.errands.clone(), now) } else { Act::Nothing }
    }

    /// With everything going faster, the day's hours are waited for less.
    fn speed_up(&self) -> f64 {
        1.0 / self.speed.max(1.0)
    }

    /// Stands a while, fetches material, or drives where he belongs.
    fn rest(&mut self, van: &Van, places: &[Spot], now: DateTime<Utc>) -> Act {
        if van.is_moving() || now < self.idle_until {
            return Act::Nothing;
        }
        self.idle_until = now + seconds(self.chance.between(REST_S.0, REST_S.1) / self.speed);
        let place = self.chance.pick(places);
        if van.bound_for() != place && self.chance.happens(ERRAND) { Act::Go(place) } else { Act::Nothing }
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::milliseconds((seconds * 1000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(id: u128, start: DateTime<Utc>, place: Place) -> Order {
        let window = Some((start, start + Duration::minutes(30)));
        Order { id: Uuid::from_u128(id), status: VisitStatus::Scheduled, window, place: Some(place) }
    }

    #[test]
    fn a_day_is_worked_off_in_order_and_on_time() {
        let city = City::build(1);
        let mut chance = Chance::new(1);
        let [home, depot] = [0, 1].map(|_| city.some_address(&mut chance, 2000.0).kerb);
        let begin: DateTime<Utc> = "2026-11-23T08:00:00Z".parse().expect("RFC 3339");
        let mut orders: Vec<Order> = (0..4)
            .map(|n| {
                order(n, begin + Duration::minutes(20 + 60 * n as i64), city.some_address(&mut chance, 2200.0).door)
            })
            .collect();
        let mut van = Van::parked(&city, home, Chance::new(2));
        let mut duty = Duty::new(Chance::new(3), 1.0, home, [depot; 3], begin);
        let mut said = Vec::new();
        for tick in 0..5_000 {
            let now = begin + Duration::seconds(3 * tick);
            match duty.next(&city, &orders, &van, now) {
                Act::Nothing => {}
                Act::Go(to) => van.go(&city, to),
                Act::Report(id, step) => {
                    let of = orders.iter_mut().find(|order| order.id == id).expect("his own");
                    of.status = muster_domain::dispatch::next_status(of.status, step).expect("an allowed step");
                    said.push((id.as_u128(), step, now));
                }
            }
            van.pass(3.0);
        }
        let arrived = said.iter().filter(|(_, step, _)| *step == Step::Arrive);
        for (id, _, at) in arrived.clone() {
            let start = begin + Duration::minutes(20 + 60 * *id as i64);
            assert!((*at - start).num_minutes().abs() <= 5, "{id} at {at}, due {start}");
        }
        assert_eq!(arrived.map(|(id, ..)| *id).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(orders.iter().all(|order| !order.status.is_open()), "{orders:?}");
    }

    #[test]
    fn who_loses_his_visit_on_the_way_goes_on_with_the_next() {
        let city = City::build(1);
        let mut chance = Chance::new(1);
        let [home, depot] = [0, 1].map(|_| city.some_address(&mut chance, 2000.0).kerb);
        let now: DateTime<Utc> = "2026-11-23T08:00:00Z".parse().expect("RFC 3339");
        let [mut first, second] = [1, 2].map(|id| order(id, now, city.some_address(&mut chance, 2200.0).door));
        first.status = VisitStatus::Traveling;
        let van = Van::parked(&city, home, Chance::new(2));
        let mut duty = Duty::new(Chance::new(3), 1.0, home, [depot; 3], now);
        let to = city.nearest(first.place.expect("a place"));
        assert_eq!(duty.next(&city, &[first, second.clone()], &van, now), Act::Go(to));
        let act = duty.next(&city, std::slice::from_ref(&second), &van, now);
        assert_eq!(act, Act::Report(second.id, Step::StartTravel));
    }

    #[test]
    fn who_loses_his_only_visit_on_the_way_turns_back() {
        let city = City::build(1);
        let mut chance = Chance::new(1);
        let [home, depot] = [0, 1].map(|_| city.some_address(&mut chance, 2000.0).kerb);
        let now: DateTime<Utc> = "2026-11-23T08:00:00Z".parse().expect("RFC 3339");
        let mut only = order(1, now, city.some_address(&mut chance, 2200.0).door);
        only.status = VisitStatus::Traveling;
        let mut van = Van::parked(&city, home, Chance::new(2));
        let mut duty = Duty::new(Chance::new(3), 1.0, home, [depot; 3], now);
        van.go(&city, city.nearest(only.place.expect("a place")));
        assert_eq!(duty.next(&city, &[only], &van, now), Act::Nothing);
        assert_eq!(duty.next(&city, &[], &van, now), Act::Go(depot));
        van.go(&city, depot);
        assert_eq!(duty.next(&city, &[], &van, now), Act::Nothing);
    }
}
