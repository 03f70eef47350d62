//! One simulated worker: signs in, reads his schedule, drives, reports, and posts positions like a phone does.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use muster_domain::dispatch::{Step, next_status};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::chance::Chance;
use super::city::{City, Spot};
use super::client::{Refusal, Server, Session};
use super::drive::{Fix, Van};
use super::duty::{Act, Duty, Order};
use super::history::relive;
use super::seed::Hired;

const REREAD_AFTER: Duration = Duration::from_secs(10);
/// As often as a phone in a car does.
pub const REPORT_EVERY_S: (f64, f64) = (2.0, 5.0);
/// Off shift a phone is silent; it only asks now and then whether there is something to do.
const OFF_SHIFT_PAUSE: Duration = Duration::from_secs(45);
const MOST_KEPT: usize = 500;
const SCHEDULE_HOURS: i64 = 12;
/// One of them works in cellars: his phone is away for minutes, and tells everything afterwards.
const CELLAR_WORKER: usize = 4;
const CELLAR_EVERY_S: u64 = 16 * 60;
const CELLAR_FOR_S: u64 = 4 * 60;

/// What all workers share.
pub struct Floor {
    pub city: City,
    pub server: Server,
    pub seed: u64,
    pub speed: f64,
    /// At least and at most.
    pub report_every_s: (f64, f64),
}

pub struct Worker {
    floor: Arc<Floor>,
    hired: Hired,
    session: Session,
    van: Van,
    duty: Duty,
    chance: Chance,
    orders: Vec<Order>,
    read_at: Option<Instant>,
    /// Points that the server has not taken yet.
    kept: Vec<Value>,
    off_shift: bool,
    began: Instant,
}

/// Works until it is dropped; what goes wrong is logged and tried again.
pub async fn work(floor: Arc<Floor>, hired: Hired) {
    loop {
        match Worker::start(Arc::clone(&floor), hired.clone()).await {
            Ok(mut worker) => worker.run().await,
            Err(refusal) => tracing::warn!(worker = %hired.email, %refusal, "a simulated worker cannot start"),
        }
        tokio::time::sleep(OFF_SHIFT_PAUSE).await;
    }
}

impl Worker {
    async fn start(floor: Arc<Floor>, hired: Hired) -> Result<Self, Refusal> {
        let session = floor.server.sign_in(&hired.email).await?;
        let now = Utc::now();
        let orders = schedule(&session, now).await?;
        let purpose = |what: &str| Chance::of(floor.seed, &format!("{what} {}", hired.index));
        let home = spot_of(&floor.city, hired.home, &mut purpose("home"));
        let mut depots = Chance::of(floor.seed, &format!("depot {}", hired.index % 3));
        let errands = [0; 3].map(|_| spot_of(&floor.city, None, &mut depots));
        let (mut van, mut kept) = (Van::parked(&floor.city, home, purpose("van")), Vec::new());
        if hired.seen_at.is_none() {
            kept = relive(&floor.city, &mut van, &orders, now).iter().map(|(at, fix)| point(*at, fix)).collect();
        }
        if let Some(at) = whereabouts(&floor.city, &orders, &hired) {
            van = Van::parked(&floor.city, at, purpose("van"));
        }
        let duty = Duty::new(purpose("duty"), floor.speed, home, errands, now);
        let chance = purpose("phone");
        let (read_at, began) = (Some(Instant::now()), Instant::now());
        Ok(Self { floor, hired, session, van, duty, chance, orders, read_at, kept, off_shift: false, began })
    }

    async fn run(&mut self) {
        let mut before = Instant::now();
        loop {
            let (least, most) = self.floor.report_every_s;
            let pause = self.chance.between(least, most);
            tokio::time::sleep(if self.off_shift { OFF_SHIFT_PAUSE } else { Duration::from_secs_f64(pause) }).await;
            let passed = before.elapsed();
            before = Instant::now();
            self.van.pass(passed.as_secs_f64().min(60.0) * self.floor.speed);
            if self.read_at.is_none_or(|at| at.elapsed() > REREAD_AFTER) {
                self.read_schedule().await;
            }
            if !self.off_shift {
                self.act().await;
            }
            self.send_position().await;
        }
    }

    async fn read_schedule(&mut self) {
        match schedule(&self.session, Utc::now()).await {
            Ok(orders) => (self.orders, self.read_at) = (orders, Some(Instant::now())),
            Err(refusal) => tracing::debug!(worker = %self.hired.email, %refusal, "no schedule"),
        }
    }

    async fn act(&mut self) {
        match self.duty.next(&self.floor.city, &self.orders, &self.van, Utc::now()) {
            Act::Nothing => {}
            Act::Go(to) => self.van.go(&self.floor.city, to),
            Act::Report(visit, step) => self.report(visit, step).await,
        }
    }

    async fn report(&mut self, visit: Uuid, step: Step) {
        let path = format!("/visits/{visit}/{}", step.path());
        let said = self.session.post(&path, "visit", json!({"occurredAt": text(Utc::now())})).await;
        match said {
            Ok(_) => {
                let order = self.orders.iter_mut().find(|order| order.id == visit);
                if let Some((order, status)) =
                    order.and_then(|order| next_status(order.status, step).map(|to| (order, to)))
                {
                    order.status = status;
                }
            }
            Err(refusal) => {
                // It was given to somebody else, or the office was quicker: what counts is on the schedule.
                tracing::debug!(worker = %self.hired.email, %refusal, "a report was refused");
                self.read_at = None;
                if refusal.is("SUPERSEDED") {
                    self.orders.retain(|order| order.id != visit);
                    self.van.halt(&self.floor.city);
                }
            }
        }
    }

    fn is_in_cellar(&self) -> bool {
        let second = self.began.elapsed().as_secs();
        self.hired.index == CELLAR_WORKER && second % CELLAR_EVERY_S > CELLAR_EVERY_S - CELLAR_FOR_S
    }

    /// Adds a point to those that wait, and sends them; what is not taken waits on.
    async fn send_position(&mut self) {
        let fix = self.van.fix();
        self.kept.push(point(Utc::now(), &fix));
        if self.is_in_cellar() {
            return;
        }
        let excess = self.kept.len().saturating_sub(MOST_KEPT);
        self.kept.drain(..excess);
        let batch = json!({"deviceId": format!("demo-{}", self.hired.index + 1), "points": self.kept});
        match self.session.post("/positions", "positionBatch", batch).await {
            Ok(answer) => {
                let taken = &answer["data"]["attributes"];
                let refused = taken["rejected"].as_array().map_or(0, Vec::len);
                self.off_shift = refused == self.kept.len();
                self.kept.clear();
            }
            Err(refusal) => tracing::debug!(worker = %self.hired.email, %refusal, "positions wait"),
        }
    }
}

fn point(at: DateTime<Utc>, fix: &Fix) -> Value {
    json!({
        "id": Uuid::now_v7(), "at": text(at), "lat": fix.place.lat, "lng": fix.place.lng,
        "accuracyM": fix.accuracy_m, "speedMps": fix.speed_mps, "headingDeg": fix.heading_deg,
        "batteryPct": fix.battery_pct, "charging": fix.charging, "activity": fix.activity, "source": "fused",
    })
}

async fn schedule(session: &Session, now: DateTime<Utc>) -> Result<Vec<Order>, Refusal> {
    let hours = chrono::Duration::hours(SCHEDULE_HOURS);
    let answer = session.get(&format!("/schedule?from={}&to={}", text(now - hours), text(now + hours))).await?;
    Ok(answer["data"].as_array().into_iter().flatten().filter_map(Order::read).collect())
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

fn spot_of(city: &City, place: Option<muster_domain::Place>, chance: &mut Chance) -> Spot {
    place.map(|place| city.nearest(place)).unwrap_or_else(|| city.some_address(chance, 1800.0).kerb)
}

fn text(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
