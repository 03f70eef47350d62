//! What phones really send: recorded requests of the apps that people have, and a recorded drive sent as a phone would.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use muster::cli::replay::{Replay, Summary, run};
use serde_json::{Value, json};
use sqlx::Row;

use crate::harness::app::App;
use crate::harness::cluster::connect;
use crate::harness::person::Person;
use crate::{path, read};

async fn gives_phone(ann: &Person, bob: &Person) -> String {
    let device = json!({"data": {"type": "device", "attributes": {"workerId": bob.id}}});
    let made = ann.post("/api/v1/devices", device).await.created();
    made.attributes()["token"].as_str().expect("shown once").to_owned()
}

/// Every stored point, in device-time order.
async fn stored(app: &App) -> Vec<(f64, f64, DateTime<Utc>)> {
    let mut owner = connect(&app.db().owner_url).await;
    let rows = sqlx::query("SELECT lat, lng, at FROM tracks ORDER BY at, point").fetch_all(&mut owner).await;
    rows.expect("rows").iter().map(|row| (row.get("lat"), row.get("lng"), row.get("at"))).collect()
}

fn samples(format: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_str(&read("wire/location_client_payloads.json")).expect("JSON");
    let found: Vec<Value> =
        all.into_iter().filter(|one| one["format"] == format).map(|one| one["request"].clone()).collect();
    assert!(!found.is_empty(), "no sample of {format}");
    found
}

/// Sends a recorded request and answers with its status and body.
async fn send(app: &App, method: &str, path: &str, body: Option<Value>) -> (u16, String) {
    let method = method.parse().expect("a method");
    let mut request = app.http().request(method, app.url(path));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

#[tokio::test]
async fn every_recorded_request_of_osmand_is_understood() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = gives_phone(&ann, &bob).await;
    let mut expected = Vec::new();
    for sample in samples("osmand-query") {
        let recorded = sample["path"].as_str().expect("a path").trim_start_matches("/?");
        let pairs: Vec<String> = recorded
            .split('&')
            .map(|pair| if pair.starts_with("id=") { format!("id={token}") } else { pair.to_owned() })
            .collect();
        let value = |name: &str| -> Option<f64> {
            pairs.iter().find_map(|pair| pair.strip_prefix(name)).map(|text| text.parse().expect("a number"))
        };
        let place = value("lat=").zip(value("lon="));
        let query = pairs.join("&");
        for method in sample["method"].as_str().expect("methods").split('|') {
            let (status, _) = send(&app, method, &format!("/ingest/osmand?{query}"), None).await;
            assert_eq!(status, if place.is_some() { 200 } else { 400 }, "{method} {query}");
        }
        // Without a time of its own each request is another point.
        let times = if query.contains("timestamp=") { 1 } else { 2 };
        expected.extend(place.into_iter().flat_map(|place| std::iter::repeat_n(place, times)));
    }
    let mut found: Vec<(f64, f64)> = stored(&app).await.into_iter().map(|(lat, lng, _)| (lat, lng)).collect();
    found.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    expected.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    assert_eq!(found, expected);
    let times: Vec<DateTime<Utc>> = stored(&app).await.into_iter().map(|(.., at)| at).collect();
    for recorded in ["2013-08-22T13:14:27Z", "2014-06-04T09:10:11Z", "2016-01-27T18:55:47Z", "2017-09-07T05:56:50Z"] {
        assert!(times.contains(&recorded.parse().expect("an instant")), "{recorded} not in {times:?}");
    }
}

#[tokio::test]
async fn every_recorded_message_of_owntracks_and_traccar_is_understood() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let token = gives_phone(&ann, &bob).await;
    let mut expected = 0;
    for sample in samples("owntracks-http") {
        let path = format!("/ingest/owntracks?token={token}");
        let answer = send(&app, "POST", &path, Some(sample["body"].clone())).await;
        assert_eq!(answer, (200, "[]".to_owned()), "{sample}");
        let at = DateTime::from_timestamp(sample["body"]["tst"].as_i64().expect("seconds"), 0).expect("in range");
        let place = (sample["body"]["lat"].as_f64().expect("lat"), sample["body"]["lon"].as_f64().expect("lon"), at);
        assert!(stored(&app).await.contains(&place), "{sample}");
        expected += 1;
    }
    for sample in samples("traccar-client-json") {
        let mut body = sample["body"].clone();
        body["device_id"] = json!(token);
        let (status, text) = send(&app, "POST", "/ingest/osmand", Some(body.clone())).await;
        assert_eq!(status, 200, "{text} {sample}");
        let (coords, at) = (&body["location"]["coords"], body["location"]["timestamp"].as_str().expect("a time"));
        let lat_lng = (coords["latitude"].as_f64().expect("lat"), coords["longitude"].as_f64().expect("lng"));
        let at = at.parse().expect("an instant");
        assert!(stored(&app).await.contains(&(lat_lng.0, lat_lng.1, at)), "{sample}");
        expected += 1;
    }
    assert_eq!(stored(&app).await.len(), expected);
}

#[tokio::test]
async fn a_recorded_drive_arrives_whole_and_in_order() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let replay = Replay {
        file: path("traces/CityDrive.gpx"),
        url: app.url(""),
        token: bob.token.clone(),
        device_token: None,
        speed: 0.0,
        start: Some("2026-06-01T08:00:00Z".parse().expect("an instant")),
    };
    let summary = run(replay).await.expect("it is sent");
    assert_eq!(summary, Summary { sent: 2_240, accepted: 2_240, duplicates: 0, rejected: 0 });
    let path = format!("/api/v1/workers/{}/track?from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z", bob.id);
    let track = ann.get(&path).await.ok();
    let seen: Vec<(f64, f64)> = track.body["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|point| &point["attributes"])
        .map(|point| (point["lat"].as_f64().expect("lat"), point["lng"].as_f64().expect("lng")))
        .collect();
    let recorded = muster::cli::gpx::read(&read("traces/CityDrive.gpx")).expect("GPX");
    let recorded: Vec<(f64, f64)> = recorded.iter().map(|fix| (fix.place.lat, fix.place.lng)).collect();
    assert_eq!(seen, recorded);
}

#[tokio::test]
async fn a_phone_with_a_token_drives_too() {
    let app = App::start().await;
    let ann = app.owner().await;
    let bob = ann.hires_worker(json!({})).await;
    let drive = read("traces/CityDrive.gpx");
    let beginning: String = drive.lines().filter(|line| line.contains("<wpt")).take(20).collect();
    let file: PathBuf = std::env::temp_dir().join(format!("muster-drive-{}.gpx", uuid::Uuid::now_v7().simple()));
    std::fs::write(&file, format!("<gpx>{beginning}</gpx>")).expect("written");
    let replay = Replay {
        file: file.clone(),
        url: app.url(""),
        token: None,
        device_token: Some(gives_phone(&ann, &bob).await),
        speed: 200.0,
        start: None,
    };
    let summary = run(replay).await.expect("it is sent");
    std::fs::remove_file(&file).expect("ours");
    assert_eq!((summary.sent, summary.accepted), (20, 20));
    let points = stored(&app).await;
    assert_eq!(points.len(), 20);
    assert!(points.iter().all(|(.., at)| (Utc::now() - at).num_seconds() < 60), "sent as of now");
}
