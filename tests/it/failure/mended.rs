//! Defects that were once found and mended, each with the test that would have found it.

use std::time::{Duration, Instant};

use actix_web::ResponseError;
use futures_util::future::join_all;
use muster::http::Problem;
use muster::live::tracks::TrackWriter;
use muster::store::Store;
use muster_actors::board::{QUEUE_LIMIT, Unread};
use muster_actors::ports::{TrackLog, TrackPoint, Unavailable};
use muster_domain::Place;
use muster_domain::ids::{AccountId, WorkerId};
use muster_domain::live::Point;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::harness::app::{App, assignment};
use crate::harness::cluster::{connect, database, execute};
use crate::harness::office::{Office, in_system};
use crate::harness::raw::{Raw, request};
use crate::harness::spy::Spy;

const DAY: &str = "/api/v1/schedule?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z";

/// In both lanes: a client is a record, an assignment a command.
#[tokio::test]
async fn what_was_committed_is_announced_though_its_caller_hung_up_at_once() {
    let ann = App::start().await.owner().await;
    let worker = ann.hires_worker(json!({})).await;
    let visit = ann.books("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z").await;
    let mut socket = ann.streams().await;
    socket.watches_day(None).await;
    socket.frame("snapshot").await;
    let client = json!({"data": {"type": "client", "attributes": {"firstName": "Cleo", "lastName": "Marsh"}}});
    let path = format!("/api/v1/visits/{visit}/assign");
    let requests = [
        ("client.created", request(&ann, "POST", "/api/v1/clients", "hangs-up-1", &client)),
        ("visit.assigned", request(&ann, "POST", &path, "hangs-up-2", &assignment(&[worker.id]))),
    ];
    for (announced, bytes) in requests {
        // The transaction waits for the account's row, so that the caller is gone before it commits.
        let mut other = connect(&ann.app.db().admin_url).await;
        let lock = format!("SELECT FROM account_stream WHERE account_id = '{}' FOR UPDATE", ann.account);
        execute(&mut other, format!("BEGIN; {lock}")).await;
        let mut line = Raw::to(ann.app.addr()).await;
        assert!(line.says(&bytes).await);
        tokio::time::sleep(Duration::from_millis(500)).await;
        line.resets();
        tokio::time::sleep(Duration::from_millis(300)).await;
        execute(&mut other, "ROLLBACK").await;
        let since = Instant::now();
        let kind = socket.frame("event").await["event"]["type"].clone();
        assert_eq!(kind, json!(announced));
        assert!(since.elapsed() < Duration::from_secs(8), "announced after {:?}", since.elapsed());
    }
    let assigned = ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
    assert_eq!(assigned.attributes()["workerIds"], json!([worker.id]));
}

async fn on_the_map(socket: &mut crate::harness::socket::Socket, worker: Uuid, wanted: bool) -> Duration {
    let since = Instant::now();
    loop {
        let frame = socket.frame("delta").await;
        let is_there = |list: &str| -> Option<bool> {
            let entry = frame[list].as_array()?.iter().find(|entry| entry["id"] == json!(worker))?;
            Some(entry["presence"] != "lost")
        };
        if is_there("up") == Some(wanted) || frame["rm"].as_array().is_some_and(|rm| rm.contains(&json!(worker))) {
            return since.elapsed();
        }
    }
}

#[tokio::test]
async fn a_roster_that_another_server_changed_is_followed_within_seconds() {
    let here = App::start().await;
    let there = here.sibling().await;
    let ann = here.owner().await;
    let worker = ann.hires_worker(json!({})).await;
    let mut map = ann.streams().await;
    map.say(json!({"type": "subscribe", "id": "map", "topic": "workers", "tickMs": 25})).await;
    map.frame("snapshot").await;
    let send = |n: i64| {
        let at = chrono::Utc::now() - chrono::TimeDelta::seconds(60 - n);
        json!({"data": {"type": "positionBatch", "attributes": {"points": [
            {"at": at.to_rfc3339(), "lat": 47.14, "lng": 9.52 + n as f64 / 10_000.0}
        ]}}})
    };
    worker.post("/api/v1/positions", send(1)).await.ok();
    // Off the roster there: off the map here, and his phone is refused here.
    ann.at(&there).delete(&format!("/api/v1/workers/{}", worker.id)).await.is(204);
    let gone = tokio::time::timeout(Duration::from_secs(10), on_the_map(&mut map, worker.id, false)).await;
    let took = gone.expect("he is still on the map");
    assert!(took < Duration::from_secs(8), "{took:?}");
    // New there: his phone is taken here at once, and he is seen.
    let fresh = ann.at(&there).hires_worker(json!({})).await.at(&here);
    let since = Instant::now();
    while fresh.post("/api/v1/positions", send(2)).await.status != 200 {
        assert!(since.elapsed() < Duration::from_secs(8), "he is not known here");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seen = tokio::time::timeout(Duration::from_secs(10), on_the_map(&mut map, fresh.id, true)).await;
    assert!(seen.expect("he is not seen") < Duration::from_secs(8));
}

#[tokio::test]
async fn a_look_is_never_older_than_what_the_same_caller_was_just_told_by_another_server() {
    let here = App::start().await;
    let ann = here.owner().await;
    let servers = [ann.clone(), ann.at(&here.sibling().await)];
    let worker = ann.hires_worker(json!({})).await;
    let visit = ann.books("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z").await;
    for server in &servers {
        server.get(DAY).await.ok();
    }
    for round in 0..60 {
        let (writer, reader) = (&servers[round % 2], &servers[(round + 1) % 2]);
        let verb = if round % 2 == 0 { "assign" } else { "unassign" };
        let told = writer.post(&format!("/api/v1/visits/{visit}/{verb}"), assignment(&[worker.id])).await.ok();
        let version = told.attributes()["version"].as_i64().expect("a version");
        // Several at once: they share one read, which must have begun after each of them asked.
        let looks = join_all((0..4).map(|_| reader.get(DAY))).await;
        for look in looks {
            let seen = look.ok().body["data"][0]["attributes"]["version"].as_i64().expect("a version");
            assert!(seen >= version, "round {round}: {seen} after {version}");
        }
        let one = reader.get(&format!("/api/v1/visits/{visit}")).await.ok();
        assert!(one.attributes()["version"].as_i64() >= Some(version), "round {round}: {}", one.text);
    }
}

#[tokio::test]
async fn a_header_that_is_no_ascii_is_refused_and_not_passed_over() {
    let ann = App::start().await.owner().await;
    let body = json!({"data": {"type": "client", "attributes": {"firstName": "Cleo", "lastName": "Marsh"}}});
    let made = ann.post("/api/v1/clients", body.clone()).await.created();
    let path = format!("/api/v1/clients/{}", made.id());
    for (method, path, name) in
        [(Method::POST, "/api/v1/clients", "Idempotency-Key"), (Method::PATCH, path.as_str(), "If-Match")]
    {
        let refused = ann.send(method, path, &[(name, "ü")], Some(body.clone())).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.sources(), [name]);
    }
    let listed = ann.get("/api/v1/clients").await.ok();
    assert_eq!(listed.body["data"].as_array().map(Vec::len), Some(1), "nothing happened");
}

fn point(account: u128, id: u128, lat: f64) -> TrackPoint {
    let at = chrono::DateTime::from_timestamp(1_790_000_000, 0).expect("in range");
    TrackPoint {
        account: AccountId(Uuid::from_u128(account)),
        worker: WorkerId(Uuid::from_u128(9)),
        point: Point {
            id: Uuid::from_u128(id),
            at,
            received_at: at,
            sent_at: None,
            ahead_ms: 0,
            place: Place { lat, lng: 9.5 },
            accuracy_m: None,
            speed_mps: None,
            heading_deg: None,
            altitude_m: None,
            battery_pct: None,
            charging: None,
            source: None,
            activity: None,
            mock: false,
        },
        shown: None,
    }
}

/// A row that the database refuses: nothing else of the same flush suffers.
#[tokio::test]
async fn one_bad_row_in_a_flush_refuses_only_its_own_report() {
    let db = database().await;
    let mut owner = connect(&db.owner_url).await;
    execute(&mut owner, "ALTER TABLE tracks ADD CONSTRAINT on_earth CHECK (lat BETWEEN -90 AND 90)").await;
    let store = Store::connect(&db.server_url, 4).await.expect("a connection");
    let writer = TrackWriter::start(store);
    let reports = [
        vec![point(1, 1, 47.0), point(1, 2, 47.1)],
        vec![point(1, 3, 47.2), point(1, 4, 99.0)],
        vec![point(2, 5, 47.3)],
    ];
    // Handed over in one breath, so that they are flushed together.
    let waiting: Vec<_> = reports.into_iter().map(|report| writer.append(report).expect("room")).collect();
    let outcomes = join_all(waiting).await;
    assert_eq!(outcomes, [Ok(vec![true, true]), Err(Unavailable), Ok(vec![true])]);
    let kept: i64 = crate::harness::business::all(&mut owner, "SELECT count(*) FROM tracks").await[0];
    assert_eq!(kept, 3, "of the refused report nothing is there");
}

/// A trial is a look at the board.
#[test]
fn a_trial_that_finds_the_board_full_hears_429_and_when_to_come_again() {
    in_system(async {
        let office = Office::open().await;
        let spy = Spy::on(office.store.clone());
        let server = office.server_on(std::sync::Arc::clone(&spy) as _);
        server.board().await;
        spy.hold(true);
        let many = (0..3 * QUEUE_LIMIT).map(|_| server.boards.look(server.account, |_| ()));
        let go_on = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            spy.hold(false);
        };
        let (looks, ()) = futures_util::future::join(join_all(many), go_on).await;
        let full: Vec<Unread> = looks.iter().filter_map(|look| look.err()).collect();
        assert!(full.len() >= QUEUE_LIMIT / 2 && full.len() < looks.len(), "{} of {}", full.len(), looks.len());
        for why in full {
            let answer = Problem::from(why).error_response();
            assert_eq!(answer.status().as_u16(), 429, "{why:?}");
            assert!(answer.headers().contains_key("retry-after"));
        }
    });
}
