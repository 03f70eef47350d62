//! Phones with a token of their own, and the apps that people already have.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::App;
use crate::harness::person::{Answer, Person};

impl Person {
    /// The token of a new phone for this worker.
    pub async fn gives_phone(&self, worker: &Person) -> String {
        let made = self.makes_device(worker.id).await.created();
        made.attributes()["token"].as_str().expect("shown once").to_owned()
    }

    pub async fn makes_device(&self, worker: Uuid) -> Answer {
        let device = json!({"workerId": worker, "label": "Bob's phone"});
        self.post("/api/v1/devices", json!({"data": {"type": "device", "attributes": device}})).await
    }

    /// As an app would, with exactly this body.
    async fn ingests(&self, path: &str, kind: &str, body: &str) -> Answer {
        let request = self.app.http().post(self.app.url(path)).header("content-type", kind).body(body.to_owned());
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }
}

async fn points_of(ann: &Person, bob: &Person) -> Vec<Value> {
    let path = format!("/api/v1/workers/{}/track?from=2025-06-15T00:00:00Z&to=2025-06-16T00:00:00Z", bob.id);
    let track = ann.get(&path).await.ok();
    track.body["data"].as_array().expect("a list").iter().map(|point| point["attributes"].clone()).collect()
}

#[tokio::test]
async fn a_token_is_shown_once_and_speaks_for_positions_alone() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let made = ann.makes_device(bob.id).await.created();
    let token = made.attributes()["token"].as_str().expect("shown once").to_owned();
    assert!(token.starts_with("mdt_") && token.len() == 68, "{token}");
    let setup = &made.attributes()["setup"];
    let traccar = setup["traccar"].as_str().expect("a link");
    assert!(traccar.starts_with(&format!("http://{}/ingest/osmand?id={token}&", app.addr())), "{traccar}");
    let listed = ann.get("/api/v1/devices").await.ok();
    assert_eq!(listed.body["data"][0]["id"], json!(made.id()));
    assert!(
        !listed.text.contains("mdt_")
            && !ann.get(&format!("/api/v1/devices/{}", made.id())).await.ok().text.contains("mdt_")
    );

    let phone = Person::new(app.clone(), Some(token.clone()), bob.id, ann.account);
    let point = json!([{"at": "2025-06-15T13:45:12Z", "lat": 47.1, "lng": 9.5}]);
    phone.reports_positions(point).await.ok();
    phone.get("/api/v1/clients").await.refused(403, "FORBIDDEN");
    phone.track_of(&bob).await.refused(403, "FORBIDDEN");
    assert_eq!(points_of(&ann, &bob).await.len(), 1);

    ann.delete(&format!("/api/v1/devices/{}", made.id())).await.is(204);
    phone.reports_positions(json!([])).await.refused(401, "UNAUTHENTICATED");
    ann.get(&format!("/api/v1/devices/{}", made.id())).await.refused(404, "NOT_FOUND");
    ann.delete(&format!("/api/v1/devices/{}", made.id())).await.is(204);
}

#[tokio::test]
async fn phones_are_given_out_by_their_own_office() {
    let app = App::start().await;
    let (ann, stranger) = (app.owner().await, app.owner().await);
    let bob = ann.hires_worker(json!({})).await;
    let made = ann.makes_device(bob.id).await.created();
    stranger.makes_device(bob.id).await.refused(404, "NOT_FOUND");
    bob.makes_device(bob.id).await.refused(403, "FORBIDDEN");
    stranger.delete(&format!("/api/v1/devices/{}", made.id())).await.refused(404, "NOT_FOUND");
    assert_eq!(stranger.get("/api/v1/devices").await.ok().body["data"], json!([]));
    app.anonymous().makes_device(bob.id).await.refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn owntracks_hears_what_it_expects() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = ann.gives_phone(&bob).await;
    let (nobody, path, kind) = (app.anonymous(), format!("/ingest/owntracks?token={token}"), "application/json");
    let at = "2025-06-15T13:45:12Z".parse::<chrono::DateTime<chrono::Utc>>().expect("an instant").timestamp();
    let location = json!({"_type": "location", "lat": 48.85833, "lon": 2.29513, "tst": at, "vel": 36, "acc": 5,
        "batt": 67, "bs": 2, "cog": 271, "alt": 167, "t": "u"});
    for body in [location.to_string(), location.to_string(), String::new(), r#"{"_type":"lwt","tst":1}"#.to_owned()] {
        assert_eq!(nobody.ingests(&path, kind, &body).await.ok().text, "[]", "{body}");
    }
    let no_fix = json!({"_type": "location", "lat": 0.0, "lon": 0.0, "tst": at}).to_string();
    assert_eq!(nobody.ingests(&path, kind, &no_fix).await.ok().text, "[]", "refused, and not sent again");
    nobody.ingests(&path, kind, r#"{"_type":"location","tst":1}"#).await.ok();
    nobody.ingests(&path, kind, "{").await.ok();
    nobody.ingests("/ingest/owntracks?token=mdt_0", kind, &location.to_string()).await.is(401);
    nobody.ingests("/ingest/owntracks", kind, &location.to_string()).await.is(401);
    let points = points_of(&ann, &bob).await;
    assert_eq!(points.len(), 1);
    let seen =
        ["speedMps", "headingDeg", "accuracyM", "altitudeM", "batteryPct", "charging"].map(|name| &points[0][name]);
    assert_eq!(json!(seen), json!([10.0, 271.0, 5.0, 167.0, 67.0, true]));
}

#[tokio::test]
async fn osmand_and_traccar_may_say_it_in_four_ways() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = ann.gives_phone(&bob).await;
    let nobody = app.anonymous();
    let query = |s: u32| format!("id={token}&lat=47.1&lon=9.5&timestamp=2025-06-15+13:45:{s:02}&speed=10&batt=87");
    nobody.get(&format!("/ingest/osmand?{}", query(1))).await.ok();
    nobody.ingests(&format!("/ingest/osmand?{}", query(2)), "text/plain", "").await.ok();
    nobody.ingests("/ingest/osmand", "application/x-www-form-urlencoded", &query(3)).await.ok();
    let message = json!({"device_id": token, "location": {"timestamp": "2025-06-15T13:45:04.862Z", "mock": true,
        "coords": {"latitude": 37.42, "longitude": -122.084, "accuracy": 5, "speed": 3, "heading": -1, "altitude": 5},
        "battery": {"level": 1, "is_charging": false}, "activity": {"type": "still"}}});
    nobody.ingests("/ingest/osmand", "application/json", &message.to_string()).await.ok();
    let points = points_of(&ann, &bob).await;
    let speeds: Vec<f64> = points.iter().map(|point| point["speedMps"].as_f64().expect("known")).collect();
    assert!((speeds[0] - 5.144).abs() < 0.001 && speeds[..3].iter().all(|mps| *mps == speeds[0]), "{speeds:?}");
    assert_eq!((speeds[3], &points[3]["batteryPct"], &points[3]["headingDeg"]), (3.0, &json!(100.0), &Value::Null));
    assert_eq!((&points[3]["mock"], &points[3]["activity"], points.len()), (&json!(true), &json!("still"), 4));

    nobody.get(&format!("/ingest/osmand?id={token}&lat=0&lon=0")).await.ok();
    nobody.get(&format!("/ingest/osmand?id={token}&lat=47&lon=9&timestamp=soon")).await.ok();
    nobody.get(&format!("/ingest/osmand?id={token}&timestamp=1377177267&cell=257,02,16")).await.ok();
    nobody.get("/ingest/osmand?id=902064&lat=42.06&lon=-88.2").await.is(401);
    assert_eq!(points_of(&ann, &bob).await.len(), 4);
}

#[tokio::test]
async fn a_token_may_come_as_bearer_or_basic() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = ann.gives_phone(&bob).await;
    let path = "/ingest/osmand?lat=47.1&lon=9.5&timestamp=1750000000";
    let basic = |user: &str, password: Option<&str>| app.http().get(app.url(path)).basic_auth(user, password);
    assert_eq!(basic("bob", Some(&token)).send().await.expect("an answer").status(), 200);
    assert_eq!(basic(&token, Some("")).send().await.expect("an answer").status(), 200);
    assert_eq!(basic("bob", Some("secret")).send().await.expect("an answer").status(), 401);
    let bearer = Person::new(app.clone(), Some(token), bob.id, ann.account);
    bearer.send(Method::GET, path, &[], None).await.ok();
}
