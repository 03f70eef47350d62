//! Bad days of phones, from outside: wrong clocks, noise, made-up places, silence, and people who do not wish to be
//! followed.

use std::time::Duration;

use chrono::Utc;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::app::App;
use crate::harness::cluster::{connect, execute};
use crate::harness::person::{Answer, Person};
use crate::positions::ago;

const NORTH_OF_VADUZ: f64 = 47.14;

/// So many metres north of home, so many seconds ago.
fn fix(s: i64, north_m: f64) -> Value {
    json!({"at": ago(s), "lat": NORTH_OF_VADUZ + north_m / 111_195.0, "lng": 9.52, "accuracyM": 5.0})
}

impl Person {
    async fn tells(&self, attributes: Value) -> Answer {
        self.post("/api/v1/positions", json!({"data": {"type": "positionBatch", "attributes": attributes}})).await
    }
    async fn speaks_for(&self, worker: &Person, attributes: Value) -> Answer {
        let body = json!({"data": {"type": "worker", "attributes": attributes}});
        self.patch(&format!("/api/v1/workers/{}", worker.id), body).await
    }
    async fn looks_at(&self, worker: &Person) -> Value {
        self.get(&format!("/api/v1/workers/{}", worker.id)).await.ok().attributes().clone()
    }
    async fn is_offered(&self) -> Vec<Value> {
        let found = self.get("/api/v1/workers/nearby?lat=47.14&lng=9.52").await.ok();
        found.body["data"].as_array().expect("a list").iter().map(|one| one["id"].clone()).collect()
    }
}

/// The radar hears of a report just after it was taken.
async fn soon(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never: {what}");
}

fn flags(track: &Answer) -> Vec<Value> {
    track.body["data"].as_array().expect("a list").iter().map(|one| one["attributes"]["flags"].clone()).collect()
}

#[tokio::test]
async fn a_clock_two_hours_ahead_is_taken_off_when_the_phone_says_when_it_sent() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let ahead = 7_200;
    let told = bob.tells(json!({"points": [fix(-ahead + 5, 0.0)]})).await.ok();
    assert_eq!(
        told.attributes()["rejected"],
        json!([{"index": 0, "code": "FUTURE"}]),
        "nothing says how far it is off"
    );
    soon("the office is told why", async || ann.looks_at(&bob).await["live"]["reason"] == "CLOCK_WRONG").await;

    let sent = json!({"sentAt": ago(-ahead), "points": [fix(-ahead + 60, 0.0), fix(-ahead + 5, 300.0)]});
    assert_eq!(bob.tells(sent).await.ok().attributes()["accepted"], 2);
    soon("he is shown", async || ann.looks_at(&bob).await["live"]["lat"].is_number()).await;
    let live = ann.looks_at(&bob).await["live"].clone();
    let at: chrono::DateTime<Utc> = live["at"].as_str().and_then(|at| at.parse().ok()).expect("an instant");
    let age_s = (Utc::now() - at).num_seconds();
    assert!((0..60).contains(&age_s), "neither in the future nor fresher than it is: {age_s}");
    assert_eq!((&live["presence"], &live["reason"]), (&json!("online"), &json!("CLOCK_WRONG")));
    assert_eq!(ann.is_offered().await, [json!(bob.id)]);
    let range = format!("/api/v1/workers/{}/track?from={}&to={}", bob.id, ago(0), ago(-3 * 3_600));
    let track = ann.get(&range).await.ok();
    let first = &track.body["data"][0]["attributes"];
    assert!(first["sentAt"].is_string() && first["receivedAt"].is_string(), "{first}");
    let error_ms = first["clockAheadMs"].as_i64().expect("milliseconds") - ahead * 1_000;
    assert!((-10_000..=1_000).contains(&error_ms), "{error_ms}");

    bob.tells(json!({"sentAt": "soon", "points": []})).await.refused(400, "VALIDATION_ERROR");
    let next = json!({"sentAt": ago(0), "points": [fix(1, 400.0)]});
    assert_eq!(bob.tells(next).await.ok().attributes()["accepted"], 1);
    soon("a clock that was set counts at once", async || {
        let live = ann.looks_at(&bob).await["live"].clone();
        live["reason"] == "REPORTING" && live["lat"].as_f64().is_some_and(|lat| lat > NORTH_OF_VADUZ + 0.003)
    })
    .await;
}

#[tokio::test]
async fn noise_is_kept_and_flagged_and_moves_nobody() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let mut mock = fix(40, 250.0);
    mock["mock"] = json!(true);
    let mut coarse = fix(30, 900.0);
    coarse["accuracyM"] = json!(2_000.0);
    let points = json!([fix(60, 0.0), fix(50, 200.0), mock, coarse, fix(20, 400.0), fix(10, 90_000.0)]);
    assert_eq!(bob.tells(json!({"points": points})).await.ok().attributes()["accepted"], 6);
    soon("he is shown", async || ann.looks_at(&bob).await["live"]["lat"].is_number()).await;
    let lat = ann.looks_at(&bob).await["live"]["lat"].as_f64().expect("a number");
    assert!((lat - NORTH_OF_VADUZ - 400.0 / 111_195.0).abs() < 1e-9, "{lat}");
    let track = ann.track_of(&bob).await.ok();
    assert_eq!(
        flags(&track),
        [json!([]), json!([]), json!(["mock"]), json!(["inaccurate"]), json!([]), json!(["jump"])]
    );
    assert_eq!(track.body["meta"]["usedPoints"], 3);
    let distance_m = track.body["meta"]["distanceM"].as_f64().expect("metres");
    assert!((399.0..401.0).contains(&distance_m), "{distance_m}");

    let beyond = json!([fix(8, 90_100.0), fix(6, 90_200.0)]);
    bob.tells(json!({"points": beyond})).await.ok();
    soon("what two more points confirm is believed", async || {
        ann.looks_at(&bob).await["live"]["lat"].as_f64().is_some_and(|lat| lat > 47.9)
    })
    .await;
    let track = ann.track_of(&bob).await.ok();
    assert!(flags(&track)[5..].iter().all(|flags| *flags == json!([])), "{:?}", flags(&track));
    let distance_m = track.body["meta"]["distanceM"].as_f64().expect("metres");
    assert!(distance_m < 1_000.0, "nobody drove that: {distance_m}");
}

#[tokio::test]
async fn what_comes_late_is_history() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    bob.tells(json!({"points": [fix(20, 1_000.0)]})).await.ok();
    soon("he is shown", async || ann.looks_at(&bob).await["live"]["lat"].is_number()).await;
    bob.tells(json!({"points": [fix(1_200, 0.0), fix(900, 300.0)]})).await.ok();
    let track = ann.track_of(&bob).await.ok();
    assert_eq!(flags(&track), [json!(["late"]), json!(["late"]), json!([])]);
    assert_eq!(track.body["meta"]["usedPoints"], 3, "late is not wrong");
    let lat = ann.looks_at(&bob).await["live"]["lat"].as_f64().expect("a number");
    assert!((lat - NORTH_OF_VADUZ - 1_000.0 / 111_195.0).abs() < 1e-9, "{lat}");
}

#[tokio::test]
async fn a_phone_says_what_is_wrong_with_it() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let refused = bob.tells(json!({"trouble": "boredom", "points": []})).await;
    let refused = refused.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.sources(), ["/data/attributes/trouble"]);
    for (trouble, reason) in [
        ("permissionDenied", "PERMISSION_DENIED"),
        ("locationOff", "LOCATION_OFF"),
        ("airplaneMode", "AIRPLANE_MODE"),
        ("powerSaving", "POWER_SAVING"),
    ] {
        bob.tells(json!({"trouble": trouble, "points": []})).await.ok();
        soon(reason, async || ann.looks_at(&bob).await["live"]["reason"] == reason).await;
    }
    bob.tells(json!({"points": [fix(1, 0.0)]})).await.ok();
    soon("it is well again", async || ann.looks_at(&bob).await["live"]["reason"] == "REPORTING").await;
}

#[tokio::test]
async fn who_withdraws_his_consent_is_followed_no_more_from_that_moment() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let (dee, stranger) = (ann.hires("dispatcher").await, app.owner().await);
    assert_eq!(ann.looks_at(&bob).await["trackingConsent"], true, "phones of before go on");
    let mut map = ann.streams().await;
    map.say(json!({"type": "subscribe", "id": "map", "topic": "workers", "tickMs": 25})).await;
    map.frame("snapshot").await;
    bob.tells(json!({"points": [fix(2, 0.0)]})).await.ok();
    let mark = map.frame("delta").await["up"][0].clone();
    assert_eq!((&mark["reason"], &mark["available"]), (&json!("REPORTING"), &json!(true)));

    let no = json!({"trackingConsent": false});
    for other in [&ann, &dee] {
        let refused = other.speaks_for(&bob, no.clone()).await.refused(403, "FORBIDDEN");
        assert_eq!(refused.sources(), ["/data/attributes/trackingConsent"]);
    }
    stranger.speaks_for(&bob, no.clone()).await.refused(404, "NOT_FOUND");
    app.anonymous().speaks_for(&bob, no.clone()).await.refused(401, "UNAUTHENTICATED");
    bob.speaks_for(&ann, no.clone()).await.refused(404, "NOT_FOUND");
    bob.speaks_for(&bob, json!({"trackingConsent": "no"})).await.refused(400, "VALIDATION_ERROR");
    bob.speaks_for(&bob, json!({"trackingConsent": false, "skills": ["gas"]})).await.refused(403, "FORBIDDEN");

    let body = json!({"data": {"type": "worker", "attributes": no}});
    let path = format!("/api/v1/workers/{}", bob.id);
    let key = [("idempotency-key", "withdraw-1")];
    let first = bob.send(Method::PATCH, &path, &key, Some(body.clone())).await.ok();
    assert_eq!(bob.send(Method::PATCH, &path, &key, Some(body)).await.ok().body["data"], first.body["data"]);
    assert_eq!(first.attributes()["trackingConsent"], false);
    let refused = bob.tells(json!({"points": [fix(1, 50.0)]})).await.ok();
    assert_eq!(refused.attributes()["rejected"], json!([{"index": 0, "code": "NO_CONSENT"}]), "at once");
    let mut removed = map.frame("delta").await;
    while removed["rm"] == json!([]) {
        removed = map.frame("delta").await;
    }
    assert_eq!(removed["rm"], json!([bob.id]));
    let live = dee.looks_at(&bob).await["live"].clone();
    assert_eq!(
        (&live["reason"], &live["lat"], &live["presence"]),
        (&json!("NO_CONSENT"), &Value::Null, &json!("never"))
    );
    assert_eq!(ann.track_of(&bob).await.ok().body["data"].as_array().map(Vec::len), Some(1), "and nothing was stored");
    assert!(ann.is_offered().await.is_empty());
    let restarted = app.sibling().await;
    assert_eq!(ann.at(&restarted).looks_at(&bob).await["live"]["lat"], Value::Null, "also after a restart");

    bob.speaks_for(&bob, json!({"trackingConsent": true})).await.ok();
    let told = bob.tells(json!({"points": [fix(1, 60.0), fix(0, 80.0)]})).await.ok();
    assert_eq!(told.attributes()["accepted"], 1);
    let withdrawn_then = json!([{"index": 0, "code": "NO_CONSENT"}]);
    assert_eq!(told.attributes()["rejected"], withdrawn_then, "what was kept on the phone meanwhile stays his own");
    let events = ann.get("/api/v1/events").await.ok();
    let said: Vec<&Value> =
        events.body["data"].as_array().expect("a list").iter().map(|one| &one["attributes"]).collect();
    for (kind, consents) in [("worker.consentWithdrawn", false), ("worker.consentGiven", true)] {
        let found: Vec<_> = said.iter().filter(|one| one["type"] == kind).collect();
        assert_eq!(found.len(), 1, "{kind} once");
        assert!(found[0]["actor"].to_string().contains(&bob.id.to_string()), "{}", found[0]);
        assert_eq!(found[0]["worker"]["trackingConsent"], consents);
    }
}

#[tokio::test]
async fn who_cannot_take_work_is_not_offered_and_may_still_be_sent() {
    let app = App::start().await;
    let ann = app.owner().await;
    let (bob, eve) = (ann.hires_worker(json!({})).await, ann.hires_worker(json!({})).await);
    let dee = ann.hires("dispatcher").await;
    bob.tells(json!({"points": [fix(1, 0.0)]})).await.ok();
    soon("he is near", async || ann.is_offered().await.len() == 1).await;
    eve.speaks_for(&bob, json!({"available": false})).await.refused(404, "NOT_FOUND");
    dee.speaks_for(&bob, json!({"skills": ["gas"]})).await.refused(403, "FORBIDDEN");
    let said = bob.speaks_for(&bob, json!({"available": false})).await.ok();
    assert_eq!(said.attributes()["available"], false);
    soon("he is not offered", async || ann.is_offered().await.is_empty()).await;
    let seen = ann.looks_at(&bob).await;
    assert_eq!((&seen["live"]["available"], &seen["live"]["onShift"]), (&json!(false), &json!(true)));
    assert_eq!(seen["live"]["presence"], "online");
    let visit = ann.books("2027-03-01T09:00:00Z", "2027-03-01T10:00:00Z").await;
    ann.assigns(visit, &bob).await.ok();
    dee.speaks_for(&bob, json!({"available": true})).await.ok();
    soon("he is offered again", async || ann.is_offered().await == [json!(bob.id)]).await;
    let events = ann.get("/api/v1/events").await.ok();
    let kinds: Vec<&str> = events.body["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["attributes"]["type"].as_str())
        .collect();
    assert!(kinds.contains(&"worker.becameUnavailable") && kinds.contains(&"worker.becameAvailable"), "{kinds:?}");
}

#[tokio::test]
async fn going_lost_unassigns_nobody() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let visit = ann.books("2027-03-01T09:00:00Z", "2027-03-01T10:00:00Z").await;
    ann.assigns(visit, &bob).await.ok();
    let mut phone = bob.streams().await;
    phone.say(json!({"type": "position", "sentAt": ago(0), "points": [fix(1, 0.0)]})).await;
    assert_eq!(phone.frame("accepted").await["count"], 1);
    drop(phone);
    let mut owner = connect(&app.db().owner_url).await;
    let hour = "at = at - interval '1 hour', received_at = received_at - interval '1 hour'";
    execute(&mut owner, format!("UPDATE last_positions SET {hour}")).await;
    let later = app.sibling().await;
    let ann = ann.at(&later);
    soon("he is lost", async || ann.looks_at(&bob).await["live"]["presence"] == "lost").await;
    assert_eq!(ann.looks_at(&bob).await["live"]["reason"], "SILENT");
    let held = ann.get(&format!("/api/v1/visits/{visit}")).await.ok();
    assert!(held.body.to_string().contains(&bob.id.to_string()), "{}", held.body);
}

#[tokio::test]
async fn an_app_that_may_not_locate_says_so_in_its_own_words() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = ann.gives_phone(&bob).await;
    for (provider, reason) in [
        (json!({"enabled": true, "status": 2}), "PERMISSION_DENIED"),
        (json!({"enabled": true, "status": 3, "accuracyAuthorization": 1}), "PERMISSION_DENIED"),
        (json!({"enabled": false, "status": 3}), "LOCATION_OFF"),
        (json!({"enabled": true, "status": 3, "accuracyAuthorization": 0}), "REPORTING"),
    ] {
        let coords = json!({"latitude": 47.14, "longitude": 9.52, "accuracy": 5.0});
        let location = json!({"event": "providerchange", "timestamp": ago(0), "coords": coords, "provider": provider});
        let path = format!("/ingest/transistor?token={token}");
        app.anonymous().post(&path, json!({"location": location})).await.ok();
        soon(reason, async || ann.looks_at(&bob).await["live"]["reason"] == reason).await;
    }
}
