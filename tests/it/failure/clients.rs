//! Clients that hang up in the middle: of a request, at every byte; of an answer; while a change is being committed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::assignment;
use crate::harness::business::all;
use crate::harness::cluster::{connect, database};
use crate::harness::person::Person;
use crate::harness::process::Process;
use crate::harness::raw::{Raw, answer, request};

/// How a client goes away.
#[derive(Clone, Copy, Debug)]
enum Goes {
    Resetting,
    /// FIN, and it stays to listen.
    HalfClosed,
}

async fn cut_at(person: &Person, bytes: &[u8], goes: Goes) {
    let mut line = Raw::to(person.app.addr()).await;
    line.says(bytes).await;
    match goes {
        Goes::Resetting => line.resets(),
        Goes::HalfClosed => {
            line.has_finished().await;
            // Whatever is said, it ends.
            line.hears_all().await;
        }
    }
}

/// The whole request, again, under the same key.
async fn insists(person: &Person, bytes: &[u8]) -> (u16, Value, bool) {
    let since = Instant::now();
    loop {
        let mut line = Raw::to(person.app.addr()).await;
        line.says(bytes).await;
        let text = line.hears_all().await;
        let (status, body) = answer(&text);
        if status != 503 && status != 429 {
            return (status, body, text.contains("idempotency-replayed: true"));
        }
        assert!(since.elapsed() < Duration::from_secs(20), "{text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn count(person: &Person, sql: &str) -> i64 {
    all(&mut connect(&person.app.db().owner_url).await, sql).await[0]
}

async fn with_a_server() -> (Process, Person) {
    let process = Process::on(&Arc::new(database().await)).await;
    let ann = process.app().owner().await;
    (process, ann)
}

/// Nothing of those who went away is left: no connection, no transaction, no file.
async fn nothing_is_left_open(process: &Process, ann: &Person, before: usize) {
    let since = Instant::now();
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'muster_server'
                AND state LIKE 'idle in transaction%'";
    while process.open_files() > before + 24 || count(ann, open).await > 0 {
        let left = process.open_files();
        assert!(since.elapsed() < Duration::from_secs(15), "{left} open files after {before}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_cut_at_any_byte_has_no_effect_and_no_other_feels_it() {
    let (process, ann) = with_a_server().await;
    let before = process.open_files();
    let person = json!({"firstName": "Dora", "lastName": "Cut"});
    let body = json!({"data": {"type": "client", "attributes": person}});
    let bytes = request(&ann, "POST", "/api/v1/clients", "cut-at-any-byte", &body);
    for n in 0..bytes.len() {
        cut_at(&ann, &bytes[..n], Goes::Resetting).await;
        if n % 9 == 0 {
            cut_at(&ann, &bytes[..n], Goes::HalfClosed).await;
        }
        if n % 100 == 0 {
            ann.get("/api/v1/clients").await.ok();
        }
    }
    assert_eq!(count(&ann, "SELECT count(*) FROM clients").await, 0, "of {} cut requests", bytes.len());
    assert_eq!(count(&ann, "SELECT count(*) FROM kept_answers").await, 0);
    let (status, _, replayed) = insists(&ann, &bytes).await;
    assert_eq!((status, replayed), (201, false), "nothing was kept under its key");
    nothing_is_left_open(&process, &ann, before).await;
}

/// Sent whole, then cut after so many milliseconds: anywhere in its decision, its transaction, its answer.
async fn cut_after(ann: &Person, wait_ms: u64, bytes: &[u8]) -> (u16, Value) {
    let mut line = Raw::to(ann.app.addr()).await;
    line.says(bytes).await;
    tokio::time::sleep(Duration::from_micros(wait_ms * 1000)).await;
    line.resets();
    let (status, body, _) = insists(ann, bytes).await;
    (status, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_cut_at_any_millisecond_has_one_effect_under_its_key_in_both_lanes() {
    let (process, ann) = with_a_server().await;
    let worker = ann.hires_worker(json!({})).await;
    let customer = ann.finds_client().await.id();
    let before = process.open_files();
    let cuts: Vec<u64> = (0..40).collect();
    for wait_ms in &cuts {
        let day = 1 + wait_ms % 28;
        let hour = wait_ms / 28 * 2;
        let visits = json!([{"startsAt": format!("2026-12-{day:02}T{hour:02}:00:00Z"),
            "endsAt": format!("2026-12-{day:02}T{:02}:00:00Z", hour + 1)}]);
        let job = json!({"title": "Boiler", "clientId": customer, "visits": visits});
        let job = json!({"data": {"type": "job", "attributes": job}});
        let bytes = request(&ann, "POST", "/api/v1/jobs", &format!("job-{wait_ms}"), &job);
        let (status, made) = cut_after(&ann, *wait_ms, &bytes).await;
        assert_eq!(status, 201, "{made}");
        let visit: Uuid = made["included"][0]["id"].as_str().and_then(|id| id.parse().ok()).expect("a visit");
        let path = format!("/api/v1/visits/{visit}/assign");
        let bytes = request(&ann, "POST", &path, &format!("assign-{wait_ms}"), &assignment(&[worker.id]));
        let (status, assigned) = cut_after(&ann, *wait_ms, &bytes).await;
        assert_eq!((status, &assigned["data"]["attributes"]["version"]), (200, &json!(2)), "{assigned}");
    }
    let expected = cuts.len() as i64;
    for sql in [
        "SELECT count(*) FROM jobs",
        "SELECT count(*) FROM visits",
        "SELECT count(*) FROM visit_assignments",
        "SELECT count(*) FROM journal WHERE kind = 'job.created'",
        "SELECT count(*) FROM journal WHERE kind = 'visit.assigned'",
    ] {
        assert_eq!(count(&ann, sql).await, expected, "{sql}");
    }
    nothing_is_left_open(&process, &ann, before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_nobody_reads_to_its_end_leaves_nothing_behind() {
    let (process, ann) = with_a_server().await;
    let before = process.open_files();
    let bytes = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for n in 0..200 {
        let mut line = Raw::to(ann.app.addr()).await;
        line.says(bytes).await;
        line.hears(1 + n * 61).await;
        line.resets();
    }
    ann.get("/api/v1/clients").await.ok();
    nothing_is_left_open(&process, &ann, before).await;
    // Byte for byte with pauses, it is a request like any other.
    let person = json!({"firstName": "Slow", "lastName": "Typist"});
    let bytes =
        request(&ann, "POST", "/api/v1/clients", "slow", &json!({"data": {"type": "client", "attributes": person}}));
    let mut line = Raw::to(ann.app.addr()).await;
    for byte in &bytes {
        assert!(line.says(std::slice::from_ref(byte)).await);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(answer(&line.hears_all().await).0, 201);
}
