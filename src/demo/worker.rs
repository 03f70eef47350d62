//! One simulated worker: drives by his duty, reports what he does, and posts positions as the phone in his van would.
//! He signs in when he first has something to say, and is stepped by `crew`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use muster_domain::Place;
use muster_domain::dispatch::{Step, next_status};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::Instant;
use uuid::Uuid;

use super::book::Book;
use super::chance::Chance;
use super::city::{City, Spot};
use super::client::{Refusal, Server, Session};
use super::drive::{Truth, Van};
use super::duty::{Act, Duty, Haunts, Now, Order};
use super::history::relive;
use super::incidents::Traits;
use super::phone::Phone;
use super::remote::{Driver, Remote};
use super::seed::Hired;

/// As often as a phone in a car does.
const REPORT_EVERY_S: (f64, f64) = (2.0, 5.0);
/// A crew beyond this reports less often, so that the machine that plays the phones can also be the server …
const REPORTS_PER_S: f64 = 45.0;
/// … but never so seldom that somebody who is there would look absent.
const LEAST_OFTEN_S: (f64, f64) = (40.0, 70.0);
/// However seldom a phone sends, it reads where it is as often as this.
const READ_EVERY_S: f64 = 15.0;
/// Off shift a phone is silent; it only asks now and then whether there is something to do.
const OFF_SHIFT_PAUSE: Duration = Duration::from_secs(45);
/// What was refused is not said again before the office's book has caught up.
const AFTER_REFUSAL: Duration = Duration::from_secs(4);
/// On a fast run vans go no faster than this many times: nobody would believe a phone at 300 km/h, and the server does
/// not. Everything else goes as fast as it was asked to.
const MOST_DRIVING_PACE: f64 = 4.0;
const LONGEST_STEP_S: f64 = 120.0;
/// How long a van stands that broke down.
const BREAKDOWN_S: (f64, f64) = (1_500.0, 2_400.0);
const DEPOTS: usize = 3;
const CANTEENS: usize = 4;

/// What all workers share.
pub struct Floor {
    pub city: City,
    pub server: Server,
    pub seed: u64,
    pub crew_size: usize,
    pub remote: Remote,
    pub book: Book,
    /// At least and at most.
    pub report_every_s: (f64, f64),
}

impl Floor {
    pub fn new(city: City, server: Server, seed: u64, crew_size: usize, remote: Remote) -> Self {
        let report_every_s = report_every_s(crew_size);
        Self { city, server, seed, crew_size, remote, book: Book::default(), report_every_s }
    }
}

/// How often each of so many phones reports.
pub fn report_every_s(crew_size: usize) -> (f64, f64) {
    let usual = (REPORT_EVERY_S.0 + REPORT_EVERY_S.1) / 2.0;
    let stretch = (crew_size as f64 / usual / REPORTS_PER_S).max(1.0);
    let (least, most) = (REPORT_EVERY_S.0 * stretch, REPORT_EVERY_S.1 * stretch);
    (least.min(LEAST_OFTEN_S.0), most.min(LEAST_OFTEN_S.1))
}

pub struct Worker {
    floor: Arc<Floor>,
    hired: Hired,
    session: OnceCell<Session>,
    traits: Traits,
    van: Van,
    phone: Phone,
    duty: Duty,
    chance: Chance,
    off_shift: bool,
    /// What he has told the office about himself, as far as the office can be told.
    available: Option<bool>,
    consents: Option<bool>,
    broken_for_s: f64,
    passed_s: f64,
    before: Instant,
    due: Instant,
    silent_until: Instant,
}

impl Worker {
    pub fn new(floor: Arc<Floor>, hired: Hired) -> Self {
        let (now, seed, index) = (Utc::now(), floor.seed, hired.index);
        let purpose = |what: &str| Chance::of(seed, &format!("{what} {index}"));
        let traits = Traits::of(seed, index, floor.crew_size);
        let haunts = haunts(&floor.city, seed, &hired);
        let mut phone = Phone::new(traits, purpose("phone"));
        let mut van = Van::parked(&floor.city, haunts.home, purpose("van"));
        let orders = floor.book.of(hired.id);
        if hired.seen_at.is_none() && !orders.is_empty() {
            for (at, truth) in relive(&floor.city, &mut van, &orders, now) {
                phone.read(at, truth, van.around(&floor.city));
            }
        }
        if let Some(at) = whereabouts(&floor.city, &orders, &hired) {
            van = Van::parked(&floor.city, at, purpose("van"));
        }
        let mut chance = purpose("worker");
        let before = Instant::now();
        let due = before + Duration::from_secs_f64(chance.between(0.0, floor.report_every_s.1));
        let duty = Duty::new(seed, index, haunts);
        let (available, consents) = (hired.available, hired.consents);
        let (broken_for_s, passed_s, off_shift) = (0.0, 0.0, false);
        Self {
            floor,
            hired,
            session: OnceCell::new(),
            traits,
            van,
            phone,
            duty,
            chance,
            off_shift,
            available,
            consents,
            broken_for_s,
            passed_s,
            before,
            due,
            silent_until: before,
        }
    }

    /// When he has to be stepped again.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Catches up with the clock, says what there is to say, and is due again some seconds later.
    pub async fn step(&mut self) {
        let passed_s = self.before.elapsed().as_secs_f64().min(LONGEST_STEP_S);
        self.before = Instant::now();
        let pace = self.floor.remote.pace();
        self.live(passed_s, pace);
        if self.phone.is_connected() && Instant::now() >= self.silent_until {
            self.speak(pace).await;
        }
        let driver = Driver { worker: self.hired.id, expected: self.duty.is_expected() };
        let drives = self.van.is_moving() && self.broken_for_s <= 0.0 && !self.off_shift;
        self.floor.remote.note(self.hired.index, drives.then_some(driver));
        let (least, most) = self.floor.report_every_s;
        let pause = Duration::from_secs_f64(self.chance.between(least, most));
        self.due = self.before + if self.off_shift { OFF_SHIFT_PAUSE.max(pause) } else { pause };
    }

    /// The van goes on, and the phone reads where it is.
    fn live(&mut self, passed_s: f64, pace: f64) {
        if self.floor.remote.breaks_down(self.hired.index) {
            self.broken_for_s = self.chance.between(BREAKDOWN_S.0, BREAKDOWN_S.1);
        }
        let parts = if self.van.is_moving() { (passed_s / READ_EVERY_S).ceil().max(1.0) } else { 1.0 };
        let (part_s, now, driving_pace) = (passed_s / parts, Utc::now(), pace.min(MOST_DRIVING_PACE));
        for part in 1..=parts as u32 {
            self.passed_s += part_s * pace;
            if self.broken_for_s > 0.0 {
                self.broken_for_s -= part_s * pace;
                self.van.stand();
            } else {
                self.van.pass(part_s * driving_pace);
            }
            let around = self.van.around(&self.floor.city);
            self.phone.pass(part_s * pace, around);
            let ago_s = passed_s - part_s * f64::from(part);
            let truth = self.van.truth();
            // What a phone measures is the way by its own clock.
            let seen = Truth { speed_mps: truth.speed_mps * driving_pace, ..truth };
            self.phone.read(now - TimeDelta::milliseconds((ago_s * 1_000.0) as i64), seen, around);
        }
    }

    async fn speak(&mut self, pace: f64) {
        let said = async {
            self.explain().await?;
            if pace > 0.0 && !self.off_shift && self.broken_for_s <= 0.0 {
                self.act(pace).await?;
            }
            self.send_positions().await
        };
        if let Err(refusal) = said.await {
            tracing::debug!(worker = %self.hired.email, %refusal, "a simulated worker was refused");
            self.silent_until = Instant::now() + AFTER_REFUSAL;
        }
    }

    async fn session(&self) -> Result<&Session, Refusal> {
        self.session.get_or_try_init(|| self.floor.server.sign_in(&self.hired.email)).await
    }

    /// Tells the office what is up with him, once: that his van stands, that he does not want to be followed.
    async fn explain(&mut self) -> Result<(), Refusal> {
        let available = self.broken_for_s <= 0.0;
        let path = format!("/workers/{}", self.hired.id);
        if self.available == Some(!available) {
            self.session().await?.patch(&path, "worker", json!({"available": available})).await?;
            self.available = Some(available);
        }
        if self.consents == Some(true) && self.traits.declines {
            self.session().await?.patch(&path, "worker", json!({"trackingConsent": false})).await?;
            self.consents = Some(false);
        }
        Ok(())
    }

    async fn act(&mut self, pace: f64) -> Result<(), Refusal> {
        let orders = self.floor.book.of(self.hired.id);
        let now = Now { at: Utc::now(), passed_s: self.passed_s, speed: pace };
        match self.duty.next(&self.floor.city, &orders, &self.van, now) {
            Act::Nothing => {}
            Act::Go(to) => self.van.go(&self.floor.city, to),
            Act::Report(visit, step) => self.report(&orders, visit, step).await?,
        }
        Ok(())
    }

    async fn report(&mut self, orders: &[Order], visit: Uuid, step: Step) -> Result<(), Refusal> {
        let is_allowed = |order: &Order| order.id == visit && next_status(order.status, step).is_some();
        if !orders.iter().any(is_allowed) {
            return Ok(());
        }
        let path = format!("/visits/{visit}/{}", step.path());
        let said = self.session().await?.post(&path, "visit", json!({"occurredAt": text(Utc::now())})).await;
        match said {
            Ok(answer) => self.floor.book.take(&answer["data"]),
            Err(refusal) => {
                // It was given to somebody else, or the office was quicker: what counts is in the book.
                if refusal.is("SUPERSEDED") {
                    self.van.halt(&self.floor.city);
                }
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// Sends what the phone has kept; what is not taken waits on.
    async fn send_positions(&mut self) -> Result<(), Refusal> {
        let points: Vec<Value> = self.phone.kept().map(|reading| reading.point()).collect();
        if points.is_empty() || self.consents == Some(false) {
            return Ok(());
        }
        let batch = json!({
            "deviceId": format!("demo-{}", self.hired.index + 1), "sentAt": text(self.phone.time(Utc::now())),
            "points": points,
        });
        let answer = self.session().await?.post("/positions", "positionBatch", batch).await?;
        let rejected = answer["data"]["attributes"]["rejected"].as_array().map(Vec::as_slice).unwrap_or_default();
        self.off_shift = rejected.len() == points.len() && rejected.iter().all(|one| one["code"] == "OFF_SHIFT");
        self.phone.forget(points.len());
        Ok(())
    }
}

/// Where he belongs: home, his depot and his canteen, which he shares with others.
fn haunts(city: &City, seed: u64, hired: &Hired) -> Haunts {
    let shared = |what: &str, count: usize| Chance::of(seed, &format!("{what} {}", hired.index % count));
    let mut home = Chance::of(seed, &format!("home {}", hired.index));
    let (mut depots, mut canteens) = (shared("depot", DEPOTS), shared("canteen", CANTEENS));
    Haunts {
        home: spot_of(city, hired.home, &mut home),
        errands: [0; 3].map(|_| spot_of(city, None, &mut depots)),
        canteen: spot_of(city, None, &mut canteens),
    }
}

/// Where he must be: at the visit he is at, where he was last seen, or where he was last at work.
fn whereabouts(city: &City, orders: &[Order], hired: &Hired) -> Option<Spot> {
    let at_work =
        orders.iter().find(|order| order.status.is_active() && next_status(order.status, Step::Arrive).is_none());
    let closed = orders.iter().filter(|order| !order.status.is_open());
    let last = || closed.max_by_key(|order| order.window).and_then(|order| order.place);
    let place = at_work.and_then(|order| order.place).or(hired.seen_at).or_else(last);
    place.map(|place| city.nearest(place))
}

fn spot_of(city: &City, place: Option<Place>, chance: &mut Chance) -> Spot {
    place.map(|place| city.nearest(place)).unwrap_or_else(|| city.some_address(chance, 1800.0).kerb)
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The domain's; whoever is silent for longer is shown as stale.
    const ONLINE_FOR_S: f64 = 90.0;

    #[test]
    fn the_more_phones_there_are_the_less_often_each_reports_and_nobody_looks_absent() {
        assert_eq!(report_every_s(30), REPORT_EVERY_S);
        let mut before = REPORT_EVERY_S;
        for crew in [200, 1_000, 3_000, 10_000] {
            let (least, most) = report_every_s(crew);
            assert!(least >= before.0 && least < most, "{crew}: {least} {most}");
            assert!(most + 15.0 < ONLINE_FOR_S, "{crew}: {most}");
            assert!(crew as f64 / ((least + most) / 2.0) < 200.0, "{crew}");
            before = (least, most);
        }
    }
}
