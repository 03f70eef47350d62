//! What a worker does next: drives to his visits in their order, works, reports, and runs errands in between.
//! Decides only; driving is `drive`, talking to the server is `worker`.

use chrono::{DateTime, Utc};
use muster_domain::Place;
use muster_domain::dispatch::{Step, VisitStatus};
use serde_json::Value;
use uuid::Uuid;

use super::chance::Chance;
use super::city::{City, Spot};
use super::drive::Van;
use super::incidents::{Encounter, Reception};

/// Parking, ringing, saying hello.
const SETTLE_S: (f64, f64) = (50.0, 140.0);
const BREAK_S: (f64, f64) = (420.0, 780.0);
const REST_S: (f64, f64) = (60.0, 400.0);
const UNPLANNED_S: (f64, f64) = (1_200.0, 2_400.0);
const EARLY_S: (f64, f64) = (60.0, 240.0);
const LOOK_AHEAD_S: f64 = 2_400.0;
const ERRAND: f64 = 0.8;
/// How long one waits before one goes again.
const GIVES_UP_AFTER_S: (f64, f64) = (420.0, 720.0);
/// Whoever has had none yet and has time goes to lunch.
const LUNCH: f64 = 0.3;
const LUNCH_S: (f64, f64) = (1_200.0, 1_800.0);

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

/// When it is: by the office's clock, and by how much has happened since the start, which stands still while the
/// demonstration is paused and runs ahead when it is hurried.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub at: DateTime<Utc>,
    pub passed_s: f64,
    /// How much faster than life everything goes.
    pub speed: f64,
}

/// Where one goes when there is nothing to do.
#[derive(Clone, Copy, Debug)]
pub struct Haunts {
    pub home: Spot,
    /// Where he has errands between visits.
    pub errands: [Spot; 3],
    pub canteen: Spot,
}

pub struct Duty {
    chance: Chance,
    seed: u64,
    worker: usize,
    haunts: Haunts,
    /// What he is at, and when he will be done with this part of it.
    part: Option<(Uuid, VisitStatus, f64)>,
    /// The visit he met last, how it goes, and how many he has met.
    met: Option<(Uuid, Encounter)>,
    encounters: u64,
    idle_until_s: f64,
    has_eaten: bool,
    early_s: f64,
    /// He is on his way to a visit.
    on_the_way: bool,
}

impl Duty {
    pub fn new(seed: u64, worker: usize, haunts: Haunts) -> Self {
        let mut chance = Chance::of(seed, &format!("duty {worker}"));
        let early_s = chance.between(EARLY_S.0, EARLY_S.1);
        let idle_until_s = chance.between(0.0, 90.0);
        let (part, met, encounters) = (None, None, 0);
        let (has_eaten, on_the_way) = (false, false);
        Self { chance, seed, worker, haunts, part, met, encounters, idle_until_s, has_eaten, early_s, on_the_way }
    }

    /// Somebody waits for him.
    pub fn is_expected(&self) -> bool {
        self.on_the_way
    }

    pub fn next(&mut self, city: &City, orders: &[Order], van: &Van, now: Now) -> Act {
        let active = orders.iter().find(|order| order.status.is_active());
        let paused = || orders.iter().find(|order| order.status == VisitStatus::Paused);
        match active.or_else(paused) {
            Some(order) => self.pursue(city, order, van, now),
            None => {
                self.part = None;
                let lost = std::mem::take(&mut self.on_the_way) && van.is_moving();
                match self.set_out(city, orders, van, now) {
                    // The visit was taken from him: he need not go there.
                    Act::Nothing if lost => Act::Go(self.haunts.errands[0]),
                    act => act,
                }
            }
        }
    }

    fn pursue(&mut self, city: &City, order: &Order, van: &Van, now: Now) -> Act {
        self.on_the_way = order.status == VisitStatus::Traveling;
        if order.status == VisitStatus::Traveling {
            let to = order.place.map(|place| city.nearest(place));
            return match to {
                Some(to) if van.bound_for() != to => Act::Go(to),
                _ if van.is_moving() => Act::Nothing,
                _ => Act::Report(order.id, Step::Arrive),
            };
        }
        let reception = self.encounter(order.id).reception;
        if now.passed_s < self.due_s(order, now) {
            return Act::Nothing;
        }
        match order.status {
            VisitStatus::OnSite if reception == Reception::NobodyHome => Act::Report(order.id, Step::NoAccess),
            VisitStatus::OnSite | VisitStatus::Paused => Act::Report(order.id, Step::Start),
            _ => Act::Report(order.id, Step::Complete),
        }
    }

    /// How this visit goes: decided when he first meets it.
    fn encounter(&mut self, visit: Uuid) -> Encounter {
        if let Some((_, encounter)) = self.met.filter(|(met, _)| *met == visit) {
            return encounter;
        }
        let encounter = Encounter::of(self.seed, self.worker, self.encounters);
        self.encounters += 1;
        self.met = Some((visit, encounter));
        encounter
    }

    /// When the present part of a visit ends: fixed when it is first seen.
    fn due_s(&mut self, order: &Order, now: Now) -> f64 {
        if let Some((id, status, due_s)) = self.part
            && (id, status) == (order.id, order.status)
        {
            return due_s;
        }
        let began_here = self.part.is_some_and(|(id, ..)| id == order.id);
        let encounter = self.encounter(order.id);
        let lasts_s = match (order.status, encounter.reception) {
            (VisitStatus::OnSite, Reception::Waits(seconds)) => seconds,
            (VisitStatus::OnSite, Reception::NobodyHome) => self.between(GIVES_UP_AFTER_S),
            (VisitStatus::OnSite, Reception::Expected) => self.between(SETTLE_S),
            (VisitStatus::Paused, _) => self.between(BREAK_S),
            _ => self.work_s(order, began_here, encounter.takes, now),
        };
        self.part = Some((order.id, order.status, now.passed_s + lasts_s));
        now.passed_s + lasts_s
    }

    /// As long as it takes of what was planned; somebody who was found at work has part of it behind him.
    fn work_s(&mut self, order: &Order, began_here: bool, takes: f64, now: Now) -> f64 {
        let Some((start, end)) = order.window else { return self.between(UNPLANNED_S) };
        let planned_s = (end - start).num_seconds() as f64;
        if began_here {
            return planned_s * takes;
        }
        let left_s = ((end - now.at).num_seconds() as f64).max(60.0);
        left_s + (takes - 1.0).max(0.0) * planned_s + self.between((-0.1 * left_s, 120.0))
    }

    fn between(&mut self, (least, most): (f64, f64)) -> f64 {
        self.chance.between(least, most)
    }

    fn set_out(&mut self, city: &City, orders: &[Order], van: &Van, now: Now) -> Act {
        let ahead = orders.iter().filter(|order| order.status == VisitStatus::Scheduled);
        let next = ahead.filter_map(|order| Some((order.window?.0, order))).min_by_key(|(start, _)| *start);
        let Some((start, order)) = next else { return self.rest(van, &[self.haunts.home], now) };
        // With everything going faster, the day's hours are waited for less.
        let left_s = (start - now.at).num_milliseconds() as f64 / 1000.0 / now.speed.max(1.0);
        if left_s > LOOK_AHEAD_S {
            return self.rest(van, &self.haunts.errands.clone(), now);
        }
        let way_s = order.place.map_or(0.0, |place| van.estimate_s(city, city.nearest(place)));
        if left_s <= way_s + self.early_s {
            self.early_s = self.between(EARLY_S);
            return Act::Report(order.id, Step::StartTravel);
        }
        if left_s > way_s + 900.0 { self.rest(van, &self.haunts.errands.clone(), now) } else { Act::Nothing }
    }

    /// Stands a while, eats, fetches material, or drives where he belongs.
    fn rest(&mut self, van: &Van, places: &[Spot], now: Now) -> Act {
        if van.is_moving() || now.passed_s < self.idle_until_s {
            return Act::Nothing;
        }
        if !self.has_eaten && self.chance.happens(LUNCH) {
            self.has_eaten = true;
            self.idle_until_s = now.passed_s + self.between(LUNCH_S);
            return Act::Go(self.haunts.canteen);
        }
        self.idle_until_s = now.passed_s + self.between(REST_S);
        let place = self.chance.pick(places);
        if van.bound_for() != place && self.chance.happens(ERRAND) { Act::Go(place) } else { Act::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn haunts(home: Spot, depot: Spot) -> Haunts {
        Haunts { home, errands: [depot; 3], canteen: depot }
    }

    fn at(begin: DateTime<Utc>, passed_s: f64) -> Now {
        Now { at: begin + Duration::milliseconds((passed_s * 1_000.0) as i64), passed_s, speed: 1.0 }
    }

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
        let mut duty = Duty::new(3, 0, haunts(home, depot));
        let mut said = Vec::new();
        for tick in 0..5_000 {
            let now = at(begin, 3.0 * f64::from(tick));
            match duty.next(&city, &orders, &van, now) {
                Act::Nothing => {}
                Act::Go(to) => van.go(&city, to),
                Act::Report(id, step) => {
                    let of = orders.iter_mut().find(|order| order.id == id).expect("his own");
                    of.status = muster_domain::dispatch::next_status(of.status, step).expect("an allowed step");
                    said.push((id.as_u128(), step, now.at));
                }
            }
            van.pass(3.0);
        }
        let arrived = said.iter().filter(|(_, step, _)| *step == Step::Arrive);
        for (id, _, at) in arrived.clone() {
            let start = begin + Duration::minutes(20 + 60 * *id as i64);
            assert!((*at - start).num_minutes().abs() <= 9, "{id} at {at}, due {start}");
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
        let mut duty = Duty::new(3, 0, haunts(home, depot));
        let now = at(now, 0.0);
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
        let mut duty = Duty::new(3, 0, haunts(home, depot));
        let now = at(now, 0.0);
        van.go(&city, city.nearest(only.place.expect("a place")));
        assert_eq!(duty.next(&city, &[only], &van, now), Act::Nothing);
        assert_eq!(duty.next(&city, &[], &van, now), Act::Go(depot));
        van.go(&city, depot);
        assert_eq!(duty.next(&city, &[], &van, now), Act::Nothing);
    }
}
