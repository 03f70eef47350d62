//! Positions from outside: durable when acknowledged, in the phone's order, and nobody else's business.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::harness::app::App;
use crate::harness::cluster::{connect, execute};
use crate::harness::person::{Answer, Person};

pub fn ago(s: i64) -> String {
    (Utc::now() - TimeDelta::seconds(s)).to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn point(at: &str, lat: f64, lng: f64) -> Value {
    json!({"at": at, "lat": lat, "lng": lng})
}

impl Person {
    pub async fn reports_positions(&self, points: Value) -> Answer {
        let batch = json!({"data": {"type": "positionBatch", "attributes": {"points": points}}});
        self.post("/api/v1/positions", batch).await
    }
    pub async fn track_of(&self, worker: &Person) -> Answer {
        self.get(&format!("/api/v1/workers/{}/track?from={}&to={}", worker.id, ago(86_400), ago(-60))).await
    }
    async fn live_of(&self, worker: &Person) -> Value {
        let all = self.get("/api/v1/workers").await.ok();
        let found = all.body["data"].as_array().expect("a list").iter().find(|one| one["id"] == json!(worker.id));
        found.expect("on the roster")["attributes"]["live"].clone()
    }
    async fn near(&self, query: &str) -> Vec<Value> {
        let found = self.get(&format!("/api/v1/workers/nearby?lat=47.14&lng=9.52{query}")).await.ok();
        found.body["data"].as_array().expect("a list").clone()
    }
}

fn counts(answer: &Answer) -> (u64, u64, Value) {
    let of = |name: &str| answer.attributes()[name].as_u64().expect("a count");
    (of("accepted"), of("duplicates"), answer.attributes()["rejected"].clone())
}

/// The radar hears of a report just after it was taken.
async fn soon<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    for _ in 0..100 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart_in_the_phones_order() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let (older, newer) = (ago(120), ago(60));
    let first = bob.reports_positions(json!([point(&newer, 47.15, 9.53)])).await.ok();
    assert_eq!(counts(&first), (1, 0, json!([])));
    assert!(first.attributes()["profile"]["intervalS"].as_u64().is_some_and(|s| s > 0));
    assert!(first.attributes()["serverTime"].as_str().is_some_and(|at| at.parse::<DateTime<Utc>>().is_ok()));
    let late = bob.reports_positions(json!([point(&older, 47.14, 9.52), point(&newer, 47.15, 9.53)])).await.ok();
    assert_eq!(counts(&late), (1, 1, json!([])), "the repeated one is no error");

    let other = app.sibling().await;
    drop(app);
    let (ann, bob) = (ann.at(&other), bob.at(&other));
    let track = ann.track_of(&bob).await.ok();
    let lats: Vec<_> = track.body["data"].as_array().expect("a list").iter().map(|p| &p["attributes"]["lat"]).collect();
    assert_eq!(lats, [&json!(47.14), &json!(47.15)]);
    assert_eq!(ann.live_of(&bob).await["lat"], json!(47.15), "an older fix never replaces a newer one");
    assert_eq!(bob.track_of(&bob).await.ok().body["data"], track.body["data"]);
}

#[tokio::test]
async fn a_bad_point_is_named_and_the_rest_are_taken() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let points = json!([
        point(&ago(5), 47.1, 9.5),
        point(&ago(4), 0.0, 0.0),
        {"at": "yesterday", "lat": 47.1, "lng": 9.5},
        point(&ago(3), 91.0, 9.5),
        point(&ago(-600), 47.1, 9.5),
        point(&ago(2), 0.0, 9.5),
        point("2003-05-01T12:00:00Z", 47.1, 9.5),
        null
    ]);
    let answer = bob.reports_positions(points).await.ok();
    let rejected = json!([
        {"index": 1, "code": "NO_FIX"}, {"index": 2, "code": "INVALID_POINT"}, {"index": 3, "code": "OUT_OF_RANGE"},
        {"index": 4, "code": "FUTURE"}, {"index": 7, "code": "INVALID_POINT"}
    ]);
    assert_eq!(counts(&answer), (3, 0, rejected));
    let all_bad = bob.reports_positions(json!([point(&ago(1), 0.0, 0.0)])).await.ok();
    assert_eq!(counts(&all_bad), (0, 0, json!([{"index": 0, "code": "NO_FIX"}])));
    assert_eq!(counts(&bob.reports_positions(json!([])).await.ok()), (0, 0, json!([])));
}

#[tokio::test]
async fn nobody_is_followed_off_shift() {
    let app = App::start().await;
    let ann = app.owner().await;
    let tomorrow = (Utc::now() + TimeDelta::days(2)).format("%a").to_string().to_lowercase();
    let hours = json!([{"weekday": tomorrow, "start": "08:00", "end": "09:00"}]);
    let bob = ann.hires_worker(json!({"timeZone": "UTC", "workingHours": hours})).await;
    let answer = bob.reports_positions(json!([point(&ago(1), 47.1, 9.5)])).await.ok();
    assert_eq!(counts(&answer), (0, 0, json!([{"index": 0, "code": "OFF_SHIFT"}])));
    assert_eq!(ann.track_of(&bob).await.ok().body["data"], json!([]), "it is not kept");
    let live = ann.live_of(&bob).await;
    assert_eq!((&live["presence"], &live["onShift"]), (&json!("never"), &json!(false)));
}

#[tokio::test]
async fn positions_are_for_those_they_concern() {
    let app = App::start().await;
    let ann = app.owner().await;
    let (bob, eve) = (ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await);
    let stranger = app.owner().await;
    bob.reports_positions(json!([point(&ago(1), 47.14, 9.52)])).await.ok();
    app.anonymous().reports_positions(json!([])).await.refused(401, "UNAUTHENTICATED");
    app.anonymous().track_of(&bob).await.refused(401, "UNAUTHENTICATED");
    ann.reports_positions(json!([point(&ago(1), 47.1, 9.5)])).await.refused(403, "FORBIDDEN");
    eve.track_of(&bob).await.refused(404, "NOT_FOUND");
    stranger.track_of(&bob).await.refused(404, "NOT_FOUND");
    eve.get("/api/v1/workers/nearby?lat=47&lng=9").await.refused(403, "FORBIDDEN");
    let soon_near = || async { ann.near("").await.len() == 1 };
    soon("bob is near", soon_near).await;
    assert!(stranger.near("").await.is_empty());
}

#[tokio::test]
async fn a_malformed_report_is_refused_whole() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    bob.post("/api/v1/positions", json!({"data": {}})).await.refused(400, "VALIDATION_ERROR");
    bob.post("/api/v1/positions", json!([])).await.refused(400, "VALIDATION_ERROR");
    let wrong_type = json!({"data": {"type": "job", "attributes": {"points": []}}});
    bob.post("/api/v1/positions", wrong_type).await.refused(400, "VALIDATION_ERROR");
    let many: Vec<Value> = (0..1_001).map(|n| point(&ago(n), 47.1, 9.5)).collect();
    bob.reports_positions(json!(many)).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(counts(&bob.reports_positions(json!(many[..1_000])).await.ok()), (1_000, 0, json!([])));
}

#[tokio::test]
async fn without_a_flush_nothing_is_acknowledged() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let mut owner = connect(&app.db().owner_url).await;
    execute(&mut owner, "REVOKE INSERT ON tracks FROM muster_server").await;
    let report = json!([point(&ago(1), 47.1, 9.5)]);
    let refused = bob.reports_positions(report.clone()).await.is(503);
    assert!(refused.header("retry-after").is_some());
    execute(&mut owner, "GRANT INSERT ON tracks TO muster_server").await;
    assert_eq!(counts(&bob.reports_positions(report).await.ok()), (1, 0, json!([])), "and it is no duplicate");
}

#[tokio::test]
async fn the_nearest_available_come_first() {
    let app = App::start().await;
    let ann = app.owner().await;
    let far = ann.hires_worker(json!({"skills": ["gas"]})).await;
    let near = ann.hires_worker(json!({"skills": ["water"]})).await;
    let old = ann.hires_worker(json!({"skills": ["gas"]})).await;
    far.reports_positions(json!([point(&ago(1), 47.20, 9.52)])).await.ok();
    near.reports_positions(json!([point(&ago(1), 47.15, 9.52)])).await.ok();
    old.reports_positions(json!([point(&ago(3_600), 47.14, 9.52)])).await.ok();
    soon("both are known", || async { ann.near("").await.len() == 2 }).await;
    let ids = |found: &[Value]| found.iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    let found = ann.near("").await;
    assert_eq!(ids(&found), [json!(near.id), json!(far.id)]);
    let distance_m = found[0]["attributes"]["distanceM"].as_f64().expect("metres");
    assert!((1_100.0..1_125.0).contains(&distance_m), "{distance_m}");
    assert_eq!(ids(&ann.near("&skills=GAS").await), [json!(far.id)]);
    assert_eq!(ids(&ann.near("&limit=1").await), [json!(near.id)]);
    ann.get("/api/v1/workers/nearby?lat=47").await.refused(400, "VALIDATION_ERROR");
    ann.get("/api/v1/workers/nearby?lat=47&lng=9&colour=red").await.refused(400, "VALIDATION_ERROR");
    let live = ann.live_of(&near).await;
    assert_eq!((&live["presence"], &live["reason"]), (&json!("online"), &json!("REPORTING")));
}

#[tokio::test]
async fn a_worker_who_left_is_followed_no_more() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = ann.gives_phone(&bob).await;
    bob.reports_positions(json!([point(&ago(1), 47.14, 9.52)])).await.ok();
    assert!(ann.delete(&format!("/api/v1/workers/{}", bob.id)).await.status < 300);
    bob.reports_positions(json!([point(&ago(0), 47.14, 9.52)])).await.is(401);
    soon("his phone is refused", || async {
        let answer = app.anonymous().get(&format!("/ingest/osmand?id={token}&lat=47.1&lon=9.5")).await;
        answer.status == 401
    })
    .await;
    soon("he is not near", || async { ann.near("").await.is_empty() }).await;
}

#[tokio::test]
async fn over_the_socket_too_nothing_is_acknowledged_before_it_is_durable() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let mut phone = bob.streams().await;
    let report = json!({"type": "position", "points": [point(&ago(1), 47.1, 9.5)]});
    let mut owner = connect(&app.db().owner_url).await;
    execute(&mut owner, "REVOKE INSERT ON tracks FROM muster_server").await;
    phone.say(report.clone()).await;
    assert_eq!(phone.frame("error").await["code"], "UNAVAILABLE");
    execute(&mut owner, "GRANT INSERT ON tracks TO muster_server").await;

    // While somebody keeps the table to himself the flush waits, and so does the answer.
    execute(&mut owner, "BEGIN").await;
    execute(&mut owner, "LOCK TABLE tracks IN SHARE MODE").await;
    phone.say(report.clone()).await;
    assert!(phone.is_silent().await, "not yet durable");
    execute(&mut owner, "COMMIT").await;
    let accepted = phone.frame("accepted").await;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM tracks").fetch_one(&mut owner).await.expect("a count");
    assert_eq!((&accepted["count"], &accepted["rejected"], count), (&json!(1), &json!([]), 1));
    assert_eq!(accepted["profile"], json!({"intervalS": 30, "distanceM": 50}));
    phone.say(report).await;
    assert_eq!(phone.frame("accepted").await["count"], 1, "a repetition is as good");
}
