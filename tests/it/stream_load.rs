//! The stream under load: how soon what is told arrives, how little a panning map costs, and that one who stops reading
//! costs himself alone.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::{App, assignment};
use crate::harness::person::Person;
use crate::harness::process::Process;
use crate::harness::socket::Socket;

const NINE: &str = "2026-12-01T09:00:00Z";
const TEN: &str = "2026-12-01T10:00:00Z";

fn point(lat: f64, lng: f64) -> Value {
    json!({"id": Uuid::now_v7(), "at": chrono::Utc::now(), "lat": lat, "lng": lng, "accuracyM": 5.0})
}

async fn stands(worker: &Person, lat: f64, lng: f64) {
    let batch = json!({"data": {"type": "positionBatch", "attributes": {"points": [point(lat, lng)]}}});
    worker.post("/api/v1/positions", batch).await.ok();
}

/// A phone that reports over its socket every 20 ms, walking north; ends when dropped.
fn walks(worker: &Person, from: (f64, f64)) -> tokio::task::JoinHandle<()> {
    let worker = worker.clone();
    tokio::spawn(async move {
        let mut phone = worker.streams().await;
        for n in 0_u32.. {
            phone.say(json!({"type": "position", "points": [point(from.0 + f64::from(n) * 1e-6, from.1)]})).await;
            phone.frame("accepted").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

fn is_told(delta: &Value, worker: &Person) -> bool {
    delta["up"].as_array().into_iter().flatten().any(|up| up["id"] == json!(worker.id))
}

fn median(mut gaps: Vec<Duration>) -> Duration {
    gaps.sort_unstable();
    gaps[gaps.len() / 2]
}

/// How far apart the deltas about each of these were, while somebody listened.
async fn gaps<const N: usize>(socket: &mut Socket, workers: [&Person; N], lasts: Duration) -> [Vec<Duration>; N] {
    let mut told: [Vec<Instant>; N] = std::array::from_fn(|_| Vec::new());
    let began = Instant::now();
    while began.elapsed() < lasts {
        let delta = socket.frame("delta").await;
        for (n, worker) in workers.iter().enumerate() {
            if is_told(&delta, worker) {
                told[n].push(Instant::now());
            }
        }
    }
    told.map(|times| times.windows(2).map(|pair| pair[1] - pair[0]).collect())
}

#[tokio::test]
async fn each_subscription_has_its_own_pace_and_whoever_is_in_focus_comes_four_times_a_second() {
    let app = App::start().await;
    let ann = app.owner().await;
    let (bob, carl) = (ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await);
    let _phones = [walks(&bob, (47.1, 9.5)), walks(&carl, (47.2, 9.5))];
    let (mut calm, mut quick) = (ann.streams().await, ann.streams().await);
    calm.say(json!({"type": "subscribe", "id": "m", "topic": "workers", "focus": [bob.id]})).await;
    assert_eq!(calm.frame("subscribed").await["tickMs"], 1_000);
    quick.say(json!({"type": "subscribe", "id": "m", "topic": "workers", "tickMs": 25})).await;
    let lasts = Duration::from_secs(5);
    let (calm, quick) = tokio::join!(gaps(&mut calm, [&bob, &carl], lasts), gaps(&mut quick, [&bob, &carl], lasts));
    let [focus, others] = calm.map(median);
    assert!(focus <= Duration::from_millis(255), "{focus:?}");
    assert!(others >= Duration::from_millis(800), "{others:?}");
    let [one, other] = quick.map(median);
    assert!(one.max(other) < Duration::from_millis(250), "{one:?} {other:?}: nobody waits for the radar's second");
}

#[tokio::test]
async fn panning_costs_few_frames_and_ends_with_what_is_in_sight_and_far_away_with_clusters() {
    let app = App::start().await;
    let ann = app.owner().await;
    let mut team = Vec::new();
    for n in 0..4 {
        let worker = ann.hires_worker(json!({})).await;
        stands(&worker, 47.0, 9.0 + f64::from(n)).await;
        team.push(worker);
    }
    let mut map = ann.streams().await;
    let view = |west: f64| json!([west, 46.0, west + 0.5, 48.0]);
    map.say(json!({"type": "subscribe", "id": "m", "topic": "workers", "viewport": view(0.0), "zoom": 12})).await;
    assert_eq!(map.frame("snapshot").await["workers"], json!([]));
    let began = Instant::now();
    for step in 0..150 {
        map.say(json!({"type": "update", "id": "m", "viewport": view(5.0 + f64::from(step) / 20.0)})).await;
        tokio::time::sleep(Duration::from_millis(8)).await;
    }
    map.say(json!({"type": "update", "id": "m", "viewport": view(9.75)})).await;
    let (mut shown, mut frames) = (BTreeSet::new(), 0);
    while let Ok(Some(frame)) = tokio::time::timeout(Duration::from_millis(700), map.next()).await {
        frames += 1;
        assert_eq!(frame["type"], "delta", "{frame}");
        shown.extend(frame["up"].as_array().into_iter().flatten().map(|up| up["id"].to_string()));
        frame["rm"].as_array().into_iter().flatten().for_each(|gone| {
            shown.remove(&gone.to_string());
        });
    }
    let most = began.elapsed().as_millis() / 100 + 2;
    assert!(frames <= most, "{frames} frames for {:?}", began.elapsed());
    assert_eq!(shown, [json!(team[1].id).to_string()].into());

    map.say(json!({"type": "update", "id": "m", "viewport": [0.0, 40.0, 20.0, 50.0], "zoom": 4.5})).await;
    let far = map.frame("delta").await;
    assert_eq!((&far["rm"], &far["up"]), (&json!([team[1].id]), &json!([])));
    let of = |frame: &Value, what: &str| -> u64 {
        frame["clusters"].as_array().expect("a list").iter().filter_map(|cluster| cluster[what].as_u64()).sum()
    };
    assert_eq!((of(&far, "count"), of(&far, "online")), (4, 4));
    map.say(json!({"type": "update", "id": "m", "zoom": 8})).await;
    let near = map.frame("delta").await;
    assert_eq!(near["up"].as_array().map(Vec::len), Some(4));
    assert_eq!(near["rmClusters"].as_array().map(Vec::len), far["clusters"].as_array().map(Vec::len));
    let mut late = ann.streams().await;
    let focus = [team[0].id];
    late.say(json!({"type": "subscribe", "id": "m", "topic": "workers", "zoom": 2, "focus": focus})).await;
    let snapshot = late.frame("snapshot").await;
    assert_eq!(snapshot["workers"].as_array().map(Vec::len), Some(1));
    assert_eq!(of(&snapshot, "count"), 4);
}

/// What one of the program's metrics says, its labels as they are written.
async fn metric(app: &App, name: &str) -> f64 {
    let text = app.http().get(app.url("/metrics")).send().await.expect("an answer").text().await.expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |number| number.trim().parse().expect("a number"))
}

/// How long an assignment takes to be on somebody's screen.
async fn latencies(ann: &Person, screen: &mut Socket, visit: Uuid, worker: &Person, lasts: Duration) -> Vec<Duration> {
    let (began, mut all) = (Instant::now(), Vec::new());
    while began.elapsed() < lasts {
        for verb in ["assign", "unassign"] {
            let asked = Instant::now();
            ann.post(&format!("/api/v1/visits/{visit}/{verb}"), assignment(&[worker.id])).await.ok();
            while screen.frame("event").await["event"]["type"] != format!("visit.{verb}ed") {}
            all.push(asked.elapsed());
        }
    }
    all
}

#[tokio::test]
async fn those_who_stop_reading_cost_bounded_memory_are_closed_soon_and_nobody_else_notices() {
    const SLOW: usize = 20;
    let process = Process::start().await;
    let app = process.app();
    let ann = app.owner().await;
    let workers = [ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await];
    let visit = ann.books(NINE, TEN).await;
    let _phones = [walks(&workers[0], (47.1, 9.5)), walks(&workers[1], (47.2, 9.5))];
    let mut screen = ann.streams().await;
    screen.watches_day(None).await;
    screen.frame("snapshot").await;
    let before = latencies(&ann, &mut screen, visit, &workers[0], Duration::from_secs(3)).await;
    let memory_before = process.resident_kib();

    let bearer = ann.bearer();
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        let opened = app.socket_with_buffer("", &[("Authorization", &bearer)], Some(2_048)).await;
        let mut socket = opened.expect("let in");
        socket.watches_day(None).await;
        socket.say(json!({"type": "subscribe", "id": "m", "topic": "workers", "tickMs": 25})).await;
        slow.push(socket);
    }
    let (mut during, mut waiting, mut memory) = (Vec::new(), 0.0_f64, 0);
    let began = Instant::now();
    let closed = || metric(&app, r#"muster_stream_closed_total{reason="slow"}"#);
    while closed().await < SLOW as f64 {
        assert!(began.elapsed() < Duration::from_secs(45), "{} of {SLOW} are closed", closed().await);
        during.extend(latencies(&ann, &mut screen, visit, &workers[0], Duration::from_millis(500)).await);
        waiting = waiting.max(metric(&app, "muster_stream_waiting_bytes").await);
        memory = memory.max(process.resident_kib());
    }
    assert!(waiting <= (SLOW * 256 * 1024) as f64, "{waiting} bytes wait");
    assert!(memory < memory_before + 48 * 1024, "{memory_before} KiB became {memory} KiB");
    assert!(metric(&app, "muster_stream_ticks_skipped_total").await > 0.0, "positions were not queued for them");
    let (before, during) = (median(before), median(during));
    assert!(during < before * 5 + Duration::from_millis(200), "{before:?} became {during:?}");
    for socket in &mut slow {
        let (bye, closed) = socket.end().await;
        assert!(closed.is_none_or(|code| code == 4029), "{closed:?} {bye:?}");
    }
}
