//! The demonstration's remote control: what the bar of the console asks for, and the two routes by which it asks. Only
//! `muster demo` mounts them; they are no part of the API, and change nothing but the simulation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, ServiceConfig, get, post, resource as at};
use muster_domain::ids::AccountId;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::chance::Chance;
use crate::http::caller::may;
use crate::http::change::change;
use crate::http::envelope::{Answer, resource};
use crate::http::{Allowed, App, Code, Input, Problem};

/// How much faster than life it may go.
pub const SPEEDS: std::ops::RangeInclusive<f64> = 0.1..=60.0;
/// Rushes that wait for the one before.
const RUSHES_WAITING: usize = 4;

/// Twenty urgent calls, to be made now.
pub struct Rush;

/// Held by the routes and by the simulation.
#[derive(Clone)]
pub struct Remote(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    rushes: mpsc::Sender<Rush>,
}

struct State {
    /// Whose business it is; nobody's until it is seeded.
    account: Option<AccountId>,
    paused: bool,
    speed: f64,
    workers: usize,
    on_the_road: BTreeMap<usize, Driver>,
    /// Whose van has just broken down, and does not know yet.
    breaks: BTreeSet<usize>,
    chance: Chance,
}

/// Somebody who drives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Driver {
    pub worker: Uuid,
    /// To a visit, where he is waited for.
    pub expected: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Pause,
    Resume,
    Speed(f64),
    BreakVan,
    Rush,
}

impl Remote {
    /// With the end at which rushes come out.
    pub fn new(seed: u64, speed: f64, workers: usize) -> (Self, mpsc::Receiver<Rush>) {
        let (rushes, come_out) = mpsc::channel(RUSHES_WAITING);
        let state = State {
            account: None,
            paused: false,
            speed,
            workers,
            on_the_road: BTreeMap::new(),
            breaks: BTreeSet::new(),
            chance: Chance::of(seed, "remote"),
        };
        (Self(Arc::new(Inner { state: Mutex::new(state), rushes })), come_out)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn belongs_to(&self, account: Uuid) {
        self.state().account = Some(AccountId(account));
    }

    /// Seconds of the simulation in a second of the clock: none while it is paused.
    pub fn pace(&self) -> f64 {
        let state = self.state();
        if state.paused { 0.0 } else { state.speed }
    }

    /// As set, also while it is paused.
    pub fn speed(&self) -> f64 {
        self.state().speed
    }

    /// Told by each worker as he goes.
    pub fn note(&self, index: usize, driver: Option<Driver>) {
        let mut state = self.state();
        match driver {
            Some(driver) => state.on_the_road.insert(index, driver),
            None => state.on_the_road.remove(&index),
        };
    }

    /// Has his van broken down? Told once.
    pub fn breaks_down(&self, index: usize) -> bool {
        self.state().breaks.remove(&index)
    }

    fn obey(&self, order: Order) -> Result<Value, Problem> {
        let mut state = self.state();
        let mut broken = None;
        match order {
            Order::Pause => state.paused = true,
            Order::Resume => state.paused = false,
            Order::Speed(speed) => state.speed = speed,
            Order::BreakVan => broken = Some(state.break_a_van()?),
            Order::Rush => {
                let full = || Problem::new(Code::OVERLOADED, "The last urgent calls are still coming in.");
                self.0.rushes.try_send(Rush).map_err(|_| full())?;
            }
        }
        let mut told = state.attributes();
        if let Some(worker) = broken {
            told["workerId"] = json!(worker);
        }
        Ok(told)
    }
}

impl State {
    /// One who is waited for, if there is one.
    fn break_a_van(&mut self) -> Result<Uuid, Problem> {
        let running = |state: &State, expected: bool| -> Vec<usize> {
            let all = state.on_the_road.iter().filter(|(index, _)| !state.breaks.contains(index));
            all.filter(|(_, driver)| driver.expected || !expected).map(|(index, _)| *index).collect()
        };
        let expected = running(self, true);
        let from = if expected.is_empty() { running(self, false) } else { expected };
        if from.is_empty() {
            return Err(Problem::new(Code::WRONG_STATE, "Nobody is on the road just now. Try again in a minute."));
        }
        let index = self.chance.pick(&from);
        self.breaks.insert(index);
        let driver = self.on_the_road.remove(&index).ok_or_else(Problem::not_found)?;
        Ok(driver.worker)
    }

    fn attributes(&self) -> Value {
        json!({ "paused": self.paused, "speed": self.speed, "workers": self.workers })
    }
}

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(at("/demo").route(get().to(read))).service(at("/demo/{order}").route(post().to(order)));
}

async fn read(caller: Allowed<may::ScheduleWrite>, remote: Data<Remote>) -> Result<HttpResponse, Problem> {
    let account = caller.caller.account;
    let state = remote.state();
    if state.account != Some(account) {
        return Err(Problem::not_found());
    }
    Ok(Answer::ok(resource("demo", account.0, state.attributes())).respond())
}

/// Under a key, twice asked is done once, as everywhere.
async fn order(
    caller: Allowed<may::ScheduleWrite>,
    app: Data<App>,
    remote: Data<Remote>,
    order: Path<String>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let account = caller.caller.account;
    if remote.state().account != Some(account) {
        return Err(Problem::not_found());
    }
    let (order, remote) = (read_order(&order, &input)?, remote.get_ref().clone());
    change(&app, &caller.caller, &input, move |_| {
        let told = remote.obey(order);
        Box::pin(async move { Ok(Answer::ok(resource("demo", account.0, told?)).render()) })
    })
    .await
}

fn read_order(word: &str, input: &Input) -> Result<Order, Problem> {
    let document = input.document("demo")?;
    let mut fields = document.fields();
    let order = match word {
        "pause" => Order::Pause,
        "resume" => Order::Resume,
        "break-van" => Order::BreakVan,
        "rush" => Order::Rush,
        "speed" => {
            let speed = fields.number("speed", SPEEDS);
            if speed.is_none() && !fields.has("speed") {
                fields.fault("speed", "speed is required.");
            }
            Order::Speed(speed.unwrap_or(1.0))
        }
        _ => return Err(Problem::not_found()),
    };
    fields.finish()?;
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driver(index: usize, expected: bool) -> Driver {
        Driver { worker: Uuid::from_u128(index as u128), expected }
    }

    #[test]
    fn the_van_of_one_who_is_waited_for_breaks_down_and_each_only_once() {
        let (remote, _rushes) = Remote::new(1, 1.0, 3);
        assert!(remote.obey(Order::BreakVan).is_err_and(|problem| problem.is(Code::WRONG_STATE)));
        remote.note(1, Some(driver(1, false)));
        remote.note(2, Some(driver(2, true)));
        let told = remote.obey(Order::BreakVan).expect("somebody drives");
        assert_eq!(told["workerId"], json!(Uuid::from_u128(2)));
        assert!(remote.breaks_down(2) && !remote.breaks_down(2) && !remote.breaks_down(1));
        assert!(remote.obey(Order::BreakVan).is_ok_and(|told| told["workerId"] == json!(Uuid::from_u128(1))));
        remote.note(1, None);
        assert!(remote.obey(Order::BreakVan).is_err());
    }

    #[test]
    fn a_pause_keeps_the_speed_and_rushes_have_a_bound() {
        let (remote, mut rushes) = Remote::new(1, 5.0, 3);
        remote.obey(Order::Pause).expect("always");
        assert_eq!((remote.pace(), remote.speed()), (0.0, 5.0));
        remote.obey(Order::Speed(20.0)).expect("always");
        remote.obey(Order::Resume).expect("always");
        assert_eq!(remote.pace(), 20.0);
        (0..RUSHES_WAITING).for_each(|_| drop(remote.obey(Order::Rush).expect("room")));
        assert!(remote.obey(Order::Rush).is_err_and(|problem| problem.is(Code::OVERLOADED)));
        assert!(rushes.try_recv().is_ok() && remote.obey(Order::Rush).is_ok());
    }
}
