//! What phones really send: recorded requests of the apps that people have, and a recorded drive sent as a phone would.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use muster::cli::replay::{Replay, Summary, run};
use serde_json::{Value, json};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::harness::app::App;
use crate::harness::cluster::connect;
use crate::harness::person::Person;
use crate::{path, read};

async fn gives_phone(ann: &Person, bob: &Person) -> String {
    let device = json!({"data": {"type": "device", "attributes": {"workerId": bob.id}}});
    let made = ann.post("/api/v1/devices", device).await.created();
    made.attributes()["token"].as_str().expect("shown once").to_owned()
}

/// What the server is to make of a sample. `at`: `None` is as it arrived.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    lat: f64,
    lng: f64,
    at: Option<&'static str>,
    speed_mps: Option<f32>,
    accuracy_m: Option<f32>,
    battery_pct: Option<f32>,
    heading_deg: Option<f32>,
}

fn of(lat: f64, lng: f64, at: &'static str) -> Expected {
    Expected { lat, lng, at: Some(at), ..Expected::default() }
}

/// One line for each sample of the file, in its order; `None` carries no position.
fn expected() -> Vec<Option<Expected>> {
    let gpslogger = "2016-03-05T19:24:29.949Z";
    let unsaid = |lat, lng| Expected { lat, lng, ..Expected::default() };
    // The recordings of the older Traccar Client hold only its address: what it appends is in `request`.
    let older = || Some(Expected { speed_mps: Some(5.144_444_4), heading_deg: Some(90.0), ..of(20.0, 30.0, OLDER_AT) });
    vec![
        Some(Expected {
            speed_mps: Some(0.0),
            accuracy_m: Some(5.0),
            battery_pct: Some(100.0),
            ..of(37.4219983, -122.084, "2025-06-15T13:45:12.862Z")
        }),
        Some(Expected { accuracy_m: Some(5.0), ..of(37.785834, -122.406417, "2025-05-09T04:11:30.579Z") }),
        None,
        Some(Expected { speed_mps: Some(0.0), ..of(42.06288, -88.23412, "2016-01-27T18:55:47Z") }),
        Some(Expected { speed_mps: Some(0.0), ..of(49.60688, 6.15788, "2014-06-04T09:10:11Z") }),
        Some(of(60.0, 30.0, "2013-08-22T13:14:27Z")),
        Some(Expected { speed_mps: Some(0.0), battery_pct: Some(87.0), ..unsaid(41.666667, -0.883333) }),
        Some(Expected {
            speed_mps: Some(20.577_778),
            heading_deg: Some(7.198_898),
            ..of(40.7232948571, -74.0061408571, "2017-09-07T05:56:50Z")
        }),
        Some(Expected {
            speed_mps: Some(0.0),
            accuracy_m: Some(15.0),
            battery_pct: Some(46.0),
            ..of(46.0681247, 11.1512805, "2019-03-06T12:21:18Z")
        }),
        Some(Expected {
            speed_mps: Some(16.944_445),
            accuracy_m: Some(5.0),
            battery_pct: Some(67.0),
            heading_deg: Some(271.0),
            ..of(48.85833, 2.29513, "2017-06-13T10:21:56Z")
        }),
        Some(Expected { accuracy_m: Some(5.0), ..of(37.0, -122.0, "2025-01-06T10:59:29Z") }),
        Some(Expected {
            speed_mps: Some(4.0),
            accuracy_m: Some(30.0),
            battery_pct: Some(80.0),
            ..of(37.3318, -122.030581, "2015-10-01T15:00:00Z")
        }),
        older(),
        older(),
        older(),
        Some(Expected {
            // The sample says 9005: nobody is so fast.
            speed_mps: None,
            accuracy_m: Some(8.0),
            battery_pct: Some(91.0),
            heading_deg: Some(359.0),
            ..of(12.193, 19.111, gpslogger)
        }),
        Some(unsaid(12.193, 19.111)),
        Some(Expected { speed_mps: Some(0.0), heading_deg: Some(0.0), ..of(12.193, 19.111, gpslogger) }),
        Some(Expected { speed_mps: Some(0.0), heading_deg: Some(0.0), ..of(12.193, 19.456, gpslogger) }),
        Some(Expected { speed_mps: Some(0.0), heading_deg: Some(0.0), ..of(12.193, 19.456, gpslogger) }),
        Some(of(12.193, 19.456, gpslogger)),
    ]
}

const OLDER_AT: &str = "1989-08-16T00:00:00Z";
const OLDER: &str = "timestamp=619228800&lat=20.0&lon=30.0&speed=10.0&bearing=90.0&altitude=0.0&accuracy=0.0&batt=0.0";

/// A request as it was recorded, at our paths and with our token.
struct Request {
    methods: Vec<&'static str>,
    path: String,
    body: Option<Value>,
    thanks: &'static str,
}

fn request(sample: &Value, token: &str) -> Request {
    let request = &sample["request"];
    let mut body = request.get("body").cloned();
    let with_id = |query: &str| {
        let others = query.split('&').filter(|pair| !pair.starts_with("id="));
        others.fold(format!("id={token}"), |query, pair| format!("{query}&{pair}"))
    };
    let after = |text: &Value| text.as_str().expect("a URL").split_once('?').expect("a query").1.to_owned();
    let (methods, path, thanks) = match sample["format"].as_str().expect("a format") {
        "traccar-client-json" => {
            body.as_mut().expect("a body")["device_id"] = json!(token);
            (vec!["POST"], "/".to_owned(), "")
        }
        "osmand-query" => (vec!["GET", "POST"], format!("/?{}", with_id(&after(&request["path"]))), ""),
        "traccar-client-android-legacy" => (vec!["POST"], format!("/ingest/osmand?{}", with_id(OLDER)), ""),
        "gpslogger-custom-url" => {
            let query = with_id(&after(&sample["url_or_template"]));
            (vec!["GET", "POST"], format!("/ingest/osmand?{query}"), "")
        }
        "owntracks-http" => (vec!["POST"], format!("/ingest/owntracks?token={token}"), "[]"),
        "overland" => (vec!["POST"], format!("/ingest/overland?token={token}"), r#"{"result":"ok"}"#),
        other => panic!("nobody has said yet how {other} is to be answered"),
    };
    Request { methods, path, body, thanks }
}

/// What is kept of a worker, with the time that the phone gave, if it gave one.
async fn kept(app: &App, worker: &Person, is_timed: bool) -> Vec<(Expected, DateTime<Utc>)> {
    let mut owner = connect(&app.db().owner_url).await;
    let rows = sqlx::query("SELECT * FROM tracks WHERE worker_id = $1").bind(worker.id).fetch_all(&mut owner).await;
    let of = |row: &PgRow| {
        let expected = Expected {
            lat: row.get("lat"),
            lng: row.get("lng"),
            at: is_timed.then_some(""),
            speed_mps: row.get("speed_mps"),
            accuracy_m: row.get("accuracy_m"),
            battery_pct: row.get("battery_pct"),
            heading_deg: row.get("heading_deg"),
        };
        (expected, row.get("at"))
    };
    rows.expect("rows").iter().map(of).collect()
}

#[tokio::test]
async fn every_recorded_request_is_understood_as_written_down_and_thanked_for() {
    let app = App::start().await;
    let ann = app.owner().await;
    let samples: Vec<Value> = serde_json::from_str(&read("wire/location_client_payloads.json")).expect("JSON");
    let expected = expected();
    assert_eq!(samples.len(), expected.len(), "every sample has its line");
    for (sample, expected) in samples.iter().zip(expected) {
        for method in request(sample, "").methods {
            let bob = ann.hires_worker(json!({})).await;
            let Request { path, body, thanks, .. } = request(sample, &gives_phone(&ann, &bob).await);
            let began = Utc::now();
            let answer = send(&app, method, &path, body).await;
            assert_eq!(answer, (200, thanks.to_owned()), "{method} {sample}");
            let at = expected.as_ref().and_then(|expected| expected.at);
            let mut found = kept(&app, &bob, at.is_some()).await;
            let Some(expected) = &expected else {
                assert!(found.is_empty(), "{sample}");
                continue;
            };
            let (mut found, found_at) = found.pop().filter(|_| found.is_empty()).expect("one point");
            match at {
                Some(at) => {
                    found.at = Some(at);
                    assert_eq!(found_at, at.parse::<DateTime<Utc>>().expect("an instant"), "{sample}");
                }
                None => assert!((found_at - began).num_seconds().abs() < 10, "{sample}"),
            }
            assert_eq!(&found, expected, "{method} {sample}");
        }
    }
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
    let points = kept(&app, &bob, false).await;
    assert_eq!(points.len(), 20);
    assert!(points.iter().all(|(_, at)| (Utc::now() - at).num_seconds() < 60), "sent as of now");
}
