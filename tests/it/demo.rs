//! The demonstration, small and in a hurry: it is seeded through the API, its workers move and work, a second start finds
//! everything as it was, and its remote control does what its buttons say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use muster::demo::city::City;
use muster::demo::client::Server;
use muster::demo::crew;
use muster::demo::remote::{Remote, Rush};
use muster::demo::seed::{self, Seeded, Wanted};
use muster::demo::worker::Floor;
use muster_domain::Place;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::harness::app::App;
use super::harness::person::Person;

const WORKERS: usize = 5;
const SEED: u64 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

/// Refusals that a demonstration may meet: nobody knows the owner yet, and an office that was quicker.
const EXPECTED: [&str; 3] = ["401 INVALID_CREDENTIALS", "409 SUPERSEDED", "409 WRONG_STATE"];

/// A demonstration on a server of its own.
struct Demo {
    app: App,
    floor: Arc<Floor>,
    rushes: Option<mpsc::Receiver<Rush>>,
}

impl Demo {
    async fn start(speed: f64) -> Self {
        let (remote, rushes) = Remote::new(SEED, speed, WORKERS);
        let app = App::of_demonstration(remote.clone()).await;
        let (city, server) = (City::build(SEED), Server::at(&app.url("")));
        let mut floor = Floor::new(city, server, SEED, WORKERS, remote);
        floor.report_every_s = (0.2, 0.4);
        Self { app, floor: Arc::new(floor), rushes: Some(rushes) }
    }

    async fn seeded(&self) -> Seeded {
        let (quiet, wanted) = (|_: &str, _: usize, _: usize| {}, Wanted::of(SEED, WORKERS));
        seed::seed(&self.floor.server, &self.floor.city, &wanted, &quiet).await.expect("it is seeded")
    }

    /// Seeds it, sends the crew out, and lets the office look at it meanwhile.
    async fn run(mut self, look: impl AsyncFnOnce(&Person)) {
        let seeded = self.seeded().await;
        self.floor.book.open(seeded.office()).await.expect("the schedule");
        self.floor.remote.belongs_to(seeded.account);
        let rushes = self.rushes.take().expect("it runs once");
        let office = self.dispatcher().await;
        tokio::select! {
            () = crew::run(Arc::clone(&self.floor), seeded, Wanted::of(SEED, WORKERS), rushes) => panic!("it runs on"),
            () = look(&office) => {}
        }
        self.refused();
    }

    async fn dispatcher(&self) -> Person {
        self.app.sign_in("dispatcher@demo.test", "Demo-dispatch-1").await
    }

    fn refused(&self) {
        let refusals = self.floor.server.refusals();
        assert!(refusals.keys().all(|refusal| EXPECTED.contains(&refusal.as_str())), "{refusals:?}");
    }
}

/// What the office does with the remote control.
async fn orders(office: &Person, order: &str, attributes: Value) -> Value {
    let body = json!({"data": {"type": "demo", "attributes": attributes}});
    office.post(&format!("/api/v1/demo/{order}"), body).await.ok().attributes().clone()
}

async fn visits(office: &Person) -> Vec<Value> {
    let day = chrono::Duration::hours(12);
    let text = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
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

fn done(count: &BTreeMap<String, usize>) -> usize {
    ["completed", "noAccess"].iter().filter_map(|status| count.get(*status)).sum()
}

fn is_driving(worker: &Value) -> bool {
    worker["attributes"]["live"]["speedMps"].as_f64() > Some(2.0)
}

fn place(worker: &Value) -> Option<Place> {
    let live = &worker["attributes"]["live"];
    Some(Place { lat: live["lat"].as_f64()?, lng: live["lng"].as_f64()? })
}

/// Asks again and again until it is so.
async fn eventually<F: Future<Output = Result<(), String>>>(so: impl Fn() -> F) {
    let until = Instant::now() + PATIENCE;
    while let Err(what) = so().await {
        assert!(Instant::now() < until, "{what}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn somebody_drives(office: &Person) {
    eventually(|| async {
        let people = roster(office).await;
        if people.iter().any(is_driving) { Ok(()) } else { Err(format!("nobody drives: {people:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_of_the_demonstration_changes_nothing() {
    let demo = Demo::start(1.0).await;
    let first = demo.seeded().await;
    assert!(first.fresh && first.crew.len() == WORKERS && first.is_complete);
    let office = demo.dispatcher().await;
    let before = visits(&office).await;
    let at_once = count(&before);
    for status in ["completed", "scheduled", "unassigned", "unscheduled"] {
        assert!(at_once.contains_key(status), "{status} in {at_once:?}");
    }
    assert_eq!(office.get("/api/v1/conflicts").await.ok().body["data"].as_array().expect("pairs").len(), 1);

    let second = demo.seeded().await;
    assert!(!second.fresh && second.jobs == 0, "{}", second.jobs);
    assert_eq!(visits(&office).await, before);
    assert_eq!(roster(&office).await.len(), WORKERS);
    demo.refused();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulated_workers_move_report_and_are_seen() {
    let demo = Demo::start(60.0).await;
    demo.run(async |office| {
        let before = count(&visits(office).await);
        eventually(|| async {
            let people = roster(office).await;
            let seen = people.iter().filter(|worker| worker["attributes"]["live"]["presence"] == "online").count();
            let (driving, now) = (people.iter().any(is_driving), count(&visits(office).await));
            if seen == WORKERS && driving && done(&now) > done(&before) {
                return Ok(());
            }
            Err(format!("{seen} online, driving: {driving}, {before:?} became {now:?}"))
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_stops_everybody_where_he_is_and_a_resume_lets_him_go_on() {
    let demo = Demo::start(60.0).await;
    demo.run(async |office| {
        let health = office.get("/health").await.ok();
        assert_eq!(health.body["demo"], true);
        let told = office.get("/api/v1/demo").await.ok().attributes().clone();
        assert_eq!(told, json!({"paused": false, "speed": 60.0, "workers": WORKERS}));
        somebody_drives(office).await;

        assert_eq!(orders(office, "pause", json!({})).await["paused"], true);
        eventually(|| async {
            let people = roster(office).await;
            if people.iter().any(is_driving) { Err(format!("{people:?}")) } else { Ok(()) }
        })
        .await;
        let (before, then) = (roster(office).await, count(&visits(office).await));
        tokio::time::sleep(Duration::from_secs(3)).await;
        let after = roster(office).await;
        for (before, after) in before.iter().zip(&after) {
            let moved_m = place(before).zip(place(after)).map(|(from, to)| from.distance_m(&to));
            assert!(moved_m < Some(30.0), "{moved_m:?}: {before} {after}");
            assert_eq!(after["attributes"]["live"]["presence"], "online", "phones go on");
        }
        assert!(
            before
                .iter()
                .zip(&after)
                .any(|(one, two)| { one["attributes"]["live"]["at"] != two["attributes"]["live"]["at"] })
        );
        assert_eq!(count(&visits(office).await), then, "nobody works meanwhile");

        assert_eq!(orders(office, "resume", json!({})).await, told);
        somebody_drives(office).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_speed_is_changed_while_it_runs() {
    let demo = Demo::start(1.0).await;
    demo.run(async |office| {
        let before = count(&visits(office).await);
        assert_eq!(orders(office, "speed", json!({"speed": 60})).await["speed"], 60.0);
        assert_eq!(office.get("/api/v1/demo").await.ok().attributes()["speed"], 60.0);
        // At the pace of life a visit is begun every some minutes; several, not within a minute.
        let begun = |count: &BTreeMap<String, usize>| {
            let waiting = ["unscheduled", "unassigned", "scheduled"];
            count
                .iter()
                .filter(|(status, _)| !waiting.contains(&status.as_str()))
                .map(|(_, count)| count)
                .sum::<usize>()
        };
        eventually(|| async {
            let now = count(&visits(office).await);
            if begun(&now) >= begun(&before) + 3 { Ok(()) } else { Err(format!("{before:?} became {now:?}")) }
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_van_that_breaks_down_stands_and_its_driver_says_that_he_cannot_come() {
    let demo = Demo::start(60.0).await;
    demo.run(async |office| {
        let broken = loop {
            somebody_drives(office).await;
            let body = json!({"data": {"type": "demo", "attributes": {}}});
            let answer = office.post("/api/v1/demo/break-van", body).await;
            if answer.status == 200 {
                break answer.attributes()["workerId"].as_str().expect("a worker").to_owned();
            }
            answer.refused(409, "WRONG_STATE");
        };
        // He stands for half an hour of his time; that is long enough to look at.
        orders(office, "speed", json!({"speed": 1})).await;
        let path = format!("/api/v1/workers/{broken}");
        eventually(|| async {
            let worker = office.get(&path).await.ok().body["data"].clone();
            let stands = !is_driving(&worker) && worker["attributes"]["available"] == false;
            if stands { Ok(()) } else { Err(worker.to_string()) }
        })
        .await;
        let before = office.get(&path).await.ok().body["data"].clone();
        tokio::time::sleep(Duration::from_secs(3)).await;
        let after = office.get(&path).await.ok().body["data"].clone();
        let moved_m = place(&before).zip(place(&after)).map(|(from, to)| from.distance_m(&to));
        assert!(moved_m < Some(30.0), "{moved_m:?}");
        assert!(before["attributes"]["live"]["at"] != after["attributes"]["live"]["at"], "he is heard from");

        orders(office, "speed", json!({"speed": 60})).await;
        eventually(|| async {
            let worker = office.get(&path).await.ok().body["data"].clone();
            if worker["attributes"]["available"] == true { Ok(()) } else { Err(worker.to_string()) }
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rush_is_twenty_urgent_visits_within_seconds_however_often_the_request_is_repeated() {
    let demo = Demo::start(1.0).await;
    demo.run(async |office| {
        let known: Vec<Value> = visits(office).await.iter().map(|visit| visit["id"].clone()).collect();
        let new = || async {
            let all = visits(office).await;
            all.into_iter().filter(|visit| !known.contains(&visit["id"])).collect::<Vec<_>>()
        };
        let body = json!({"data": {"type": "demo", "attributes": {}}});
        for _ in 0..3 {
            let key = [("Idempotency-Key", "one-rush")];
            office.send(Method::POST, "/api/v1/demo/rush", &key, Some(body.clone())).await.ok();
        }
        let asked = Instant::now();
        eventually(|| async {
            let came = new().await.len();
            if came >= 20 { Ok(()) } else { Err(format!("{came} came")) }
        })
        .await;
        assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
        tokio::time::sleep(Duration::from_secs(2)).await;
        let came = new().await;
        assert_eq!(came.len(), 20, "once, and not three times");
        for visit in &came {
            let attributes = &visit["attributes"];
            let instant = |name: &str| attributes[name].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
            assert_eq!(attributes["status"], "unassigned");
            assert!(instant("startsAt") > Some(Utc::now()), "{attributes}");
            assert!(instant("endsAt") <= Some(Utc::now() + chrono::Duration::hours(2)), "{attributes}");
            let job = attributes["jobId"].as_str().expect("a job");
            let job = office.get(&format!("/api/v1/jobs/{job}")).await.ok();
            assert_eq!(job.attributes()["priority"], 5);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_office_of_the_demonstration_has_its_remote_control() {
    let demo = Demo::start(1.0).await;
    let seeded = demo.seeded().await;
    demo.floor.remote.belongs_to(seeded.account);
    let (office, stranger) = (demo.dispatcher().await, demo.app.owner().await);
    let owner = demo.app.sign_in("owner@demo.test", "Demo-dispatch-1").await;
    let worker = demo.app.sign_in("worker1@demo.test", "Demo-dispatch-1").await;
    owner.get("/api/v1/demo").await.ok();
    stranger.get("/api/v1/demo").await.refused(404, "NOT_FOUND");
    worker.get("/api/v1/demo").await.refused(403, "FORBIDDEN");
    demo.app.anonymous().get("/api/v1/demo").await.refused(401, "UNAUTHENTICATED");
    let body = |attributes: Value| json!({"data": {"type": "demo", "attributes": attributes}});
    for order in ["pause", "resume", "speed", "break-van", "rush"] {
        let (path, with) = (format!("/api/v1/demo/{order}"), body(json!({"speed": 5})));
        stranger.post(&path, with.clone()).await.refused(404, "NOT_FOUND");
        worker.post(&path, with.clone()).await.refused(403, "FORBIDDEN");
        demo.app.anonymous().post(&path, with).await.refused(401, "UNAUTHENTICATED");
    }
    office.post("/api/v1/demo/explode", body(json!({}))).await.refused(404, "NOT_FOUND");
    office.post("/api/v1/demo/break-van", body(json!({}))).await.refused(409, "WRONG_STATE");
    for wrong in [json!({}), json!({"speed": 61}), json!({"speed": "fast"}), json!({"speed": 0})] {
        let refused = office.post("/api/v1/demo/speed", body(wrong)).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.sources(), ["/data/attributes/speed"]);
    }
    let refused = office.post("/api/v1/demo/pause", body(json!({"colour": 1}))).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.sources(), ["/data/attributes/colour"]);
    let unchanged = office.get("/api/v1/demo").await.ok().attributes().clone();
    assert_eq!(unchanged, json!({"paused": false, "speed": 1.0, "workers": WORKERS}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_demonstration_has_controls_of_its_own() {
    let app = App::start().await;
    let owner = app.owner().await;
    owner.get("/api/v1/demo").await.refused(404, "NOT_FOUND");
    owner.post("/api/v1/demo/pause", json!({})).await.refused(404, "NOT_FOUND");
    assert!(app.anonymous().get("/health").await.ok().body.get("demo").is_none());
}
