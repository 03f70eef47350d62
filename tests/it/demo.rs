//! The demonstration, small and in a hurry: it is seeded through the API, its workers move and work, and a second
//! start finds everything as it was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use muster::demo::city::City;
use muster::demo::client::Server;
use muster::demo::seed::{self, Seeded, Wanted};
use muster::demo::worker::{self, Floor};
use serde_json::Value;

use super::harness::app::App;
use super::harness::person::Person;

const WORKERS: usize = 5;
const SEED: u64 = 3;

/// Refusals that a demonstration may meet: nobody knows the owner yet, and an office that was quicker.
const EXPECTED: [&str; 3] = ["401 INVALID_CREDENTIALS", "409 SUPERSEDED", "409 WRONG_STATE"];

async fn seeded(floor: &Floor) -> Seeded {
    let quiet = |_: &str, _: usize, _: usize| {};
    seed::seed(&floor.server, &floor.city, &Wanted::of(SEED, WORKERS), &quiet).await.expect("it is seeded")
}

fn floor(app: &App, speed: f64) -> Arc<Floor> {
    let (city, server) = (City::build(SEED), Server::at(&app.url("")));
    Arc::new(Floor { city, server, seed: SEED, speed, report_every_s: (0.2, 0.4) })
}

async fn dispatcher(app: &App) -> Person {
    app.sign_in("dispatcher@demo.test", "Demo-dispatch-1").await
}

async fn visits(office: &Person) -> Vec<Value> {
    let day = chrono::Duration::hours(12);
    let text = |at: chrono::DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (from, to) = (text(Utc::now() - day), text(Utc::now() + day));
    let schedule = office.get(&format!("/api/v1/schedule?from={from}&to={to}")).await.ok();
    schedule.body["data"].as_array().expect("visits").clone()
}

async fn roster(office: &Person) -> Vec<Value> {
    office.get("/api/v1/workers?limit=200").await.ok().body["data"].as_array().expect("workers").clone()
}

fn count(visits: &[Value]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for visit in visits {
        let status = visit["attributes"]["status"].as_str().expect("a status");
        *count.entry(status.to_owned()).or_default() += 1;
    }
    count
}

fn refused(floor: &Floor) {
    let refusals = floor.server.refusals();
    assert!(refusals.keys().all(|refusal| EXPECTED.contains(&refusal.as_str())), "{refusals:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_of_the_demonstration_changes_nothing() {
    let app = App::start().await;
    let floor = floor(&app, 1.0);
    let first = seeded(&floor).await;
    assert!(first.fresh && first.crew.len() == WORKERS);
    let office = dispatcher(&app).await;
    let before = visits(&office).await;
    let at_once = count(&before);
    for status in ["completed", "scheduled", "unassigned", "unscheduled"] {
        assert!(at_once.contains_key(status), "{status} in {at_once:?}");
    }
    assert_eq!(office.get("/api/v1/conflicts").await.ok().body["data"].as_array().expect("pairs").len(), 1);

    let second = seeded(&floor).await;
    assert!(!second.fresh && second.jobs == 0, "{}", second.jobs);
    assert_eq!(visits(&office).await, before);
    assert_eq!(roster(&office).await.len(), WORKERS);
    refused(&floor);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulated_workers_move_report_and_are_seen() {
    let app = App::start().await;
    let floor = floor(&app, 60.0);
    let seeded = seeded(&floor).await;
    let office = dispatcher(&app).await;
    let before = count(&visits(&office).await);
    let mut crew = tokio::task::JoinSet::new();
    for hired in seeded.crew {
        crew.spawn(worker::work(Arc::clone(&floor), hired));
    }
    let done = |count: &BTreeMap<String, usize>| count.get("completed").copied().unwrap_or_default();
    let patience = Instant::now() + Duration::from_secs(40);
    loop {
        let people = roster(&office).await;
        let online = people.iter().filter(|worker| worker["attributes"]["live"]["presence"] == "online").count();
        let driving = people.iter().any(|worker| worker["attributes"]["live"]["speedMps"].as_f64() > Some(2.0));
        let now = count(&visits(&office).await);
        if online == WORKERS && driving && done(&now) > done(&before) {
            break;
        }
        assert!(Instant::now() < patience, "{online} online, driving: {driving}, {before:?} became {now:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    crew.shutdown().await;
    refused(&floor);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_demonstration_has_streets_of_its_own() {
    App::start().await.anonymous().get("/api/v1/basemap").await.refused(404, "NOT_FOUND");
}
